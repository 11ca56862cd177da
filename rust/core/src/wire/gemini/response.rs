//! A whole answer: Gemini's object to events, and events to Gemini's object.
//!
//! Invariant: what is written is one object whose parts stand in the order in which they began, with every
//! fragment of a text or a call in one part.
//! Source: ai.google.dev/api/generate-content, `GenerateContentResponse`.

use super::answer::Answer;
use super::error::{push_error, status_of};
use super::pieces::{Call, push_names, push_text, push_usage};
use super::{logprobs, pieces};
use crate::json::{Malformed, push_string, push_u64};
use crate::usage::Usage;
use crate::wire::model::{Event, Finish};
use crate::wire::openai::error::redact;

/// Hands out the events of a whole answer.
///
/// # Errors
/// When it is not JSON, or not an answer; events that were handed out before then stand.
pub fn decode(body: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
    let mut answer = Answer::default();
    let usage = answer.read(body, each)?;
    if answer.failed {
        return Ok(());
    }
    answer.close();
    answer.finish(each);
    if let Some(usage) = usage {
        each(Event::Usage(usage));
    }
    each(Event::End);
    Ok(())
}

#[derive(Debug)]
enum Piece {
    Said { text: String, thought: bool, signature: Option<String> },
    Call(Call),
}

#[derive(Debug, Default)]
struct Choice {
    index: u32,
    pieces: Vec<Piece>,
    logprobs: Vec<String>,
    finish: Option<Finish>,
}

/// Gathers events to one body.
#[derive(Debug, Default)]
pub struct Writer {
    id: String,
    model: String,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<(String, String)>,
}

impl Writer {
    /// A writer that has heard nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { id, model, .. } => (self.id, self.model) = (id.to_string(), model.to_string()),
            Event::Text { choice, text } | Event::Refusal { choice, text } => {
                self.choice(*choice).say(text, false);
            }
            Event::Thinking { choice, text } => self.choice(*choice).say(text, true),
            Event::Signature { choice, signature } => self.choice(*choice).sign(signature),
            Event::ToolStart { choice, call, id, name, signature } => {
                let call = Call::new((*choice, *call), id, name, signature.as_deref());
                self.choice(*choice).pieces.push(Piece::Call(call));
            }
            Event::ToolArguments { choice, call, json } => self.choice(*choice).extend(*call, json),
            Event::Logprobs { choice, content } => self.choice(*choice).logprobs.push(content.to_string()),
            Event::Finish { choice, reason, .. } => self.choice(*choice).finish = Some(*reason),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Error { kind, message } => self.error = Some((kind.to_string(), redact(message))),
            // Nobody but its maker can read redacted thinking, and Gemini has no place for it.
            Event::Redacted { .. } | Event::Foreign | Event::End => {}
        }
    }

    /// The body.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        if let Some((kind, message)) = self.error {
            push_error(&mut out, &message, None, status_of(&kind));
            return out;
        }
        out.extend_from_slice(b"{\"candidates\":[");
        for (at, choice) in self.choices.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            choice.push(&mut out);
        }
        out.push(b']');
        if let Some(usage) = &self.usage {
            push_usage(&mut out, usage);
        }
        push_names(&mut out, &self.model, &self.id);
        out.push(b'}');
        out
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let at = self.choices.partition_point(|choice| choice.index < index);
        if self.choices.get(at).is_none_or(|choice| choice.index != index) {
            self.choices.insert(at, Choice { index, ..Choice::default() });
        }
        &mut self.choices[at]
    }
}

impl Choice {
    fn say(&mut self, fragment: &str, thinks: bool) {
        match self.pieces.last_mut() {
            Some(Piece::Said { text, thought, signature: None }) if *thought == thinks => {
                text.push_str(fragment);
            }
            _ => {
                let text = fragment.to_owned();
                self.pieces.push(Piece::Said { text, thought: thinks, signature: None });
            }
        }
    }

    fn sign(&mut self, mark: &str) {
        let mark = Some(mark.to_owned());
        match self.pieces.last_mut() {
            Some(Piece::Said { signature: signature @ None, .. }) => *signature = mark,
            _ => self.pieces.push(Piece::Said { text: String::new(), thought: false, signature: mark }),
        }
    }

    fn extend(&mut self, wanted: u32, json: &str) {
        for piece in &mut self.pieces {
            match piece {
                Piece::Call(call) if call.number == wanted => return call.extend(json),
                _ => {}
            }
        }
    }

    fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"content\":{\"parts\":[");
        let mut first = true;
        let mut broken = false;
        for piece in &self.pieces {
            let start = out.len();
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            match piece {
                Piece::Said { text, thought, signature } => {
                    push_text(out, text, *thought, signature.as_deref());
                }
                Piece::Call(call) if call.push(out) => {}
                Piece::Call(_) => {
                    broken = true;
                    first = out.len() == start;
                    out.truncate(start);
                }
            }
        }
        out.extend_from_slice(b"],\"role\":\"model\"}");
        if let Some(reason) = self.finish {
            out.extend_from_slice(b",\"finishReason\":");
            push_string(out, pieces::finish_name(reason, broken));
        }
        logprobs::push(out, &self.logprobs);
        out.extend_from_slice(b",\"index\":");
        push_u64(out, u64::from(self.index));
        out.push(b'}');
    }
}
