//! Streams: events of the provider read one by one; [`Encoder`] writes them.
//!
//! Invariant: blocks are told apart by their index, so that fragments that interleave stay with their call;
//! `End` comes of `message_stop` alone, and nothing follows it or an error.
//! Source: docs.anthropic.com/en/docs/build-with-claude/streaming.

mod chunks;
mod encoder;
mod quick;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error;
pub use super::response::Malformed;
use super::response::{Block, some};
use super::words::{Text, Told, finish, or_empty};
use crate::wire::model::{Event, Finish};
pub use chunks::Chunks;
pub use encoder::Encoder;
use quick::Adds;

/// Most blocks that are open at a time; the provider opens one.
const MAX_OPEN_BLOCKS: usize = 1_024;

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(default)]
    index: u64,
    #[serde(borrow)]
    message: Option<Head<'a>>,
    #[serde(borrow)]
    content_block: Option<Block<'a>>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    usage: Option<Told>,
    #[serde(borrow)]
    error: Option<error::Told<'a>>,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
    usage: Option<Told>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    partial_json: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow)]
    stop_reason: Option<Text<'a>>,
    #[serde(borrow)]
    stop_sequence: Option<Text<'a>>,
}

/// The type alone: of an event whose other members are not as they are known.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
}

const KNOWN: [&str; 6] =
    ["message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop", "error"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Call(u32),
    /// A call whose input came whole at its start.
    Whole,
    /// The tool that stands for the answer; whether any of its input has come.
    Json(bool),
}

/// Reads a stream.
#[derive(Debug, Default)]
pub struct Decoder {
    json_tool: Option<String>,
    /// Blocks that a later event's meaning depends on, by index.
    open: Vec<(u64, Open)>,
    calls: u32,
    answered: bool,
    usage: Told,
    phase: Phase,
}

/// How far the answer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    #[default]
    Awaited,
    Started,
    Finished,
    /// Ended, or failed: nothing is told any more.
    Done,
}

impl Decoder {
    /// A reader that takes the input of `json_tool` ([`super::request::json_tool`]) for the answer's text.
    #[must_use]
    pub fn with_json_tool(json_tool: Option<&str>) -> Self {
        Self { json_tool: json_tool.map(str::to_owned), ..Self::default() }
    }

    /// Reads one event's data.
    ///
    /// # Errors
    /// When it is not JSON, or a known event is not as it is documented.
    pub fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
        if self.phase == Phase::Done {
            return Ok(());
        }
        if let Some((index, adds, text)) = quick::delta(data) {
            self.ensure_started(each);
            self.add(index, adds, Cow::Borrowed(text), each);
            return Ok(());
        }
        let frame: Frame<'_> = match serde_json::from_slice(data) {
            Ok(frame) => frame,
            Err(error) => return unknown_or(error, data),
        };
        match &*frame.kind.0 {
            "message_start" => self.start(frame.message, each),
            "content_block_start" => {
                self.ensure_started(each);
                if let Some(block) = frame.content_block {
                    return self.block(frame.index, block, each);
                }
            }
            "content_block_delta" => {
                if let Some(delta) = frame.delta {
                    self.delta(frame.index, delta, each);
                }
            }
            "content_block_stop" => self.stop(frame.index, each),
            "message_delta" => self.message_delta(frame.delta, frame.usage, each),
            "message_stop" => {
                self.ensure_started(each);
                self.finish(Finish::Other, None, each);
                each(Event::End);
                self.phase = Phase::Done;
            }
            "error" => {
                let told = frame.error.unwrap_or_default();
                each(Event::Error { kind: or_empty(told.kind), message: or_empty(told.message) });
                self.phase = Phase::Done;
            }
            _ => {}
        }
        Ok(())
    }

    /// The end of the upstream's data. A stream that was complete has said so itself, so there is nothing to
    /// tell: without an `End` before it, it was cut.
    pub fn end(&mut self, _each: &mut dyn FnMut(Event<'_>)) {
        self.phase = Phase::Done;
    }

    fn start(&mut self, head: Option<Head<'_>>, each: &mut dyn FnMut(Event<'_>)) {
        if self.phase >= Phase::Started {
            return;
        }
        self.phase = Phase::Started;
        let head = head.unwrap_or(Head { id: None, model: None, usage: None });
        each(Event::Start { id: or_empty(head.id), model: or_empty(head.model), created_s: 0 });
        self.tell_usage(head.usage, each);
    }

    fn ensure_started(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        if self.phase < Phase::Started {
            self.start(None, each);
        }
    }

    fn block(
        &mut self,
        index: u64,
        block: Block<'_>,
        each: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        self.open.retain(|(known, _)| *known != index);
        if self.open.len() >= MAX_OPEN_BLOCKS {
            return Err(Malformed("too many blocks are open at a time".to_owned()));
        }
        match &*block.kind.0 {
            "text" => some(block.text, each, |text| Event::Text { choice: 0, text }),
            "thinking" => {
                some(block.thinking, each, |text| Event::Thinking { choice: 0, text });
                some(block.signature, each, |signature| Event::Signature { choice: 0, signature });
            }
            "redacted_thinking" => some(block.data, each, |data| Event::Redacted { choice: 0, data }),
            "tool_use" => self.call(index, block, each),
            _ => each(Event::Foreign),
        }
        Ok(())
    }

    fn call(&mut self, index: u64, block: Block<'_>, each: &mut dyn FnMut(Event<'_>)) {
        let name = or_empty(block.name);
        let input = block.input.map(RawValue::get).filter(|input| !is_empty(input));
        if self.json_tool.as_deref() == Some(&*name) {
            // A second call would make the text two documents.
            if !std::mem::replace(&mut self.answered, true) {
                self.open.push((index, Open::Json(input.is_some())));
                if let Some(input) = input {
                    each(Event::Text { choice: 0, text: Cow::Borrowed(input) });
                }
            }
            return;
        }
        let call = self.calls;
        self.calls = call.saturating_add(1);
        each(Event::ToolStart { choice: 0, call, id: or_empty(block.id), name, signature: None });
        self.open.push((index, if input.is_some() { Open::Whole } else { Open::Call(call) }));
        if let Some(input) = input {
            each(Event::ToolArguments { choice: 0, call, json: Cow::Borrowed(input) });
        }
    }

    fn delta(&mut self, index: u64, delta: Delta<'_>, each: &mut dyn FnMut(Event<'_>)) {
        self.ensure_started(each);
        match delta.kind.as_ref().map(|kind| &*kind.0) {
            Some("text_delta") => self.add(index, Adds::Text, or_empty(delta.text), each),
            Some("thinking_delta") => self.add(index, Adds::Thinking, or_empty(delta.thinking), each),
            Some("input_json_delta") => self.add(index, Adds::Input, or_empty(delta.partial_json), each),
            Some("signature_delta") => {
                some(delta.signature, each, |signature| Event::Signature { choice: 0, signature });
            }
            _ => {}
        }
    }

    fn add(&mut self, index: u64, adds: Adds, text: Cow<'_, str>, each: &mut dyn FnMut(Event<'_>)) {
        if text.is_empty() {
            return;
        }
        match adds {
            Adds::Text => each(Event::Text { choice: 0, text }),
            Adds::Thinking => each(Event::Thinking { choice: 0, text }),
            Adds::Input => self.input(index, text, each),
        }
    }

    fn input(&mut self, index: u64, json: Cow<'_, str>, each: &mut dyn FnMut(Event<'_>)) {
        let Some((_, open)) = self.open.iter_mut().find(|(known, _)| *known == index) else { return };
        match open {
            Open::Call(call) => each(Event::ToolArguments { choice: 0, call: *call, json }),
            Open::Json(begun) => {
                *begun = true;
                each(Event::Text { choice: 0, text: json });
            }
            Open::Whole => {}
        }
    }

    fn stop(&mut self, index: u64, each: &mut dyn FnMut(Event<'_>)) {
        if self.open.contains(&(index, Open::Json(false))) {
            each(Event::Text { choice: 0, text: Cow::Borrowed("{}") });
        }
        self.open.retain(|(known, _)| *known != index);
    }

    fn message_delta(
        &mut self,
        delta: Option<Delta<'_>>,
        usage: Option<Told>,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        self.ensure_started(each);
        if let Some(Delta { stop_reason: Some(reason), stop_sequence, .. }) = delta {
            let reason = match finish(&reason.0) {
                Finish::Tools if self.answered && self.calls == 0 => Finish::Stop,
                reason => reason,
            };
            self.finish(reason, stop_sequence.map(|stop| stop.0), each);
        }
        self.tell_usage(usage, each);
    }

    fn finish(&mut self, reason: Finish, stop: Option<Cow<'_, str>>, each: &mut dyn FnMut(Event<'_>)) {
        if self.phase < Phase::Finished {
            self.phase = Phase::Finished;
            each(Event::Finish { choice: 0, reason, stop });
        }
    }

    fn tell_usage(&mut self, told: Option<Told>, each: &mut dyn FnMut(Event<'_>)) {
        if let Some(told) = told {
            self.usage.update(told);
            each(Event::Usage(self.usage.usage()));
        }
    }
}

fn is_empty(input: &str) -> bool {
    input.bytes().filter(|byte| !byte.is_ascii_whitespace()).eq(*b"{}") || input == "null"
}

/// An event of a type that is not known may have members of any kind.
fn unknown_or(error: serde_json::Error, data: &[u8]) -> Result<(), Malformed> {
    match serde_json::from_slice::<Kind<'_>>(data) {
        Ok(Kind { kind }) if !KNOWN.contains(&&*kind.0) => Ok(()),
        _ => Err(error.into()),
    }
}
