//! Streams of newline-delimited JSON, read line by line and written.
//!
//! Invariant: an answer has ended when a line says `done: true`, and only then; tool calls are whole in their
//! line and are counted over the whole stream. Source: docs/api.md, "Generate a chat completion", streaming.

mod quick;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::{Calls, Outcome, Said, Shape, entries};
use super::response::Malformed;
use super::{Endpoint, Text, error, time};
use crate::usage::Usage;
use crate::wire::model::{Event, Finish};
use crate::wire::mould::Mould;
use crate::wire::openai::error::{read_error, redact};

/// One object of an answer, of either endpoint.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    created_at: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Message<'a>>,
    #[serde(borrow)]
    response: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<Call<'a>>>,
    #[serde(borrow)]
    logprobs: Option<&'a RawValue>,
    done: Option<bool>,
    #[serde(borrow)]
    done_reason: Option<Text<'a>>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<Call<'a>>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// Reads a stream, or the one object of a whole answer.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    ended: bool,
    calls: u32,
    mould: Mould<quick::Meaning>,
}

impl Decoder {
    /// Reads one line, without its line feed; an empty line says nothing.
    ///
    /// # Errors
    /// When it is no JSON object, or a member that matters has the wrong type.
    pub fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
        if self.ended || (self.started && data.trim_ascii().is_empty()) {
            return Ok(());
        }
        if let Some((thinking, content)) = quick::said(&mut self.mould, data) {
            said_events(thinking, content, each);
            return Ok(());
        }
        let line: Line<'_> = serde_json::from_slice(data)?;
        self.mould.learn(data, quick::VARYING, quick::Meaning::of(&line));
        if !std::mem::replace(&mut self.started, true) {
            let created_s = line.created_at.as_ref().map_or(0, |time| time::read(&time.0));
            let model = line.model.map_or(Cow::Borrowed(""), |model| model.0);
            each(Event::Start { id: Cow::Borrowed(""), model, created_s });
        }
        if let Some(error) = line.error {
            self.ended = true;
            each(Event::Error { kind: Cow::Borrowed("upstream_error"), message: message(error) });
            return Ok(());
        }
        let said = line.message.unwrap_or_default();
        said_events(said.thinking.or(line.thinking), said.content.or(line.response), each);
        for call in said.tool_calls.or(line.tool_calls).unwrap_or_default() {
            self.call(call, each);
        }
        if let Some(content) = line.logprobs.filter(|list| !entries(list.get()).is_empty()) {
            each(Event::Logprobs { choice: 0, content: Cow::Borrowed(content.get()) });
        }
        if line.done == Some(true) {
            let reason = line.done_reason.as_ref().map(|reason| &*reason.0);
            self.done(reason, usage(line.prompt_eval_count, line.eval_count), each);
        }
        Ok(())
    }

    /// The upstream's data has ended. [`Event::End`] was told by the line that says so; what comes later
    /// is not read.
    pub fn end(&mut self, _each: &mut dyn FnMut(Event<'_>)) {
        self.ended = true;
    }

    /// Older versions have no ids of calls.
    fn call(&mut self, Call { id, function }: Call<'_>, each: &mut dyn FnMut(Event<'_>)) {
        let call = self.calls;
        self.calls = call.saturating_add(1);
        let (id, signature) = (id.map_or(Cow::Borrowed(""), |id| id.0), None);
        each(Event::ToolStart { choice: 0, call, id, name: function.name, signature });
        if let Some(arguments) = function.arguments {
            each(Event::ToolArguments { choice: 0, call, json: Cow::Borrowed(arguments.get()) });
        }
    }

    fn done(&mut self, reason: Option<&str>, usage: Option<Usage>, each: &mut dyn FnMut(Event<'_>)) {
        self.ended = true;
        let reason = match reason {
            Some("length") => Finish::Length,
            // Ollama says `stop` after a call too, and old versions say nothing.
            Some("stop" | "") | None if self.calls > 0 => Finish::Tools,
            Some("stop" | "") | None => Finish::Stop,
            // `load` and `unload` answer a request without a prompt.
            Some(_) => Finish::Other,
        };
        each(Event::Finish { choice: 0, reason, stop: None });
        if let Some(usage) = usage {
            each(Event::Usage(usage));
        }
        each(Event::End);
    }
}

fn said_events(thinking: Option<Text<'_>>, content: Option<Text<'_>>, each: &mut dyn FnMut(Event<'_>)) {
    if let Some(Text(text)) = thinking.filter(|text| !text.0.is_empty()) {
        each(Event::Thinking { choice: 0, text });
    }
    if let Some(Text(text)) = content.filter(|text| !text.0.is_empty()) {
        each(Event::Text { choice: 0, text });
    }
}

/// A count that is 0 is left out by Ollama; where both are, nothing was counted.
fn usage(prompt: Option<u64>, completion: Option<u64>) -> Option<Usage> {
    prompt.or(completion)?;
    let (prompt, completion) = (prompt.unwrap_or(0), completion.unwrap_or(0));
    Some(Usage { prompt, completion, total: prompt.saturating_add(completion), ..Usage::default() })
}

/// An error's text; a proxy's object is looked into.
fn message(error: &RawValue) -> Cow<'_, str> {
    if let Ok(Text(text)) = serde_json::from_str(error.get()) {
        return text;
    }
    read_error(error.get().as_bytes())
        .map_or(Cow::Borrowed("the provider reported an error without a message"), |error| {
            Cow::Owned(error.message)
        })
}

/// Writes a stream.
#[derive(Debug)]
pub struct Encoder {
    shape: Shape,
    calls: Calls,
    outcome: Outcome,
    ended: bool,
}

impl Encoder {
    /// An encoder of streams in `endpoint`'s shape.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            shape: Shape::new(endpoint),
            calls: Calls::default(),
            outcome: Outcome::default(),
            ended: false,
        }
    }

    /// Takes one event and appends the lines that it makes. Calls go out when their choice is complete, the
    /// last line at [`Event::End`]; events of further choices have no place here.
    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        match event {
            Event::Start { model, created_s, .. } => self.shape.start(model, *created_s),
            Event::Text { choice: 0, text } | Event::Refusal { choice: 0, text } => {
                self.say(Said { content: text, ..Said::default() }, out);
            }
            Event::Thinking { choice: 0, text } => {
                self.say(Said { thinking: text, ..Said::default() }, out);
            }
            Event::ToolStart { .. } | Event::ToolArguments { .. } => self.calls.event(event),
            Event::Logprobs { choice: 0, content } => {
                self.say(Said { logprobs: entries(content), ..Said::default() }, out);
            }
            Event::Finish { choice: 0, reason, .. } => {
                self.outcome.finish = Some(*reason);
                self.flush(out);
            }
            Event::Usage(usage) => self.outcome.usage = Some(*usage),
            Event::Error { kind, message } => {
                self.ended = true;
                error::stream_event(&redact(message), kind, None, out);
            }
            Event::End => self.last(out),
            _ => {}
        }
    }

    fn say(&self, said: Said<'_>, out: &mut Vec<u8>) {
        if !(said.content.is_empty() && said.thinking.is_empty() && said.logprobs.is_empty()) {
            self.shape.line(said, out);
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        let (tool_calls, cut) = self.calls.take();
        self.outcome.cut |= cut;
        if !tool_calls.is_empty() {
            self.shape.line(Said { tool_calls: &tool_calls, ..Said::default() }, out);
        }
    }

    fn last(&mut self, out: &mut Vec<u8>) {
        self.flush(out);
        self.ended = true;
        self.shape.last(Said::default(), &self.outcome, out);
        out.push(b'\n');
    }
}
