//! Blocks of an answer as events: what whole answers and streams share.
//!
//! Invariant: the answer tool is never told as a call, so a caller sees only tools that it offered.

use std::borrow::Cow;

use serde::Deserialize;

use super::{ANSWER_TOOL, Text};
use crate::usage::Usage;
use crate::wire::model::{Event, Finish};

/// `TokenUsage`: input tokens leave out those that were read from the cache or written to it.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Tokens {
    #[serde(rename = "inputTokens")]
    input: Option<u64>,
    #[serde(rename = "outputTokens")]
    output: Option<u64>,
    #[serde(rename = "totalTokens")]
    total: Option<u64>,
    #[serde(rename = "cacheReadInputTokens")]
    read: Option<u64>,
    #[serde(rename = "cacheWriteInputTokens")]
    written: Option<u64>,
}

impl Tokens {
    pub(super) fn usage(self) -> Usage {
        let cached = self.read.unwrap_or(0);
        let written = self.written.unwrap_or(0);
        let prompt = self.input.unwrap_or(0).saturating_add(cached).saturating_add(written);
        let completion = self.output.unwrap_or(0);
        let total = self.total.unwrap_or_else(|| prompt.saturating_add(completion));
        Usage { prompt, completion, total, cached, written, reasoning: 0 }
    }
}

/// What a model may add of its own; told only where the request asked for it.
#[derive(Deserialize)]
pub(super) struct Additional<'a> {
    #[serde(borrow)]
    stop_sequence: Option<Text<'a>>,
}

/// Counts the calls of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Calls {
    next: u32,
}

impl Calls {
    /// Begins a call; `None` when it is the answer, whose arguments are text.
    pub(super) fn start(
        &mut self,
        id: Cow<'_, str>,
        name: Cow<'_, str>,
        each: &mut dyn FnMut(Event<'_>),
    ) -> Option<u32> {
        if name == ANSWER_TOOL {
            return None;
        }
        let call = self.next;
        self.next = call.saturating_add(1);
        each(Event::ToolStart { choice: 0, call, id, name, signature: None });
        Some(call)
    }

    /// Ends the answer's one choice.
    pub(super) fn finish(
        self,
        reason: &str,
        additional: Option<Additional<'_>>,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        let reason = match reason {
            "tool_use" if self.next > 0 => Finish::Tools,
            // The answer tool was used, and is no tool to the caller.
            "end_turn" | "stop_sequence" | "tool_use" => Finish::Stop,
            "max_tokens" | "model_context_window_exceeded" => Finish::Length,
            "guardrail_intervened" | "content_filtered" => Finish::Filtered,
            _ => Finish::Other,
        };
        let stop = additional.and_then(|additional| additional.stop_sequence).map(|text| text.0);
        each(Event::Finish { choice: 0, reason, stop });
    }
}

pub(super) fn text(text: Cow<'_, str>, each: &mut dyn FnMut(Event<'_>)) {
    if !text.is_empty() {
        each(Event::Text { choice: 0, text });
    }
}

pub(super) fn thinking(text: Cow<'_, str>, each: &mut dyn FnMut(Event<'_>)) {
    if !text.is_empty() {
        each(Event::Thinking { choice: 0, text });
    }
}

/// A fragment of a call's arguments, or of the answer where `call` is none.
pub(super) fn arguments(call: Option<u32>, json: Cow<'_, str>, each: &mut dyn FnMut(Event<'_>)) {
    match call {
        Some(call) if !json.is_empty() => each(Event::ToolArguments { choice: 0, call, json }),
        Some(_) => {}
        None => text(json, each),
    }
}

/// The first event: Converse tells neither an id nor the model, nor the time.
pub(super) fn start(each: &mut dyn FnMut(Event<'_>)) {
    each(Event::Start { id: Cow::Borrowed(""), model: Cow::Borrowed(""), created_s: 0 });
}
