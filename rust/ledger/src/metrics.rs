//! Promises named counters, gauges and histograms that any process updates without a lock.
//!
//! Invariant: an entry is visible only once its name is whole (the table's count is stored after it),
//! entries are never removed, and a name has one entry over all processes.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::histogram::{CELLS, HistogramSnapshot, cell_of};
use crate::layout::{NAME_BYTES, Tables, fnv1a, header, series};
use crate::ledger::Ledger;
use crate::undo::Words;

/// One of the two tables of series.
#[derive(Clone, Copy)]
pub(crate) struct Table {
    label: &'static str,
    /// The header word that counts visible entries.
    pub used: usize,
    first: usize,
    stride: usize,
    most: u32,
}

impl Table {
    pub fn counters(tables: &Tables, most: u32) -> Self {
        let (first, stride) = (tables.counter(0), series::COUNTER_WORDS);
        Self { label: "counters", used: header::COUNTERS_USED, first, stride, most }
    }

    pub fn histograms(tables: &Tables, most: u32) -> Self {
        let (first, stride) = (tables.histogram(0), series::HISTOGRAM_WORDS);
        Self { label: "histograms", used: header::HISTOGRAMS_USED, first, stride, most }
    }

    pub fn entry(&self, index: u32) -> usize {
        self.first + index as usize * self.stride
    }
}

impl Ledger {
    /// The counter or gauge called `name` (at most 247 bytes, labels included), made if need be.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::BadName`], [`Error::Lock`].
    pub fn register_counter(&self, name: &str) -> Result<u32> {
        self.register(&self.counters(), name)
    }

    /// The histogram called `name` (at most 247 bytes, labels included), made if need be.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::BadName`], [`Error::Lock`].
    pub fn register_histogram(&self, name: &str) -> Result<u32> {
        self.register(&self.histograms(), name)
    }

    /// Adds `n` to a counter; wraps.
    ///
    /// # Panics
    /// If `counter` is no index of the table.
    pub fn add(&self, counter: u32, n: i64) {
        // Relaxed: counts are read as they are, and order nothing else.
        self.counter_word(counter).fetch_add(n.cast_unsigned(), Ordering::Relaxed);
    }

    /// Sets a gauge.
    ///
    /// # Panics
    /// If `gauge` is no index of the table.
    pub fn set(&self, gauge: u32, value: i64) {
        self.counter_word(gauge).store(value.cast_unsigned(), Ordering::Relaxed);
    }

    /// Counts one observation of `value_ns` nanoseconds.
    ///
    /// # Panics
    /// If `histogram` is no index of the table.
    pub fn observe(&self, histogram: u32, value_ns: u64) {
        let table = self.histograms();
        assert!(histogram < table.most, "no such histogram");
        let words = &self.segment.words()[table.entry(histogram)..][..table.stride];
        words[series::VALUE].fetch_add(value_ns, Ordering::Relaxed);
        words[series::BUCKETS + cell_of(value_ns)].fetch_add(1, Ordering::Relaxed);
    }

    /// All counters and gauges, in the order of their registration.
    #[must_use]
    pub fn counters_snapshot(&self) -> Vec<(String, i64)> {
        let table = self.counters();
        (0..self.used(&table))
            .map(|index| {
                (self.name(&table, index), self.counter_word(index).load(Ordering::Relaxed).cast_signed())
            })
            .collect()
    }

    /// All histograms, in the order of their registration.
    #[must_use]
    pub fn histograms_snapshot(&self) -> Vec<HistogramSnapshot> {
        let table = self.histograms();
        (0..self.used(&table))
            .map(|index| {
                let words = &self.segment.words()[table.entry(index)..][..table.stride];
                let read = |word: &AtomicU64| word.load(Ordering::Relaxed);
                let cells: Vec<u64> = words[series::BUCKETS..][..CELLS].iter().map(read).collect();
                HistogramSnapshot::new(self.name(&table, index), read(&words[series::VALUE]), &cells)
            })
            .collect()
    }

    fn counters(&self) -> Table {
        Table::counters(&self.segment.tables, self.segment.layout.counters)
    }

    fn histograms(&self) -> Table {
        Table::histograms(&self.segment.tables, self.segment.layout.histograms)
    }

    fn counter_word(&self, index: u32) -> &AtomicU64 {
        assert!(index < self.segment.layout.counters, "no such counter");
        &self.segment.words()[self.segment.tables.counter(index) + series::VALUE]
    }

    /// Entries that are visible. Acquires, so that their names are.
    fn used(&self, table: &Table) -> u32 {
        u32::try_from(self.segment.load(table.used)).unwrap_or(u32::MAX).min(table.most)
    }

    fn register(&self, table: &Table, name: &str) -> Result<u32> {
        if name.is_empty() || name.len() > NAME_BYTES {
            return Err(Error::BadName);
        }
        let hash = fnv1a(name.bytes());
        let segment = &self.segment;
        let _held = segment.lock(self.participant)?;
        let used = self.used(table);
        let known = (0..used).find(|&index| {
            segment.load(table.entry(index) + series::HASH) == hash && self.name(table, index) == name
        });
        if let Some(index) = known {
            return Ok(index);
        }
        if used == table.most {
            return Err(Error::Full(table.label));
        }
        publish(&**segment, table, used, name);
        Ok(used)
    }

    fn name(&self, table: &Table, index: u32) -> String {
        name_at(&*self.segment, table.entry(index))
    }
}

/// Writes the entry after the `used` visible ones, then makes it visible. A death before the last store
/// leaves a place that the next name overwrites.
pub(crate) fn publish(memory: &impl Words, table: &Table, used: u32, name: &str) {
    let at = table.entry(used);
    memory.store(at + series::HASH, fnv1a(name.bytes()));
    memory.store(at + series::NAME_LEN, name.len() as u64);
    for (word, bytes) in name.as_bytes().chunks(8).enumerate() {
        let mut padded = [0; 8];
        padded[..bytes.len()].copy_from_slice(bytes);
        memory.store(at + series::NAME + word, u64::from_le_bytes(padded));
    }
    memory.store(table.used, u64::from(used) + 1);
}

/// The name of the entry at `at`.
pub(crate) fn name_at(memory: &impl Words, at: usize) -> String {
    let words = (0..series::NAME_WORDS).map(|word| memory.load(at + series::NAME + word));
    let len = usize::try_from(memory.load(at + series::NAME_LEN)).unwrap_or(0);
    let bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).take(len).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
