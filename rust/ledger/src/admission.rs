//! Promises that admit, settle and release move an account and a journal slot together, or neither.
//!
//! Invariant, at any time that no change is half made: an account's `in_flight` is the number of its
//! open slots, and `admitted = reserved(open slots) + settled + released`. Everything here runs under
//! the lock and over any [`Words`], so that tests can die at every store.

use headgate_core::gcra::{self, Decision, Tat};

use crate::layout::{Tables, account, area, slot};
use crate::undo::{Changes, Words, rollback};

/// Bits of a ticket that hold the slot's index.
const INDEX_BITS: u32 = 16;
/// What a refusal for concurrency suggests, as nobody knows when a request ends.
const CONCURRENCY_RETRY_NS: u64 = 1_000_000_000;

/// Limits of one account as the current configuration has them; 0 = unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests per minute.
    pub rpm: u32,
    /// Tokens per minute.
    pub tpm: u32,
    /// Requests in flight.
    pub concurrency: u32,
}

/// What is left of both buckets, for the x-ratelimit headers; `u64::MAX` tokens where unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headroom {
    /// Whole requests left.
    pub remaining_requests: u64,
    /// Nanoseconds until the request bucket is full.
    pub reset_requests_ns: u64,
    /// Whole tokens left.
    pub remaining_tokens: u64,
    /// Nanoseconds until the token bucket is full.
    pub reset_tokens_ns: u64,
}

/// What stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Requests per minute.
    Rpm,
    /// Tokens per minute.
    Tpm,
    /// Requests in flight of the account.
    Concurrency,
    /// More tokens than the token bucket can ever hold.
    TooLarge,
    /// The worker's journal is full.
    NoSlot,
}

/// The answer to one request for admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Everything is reserved.
    Granted {
        /// Ticket of the journal slot: names this admission only, never a later one in the same slot.
        slot: u64,
        /// Sequence number, never repeated for this worker in this segment: part of the record id.
        sequence: u64,
        /// What is left after it.
        headroom: Headroom,
    },
    /// Nothing is reserved.
    Refused {
        /// The obstacle; of both rates, the one that takes longer to clear.
        reason: Reason,
        /// Shortest sufficient wait in nanoseconds; 0 for `TooLarge` and `NoSlot`.
        retry_after_ns: u64,
        /// What is left now.
        headroom: Headroom,
    },
}

/// An open journal slot, as control finds it after a worker's death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenSlot {
    /// Ticket for `replay`.
    pub slot: u64,
    /// Sequence number of the admission.
    pub sequence: u64,
    /// Account index.
    pub account: u32,
    /// Attempt under way; 0 before the first.
    pub attempt: u32,
    /// Target of that attempt.
    pub target: u32,
    /// Tokens reserved.
    pub reserved_tokens: u64,
    /// Monotonic time of the reservation in nanoseconds.
    pub reserved_at_ns: u64,
    /// Wall-clock start in milliseconds since 1970.
    pub started_unix_ms: u64,
    /// Prompt tokens of the attempt so far.
    pub prompt_tokens: u32,
    /// Completion tokens of the attempt so far.
    pub completion_tokens: u32,
}

/// One account, read under the lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountView {
    /// Requests in flight.
    pub in_flight: u64,
    /// How often the account was reset.
    pub generation: u64,
    /// Tokens ever reserved, and those used above their reserve.
    pub admitted_tokens: u64,
    /// Tokens settled as used.
    pub settled_tokens: u64,
    /// Reserved tokens given back.
    pub released_tokens: u64,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub account: u32,
    pub limits: Limits,
    pub tokens: u64,
    pub now_ns: u64,
    pub started_unix_ms: u64,
}

/// The books, in whatever memory, on behalf of one participant who holds the lock.
pub(crate) struct Books<'a, M> {
    pub memory: &'a M,
    pub tables: &'a Tables,
    pub participant: u32,
}

/// The slot index inside a ticket.
pub(crate) fn index_of(ticket: u64) -> u32 {
    low_half(ticket & ((1 << INDEX_BITS) - 1))
}

pub(crate) fn sequence_of(ticket: u64) -> u64 {
    ticket >> INDEX_BITS
}

pub(crate) fn pack(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn unpack(word: u64) -> (u32, u32) {
    (low_half(word >> 32), low_half(word))
}

fn low_half(word: u64) -> u32 {
    u32::try_from(word & u64::from(u32::MAX)).unwrap_or(0)
}

/// Both buckets after an admission, or why there is none.
enum Verdict {
    Pass { rpm: Tat, tpm: Tat, headroom: Headroom },
    Stop { reason: Reason, retry_after_ns: u64 },
}

impl<M: Words> Books<'_, M> {
    fn tat(&self, at: usize) -> Tat {
        Tat::from_words([self.memory.load(at), self.memory.load(at + 1)])
    }

    fn undo(&self) -> usize {
        self.tables.area(self.participant) + area::UNDO
    }

    /// Undoes what `owner` left half done; true if there was anything.
    pub fn recover(&self, owner: u32) -> bool {
        rollback(self.memory, self.tables.area(owner) + area::UNDO)
    }

    /// Journal slots of each worker.
    pub fn slots(&self) -> u32 {
        u32::try_from(self.tables.slots_per_worker).unwrap_or(0)
    }

    /// How many slots of this worker control has closed.
    pub fn replay_count(&self) -> u64 {
        self.memory.load(self.tables.area(self.participant) + area::REPLAYED)
    }

    /// True if a slot of this worker is free.
    pub fn is_free(&self, index: u32) -> bool {
        self.memory.load(self.tables.slot(self.participant, index) + slot::SEQUENCE) == 0
    }

    /// Decides and, if granted, opens slot `index` of this worker. `None` = the journal is full.
    pub fn admit(&self, index: Option<u32>, ask: &Ask) -> Admission {
        let base = self.tables.account(ask.account);
        match (self.judge(base, ask), index) {
            (Verdict::Pass { rpm, tpm, headroom }, Some(index)) => {
                let sequence = self.open(index, ask, [rpm, tpm]);
                Admission::Granted { slot: sequence << INDEX_BITS | u64::from(index), sequence, headroom }
            }
            (Verdict::Pass { .. }, None) => self.refuse(Reason::NoSlot, 0, ask),
            (Verdict::Stop { reason, retry_after_ns }, _) => self.refuse(reason, retry_after_ns, ask),
        }
    }

    fn judge(&self, base: usize, ask: &Ask) -> Verdict {
        let rpm = gcra::check(self.tat(base + account::RPM), ask.now_ns, 1, ask.limits.rpm);
        let tpm = gcra::check(self.tat(base + account::TPM), ask.now_ns, ask.tokens, ask.limits.tpm);
        let wait = |decision| match decision {
            Decision::Wait { retry_after_ns } => retry_after_ns,
            _ => 0,
        };
        match (rpm, tpm) {
            (
                Decision::Allow { tat: rpm, remaining: remaining_requests, reset_ns: reset_requests_ns },
                Decision::Allow { tat: tpm, remaining: remaining_tokens, reset_ns: reset_tokens_ns },
            ) => {
                let most = u64::from(ask.limits.concurrency);
                if most > 0 && self.memory.load(base + account::IN_FLIGHT) >= most {
                    return Verdict::Stop {
                        reason: Reason::Concurrency,
                        retry_after_ns: CONCURRENCY_RETRY_NS,
                    };
                }
                let headroom =
                    Headroom { remaining_requests, reset_requests_ns, remaining_tokens, reset_tokens_ns };
                Verdict::Pass { rpm, tpm, headroom }
            }
            (_, Decision::TooLarge) => Verdict::Stop { reason: Reason::TooLarge, retry_after_ns: 0 },
            _ if wait(tpm) > wait(rpm) => Verdict::Stop { reason: Reason::Tpm, retry_after_ns: wait(tpm) },
            _ => Verdict::Stop { reason: Reason::Rpm, retry_after_ns: wait(rpm) },
        }
    }

    fn refuse(&self, reason: Reason, retry_after_ns: u64, ask: &Ask) -> Admission {
        let base = self.tables.account(ask.account);
        let (remaining_requests, reset_requests_ns) =
            gcra::remaining(self.tat(base + account::RPM), ask.now_ns, ask.limits.rpm);
        let (remaining_tokens, reset_tokens_ns) =
            gcra::remaining(self.tat(base + account::TPM), ask.now_ns, ask.limits.tpm);
        let headroom = Headroom { remaining_requests, reset_requests_ns, remaining_tokens, reset_tokens_ns };
        Admission::Refused { reason, retry_after_ns, headroom }
    }

    /// Writes the slot's body, which means nothing while the slot is free, then commits the rest.
    fn open(&self, index: u32, ask: &Ask, [rpm, tpm]: [Tat; 2]) -> u64 {
        let (memory, base) = (self.memory, self.tables.account(ask.account));
        let counter = self.tables.area(self.participant) + area::SEQUENCE;
        let sequence = memory.load(counter) + 1;
        // Outside the undo record: a number that a death burns is never given out again.
        memory.store(counter, sequence);
        let at = self.tables.slot(self.participant, index);
        memory.store(at + slot::ACCOUNT_AND_TPM, pack(ask.account, ask.limits.tpm));
        memory.store(at + slot::GENERATION, memory.load(base + account::GENERATION));
        memory.store(at + slot::RESERVED, ask.tokens);
        memory.store(at + slot::RESERVED_AT_NS, ask.now_ns);
        memory.store(at + slot::STARTED_UNIX_MS, ask.started_unix_ms);
        memory.store(at + slot::PROMPT_AND_COMPLETION, 0);
        memory.store(at + slot::ATTEMPT_AND_TARGET, 0);
        let mut changes = Changes::default();
        changes.set_pair(base + account::RPM, rpm.to_words());
        changes.set_pair(base + account::TPM, tpm.to_words());
        changes.set(base + account::IN_FLIGHT, memory.load(base + account::IN_FLIGHT) + 1);
        let admitted = memory.load(base + account::ADMITTED).wrapping_add(ask.tokens);
        changes.set(base + account::ADMITTED, admitted);
        changes.set(at + slot::SEQUENCE, sequence);
        changes.commit(memory, self.undo());
        sequence
    }

    /// Closes the slot that `ticket` names: unused tokens go back, tokens above the reserve become debt.
    /// False, and nothing changes, if it is closed already. A `worker` other than the participant is a
    /// dead one, whose place will want to know that a slot came free.
    pub fn settle(&self, worker: u32, ticket: u64, used_tokens: u64, now_ns: u64) -> bool {
        let memory = self.memory;
        let at = self.tables.slot(worker, index_of(ticket));
        let sequence = memory.load(at + slot::SEQUENCE);
        if sequence == 0 || sequence != sequence_of(ticket) {
            return false;
        }
        let mut changes = Changes::default();
        changes.set(at + slot::SEQUENCE, 0);
        if worker != self.participant {
            let replayed = self.tables.area(worker) + area::REPLAYED;
            changes.set(replayed, memory.load(replayed).wrapping_add(1));
        }
        let (account, tpm_limit) = unpack(memory.load(at + slot::ACCOUNT_AND_TPM));
        let base = self.tables.account(account);
        // An account that was reset meanwhile belongs to somebody else.
        if memory.load(base + account::GENERATION) == memory.load(at + slot::GENERATION) {
            let reserved = memory.load(at + slot::RESERVED);
            let reserved_at_ns = memory.load(at + slot::RESERVED_AT_NS);
            let (unused, extra) =
                (reserved.saturating_sub(used_tokens), used_tokens.saturating_sub(reserved));
            let tat = self.tat(base + account::TPM);
            let tat = match (unused, extra) {
                (0, 0) => tat,
                (0, _) => gcra::charge(tat, now_ns, extra, tpm_limit),
                _ => gcra::refund(tat, reserved_at_ns, now_ns, unused, tpm_limit),
            };
            changes.set_pair(base + account::TPM, tat.to_words());
            let mut bump =
                |word, by: u64| changes.set(base + word, memory.load(base + word).wrapping_add(by));
            bump(account::IN_FLIGHT, u64::MAX);
            bump(account::ADMITTED, extra);
            bump(account::SETTLED, used_tokens);
            bump(account::RELEASED, unused);
        }
        changes.commit(memory, self.undo());
        true
    }

    /// Gives the account to a new owner: full buckets, nothing in flight, totals at 0.
    pub fn reset_account(&self, index: u32) {
        let base = self.tables.account(index);
        let mut changes = Changes::default();
        for word in 0..account::WORDS {
            let old = self.memory.load(base + word);
            let new = if word == account::GENERATION { old.wrapping_add(1) } else { 0 };
            if new != old {
                changes.set(base + word, new);
            }
        }
        changes.commit(self.memory, self.undo());
    }

    pub fn account(&self, index: u32) -> AccountView {
        let base = self.tables.account(index);
        let read = |word| self.memory.load(base + word);
        AccountView {
            in_flight: read(account::IN_FLIGHT),
            generation: read(account::GENERATION),
            admitted_tokens: read(account::ADMITTED),
            settled_tokens: read(account::SETTLED),
            released_tokens: read(account::RELEASED),
        }
    }

    pub fn open_slots(&self, worker: u32) -> Vec<OpenSlot> {
        (0..self.slots()).filter_map(|index| self.open_slot(worker, index)).collect()
    }

    fn open_slot(&self, worker: u32, index: u32) -> Option<OpenSlot> {
        let at = self.tables.slot(worker, index);
        let read = |word| self.memory.load(at + word);
        let sequence = read(slot::SEQUENCE);
        if sequence == 0 {
            return None;
        }
        let (account, _) = unpack(read(slot::ACCOUNT_AND_TPM));
        let (attempt, target) = unpack(read(slot::ATTEMPT_AND_TARGET));
        let (prompt_tokens, completion_tokens) = unpack(read(slot::PROMPT_AND_COMPLETION));
        Some(OpenSlot {
            slot: sequence << INDEX_BITS | u64::from(index),
            sequence,
            account,
            attempt,
            target,
            reserved_tokens: read(slot::RESERVED),
            reserved_at_ns: read(slot::RESERVED_AT_NS),
            started_unix_ms: read(slot::STARTED_UNIX_MS),
            prompt_tokens,
            completion_tokens,
        })
    }
}
