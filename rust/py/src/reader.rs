//! One upstream connection, sans-IO: TLS, then HTTP/1.1, then the stream relay, in one call per read.
//!
//! Invariant: an answer ends once, as DONE or as FAILED; what `feed` returns is framed for the client.

use headgate_core::http1::{End, Limits, ResponseReader, RetryAfter};
use headgate_core::usage::Usage;
use headgate_core::wire::openai::stream::{Outcome, Stop, end};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::answer::{Answer, Expected, STREAM, WANTS_USAGE};
use crate::answers::{UsageTuple, framing_of};
use crate::ledger::LedgerWorker;
use crate::target::Target;
use crate::ticket::Ticket;
use crate::tls::{Session, TlsClient};
use crate::tokens::Tokenizer;

const READY: u32 = 1;
const HEAD: u32 = 2;
const COMMITTED: u32 = 4;
const DONE: u32 = 8;
const FAILED: u32 = 16;
const OUTGOING: u32 = 32;
const GOOD: u32 = 64;

/// Longest answer that is taken whole.
const MAX_BODY_BYTES: usize = 64 << 20;
const KEPT_BUFFER_BYTES: usize = 16 * 1024;

/// The reader of one connection.
#[pyclass(module = "headgate._core")]
pub(crate) struct Reader {
    ledger: Py<LedgerWorker>,
    tokenizer: Py<Tokenizer>,
    session: Option<Box<Session>>,
    http: ResponseReader,
    answer: Answer,
    plain: Vec<u8>,
    out: Vec<u8>,
    #[pyo3(get)]
    flags: u32,
}

impl Reader {
    fn relaying(&self) -> bool {
        self.http.head().is_some_and(|head| self.answer.streams(head))
    }

    fn arm(&mut self, answer: Answer) {
        self.http.start(false);
        self.answer = answer;
        self.out.clear();
        self.flags &= READY | OUTGOING;
    }

    /// What to write to the socket for `plaintext`.
    fn seal(&mut self, plaintext: Vec<u8>) -> Vec<u8> {
        let Some(session) = &mut self.session else { return plaintext };
        let mut out = Vec::with_capacity(plaintext.len() + 64);
        let sealed = session.seal(&plaintext, &mut out);
        self.flags &= !OUTGOING;
        if sealed.is_err() {
            self.fail("tls");
        }
        out
    }

    /// Usage as the provider told it.
    pub(crate) fn told(&self) -> Option<Usage> {
        self.answer.usage.or_else(|| self.answer.relay.usage())
    }

    /// Header lines of the answer that go on to the caller.
    pub(crate) fn passed(&self) -> &[u8] {
        self.http.head().map_or(&[], |head| head.forward())
    }

    fn fail(&mut self, failure: &'static str) {
        if self.flags & (DONE | FAILED) == 0 {
            self.flags |= FAILED;
            self.answer.failure = Some(failure);
        }
    }

    fn read_plain(&mut self, input: &[u8]) {
        let Self { http, answer, out, .. } = self;
        answer.relay.begin(input.len());
        let fed = http.feed(input, |head, piece| {
            let relaying = answer.streams(head);
            answer.take_in(relaying, piece, out);
        });
        answer.relay.flush(out);
        if let Err(error) = fed {
            self.fail(error.kind());
        }
    }

    /// Looks at what a read changed.
    fn judge(&mut self) {
        if self.flags & (DONE | FAILED) != 0 {
            return;
        }
        let Some(head) = self.http.head() else { return };
        self.flags |= HEAD;
        let ok = head.status == 200;
        if head.encoded && ok {
            return self.fail("encoded");
        }
        let relaying = self.relaying();
        if relaying || (ok && !self.answer.wants_stream()) {
            self.flags |= GOOD;
        }
        if relaying {
            self.judge_stream();
        } else if self.answer.body.len() > MAX_BODY_BYTES {
            self.fail("too_large");
        } else if self.http.is_done() {
            self.finish_whole();
        }
    }

    fn judge_stream(&mut self) {
        if self.answer.relay.committed() {
            self.flags |= COMMITTED;
        }
        match self.answer.relay.stop() {
            Some(Stop::Done) => {
                end(framing_of(self.answer.chunked()), &mut self.out);
                self.flags |= DONE;
            }
            Some(Stop::ErrorEvent) => self.fail("error_event"),
            Some(Stop::Garbage) => self.fail("garbage"),
            Some(Stop::TooLarge) => self.fail("too_large"),
            None if self.http.is_done() => self.finish_stream(true),
            None => {}
        }
    }

    fn finish_stream(&mut self, clean: bool) {
        match self.answer.relay.finish(clean, &mut self.out) {
            Outcome::Complete => {
                end(framing_of(self.answer.chunked()), &mut self.out);
                self.flags |= DONE;
            }
            Outcome::Truncated => self.fail("truncated"),
        }
    }

    fn finish_whole(&mut self) {
        let ok = self.http.head().is_some_and(|head| head.status == 200);
        if ok && let Err(failure) = self.answer.read_whole() {
            return self.fail(failure);
        }
        self.flags |= DONE;
    }

    /// Tells the journal how far the stream is, so that a kill loses nothing.
    fn note_progress(&mut self, py: Python<'_>) {
        let answer = &mut self.answer;
        if answer.relay.text().len() >= KEPT_BUFFER_BYTES - 1024
            && let Some(text) = answer.relay.take_text()
        {
            let text = String::from_utf8_lossy(&text);
            answer.folded_tokens += self.tokenizer.get().count_as(&text, answer.expected.encoding);
        }
        if answer.expected.slot != 0 {
            let (prompt, completion) = answer.relay.usage().map_or_else(
                || (u64::from(answer.expected.prompt_tokens), answer.relay.text_bytes().div_ceil(4)),
                |usage| (usage.prompt, usage.completion),
            );
            let small = |tokens: u64| u32::try_from(tokens).unwrap_or(u32::MAX);
            self.ledger.borrow(py).0.progress(answer.expected.slot, small(prompt), small(completion));
        }
    }

    /// Nothing more will come: the socket's end, or TLS's.
    fn end_of_data(&mut self) {
        if self.flags & (DONE | FAILED) != 0 {
            return;
        }
        let cut = self.session.as_ref().is_some_and(|session| !session.peer_closed());
        match self.http.eof() {
            End::NoResponse => self.fail("no_response"),
            End::Truncated => self.fail("truncated"),
            End::Complete if cut && !self.http.is_done() => self.fail("truncated"),
            End::Complete if self.relaying() => self.finish_stream(true),
            End::Complete => self.finish_whole(),
        }
    }

    fn take_out<'py>(&mut self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        if self.out.is_empty() {
            return None;
        }
        let bytes = PyBytes::new(py, &self.out);
        self.out.clear();
        if self.out.capacity() > KEPT_BUFFER_BYTES {
            self.out = Vec::new();
        }
        Some(bytes)
    }

    fn open_tls(&mut self, data: &[u8]) {
        let Some(session) = &mut self.session else { return };
        let mut plain = std::mem::take(&mut self.plain);
        plain.clear();
        let opened = session.open(data, &mut plain);
        if session.ready() {
            self.flags |= READY;
        }
        if session.wants_write() {
            self.flags |= OUTGOING;
        }
        if !plain.is_empty() {
            self.read_plain(&plain);
        }
        if opened.is_err() {
            self.fail("tls");
        }
        if plain.capacity() <= KEPT_BUFFER_BYTES {
            self.plain = plain;
        }
    }
}

#[pymethods]
impl Reader {
    #[new]
    fn new(
        ledger: Py<LedgerWorker>,
        tokenizer: Py<Tokenizer>,
        tls: Option<&TlsClient>,
        server_name: &str,
    ) -> PyResult<Self> {
        let session = tls.map(|client| Session::new(client, server_name).map(Box::new)).transpose()?;
        let flags = if session.is_some() { OUTGOING } else { READY };
        Ok(Self {
            ledger,
            tokenizer,
            session,
            http: ResponseReader::new(Limits::default()),
            answer: Answer::new(Expected::NOTHING),
            plain: Vec::new(),
            out: Vec::new(),
            flags,
        })
    }

    /// What to write to the socket; or (code, param, message) for what the provider's dialect cannot say.
    fn begin<'py>(
        &mut self,
        py: Python<'py>,
        mut ticket: PyRefMut<'py, Ticket>,
        target: &Target,
        forward: &[u8],
        options: u32,
    ) -> PyResult<Bound<'py, PyAny>> {
        let request = match target.request(py, &mut ticket, forward) {
            Ok(request) => request,
            Err(refused) => {
                let refusal = (refused.code, refused.param, refused.message);
                return Ok(refusal.into_pyobject(py)?.into_any());
            }
        };
        let ask = &ticket.ask;
        let asked = if ask.stream { STREAM } else { 0 } | if ask.include_usage { WANTS_USAGE } else { 0 };
        let expected = Expected {
            options: options | asked,
            endpoint: ask.endpoint,
            speech: target.speech,
            json_tool: request.json_tool,
            wish: request.wish,
            encoding: target.encoding,
            slot: ticket.slot(),
            prompt_tokens: u32::try_from(ask.estimate_tokens).unwrap_or(u32::MAX),
            origin: request.origin,
        };
        self.arm(Answer::new(expected));
        Ok(PyBytes::new(py, &self.seal(request.bytes)).into_any())
    }

    fn outgoing<'py>(&mut self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.flags &= !OUTGOING;
        let session = self.session.as_mut()?;
        let mut out = Vec::new();
        if session.flush(&mut out).is_err() {
            self.fail("tls");
        }
        (!out.is_empty()).then(|| PyBytes::new(py, &out))
    }

    fn feed<'py>(&mut self, py: Python<'py>, data: &[u8]) -> Option<Bound<'py, PyBytes>> {
        if self.session.is_some() {
            self.open_tls(data);
        } else {
            self.read_plain(data);
        }
        self.judge();
        if self.session.as_ref().is_some_and(|session| session.peer_closed()) {
            // close_notify is the peer's end of data, whether or not its socket closes now.
            self.end_of_data();
        }
        if self.answer.wants_stream() && self.flags & HEAD != 0 {
            self.note_progress(py);
        }
        self.take_out(py)
    }

    fn eof<'py>(&mut self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.end_of_data();
        self.take_out(py)
    }

    #[getter]
    fn status(&self) -> u16 {
        self.http.head().map_or(0, |head| head.status)
    }

    /// The dialect of the answer that is awaited.
    #[getter]
    fn dialect(&self) -> &'static str {
        self.answer.expected.speech.dialect.name()
    }

    #[getter]
    fn failure(&self) -> Option<&'static str> {
        self.answer.failure
    }

    #[getter]
    fn error_event(&self) -> Option<String> {
        self.answer.error_message()
    }

    /// Nothing is in flight and the next request may go over this connection.
    #[getter]
    fn reusable(&self) -> bool {
        let open = self.session.as_ref().is_none_or(|session| !session.peer_closed());
        open && self.http.reusable() && self.flags & FAILED == 0
    }

    /// The stream is done for the client, but the upstream's body has its last bytes to come.
    #[getter]
    fn trailing(&self) -> bool {
        self.flags & DONE != 0 && !self.http.is_done()
    }

    #[getter(relaying)]
    fn is_relaying(&self) -> bool {
        self.relaying()
    }

    #[getter]
    fn mid_event(&self) -> bool {
        self.answer.relay.mid_event()
    }

    #[getter]
    fn retry_after(&self) -> Option<String> {
        match self.http.head()?.retry_after.as_ref()? {
            RetryAfter::Seconds(seconds) => Some(seconds.to_string()),
            RetryAfter::Text(text) => Some(text.clone()),
        }
    }

    pub(crate) fn take_body<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &std::mem::take(&mut self.answer.body))
    }

    fn take_capture<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.answer.take_capture())
    }

    fn usage(&self) -> Option<UsageTuple> {
        let usage = self.told()?;
        Some((usage.prompt, usage.completion, usage.cached, usage.reasoning))
    }

    fn count_text(&self) -> u64 {
        let answer = &self.answer;
        let text = String::from_utf8_lossy(answer.relay.text());
        answer.folded_tokens + self.tokenizer.get().count_as(&text, answer.expected.encoding)
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Reader>()
}
