//! One upstream connection, sans-IO: TLS, then HTTP/1.1, then the stream relay, in one call per read.
//!
//! Invariant: an answer ends once, as DONE or as FAILED; what `feed` returns is framed for the client.

use headgate_core::http1::{End, Limits, ResponseReader, RetryAfter};
use headgate_core::tokens::Encoding;
use headgate_core::usage::Usage;
use headgate_core::wire::conversation::Asked;
use headgate_core::wire::endpoint::{Dialect, Purpose};
use headgate_core::wire::model::Refused;
use headgate_core::wire::openai::stream::{Outcome, Stop, end};
use headgate_core::wire::origin::Origin;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::answer::{Answer, Expected, STREAM, WANTS_USAGE};
use crate::answers::{UsageTuple, framing_of};
use crate::ledger::LedgerWorker;
use crate::saying::{Manner, say};
use crate::scan::dialect_of;
use crate::ticket::{Ticket, push_sized};
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
const VERSION: &[u8] = b"anthropic-version: ";

/// Where a request goes, the same for all requests of one endpoint and model.
#[pyclass(frozen, module = "headgate._core")]
pub(crate) struct Target {
    whole_head: Vec<u8>,
    stream_head: Vec<u8>,
    version: Vec<u8>,
    model: Option<String>,
    manner: Py<Manner>,
    encoding: Encoding,
    dialect: Dialect,
}

#[pymethods]
impl Target {
    /// `heads` are all of the request's head but its `content-length`, for a whole answer and for a stream; a
    /// version of the dialect in their last line gives way to one that the caller asks for. `model` replaces the one that was asked for; `dialect` is the provider's.
    #[new]
    fn new(
        heads: (Vec<u8>, Vec<u8>),
        model: Option<String>,
        manner: Py<Manner>,
        dialect: &str,
    ) -> PyResult<Self> {
        let dialect = dialect_of(dialect)?;
        let encoding = Encoding::for_model(&manner.get().manner.model);
        let (mut whole_head, mut stream_head) = heads;
        let version = take_version(&mut whole_head);
        take_version(&mut stream_head);
        Ok(Self { whole_head, stream_head, version, model, manner, encoding, dialect })
    }
}

/// Takes the last line of a head, where it is the dialect's version.
fn take_version(head: &mut Vec<u8>) -> Vec<u8> {
    let lines = head.strip_suffix(b"\r\n").unwrap_or_default();
    let last = lines.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    if lines[last..].starts_with(VERSION) { head.split_off(last) } else { Vec::new() }
}

impl Target {
    /// Appends the caller's vendor headers, `forward`, and the version: the caller's own, where it is free to
    /// choose, else the usual one.
    fn push_forwarded(&self, forward: &[u8], out: &mut Vec<u8>) {
        let mut chosen = false;
        for line in forward.split_inclusive(|&byte| byte == b'\n') {
            if line.starts_with(VERSION) {
                if chosen || self.version.is_empty() {
                    continue;
                }
                chosen = true;
            }
            out.extend_from_slice(line);
        }
        if !chosen {
            out.extend_from_slice(&self.version);
        }
    }
}

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
        let ask = &ticket.ask;
        let mut options = options;
        if ask.stream {
            options |= STREAM;
        }
        if ask.include_usage {
            options |= WANTS_USAGE;
        }
        let head = if ask.stream { &target.stream_head } else { &target.whole_head };
        let mut request = Vec::with_capacity(head.len() + forward.len() + 48 + ask.body.as_bytes(py).len());
        request.extend_from_slice(head);
        // What is embedded by Gemini names its model in every part of it.
        let named = ask.endpoint.purpose() == Purpose::Embedding && target.dialect == Dialect::Gemini;
        let same = target.dialect == ask.endpoint.dialect() && !(named && target.model.is_some());
        // The caller's vendor headers are for the caller's vendor.
        target.push_forwarded(if same { forward } else { b"" }, &mut request);
        let manner = target.manner.get();
        let mut expected = Expected {
            options,
            endpoint: ask.endpoint,
            dialect: target.dialect,
            json_tool: None,
            wish: None,
            encoding: target.encoding,
            slot: ticket.slot(),
            prompt_tokens: u32::try_from(ask.estimate_tokens).unwrap_or(u32::MAX),
            origin: Origin::default(),
        };
        if same {
            let dropped = ticket.push_body(py, target.model.as_deref(), manner.manner.quirks, &mut request);
            match manner.line(&dropped) {
                Ok(line) => ticket.dropped = line,
                Err(refused) => return refusal(py, refused),
            }
        } else {
            let asked = Asked { endpoint: ask.endpoint, body: ask.body.as_bytes(py), model: &ask.model };
            match say(&asked, target.dialect, manner) {
                Ok(said) => {
                    push_sized(&said.body, &mut request);
                    (expected.json_tool, expected.wish) = (said.json_tool, said.wish);
                    expected.origin = ticket.origin(&manner.manner.model);
                    ticket.dropped = said.dropped;
                }
                Err(refused) => return refusal(py, refused),
            }
        }
        self.arm(Answer::new(expected));
        Ok(PyBytes::new(py, &self.seal(request)).into_any())
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
        self.answer.expected.dialect.name()
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

/// (code, param, message) of what cannot be said to the provider.
fn refusal(py: Python<'_>, refused: Refused) -> PyResult<Bound<'_, PyAny>> {
    Ok((refused.code, refused.param, refused.message).into_pyobject(py)?.into_any())
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Target>()?;
    module.add_class::<Reader>()
}
