//! One whole answer, written from events.
//!
//! Invariant: `finish` gives one JSON object, whatever events came.

use super::super::calls::{Call, push_call, push_list, push_redacted, push_thinking};
use super::super::error;
use super::super::members::Members;
use super::{Reply, Thinking};
use crate::json::push_u64;
use crate::usage::Usage;
use crate::wire::model::{Event, Finish};

/// Gathers events and gives the answer's body.
#[derive(Debug)]
pub struct Writer {
    id: String,
    model: String,
    created_s: u64,
    own_model: bool,
    thinking: Thinking,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<(String, String)>,
}

#[derive(Debug, Default)]
struct Choice {
    index: u32,
    text: String,
    refusal: String,
    thoughts: String,
    /// Where the run of thoughts begins that is not signed yet.
    unsigned: usize,
    blocks: Vec<u8>,
    calls: Vec<Calling>,
    logprobs: String,
    finish: Option<Finish>,
}

#[derive(Debug)]
struct Calling {
    index: u32,
    id: String,
    name: String,
    arguments: String,
    signature: Option<String>,
}

impl Writer {
    /// A writer for one answer.
    #[must_use]
    pub fn new(reply: &Reply<'_>) -> Self {
        Self {
            id: shown_id(reply.id),
            model: reply.model.to_owned(),
            created_s: reply.created_s,
            own_model: !reply.model.is_empty(),
            thinking: reply.thinking,
            choices: Vec::new(),
            usage: None,
            error: None,
        }
    }

    /// Takes an event.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { id, model, created_s } => self.start(id, model, *created_s),
            Event::Text { choice, text } => self.choice(*choice).text.push_str(text),
            Event::Refusal { choice, text } => self.choice(*choice).refusal.push_str(text),
            Event::Thinking { choice, text } => self.choice(*choice).thoughts.push_str(text),
            Event::Signature { choice, signature } => self.choice(*choice).sign(signature),
            Event::Redacted { choice, data } => push_redacted(&mut self.choice(*choice).blocks, data),
            Event::ToolStart { choice, call, id, name, signature } => {
                let calling = Calling {
                    index: *call,
                    id: id.to_string(),
                    name: name.to_string(),
                    arguments: String::new(),
                    signature: signature.as_deref().map(str::to_owned),
                };
                self.choice(*choice).calls.push(calling);
            }
            Event::ToolArguments { choice, call, json } => self.choice(*choice).argue(*call, json),
            Event::Logprobs { choice, content } => self.choice(*choice).measure(content),
            Event::Finish { choice, reason, .. } => self.choice(*choice).finish = Some(*reason),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Error { kind, message } => self.error = Some((message.to_string(), kind.to_string())),
            Event::Foreign | Event::End => {}
        }
    }

    /// The whole body; an error's, if there was one.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        if let Some((message, kind)) = &self.error {
            return error::encode(message, kind, None, 502);
        }
        self.choices.sort_by_key(|choice| choice.index);
        let mut out = Vec::with_capacity(1024);
        let mut body = Members::open(&mut out);
        body.text("id", &self.id);
        body.text("object", "chat.completion");
        body.count("created", self.created_s);
        body.text("model", &self.model);
        let list = body.key("choices");
        list.push(b'[');
        for (at, choice) in self.choices.iter().enumerate() {
            if at > 0 {
                list.push(b',');
            }
            choice.push(list, self.thinking, &self.id);
        }
        list.push(b']');
        if let Some(usage) = &self.usage {
            push_usage(body.key("usage"), usage);
        }
        body.close();
        out
    }

    fn start(&mut self, id: &str, model: &str, created_s: u64) {
        if !id.is_empty() {
            self.id = shown_id(id);
        }
        if !self.own_model {
            model.clone_into(&mut self.model);
        }
        if created_s > 0 {
            self.created_s = created_s;
        }
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let known = self.choices.iter().position(|choice| choice.index == index);
        let at = known.unwrap_or(self.choices.len());
        if known.is_none() {
            self.choices.push(Choice { index, ..Choice::default() });
        }
        &mut self.choices[at]
    }
}

impl Choice {
    fn sign(&mut self, signature: &str) {
        let run = self.thoughts.get(self.unsigned..).unwrap_or_default();
        push_thinking(&mut self.blocks, run, Some(signature));
        self.unsigned = self.thoughts.len();
    }

    fn argue(&mut self, call: u32, json: &str) {
        if let Some(calling) = self.calls.iter_mut().rfind(|calling| calling.index == call) {
            calling.arguments.push_str(json);
        }
    }

    /// Adds the entries of an array.
    fn measure(&mut self, content: &str) {
        let inner = content.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let inner = inner.unwrap_or_default().trim();
        if !self.logprobs.is_empty() && !inner.is_empty() {
            self.logprobs.push(',');
        }
        self.logprobs.push_str(inner);
    }

    fn push(&self, out: &mut Vec<u8>, thinking: Thinking, answer: &str) {
        let mut choice = Members::open(out);
        choice.count("index", u64::from(self.index));
        let mut message = Members::open(choice.key("message"));
        self.push_message(&mut message, thinking, answer);
        message.close();
        if self.logprobs.is_empty() {
            choice.raw("logprobs", "null");
        } else {
            let out = choice.key("logprobs");
            out.extend_from_slice(b"{\"content\":[");
            out.extend_from_slice(self.logprobs.as_bytes());
            out.extend_from_slice(b"],\"refusal\":null}");
        }
        let finish = self.finish.unwrap_or(Finish::Other);
        choice.text("finish_reason", finish_name(finish, !self.refusal.is_empty()));
        choice.close();
    }

    fn push_message(&self, message: &mut Members<'_>, thinking: Thinking, answer: &str) {
        message.text("role", "assistant");
        if self.text.is_empty() && !(self.calls.is_empty() && self.refusal.is_empty()) {
            message.raw("content", "null");
        } else {
            message.text("content", &self.text);
        }
        if self.refusal.is_empty() {
            message.raw("refusal", "null");
        } else {
            message.text("refusal", &self.refusal);
        }
        if thinking == Thinking::ReasoningContent {
            if !self.thoughts.is_empty() {
                message.text("reasoning_content", &self.thoughts);
            }
            if !self.blocks.is_empty() {
                push_list(message.key("thinking_blocks"), &self.blocks);
            }
        }
        let mut calls = Vec::new();
        for call in &self.calls {
            call.push(&mut calls, answer, self.index);
        }
        if !calls.is_empty() {
            push_list(message.key("tool_calls"), &calls);
        }
    }
}

impl Calling {
    fn push(&self, calls: &mut Vec<u8>, answer: &str, choice: u32) {
        let made = self.id.is_empty().then(|| made_id(answer, choice, self.index));
        let call = Call {
            id: made.as_deref().unwrap_or(&self.id),
            name: &self.name,
            arguments: if self.arguments.trim().is_empty() { "{}" } else { &self.arguments },
            signature: self.signature.as_deref(),
        };
        push_call(calls, None, &call);
    }
}

/// An id for a call that has none.
pub(in super::super) fn made_id(answer: &str, choice: u32, call: u32) -> String {
    format!("call_{}_{choice}_{call}", answer.strip_prefix("chatcmpl-").unwrap_or(answer))
}

/// An answer's id as this dialect has them.
pub(in super::super) fn shown_id(id: &str) -> String {
    if id.starts_with("chatcmpl-") { id.to_owned() } else { format!("chatcmpl-{id}") }
}

/// The name of a finish reason; a refusal in words ends as any text does.
pub(in super::super) fn finish_name(finish: Finish, refusal: bool) -> &'static str {
    match finish {
        Finish::Length => "length",
        Finish::Tools => "tool_calls",
        Finish::Filtered => "content_filter",
        Finish::Refused if !refusal => "content_filter",
        Finish::Stop | Finish::Refused | Finish::Paused | Finish::Other => "stop",
    }
}

/// Writes `usage`, details included.
pub(in super::super) fn push_usage(out: &mut Vec<u8>, usage: &Usage) {
    let total = if usage.total == 0 { usage.prompt.saturating_add(usage.completion) } else { usage.total };
    for (name, value) in [
        ("{\"prompt_tokens\":", usage.prompt),
        (",\"completion_tokens\":", usage.completion),
        (",\"total_tokens\":", total),
        (",\"prompt_tokens_details\":{\"cached_tokens\":", usage.cached),
    ] {
        out.extend_from_slice(name.as_bytes());
        push_u64(out, value);
    }
    if usage.written > 0 {
        out.extend_from_slice(b",\"cache_write_tokens\":");
        push_u64(out, usage.written);
    }
    out.extend_from_slice(b"},\"completion_tokens_details\":{\"reasoning_tokens\":");
    push_u64(out, usage.reasoning);
    out.extend_from_slice(b"}}");
}
