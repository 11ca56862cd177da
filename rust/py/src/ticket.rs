//! One admitted request from its admission to its settling: what was asked, when what happened, what it used.
//!
//! Invariant: a ticket's record is on its page, or in the caller's hands, before its slot is closed (RULINGS 5).

use std::borrow::Cow;

use headgate_core::heads::{self, Timing};
use headgate_core::json::push_u64;
use headgate_core::record::{Facts, Identity};
use headgate_core::usage::Usage;
use headgate_core::wire::endpoint::Endpoint;
use headgate_core::wire::model::Dropped;
use headgate_core::wire::openai::quirks::Quirks;
use headgate_core::wire::openai::request::{self, Edits};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::answers::UsageTuple;
use crate::books::Kind;
use crate::desk::OutputMean;
use crate::dialect::Origin;
use crate::ledger::{Admission, LedgerWorker, raised};
use crate::reader::Reader;
use crate::spool::SpoolPage;
use crate::tokens::Tokenizer;

/// (received and begun in monotonic ns, begun in Unix ms)
pub(crate) type Started = (u64, u64, u64);

/// More than any answer has: a provider's absurd number must not block a key for hours.
const MAX_TOKENS: u64 = 1 << 31;

/// What a request asks for.
pub(crate) struct Ask {
    pub(crate) body: Py<PyBytes>,
    pub(crate) endpoint: Endpoint,
    /// The model asked for, where the body does not tell it to whoever reads it.
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    pub(crate) deterministic: bool,
    pub(crate) estimate_tokens: u64,
    pub(crate) edits: Edits,
    /// What learns from the answer, where the request itself gave no maximum.
    pub(crate) mean: Option<Py<OutputMean>>,
}

/// Monotonic nanoseconds; 0 where a point was not reached.
#[derive(Default)]
struct Times {
    received: u64,
    begun: u64,
    sent_first: u64,
    sent: u64,
    first_token: u64,
    upstream: u64,
    overhead: u64,
}

/// Where a ticket is written down.
pub(crate) struct Books {
    pub(crate) worker: Py<LedgerWorker>,
    pub(crate) page: Py<SpoolPage>,
}

/// One request.
#[pyclass(module = "headgate._core")]
pub(crate) struct Ticket {
    books: Books,
    pub(crate) ask: Ask,
    admission: Admission,
    #[pyo3(get)]
    plan: u32,
    #[pyo3(get)]
    attempts: u32,
    started_ms: u64,
    times: Times,
    usage: Usage,
    usage_source: &'static str,
    /// A header line that names what had no place in the last attempt's dialect, or nothing.
    pub(crate) dropped: Vec<u8>,
}

/// Appends a body's length as a header line, the end of the head, and the body.
pub(crate) fn push_sized(body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"content-length: ");
    push_u64(out, body.len() as u64);
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(body);
}

impl Ticket {
    pub(crate) fn new(books: Books, plan: u32, ask: Ask, admission: Admission, started: Started) -> Self {
        let (received, begun, started_ms) = started;
        let times = Times { received, begun, ..Times::default() };
        let usage = Usage::default();
        Self {
            books,
            ask,
            admission,
            plan,
            attempts: 0,
            started_ms,
            times,
            usage,
            usage_source: "none",
            dropped: Vec::new(),
        }
    }

    /// Of an answer whose provider does not tell: who is asked, and an id of the moment in which it began.
    pub(crate) fn origin(&self, model: &str) -> Origin {
        let created_s = self.started_ms / 1_000;
        let id = format!("{created_s:x}{:x}", self.times.begun);
        Origin { id, model: model.to_owned(), created_s }
    }

    pub(crate) const fn slot(&self) -> u64 {
        self.admission.slot
    }

    /// Unix milliseconds at which the attempt under way was sent.
    pub(crate) const fn sent_ms(&self) -> u64 {
        self.started_ms + self.times.sent.saturating_sub(self.times.begun) / 1_000_000
    }

    /// The body with another model, with the usage chunk of a stream turned on, and as a vendor with `quirks`
    /// takes it; notes what had to go.
    pub(crate) fn body<'a>(
        &'a self,
        py: Python<'a>,
        model: Option<&str>,
        quirks: Quirks,
        dropped: &mut Dropped,
    ) -> Cow<'a, [u8]> {
        let ask = &self.ask;
        let own = ask.edits.model.is_empty().then_some(&*ask.model);
        let model = model.or(own);
        let ask_usage = ask.stream && !ask.include_usage && !quirks.any(Quirks::NO_STREAM_OPTIONS);
        let mut body = Cow::Borrowed(ask.body.as_bytes(py));
        if model.is_some() || ask_usage {
            body = Cow::Owned(request::rewrite(&body, &ask.edits, model, ask_usage));
        }
        match ask.endpoint.openai().and_then(|endpoint| quirks.edit(&body, endpoint, dropped)) {
            Some(edited) => Cow::Owned(edited),
            None => body,
        }
    }

    fn learn(&self, py: Python<'_>) {
        if let Some(mean) = &self.ask.mean {
            mean.borrow_mut(py).0.learn(self.usage.completion);
        }
    }

    fn push_head(&mut self, served: &[u8], passed: &[u8], cache: &str, now_ns: u64) -> Vec<u8> {
        let times = &mut self.times;
        let total_ns = now_ns.saturating_sub(times.received);
        times.overhead = total_ns.saturating_sub(times.upstream);
        let timing = Timing {
            total_ns,
            queue_ns: times.begun.saturating_sub(times.received),
            admit_ns: times.sent_first.saturating_sub(times.begun),
            upstream_ns: times.upstream,
            gateway_ns: times.overhead,
        };
        let mut out = Vec::with_capacity(640);
        self.admission.push_headers(&mut out);
        out.extend_from_slice(served);
        out.extend_from_slice(passed);
        out.extend_from_slice(&self.dropped);
        out.extend_from_slice(b"x-headgate-cache: ");
        out.extend_from_slice(cache.as_bytes());
        out.extend_from_slice(b"\r\nx-headgate-attempts: ");
        push_u64(&mut out, u64::from(self.attempts));
        out.extend_from_slice(b"\r\n");
        heads::server_timing(&mut out, &timing);
        out
    }

    fn identity(&self, kind: &Kind) -> Identity {
        Identity {
            segment: kind.segment,
            worker: kind.worker,
            slot: self.admission.slot,
            sequence: self.admission.sequence,
            attempt: u64::from(self.attempts),
        }
    }

    fn facts<'a>(&self, kind: &'a Kind, request_id: &'a str, cache: &'a str, now_ns: u64) -> Facts<'a> {
        Facts {
            request_id,
            started_ms: self.started_ms,
            status: kind.status,
            outcome: &kind.outcome,
            cache,
            usage_source: self.usage_source,
            usage: self.usage,
            received_ns: self.times.received,
            first_token_ns: self.times.first_token,
            now_ns,
        }
    }
}

#[pymethods]
impl Ticket {
    #[getter]
    fn stream(&self) -> bool {
        self.ask.stream
    }

    #[getter]
    fn include_usage(&self) -> bool {
        self.ask.include_usage
    }

    #[getter]
    fn deterministic(&self) -> bool {
        self.ask.deterministic
    }

    #[getter]
    fn refused(&self) -> Option<&'static str> {
        self.admission.refused
    }

    #[getter]
    fn retry_after_s(&self) -> f64 {
        self.admission.retry_after_s()
    }

    #[getter]
    fn usage(&self) -> UsageTuple {
        (self.usage.prompt, self.usage.completion, self.usage.cached, self.usage.reasoning)
    }

    #[getter]
    fn usage_source(&self) -> &'static str {
        self.usage_source
    }

    #[getter]
    fn upstream_ns(&self) -> u64 {
        self.times.upstream
    }

    #[getter]
    fn overhead_ns(&self) -> u64 {
        self.times.overhead
    }

    #[getter]
    fn first_token_ns(&self) -> u64 {
        self.times.first_token
    }

    fn limit_lines<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut out = Vec::with_capacity(256);
        self.admission.push_headers(&mut out);
        PyBytes::new(py, &out)
    }

    fn count_prompt(&self, py: Python<'_>, tokenizer: &Tokenizer, model: &str) -> u64 {
        let (body, endpoint) = (self.ask.body.as_bytes(py), self.ask.endpoint);
        py.detach(|| tokenizer.count_prompt(body, endpoint, model))
    }

    fn attempt(&mut self, py: Python<'_>, now_ns: u64) {
        self.attempts += 1;
        self.times.sent = now_ns;
        if self.times.sent_first == 0 {
            self.times.sent_first = now_ns;
        }
        self.books.worker.borrow(py).0.attempt(self.admission.slot, self.attempts, 0);
    }

    fn answered(&mut self, now_ns: u64) {
        self.times.upstream = now_ns.saturating_sub(self.times.sent);
    }

    fn tell(&mut self, py: Python<'_>, usage: UsageTuple, counted: bool, first_token_ns: u64, learn: bool) {
        let (prompt, completion, cached, reasoning) = usage;
        let total = prompt.saturating_add(completion);
        self.usage = Usage { prompt, completion, total, cached, reasoning, written: 0 };
        self.usage_source = if counted { "counted" } else { "provider" };
        self.times.first_token = first_token_ns;
        if learn {
            self.learn(py);
        }
    }

    fn head<'py>(&mut self, py: Python<'py>, served: &[u8], cache: &str, now_ns: u64) -> Bound<'py, PyBytes> {
        let now_ns = now_ns.max(self.times.received);
        PyBytes::new(py, &self.push_head(served, b"", cache, now_ns))
    }

    fn whole<'py>(
        &mut self,
        py: Python<'py>,
        reader: &mut Reader,
        served: &[u8],
        cache: &str,
        now_ns: u64,
    ) -> (Bound<'py, PyBytes>, Bound<'py, PyBytes>) {
        self.times.upstream = now_ns.saturating_sub(self.times.sent);
        self.times.first_token = now_ns;
        if let Some(usage) = reader.told() {
            self.usage = usage;
            self.usage_source = "provider";
            self.learn(py);
        }
        let head = self.push_head(served, reader.passed(), cache, now_ns);
        (PyBytes::new(py, &head), reader.take_body(py))
    }

    fn settle<'py>(
        &self,
        py: Python<'py>,
        kind: &Kind,
        request_id: &str,
        cache: &str,
        now_ns: u64,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let line = kind.labels.line(self.identity(kind), &self.facts(kind, request_id, cache, now_ns));
        if !self.books.page.borrow_mut(py).take(&line) {
            return Ok(Some(PyBytes::new(py, &line)));
        }
        self.close(py, kind, now_ns)?;
        Ok(None)
    }

    fn record_failed<'py>(
        &self,
        py: Python<'py>,
        kind: &Kind,
        request_id: &str,
        cache: &str,
        now_ns: u64,
    ) -> Bound<'py, PyBytes> {
        let mut facts = self.facts(kind, request_id, cache, now_ns);
        (facts.usage, facts.usage_source, facts.first_token_ns) = (Usage::default(), "none", 0);
        PyBytes::new(py, &kind.labels.line(self.identity(kind), &facts))
    }

    fn close(&self, py: Python<'_>, kind: &Kind, now_ns: u64) -> PyResult<bool> {
        let used = self.usage.prompt.saturating_add(self.usage.completion).min(MAX_TOKENS);
        let closed =
            self.books.worker.borrow_mut(py).0.settle(self.admission.slot, used, now_ns).map_err(raised)?;
        let times = &self.times;
        let first_ns = times.first_token.saturating_sub(times.received);
        kind.meter.get().count(
            now_ns.saturating_sub(times.received),
            times.overhead,
            first_ns,
            [self.usage.prompt, self.usage.completion, self.usage.cached, self.usage.reasoning],
        );
        Ok(closed)
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Ticket>()
}
