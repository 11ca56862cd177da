//! Promises a worker its admissions: one call each way under the lock, and progress without it.
//!
//! Invariant: one process at a time is worker `i`. A slot index is in `free` only while its slot is
//! free in the segment; the segment decides, the list only saves the search.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::admission::{Admission, Ask, Books, Limits, index_of, pack, sequence_of};
use crate::error::{Error, Result};
use crate::layout::slot;
use crate::ledger::Ledger;
use crate::undo::Words;

/// The handle of one worker process.
pub struct Worker {
    ledger: Ledger,
    free: FreeSlots,
}

/// Slots that this process may open.
#[derive(Default)]
struct FreeSlots {
    /// The last used on top: it is the one in the processor's cache.
    indices: Vec<u32>,
    /// The area's replay count when `indices` was built.
    replayed: u64,
}

impl Worker {
    pub(crate) fn new(ledger: Ledger) -> Result<Self> {
        let mut free = FreeSlots::default();
        let held = ledger.segment.lock(ledger.participant)?;
        free.collect(&ledger.segment.books(ledger.participant));
        drop(held);
        Ok(Self { ledger, free })
    }

    /// This worker's index.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.ledger.participant
    }

    /// The ledger underneath, for metrics and the configuration generation.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Reserves one request and `tokens` tokens of `account`, or nothing.
    ///
    /// # Errors
    /// [`Error::OutOfRange`], [`Error::Lock`].
    pub fn admit(
        &mut self,
        account: u32,
        limits: Limits,
        tokens: u64,
        now_ns: u64,
        started_unix_ms: u64,
    ) -> Result<Admission> {
        self.ledger.check_account(account)?;
        let segment = &self.ledger.segment;
        let _held = segment.lock(self.ledger.participant)?;
        let books = segment.books(self.ledger.participant);
        let index = self.free.take(&books);
        let ask = Ask { account, limits, tokens, now_ns, started_unix_ms };
        let answer = books.admit(index, &ask);
        if let (Some(index), Admission::Refused { .. }) = (index, answer) {
            self.free.indices.push(index);
        }
        Ok(answer)
    }

    /// Tokens of the current attempt so far: for each read of a stream. False if the slot is closed.
    #[expect(clippy::must_use_candidate, reason = "the caller may know that its slot is open")]
    pub fn progress(&self, slot: u64, prompt_tokens: u32, completion_tokens: u32) -> bool {
        let Some(words) = self.open_slot(slot) else { return false };
        // Relaxed: one word, written by this process only, and read after its death.
        words[slot::PROMPT_AND_COMPLETION].store(pack(prompt_tokens, completion_tokens), Ordering::Relaxed);
        true
    }

    /// Begins attempt number `attempt` at `target`, with no tokens yet. False if the slot is closed.
    #[expect(clippy::must_use_candidate, reason = "the caller may know that its slot is open")]
    pub fn attempt(&self, slot: u64, attempt: u32, target: u32) -> bool {
        let Some(words) = self.open_slot(slot) else { return false };
        // In this order the tokens of one attempt are never taken for the next one's.
        words[slot::PROMPT_AND_COMPLETION].store(0, Ordering::Release);
        words[slot::ATTEMPT_AND_TARGET].store(pack(attempt, target), Ordering::Release);
        true
    }

    /// Closes the slot: unused tokens go back, tokens above the reserve become debt. False, and nothing
    /// changes, if it is closed already.
    ///
    /// # Errors
    /// [`Error::Lock`].
    pub fn settle(&mut self, slot: u64, used_tokens: u64, now_ns: u64) -> Result<bool> {
        let index = index_of(slot);
        if index >= self.ledger.layout().slots_per_worker {
            return Err(Error::OutOfRange("slots"));
        }
        let (segment, worker) = (&self.ledger.segment, self.ledger.participant);
        let _held = segment.lock(worker)?;
        let closed = segment.books(worker).settle(worker, slot, used_tokens, now_ns);
        if closed {
            self.free.indices.push(index);
        }
        Ok(closed)
    }

    /// Closes the slot with nothing used.
    ///
    /// # Errors
    /// [`Error::Lock`].
    pub fn release(&mut self, slot: u64, now_ns: u64) -> Result<bool> {
        self.settle(slot, 0, now_ns)
    }

    /// Sets gauge word `gauge` (0..8) of this worker.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn set_gauge(&self, gauge: u32, value: i64) -> Result<()> {
        // Relaxed: a gauge orders nothing else.
        self.ledger.gauge_word(self.index(), gauge)?.store(value.cast_unsigned(), Ordering::Relaxed);
        Ok(())
    }

    fn open_slot(&self, ticket: u64) -> Option<&[AtomicU64]> {
        let index = index_of(ticket);
        if index >= self.ledger.layout().slots_per_worker {
            return None;
        }
        let at = self.ledger.segment.tables.slot(self.index(), index);
        let words = &self.ledger.segment.words()[at..at + slot::WORDS];
        let open = words[slot::SEQUENCE].load(Ordering::Relaxed) == sequence_of(ticket);
        (open && sequence_of(ticket) > 0).then_some(words)
    }
}

impl FreeSlots {
    /// A slot that is free in the segment. A full journal is searched again only after a replay.
    fn take<M: Words>(&mut self, books: &Books<'_, M>) -> Option<u32> {
        if self.indices.is_empty() && books.replay_count() != self.replayed {
            self.collect(books);
        }
        while let Some(index) = self.indices.pop() {
            if books.is_free(index) {
                return Some(index);
            }
        }
        None
    }

    fn collect<M: Words>(&mut self, books: &Books<'_, M>) {
        self.indices.clear();
        self.indices.extend((0..books.slots()).rev().filter(|index| books.is_free(*index)));
        self.replayed = books.replay_count();
    }
}
