//! Promises a file that one process fills from the front, record by record, without a system call each.
//!
//! Invariant: a record is there once its first byte is, and that byte is stored last; what follows the last
//! record is zero. So a reader of the file stops at the first zero and sees whole records only, also after
//! the writer was killed half-way. The file's bytes belong to the kernel from the store on, as after a
//! `write(2)`: they outlive the process.

use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU8, Ordering};

use memmap2::{MmapOptions, MmapRaw};

/// A mapped file and how far it is filled.
pub struct Page {
    map: MmapRaw,
    used: usize,
}

impl Page {
    /// Maps the first `size_bytes` of an open file, all of them allocated and zero.
    ///
    /// # Errors
    /// If it cannot be mapped.
    pub fn map(file: RawFd, size_bytes: usize) -> io::Result<Self> {
        Ok(Self { map: MmapOptions::new().len(size_bytes).map_raw(file)?, used: 0 })
    }

    /// Puts a record behind the others; false where it does not fit, or is empty, or begins with zero.
    pub fn append(&mut self, record: &[u8]) -> bool {
        let Some((&first, rest)) = record.split_first() else { return false };
        if first == 0 || record.len() > self.map.len() - self.used {
            return false;
        }
        // SAFETY: `used..used + len` is inside the mapping, which lives as long as `self`. Only this handle
        // writes there (the file is locked by its writer, and `&mut self` is one at a time), and nobody in
        // this process reads it. Its blocks are allocated, so the store cannot fault on a full disk; the file
        // is shortened only after this mapping is gone.
        let head = unsafe {
            let at = self.map.as_mut_ptr().add(self.used);
            std::ptr::copy_nonoverlapping(rest.as_ptr(), at.add(1), rest.len());
            AtomicU8::from_ptr(at)
        };
        // Release: whoever sees this byte sees the rest.
        head.store(first, Ordering::Release);
        self.used += record.len();
        true
    }

    /// Bytes that are filled.
    #[must_use]
    pub const fn used(&self) -> usize {
        self.used
    }
}
