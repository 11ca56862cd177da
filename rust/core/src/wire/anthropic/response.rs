//! Whole answers: read as events, and written from them.
//!
//! Invariant: what [`Writer`] writes, [`decode`] reads as the events it was given, fragments joined.
//! Source: docs.anthropic.com/en/api/messages, the response.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error;
use super::words::{
    Ending, Text, Told, finish, or_empty, push_call_id, push_input, push_message_head, push_text, push_usage,
};
use crate::json::push_string;
use crate::usage::Usage;
use crate::wire::model::{Event, Finish};
use crate::wire::provenance::UNSIGNED;

/// An answer or event is not what the provider documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(
    /// What is wrong with it.
    pub String,
);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<serde_json::Error> for Malformed {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<Vec<Block<'a>>>,
    #[serde(borrow)]
    stop_reason: Option<Text<'a>>,
    #[serde(borrow)]
    stop_sequence: Option<Text<'a>>,
    usage: Option<Told>,
    #[serde(borrow)]
    error: Option<error::Told<'a>>,
}

/// A content block of any type, in a whole answer or at its start in a stream.
#[derive(Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) thinking: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) signature: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) data: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
}

/// Reads a whole answer.
///
/// # Errors
/// When it is neither a message nor an error.
pub fn decode(body: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
    decode_with(body, None, each)
}

/// The same, where `json_tool` is the tool that stands for a form of the answer
/// ([`super::request::json_tool`]): its input is the answer's text.
///
/// # Errors
/// When it is neither a message nor an error.
pub fn decode_with(
    body: &[u8],
    json_tool: Option<&str>,
    each: &mut dyn FnMut(Event<'_>),
) -> Result<(), Malformed> {
    let message: Message<'_> = serde_json::from_slice(body)?;
    if let Some(told) = message.error {
        each(Event::Error { kind: or_empty(told.kind), message: or_empty(told.message) });
        return Ok(());
    }
    let Some(content) = message.content else {
        return Err(Malformed("the answer has neither content nor an error".to_owned()));
    };
    each(Event::Start { id: or_empty(message.id), model: or_empty(message.model), created_s: 0 });
    let mut reader = Reader { json_tool, answered: false, calls: 0 };
    for block in content {
        reader.block(block, each);
    }
    let reason = reader.finish(message.stop_reason.as_ref().map_or("", |reason| &reason.0));
    each(Event::Finish { choice: 0, reason, stop: message.stop_sequence.map(|stop| stop.0) });
    if let Some(told) = message.usage {
        each(Event::Usage(told.usage()));
    }
    each(Event::End);
    Ok(())
}

struct Reader<'t> {
    json_tool: Option<&'t str>,
    /// The tool that stands for the answer was called.
    answered: bool,
    calls: u32,
}

impl Reader<'_> {
    fn block<'a>(&mut self, block: Block<'a>, each: &mut dyn FnMut(Event<'_>)) {
        let input = block.input.map_or("{}", RawValue::get);
        match &*block.kind.0 {
            "text" => some(block.text, each, |text| Event::Text { choice: 0, text }),
            "thinking" => {
                some(block.thinking, each, |text| Event::Thinking { choice: 0, text });
                some(block.signature, each, |signature| Event::Signature { choice: 0, signature });
            }
            "redacted_thinking" => some(block.data, each, |data| Event::Redacted { choice: 0, data }),
            "tool_use" if block.name.as_ref().is_some_and(|name| self.json_tool == Some(&*name.0)) => {
                self.answer(input, each);
            }
            "tool_use" => {
                let (id, name) = (or_empty(block.id), or_empty(block.name));
                each(Event::ToolStart { choice: 0, call: self.calls, id, name, signature: None });
                each(Event::ToolArguments { choice: 0, call: self.calls, json: Cow::Borrowed(input) });
                self.calls = self.calls.saturating_add(1);
            }
            _ => {}
        }
    }

    /// A second answer would make the text two documents.
    fn answer(&mut self, input: &str, each: &mut dyn FnMut(Event<'_>)) {
        if !std::mem::replace(&mut self.answered, true) {
            each(Event::Text { choice: 0, text: Cow::Borrowed(input) });
        }
    }

    fn finish(&self, stop_reason: &str) -> Finish {
        match finish(stop_reason) {
            Finish::Tools if self.answered && self.calls == 0 => Finish::Stop,
            reason => reason,
        }
    }
}

/// Tells of a text that is there and not empty.
pub(super) fn some<'a>(
    text: Option<Text<'a>>,
    each: &mut dyn FnMut(Event<'_>),
    event: impl FnOnce(Cow<'a, str>) -> Event<'a>,
) {
    if let Some(Text(text)) = text.filter(|text| !text.0.is_empty()) {
        each(event(text));
    }
}

enum Piece {
    Text(String),
    Thinking { text: String, signature: Option<String> },
    Redacted(String),
    Call { call: u32, id: String, name: String, arguments: String },
}

/// Writes a whole answer. Choices but the first have no place in this dialect.
#[derive(Default)]
pub struct Writer {
    id: String,
    model: String,
    pieces: Vec<Piece>,
    ending: Ending,
    usage: Usage,
    error: Option<(String, String)>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Writer {
    /// Takes the next event.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { id, model, .. } => {
                id.as_ref().clone_into(&mut self.id);
                model.as_ref().clone_into(&mut self.model);
            }
            Event::Text { choice: 0, text } => self.text(text),
            Event::Refusal { choice: 0, text } => {
                self.ending.decline();
                self.text(text);
            }
            Event::Thinking { choice: 0, text } => self.think(text, None),
            Event::Signature { choice: 0, signature } => self.think("", Some(signature)),
            Event::Redacted { choice: 0, data } => {
                self.pieces.push(Piece::Redacted(data.as_ref().to_owned()));
            }
            Event::ToolStart { choice: 0, call, id, name, .. } => {
                let (id, name) = (id.as_ref().to_owned(), name.as_ref().to_owned());
                self.pieces.push(Piece::Call { call: *call, id, name, arguments: String::new() });
            }
            Event::ToolArguments { choice: 0, call, json } => self.arguments(*call, json),
            Event::Finish { choice: 0, reason, stop } => self.ending.set(*reason, stop.as_deref()),
            Event::Usage(usage) => self.usage = *usage,
            Event::Error { kind, message } => {
                self.error = Some((kind.as_ref().to_owned(), message.as_ref().to_owned()));
            }
            _ => {}
        }
    }

    /// The body; an error's where one was reported.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        if let Some((kind, message)) = &self.error {
            return error::encode(message, kind, None, 0);
        }
        let mut out = Vec::with_capacity(512);
        out.push(b'{');
        push_message_head(&mut out, &self.id, &self.model);
        out.extend_from_slice(b",\"content\":[");
        for (at, piece) in self.pieces.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            piece.push(&mut out, &self.id);
        }
        out.extend_from_slice(b"],");
        self.ending.push(&mut out);
        out.extend_from_slice(b",\"usage\":");
        push_usage(&mut out, &self.usage);
        out.push(b'}');
        out
    }

    fn text(&mut self, fragment: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Text(text)) => text.push_str(fragment),
            _ if fragment.is_empty() => {}
            _ => self.pieces.push(Piece::Text(fragment.to_owned())),
        }
    }

    /// Goes on with a run of thoughts, or begins one; a signature ends it.
    fn think(&mut self, fragment: &str, mark: Option<&str>) {
        if let Some(Piece::Thinking { text, signature: signature @ None }) = self.pieces.last_mut() {
            text.push_str(fragment);
            *signature = mark.map(str::to_owned);
        } else {
            let signature = mark.map(str::to_owned);
            self.pieces.push(Piece::Thinking { text: fragment.to_owned(), signature });
        }
    }

    fn arguments(&mut self, wanted: u32, fragment: &str) {
        let found = self.pieces.iter_mut().rev().find_map(|piece| match piece {
            Piece::Call { call, arguments, .. } if *call == wanted => Some(arguments),
            _ => None,
        });
        if let Some(arguments) = found {
            arguments.push_str(fragment);
        }
    }
}

impl Piece {
    fn push(&self, out: &mut Vec<u8>, answer: &str) {
        match self {
            Self::Text(text) => push_text(out, b"{\"type\":\"text\",\"text\":", text),
            Self::Thinking { text, signature } => {
                push_text(out, b"{\"type\":\"thinking\",\"thinking\":", text);
                push_text(out, b",\"signature\":", signature.as_deref().unwrap_or(UNSIGNED));
            }
            Self::Redacted(data) => push_text(out, b"{\"type\":\"redacted_thinking\",\"data\":", data),
            Self::Call { call, id, name, arguments } => {
                out.extend_from_slice(b"{\"type\":\"tool_use\",\"id\":");
                push_call_id(out, id, answer, *call);
                out.extend_from_slice(b",\"name\":");
                push_string(out, name);
                out.extend_from_slice(b",\"input\":");
                push_input(out, arguments);
            }
        }
        out.push(b'}');
    }
}
