//! A page is filled from the front and read by others as it is.

use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;

use crate::page::Page;
use crate::tests::Scratch;

fn made(scratch: &Scratch, size: u64) -> File {
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(scratch.file()).unwrap();
    file.set_len(size).unwrap();
    file
}

#[test]
fn records_stand_in_the_file_at_once_and_zeros_behind_them() {
    let scratch = Scratch::new();
    let file = made(&scratch, 16);
    let mut page = Page::map(file.as_raw_fd(), 16).unwrap();
    assert!(page.append(b"one\n"));
    assert!(page.append(b"three\n"));
    assert_eq!(fs::read(scratch.file()).unwrap(), b"one\nthree\n\0\0\0\0\0\0");
    assert_eq!(page.used(), 10);
}

#[test]
fn what_does_not_fit_leaves_no_trace() {
    let scratch = Scratch::new();
    let file = made(&scratch, 8);
    let mut page = Page::map(file.as_raw_fd(), 8).unwrap();
    assert!(page.append(b"12345\n"));
    assert!(!page.append(b"abc"));
    assert!(!page.append(b""));
    assert!(!page.append(b"\0a"));
    assert!(page.append(b"x\n"));
    assert!(!page.append(b"y"));
    assert_eq!(fs::read(scratch.file()).unwrap(), b"12345\nx\n");
}

#[test]
fn bytes_outlive_the_mapping() {
    let scratch = Scratch::new();
    let file = made(&scratch, 4096);
    let mut page = Page::map(file.as_raw_fd(), 4096).unwrap();
    assert!(page.append(&[b'a'; 4096]));
    drop(page);
    drop(file);
    assert_eq!(fs::read(scratch.file()).unwrap(), [b'a'; 4096]);
}
