//! Real processes: deaths under the lock, and one limit over many workers.
//!
//! A child is this test binary again, running one ignored test with its task in the environment.

use std::cell::Cell;
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::admission::{Ask, Books};
use crate::segment::Segment;
use crate::tests::{BOOT, Scratch};
use crate::undo::Words;
use crate::{Admission, Ledger, Limits};

const TASK: &str = "HEADGATE_LEDGER_TEST_TASK";
const LIMITS: Limits = Limits { rpm: 100, tpm: 1_000_000, concurrency: 0 };
const NOW_NS: u64 = 5_000_000_000;

fn spawn(test: &str, path: &Path, number: usize) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", test, "--nocapture", "--test-threads=1"])
        .env(TASK, format!("{number}:{}", path.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// The text after `mark` in the first line that has it; the test harness prints others.
fn await_mark(output: &mut BufReader<ChildStdout>, mark: &str) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "the child ended before {mark:?}");
        if let Some((_, rest)) = line.split_once(mark) {
            return rest.trim().to_owned();
        }
    }
}

fn say(line: &str) {
    let mut out = io::stdout();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// The child's number and ledger; none if nobody's child runs this.
fn task() -> Option<(usize, Ledger)> {
    let task = env::var(TASK).ok()?;
    let (number, path) = task.split_once(':').unwrap();
    Some((number.parse().unwrap(), Ledger::open(Path::new(path), None, BOOT).unwrap()))
}

fn ask() -> Ask {
    Ask { account: 1, limits: LIMITS, tokens: 500, now_ns: NOW_NS, started_unix_ms: 0 }
}

/// The segment, but at a given store it tells the parent and waits to be killed.
struct Dying<'a> {
    segment: &'a Segment,
    left: Cell<usize>,
}

impl Words for Dying<'_> {
    fn load(&self, at: usize) -> u64 {
        self.segment.load(at)
    }

    fn store(&self, at: usize, value: u64) {
        if self.left.get() == 0 {
            say("held");
            // Ends only if the parent does: then there is nobody left to be killed by.
            io::stdin().read_to_end(&mut Vec::new()).unwrap();
        }
        self.left.set(self.left.get() - 1);
        self.segment.store(at, value);
    }
}

#[test]
#[ignore = "a child of a_death_under_the_lock_is_undone_by_the_next_holder"]
fn child_dies_inside_admit() {
    let Some((stores, ledger)) = task() else { return };
    let segment = &ledger.segment;
    let _held = segment.lock(2).unwrap();
    let memory = Dying { segment, left: Cell::new(stores) };
    let books = Books { memory: &memory, tables: &segment.tables, participant: 2 };
    say(&format!("survived {:?}", books.admit(Some(0), &ask())));
}

#[test]
fn a_death_under_the_lock_is_undone_by_the_next_holder() {
    let scratch = Scratch::new();
    let ledger = scratch.ledger();
    let mut survivor = ledger.worker(0).unwrap();
    let mut before = ledger.account(1).unwrap();
    // 8 stores before the undo record is written, 7 × 2 of it, arm, 7 changes, disarm.
    for (deaths, stores) in [0, 1, 8, 15, 22, 23, 24, 27, 29, 30].into_iter().enumerate() {
        let (mut child, mut output) =
            spawn("tests::processes::child_dies_inside_admit", &scratch.file(), stores);
        await_mark(&mut output, "held");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(ledger.account(1).unwrap(), before, "after {stores} stores");
        assert_eq!(ledger.recoveries(), deaths as u64 + 1);
        assert_eq!(ledger.open_slots(2).unwrap(), []);
        let admission = survivor.admit(1, LIMITS, 500, NOW_NS, 0).unwrap();
        let Admission::Granted { slot, sequence, headroom } = admission else { panic!("{admission:?}") };
        assert_eq!(sequence, deaths as u64 + 1);
        assert_eq!(headroom.remaining_requests, 99 - deaths as u64);
        assert!(survivor.settle(slot, 500, NOW_NS).unwrap());
        before = ledger.account(1).unwrap();
    }
}

#[test]
#[ignore = "a child of four_processes_share_one_limit_exactly"]
fn child_admits_greedily() {
    let Some((index, ledger)) = task() else { return };
    let mut worker = ledger.worker(u32::try_from(index).unwrap()).unwrap();
    say("ready");
    io::stdin().lock().read_line(&mut String::new()).unwrap();
    let mut granted = 0;
    for _ in 0..2_000 {
        if let Admission::Granted { slot, .. } = worker.admit(0, LIMITS, 10, NOW_NS, 0).unwrap() {
            granted += 1;
            assert!(worker.settle(slot, 7, NOW_NS).unwrap());
        }
        ledger.add(0, 1);
    }
    say(&format!("granted {granted}"));
}

#[test]
fn four_processes_share_one_limit_exactly() {
    let scratch = Scratch::new();
    let ledger = scratch.ledger();
    assert_eq!(ledger.register_counter("asked_total").unwrap(), 0);
    let test = "tests::processes::child_admits_greedily";
    let mut children: Vec<_> = (0..4).map(|index| spawn(test, &scratch.file(), index)).collect();
    for (_, output) in &mut children {
        await_mark(output, "ready");
    }
    for (child, _) in &mut children {
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    let mut granted = 0;
    for (mut child, mut output) in children {
        granted += await_mark(&mut output, "granted ").parse::<u64>().unwrap();
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(granted, 100);
    let view = ledger.account(0).unwrap();
    assert_eq!((view.in_flight, view.admitted_tokens), (0, 1_000));
    assert_eq!((view.settled_tokens, view.released_tokens), (700, 300));
    assert_eq!(ledger.counters_snapshot(), [("asked_total".to_owned(), 8_000)]);
    assert_eq!(ledger.recoveries(), 0);
}

#[test]
fn a_killed_workers_requests_are_replayed_once_and_its_place_is_usable() {
    let scratch = Scratch::new();
    let ledger = scratch.ledger();
    let limits = Limits { rpm: 0, tpm: 1_000, concurrency: 8 };
    let mut worker = ledger.worker(3).unwrap();
    for tokens in 1..=8 {
        let admission = worker.admit(0, limits, tokens, NOW_NS, 1_234).unwrap();
        let Admission::Granted { slot, sequence, .. } = admission else { panic!("{admission:?}") };
        assert_eq!(sequence, tokens);
        assert!(worker.attempt(slot, 1, 42) && worker.progress(slot, 5, 2));
    }
    drop(worker);
    // The replacement starts before the replay: it has no slot, and gets them as control closes them.
    let mut next = ledger.worker(3).unwrap();
    let unlimited = Limits::default();
    let full = next.admit(1, unlimited, 1, NOW_NS, 0).unwrap();
    assert!(matches!(full, Admission::Refused { reason: crate::Reason::NoSlot, .. }), "{full:?}");
    let open = ledger.open_slots(3).unwrap();
    assert_eq!(open.len(), 8);
    for slot in &open {
        assert_eq!((slot.prompt_tokens, slot.completion_tokens), (5, 2));
        assert_eq!((slot.attempt, slot.target, slot.started_unix_ms), (1, 42, 1_234));
        let replays = [0, 1].map(|_| ledger.replay(3, slot.slot, 7, NOW_NS).unwrap());
        assert_eq!(replays, [true, false]);
    }
    let view = ledger.account(0).unwrap();
    assert_eq!((view.in_flight, view.settled_tokens), (0, 56));
    let admission = next.admit(1, unlimited, 1, NOW_NS, 0).unwrap();
    assert!(matches!(admission, Admission::Granted { sequence: 9, .. }), "{admission:?}");
}

#[test]
#[ignore = "a child of kills_at_any_time_lose_nothing"]
fn child_never_rests() {
    let Some((index, ledger)) = task() else { return };
    let mut worker = ledger.worker(u32::try_from(index).unwrap()).unwrap();
    let limits = Limits { rpm: 0, tpm: 4_000_000_000, concurrency: 6 };
    let mut open = Vec::new();
    for turn in 0_u64.. {
        let account = u32::from(turn % 3 == 0);
        match worker.admit(account, limits, turn % 90, NOW_NS + turn, turn).unwrap() {
            Admission::Granted { slot, .. } => open.push(slot),
            Admission::Refused { .. } => {
                for slot in open.drain(..) {
                    assert!(worker.progress(slot, 3, 4));
                    assert!(worker.settle(slot, turn % 120, NOW_NS + turn).unwrap());
                }
            }
        }
        if turn % 512 == 0 {
            say("tick");
        }
    }
}

/// The invariant over all workers, read while nobody runs.
fn assert_balanced(ledger: &Ledger) {
    let open: Vec<_> = (0..4).flat_map(|worker| ledger.open_slots(worker).unwrap()).collect();
    for account in 0..2 {
        let view = ledger.account(account).unwrap();
        let mine = open.iter().filter(|slot| slot.account == account);
        let reserved: u64 = mine.clone().map(|slot| slot.reserved_tokens).sum();
        assert_eq!(view.in_flight, mine.count() as u64);
        assert_eq!(view.admitted_tokens, reserved + view.settled_tokens + view.released_tokens);
    }
}

#[test]
fn kills_at_any_time_lose_nothing() {
    let scratch = Scratch::new();
    let ledger = scratch.ledger();
    let test = "tests::processes::child_never_rests";
    for round in 0..20 {
        let mut children = [0, 1].map(|index| spawn(test, &scratch.file(), index));
        for (_, output) in &mut children {
            for _ in 0..=round % 5 {
                await_mark(output, "tick");
            }
        }
        for (child, _) in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert_balanced(&ledger);
        for worker in [0, 1] {
            for slot in ledger.open_slots(worker).unwrap() {
                assert!(ledger.replay(worker, slot.slot, 7, NOW_NS).unwrap());
            }
        }
        assert_balanced(&ledger);
        assert_eq!([0, 1].map(|account| ledger.account(account).unwrap().in_flight), [0, 0]);
    }
}
