//! Relay of a chat or text completion stream to a client of the same dialect.
//!
//! Invariant: what leaves is the upstream's bytes, whole events in the pass that brought their last
//! byte; only the usage chunk nobody asked for, an error event and garbage are held back. A byte
//! whose event lies in one slice is copied once.
//!
//! Source: platform.openai.com/docs/api-reference/chat-streaming.

mod delta;
mod frame;
mod tap;
mod text;

pub use frame::{Framing, append, comment, end};
pub use tap::Stop;
pub use text::MAX_TEXT_BYTES;
pub(crate) use text::Text;

use crate::sse::{self, BOM, Boundary, MAX_EVENT_BYTES, Splitter};
use crate::usage::Usage;
use delta::Cut;
use frame::OpenChunk;
use tap::{Tap, Verdict};

/// Longest unfinished event that is held, in bytes; a longer one passes in parts.
pub const MAX_HELD_BYTES: usize = 64 * 1024;

const KEPT_BUFFER_BYTES: usize = 16 * 1024;
const ENDING_BYTES: usize = 4 * 1024;

/// What a stream is relayed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How the client's body is delimited.
    pub framing: Framing,
    /// Whether the client asked for the usage chunk.
    pub client_wants_usage: bool,
    /// Whether a stream without `[DONE]` is cut, even after a finish reason and a clean end.
    pub done_required: bool,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With its terminal event.
    Complete,
    /// Without it.
    Truncated,
}

/// Where the relay stands.
#[derive(Clone, Debug)]
enum State {
    /// Between events, or holding the beginning of one; → `Long`, `Stopped`.
    Whole,
    /// In an event that passes in parts; → `Whole`, `Stopped`.
    Long(Long),
    /// Nothing passes any more.
    Stopped(Stop),
}

#[derive(Clone, Debug, Default)]
struct Long {
    event_bytes: usize,
    ending: Vec<u8>,
    cut: Option<Cut>,
}

/// The relay of one stream.
#[derive(Debug)]
pub struct StreamRelay {
    settings: Settings,
    state: State,
    splitter: Splitter,
    held: Vec<u8>,
    tap: Tap,
    chunk: Option<OpenChunk>,
    bound_bytes: usize,
    started: bool,
    last_passed: bool,
    mid_event: bool,
    max_held_bytes: usize,
}

impl StreamRelay {
    /// A relay for one stream.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self::holding(settings, MAX_HELD_BYTES)
    }

    /// A relay that holds at most `max_held_bytes` of an unfinished event.
    #[must_use]
    pub fn holding(settings: Settings, max_held_bytes: usize) -> Self {
        Self {
            settings,
            state: State::Whole,
            splitter: Splitter::default(),
            held: Vec::new(),
            tap: Tap::new(settings.client_wants_usage),
            chunk: None,
            bound_bytes: 0,
            started: false,
            last_passed: true,
            mid_event: false,
            max_held_bytes,
        }
    }

    /// Begins a pass: `read_bytes` bounds what [`Self::push`] will get until [`Self::flush`].
    #[inline]
    pub fn begin(&mut self, read_bytes: usize) {
        self.bound_bytes = self.held.len() + read_bytes;
    }

    /// Takes in a slice of the upstream's body; appends what may leave to `out`.
    ///
    /// `out` must be left alone between `begin` and `flush`.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let late = self.splitter.late_lf(input);
        if late > 0 && self.last_passed {
            self.emit(&input[..late], out);
        }
        let mut rest = &input[late..];
        let mut run = rest;
        let mut run_bytes = 0;
        while !matches!(self.state, State::Stopped(_)) {
            let Some(boundary) = self.splitter.find_end(rest) else {
                self.emit(&run[..run_bytes], out);
                return self.unfinished(rest, out);
            };
            let (block, after) = rest.split_at(boundary.end);
            rest = after;
            if self.held.is_empty() && matches!(self.state, State::Whole) {
                if self.judge(block, boundary.lines) {
                    run_bytes += block.len();
                    continue;
                }
            } else {
                self.finish_event(block, boundary, out);
            }
            self.emit(&run[..run_bytes], out);
            run = rest;
            run_bytes = 0;
        }
        self.emit(&run[..run_bytes], out);
    }

    /// Ends a pass: completes the chunk that leaves.
    #[inline]
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        if let Some(chunk) = self.chunk.take() {
            chunk.close(out);
        }
    }

    /// A pass of one slice.
    pub fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) {
        self.begin(input.len());
        self.push(input, out);
        self.flush(out);
    }

    /// Ends the stream; `clean` means that the upstream's body was whole by its own framing.
    ///
    /// A last `[DONE]` without its empty line counts, and is completed for the client.
    pub fn finish(&mut self, clean: bool, out: &mut Vec<u8>) -> Outcome {
        if clean && matches!(self.state, State::Whole) && !self.held.is_empty() {
            let held = std::mem::take(&mut self.held);
            let mut scratch = Vec::new();
            let done = sse::join_data(held.strip_prefix(BOM).unwrap_or(&held), &mut scratch)
                .is_some_and(|data| data.trim_ascii() == b"[DONE]");
            if done {
                self.state = State::Stopped(Stop::Done);
                self.bound_bytes = held.len() + 2;
                self.emit(&held, out);
                self.emit(b"\n\n", out);
                self.flush(out);
            }
        }
        let excused = clean && !self.settings.done_required && self.tap.finished && !self.mid_event;
        match self.state {
            State::Stopped(Stop::Done) => Outcome::Complete,
            State::Whole if excused => Outcome::Complete,
            _ => Outcome::Truncated,
        }
    }

    fn emit(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        if self.settings.framing == Framing::Chunked && self.chunk.is_none() {
            self.chunk = Some(OpenChunk::open(out, self.bound_bytes));
        }
        out.extend_from_slice(bytes);
    }

    /// Judges a whole event; tells whether it passes.
    #[inline]
    fn judge(&mut self, block: &[u8], lines: u32) -> bool {
        let first = !std::mem::replace(&mut self.started, true);
        let verdict = if block.len() > MAX_EVENT_BYTES {
            Verdict::Stop(Stop::TooLarge)
        } else if lines == 1 && block.starts_with(b"data:") {
            self.tap.event(&block[5..], false)
        } else {
            let block = if first { block.strip_prefix(BOM).unwrap_or(block) } else { block };
            judge_lines(&mut self.tap, block)
        };
        if let Verdict::Stop(stop) = verdict {
            self.state = State::Stopped(stop);
        }
        self.last_passed = matches!(verdict, Verdict::Pass | Verdict::Stop(Stop::Done));
        self.last_passed
    }

    /// Takes in the last bytes of an event that began in an earlier slice.
    fn finish_event(&mut self, block: &[u8], boundary: Boundary, out: &mut Vec<u8>) {
        if let State::Long(long) = &mut self.state {
            let mut long = std::mem::take(long);
            self.state = State::Whole;
            self.mid_event = false;
            self.part(&mut long, block, out);
            if let State::Whole = self.state
                && let Verdict::Stop(stop) = self.tap.ending(&long.ending)
            {
                self.state = State::Stopped(stop);
            }
            return;
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(block);
        if self.judge(&held, boundary.lines) {
            self.emit(&held, out);
        }
        if held.capacity() <= KEPT_BUFFER_BYTES {
            held.clear();
            self.held = held;
        }
    }

    /// Takes in bytes of an event whose end is not there yet.
    fn unfinished(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if let State::Long(long) = &mut self.state {
            let mut long = std::mem::take(long);
            self.state = State::Whole;
            self.part(&mut long, bytes, out);
            if matches!(self.state, State::Whole) {
                self.state = State::Long(long);
            }
        } else if self.held.len() + bytes.len() <= self.max_held_bytes {
            self.held.extend_from_slice(bytes);
        } else {
            self.go_long(bytes, out);
        }
    }

    /// Begins to pass an event in parts.
    fn go_long(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        let first = !std::mem::replace(&mut self.started, true);
        let block = if first { held.strip_prefix(BOM).unwrap_or(&held) } else { &held };
        let mut lines = sse::lines(block);
        let data = lines.find_map(|line| match sse::field(line) {
            (b"data", value) => Some(value),
            _ => None,
        });
        let (verdict, cut) = data.map_or((Verdict::Pass, None), |data| self.tap.beginning(data));
        if let Verdict::Stop(stop) = verdict {
            self.state = State::Stopped(stop);
            self.last_passed = false;
            return;
        }
        self.last_passed = true;
        self.mid_event = true;
        self.emit(&held, out);
        let mut long = Long { event_bytes: held.len(), ending: Vec::new(), cut };
        long.remember(&held);
        self.state = State::Long(long);
    }

    /// Passes a part of a long event.
    fn part(&mut self, long: &mut Long, bytes: &[u8], out: &mut Vec<u8>) {
        long.event_bytes += bytes.len();
        if long.event_bytes > MAX_EVENT_BYTES {
            self.state = State::Stopped(Stop::TooLarge);
            self.mid_event = true;
            self.last_passed = false;
            return;
        }
        if let Some(cut) = long.cut {
            let (text_bytes, cut) = rest_of_string(bytes, cut);
            self.tap.text.count(text_bytes);
            long.cut = cut;
        }
        long.remember(bytes);
        self.emit(bytes, out);
    }
}

/// Facts, for whoever owns the stream.
impl StreamRelay {
    /// Events with data so far, dropped ones included, `[DONE]` not.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.tap.events
    }

    /// Whether content was passed: text, reasoning, refusal, tool calls, audio, or a finish reason.
    #[must_use]
    pub fn committed(&self) -> bool {
        self.tap.committed
    }

    /// Whether `[DONE]` came.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.stop() == Some(Stop::Done)
    }

    /// Whether a finish reason came.
    #[must_use]
    pub fn finish_reason_seen(&self) -> bool {
        self.tap.finished
    }

    /// Why nothing more passes.
    #[must_use]
    pub fn stop(&self) -> Option<Stop> {
        if let State::Stopped(stop) = self.state { Some(stop) } else { None }
    }

    /// The last usage that the upstream reported.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.tap.usage
    }

    /// The upstream's error event: its first 8 KiB of data.
    #[must_use]
    pub fn error_event(&self) -> Option<&[u8]> {
        (self.stop() == Some(Stop::ErrorEvent)).then_some(&self.tap.error)
    }

    /// Whether the client has a part of an event, so that nothing may be put between.
    #[must_use]
    pub fn mid_event(&self) -> bool {
        self.mid_event
    }

    /// The produced text that is kept: UTF-8 if the upstream's was.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.tap.text.kept()
    }

    /// Takes the kept text, which makes room for more.
    pub fn take_text(&mut self) -> Option<Vec<u8>> {
        self.tap.text.take()
    }

    /// All produced text so far, in bytes, kept or not.
    #[must_use]
    pub fn text_bytes(&self) -> u64 {
        self.tap.text.total_bytes()
    }
}

impl Long {
    /// Keeps the last bytes, where usage and finish reason stand.
    fn remember(&mut self, bytes: &[u8]) {
        if bytes.len() >= ENDING_BYTES {
            self.ending.clear();
        }
        self.ending.extend_from_slice(&bytes[bytes.len().saturating_sub(ENDING_BYTES)..]);
        if self.ending.len() > 2 * ENDING_BYTES {
            self.ending.drain(..self.ending.len() - ENDING_BYTES);
        }
    }
}

/// The way of events with several lines, other fields, or comments.
#[cold]
fn judge_lines(tap: &mut Tap, block: &[u8]) -> Verdict {
    let named_error = sse::lines(block).any(|line| sse::field(line) == (b"event", b"error"));
    let mut scratch = Vec::new();
    sse::join_data(block, &mut scratch).map_or(Verdict::Pass, |data| tap.event(data, named_error))
}

/// Counts what `bytes` continue of a string, escapes by their letters.
fn rest_of_string(bytes: &[u8], cut: Cut) -> (u64, Option<Cut>) {
    let mut escaped = cut.escaped;
    let mut count = 0;
    for byte in bytes {
        match byte {
            b'"' if !escaped => return (count, None),
            b'\\' if !escaped => escaped = true,
            _ => {
                escaped = false;
                count += 1;
            }
        }
    }
    (count, Some(Cut { escaped }))
}
