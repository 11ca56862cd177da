//! What a stream told so far, whichever way it goes on.
//!
//! Invariant: a stream stops once, and nothing is noted after that.

use super::model::Event;
use super::openai::stream::{Stop, Text};
use crate::usage::Usage;

/// What a stream told so far.
#[derive(Debug, Default)]
pub struct Facts {
    committed: bool,
    usage: Option<Usage>,
    text: Text,
    stop: Option<Stop>,
    error: String,
}

impl Facts {
    /// Notes an event; whether it goes on to the client.
    pub(super) fn note(&mut self, event: &Event<'_>) -> bool {
        if self.stop.is_some() {
            return false;
        }
        match event {
            Event::Start { .. } | Event::Logprobs { .. } | Event::Signature { .. } => {}
            Event::Text { text, .. } | Event::Refusal { text, .. } | Event::Thinking { text, .. } => {
                self.produced(text);
            }
            Event::ToolStart { name, .. } => self.produced(name),
            Event::ToolArguments { json, .. } => self.produced(json),
            Event::Redacted { .. } | Event::Finish { .. } | Event::Foreign => self.committed = true,
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::End => self.stop = Some(Stop::Done),
            Event::Error { message, .. } => {
                self.stop = Some(Stop::ErrorEvent);
                self.error = message.clone().into_owned();
                return false;
            }
        }
        true
    }

    /// Stops for a reason that no event gave, unless it stopped before.
    pub(super) fn end(&mut self, stop: Stop) {
        self.stop.get_or_insert(stop);
    }

    fn produced(&mut self, text: &str) {
        self.committed |= !text.is_empty();
        self.text.add(text.as_bytes());
    }

    /// Whether content was told: text, thoughts, a refusal, a tool call, or a finish reason.
    #[must_use]
    pub const fn committed(&self) -> bool {
        self.committed
    }

    /// Whether what came may go on to the client: content, or an answer that is whole without any.
    #[must_use]
    pub fn begun(&self) -> bool {
        self.committed || self.stop == Some(Stop::Done)
    }

    /// Why nothing more passes.
    #[must_use]
    pub const fn stop(&self) -> Option<Stop> {
        self.stop
    }

    /// The last usage that the upstream told.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// What the upstream's error event says; not redacted.
    #[must_use]
    pub fn error_message(&self) -> Option<&str> {
        (self.stop == Some(Stop::ErrorEvent)).then_some(&self.error)
    }

    /// The produced text that is kept for counting.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.text.kept()
    }

    /// Takes the kept text, which makes room for more.
    pub fn take_text(&mut self) -> Option<Vec<u8>> {
        self.text.take()
    }

    /// All produced text so far, in bytes, kept or not.
    #[must_use]
    pub fn text_bytes(&self) -> u64 {
        self.text.total_bytes()
    }
}
