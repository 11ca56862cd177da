//! A death after any store, and again after any store of the recovery, leaves the state before the
//! operation or the state after it.

use std::cell::{Cell, RefCell};

use crate::admission::{AccountView, Admission, Ask, Books, Limits, OpenSlot};
use crate::layout::{Layout, Tables, account};
use crate::metrics::{Table, name_at, publish};
use crate::undo::Words;

const WORKERS: u32 = 2;
const ACCOUNTS: u32 = 2;
const LIMITS: Limits = Limits { rpm: 7, tpm: 1_000, concurrency: 5 };

/// Words that take no more stores once `left` is used up, as if their process had died.
#[derive(Clone)]
struct Memory {
    words: RefCell<Vec<u64>>,
    left: Cell<usize>,
    made: Cell<usize>,
}

impl Words for Memory {
    fn load(&self, at: usize) -> u64 {
        self.words.borrow()[at]
    }

    fn store(&self, at: usize, value: u64) {
        if self.left.get() > 0 {
            self.left.set(self.left.get() - 1);
            self.made.set(self.made.get() + 1);
            self.words.borrow_mut()[at] = value;
        }
    }
}

impl Memory {
    fn dying_after(&self, stores: usize) -> Self {
        let copy = self.clone();
        copy.left.set(stores);
        copy.made.set(0);
        copy
    }
}

fn tables() -> Tables {
    let layout =
        Layout { workers: WORKERS, slots_per_worker: 4, accounts: ACCOUNTS, counters: 3, histograms: 1 };
    layout.tables().unwrap()
}

fn books<'a>(memory: &'a Memory, tables: &'a Tables, participant: u32) -> Books<'a, Memory> {
    Books { memory, tables, participant }
}

fn ask(account: u32, tokens: u64, now_ns: u64) -> Ask {
    Ask { account, limits: LIMITS, tokens, now_ns, started_unix_ms: 1_700_000_000_000 }
}

fn granted(admission: Admission) -> u64 {
    match admission {
        Admission::Granted { slot, .. } => slot,
        Admission::Refused { .. } => panic!("refused: {admission:?}"),
    }
}

/// Everything that counts: all words of all accounts, and all open slots.
fn state(memory: &Memory, tables: &Tables) -> (Vec<u64>, Vec<Vec<OpenSlot>>) {
    let first = tables.account(0);
    let words = (first..first + ACCOUNTS as usize * account::WORDS).map(|at| memory.load(at)).collect();
    (words, (0..WORKERS).map(|worker| books(memory, tables, WORKERS).open_slots(worker)).collect())
}

/// The invariant of `admission`, for accounts that were not reset.
fn assert_balanced(memory: &Memory, tables: &Tables) {
    let control = books(memory, tables, WORKERS);
    for index in 0..ACCOUNTS {
        let view: AccountView = control.account(index);
        let open: Vec<OpenSlot> = (0..WORKERS)
            .flat_map(|worker| control.open_slots(worker))
            .filter(|slot| slot.account == index && view.generation == 0)
            .collect();
        let reserved: u64 = open.iter().map(|slot| slot.reserved_tokens).sum();
        assert_eq!(view.in_flight, open.len() as u64);
        assert_eq!(view.admitted_tokens, reserved + view.settled_tokens + view.released_tokens);
    }
}

/// Two workers with open and closed slots on both accounts; the tickets that are open.
fn lived_in(tables: &Tables) -> (Memory, [u64; 3]) {
    let words = RefCell::new(vec![0; tables.total]);
    let memory = Memory { words, left: Cell::new(usize::MAX), made: Cell::new(0) };
    let closed = granted(books(&memory, tables, 0).admit(Some(0), &ask(0, 100, 10)));
    assert!(books(&memory, tables, 0).settle(0, closed, 60, 20));
    let tickets = [
        granted(books(&memory, tables, 0).admit(Some(0), &ask(0, 200, 30))),
        granted(books(&memory, tables, 0).admit(Some(1), &ask(1, 300, 40))),
        granted(books(&memory, tables, 1).admit(Some(3), &ask(0, 400, 50))),
    ];
    assert_balanced(&memory, tables);
    (memory, tickets)
}

/// Runs `operation` of `participant` dying after every number of stores, and recovers.
fn die_everywhere(participant: u32, operation: impl Fn(&Books<'_, Memory>, [u64; 3])) {
    let tables = tables();
    let (start, tickets) = lived_in(&tables);
    let whole = start.dying_after(usize::MAX);
    operation(&books(&whole, &tables, participant), tickets);
    let (before, after) = (state(&start, &tables), state(&whole, &tables));
    assert_ne!(before, after);
    let mut outcomes = [0, 0];
    for stores in 0..=whole.made.get() {
        let dead = start.dying_after(stores);
        operation(&books(&dead, &tables, participant), tickets);
        let recovered = recover_dying_everywhere(&dead, &tables, participant);
        let result = state(&recovered, &tables);
        assert!(result == before || result == after, "torn after {stores} stores");
        outcomes[usize::from(result == after)] += 1;
        assert_balanced(&recovered, &tables);
        assert_no_sequence_repeats(&recovered, &tables);
    }
    // Only the last store, which disarms the undo record, makes the operation happen.
    assert_eq!(outcomes, [whole.made.get(), 1]);
}

fn recover_dying_everywhere(dead: &Memory, tables: &Tables, participant: u32) -> Memory {
    let once = dead.dying_after(usize::MAX);
    books(&once, tables, WORKERS).recover(participant);
    for stores in 0..once.made.get() {
        let twice = dead.dying_after(stores);
        books(&twice, tables, WORKERS).recover(participant);
        twice.left.set(usize::MAX);
        books(&twice, tables, WORKERS).recover(participant);
        assert_eq!(state(&twice, tables), state(&once, tables));
    }
    assert!(!books(&once, tables, WORKERS).recover(participant), "recovered twice");
    once
}

fn assert_no_sequence_repeats(memory: &Memory, tables: &Tables) {
    let known: Vec<u64> = books(memory, tables, 0).open_slots(0).iter().map(|slot| slot.sequence).collect();
    let fresh = granted(books(memory, tables, 0).admit(Some(2), &ask(1, 1, 90)));
    assert!(known.iter().all(|&sequence| sequence < fresh >> 16) && fresh >> 16 > 1);
}

#[test]
fn admit() {
    die_everywhere(0, |books, _| {
        books.admit(Some(3), &ask(0, 123, 60));
    });
}

#[test]
fn settle_below_at_and_above_the_reserve() {
    for used in [1, 200, 10_000] {
        die_everywhere(0, |books, [first, ..]| {
            books.settle(0, first, used, 70);
        });
    }
}

#[test]
fn release() {
    die_everywhere(1, |books, [.., third]| {
        books.settle(1, third, 0, 70);
    });
}

#[test]
fn replay_by_control() {
    die_everywhere(WORKERS, |books, [_, second, _]| {
        books.settle(0, second, 250, 70);
    });
}

#[test]
fn reset_of_an_account() {
    let tables = tables();
    let (start, [first, second, _]) = lived_in(&tables);
    let whole = start.dying_after(usize::MAX);
    books(&whole, &tables, WORKERS).reset_account(0);
    for stores in 0..=whole.made.get() {
        let dead = start.dying_after(stores);
        books(&dead, &tables, WORKERS).reset_account(0);
        let recovered = recover_dying_everywhere(&dead, &tables, WORKERS);
        let expected = if stores == whole.made.get() { &whole } else { &start };
        assert_eq!(state(&recovered, &tables), state(expected, &tables));
    }
    let control = books(&whole, &tables, WORKERS);
    let fresh = AccountView { generation: 1, ..AccountView::default() };
    assert_eq!(control.account(0), fresh);
    // A slot of the old owner settles into nothing, once.
    assert_eq!([control.settle(0, first, 9_999, 80), control.settle(0, first, 9_999, 80)], [true, false]);
    assert_eq!(control.account(0), fresh);
    assert!(control.settle(0, second, 1, 80));
    assert_eq!((control.account(1).in_flight, control.account(1).settled_tokens), (0, 1));
}

#[test]
fn registration_of_a_series() {
    let tables = tables();
    let table = Table::counters(&tables, 3);
    let words = RefCell::new(vec![0; tables.total]);
    let start = Memory { words, left: Cell::new(usize::MAX), made: Cell::new(0) };
    publish(&start, &table, 0, "first_total");
    let long = "l".repeat(200);
    let whole = start.dying_after(usize::MAX);
    publish(&whole, &table, 1, &long);
    for stores in 0..=whole.made.get() {
        let dead = start.dying_after(stores);
        publish(&dead, &table, 1, &long);
        let visible = dead.load(table.used);
        assert_eq!(visible, if stores == whole.made.get() { 2 } else { 1 });
        // Whoever registers next, shorter than what was left behind.
        dead.left.set(usize::MAX);
        publish(&dead, &table, u32::try_from(visible).unwrap(), "next");
        let names: Vec<_> = (0..3).map(|index| name_at(&dead, table.entry(index))).collect();
        assert_eq!(
            (names[0].as_str(), names[usize::try_from(visible).unwrap()].as_str()),
            ("first_total", "next")
        );
        assert!(visible == 1 || names[1] == long);
    }
}
