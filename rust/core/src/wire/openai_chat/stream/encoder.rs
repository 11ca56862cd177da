//! Events, written as the chunks of a stream.
//!
//! Invariant: each choice's first chunk has its role; usage comes last, and only to who asked; `[DONE]` stands
//! for `End` and nothing else.

use super::super::calls::{Call, push_call, push_list, push_redacted, push_thinking};
use super::super::error;
use super::super::response::{Reply, Thinking, finish_name, made_id, push_usage, shown_id};
use crate::json::{push_string, push_u64};
use crate::usage::Usage;
use crate::wire::model::{Event, Finish};

/// Writes one stream.
#[derive(Debug)]
pub struct Encoder {
    /// A chunk up to its list of choices.
    head: Vec<u8>,
    id: String,
    model: String,
    created_s: u64,
    thinking: Thinking,
    include_usage: bool,
    usage: Option<Usage>,
    choices: Vec<Choice>,
}

#[derive(Debug, Default)]
struct Choice {
    index: u32,
    refused: bool,
    /// Thoughts that may get a signature; it goes out together with them.
    unsigned: String,
    /// Calls, and whether they have arguments.
    calls: Vec<(u32, bool)>,
}

impl Encoder {
    /// An encoder for one stream.
    #[must_use]
    pub fn new(reply: &Reply<'_>) -> Self {
        let mut encoder = Self {
            head: Vec::new(),
            id: shown_id(reply.id),
            model: reply.model.to_owned(),
            created_s: reply.created_s,
            thinking: reply.thinking,
            include_usage: reply.include_usage,
            usage: None,
            choices: Vec::new(),
        };
        encoder.write_head(reply.model);
        encoder
    }

    /// Appends what an event is on the wire.
    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        let shown = self.thinking == Thinking::ReasoningContent;
        match event {
            Event::Start { id, model, created_s } => self.start(id, model, *created_s),
            Event::Text { choice, text } => self.delta(*choice, "content", text, out),
            Event::Refusal { choice, text } => {
                self.delta(*choice, "refusal", text, out);
                self.choice(*choice, out).refused = true;
            }
            Event::Thinking { choice, text } if shown => {
                self.delta(*choice, "reasoning_content", text, out);
                self.choice(*choice, out).unsigned.push_str(text);
            }
            Event::Signature { choice, signature } if shown => self.sign(*choice, signature, out),
            Event::Redacted { choice, data } if shown => {
                let mut block = Vec::with_capacity(data.len() + 48);
                push_redacted(&mut block, data);
                self.list(*choice, "thinking_blocks", &block, out);
            }
            Event::Thinking { .. } | Event::Signature { .. } | Event::Redacted { .. } | Event::Foreign => {}
            Event::ToolStart { choice, call, id, name, signature } => {
                let made = id.is_empty().then(|| made_id(&self.id, *choice, *call));
                let id = made.as_deref().unwrap_or(id);
                let signature = signature.as_deref();
                self.begin_call(*choice, *call, &Call { id, name, arguments: "", signature }, out);
            }
            Event::ToolArguments { choice, call, json } => self.argue(*choice, *call, json, out),
            Event::Logprobs { choice, content } => self.measure(*choice, content, out),
            Event::Finish { choice, reason, .. } => self.finish(*choice, *reason, out),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Error { kind, message } => error::stream_event(message, kind, None, out),
            Event::End => self.end(out),
        }
    }

    fn start(&mut self, id: &str, model: &str, created_s: u64) {
        if !id.is_empty() {
            self.id = shown_id(id);
        }
        if created_s > 0 {
            self.created_s = created_s;
        }
        let own = std::mem::take(&mut self.model);
        self.write_head(if own.is_empty() { model } else { &own });
        self.model = own;
    }

    fn write_head(&mut self, model: &str) {
        self.head.clear();
        self.head.extend_from_slice(b"data: {\"id\":");
        push_string(&mut self.head, &self.id);
        self.head.extend_from_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
        push_u64(&mut self.head, self.created_s);
        self.head.extend_from_slice(b",\"model\":");
        push_string(&mut self.head, model);
        self.head.extend_from_slice(b",\"choices\":[");
    }

    /// The state of a choice, which begins with its role.
    fn choice(&mut self, index: u32, out: &mut Vec<u8>) -> &mut Choice {
        let known = self.choices.iter().position(|choice| choice.index == index);
        let at = known.unwrap_or(self.choices.len());
        if known.is_none() {
            self.choices.push(Choice { index, ..Choice::default() });
            self.open(index, out);
            out.extend_from_slice(b"\"role\":\"assistant\",\"content\":\"\",\"refusal\":null");
            self.close("},\"logprobs\":null,\"finish_reason\":null}", out);
        }
        &mut self.choices[at]
    }

    /// Writes a chunk up to the inside of its delta.
    fn open(&self, index: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b"{\"index\":");
        push_u64(out, u64::from(index));
        out.extend_from_slice(b",\"delta\":{");
    }

    /// Writes the rest of a chunk, from inside its delta.
    fn close(&self, rest: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(rest.as_bytes());
        let tail: &[u8] = if self.include_usage { b"],\"usage\":null}\n\n" } else { b"]}\n\n" };
        out.extend_from_slice(tail);
    }

    fn delta(&mut self, choice: u32, name: &'static str, text: &str, out: &mut Vec<u8>) {
        self.choice(choice, out);
        self.open(choice, out);
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        push_string(out, text);
        self.close("},\"logprobs\":null,\"finish_reason\":null}", out);
    }

    fn list(&mut self, choice: u32, name: &str, items: &[u8], out: &mut Vec<u8>) {
        self.choice(choice, out);
        self.open(choice, out);
        push_string(out, name);
        out.push(b':');
        push_list(out, items);
        self.close("},\"logprobs\":null,\"finish_reason\":null}", out);
    }

    fn sign(&mut self, choice: u32, signature: &str, out: &mut Vec<u8>) {
        let thoughts = std::mem::take(&mut self.choice(choice, out).unsigned);
        let mut block = Vec::with_capacity(thoughts.len() + signature.len() + 64);
        push_thinking(&mut block, &thoughts, Some(signature));
        self.list(choice, "thinking_blocks", &block, out);
    }

    fn begin_call(&mut self, choice: u32, index: u32, call: &Call<'_>, out: &mut Vec<u8>) {
        self.choice(choice, out).calls.push((index, false));
        let mut item = Vec::with_capacity(128);
        push_call(&mut item, Some(index), call);
        self.list(choice, "tool_calls", &item, out);
    }

    fn argue(&mut self, choice: u32, index: u32, json: &str, out: &mut Vec<u8>) {
        if let Some(call) = self.choice(choice, out).calls.iter_mut().find(|call| call.0 == index) {
            call.1 = true;
        }
        self.open(choice, out);
        out.extend_from_slice(b"\"tool_calls\":[{\"index\":");
        push_u64(out, u64::from(index));
        out.extend_from_slice(b",\"function\":{\"arguments\":");
        push_string(out, json);
        self.close("}}]},\"logprobs\":null,\"finish_reason\":null}", out);
    }

    fn measure(&mut self, choice: u32, content: &str, out: &mut Vec<u8>) {
        self.choice(choice, out);
        self.open(choice, out);
        out.extend_from_slice(b"},\"logprobs\":{\"content\":");
        // A line break between two tokens would end the event's line.
        out.extend(content.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
        self.close(",\"refusal\":null},\"finish_reason\":null}", out);
    }

    fn finish(&mut self, choice: u32, reason: Finish, out: &mut Vec<u8>) {
        let state = self.choice(choice, out);
        let refused = state.refused;
        // A client reads arguments as JSON; where a call has none, that is an empty object.
        let bare: Vec<u32> = state.calls.iter().filter(|call| !call.1).map(|call| call.0).collect();
        for call in bare {
            self.argue(choice, call, "{}", out);
        }
        self.open(choice, out);
        out.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":");
        push_string(out, finish_name(reason, refused));
        self.close("}", out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if let Some(usage) = self.usage.take().filter(|_| self.include_usage) {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"],\"usage\":");
            push_usage(out, &usage);
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}
