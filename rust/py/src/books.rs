//! The end of a request: its record and its counts, a native call each.

use headgate_core::heads::{self, Timing};
use headgate_core::record::{self, Facts, Identity, Labels};
use headgate_core::usage::Usage;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::answers::UsageTuple;
use crate::ledger::{Admission, Ledger};

/// (started unix ms, received, first token and end in monotonic ns)
type Times = (u64, u64, u64, u64);
/// (request id, status, outcome, cache, usage source)
type Story<'a> = (&'a str, u64, &'a str, &'a str, &'a str);

/// What is the same in all records of a key, a model and a provider.
#[pyclass(frozen, module = "headgate._core")]
struct RecordLabels {
    labels: Labels,
    segment: u64,
    worker: u64,
}

#[pymethods]
impl RecordLabels {
    #[new]
    #[expect(clippy::needless_pass_by_value, reason = "what Python gives is converted into a value of ours")]
    fn new(segment: u64, worker: u64, members: Vec<(String, String)>, stream: bool) -> Self {
        let members: Vec<(&str, &str)> =
            members.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        Self { labels: Labels::new(&members, stream), segment, worker }
    }

    fn line<'py>(
        &self,
        py: Python<'py>,
        admission: &Admission,
        attempt: u64,
        story: Story<'_>,
        usage: UsageTuple,
        times: Times,
    ) -> Bound<'py, PyBytes> {
        let identity = Identity {
            segment: self.segment,
            worker: self.worker,
            slot: admission.slot,
            sequence: admission.sequence,
            attempt,
        };
        let (prompt, completion, cached, reasoning) = usage;
        let facts = Facts {
            request_id: story.0,
            started_ms: times.0,
            status: story.1,
            outcome: story.2,
            cache: story.3,
            usage_source: story.4,
            usage: Usage { prompt, completion, total: prompt.saturating_add(completion), cached, reasoning },
            received_ns: times.1,
            first_token_ns: times.2,
            now_ns: times.3,
        };
        PyBytes::new(py, &self.labels.line(identity, &facts))
    }
}

/// The series that one kind of request counts in; indices of the ledger's tables.
#[pyclass(frozen, module = "headgate._core")]
struct Meter {
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

    fn count(&self, duration_ns: u64, overhead_ns: u64, ttft_ns: u64, usage: UsageTuple) {
        let ledger = &self.ledger.get().0;
        for &counter in &self.counters {
            ledger.add(counter, 1);
        }
        ledger.observe(self.duration, duration_ns);
        if ttft_ns > 0 {
            ledger.observe(self.overhead, overhead_ns);
            ledger.observe(self.ttft, ttft_ns);
        }
        for (counter, tokens) in self.tokens.into_iter().zip([usage.0, usage.1, usage.2, usage.3]) {
            if let (Some(counter), true) = (counter, tokens > 0) {
                ledger.add(counter, i64::try_from(tokens).unwrap_or(i64::MAX));
            }
        }
    }
}

/// The gateway's own header lines of an answer: rate limits, provider and model, cache, attempts, timing.
#[pyfunction]
fn answer_head<'py>(
    py: Python<'py>,
    admission: &Admission,
    served: &[u8],
    cache: &str,
    attempts: u64,
    times: (u64, u64, u64, u64),
) -> Bound<'py, PyBytes> {
    let mut out = Vec::with_capacity(640);
    admission.push_headers(&mut out);
    out.extend_from_slice(served);
    out.extend_from_slice(b"x-headgate-cache: ");
    out.extend_from_slice(cache.as_bytes());
    out.extend_from_slice(b"\r\nx-headgate-attempts: ");
    headgate_core::json::push_u64(&mut out, attempts);
    out.extend_from_slice(b"\r\n");
    let (total_ns, queue_ns, admit_ns, upstream_ns) = times;
    let gateway_ns = total_ns.saturating_sub(upstream_ns);
    heads::server_timing(&mut out, &Timing { total_ns, queue_ns, admit_ns, upstream_ns, gateway_ns });
    PyBytes::new(py, &out)
}

/// (JSON lines, how many, lines that could not be read) of a spool's block of whole lines.
#[pyfunction]
fn unframe<'py>(py: Python<'py>, block: &[u8]) -> (Bound<'py, PyBytes>, u64, Vec<Bound<'py, PyBytes>>) {
    let read = py.detach(|| record::unframe(block));
    let corrupt = read.corrupt.iter().map(|line| PyBytes::new(py, line)).collect();
    (PyBytes::new(py, &read.payload), read.records, corrupt)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<RecordLabels>()?;
    module.add_class::<Meter>()?;
    module.add_function(wrap_pyfunction!(unframe, module)?)?;
    module.add_function(wrap_pyfunction!(answer_head, module)?)
}
