//! Answers that were kept, told once more: a stream from a whole answer, and the reverse.
//!
//! Invariant: what is kept of a stream is its payload, as server-sent events or lines, never an array; a
//! stream that is told again ends as it ended.

use super::conversation::{Voice, decoder, encoder, gatherer, tell};
use super::endpoint::{Dialect, Endpoint, Shape};
use super::lines::Lines;
use super::model::Event;
use super::openai::replay as openai;
use super::openai::stream::{Framing, Outcome};
use super::passing::Passing;
use crate::sse::EventParser;

/// Longest stream that is kept.
const MAX_KEPT_BYTES: usize = 1 << 20;

/// A stream's payload, kept on its way.
#[derive(Debug, Default)]
pub struct Capture(Option<Vec<u8>>);

impl Capture {
    /// One that keeps what it gets.
    #[must_use]
    pub const fn open() -> Self {
        Self(Some(Vec::new()))
    }

    /// Adds what leaves, until it is too much to keep.
    pub fn add(&mut self, bytes: &[u8]) {
        if let Some(kept) = &mut self.0 {
            if kept.len() + bytes.len() > MAX_KEPT_BYTES {
                self.0 = None;
            } else {
                kept.extend_from_slice(bytes);
            }
        }
    }

    /// What was kept; nothing when it was too much.
    pub fn take(&mut self) -> Vec<u8> {
        self.0.take().unwrap_or_default()
    }
}

/// The stream that says what a whole answer says; `None` for what has none.
#[must_use]
pub fn stream_from_answer(endpoint: Endpoint, answer: &[u8], include_usage: bool) -> Option<Vec<u8>> {
    let dialect = endpoint.dialect();
    if dialect == Dialect::OpenAi {
        return openai::stream_from_answer(answer, include_usage);
    }
    let shape = if endpoint.shape() == Shape::Array { Shape::Sse } else { endpoint.shape() };
    let mut encoder = encoder(dialect, shape, Voice { include_usage, ..Voice::default() });
    let mut out = Vec::with_capacity(answer.len() * 2);
    tell(dialect, answer, None, &mut |event| encoder.event(&event, &mut out)).ok()?;
    Some(out)
}

/// The whole answer that a finished stream amounts to; `None` when it cannot be told.
#[must_use]
pub fn answer_from_stream(endpoint: Endpoint, events: &[u8]) -> Option<Vec<u8>> {
    let dialect = endpoint.dialect();
    if dialect == Dialect::OpenAi {
        return openai::answer_from_events(events);
    }
    let (mut gathered, mut decoder) = (gatherer(dialect, Voice::default()), decoder(dialect, None));
    let mut ended = false;
    let mut note = |event: Event<'_>| {
        ended |= event == Event::End;
        gathered.event(&event);
    };
    let mut one = |data: &[u8]| decoder.event(data, &mut note).is_ok();
    let mut read = true;
    let fits = match endpoint.shape() {
        Shape::Lines => Lines::default().feed(events, |line| read &= one(line)).is_ok(),
        Shape::Sse | Shape::Array => {
            EventParser::default().feed(events, |event| read &= one(event.data)).is_ok()
        }
    };
    decoder.end(&mut note);
    (fits && read && ended).then(|| gathered.finish())
}

/// A kept stream as one array of what its events say.
#[must_use]
pub fn array(endpoint: Endpoint, events: &[u8]) -> Option<Vec<u8>> {
    let dialect = endpoint.dialect();
    let mut passing = Passing::new(Shape::Sse, decoder(dialect, None), Shape::Array, Framing::Raw);
    let mut out = Vec::with_capacity(events.len());
    passing.feed(events, &mut out);
    (passing.finish(true, &mut out) == Outcome::Complete).then_some(out)
}
