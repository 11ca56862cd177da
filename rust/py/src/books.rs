//! What requests of one kind have in common when they end: the labels of their records, and what they count in.

use headgate_core::record::{self, Labels};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::ledger::Ledger;

/// What is the same in all records of a key, a model and a provider that ended the same way.
#[pyclass(frozen, module = "headgate._core")]
pub(crate) struct Kind {
    pub(crate) labels: Labels,
    pub(crate) segment: u64,
    pub(crate) worker: u64,
    pub(crate) status: u64,
    pub(crate) outcome: String,
    pub(crate) meter: Py<Meter>,
}

#[pymethods]
impl Kind {
    /// `books` are the segment's id and the worker's index, both part of every record's id; `ending` is
    /// whether it streamed, the status and the outcome.
    #[new]
    #[expect(clippy::needless_pass_by_value, reason = "what Python gives is converted into a value of ours")]
    fn new(
        books: (u64, u64),
        members: Vec<(String, String)>,
        ending: (bool, u64, String),
        meter: Py<Meter>,
    ) -> Self {
        let members: Vec<(&str, &str)> =
            members.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        let (stream, status, outcome) = ending;
        let (segment, worker) = books;
        Self { labels: Labels::new(&members, stream), segment, worker, status, outcome, meter }
    }

    /// Counts a request that ended without a ticket, or with one that a limit refused.
    fn count(&self, duration_ns: u64) {
        self.meter.get().count(duration_ns, 0, 0, [0; 4]);
    }
}

/// The series that one kind of request counts in; indices of the ledger's tables.
#[pyclass(frozen, module = "headgate._core")]
pub(crate) struct Meter {
    ledger: Py<Ledger>,
    counters: Vec<u32>,
    tokens: [Option<u32>; 4],
    duration: u32,
    overhead: u32,
    ttft: u32,
}

#[pymethods]
impl Meter {
    /// `counters` get one each; `histograms` are duration, overhead and time to first token. A negative
    /// counter had no room in the segment and is left out.
    #[new]
    fn new(
        ledger: Py<Ledger>,
        counters: Vec<i64>,
        tokens: (i64, i64, i64, i64),
        histograms: (u32, u32, u32),
    ) -> Self {
        let known = |counter: i64| u32::try_from(counter).ok();
        let (duration, overhead, ttft) = histograms;
        let tokens = [known(tokens.0), known(tokens.1), known(tokens.2), known(tokens.3)];
        Self {
            ledger,
            counters: counters.into_iter().filter_map(known).collect(),
            tokens,
            duration,
            overhead,
            ttft,
        }
    }
}

impl Meter {
    /// Counts one request; `tokens` are prompt, completion, cached and reasoning tokens.
    pub(crate) fn count(&self, duration_ns: u64, overhead_ns: u64, ttft_ns: u64, tokens: [u64; 4]) {
        let ledger = &self.ledger.get().0;
        for &counter in &self.counters {
            ledger.add(counter, 1);
        }
        ledger.observe(self.duration, duration_ns);
        if ttft_ns > 0 {
            ledger.observe(self.overhead, overhead_ns);
            ledger.observe(self.ttft, ttft_ns);
        }
        for (counter, tokens) in self.tokens.into_iter().zip(tokens) {
            if let (Some(counter), true) = (counter, tokens > 0) {
                ledger.add(counter, i64::try_from(tokens).unwrap_or(i64::MAX));
            }
        }
    }
}

/// (JSON lines, how many, lines that could not be read) of a spool's block of whole lines.
#[pyfunction]
fn unframe<'py>(py: Python<'py>, block: &[u8]) -> (Bound<'py, PyBytes>, u64, Vec<Bound<'py, PyBytes>>) {
    let read = py.detach(|| record::unframe(block));
    let corrupt = read.corrupt.iter().map(|line| PyBytes::new(py, line)).collect();
    (PyBytes::new(py, &read.payload), read.records, corrupt)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Kind>()?;
    module.add_class::<Meter>()?;
    module.add_function(wrap_pyfunction!(unframe, module)?)
}
