//! Promises a file of words that all processes of a host map, made whole or not at all.
//!
//! Invariant: a file under the final name has every block allocated (a hole would be SIGBUS on a full
//! disk), a complete header and an initialised lock; `Segment` exists only over such a file of this
//! boot, version and layout.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};

use crate::admission::Books;
use crate::error::{Error, Result};
use crate::layout::{Layout, MAGIC, Tables, VERSION, fnv1a, header};
use crate::mutex::{Held, RobustMutex};
use crate::undo::Words;

/// The mapped file.
pub(crate) struct Segment {
    map: MmapRaw,
    pub tables: Tables,
    pub layout: Layout,
}

/// The words under the lock.
///
/// Ordering: every store releases and every load acquires. So the stores of a process that dies become
/// visible in program order, which is what the undo record relies on; on `x86_64` it costs nothing.
impl Words for Segment {
    fn load(&self, at: usize) -> u64 {
        self.words()[at].load(Ordering::Acquire)
    }

    fn store(&self, at: usize, value: u64) {
        self.words()[at].store(value, Ordering::Release);
    }
}

impl Segment {
    /// Makes the file beside `path` and renames it: whoever opens `path` sees all of it.
    pub fn create(path: &Path, layout: Layout, boot: &str, segment_id: u64) -> Result<Self> {
        let tables = layout.tables()?;
        let mut name = path.file_name().ok_or_else(no_name)?.to_os_string();
        name.push(format!(".{}.tmp", process::id()));
        let temporary = path.with_file_name(name);
        let made = write_new(&temporary, tables, layout, boot, segment_id)
            .and_then(|segment| fs::rename(&temporary, path).map(|()| segment).map_err(Error::from));
        if made.is_err() {
            // The first error is the one to report; what is left of the file has no meaning.
            let _ = fs::remove_file(&temporary);
        }
        made
    }

    /// Maps an existing file, if it is one of this boot and version (and of `layout`, if given).
    pub fn open(path: &Path, layout: Option<Layout>, boot: &str) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let found_bytes = file.metadata()?.len();
        let head_bytes = (header::WORDS * 8) as u64;
        if found_bytes < head_bytes {
            return Err(Error::Truncated { expected_bytes: head_bytes, found_bytes });
        }
        let map = map(&file, header::WORDS)?;
        let (stored, tables) = check_header(words_of(&map), boot)?;
        let expected_bytes = (tables.total * 8) as u64;
        if found_bytes < expected_bytes {
            return Err(Error::Truncated { expected_bytes, found_bytes });
        }
        if layout.is_some_and(|layout| layout != stored) {
            return Err(Error::OtherLayout);
        }
        let map = self::map(&file, tables.total)?;
        Ok(Self { map, tables, layout: stored })
    }

    /// All words, for lock-free use too. Those of the lock itself are never touched through this.
    pub fn words(&self) -> &[AtomicU64] {
        words_of(&self.map)
    }

    fn mutex(&self) -> RobustMutex<'_> {
        // SAFETY: the word at MUTEX is inside the mapping (the header is), 64-byte aligned (a mapping
        // starts on a page), kept for the mutex alone by the layout, and mapped as long as `self` lives.
        // `write_new` initialises it before the file gets its name, and before any lock.
        unsafe { RobustMutex::at(self.map.as_mut_ptr().add(header::MUTEX * 8).cast()) }
    }

    /// Takes the lock for `participant`, undoing first what a dead holder left half done.
    pub fn lock(&self, participant: u32) -> Result<Held<'_>> {
        let held = self.mutex().lock().map_err(Error::Lock)?;
        // A holder that died before it wrote its own name left its predecessor's, whose record is
        // disarmed: nothing is undone then, as nothing was begun.
        let owner = u32::try_from(self.load(header::OWNER)).unwrap_or(u32::MAX);
        let owner = owner.min(self.layout.workers);
        let undone = self.books(participant).recover(owner);
        if held.owner_died || undone {
            self.store(header::RECOVERIES, self.load(header::RECOVERIES) + 1);
        }
        if held.owner_died {
            held.mark_consistent().map_err(Error::Lock)?;
        }
        self.store(header::OWNER, u64::from(participant));
        Ok(held)
    }

    pub fn books(&self, participant: u32) -> Books<'_, Self> {
        Books { memory: self, tables: &self.tables, participant }
    }
}

fn no_name() -> Error {
    Error::Io(io::Error::new(io::ErrorKind::InvalidInput, "the ledger's path has no file name"))
}

fn write_new(path: &Path, tables: Tables, layout: Layout, boot: &str, segment_id: u64) -> Result<Segment> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    allocate(&file, tables.total * 8)?;
    let segment = Segment { map: map(&file, tables.total)?, tables, layout };
    segment.mutex().initialise().map_err(|errno| Error::Io(io::Error::from_raw_os_error(errno)))?;
    let head = [MAGIC, VERSION, tables.hash(), fnv1a(boot.trim().bytes()), segment_id, tables.total as u64];
    for (at, word) in (header::MAGIC..).zip(head) {
        segment.store(at, word);
    }
    for (at, word) in (header::SIZES..).zip(layout.to_words()) {
        segment.store(at, word);
    }
    for (at, word) in (header::DIRECTORY..).zip(tables.directory()) {
        segment.store(at, word);
    }
    segment.store(header::OWNER, u64::from(layout.workers));
    Ok(segment)
}

fn allocate(file: &File, bytes: usize) -> Result<()> {
    let length = libc::off_t::try_from(bytes).map_err(|_| Error::BadLayout("total"))?;
    // SAFETY: a plain system call on a descriptor that `file` owns for the duration.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, length) } {
        0 => Ok(()),
        errno => Err(Error::Io(io::Error::from_raw_os_error(errno))),
    }
}

fn map(file: &File, words: usize) -> Result<MmapRaw> {
    Ok(MmapOptions::new().len(words * 8).map_raw(file)?)
}

#[expect(clippy::cast_ptr_alignment, reason = "a mapping starts on a page")]
fn words_of(map: &MmapRaw) -> &[AtomicU64] {
    // SAFETY: the mapping is readable, writable, page-aligned, `len` bytes long and lives as long as the
    // borrow of `map`; every bit pattern is an AtomicU64, and atomics may be shared with other processes
    // (the lock's own words are covered too, but no index leads to them).
    // The file was allocated whole and nobody of this program truncates it, so no access faults.
    unsafe { std::slice::from_raw_parts(map.as_mut_ptr().cast::<AtomicU64>(), map.len() / 8) }
}

fn check_header(words: &[AtomicU64], boot: &str) -> Result<(Layout, Tables)> {
    let read = |at: usize| words[at].load(Ordering::Acquire);
    if read(header::MAGIC) != MAGIC {
        return Err(Error::NotALedger);
    }
    if read(header::VERSION) != VERSION {
        return Err(Error::Version { found: read(header::VERSION) });
    }
    let mut sizes = [0; 5];
    for (at, size) in (header::SIZES..).zip(&mut sizes) {
        *size = read(at);
    }
    let layout = Layout::from_words(sizes)?;
    let tables = layout.tables().map_err(|_| Error::OtherLayout)?;
    let listed = (header::DIRECTORY..).zip(tables.directory()).all(|(at, word)| read(at) == word);
    let total = read(header::TOTAL_WORDS) == tables.total as u64;
    if !listed || !total || read(header::LAYOUT_HASH) != tables.hash() {
        return Err(Error::OtherLayout);
    }
    if read(header::BOOT_HASH) != fnv1a(boot.trim().bytes()) {
        return Err(Error::OtherBoot);
    }
    Ok((layout, tables))
}
