//! Any interleaving of admit, settle, release, death and replay does what a plain model does.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::tests::{Scratch, layout};
use crate::{Admission, Ledger, Limits, Reason, Worker};

/// Ticks: a token is worth a minute of nanoseconds, a nanosecond restores `limit` of them.
const MINUTE: i128 = 60_000_000_000;

#[derive(Clone, Debug)]
enum Step {
    Admit { worker: u32, account: u32, tokens: u64, pause_ns: u64 },
    Settle { pick: usize, used: u64, pause_ns: u64 },
    Release { pick: usize },
    Kill { worker: u32 },
    Reset { account: u32 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pause = || prop_oneof![Just(0), 0..3_000_000_000u64];
    let admit = (0..4u32, 0..3u32, 0..130u64, pause())
        .prop_map(|(worker, account, tokens, pause_ns)| Step::Admit { worker, account, tokens, pause_ns });
    let settle = (any::<usize>(), 0..160u64, pause()).prop_map(|(pick, used, pause_ns)| Step::Settle {
        pick,
        used,
        pause_ns,
    });
    prop::collection::vec(
        prop_oneof![
            8 => admit,
            4 => settle,
            1 => any::<usize>().prop_map(|pick| Step::Release { pick }),
            1 => (0..4u32).prop_map(|worker| Step::Kill { worker }),
            1 => (0..3u32).prop_map(|account| Step::Reset { account }),
        ],
        1..150,
    )
}

#[derive(Default)]
struct Bucket {
    used: i128,
    at_ns: u64,
}

impl Bucket {
    fn used_at(&mut self, now_ns: u64, limit: u32) -> i128 {
        self.used = (self.used - i128::from(now_ns - self.at_ns) * i128::from(limit)).max(0);
        self.at_ns = now_ns;
        self.used
    }

    fn wait(&mut self, now_ns: u64, limit: u32, cost: u64) -> i128 {
        let over = self.used_at(now_ns, limit) + i128::from(cost) * MINUTE - i128::from(limit) * MINUTE;
        if limit == 0 || over <= 0 { 0 } else { (over + i128::from(limit) - 1) / i128::from(limit) }
    }
}

#[derive(Default)]
struct Account {
    requests: Bucket,
    tokens: Bucket,
    generation: u64,
    totals: [u64; 3],
}

struct Open {
    worker: u32,
    account: u32,
    generation: u64,
    reserved: u64,
    at_ns: u64,
}

#[derive(Default)]
struct Model {
    accounts: [Account; 3],
    open: BTreeMap<(u32, u64), Open>,
    now_ns: u64,
}

impl Model {
    fn in_flight(&self, account: u32) -> usize {
        let generation = self.accounts[account as usize].generation;
        self.open.values().filter(|open| open.account == account && open.generation == generation).count()
    }

    fn obstacle(&mut self, worker: u32, account: u32, tokens: u64, limits: Limits) -> Option<Reason> {
        let entry = &mut self.accounts[account as usize];
        let requests = entry.requests.wait(self.now_ns, limits.rpm, 1);
        let wait = entry.tokens.wait(self.now_ns, limits.tpm, tokens);
        if limits.tpm > 0 && tokens > u64::from(limits.tpm) {
            Some(Reason::TooLarge)
        } else if requests > 0 || wait > 0 {
            Some(if wait > requests { Reason::Tpm } else { Reason::Rpm })
        } else if limits.concurrency > 0 && self.in_flight(account) >= limits.concurrency as usize {
            Some(Reason::Concurrency)
        } else {
            let used = self.open.values().filter(|open| open.worker == worker).count();
            (used == layout().slots_per_worker as usize).then_some(Reason::NoSlot)
        }
    }

    fn admit(&mut self, worker: u32, account: u32, tokens: u64, slot: u64) {
        let entry = &mut self.accounts[account as usize];
        entry.requests.used += MINUTE;
        entry.tokens.used += i128::from(tokens) * MINUTE;
        entry.totals[0] += tokens;
        let (generation, at_ns) = (entry.generation, self.now_ns);
        self.open.insert((worker, slot), Open { worker, account, generation, reserved: tokens, at_ns });
    }

    fn settle(&mut self, key: (u32, u64), used: u64) {
        let open = self.open.remove(&key).unwrap();
        let entry = &mut self.accounts[open.account as usize];
        if open.generation != entry.generation {
            return;
        }
        let tpm = limits(open.account).tpm;
        let level = entry.tokens.used_at(self.now_ns, tpm);
        let change = (i128::from(used) - i128::from(open.reserved)) * MINUTE;
        let elapsed = i128::from(self.now_ns - open.at_ns) * i128::from(tpm);
        entry.tokens.used =
            if change < 0 { (level - (-change - elapsed).max(0)).max(0) } else { level + change };
        entry.totals[0] += used.saturating_sub(open.reserved);
        entry.totals[1] += used;
        entry.totals[2] += open.reserved.saturating_sub(used);
    }

    fn pick(&self, pick: usize) -> Option<(u32, u64)> {
        let at = pick.checked_rem(self.open.len())?;
        self.open.keys().nth(at).copied()
    }
}

fn limits(account: u32) -> Limits {
    [
        Limits { rpm: 7, tpm: 110, concurrency: 0 },
        Limits { rpm: 0, tpm: 999, concurrency: 3 },
        Limits { rpm: 100, tpm: 0, concurrency: 0 },
    ][account as usize]
}

fn apply(
    step: &Step,
    model: &mut Model,
    ledger: &Ledger,
    workers: &mut [Worker],
) -> std::result::Result<(), TestCaseError> {
    match *step {
        Step::Admit { worker, account, tokens, pause_ns } => {
            model.now_ns += pause_ns;
            let expected = model.obstacle(worker, account, tokens, limits(account));
            let place = &mut workers[worker as usize];
            match place.admit(account, limits(account), tokens, model.now_ns, 0).unwrap() {
                Admission::Granted { slot, .. } => {
                    prop_assert_eq!(expected, None);
                    model.admit(worker, account, tokens, slot);
                }
                Admission::Refused { reason, .. } => prop_assert_eq!(expected, Some(reason)),
            }
        }
        Step::Settle { pick, used, pause_ns } => {
            model.now_ns += pause_ns;
            if let Some(key) = model.pick(pick) {
                prop_assert!(workers[key.0 as usize].settle(key.1, used, model.now_ns).unwrap());
                model.settle(key, used);
            }
        }
        Step::Release { pick } => {
            if let Some(key) = model.pick(pick) {
                prop_assert!(workers[key.0 as usize].release(key.1, model.now_ns).unwrap());
                model.settle(key, 0);
            }
        }
        Step::Kill { worker } => {
            workers[worker as usize] = ledger.worker(worker).unwrap();
            for open in ledger.open_slots(worker).unwrap() {
                prop_assert!(ledger.replay(worker, open.slot, 5, model.now_ns).unwrap());
                prop_assert!(!ledger.replay(worker, open.slot, 5, model.now_ns).unwrap());
                model.settle((worker, open.slot), 5);
            }
            prop_assert!(model.open.values().all(|open| open.worker != worker));
        }
        Step::Reset { account } => {
            ledger.reset_account(account).unwrap();
            let generation = model.accounts[account as usize].generation + 1;
            let full = || Bucket { used: 0, at_ns: model.now_ns };
            model.accounts[account as usize] =
                Account { generation, requests: full(), tokens: full(), ..Account::default() };
        }
    }
    Ok(())
}

fn compare(model: &Model, ledger: &Ledger) -> std::result::Result<(), TestCaseError> {
    for account in 0..3 {
        let view = ledger.account(account).unwrap();
        prop_assert_eq!(view.in_flight, model.in_flight(account) as u64);
        let totals = [view.admitted_tokens, view.settled_tokens, view.released_tokens];
        prop_assert_eq!(totals, model.accounts[account as usize].totals);
        let generation = view.generation;
        let reserved: u64 = model
            .open
            .values()
            .filter(|open| open.account == account && open.generation == generation)
            .map(|open| open.reserved)
            .sum();
        prop_assert_eq!(totals[0], reserved + totals[1] + totals[2]);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_ledger_does_what_the_plain_model_does(steps in steps()) {
        let scratch = Scratch::new();
        let ledger = scratch.ledger();
        let mut workers: Vec<Worker> = (0..4).map(|index| ledger.worker(index).unwrap()).collect();
        let mut model = Model::default();
        for step in &steps {
            apply(step, &mut model, &ledger, &mut workers)?;
            compare(&model, &ledger)?;
        }
    }
}
