//! The JSON of answers, written: the members that a whole answer and the lines of a stream share.
//!
//! Invariant: nothing that is written here holds a line feed, so an object is a line; a tool call is written
//! only with arguments that are one JSON object.

use serde_json::value::RawValue;

use super::{Endpoint, time};
use crate::json::{push_string, push_u64};
use crate::usage::Usage;
use crate::wire::model::{Event, Finish};

/// The members that every object of an answer begins with, and the shape of what follows.
#[derive(Debug)]
pub(super) struct Shape {
    endpoint: Endpoint,
    head: Vec<u8>,
}

/// What an object says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) content: &'a str,
    pub(super) thinking: &'a str,
    /// A JSON list of calls; empty where there are none.
    pub(super) tool_calls: &'a [u8],
    /// Entries of a JSON list, without its brackets.
    pub(super) logprobs: &'a [u8],
}

impl Shape {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        let mut shape = Self { endpoint, head: Vec::new() };
        shape.start("", 0);
        shape
    }

    /// Takes the answer's model and time.
    pub(super) fn start(&mut self, model: &str, created_s: u64) {
        self.head.clear();
        self.head.extend_from_slice(b"{\"model\":");
        push_string(&mut self.head, model);
        self.head.extend_from_slice(b",\"created_at\":\"");
        time::push(&mut self.head, created_s);
        self.head.push(b'"');
    }

    /// An object that more will follow, with its line feed.
    pub(super) fn line(&self, said: Said<'_>, out: &mut Vec<u8>) {
        self.said(said, out);
        out.extend_from_slice(b",\"done\":false}\n");
    }

    /// The object that ends an answer, without a line feed.
    pub(super) fn last(&self, said: Said<'_>, outcome: &Outcome, out: &mut Vec<u8>) {
        self.said(said, out);
        out.extend_from_slice(b",\"done\":true,\"done_reason\":\"");
        out.extend_from_slice(outcome.reason().as_bytes());
        // Clients take these for numbers; nobody else measures them.
        out.extend_from_slice(b"\",\"total_duration\":0,\"load_duration\":0");
        if let Some(usage) = outcome.usage {
            out.extend_from_slice(b",\"prompt_eval_count\":");
            push_u64(out, usage.prompt);
        }
        out.extend_from_slice(b",\"prompt_eval_duration\":0");
        if let Some(usage) = outcome.usage {
            out.extend_from_slice(b",\"eval_count\":");
            push_u64(out, usage.completion);
        }
        out.extend_from_slice(b",\"eval_duration\":0}");
    }

    fn said(&self, said: Said<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        let (open, close): (&[u8], &[u8]) = match self.endpoint {
            Endpoint::Chat => (b",\"message\":{\"role\":\"assistant\",\"content\":", b"}"),
            Endpoint::Generate => (b",\"response\":", b""),
        };
        out.extend_from_slice(open);
        push_string(out, said.content);
        if !said.thinking.is_empty() {
            out.extend_from_slice(b",\"thinking\":");
            push_string(out, said.thinking);
        }
        if !said.tool_calls.is_empty() {
            out.extend_from_slice(b",\"tool_calls\":");
            out.extend_from_slice(said.tool_calls);
        }
        out.extend_from_slice(close);
        if !said.logprobs.is_empty() {
            out.extend_from_slice(b",\"logprobs\":[");
            push_on_one_line(out, said.logprobs);
            out.push(b']');
        }
    }
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    pub(super) finish: Option<Finish>,
    pub(super) usage: Option<Usage>,
    /// A call was left out because its arguments are no object.
    pub(super) cut: bool,
}

impl Outcome {
    /// Ollama has two reasons for an answer; a call that was cut off means that the answer was.
    fn reason(&self) -> &'static str {
        if self.cut || self.finish == Some(Finish::Length) { "length" } else { "stop" }
    }
}

/// Tool calls, gathered until they are whole: Ollama has no fragments of them.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Call>);

#[derive(Debug)]
struct Call {
    index: u32,
    name: String,
    arguments: String,
}

impl Calls {
    /// Takes the events that are about calls.
    pub(super) fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::ToolStart { choice: 0, call, name, .. } => {
                self.0.push(Call { index: *call, name: name.to_string(), arguments: String::new() });
            }
            Event::ToolArguments { choice: 0, call, json } => {
                if let Some(known) = self.0.iter_mut().find(|known| known.index == *call) {
                    known.arguments.push_str(json);
                }
            }
            _ => {}
        }
    }

    /// The calls as a JSON list, empty when there are none; and whether one had to be left out.
    pub(super) fn take(&mut self) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        let mut cut = false;
        for call in std::mem::take(&mut self.0) {
            let Some(arguments) = object(&call.arguments) else {
                cut = true;
                continue;
            };
            out.push(if out.is_empty() { b'[' } else { b',' });
            push_call(&mut out, &call.name, arguments);
        }
        if !out.is_empty() {
            out.push(b']');
        }
        (out, cut)
    }
}

/// Arguments as they stand, if they are one JSON object; nothing at all means an empty one.
pub(super) fn object(arguments: &str) -> Option<&str> {
    if arguments.trim().is_empty() {
        return Some("{}");
    }
    let whole: &RawValue = serde_json::from_str(arguments).ok()?;
    whole.get().starts_with('{').then(|| whole.get())
}

/// Appends a call; `arguments` is a JSON object.
pub(super) fn push_call(out: &mut Vec<u8>, name: &str, arguments: &str) {
    out.extend_from_slice(b"{\"function\":{\"name\":");
    push_string(out, name);
    out.extend_from_slice(b",\"arguments\":");
    push_on_one_line(out, arguments.as_bytes());
    out.extend_from_slice(b"}}");
}

/// The entries of a JSON list.
pub(super) fn entries(list: &str) -> &[u8] {
    let list = list.trim();
    list.strip_prefix('[').and_then(|list| list.strip_suffix(']')).unwrap_or_default().trim().as_bytes()
}

/// Appends JSON; line ends can only stand between its tokens, where a space means the same.
fn push_on_one_line(out: &mut Vec<u8>, json: &[u8]) {
    out.extend(json.iter().map(|&byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
}
