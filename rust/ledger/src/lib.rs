//! The shared segment of a host: rate buckets, journal slots and metrics of control and all workers.
//!
//! One file in `state_dir`, mapped by every process. Admission runs under a robust lock and is undone
//! if its process dies half-way; metrics and progress are single atomic words. This is the only crate
//! with `unsafe`: the mappings (`segment`, `mapped`, `page`) and the lock (`mutex`).

mod admission;
mod error;
mod histogram;
mod layout;
mod ledger;
mod mapped;
mod metrics;
mod mutex;
mod page;
mod segment;
#[cfg(test)]
mod tests;
mod undo;
mod worker;

pub use admission::{AccountView, Admission, Headroom, Limits, OpenSlot, Reason};
pub use error::{Error, Result};
pub use histogram::{BUCKETS, HIGHEST_OCTAVE, HistogramSnapshot, LOWEST_OCTAVE, SCHEMA};
pub use layout::{Layout, NAME_BYTES, SLOTS_PER_WORKER, WORKER_GAUGES};
pub use ledger::Ledger;
pub use mapped::MappedFile;
pub use page::Page;
pub use worker::Worker;
