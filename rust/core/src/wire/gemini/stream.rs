//! A streamed answer: `alt=sse`, and for what is written also the JSON array that stands without it.
//!
//! Invariant: every piece is one `GenerateContentResponse`; a call leaves in one part, when it is whole; the
//! reasons to finish and the tokens leave in the last piece, which comes only with the end of the answer.
//! Source: ai.google.dev/api/generate-content, `models.streamGenerateContent`.

use super::answer::Answer;
use super::error::{push_error, status_of};
use super::logprobs;
use super::pieces::{Call, finish_name, push_names, push_text, push_usage};
use crate::json::{Malformed, push_string, push_u64};
use crate::usage::Usage;
use crate::wire::model::{Event, Finish};
use crate::wire::openai::error::redact;

/// Reads a stream, piece by piece.
#[derive(Debug, Default)]
pub struct Decoder {
    pub(super) answer: Answer,
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands out the events of one piece: the data of a server-sent event.
    ///
    /// # Errors
    /// When it is not JSON, or not a piece of an answer.
    pub fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
        if self.answer.failed {
            return Ok(());
        }
        if let Some(usage) = self.answer.read(data, each)? {
            each(Event::Usage(usage));
        }
        Ok(())
    }

    /// The upstream's data ended: hands out the reasons to finish, and the end when every choice has one.
    pub fn end(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        if !self.answer.failed && self.answer.finish(each) {
            each(Event::End);
        }
    }
}

/// How pieces follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// `alt=sse`: server-sent events.
    #[default]
    Sse,
    /// Without it: one JSON array, `application/json`.
    Array,
}

#[derive(Debug)]
struct Closed {
    choice: u32,
    reason: Finish,
    broken: bool,
}

/// Writes a stream.
#[derive(Debug, Default)]
pub struct Encoder {
    form: Form,
    /// Whether a piece was written.
    begun: bool,
    /// Whether the last one was.
    done: bool,
    /// `modelVersion` and `responseId` as they end every piece.
    names: Vec<u8>,
    calls: Vec<Call>,
    closed: Vec<Closed>,
    usage: Option<Usage>,
}

impl Encoder {
    /// An encoder at the beginning of a stream.
    #[must_use]
    pub fn new(form: Form) -> Self {
        Self { form, ..Self::default() }
    }

    /// Appends what the next event adds to the stream; nothing follows its end or an error.
    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        match event {
            Event::Start { id, model, .. } => push_names(&mut self.names, model, id),
            Event::Text { choice, text } | Event::Refusal { choice, text } => {
                self.say(*choice, text, (false, None), out);
            }
            Event::Thinking { choice, text } => self.say(*choice, text, (true, None), out),
            Event::Signature { choice, signature } => self.say(*choice, "", (false, Some(signature)), out),
            Event::ToolStart { choice, call, id, name, signature } => {
                self.flush(*choice, false, out);
                self.calls.push(Call::new((*choice, *call), id, name, signature.as_deref()));
            }
            Event::ToolArguments { choice, call, json } => {
                let known =
                    self.calls.iter_mut().find(|known| (known.choice, known.number) == (*choice, *call));
                if let Some(known) = known {
                    known.extend(json);
                }
            }
            Event::Logprobs { choice, content } => self.measure(*choice, content, out),
            Event::Finish { choice, reason, .. } => {
                let broken = self.flush(*choice, true, out);
                self.closed.push(Closed { choice: *choice, reason: *reason, broken });
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Error { kind, message } => {
                self.open(out);
                push_error(out, &redact(message), None, status_of(kind));
                self.close(out);
            }
            Event::End => self.last(out),
            // Nobody but its maker can read redacted thinking, and Gemini has no place for it.
            Event::Redacted { .. } | Event::Foreign => {}
        }
    }

    fn say(&mut self, choice: u32, text: &str, how: (bool, Option<&str>), out: &mut Vec<u8>) {
        if !self.calls.is_empty() {
            self.flush(choice, false, out);
        }
        self.open_candidate(out);
        push_text(out, text, how.0, how.1);
        self.close_candidate(choice, out);
    }

    fn measure(&mut self, choice: u32, content: &str, out: &mut Vec<u8>) {
        self.open(out);
        out.extend_from_slice(b"{\"candidates\":[{\"index\":");
        push_u64(out, u64::from(choice));
        logprobs::push(out, &[content.to_owned()]);
        out.extend_from_slice(b"}]");
        self.close_piece(out);
    }

    /// Writes the calls of a choice that are whole, as far as none before them is not; at the end of the
    /// choice all that can be written. Returns whether one could not.
    fn flush(&mut self, choice: u32, ends: bool, out: &mut Vec<u8>) -> bool {
        let mut broken = false;
        while let Some(at) = self.calls.iter().position(|call| call.choice == choice) {
            if !ends && !self.calls[at].is_whole() {
                break;
            }
            let call = self.calls.remove(at);
            let (start, begun) = (out.len(), self.begun);
            self.open_candidate(out);
            if call.push(out) {
                self.close_candidate(choice, out);
            } else {
                out.truncate(start);
                self.begun = begun;
                broken = true;
            }
        }
        broken
    }

    /// The piece with every choice's reason and the tokens.
    fn last(&mut self, out: &mut Vec<u8>) {
        self.open(out);
        out.extend_from_slice(b"{\"candidates\":[");
        for (at, closed) in self.closed.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            // Clients look for parts in every piece.
            out.extend_from_slice(
                b"{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},\"finishReason\":",
            );
            push_string(out, finish_name(closed.reason, closed.broken));
            out.extend_from_slice(b",\"index\":");
            push_u64(out, u64::from(closed.choice));
            out.push(b'}');
        }
        out.push(b']');
        if let Some(usage) = &self.usage {
            push_usage(out, usage);
        }
        out.extend_from_slice(&self.names);
        out.push(b'}');
        self.close(out);
    }

    fn open(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(match (self.form, std::mem::replace(&mut self.begun, true)) {
            (Form::Sse, _) => b"data: ",
            (Form::Array, false) => b"[",
            (Form::Array, true) => b",\r\n",
        });
    }

    /// Ends the stream after its last piece.
    fn close(&mut self, out: &mut Vec<u8>) {
        self.done = true;
        out.extend_from_slice(if self.form == Form::Sse { b"\r\n\r\n" } else { b"]" });
    }

    fn open_candidate(&mut self, out: &mut Vec<u8>) {
        self.open(out);
        out.extend_from_slice(b"{\"candidates\":[{\"content\":{\"parts\":[");
    }

    fn close_candidate(&self, choice: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(b"],\"role\":\"model\"},\"index\":");
        push_u64(out, u64::from(choice));
        out.extend_from_slice(b"}]");
        self.close_piece(out);
    }

    fn close_piece(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.names);
        out.push(b'}');
        if self.form == Form::Sse {
            out.extend_from_slice(b"\r\n\r\n");
        }
    }
}
