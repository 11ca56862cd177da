//! Promises where every word of the segment lies, computed from five sizes.
//!
//! Invariant: tables are disjoint and start on cache lines; two builds that disagree about any offset
//! disagree about the layout hash. All offsets are in 64-bit words.

use crate::error::{Error, Result};
use crate::histogram;

/// Journal slots of a worker unless told otherwise.
pub const SLOTS_PER_WORKER: u32 = 4096;
/// Gauge words of one worker.
pub const WORKER_GAUGES: u32 = 8;
/// Longest series name in bytes, labels included.
pub const NAME_BYTES: usize = 247;

pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"headgate");
pub(crate) const VERSION: u64 = 1;

/// Header words. The lock has cache lines of its own, as has what is read without it.
pub(crate) mod header {
    pub const MAGIC: usize = 0;
    pub const VERSION: usize = 1;
    pub const LAYOUT_HASH: usize = 2;
    pub const BOOT_HASH: usize = 3;
    pub const SEGMENT_ID: usize = 4;
    pub const TOTAL_WORDS: usize = 5;
    pub const SIZES: usize = 8;
    pub const DIRECTORY: usize = 16;
    pub const CONFIG_GENERATION: usize = 24;
    pub const OWNER: usize = 32;
    pub const RECOVERIES: usize = 33;
    pub const COUNTERS_USED: usize = 34;
    pub const HISTOGRAMS_USED: usize = 35;
    pub const MUTEX: usize = 64;
    pub const WORDS: usize = 512;
}

/// Words of one account.
pub(crate) mod account {
    pub const RPM: usize = 0;
    pub const TPM: usize = 2;
    pub const IN_FLIGHT: usize = 4;
    pub const GENERATION: usize = 5;
    pub const ADMITTED: usize = 6;
    pub const SETTLED: usize = 7;
    pub const RELEASED: usize = 8;
    pub const WORDS: usize = 16;
}

/// Words of one participant's area: a worker's, or control's after the last worker.
pub(crate) mod area {
    pub const SEQUENCE: usize = 0;
    pub const REPLAYED: usize = 1;
    pub const GAUGES: usize = 8;
    pub const UNDO: usize = 16;
    pub const WORDS: usize = 64;
}

/// Words of one journal slot: one cache line.
pub(crate) mod slot {
    /// 0 = free; written last on opening, first on closing.
    pub const SEQUENCE: usize = 0;
    pub const ACCOUNT_AND_TPM: usize = 1;
    pub const GENERATION: usize = 2;
    pub const RESERVED: usize = 3;
    pub const RESERVED_AT_NS: usize = 4;
    pub const STARTED_UNIX_MS: usize = 5;
    pub const PROMPT_AND_COMPLETION: usize = 6;
    pub const ATTEMPT_AND_TARGET: usize = 7;
    pub const WORDS: usize = 8;
}

/// Words of one named series; counters and histograms begin alike.
pub(crate) mod series {
    pub const HASH: usize = 0;
    pub const NAME_LEN: usize = 1;
    pub const NAME: usize = 2;
    pub const NAME_WORDS: usize = 31;
    /// A counter's value, or a histogram's sum: the first word of a cache line that holds no name.
    pub const VALUE: usize = 40;
    pub const COUNTER_WORDS: usize = 48;
    pub const BUCKETS: usize = 41;
    pub const HISTOGRAM_WORDS: usize = (BUCKETS + super::histogram::CELLS).next_multiple_of(8);
}

/// The sizes a segment is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Worker processes (1–1,024).
    pub workers: u32,
    /// Requests in flight per worker (1–65,536); see [`SLOTS_PER_WORKER`].
    pub slots_per_worker: u32,
    /// Accounts (1–16,777,216); 128 bytes each.
    pub accounts: u32,
    /// Named counters and gauges (1–65,536); 384 bytes each.
    pub counters: u32,
    /// Named histograms (1–4,096); about 2 KiB each.
    pub histograms: u32,
}

/// First word of each table, and the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tables {
    pub areas: usize,
    pub slots: usize,
    pub accounts: usize,
    pub counters: usize,
    pub histograms: usize,
    pub total: usize,
    pub slots_per_worker: usize,
    pub workers: usize,
}

impl Layout {
    pub(crate) fn to_words(self) -> [u64; 5] {
        [self.workers, self.slots_per_worker, self.accounts, self.counters, self.histograms].map(u64::from)
    }

    pub(crate) fn from_words(words: [u64; 5]) -> Result<Self> {
        let mut sizes = [0; 5];
        for (size, word) in sizes.iter_mut().zip(words) {
            *size = u32::try_from(word).map_err(|_| Error::OtherLayout)?;
        }
        let [workers, slots_per_worker, accounts, counters, histograms] = sizes;
        Ok(Self { workers, slots_per_worker, accounts, counters, histograms })
    }

    /// Offsets of all tables.
    ///
    /// # Errors
    /// [`Error::BadLayout`] for a size out of range.
    pub(crate) fn tables(self) -> Result<Tables> {
        let bounds = [
            ("workers", self.workers, 1024),
            ("slots_per_worker", self.slots_per_worker, 1 << 16),
            ("accounts", self.accounts, 1 << 24),
            ("counters", self.counters, 1 << 16),
            ("histograms", self.histograms, 4096),
        ];
        for (field, size, most) in bounds {
            if size == 0 || size > most {
                return Err(Error::BadLayout(field));
            }
        }
        let [workers, slots_per_worker, accounts_n, counters_n, histograms_n] =
            bounds.map(|(_, size, _)| size as usize);
        let areas = header::WORDS;
        let slots = areas + (workers + 1) * area::WORDS;
        let accounts = slots + workers * slots_per_worker * slot::WORDS;
        let counters = accounts + accounts_n * account::WORDS;
        let histograms = counters + counters_n * series::COUNTER_WORDS;
        let total = histograms + histograms_n * series::HISTOGRAM_WORDS;
        Ok(Tables { areas, slots, accounts, counters, histograms, total, slots_per_worker, workers })
    }
}

impl Tables {
    pub fn directory(&self) -> [u64; 5] {
        [self.areas, self.slots, self.accounts, self.counters, self.histograms].map(|at| at as u64)
    }

    pub fn account(&self, index: u32) -> usize {
        self.accounts + index as usize * account::WORDS
    }

    pub fn area(&self, participant: u32) -> usize {
        self.areas + participant as usize * area::WORDS
    }

    pub fn slot(&self, worker: u32, index: u32) -> usize {
        self.slots + (worker as usize * self.slots_per_worker + index as usize) * slot::WORDS
    }

    pub fn counter(&self, index: u32) -> usize {
        self.counters + index as usize * series::COUNTER_WORDS
    }

    pub fn histogram(&self, index: u32) -> usize {
        self.histograms + index as usize * series::HISTOGRAM_WORDS
    }

    /// Identifies sizes, offsets and strides; the order of words inside a record is `VERSION`'s business.
    pub fn hash(&self) -> u64 {
        let strides =
            [account::WORDS, area::WORDS, slot::WORDS, self.total, self.slots_per_worker, self.workers];
        let words = self.directory().into_iter().chain(strides.map(|words| words as u64));
        fnv1a(words.flat_map(u64::to_le_bytes))
    }
}

/// FNV-1a, 64 bits (draft-eastlake-fnv): names and identities, nothing that an adversary chooses.
pub(crate) fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
