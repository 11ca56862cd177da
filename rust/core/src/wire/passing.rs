//! A stream that goes on in the dialect it came in: its bytes as they are, read only for what they tell.
//!
//! Invariant: every event that leaves is the provider's own, byte for byte, and whole; an event that reports
//! an error does not leave, and nothing does after the end. (`OpenAI`'s streams have a relay of their own.)

use memchr::memchr;

use super::endpoint::Shape;
use super::facts::Facts;
use super::kept::Capture;
use super::translate::Decode;
use crate::sse::{BOM, MAX_EVENT_BYTES, Splitter, join_data};
use crate::wire::openai::stream::{Framing, Outcome, Stop, append};

const KEPT_BUFFER_BYTES: usize = 16 * 1024;

/// One stream on its way through.
pub struct Passing {
    from: Shape,
    splitter: Splitter,
    held: Vec<u8>,
    /// Whether the first event came, before which a byte-order mark may stand.
    started: bool,
    decoder: Box<dyn Decode>,
    shape: Shape,
    framing: Framing,
    facts: Facts,
    payload: Vec<u8>,
    /// Whether an event left.
    begun: bool,
    last_passed: bool,
    capture: Capture,
}

impl Passing {
    /// A stream of events or lines, read by `decoder`, which leaves in `shape`.
    #[must_use]
    pub fn new(from: Shape, decoder: Box<dyn Decode>, shape: Shape, framing: Framing) -> Self {
        Self {
            from,
            splitter: Splitter::default(),
            held: Vec::new(),
            started: false,
            decoder,
            shape,
            framing,
            facts: Facts::default(),
            payload: Vec::new(),
            begun: false,
            last_passed: false,
            capture: Capture::default(),
        }
    }

    /// Keeps what leaves, too.
    #[must_use]
    pub fn capturing(mut self) -> Self {
        self.capture = Capture::open();
        self
    }

    /// What was kept of a stream.
    pub fn take_capture(&mut self) -> Vec<u8> {
        self.capture.take()
    }

    /// Takes in bytes of the upstream's body; appends what may leave, as one chunk.
    pub fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut rest = input;
        if self.from != Shape::Lines {
            // The second half of a line end that was cut in two belongs to the event before it.
            let late = self.splitter.late_lf(input);
            if late > 0 && self.last_passed && self.shape == Shape::Sse {
                self.payload.extend_from_slice(&input[..late]);
            }
            rest = &input[late..];
        }
        while self.facts.stop().is_none() {
            let Some(end) = self.find_end(rest) else {
                self.keep(rest);
                break;
            };
            let (block, behind) = rest.split_at(end);
            rest = behind;
            if self.held.is_empty() {
                self.block(block);
            } else {
                self.keep(block);
                let mut held = std::mem::take(&mut self.held);
                self.block(&held);
                held.clear();
                held.shrink_to(KEPT_BUFFER_BYTES);
                self.held = held;
            }
        }
        self.flush(out);
    }

    /// Ends the stream; `clean` means that the upstream's body was whole by its own framing.
    pub fn finish(&mut self, clean: bool, out: &mut Vec<u8>) -> Outcome {
        if clean && self.facts.stop().is_none() {
            let held = std::mem::take(&mut self.held);
            if !held.trim_ascii().is_empty() {
                self.block(&held);
            }
        }
        if clean && self.facts.stop().is_none() {
            let Self { decoder, facts, .. } = self;
            decoder.end(&mut |event| {
                facts.note(&event);
            });
        }
        if self.facts.stop() != Some(Stop::Done) {
            self.payload.clear();
            return Outcome::Truncated;
        }
        if self.shape == Shape::Array {
            self.payload.extend_from_slice(if self.begun { b"]" } else { b"[]" });
        }
        self.flush(out);
        Outcome::Complete
    }

    /// What the stream told so far.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The same, to take the kept text from.
    pub const fn facts_mut(&mut self) -> &mut Facts {
        &mut self.facts
    }

    fn find_end(&mut self, input: &[u8]) -> Option<usize> {
        match self.from {
            Shape::Lines => memchr(b'\n', input).map(|at| at + 1),
            Shape::Sse | Shape::Array => self.splitter.find_end(input).map(|boundary| boundary.end),
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.held.len() + bytes.len() > MAX_EVENT_BYTES {
            self.facts.end(Stop::TooLarge);
            self.held = Vec::new();
            return;
        }
        self.held.extend_from_slice(bytes);
    }

    /// Reads one whole event, and passes it on.
    fn block(&mut self, block: &[u8]) {
        if self.facts.stop().is_some() {
            return;
        }
        let first = !std::mem::replace(&mut self.started, true);
        let bare = if first { block.strip_prefix(BOM).unwrap_or(block) } else { block };
        let mut joined = Vec::new();
        let data = match self.from {
            Shape::Lines => bare.trim_ascii(),
            Shape::Sse | Shape::Array => join_data(bare, &mut joined).unwrap_or_default(),
        };
        self.last_passed = data.is_empty() || self.read(data);
        if !self.last_passed {
            return;
        }
        match self.shape {
            Shape::Sse | Shape::Lines => self.payload.extend_from_slice(block),
            Shape::Array if data.is_empty() => return,
            Shape::Array => {
                self.payload.extend_from_slice(if self.begun { b",\r\n" } else { b"[" });
                self.payload.extend_from_slice(data);
            }
        }
        self.begun |= !data.is_empty();
    }

    /// Reads an event's data; whether it goes on to the client.
    fn read(&mut self, data: &[u8]) -> bool {
        let Self { decoder, facts, .. } = self;
        let read = decoder.event(data, &mut |event| {
            facts.note(&event);
        });
        if read.is_err() {
            facts.end(Stop::Garbage);
        }
        matches!(facts.stop(), None | Some(Stop::Done))
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        // Another target may still be asked, and a client must not be told twice that its answer begins.
        if !self.facts.begun() {
            if self.facts.stop().is_some() {
                self.payload.clear();
            }
            return;
        }
        if self.payload.is_empty() {
            return;
        }
        append(&self.payload, self.framing, out);
        self.capture.add(&self.payload);
        self.payload.clear();
        self.payload.shrink_to(KEPT_BUFFER_BYTES);
    }
}
