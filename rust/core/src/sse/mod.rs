//! Server-sent events (WHATWG HTML, section 9.2), incremental and bounded.
//!
//! Invariant: any split of the stream gives the same events; an event that lies in one slice is
//! not copied.

mod fields;
mod splitter;

pub use fields::{Lines, field, lines};
pub use splitter::{Boundary, Splitter};

/// Longest event that is read, in bytes.
pub const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// U+FEFF, which a stream may begin with.
pub const BOM: &[u8] = b"\xef\xbb\xbf";

const KEPT_BUFFER_BYTES: usize = 64 * 1024;

/// One event as a client would get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event` field; empty means `message`.
    pub name: &'a [u8],
    /// The `data` fields, joined by LF.
    pub data: &'a [u8],
    /// The last `id` of the stream so far.
    pub id: &'a [u8],
}

/// An event is longer than [`MAX_EVENT_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTooLarge;

/// Parser of a whole stream.
#[derive(Debug)]
pub struct EventParser {
    splitter: Splitter,
    partial: Vec<u8>,
    joined: Vec<u8>,
    id: Vec<u8>,
    retry_ms: Option<u64>,
    max_event_bytes: usize,
    started: bool,
    failed: bool,
}

impl Default for EventParser {
    fn default() -> Self {
        Self::with_max_event(MAX_EVENT_BYTES)
    }
}

impl EventParser {
    /// A parser that refuses events over `max_event_bytes`.
    #[must_use]
    pub fn with_max_event(max_event_bytes: usize) -> Self {
        Self {
            splitter: Splitter::default(),
            partial: Vec::new(),
            joined: Vec::new(),
            id: Vec::new(),
            retry_ms: None,
            max_event_bytes,
            started: false,
            failed: false,
        }
    }

    /// The last `retry` field, in milliseconds.
    #[must_use]
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// Hands every event that ends in `input` to `sink`; the rest is kept.
    ///
    /// # Errors
    /// [`EventTooLarge`], then and for whatever is fed after it.
    pub fn feed(&mut self, input: &[u8], mut sink: impl FnMut(Event<'_>)) -> Result<(), EventTooLarge> {
        let mut rest = &input[self.splitter.late_lf(input)..];
        while !self.failed {
            let Some(boundary) = self.splitter.find_end(rest) else {
                return self.keep(rest);
            };
            let (block, after) = rest.split_at(boundary.end);
            rest = after;
            if self.partial.is_empty() {
                self.check(block.len())?;
                self.dispatch(block, &mut sink);
            } else {
                self.keep(block)?;
                let whole = std::mem::take(&mut self.partial);
                self.dispatch(&whole, &mut sink);
                if whole.capacity() <= KEPT_BUFFER_BYTES {
                    self.partial = whole;
                    self.partial.clear();
                }
            }
        }
        Err(EventTooLarge)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), EventTooLarge> {
        self.check(self.partial.len() + bytes.len())?;
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    fn check(&mut self, event_bytes: usize) -> Result<(), EventTooLarge> {
        self.failed = event_bytes > self.max_event_bytes;
        if self.failed { Err(EventTooLarge) } else { Ok(()) }
    }

    fn dispatch(&mut self, block: &[u8], sink: &mut impl FnMut(Event<'_>)) {
        let bom = !std::mem::replace(&mut self.started, true);
        let block = if bom { block.strip_prefix(BOM).unwrap_or(block) } else { block };
        let (mut name, mut only, mut several): (&[u8], Option<&[u8]>, bool) = (b"", None, false);
        for line in lines(block) {
            match field(line) {
                (b"data", value) => several |= only.replace(value).is_some(),
                (b"event", value) => name = value,
                (b"id", value) if memchr::memchr(0, value).is_none() => {
                    self.id.clear();
                    self.id.extend_from_slice(value);
                }
                (b"retry", value) => self.retry_ms = decimal(value).or(self.retry_ms),
                _ => {}
            }
        }
        self.joined.clear();
        let data = if several { join_data(block, &mut self.joined) } else { only };
        if let Some(data) = data {
            sink(Event { name, data, id: &self.id });
        }
        if self.joined.capacity() > KEPT_BUFFER_BYTES {
            self.joined = Vec::new();
        }
    }
}

/// The data of a whole event: a slice of it when there is one `data` line, else joined in `scratch`.
///
/// `None` when there is no such line: a comment, or fields only.
#[must_use]
pub fn join_data<'a>(block: &'a [u8], scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    let mut only: Option<&[u8]> = None;
    let mut joined = false;
    for line in lines(block) {
        let (b"data", value) = field(line) else { continue };
        match only {
            None => only = Some(value),
            Some(first) => {
                if !joined {
                    scratch.clear();
                    scratch.extend_from_slice(first);
                    joined = true;
                }
                scratch.push(b'\n');
                scratch.extend_from_slice(value);
            }
        }
    }
    if joined { Some(scratch) } else { only }
}

fn decimal(text: &[u8]) -> Option<u64> {
    if text.iter().all(u8::is_ascii_digit) { std::str::from_utf8(text).ok()?.parse().ok() } else { None }
}
