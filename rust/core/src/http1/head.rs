//! The head of an upstream's answer: framing, and the facts that the pipeline asks for.
//!
//! Invariant: whatever two readers could frame differently (RFC 9112 section 6.3, section 11.2) is
//! refused, or the connection is not used again.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::{Error, Limits, MAX_HEADERS};

/// What the body is, by its media type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContentKind {
    /// `text/event-stream`.
    EventStream,
    /// `application/json`, or any type with the suffix `+json`.
    Json,
    /// `application/x-ndjson` and its synonyms.
    Ndjson,
    /// `application/vnd.amazon.eventstream`.
    Frames,
    /// Anything else, or not said.
    #[default]
    Other,
}

/// When the upstream wants to be asked again (RFC 9110 section 10.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After so many seconds.
    Seconds(u64),
    /// As the upstream wrote it: an HTTP-date, whose meaning needs a clock.
    Text(String),
}

/// Facts of a final answer's head.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// Status code, 200 to 599.
    pub status: u16,
    /// What the body is.
    pub content: ContentKind,
    /// When to ask again.
    pub retry_after: Option<RetryAfter>,
    /// Whether a content coding other than `identity` is applied.
    pub encoded: bool,
    /// `Content-Length`, in bytes.
    pub content_length: Option<u64>,
    /// Whether the peer leaves the connection open after this answer.
    pub(super) keep_alive: bool,
    forward: Vec<u8>,
    upstream_id: Option<Range<usize>>,
}

/// How the body ends (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// 1xx: another head follows.
    Interim,
    /// After so many bytes.
    Sized(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// What the header fields say about framing, before it is decided.
#[derive(Default)]
struct Said {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
}

const UPSTREAM_ID: &[u8] = b"x-headgate-upstream-id: ";
const MAX_RETRY_TEXT_BYTES: usize = 64;

impl Head {
    /// Header lines for the client, each `name: value` and CRLF, ready to be copied.
    #[must_use]
    pub fn forward(&self) -> &[u8] {
        &self.forward
    }

    /// The upstream's own request id.
    #[must_use]
    pub fn upstream_id(&self) -> Option<&[u8]> {
        self.upstream_id.clone().map(|range| &self.forward[range])
    }

    /// Forgets everything but the buffer.
    pub(super) fn clear(&mut self) {
        let mut forward = std::mem::take(&mut self.forward);
        forward.clear();
        *self = Self { forward, ..Self::default() };
    }

    /// Reads a whole head, its empty line included.
    pub(super) fn parse(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        asked_head: bool,
    ) -> Result<Framing, Error> {
        let mut fields = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let count = limits.headers.min(MAX_HEADERS);
        let mut response = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            bytes,
            &mut fields[..count],
        );
        match parsed {
            Ok(httparse::Status::Complete(used)) if used == bytes.len() => {}
            Err(httparse::Error::TooManyHeaders) => return Err(Error::TooManyHeaders),
            _ => return Err(Error::MalformedHead),
        }
        self.clear();
        self.status = response.code.unwrap_or(0);
        let mut said = Said::default();
        let old = response.version == Some(0);
        for field in response.headers.iter() {
            said.field(field.name, field.value, old)?;
            self.fact(field.name, field.value);
        }
        self.content_length = said.length;
        self.frame(&said, old, asked_head)
    }

    fn frame(&mut self, said: &Said, old: bool, asked_head: bool) -> Result<Framing, Error> {
        self.keep_alive = !said.close && (!old || said.keep_alive);
        match self.status {
            101 => return Err(Error::UnexpectedUpgrade),
            100..=199 => return Ok(Framing::Interim),
            200..=599 => {}
            _ => return Err(Error::MalformedHead),
        }
        if said.chunked && said.length.is_some() {
            self.keep_alive = false;
        }
        // A 204 that announces a body may well send it, and it would look like the next answer.
        if self.status == 204 && (said.chunked || said.length.unwrap_or(0) != 0) {
            self.keep_alive = false;
        }
        if asked_head || matches!(self.status, 204 | 304) {
            return Ok(Framing::Sized(0));
        }
        if said.chunked {
            return Ok(Framing::Chunked);
        }
        if let Some(length) = said.length {
            return Ok(Framing::Sized(length));
        }
        self.keep_alive = false;
        Ok(Framing::UntilClose)
    }

    fn fact(&mut self, name: &str, value: &[u8]) {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        if is("content-type") {
            self.content = content_kind(value);
        } else if is("content-encoding") {
            self.encoded |= !value.is_empty() && !value.eq_ignore_ascii_case(b"identity");
        } else if is("retry-after") {
            self.retry_after = retry_after(value);
        } else if is("x-request-id") || is("request-id") {
            if self.upstream_id.is_none() {
                self.forward.extend_from_slice(UPSTREAM_ID);
                let start = self.forward.len();
                self.forward.extend_from_slice(value);
                self.upstream_id = Some(start..self.forward.len());
                self.forward.extend_from_slice(b"\r\n");
            }
        } else if starts_with(name, "openai-") || starts_with(name, "anthropic-") {
            self.forward.extend(name.bytes().map(|byte| byte.to_ascii_lowercase()));
            self.forward.extend_from_slice(b": ");
            self.forward.extend_from_slice(value);
            self.forward.extend_from_slice(b"\r\n");
        }
    }
}

impl Said {
    fn field(&mut self, name: &str, value: &[u8], old: bool) -> Result<(), Error> {
        if name.eq_ignore_ascii_case("content-length") {
            for item in value.split(|byte| *byte == b',') {
                let length = decimal(item.trim_ascii()).ok_or(Error::BadContentLength)?;
                if self.length.is_some_and(|before| before != length) {
                    return Err(Error::BadContentLength);
                }
                self.length = Some(length);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            let known = value.trim_ascii().eq_ignore_ascii_case(b"chunked");
            if old || self.chunked || !known {
                return Err(Error::BadTransferEncoding);
            }
            self.chunked = true;
        } else if name.eq_ignore_ascii_case("connection") {
            for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                self.close |= token.eq_ignore_ascii_case(b"close");
                self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
            }
        }
        Ok(())
    }
}

fn starts_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Digits only, so no sign and no space, and far from overflow in later sums.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter()
        .try_fold(0_u64, |value, byte| {
            let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
            value.checked_mul(10)?.checked_add(digit)
        })
        .filter(|value| i64::try_from(*value).is_ok())
}

fn content_kind(value: &[u8]) -> ContentKind {
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    let media = value[..end].trim_ascii();
    let is = |wanted: &[u8]| media.eq_ignore_ascii_case(wanted);
    let json_suffix = media.len() > 5 && media[media.len() - 5..].eq_ignore_ascii_case(b"+json");
    if is(b"text/event-stream") {
        ContentKind::EventStream
    } else if is(b"application/json") || json_suffix {
        ContentKind::Json
    } else if is(b"application/x-ndjson") || is(b"application/ndjson") || is(b"application/jsonl") {
        ContentKind::Ndjson
    } else if is(b"application/vnd.amazon.eventstream") {
        ContentKind::Frames
    } else {
        ContentKind::Other
    }
}

fn retry_after(value: &[u8]) -> Option<RetryAfter> {
    if let Some(seconds) = decimal(value) {
        return Some(RetryAfter::Seconds(seconds));
    }
    let text = std::str::from_utf8(value).ok()?;
    (1..=MAX_RETRY_TEXT_BYTES).contains(&text.len()).then(|| RetryAfter::Text(text.to_owned()))
}
