//! Output items that are being written, and how they look when they begin and end.
//!
//! Invariant: an item has the same id from its first event to the finished response.
//! Source: platform.openai.com/docs/api-reference/responses/object, `output`.

use crate::json::push_string;
use crate::wire::openai_chat::members::Members;
use crate::wire::provenance::UNSIGNED;

/// A part of a message.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub refusal: bool,
    pub text: String,
    /// Entries of log probabilities, without their brackets.
    pub logprobs: String,
}

impl Part {
    /// The part as it stands.
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        let mut part = Members::open(out);
        if self.refusal {
            part.text("type", "refusal");
            part.text("refusal", &self.text);
        } else {
            part.text("type", "output_text");
            part.raw("annotations", "[]");
            push_list(part.key("logprobs"), &self.logprobs);
            part.text("text", &self.text);
        }
        part.close();
    }

    /// Adds the entries of an array of log probabilities.
    pub(super) fn measure(&mut self, entries: &str) {
        if !self.logprobs.is_empty() {
            self.logprobs.push(',');
        }
        self.logprobs.push_str(entries);
    }
}

/// What stands between the brackets of an array; without line breaks, as one would end the event's line.
pub(super) fn entries(array: &str) -> String {
    let inner = array.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.unwrap_or_default().trim().replace(['\n', '\r'], " ")
}

/// Writes an array, of its entries.
pub(super) fn push_list(out: &mut Vec<u8>, entries: &str) {
    out.push(b'[');
    out.extend_from_slice(entries.as_bytes());
    out.push(b']');
}

/// The item that text or thoughts go to.
#[derive(Debug)]
pub(super) enum Body {
    /// A message: the part that grows, how many stand before it, and those as JSON with their commas.
    Message { part: Option<Part>, parts: usize, done: Vec<u8> },
    /// Thoughts; `None` before the first fragment of them.
    Reasoning { text: Option<String> },
}

#[derive(Debug)]
pub(super) struct Open {
    pub index: usize,
    pub id: String,
    pub body: Body,
}

impl Open {
    /// The item as it begins.
    pub(super) fn push_empty(&self, out: &mut Vec<u8>) {
        self.push(out, "in_progress", None);
    }

    /// The item as it ends; `sealed` is what only the provider can read.
    pub(super) fn push(&self, out: &mut Vec<u8>, status: &str, sealed: Option<&str>) {
        let mut item = Members::open(out);
        item.text("id", &self.id);
        match &self.body {
            Body::Message { done, .. } => {
                item.text("type", "message");
                item.text("status", status);
                let content = item.key("content");
                content.push(b'[');
                content.extend_from_slice(done);
                content.push(b']');
                item.text("role", "assistant");
            }
            Body::Reasoning { text } => {
                item.text("type", "reasoning");
                item.text("status", status);
                let summary = item.key("summary");
                summary.push(b'[');
                if let Some(text) = text {
                    push_summary(summary, text);
                }
                summary.push(b']');
                // Without it the item would be looked for among those that are stored.
                if status != "in_progress" {
                    item.text("encrypted_content", sealed.unwrap_or(UNSIGNED));
                }
            }
        }
        item.close();
    }
}

/// A part of a summary.
pub(super) fn push_summary(out: &mut Vec<u8>, text: &str) {
    let mut part = Members::open(out);
    part.text("type", "summary_text");
    part.text("text", text);
    part.close();
}

/// A call that is being written; several may be at a time.
#[derive(Debug)]
pub(super) struct Calling {
    pub call: u32,
    pub index: usize,
    pub id: String,
    pub call_id: String,
    pub name: String,
    pub arguments: String,
    pub signature: Option<String>,
}

impl Calling {
    pub(super) fn push(&self, out: &mut Vec<u8>, status: &str) {
        let mut item = Members::open(out);
        item.text("id", &self.id);
        item.text("type", "function_call");
        item.text("status", status);
        item.text("arguments", &self.arguments);
        item.text("call_id", &self.call_id);
        item.text("name", &self.name);
        if let Some(signature) = &self.signature {
            // As the chat dialect carries Google's mark: a client gives back what it does not know.
            let extra = item.key("extra_content");
            extra.extend_from_slice(b"{\"google\":{\"thought_signature\":");
            push_string(extra, signature);
            extra.extend_from_slice(b"}}");
        }
        item.close();
    }
}
