//! Promises one handle on the shared segment: control's, and the ground a worker's stands on.
//!
//! Invariant: whatever touches an account or a slot holds the lock; what a stream read or a metric
//! touches is one atomic word and holds nothing.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::admission::{AccountView, OpenSlot, index_of};
use crate::error::{Error, Result};
use crate::layout::{Layout, WORKER_GAUGES, area, header};
use crate::segment::Segment;
use crate::undo::Words;
use crate::worker::Worker;

/// A handle on the segment; clones share the mapping. Made by `create` or `open`, it is control's.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) segment: Arc<Segment>,
    /// Whose undo record and owner word this handle uses: a worker's index, or `layout.workers`.
    pub(crate) participant: u32,
}

impl Ledger {
    /// Makes a new segment, all buckets full, in place of whatever file is at `path`.
    ///
    /// `boot` is the text of `/proc/sys/kernel/random/boot_id`; `segment_id` makes record ids differ
    /// from those of every other segment.
    ///
    /// # Errors
    /// [`Error::BadLayout`], or [`Error::Io`] where the directory or the disk refuses (also ENOSPC).
    pub fn create(path: &Path, layout: Layout, boot: &str, segment_id: u64) -> Result<Self> {
        Segment::create(path, layout, boot, segment_id).map(Self::of)
    }

    /// Opens the segment at `path`; of exactly this `layout`, if one is given.
    ///
    /// # Errors
    /// [`Error::is_stale`] tells those that call for a new segment; [`Error::Io`] the others.
    pub fn open(path: &Path, layout: Option<Layout>, boot: &str) -> Result<Self> {
        Segment::open(path, layout, boot).map(Self::of)
    }

    fn of(segment: Segment) -> Self {
        let participant = segment.layout.workers;
        Self { segment: Arc::new(segment), participant }
    }

    /// The sizes the segment was made with.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.segment.layout
    }

    /// The number given at creation: the first part of every record id.
    #[must_use]
    pub fn segment_id(&self) -> u64 {
        self.segment.load(header::SEGMENT_ID)
    }

    /// How often a dead holder's lock was inherited.
    #[must_use]
    pub fn recoveries(&self) -> u64 {
        self.segment.load(header::RECOVERIES)
    }

    /// Number of the newest configuration snapshot.
    #[must_use]
    pub fn config_generation(&self) -> u64 {
        self.segment.load(header::CONFIG_GENERATION)
    }

    /// Announces a configuration snapshot. Released, so that a file written before it is seen after it.
    pub fn set_config_generation(&self, generation: u64) {
        self.segment.store(header::CONFIG_GENERATION, generation);
    }

    /// The handle of worker `index`, for the one process that is that worker.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Lock`].
    pub fn worker(&self, index: u32) -> Result<Worker> {
        self.check_worker(index)?;
        Worker::new(Self { segment: Arc::clone(&self.segment), participant: index })
    }

    /// The open journal slots of `worker`, read at one instant.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Lock`].
    pub fn open_slots(&self, worker: u32) -> Result<Vec<OpenSlot>> {
        self.check_worker(worker)?;
        let _held = self.segment.lock(self.participant)?;
        Ok(self.segment.books(self.participant).open_slots(worker))
    }

    /// Settles a dead worker's slot. False if it was settled before: safe to repeat.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Lock`].
    pub fn replay(&self, worker: u32, slot: u64, used_tokens: u64, now_ns: u64) -> Result<bool> {
        self.check_worker(worker)?;
        if index_of(slot) >= self.layout().slots_per_worker {
            return Err(Error::OutOfRange("slots"));
        }
        let _held = self.segment.lock(self.participant)?;
        Ok(self.segment.books(self.participant).settle(worker, slot, used_tokens, now_ns))
    }

    /// One account, read at one instant.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Lock`].
    pub fn account(&self, account: u32) -> Result<AccountView> {
        self.check_account(account)?;
        let _held = self.segment.lock(self.participant)?;
        Ok(self.segment.books(self.participant).account(account))
    }

    /// Gives the account's place to a new owner. Slots still open for the old one settle into nothing.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Lock`].
    pub fn reset_account(&self, account: u32) -> Result<()> {
        self.check_account(account)?;
        let _held = self.segment.lock(self.participant)?;
        self.segment.books(self.participant).reset_account(account);
        Ok(())
    }

    /// Gauge word `gauge` (0..8) of `worker`; their meaning is the caller's.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn worker_gauge(&self, worker: u32, gauge: u32) -> Result<i64> {
        // Relaxed: a gauge orders nothing else.
        Ok(self.gauge_word(worker, gauge)?.load(Ordering::Relaxed).cast_signed())
    }

    /// Zeroes the gauges of a dead worker.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn clear_worker_gauges(&self, worker: u32) -> Result<()> {
        for gauge in 0..WORKER_GAUGES {
            self.gauge_word(worker, gauge)?.store(0, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(crate) fn gauge_word(&self, worker: u32, gauge: u32) -> Result<&AtomicU64> {
        self.check_worker(worker)?;
        if gauge >= WORKER_GAUGES {
            return Err(Error::OutOfRange("gauges"));
        }
        Ok(&self.segment.words()[self.segment.tables.area(worker) + area::GAUGES + gauge as usize])
    }

    fn check_worker(&self, worker: u32) -> Result<()> {
        if worker < self.layout().workers { Ok(()) } else { Err(Error::OutOfRange("workers")) }
    }

    pub(crate) fn check_account(&self, account: u32) -> Result<()> {
        if account < self.layout().accounts { Ok(()) } else { Err(Error::OutOfRange("accounts")) }
    }
}
