//! Streams: a provider's chunks read into events, and events written as chunks.
//!
//! Invariant: an event's data gives the same events wherever the stream was cut; `End` is told only after
//! every choice has finished.
//! Source: platform.openai.com/docs/api-reference/chat-streaming.

mod encoder;
mod quick;

pub use encoder::Encoder;

use super::response::{Malformed, Run, parse, tell_error, tell_usage};
use crate::wire::model::Event;
use crate::wire::mould::Mould;

/// Reads the chunks of one stream.
#[derive(Debug, Default)]
pub struct Decoder {
    run: Run,
    ended: bool,
    done_optional: bool,
    mould: Mould<quick::Meaning>,
}

impl Decoder {
    /// A decoder; `done_optional` is for providers that end without `[DONE]`.
    #[must_use]
    pub fn new(done_optional: bool) -> Self {
        Self { done_optional, ..Self::default() }
    }

    /// Takes the data of one server-sent event.
    ///
    /// # Errors
    /// When it is neither a chunk, nor an error, nor `[DONE]`.
    pub fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
        let data = data.trim_ascii();
        if self.ended || data.is_empty() {
            return Ok(());
        }
        if data == b"[DONE]" {
            self.close(each);
            self.ended = true;
            return Ok(());
        }
        if quick::again(&mut self.mould, data, &mut self.run, each).is_some() {
            return Ok(());
        }
        let chunk = parse(data)?;
        if tell_error(data, &chunk, each) {
            self.ended = true;
            return Ok(());
        }
        if self.run.begin(&chunk, each) {
            self.mould.learn(data, quick::VARYING, quick::Meaning::of(&chunk));
        }
        for choice in chunk.choices.iter().flatten() {
            self.run.choice(choice, each);
        }
        tell_usage(chunk.usage, each);
        Ok(())
    }

    /// Takes note that the upstream's data has ended.
    pub fn end(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        if !self.ended && self.done_optional {
            self.close(each);
        }
        self.ended = true;
    }

    fn close(&self, each: &mut dyn FnMut(Event<'_>)) {
        if self.run.finished() {
            each(Event::End);
        }
    }
}
