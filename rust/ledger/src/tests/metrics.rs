//! Series: one per name over all handles, visible only when whole, counted without loss.

use std::thread;

use crate::tests::{BOOT, Scratch};
use crate::{Error, Ledger, NAME_BYTES};

#[test]
fn a_name_has_one_entry_over_all_handles() {
    let scratch = Scratch::new();
    let (one, two) = (scratch.ledger(), Ledger::open(&scratch.file(), None, BOOT).unwrap());
    let longest = "x".repeat(NAME_BYTES);
    let a = one.register_counter("a_total{endpoint=\"chat\"}").unwrap();
    let b = two.register_counter(&longest).unwrap();
    assert_eq!([one.register_counter(&longest).unwrap(), two.register_counter("é").unwrap()], [b, b + 1]);
    assert_eq!(two.register_counter("a_total{endpoint=\"chat\"}").unwrap(), a);
    one.add(a, 5);
    two.add(a, -2);
    two.set(b, -7);
    let expected = [("a_total{endpoint=\"chat\"}".to_owned(), 3), (longest, -7), ("é".to_owned(), 0)];
    assert_eq!(one.counters_snapshot(), expected);
}

#[test]
fn a_full_table_and_a_bad_name_are_refused() {
    let scratch = Scratch::new();
    let ledger = scratch.ledger();
    for name in ["h1", "h2"] {
        ledger.register_histogram(name).unwrap();
    }
    assert!(matches!(ledger.register_histogram("h3"), Err(Error::Full("histograms"))));
    assert_eq!(ledger.register_histogram("h2").unwrap(), 1);
    for name in ["", &"x".repeat(NAME_BYTES + 1)] {
        assert!(matches!(ledger.register_counter(name), Err(Error::BadName)));
    }
}

#[test]
fn nothing_is_lost_between_threads() {
    let scratch = Scratch::new();
    let ledger = scratch.ledger();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let ledger = ledger.clone();
            thread::spawn(move || {
                let counter = ledger.register_counter("c").unwrap();
                let histogram = ledger.register_histogram("h").unwrap();
                for value_ns in 0..5_000 {
                    ledger.add(counter, 1);
                    ledger.observe(histogram, value_ns);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(ledger.counters_snapshot(), [("c".to_owned(), 20_000)]);
    let histograms = ledger.histograms_snapshot();
    assert_eq!(histograms.len(), 1);
    assert_eq!((histograms[0].count, histograms[0].sum_ns), (20_000, 4 * 4_999 * 2_500));
    assert_eq!(histograms[0].underflow, 4 * 954);
    assert_eq!(histograms[0].cumulative().last(), Some(&(1024.0, 20_000)));
}

#[test]
fn a_dead_workers_gauges_fall_back() {
    let scratch = Scratch::new();
    let ledger = scratch.ledger();
    let worker = ledger.worker(1).unwrap();
    worker.set_gauge(0, 12).unwrap();
    worker.set_gauge(7, -1).unwrap();
    assert_eq!([ledger.worker_gauge(1, 0).unwrap(), ledger.worker_gauge(1, 7).unwrap()], [12, -1]);
    ledger.worker(0).unwrap().set_gauge(0, 3).unwrap();
    ledger.clear_worker_gauges(1).unwrap();
    let read = [(1, 0), (1, 7), (0, 0)].map(|(worker, gauge)| ledger.worker_gauge(worker, gauge).unwrap());
    assert_eq!(read, [0, 0, 3]);
}
