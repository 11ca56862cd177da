//! Events written as this dialect's stream.
//!
//! Invariant: one block is open at a time, blocks are numbered from 0 in the order they open, and what belongs
//! to a block that cannot open yet waits whole: nothing is lost and no fragment reaches another's block.

use std::collections::VecDeque;

use crate::json::{push_string, push_u64};
use crate::usage::Usage;
use crate::wire::anthropic::error;
use crate::wire::anthropic::words::{Ending, push_call_id, push_message_head, push_text, push_usage};
use crate::wire::model::Event;
use crate::wire::provenance::UNSIGNED;

const DELTA_HEAD: &[u8] = b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":";

/// What a block holds; a call by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Redacted,
    Call(u32),
}

/// A block that waits for the open one to end.
#[derive(Debug)]
struct Waiting {
    kind: Kind,
    id: String,
    name: String,
    content: String,
    signature: Option<String>,
}

impl Waiting {
    fn new(kind: Kind) -> Self {
        Self { kind, id: String::new(), name: String::new(), content: String::new(), signature: None }
    }
}

/// Writes a stream. Choices but the first have no place in this dialect.
#[derive(Debug, Default)]
pub struct Encoder {
    id: String,
    model: String,
    usage: Usage,
    ending: Ending,
    begun: bool,
    done: bool,
    open: Option<Kind>,
    /// Whether the open thoughts have their signature.
    sealed: bool,
    arguments: Arguments,
    blocks: u64,
    waiting: VecDeque<Waiting>,
}

impl Encoder {
    /// Takes the next event, and writes what can be written now. The first event of the dialect tells usage,
    /// so it waits until something other than usage comes.
    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        match event {
            Event::Start { id, model, .. } => {
                id.as_ref().clone_into(&mut self.id);
                model.as_ref().clone_into(&mut self.model);
            }
            Event::Usage(usage) => self.usage = *usage,
            Event::Text { choice: 0, text } => self.fragment(Kind::Text, text, out),
            Event::Refusal { choice: 0, text } => {
                self.ending.decline();
                self.fragment(Kind::Text, text, out);
            }
            Event::Thinking { choice: 0, text } => self.fragment(Kind::Thinking, text, out),
            Event::Signature { choice: 0, signature } => self.signature(signature, out),
            Event::Redacted { choice: 0, data } => {
                let content = data.as_ref().to_owned();
                self.whole(Waiting { content, ..Waiting::new(Kind::Redacted) }, out);
            }
            Event::ToolStart { choice: 0, call, id, name, .. } => {
                let (id, name) = (id.as_ref().to_owned(), name.as_ref().to_owned());
                self.whole(Waiting { id, name, ..Waiting::new(Kind::Call(*call)) }, out);
            }
            Event::ToolArguments { choice: 0, call, json } => self.arguments(*call, json, out),
            Event::Finish { choice: 0, reason, stop } => {
                self.flush(out);
                self.ending.set(*reason, stop.as_deref());
            }
            Event::Error { kind, message } => {
                error::stream_event(message, kind, None, out);
                self.done = true;
            }
            Event::End => self.end(out),
            _ => {}
        }
    }

    /// A fragment of text or thoughts.
    fn fragment(&mut self, kind: Kind, fragment: &str, out: &mut Vec<u8>) {
        if fragment.is_empty() {
            return;
        }
        if self.open == Some(kind) && self.waiting.is_empty() {
            return self.delta(kind, fragment, out);
        }
        match self.waiting.back_mut() {
            Some(last) if last.kind == kind && last.signature.is_none() => last.content.push_str(fragment),
            _ => self.whole(Waiting { content: fragment.to_owned(), ..Waiting::new(kind) }, out),
        }
    }

    fn signature(&mut self, signature: &str, out: &mut Vec<u8>) {
        if self.open == Some(Kind::Thinking) && self.waiting.is_empty() {
            self.seal(signature, out);
            return;
        }
        let signature = Some(signature.to_owned());
        match self.waiting.back_mut() {
            Some(last) if last.kind == Kind::Thinking && last.signature.is_none() => {
                last.signature = signature;
            }
            _ => self.whole(Waiting { signature, ..Waiting::new(Kind::Thinking) }, out),
        }
    }

    fn arguments(&mut self, call: u32, fragment: &str, out: &mut Vec<u8>) {
        let kind = Kind::Call(call);
        if fragment.is_empty() {
            return;
        }
        if self.open == Some(kind) {
            self.delta(kind, fragment, out);
            self.advance(out);
        } else if let Some(block) = self.waiting.iter_mut().find(|block| block.kind == kind) {
            block.content.push_str(fragment);
        }
    }

    /// A block that begins: now if it can, else when its turn comes.
    fn whole(&mut self, block: Waiting, out: &mut Vec<u8>) {
        self.waiting.push_back(block);
        self.advance(out);
    }

    /// Opens the blocks that wait, up to the first that may still get something.
    fn advance(&mut self, out: &mut Vec<u8>) {
        while !self.waiting.is_empty() && self.can_close() {
            self.open_next(out);
        }
    }

    /// Writes every block that waits, and closes the last.
    fn flush(&mut self, out: &mut Vec<u8>) {
        while !self.waiting.is_empty() {
            self.open_next(out);
        }
        self.close(out);
    }

    /// A call is whole when its arguments are; before that, fragments may come.
    fn can_close(&self) -> bool {
        !matches!(self.open, Some(Kind::Call(_))) || self.arguments.whole()
    }

    fn open_next(&mut self, out: &mut Vec<u8>) {
        let Some(block) = self.waiting.pop_front() else { return };
        self.close(out);
        self.begin(out);
        self.open = Some(block.kind);
        self.arguments = Arguments::default();
        self.head(b"content_block_start", out);
        out.extend_from_slice(b",\"content_block\":");
        self.push_start(&block, out);
        out.extend_from_slice(b"}\n\n");
        if block.kind == Kind::Redacted {
            self.close(out);
            return;
        }
        if !block.content.is_empty() {
            self.delta(block.kind, &block.content, out);
        }
        if let Some(signature) = &block.signature {
            self.seal(signature, out);
        }
    }

    fn push_start(&self, block: &Waiting, out: &mut Vec<u8>) {
        match block.kind {
            Kind::Text => out.extend_from_slice(b"{\"type\":\"text\",\"text\":\"\"}"),
            Kind::Thinking => {
                out.extend_from_slice(b"{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
            }
            Kind::Redacted => {
                push_text(out, b"{\"type\":\"redacted_thinking\",\"data\":", &block.content);
                out.push(b'}');
            }
            Kind::Call(call) => {
                out.extend_from_slice(b"{\"type\":\"tool_use\",\"id\":");
                push_call_id(out, &block.id, &self.id, call);
                push_text(out, b",\"name\":", &block.name);
                out.extend_from_slice(b",\"input\":{}}");
            }
        }
    }

    fn delta(&mut self, kind: Kind, fragment: &str, out: &mut Vec<u8>) {
        let name: &[u8] = match kind {
            Kind::Thinking => b",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":",
            Kind::Call(_) => {
                self.arguments.read(fragment);
                b",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":"
            }
            Kind::Text | Kind::Redacted => b",\"delta\":{\"type\":\"text_delta\",\"text\":",
        };
        self.push_delta(name, fragment, out);
    }

    /// The signature that ends a run of thoughts.
    fn seal(&mut self, signature: &str, out: &mut Vec<u8>) {
        self.push_delta(b",\"delta\":{\"type\":\"signature_delta\",\"signature\":", signature, out);
        self.sealed = true;
        self.close(out);
    }

    fn push_delta(&self, name: &[u8], value: &str, out: &mut Vec<u8>) {
        // What most events are is written in one piece.
        out.extend_from_slice(DELTA_HEAD);
        push_u64(out, self.blocks);
        out.extend_from_slice(name);
        push_string(out, value);
        out.extend_from_slice(b"}}\n\n");
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open == Some(Kind::Thinking) && !self.sealed {
            return self.seal(UNSIGNED, out);
        }
        if self.open.is_some() {
            self.sealed = false;
            self.head(b"content_block_stop", out);
            out.extend_from_slice(b"}\n\n");
            self.open = None;
            self.blocks += 1;
        }
    }

    /// An event's beginning, up to the index of the open block.
    fn head(&self, name: &[u8], out: &mut Vec<u8>) {
        for part in [b"event: ", name, b"\ndata: {\"type\":\"", name, b"\",\"index\":"] {
            out.extend_from_slice(part);
        }
        push_u64(out, self.blocks);
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        out.extend_from_slice(b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{");
        push_message_head(out, &self.id, &self.model);
        out.extend_from_slice(b",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":");
        push_usage(out, &self.usage);
        out.extend_from_slice(b"}}\n\n");
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        self.flush(out);
        out.extend_from_slice(b"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{");
        self.ending.push(out);
        out.extend_from_slice(b"},\"usage\":");
        push_usage(out, &self.usage);
        out.extend_from_slice(b"}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
        self.done = true;
    }
}

/// Watches an object go by in fragments: whether its last bracket has come.
#[derive(Debug, Default)]
struct Arguments {
    depth: u32,
    in_string: bool,
    escaped: bool,
    closed: bool,
}

impl Arguments {
    const fn whole(&self) -> bool {
        self.closed
    }

    fn read(&mut self, fragment: &str) {
        for byte in fragment.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.closed |= self.depth == 0;
                }
                _ => {}
            }
        }
    }
}
