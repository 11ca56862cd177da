//! Header fields of a request (RFC 9112 section 5), and what those say that frame the message (section 6).
//!
//! Invariant: a name is a token directly before its colon; a value has no control character but HTAB; a field
//! that frames the message stands once.

use super::line::Version;
use super::{Body, Field, Refusal};

/// Names that are met often, in lower case; the border keeps them ready.
pub const KNOWN_NAMES: [&str; 32] = [
    "host",
    "content-length",
    "transfer-encoding",
    "expect",
    "connection",
    "x-request-id",
    "authorization",
    "content-type",
    "user-agent",
    "accept",
    "accept-encoding",
    "accept-language",
    "traceparent",
    "tracestate",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "x-headgate-cache",
    "openai-organization",
    "openai-project",
    "openai-beta",
    "idempotency-key",
    "x-stainless-lang",
    "x-stainless-package-version",
    "x-stainless-os",
    "x-stainless-arch",
    "x-stainless-runtime",
    "x-stainless-runtime-version",
    "x-stainless-async",
    "x-stainless-retry-count",
    "x-stainless-read-timeout",
];
// Places in KNOWN_NAMES; a test holds both together.
const HOST: usize = 0;
const CONTENT_LENGTH: usize = 1;
const TRANSFER_ENCODING: usize = 2;
const EXPECT: usize = 3;
const CONNECTION: usize = 4;
const X_REQUEST_ID: usize = 5;
const AUTHORIZATION: usize = 6;

const LONGEST_KNOWN_BYTES: usize = 32;
const MAX_ID_BYTES: usize = 128;
const MAX_LENGTH_DIGITS: usize = 18;
const CODINGS: [&[u8]; 6] = [b"gzip", b"x-gzip", b"deflate", b"compress", b"br", b"zstd"];
const LOWER: [u8; 256] = lower_tokens();
const KNOWN_BY_HASH: [u8; 256] = known_by_hash();

/// The name of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name<'a> {
    /// Place in [`KNOWN_NAMES`].
    Known(usize),
    /// Another one, in the case in which it came.
    Other(&'a [u8]),
}

/// What the fields seen so far say about the message.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate thing that was said")]
pub(super) struct Said<'a> {
    pub(super) host: Option<&'a [u8]>,
    pub(super) authorization: Option<&'a [u8]>,
    pub(super) special: bool,
    pub(super) vendor: bool,
    length: Option<u64>,
    coding: Option<&'a [u8]>,
    expectation: Option<&'a [u8]>,
    id: Option<&'a [u8]>,
    close: bool,
    keep_alive: bool,
}

impl<'a> Said<'a> {
    /// Cuts one line without its CRLF, and notes what it says.
    pub(super) fn field(&mut self, line: &'a [u8]) -> Result<Field<'a>, Refusal> {
        let Some(colon) = memchr::memchr(b':', line) else { return Err(malformed()) };
        let (name, raw) = (&line[..colon], &line[colon + 1..]);
        let name = self.name(name)?;
        if raw.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(malformed());
        }
        let value = trim(raw);
        if let Name::Known(place) = name {
            self.known(place, value, raw)?;
        }
        Ok(Field { name, value })
    }

    fn name(&mut self, name: &'a [u8]) -> Result<Name<'a>, Refusal> {
        let mut buffer = [0_u8; LONGEST_KNOWN_BYTES];
        let mut tokens = !name.is_empty();
        // Longer names are looked at whole, but only their beginning is needed in lower case.
        for (place, byte) in name.iter().enumerate() {
            let lower = LOWER[usize::from(*byte)];
            tokens &= lower != 0;
            if let Some(slot) = buffer.get_mut(place) {
                *slot = lower;
            }
        }
        if !tokens {
            return Err(malformed());
        }
        let lower = &buffer[..name.len().min(LONGEST_KNOWN_BYTES)];
        self.special |= lower.starts_with(b"x-headgate-");
        self.vendor |= lower.starts_with(b"openai-")
            || lower.starts_with(b"anthropic-")
            || matches!(name.len(), 7 | 12 | 15)
                && matches!(lower, b"x-title" | b"http-referer" | b"idempotency-key");
        let place = usize::from(KNOWN_BY_HASH[hash(lower)]);
        let found = KNOWN_NAMES.get(place).is_some_and(|known| known.as_bytes() == lower);
        Ok(if found && name.len() == lower.len() { Name::Known(place) } else { Name::Other(name) })
    }

    fn known(&mut self, place: usize, value: &'a [u8], raw: &'a [u8]) -> Result<(), Refusal> {
        match place {
            HOST => {
                check_host(value)?;
                once(place, self.host.replace(value).is_none())
            }
            CONTENT_LENGTH => once(place, self.length.replace(content_length(value)?).is_none()),
            TRANSFER_ENCODING => once(place, self.coding.replace(raw).is_none()),
            EXPECT => once(place, self.expectation.replace(value).is_none()),
            CONNECTION => {
                for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
                Ok(())
            }
            X_REQUEST_ID => {
                self.id.get_or_insert(value);
                Ok(())
            }
            AUTHORIZATION => {
                self.authorization.get_or_insert(value);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// How the body ends; only for HTTP/1.1 may the host be missing (RFC 9112 section 3.2) or a coding be said.
    pub(super) fn body(&self, version: Version) -> Result<Body, Refusal> {
        if self.host.is_none() && version == Version::Http11 {
            return Err(Refusal::new(400, "missing_host", "The host header is missing"));
        }
        let Some(coding) = self.coding else { return Ok(Body::Sized(self.length.unwrap_or(0))) };
        if version == Version::Http10 || self.length.is_some() {
            return Err(Refusal::new(400, "ambiguous_length", "transfer-encoding is not allowed here"));
        }
        // Not a byte more than everybody writes: readers differ in what they make of white space here.
        if coding.strip_prefix(b" ").unwrap_or(coding).eq_ignore_ascii_case(b"chunked") {
            return Ok(Body::Chunked);
        }
        if is_other_coding(trim(coding)) {
            let message = "Only the chunked transfer coding is supported";
            return Err(Refusal::new(501, "unknown_transfer_encoding", message));
        }
        Err(Refusal::new(400, "invalid_transfer_encoding", "The transfer-encoding header is malformed"))
    }

    /// Whether the client wants the connection kept (RFC 9112 section 9.3).
    pub(super) fn keeps_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }

    /// Whether the client waits for 100 Continue; an HTTP/1.0 client's expectation is ignored.
    pub(super) fn expects_continue(&self, version: Version) -> Result<bool, Refusal> {
        match self.expectation {
            Some(value) if version == Version::Http11 => {
                if value.eq_ignore_ascii_case(b"100-continue") {
                    return Ok(true);
                }
                let message = "Only the 100-continue expectation is supported";
                Err(Refusal::new(417, "expectation_failed", message))
            }
            _ => Ok(false),
        }
    }

    /// The first id that was offered, if it is 1 to 128 of `[A-Za-z0-9._-]`.
    pub(super) fn request_id(&self) -> Option<&'a str> {
        let id = self.id?;
        let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let good = (1..=MAX_ID_BYTES).contains(&id.len()) && id.iter().all(harmless);
        std::str::from_utf8(id).ok().filter(|_| good)
    }
}

fn once(place: usize, first: bool) -> Result<(), Refusal> {
    if first {
        return Ok(());
    }
    let message = format!("The {} header appears more than once", KNOWN_NAMES[place]);
    Err(Refusal { status: 400, code: "duplicate_header", message: message.into() })
}

fn content_length(value: &[u8]) -> Result<u64, Refusal> {
    let digits = (1..=MAX_LENGTH_DIGITS).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    if digits {
        // Eighteen digits cannot overflow.
        return Ok(value.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0')));
    }
    Err(Refusal::new(400, "invalid_content_length", "The content-length header is malformed"))
}

/// Refuses a host that is empty or has bytes that no authority has (RFC 3986 section 3.2.2).
fn check_host(host: &[u8]) -> Result<(), Refusal> {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+;=".contains(byte);
    if !host.is_empty() && host.iter().all(known) {
        return Ok(());
    }
    Err(Refusal::new(400, "invalid_host", "The host header is malformed"))
}

/// A list of codings that exist, `chunked` last (RFC 9112 section 7).
fn is_other_coding(value: &[u8]) -> bool {
    let mut parts = value.rsplit(|byte| *byte == b',');
    let unspaced = |part: &'_ [u8]| part.strip_prefix(b" ").unwrap_or(part).to_ascii_lowercase();
    if parts.next().map(unspaced).as_deref() != Some(b"chunked") {
        return false;
    }
    let mut others = parts.peekable();
    others.peek().is_some() && others.all(|part| CODINGS.contains(&unspaced(part).as_slice()))
}

/// Without the white space around it (RFC 9110 section 5.5).
fn trim(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}

const fn malformed() -> Refusal {
    Refusal::new(400, "invalid_request", "A header field is malformed")
}

/// Token characters (RFC 9110 section 5.6.2) in lower case; 0 for all others.
const fn lower_tokens() -> [u8; 256] {
    let others = b"!#$%&'*+-.^_`|~";
    let mut table = [0; 256];
    let mut byte = b'0';
    while byte <= b'z' {
        if byte.is_ascii_alphanumeric() {
            table[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = others[at];
        at += 1;
    }
    table
}

/// Spreads the known names; that no two fall together is asserted while compiling.
const fn hash(name: &[u8]) -> usize {
    let size = name.len();
    if size == 0 {
        return 0;
    }
    let (first, middle, last) = (name[0] as usize, name[size / 2] as usize, name[size - 1] as usize);
    (size * 32 + first * 49 + middle * 29 + last * 31) % 256
}

#[expect(clippy::cast_possible_truncation, reason = "fewer than 255 names")]
const fn known_by_hash() -> [u8; 256] {
    let mut table = [u8::MAX; 256];
    let mut place = 0;
    while place < KNOWN_NAMES.len() {
        let slot = hash(KNOWN_NAMES[place].as_bytes());
        assert!(table[slot] == u8::MAX, "two names share a slot");
        table[slot] = place as u8;
        place += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::{
        AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, KNOWN_NAMES, LONGEST_KNOWN_BYTES, Name,
        Said, TRANSFER_ENCODING, X_REQUEST_ID,
    };

    #[test]
    fn every_known_name_is_found() {
        for (place, name) in KNOWN_NAMES.iter().enumerate() {
            assert!(name.len() < LONGEST_KNOWN_BYTES);
            let line = format!("{}:1", name.to_ascii_uppercase());
            // A host and a length take `1`; what follows is not looked at here.
            let field = Said::default().field(line.as_bytes()).unwrap();
            assert_eq!(field.name, Name::Known(place), "{name}");
        }
    }

    #[test]
    fn places_are_those_of_the_names() {
        let places = [
            (HOST, "host"),
            (CONTENT_LENGTH, "content-length"),
            (TRANSFER_ENCODING, "transfer-encoding"),
            (EXPECT, "expect"),
            (CONNECTION, "connection"),
            (X_REQUEST_ID, "x-request-id"),
            (AUTHORIZATION, "authorization"),
        ];
        for (place, name) in places {
            assert_eq!(KNOWN_NAMES[place], name);
        }
    }
}
