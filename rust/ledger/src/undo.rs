//! Promises that a set of changes to shared words happens whole or not at all.
//!
//! Invariant: whatever store a process dies after, `rollback` of its area restores every word that
//! `commit` was changing, and is itself safe to die in and repeat. Callers hold the lock.

/// Shared 64-bit words. A memory under test may stop taking stores at any point, as a death does.
pub(crate) trait Words {
    fn load(&self, at: usize) -> u64;
    fn store(&self, at: usize, value: u64);
}

/// Most words that one set may change.
const MOST: usize = 16;

/// A set of changes, planned before the first is made.
#[derive(Default)]
pub(crate) struct Changes {
    items: [(usize, u64); MOST],
    len: usize,
}

impl Changes {
    /// Plans `value` for the word at `at`. No word is planned twice, and no set exceeds `MOST`.
    pub fn set(&mut self, at: usize, value: u64) {
        self.items[self.len] = (at, value);
        self.len += 1;
    }

    pub fn set_pair(&mut self, at: usize, values: [u64; 2]) {
        self.set(at, values[0]);
        self.set(at + 1, values[1]);
    }

    /// Makes the changes: the old values are kept, then the record is armed, then the words change,
    /// then the record is disarmed.
    pub fn commit(&self, memory: &impl Words, undo: usize) {
        let items = &self.items[..self.len];
        for (entry, (at, _)) in items.iter().enumerate() {
            memory.store(undo + 1 + 2 * entry, *at as u64);
            memory.store(undo + 2 + 2 * entry, memory.load(*at));
        }
        memory.store(undo, self.len as u64);
        for (at, value) in items {
            memory.store(*at, *value);
        }
        memory.store(undo, 0);
    }
}

/// Undoes what the owner of `undo` left half done; true if there was anything.
pub(crate) fn rollback(memory: &impl Words, undo: usize) -> bool {
    let len = usize::try_from(memory.load(undo)).unwrap_or(MOST).min(MOST);
    for entry in 0..len {
        let at = usize::try_from(memory.load(undo + 1 + 2 * entry)).unwrap_or(usize::MAX);
        memory.store(at, memory.load(undo + 2 + 2 * entry));
    }
    if len > 0 {
        memory.store(undo, 0);
    }
    len > 0
}
