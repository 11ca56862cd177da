//! Promises a file's bytes without a copy, shared by all processes that map it.
//!
//! Invariant: the file is one of ours, written whole, renamed into place and never changed after.

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

/// A read-only mapping; owns it, and lives apart from the path and the descriptor.
pub struct MappedFile {
    bytes: Mmap,
}

impl MappedFile {
    /// Maps `path` whole.
    ///
    /// # Errors
    /// If the file cannot be opened or mapped.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: bytes under `&[u8]` must not change. The files mapped here are made by this program,
        // private to its user, and replaced by rename only, which leaves this mapping its old contents.
        let bytes = unsafe { Mmap::map(&file)? };
        Ok(Self { bytes })
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
