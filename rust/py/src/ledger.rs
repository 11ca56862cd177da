//! The shared segment: control's handle, a worker's handle, and the answer to an admission.

use std::path::Path;

use headgate_core::heads::{self, Bucket};
use headgate_ledger as ledger;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

const IN_FLIGHT: u32 = 0;
const GENERATION: u32 = 1;
const LOOP_LAG: u32 = 2;

/// (slot, sequence, account, attempt, target, started unix ms, reserved, prompt and completion tokens)
type OpenSlot = (u64, u64, u32, u32, u32, u64, u64, u32, u32);
/// (series, count, sum ns, [(upper bound s, cumulative count)])
type HistogramRow = (String, u64, u64, Vec<(f64, u64)>);

pub(crate) fn raised(error: ledger::Error) -> PyErr {
    match error {
        ledger::Error::Io(error) => PyOSError::new_err(error.to_string()),
        other => PyValueError::new_err(other.to_string()),
    }
}

/// Sizes of the segment's tables.
#[pyclass(frozen, module = "headgate._core")]
struct LedgerShape(ledger::Layout);

#[pymethods]
impl LedgerShape {
    #[new]
    fn new(workers: u32, slots_per_worker: u32, accounts: u32, counters: u32, histograms: u32) -> Self {
        Self(ledger::Layout { workers, slots_per_worker, accounts, counters, histograms })
    }
}

/// What a key may use; 0 is unlimited.
#[pyclass(frozen, module = "headgate._core")]
struct Limits(ledger::Limits);

#[pymethods]
impl Limits {
    #[new]
    fn new(rpm: u32, tpm: u32, concurrency: u32) -> Self {
        Self(ledger::Limits { rpm, tpm, concurrency })
    }
}

/// A journal slot, or why there is none.
#[pyclass(frozen, module = "headgate._core")]
pub(crate) struct Admission {
    #[pyo3(get)]
    pub(crate) refused: Option<&'static str>,
    #[pyo3(get)]
    pub(crate) slot: u64,
    #[pyo3(get)]
    pub(crate) sequence: u64,
    retry_after_ns: u64,
    limits: ledger::Limits,
    headroom: ledger::Headroom,
}

impl Admission {
    pub(crate) fn of(answer: ledger::Admission, limits: ledger::Limits) -> Self {
        match answer {
            ledger::Admission::Granted { slot, sequence, headroom } => {
                Self { refused: None, slot, sequence, retry_after_ns: 0, limits, headroom }
            }
            ledger::Admission::Refused { reason, retry_after_ns, headroom } => {
                let refused = Some(match reason {
                    ledger::Reason::Rpm => "rpm",
                    ledger::Reason::Tpm => "tpm",
                    ledger::Reason::Concurrency => "concurrency",
                    ledger::Reason::TooLarge => "too_large",
                    ledger::Reason::NoSlot => "no_slot",
                });
                Self { refused, slot: 0, sequence: 0, retry_after_ns, limits, headroom }
            }
        }
    }
}

impl Admission {
    pub(crate) fn retry_after_s(&self) -> f64 {
        std::time::Duration::from_nanos(self.retry_after_ns).as_secs_f64()
    }

    /// Appends the `x-ratelimit-*` lines.
    pub(crate) fn push_headers(&self, out: &mut Vec<u8>) {
        let requests = Bucket {
            limit: u64::from(self.limits.rpm),
            remaining: self.headroom.remaining_requests,
            reset_ns: self.headroom.reset_requests_ns,
        };
        let tokens = Bucket {
            limit: u64::from(self.limits.tpm),
            remaining: self.headroom.remaining_tokens,
            reset_ns: self.headroom.reset_tokens_ns,
        };
        heads::rate_limit_headers(out, requests, tokens);
    }
}

/// The segment of a host.
#[pyclass(frozen, module = "headgate._core")]
pub(crate) struct Ledger(pub(crate) ledger::Ledger);

#[pymethods]
impl Ledger {
    #[staticmethod]
    fn create(path: &str, boot: &str, segment_id: u64, shape: &LedgerShape) -> PyResult<Self> {
        ledger::Ledger::create(Path::new(path), shape.0, boot, segment_id).map(Self).map_err(raised)
    }

    #[staticmethod]
    fn open(path: &str, boot: &str, shape: Option<&LedgerShape>) -> PyResult<Option<Self>> {
        match ledger::Ledger::open(Path::new(path), shape.map(|shape| shape.0), boot) {
            Ok(ledger) => Ok(Some(Self(ledger))),
            Err(error) if error.is_stale() => Ok(None),
            Err(ledger::Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(raised(error)),
        }
    }

    #[getter]
    fn segment_id(&self) -> u64 {
        self.0.segment_id()
    }

    #[getter]
    fn recoveries(&self) -> u64 {
        self.0.recoveries()
    }

    fn generation(&self) -> u64 {
        self.0.config_generation()
    }

    fn set_generation(&self, generation: u64) {
        self.0.set_config_generation(generation);
    }

    fn attach(&self, worker: u32) -> PyResult<LedgerWorker> {
        self.0.worker(worker).map(LedgerWorker).map_err(raised)
    }

    fn open_slots(&self, worker: u32) -> PyResult<Vec<OpenSlot>> {
        let slots = self.0.open_slots(worker).map_err(raised)?;
        Ok(slots
            .into_iter()
            .map(|s| {
                let tokens = (s.prompt_tokens, s.completion_tokens);
                (
                    s.slot,
                    s.sequence,
                    s.account,
                    s.attempt,
                    s.target,
                    s.started_unix_ms,
                    s.reserved_tokens,
                    tokens.0,
                    tokens.1,
                )
            })
            .collect())
    }

    fn replay(&self, worker: u32, slot: u64, used_tokens: u64, now_ns: u64) -> PyResult<bool> {
        self.0.replay(worker, slot, used_tokens, now_ns).map_err(raised)
    }

    /// Tokens of an account: (in flight, admitted, settled, released).
    fn account(&self, account: u32) -> PyResult<(u64, u64, u64, u64)> {
        let view = self.0.account(account).map_err(raised)?;
        Ok((view.in_flight, view.admitted_tokens, view.settled_tokens, view.released_tokens))
    }

    fn reset_account(&self, account: u32) -> PyResult<()> {
        self.0.reset_account(account).map_err(raised)
    }

    fn counter(&self, series: &str) -> PyResult<u32> {
        self.0.register_counter(series).map_err(raised)
    }

    fn histogram(&self, series: &str) -> PyResult<u32> {
        self.0.register_histogram(series).map_err(raised)
    }

    fn add(&self, index: u32, amount: i64) {
        self.0.add(index, amount);
    }

    fn observe(&self, index: u32, value_ns: u64) {
        self.0.observe(index, value_ns);
    }

    fn counters(&self) -> Vec<(String, i64)> {
        self.0.counters_snapshot()
    }

    fn histograms(&self) -> Vec<HistogramRow> {
        let snapshot = self.0.histograms_snapshot();
        snapshot.into_iter().map(|h| (h.name.clone(), h.count, h.sum_ns, h.cumulative())).collect()
    }

    fn gauges(&self, worker: u32) -> PyResult<(i64, i64, i64)> {
        let read = |gauge| self.0.worker_gauge(worker, gauge).map_err(raised);
        Ok((read(IN_FLIGHT)?, read(GENERATION)?, read(LOOP_LAG)?))
    }

    fn clear_gauges(&self, worker: u32) -> PyResult<()> {
        self.0.clear_worker_gauges(worker).map_err(raised)
    }
}

/// One process's place in the segment.
#[pyclass(module = "headgate._core")]
pub(crate) struct LedgerWorker(pub(crate) ledger::Worker);

#[pymethods]
impl LedgerWorker {
    fn admit(
        &mut self,
        account: u32,
        limits: &Limits,
        tokens: u64,
        now_ns: u64,
        started_unix_ms: u64,
    ) -> PyResult<Admission> {
        let answer = self.0.admit(account, limits.0, tokens, now_ns, started_unix_ms).map_err(raised)?;
        Ok(Admission::of(answer, limits.0))
    }

    fn attempt(&self, slot: u64, attempt: u32, target: u32) -> bool {
        self.0.attempt(slot, attempt, target)
    }

    fn progress(&self, slot: u64, prompt_tokens: u32, completion_tokens: u32) -> bool {
        self.0.progress(slot, prompt_tokens, completion_tokens)
    }

    fn settle(&mut self, slot: u64, used_tokens: u64, now_ns: u64) -> PyResult<bool> {
        self.0.settle(slot, used_tokens, now_ns).map_err(raised)
    }

    fn set_gauges(&self, in_flight: i64, generation: i64, loop_lag_ns: i64) -> PyResult<()> {
        self.0.set_gauge(IN_FLIGHT, in_flight).map_err(raised)?;
        self.0.set_gauge(GENERATION, generation).map_err(raised)?;
        self.0.set_gauge(LOOP_LAG, loop_lag_ns).map_err(raised)
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<LedgerShape>()?;
    module.add_class::<Limits>()?;
    module.add_class::<Admission>()?;
    module.add_class::<Ledger>()?;
    module.add_class::<LedgerWorker>()
}
