//! Whole answers, read and written.
//!
//! Invariant: a whole answer is the one line of a stream that says everything; what [`Writer`] gives is one
//! JSON object, whatever it was told. Source: docs/api.md, "Generate a chat completion", no streaming.

use super::Endpoint;
use super::answer::{Calls, Outcome, Said, Shape, entries};
use super::error;
use super::stream::Decoder;
pub use crate::wire::malformed::Malformed;
use crate::wire::model::Event;
use crate::wire::openai::error::redact;

/// Reads a whole answer of either endpoint.
///
/// # Errors
/// When it is no JSON object, or a member that matters has the wrong type.
pub fn decode(body: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
    let mut decoder = Decoder::default();
    decoder.event(body, each)?;
    decoder.end(each);
    Ok(())
}

/// Gathers a whole answer.
#[derive(Debug)]
pub struct Writer {
    shape: Shape,
    content: String,
    thinking: String,
    logprobs: Vec<u8>,
    calls: Calls,
    outcome: Outcome,
    error: Option<String>,
}

impl Writer {
    /// A writer of answers in `endpoint`'s shape.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            shape: Shape::new(endpoint),
            content: String::new(),
            thinking: String::new(),
            logprobs: Vec::new(),
            calls: Calls::default(),
            outcome: Outcome::default(),
            error: None,
        }
    }

    /// Takes one event; those of further choices have no place here.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { model, created_s, .. } => self.shape.start(model, *created_s),
            Event::Text { choice: 0, text } | Event::Refusal { choice: 0, text } => {
                self.content.push_str(text);
            }
            Event::Thinking { choice: 0, text } => self.thinking.push_str(text),
            Event::ToolStart { .. } | Event::ToolArguments { .. } => self.calls.event(event),
            Event::Logprobs { choice: 0, content } => {
                let entries = entries(content);
                if !self.logprobs.is_empty() && !entries.is_empty() {
                    self.logprobs.push(b',');
                }
                self.logprobs.extend_from_slice(entries);
            }
            Event::Finish { choice: 0, reason, .. } => self.outcome.finish = Some(*reason),
            Event::Usage(usage) => self.outcome.usage = Some(*usage),
            Event::Error { message, .. } => self.error = Some(redact(message)),
            _ => {}
        }
    }

    /// The body: the answer, or the error that took its place.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        if let Some(message) = self.error {
            return error::encode(&message, "", None, 0);
        }
        let (tool_calls, cut) = self.calls.take();
        self.outcome.cut = cut;
        let said = Said {
            content: &self.content,
            thinking: &self.thinking,
            tool_calls: &tool_calls,
            logprobs: &self.logprobs,
        };
        let mut out = Vec::with_capacity(self.content.len() + self.thinking.len() + tool_calls.len() + 256);
        self.shape.last(said, &self.outcome, &mut out);
        out
    }
}
