//! Where requests go, and the whole of each: head, credential, body.
//!
//! Invariant: what a credential signs is what is sent.

use std::borrow::Cow;

use headgate_core::tokens::Encoding;
use headgate_core::wire::anthropic::hosted::{self, Host};
use headgate_core::wire::conversation::{Asked, Speech};
use headgate_core::wire::count;
use headgate_core::wire::embeddings::exchange::Wish;
use headgate_core::wire::endpoint::{Dialect, Endpoint, Purpose};
use headgate_core::wire::model::{Dropped, Refused};
use headgate_core::wire::provenance::is_marked;
use pyo3::prelude::*;

use crate::credential::{Call, Credential};
use crate::dialect::Origin;
use crate::saying::{Manner, say};
use crate::scan::dialect_of;
use crate::ticket::{Ticket, push_sized};

/// Where a request goes, the same for all requests of one endpoint and model.
#[pyclass(frozen, module = "headgate._core")]
pub(crate) struct Target {
    whole_head: Vec<u8>,
    stream_head: Vec<u8>,
    /// The dialect's version as a header line, where a caller may choose another.
    version: Vec<u8>,
    model: Option<String>,
    manner: Py<Manner>,
    credential: Option<Py<Credential>>,
    pub(crate) speech: Speech,
    pub(crate) encoding: Encoding,
    /// Whether it is Gemini at Vertex AI, which counts in another shape.
    vertex: bool,
}

/// A request as it is sent, and what must be known when its answer comes.
pub(crate) struct Request {
    pub(crate) bytes: Vec<u8>,
    pub(crate) json_tool: Option<&'static str>,
    pub(crate) wish: Option<Box<Wish>>,
    /// For an answer that is told in other words than the provider's.
    pub(crate) origin: Origin,
}

#[pymethods]
impl Target {
    /// `heads` are all of the request's head but its `content-length`, for a whole answer and for a stream; a
    /// version of the dialect in their last line gives way to one that the caller asks for. `model` replaces the one that was asked for; `speech` is the provider's dialect and who hosts it.
    #[new]
    fn new(
        heads: (Vec<u8>, Vec<u8>),
        model: Option<String>,
        manner: Py<Manner>,
        speech: (&str, &str),
        credential: Option<Py<Credential>>,
    ) -> PyResult<Self> {
        let dialect = dialect_of(speech.0)?;
        let host = match speech {
            ("anthropic", "bedrock") => Some(Host::Bedrock),
            ("anthropic", "vertex") => Some(Host::Vertex),
            _ => None,
        };
        let encoding = Encoding::for_model(&manner.get().manner.model);
        let (mut whole_head, mut stream_head) = heads;
        let version = take_version(&mut whole_head);
        take_version(&mut stream_head);
        let vertex = speech == ("gemini", "vertex");
        let speech = Speech { dialect, host };
        Ok(Self { whole_head, stream_head, version, model, manner, credential, speech, encoding, vertex })
    }
}

impl Target {
    /// The whole request; notes on the ticket what had no place in it.
    pub(crate) fn request(
        &self,
        py: Python<'_>,
        ticket: &mut Ticket,
        forward: &[u8],
    ) -> Result<Request, Refused> {
        let ask = &ticket.ask;
        let manner = self.manner.get();
        let (mut json_tool, mut wish, mut origin) = (None, None, Origin::default());
        let same = self.is_asked_in_its_own_words(ask.endpoint)
            && !is_marked(ask.body.as_bytes(py), self.speech.dialect);
        let (body, line) = if same {
            let mut dropped = Dropped::default();
            let body = ticket.body(py, self.model.as_deref(), manner.manner.quirks, &mut dropped);
            (body, manner.line(&dropped)?)
        } else {
            let asked = Asked { endpoint: ask.endpoint, body: ask.body.as_bytes(py), model: &ask.model };
            let said = say(&asked, self.speech.dialect, manner)?;
            (json_tool, wish) = (said.json_tool, said.wish);
            origin = ticket.origin(&manner.manner.model);
            (Cow::Owned(said.body), said.dropped)
        };
        // The caller's vendor headers are for the caller's vendor.
        let forward = if same { forward } else { b"" };
        let body = self.hosted(ask.endpoint, body, forward)?;
        let head = if ask.stream { &self.stream_head } else { &self.whole_head };
        let mut bytes = Vec::with_capacity(head.len() + forward.len() + 48 + body.len());
        bytes.extend_from_slice(head);
        if self.speech.host != Some(Host::Bedrock) {
            self.push_forwarded(forward, &mut bytes);
        }
        self.push_credential(py, head, &body, ticket.sent_ms(), &mut bytes)?;
        push_sized(&body, &mut bytes);
        ticket.dropped = line;
        Ok(Request { bytes, json_tool, wish, origin })
    }

    /// Appends the caller's vendor headers, and the version: the caller's own, where it is free to choose, else
    /// the usual one.
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

    fn is_asked_in_its_own_words(&self, endpoint: Endpoint) -> bool {
        let dialect = self.speech.dialect;
        // What is embedded by Gemini names its model in every part of it.
        let named = endpoint.purpose() == Purpose::Embedding && dialect == Dialect::Gemini;
        dialect == endpoint.dialect() && !(named && self.model.is_some())
    }

    /// The body as the cloud takes it that hosts the model.
    fn hosted<'a>(
        &self,
        endpoint: Endpoint,
        body: Cow<'a, [u8]>,
        forward: &[u8],
    ) -> Result<Cow<'a, [u8]>, Refused> {
        if self.vertex && endpoint.purpose() == Purpose::Count {
            return count::at_vertex(&body).map(Cow::Owned);
        }
        let Some(host) = self.speech.host.filter(|_| endpoint.purpose() == Purpose::Conversation) else {
            return Ok(body);
        };
        let beta = beta(forward);
        let names: Vec<&str> = beta.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let refused = |error: headgate_core::json::Malformed| Refused {
            code: "invalid_json",
            param: None,
            message: error.to_string(),
        };
        hosted::body(&body, host, &names).map(Cow::Owned).map_err(refused)
    }

    fn push_credential(
        &self,
        py: Python<'_>,
        head: &[u8],
        body: &[u8],
        wall_ms: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        let Some(credential) = &self.credential else { return Ok(()) };
        let (path, host) = place(head).unwrap_or_default();
        let call = Call { method: "POST", host, path, body, wall_ms };
        if credential.bind(py).get().push_headers(&call, out) {
            return Ok(());
        }
        let message = "The gateway has no valid credential for this provider at the moment.".to_owned();
        Err(Refused { code: NO_CREDENTIAL, param: None, message })
    }
}

/// The header that names the version of Anthropic's dialect.
const VERSION: &[u8] = b"anthropic-version: ";

/// Takes the last line of a head, where it is the dialect's version.
fn take_version(head: &mut Vec<u8>) -> Vec<u8> {
    let lines = head.strip_suffix(b"\r\n").unwrap_or_default();
    let last = lines.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    if lines[last..].starts_with(VERSION) { head.split_off(last) } else { Vec::new() }
}

/// The code of a refusal that is not the caller's fault.
const NO_CREDENTIAL: &str = "no_credential";

/// The values of `anthropic-beta` among header lines.
fn beta(lines: &[u8]) -> &str {
    const NAME: &[u8] = b"anthropic-beta: ";
    let line = lines.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(NAME));
    line.and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
}

/// The target and the host of a request's head, which begins with its request line and its `host`.
fn place(head: &[u8]) -> Option<(&str, &str)> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let path = lines.next()?.strip_prefix("POST ")?.strip_suffix(" HTTP/1.1")?;
    let host = lines.next()?.strip_prefix("host: ")?;
    Some((path, host))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Target>()
}
