//! Tests of the whole crate: crashes at every store, real processes, a plain model, file handling.

mod crash;
mod files;
mod metrics;
mod model;
mod page;
mod processes;

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Layout, Ledger};

pub(crate) const BOOT: &str = "5b9f0a3e-6d1c-4c58-9d0f-2f6c3a1d7e90\n";

/// A directory of its own for one test, removed at its end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("headgate-ledger-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn file(&self) -> PathBuf {
        self.0.join("ledger")
    }

    pub fn ledger(&self) -> Ledger {
        Ledger::create(&self.file(), layout(), BOOT, 77).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

pub(crate) fn layout() -> Layout {
    Layout { workers: 4, slots_per_worker: 8, accounts: 3, counters: 4, histograms: 2 }
}
