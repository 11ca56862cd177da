//! Reader of a client's request head (RFC 9112): bytes in, what the edge must know out.
//!
//! Invariant: two readers of the same bytes must not see two different requests; whatever is ambiguous is
//! refused. Where a message ends is decided here alone, by [`Body`].

mod fields;
mod line;

use std::borrow::Cow;

pub use fields::{KNOWN_NAMES, Name};
pub use line::Method;

use fields::Said;
use line::{Version, cut_line};

const END: &[u8] = b"\r\n\r\n";
const CRLF: &[u8] = b"\r\n";

/// Bounds on a request, sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest head, the empty line included.
    pub head_bytes: usize,
    /// Most header fields.
    pub headers: usize,
    /// Longest request target.
    pub target_bytes: usize,
    /// Longest body that may be announced.
    pub body_bytes: u64,
}

/// Why a head is not served: a status, a code for programs, a message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer, 4xx or 5xx.
    pub status: u16,
    /// The stable name of the rule that was broken.
    pub code: &'static str,
    /// One sentence without bytes of the request.
    pub message: Cow<'static, str>,
}

impl Refusal {
    const fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message: Cow::Borrowed(message) }
    }
}

/// How the body ends (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// After so many bytes; 0 where none is announced.
    Sized(u64),
    /// With the last chunk.
    Chunked,
}

/// One header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: Name<'a>,
    /// Its value without the white space around it.
    pub value: &'a [u8],
}

/// A request head that breaks no rule.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate fact of the head")]
pub struct Head<'a> {
    /// Offset of the first byte behind the empty line.
    pub end: usize,
    /// The method.
    pub method: Method,
    /// Path of the target, undecoded.
    pub path: &'a [u8],
    /// What follows the first `?` of the target.
    pub query: &'a [u8],
    /// All fields in their order.
    pub fields: Vec<Field<'a>>,
    /// How the body ends.
    pub body: Body,
    /// The client speaks HTTP/1.1, so it understands the chunked coding.
    pub chunked: bool,
    /// The client wants the connection kept (RFC 9112 section 9.3).
    pub keep_alive: bool,
    /// The client waits for 100 Continue (RFC 9110 section 10.1.1).
    pub expects_continue: bool,
    /// Some name begins with `x-headgate-`.
    pub special: bool,
    /// Some name is one that a provider could be meant by (`openai-*`, `idempotency-key`, …).
    pub vendor: bool,
    /// The client's own id of the request, where it is safe in a header line and in a log line.
    pub request_id: Option<&'a str>,
    /// The first `authorization` value.
    pub authorization: Option<&'a [u8]>,
}

/// Reads heads, one after the other; nothing is kept between two.
#[derive(Clone, Copy, Debug)]
pub struct HeadReader {
    limits: Limits,
}

impl HeadReader {
    /// A reader with these bounds.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// Reads the head that `data` begins with (one empty line before it is skipped, RFC 9112 section 2.2);
    /// `None` while its end has not come.
    ///
    /// # Errors
    ///
    /// The first rule that the head breaks.
    pub fn read<'a>(&self, data: &'a [u8]) -> Result<Option<Head<'a>>, Refusal> {
        let begin = if data.starts_with(CRLF) { CRLF.len() } else { 0 };
        if begin > 0 && data[begin..].starts_with(CRLF) {
            return Err(Refusal::new(400, "invalid_request_line", "The request line is empty"));
        }
        let Some(length) = whole_length(&data[begin..]) else { return Ok(None) };
        let end = begin + length;
        if end - begin > self.limits.head_bytes {
            return Err(Refusal::new(431, "headers_too_large", "The request head is too large"));
        }
        self.read_whole(&data[begin..end - CRLF.len()], end).map(Some)
    }

    /// `head`: whole lines, each with its CRLF, the empty one left out.
    fn read_whole<'a>(&self, head: &'a [u8], end: usize) -> Result<Head<'a>, Refusal> {
        let (line, mut rest) = cut_line(head)?;
        let line = line::request_line(line, self.limits.target_bytes)?;
        let mut said = Said::default();
        let mut fields = Vec::with_capacity(16);
        while !rest.is_empty() {
            if fields.len() == self.limits.headers {
                let message = format!("More than {} header fields", self.limits.headers);
                return Err(Refusal { status: 431, code: "too_many_headers", message: message.into() });
            }
            let (text, next) = cut_line(rest)?;
            fields.push(said.field(text)?);
            rest = next;
        }
        let body = said.body(line.version)?;
        if let Body::Sized(length) = body
            && length > self.limits.body_bytes
        {
            let message = format!("The request body is larger than {} bytes", self.limits.body_bytes);
            return Err(Refusal { status: 413, code: "body_too_large", message: message.into() });
        }
        let (path, query) = line.split_target(said.host.unwrap_or_default())?;
        Ok(Head {
            end,
            method: line.method,
            path,
            query,
            fields,
            body,
            chunked: line.version == Version::Http11,
            keep_alive: said.keeps_alive(line.version),
            expects_continue: said.expects_continue(line.version)?,
            special: said.special,
            vendor: said.vendor,
            request_id: said.request_id(),
            authorization: said.authorization,
        })
    }
}

/// Bytes of the head that `data` begins with, the empty line included.
fn whole_length(data: &[u8]) -> Option<usize> {
    // A kept searcher wants an alignment that Python's allocator does not give, and a new one costs more than this.
    memchr::memchr_iter(b'\n', data).map(|at| at + 1).find(|length| data[..*length].ends_with(END))
}
