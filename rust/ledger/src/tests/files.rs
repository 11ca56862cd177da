//! Making and opening: what is not a whole segment of this boot is refused by name.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::sync::Arc;

use crate::layout::header;
use crate::tests::{BOOT, Scratch, layout};
use crate::{Admission, Error, Layout, Ledger, Limits, MappedFile, Worker};

fn refusal(scratch: &Scratch, wanted: Option<Layout>, boot: &str) -> Error {
    match Ledger::open(&scratch.file(), wanted, boot) {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    }
}

fn overwrite(scratch: &Scratch, word: usize, value: u64) {
    let file = OpenOptions::new().write(true).open(scratch.file()).unwrap();
    file.write_all_at(&value.to_le_bytes(), word as u64 * 8).unwrap();
}

#[test]
fn a_new_segment_is_private_whole_and_alone_in_its_directory() {
    let scratch = Scratch::new();
    let ledger = scratch.ledger();
    let meta = fs::metadata(scratch.file()).unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(scratch.file().parent().unwrap()).unwrap().count(), 1);
    let again = Ledger::open(&scratch.file(), Some(layout()), BOOT.trim()).unwrap();
    ledger.set_config_generation(9);
    assert_eq!((again.config_generation(), again.segment_id(), again.layout()), (9, 77, layout()));
}

#[test]
fn a_second_creation_leaves_the_first_mapping_alone() {
    let scratch = Scratch::new();
    let first = scratch.ledger();
    first.set_config_generation(1);
    let second = Ledger::create(&scratch.file(), layout(), BOOT, 78).unwrap();
    assert_eq!((first.config_generation(), second.config_generation()), (1, 0));
    assert_eq!(Ledger::open(&scratch.file(), None, BOOT).unwrap().segment_id(), 78);
}

#[test]
fn another_boot_layout_or_version_is_stale() {
    let scratch = Scratch::new();
    drop(scratch.ledger());
    let other = Layout { accounts: 4, ..layout() };
    let boot = refusal(&scratch, None, "another");
    let sizes = refusal(&scratch, Some(other), BOOT);
    assert!(matches!(boot, Error::OtherBoot) && boot.is_stale(), "{boot}");
    assert!(matches!(sizes, Error::OtherLayout) && sizes.is_stale(), "{sizes}");
    overwrite(&scratch, header::VERSION, 99);
    let version = refusal(&scratch, None, BOOT);
    assert!(matches!(version, Error::Version { found: 99 }) && version.is_stale(), "{version}");
    overwrite(&scratch, header::MAGIC, 0);
    assert!(matches!(refusal(&scratch, None, BOOT), Error::NotALedger));
}

#[test]
fn a_damaged_directory_is_refused() {
    let words =
        [header::LAYOUT_HASH, header::TOTAL_WORDS, header::SIZES, header::SIZES + 4, header::DIRECTORY + 2];
    for word in words {
        for value in [0, 12_345, u64::MAX] {
            let scratch = Scratch::new();
            drop(scratch.ledger());
            overwrite(&scratch, word, value);
            let error = refusal(&scratch, None, BOOT);
            assert!(error.is_stale(), "word {word} = {value}: {error}");
        }
    }
}

#[test]
fn a_truncated_file_is_refused_at_every_length() {
    let scratch = Scratch::new();
    drop(scratch.ledger());
    let whole = fs::metadata(scratch.file()).unwrap().len();
    for bytes in [whole - 1, whole / 2, 4_096, 4_095, 100, 0] {
        OpenOptions::new().write(true).open(scratch.file()).unwrap().set_len(bytes).unwrap();
        let error = refusal(&scratch, None, BOOT);
        assert!(matches!(error, Error::Truncated { found_bytes, .. } if found_bytes == bytes), "{error}");
    }
}

#[test]
fn unsupported_sizes_are_refused_by_name() {
    let scratch = Scratch::new();
    for (bad, field) in [
        (Layout { workers: 0, ..layout() }, "workers"),
        (Layout { slots_per_worker: 65_537, ..layout() }, "slots_per_worker"),
        (Layout { histograms: u32::MAX, ..layout() }, "histograms"),
    ] {
        let result = Ledger::create(&scratch.file(), bad, BOOT, 1).map(|_| ());
        assert!(matches!(result, Err(Error::BadLayout(named)) if named == field), "{field}");
    }
    assert!(matches!(refusal(&scratch, None, BOOT), Error::Io(_)));
}

#[test]
fn indices_out_of_range_are_errors_and_stale_tickets_do_nothing() {
    let scratch = Scratch::new();
    let ledger = scratch.ledger();
    assert!(matches!(ledger.worker(4).map(|_| ()), Err(Error::OutOfRange("workers"))));
    assert!(matches!(ledger.worker_gauge(0, 8), Err(Error::OutOfRange("gauges"))));
    assert!(matches!(ledger.replay(0, 8, 0, 0), Err(Error::OutOfRange("slots"))));
    let mut worker = ledger.worker(0).unwrap();
    assert!(matches!(worker.admit(3, Limits::default(), 1, 0, 0), Err(Error::OutOfRange("accounts"))));
    let Admission::Granted { slot: old, .. } = worker.admit(0, Limits::default(), 1, 0, 0).unwrap() else {
        panic!("refused without limits");
    };
    assert!(worker.release(old, 0).unwrap() && !worker.release(old, 0).unwrap());
    let Admission::Granted { slot: new, .. } = worker.admit(0, Limits::default(), 1, 0, 0).unwrap() else {
        panic!("refused without limits");
    };
    assert_eq!(old & 0xffff, new & 0xffff, "the last slot used is the next one");
    assert!(!worker.progress(old, 1, 1) && !worker.attempt(old, 1, 1) && !worker.settle(old, 1, 0).unwrap());
    assert!(!worker.progress(0, 1, 1) && !worker.progress(u64::MAX, 1, 1));
    assert_eq!(ledger.account(0).unwrap().in_flight, 1);
}

#[test]
fn a_mapped_file_outlives_its_path_and_crosses_threads() {
    let scratch = Scratch::new();
    let path = scratch.file();
    fs::write(&path, b"ranks").unwrap();
    let mapped = Arc::new(MappedFile::open(&path).unwrap());
    fs::remove_file(&path).unwrap();
    let other = Arc::clone(&mapped);
    let read = std::thread::spawn(move || other.as_ref().as_ref().to_vec()).join().unwrap();
    assert_eq!(read, b"ranks");
    assert!(MappedFile::open(&path).is_err());
}

#[test]
fn handles_may_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Ledger>();
    crosses::<Worker>();
    crosses::<MappedFile>();
}
