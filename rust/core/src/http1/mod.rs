//! Reader of HTTP/1.1 answers (RFC 9112): bytes in, body slices and facts out.
//!
//! Invariant: any split of the input gives the same body, facts and verdict; body bytes are handed
//! on where they lie and never kept here.

mod chunked;
mod error;
mod head;
pub mod request;

pub use error::Error;
pub use head::{ContentKind, Head, RetryAfter};

use chunked::Chunked;
use head::Framing;

/// Most header fields of one head, whatever [`Limits`] say.
pub const MAX_HEADERS: usize = 128;

const MAX_INTERIM: u8 = 16;
const KEPT_BUFFER_BYTES: usize = 64 * 1024;

/// Bounds on what an upstream may send besides its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest head, and longest trailer section, in bytes.
    pub head_bytes: usize,
    /// Most header fields; no more than [`MAX_HEADERS`] have effect.
    pub headers: usize,
    /// Longest chunk size line with its extensions, in bytes.
    pub chunk_line_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head_bytes: 64 * 1024, headers: MAX_HEADERS, chunk_line_bytes: 4096 }
    }
}

/// What the end of the connection means for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The answer is whole.
    Complete,
    /// Bytes are missing.
    Truncated,
    /// Not one byte came: the request may be asked again elsewhere.
    NoResponse,
}

#[derive(Clone, Debug)]
enum State {
    /// Before or in a head; → a body state, or `Head` again after 1xx.
    Head,
    /// In a body of known length; → `Done`.
    Sized { left_bytes: u64 },
    /// In a chunked body; → `Done`.
    Chunked(Chunked),
    /// In a body that ends with the connection.
    UntilClose,
    /// After the last byte; → `Head` by [`ResponseReader::start`].
    Done,
    /// After a violation.
    Failed(Error),
}

/// Reads one answer at a time from one connection.
#[derive(Debug)]
pub struct ResponseReader {
    limits: Limits,
    state: State,
    head: Head,
    has_head: bool,
    asked_head: bool,
    interim: u8,
    got_bytes: bool,
    partial: Vec<u8>,
    line_start: usize,
}

impl ResponseReader {
    /// A reader for the answer to a first request that is not HEAD.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Head,
            head: Head::default(),
            has_head: false,
            asked_head: false,
            interim: 0,
            got_bytes: false,
            partial: Vec::new(),
            line_start: 0,
        }
    }

    /// Makes ready for the next answer; buffers stay, unless they grew large.
    pub fn start(&mut self, asked_head: bool) {
        self.state = State::Head;
        self.head.clear();
        self.has_head = false;
        self.asked_head = asked_head;
        self.interim = 0;
        self.got_bytes = false;
        self.forget_partial();
    }

    /// Reads `input`; each piece of body goes to `sink` with the head before it.
    ///
    /// # Errors
    /// The first violation, and the same again for whatever is fed after it.
    #[inline]
    pub fn feed(&mut self, input: &[u8], mut sink: impl FnMut(&Head, &[u8])) -> Result<(), Error> {
        let result = self.advance(input, &mut sink);
        if let Err(error) = result {
            self.state = State::Failed(error);
        }
        result
    }

    #[inline]
    fn advance(&mut self, input: &[u8], sink: &mut impl FnMut(&Head, &[u8])) -> Result<(), Error> {
        let mut rest = input;
        while !rest.is_empty() {
            let used = match &mut self.state {
                State::Head => self.read_head(rest)?,
                State::Sized { left_bytes } => {
                    let take = usize::try_from(*left_bytes).map_or(rest.len(), |left| left.min(rest.len()));
                    sink(&self.head, &rest[..take]);
                    *left_bytes -= take as u64;
                    if *left_bytes == 0 {
                        self.state = State::Done;
                    }
                    take
                }
                State::Chunked(body) => {
                    let head = &self.head;
                    let used = body.feed(rest, &self.limits, |piece| sink(head, piece))?;
                    if body.is_done() {
                        self.state = State::Done;
                    }
                    used
                }
                State::UntilClose => {
                    sink(&self.head, rest);
                    rest.len()
                }
                State::Done => {
                    // Bytes nobody asked for: what follows them cannot be trusted to be an answer.
                    self.head.keep_alive = false;
                    rest.len()
                }
                State::Failed(error) => return Err(*error),
            };
            rest = &rest[used..];
        }
        Ok(())
    }

    /// Takes in a head or a part of one; returns how many bytes of `input` belong to it.
    fn read_head(&mut self, input: &[u8]) -> Result<usize, Error> {
        self.got_bytes = true;
        if self.partial.is_empty() && input[0] != b'H' {
            return Err(Error::MalformedHead);
        }
        let before = self.partial.len();
        let room = self.limits.head_bytes.saturating_sub(before);
        let seen = &input[..input.len().min(room)];
        let end = self.head_end(seen, before)?;
        let Some(end) = end else {
            if input.len() > room {
                return Err(Error::HeadTooLarge);
            }
            self.partial.extend_from_slice(input);
            return Ok(input.len());
        };
        let framing = if before == 0 {
            self.head.parse(&input[..end], &self.limits, self.asked_head)?
        } else {
            self.partial.extend_from_slice(&input[..end]);
            self.head.parse(&self.partial, &self.limits, self.asked_head)?
        };
        self.forget_partial();
        self.enter(framing)?;
        Ok(end)
    }

    /// Finds the end of the head in `input`, which continues `before` kept bytes.
    ///
    /// Lines must end in CRLF: a bare LF is read as a line end by some and not by others.
    fn head_end(&mut self, input: &[u8], before: usize) -> Result<Option<usize>, Error> {
        for at in memchr::memchr_iter(b'\n', input) {
            let previous = if at == 0 { self.partial.last() } else { input.get(at - 1) };
            if previous != Some(&b'\r') {
                return Err(Error::MalformedHead);
            }
            let line_bytes = before + at - 1 - self.line_start;
            self.line_start = before + at + 1;
            if line_bytes == 0 {
                return Ok(Some(at + 1));
            }
        }
        Ok(None)
    }

    fn enter(&mut self, framing: Framing) -> Result<(), Error> {
        self.has_head = framing != Framing::Interim;
        self.state = match framing {
            Framing::Interim if self.interim == MAX_INTERIM => return Err(Error::TooManyInterim),
            Framing::Interim => {
                self.interim += 1;
                self.head.clear();
                State::Head
            }
            Framing::Sized(0) => State::Done,
            Framing::Sized(left_bytes) => State::Sized { left_bytes },
            Framing::Chunked => State::Chunked(Chunked::new()),
            Framing::UntilClose => State::UntilClose,
        };
        Ok(())
    }

    fn forget_partial(&mut self) {
        self.line_start = 0;
        self.partial.clear();
        if self.partial.capacity() > KEPT_BUFFER_BYTES {
            self.partial = Vec::new();
        }
    }

    /// Tells what the end of the connection at this point means.
    #[must_use]
    pub fn eof(&self) -> End {
        match self.state {
            State::Done | State::UntilClose => End::Complete,
            State::Head if !self.got_bytes => End::NoResponse,
            _ => End::Truncated,
        }
    }

    /// Facts of the answer, once its head is whole.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        self.has_head.then_some(&self.head)
    }

    /// Whether the last byte of the answer was read; a close-delimited one never says so.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether any byte of an answer came, 1xx included.
    #[must_use]
    pub fn got_bytes(&self) -> bool {
        self.got_bytes
    }

    /// Whether the next request may go over this connection.
    #[must_use]
    pub fn reusable(&self) -> bool {
        self.is_done() && self.head.keep_alive
    }
}
