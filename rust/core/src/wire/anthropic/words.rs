//! What requests, answers and streams have in common: strings, usage, reasons, arguments.
//!
//! Invariant: reasons and usage that the dialect told are told back as they were.
//! Source: docs.anthropic.com/en/api/messages, `stop_reason` and `usage`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{Cursor, Kind, push_string, push_u64};
use crate::usage::Usage;
use crate::wire::model::Finish;

/// A string, borrowed where it has no escapes; an `Option<Cow<str>>` of serde's would always be a copy.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl Text<'_> {
    pub(super) fn is(&self, word: &str) -> bool {
        self.0 == word
    }
}

/// The texts of an optional member; empty when it is missing.
pub(super) fn or_empty(text: Option<Text<'_>>) -> Cow<'_, str> {
    text.unwrap_or_default().0
}

/// Usage as the dialect tells it; in a stream, piece by piece, each piece the sum so far.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Told {
    #[serde(rename = "input_tokens")]
    input: Option<u64>,
    #[serde(rename = "output_tokens")]
    output: Option<u64>,
    #[serde(rename = "cache_creation_input_tokens")]
    written: Option<u64>,
    #[serde(rename = "cache_read_input_tokens")]
    cached: Option<u64>,
    #[serde(rename = "output_tokens_details")]
    details: Option<Details>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Details {
    #[serde(rename = "thinking_tokens")]
    thinking: Option<u64>,
}

impl Told {
    /// Takes over what a later piece tells.
    pub(super) fn update(&mut self, later: Self) {
        self.input = later.input.or(self.input);
        self.output = later.output.or(self.output);
        self.written = later.written.or(self.written);
        self.cached = later.cached.or(self.cached);
        self.details = later.details.or(self.details);
    }

    /// `input_tokens` leaves out what the cache gave and took; the canonical prompt has all of it.
    pub(super) fn usage(self) -> Usage {
        let (cached, written) = (self.cached.unwrap_or(0), self.written.unwrap_or(0));
        let prompt = self.input.unwrap_or(0).saturating_add(cached).saturating_add(written);
        let completion = self.output.unwrap_or(0);
        let reasoning = self.details.and_then(|details| details.thinking).unwrap_or(0);
        Usage { prompt, completion, total: prompt.saturating_add(completion), cached, written, reasoning }
    }
}

/// Appends the `usage` object.
pub(super) fn push_usage(out: &mut Vec<u8>, usage: &Usage) {
    let fresh = usage.prompt.saturating_sub(usage.cached).saturating_sub(usage.written);
    out.extend_from_slice(b"{\"input_tokens\":");
    push_u64(out, fresh);
    out.extend_from_slice(b",\"cache_creation_input_tokens\":");
    push_u64(out, usage.written);
    out.extend_from_slice(b",\"cache_read_input_tokens\":");
    push_u64(out, usage.cached);
    out.extend_from_slice(b",\"output_tokens\":");
    push_u64(out, usage.completion);
    if usage.reasoning > 0 {
        out.extend_from_slice(b",\"output_tokens_details\":{\"thinking_tokens\":");
        push_u64(out, usage.reasoning);
        out.push(b'}');
    }
    out.push(b'}');
}

/// What a `stop_reason` means.
pub(super) fn finish(stop_reason: &str) -> Finish {
    match stop_reason {
        "end_turn" | "stop_sequence" => Finish::Stop,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" => Finish::Tools,
        "pause_turn" => Finish::Paused,
        "refusal" => Finish::Refused,
        _ => Finish::Other,
    }
}

/// How an answer ended, as far as an encoder was told.
#[derive(Debug, Default)]
pub(super) struct Ending {
    reason: Option<Finish>,
    stop: Option<String>,
    declined: bool,
}

impl Ending {
    /// The model declined in words; a dialect may call that an ordinary stop.
    pub(super) fn decline(&mut self) {
        self.declined = true;
    }

    pub(super) fn set(&mut self, reason: Finish, stop: Option<&str>) {
        self.reason = Some(reason);
        self.stop = stop.map(str::to_owned);
    }

    /// Appends `"stop_reason":…,"stop_sequence":…`.
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        let reason = match self.reason {
            Some(Finish::Stop) if self.stop.is_some() => "stop_sequence",
            Some(Finish::Length) => "max_tokens",
            Some(Finish::Tools) => "tool_use",
            Some(Finish::Paused) => "pause_turn",
            Some(Finish::Filtered | Finish::Refused) => "refusal",
            _ if self.declined => "refusal",
            Some(Finish::Stop | Finish::Other) | None => "end_turn",
        };
        push_text(out, b"\"stop_reason\":", reason);
        out.extend_from_slice(b",\"stop_sequence\":");
        match &self.stop {
            Some(stop) => push_string(out, stop),
            None => out.extend_from_slice(b"null"),
        }
    }
}

/// Appends a tool call's input: the arguments where they are one JSON object. Others are wrapped, as the
/// provider advises for arguments that were cut (docs.anthropic.com, fine-grained tool streaming).
pub(super) fn push_input(out: &mut Vec<u8>, arguments: &str) {
    if arguments.trim().is_empty() {
        out.extend_from_slice(b"{}");
    } else if is_object(arguments.as_bytes()) {
        out.extend_from_slice(arguments.trim().as_bytes());
    } else {
        push_text(out, b"{\"INVALID_JSON\":", arguments);
        out.push(b'}');
    }
}

fn is_object(document: &[u8]) -> bool {
    let read = || {
        let mut cursor = Cursor::new(document)?;
        let kind = cursor.kind()?;
        cursor.skip()?;
        cursor.finish().map(|()| kind)
    };
    read() == Ok(Kind::Object)
}

/// Appends an answer's or call's id, or makes one where the dialect it came from has none.
pub(super) fn push_call_id(out: &mut Vec<u8>, id: &str, answer: &str, call: u32) {
    if id.is_empty() {
        push_string(out, &format!("toolu_{answer}_{call}"));
    } else {
        push_string(out, id);
    }
}

/// Appends a message's members up to its content: `"id":…,"type":"message","role":"assistant","model":…`.
pub(super) fn push_message_head(out: &mut Vec<u8>, id: &str, model: &str) {
    push_text(out, b"\"id\":", if id.is_empty() { "msg_0" } else { id });
    push_text(out, b",\"type\":\"message\",\"role\":\"assistant\",\"model\":", model);
}

/// Appends `name`, as it stands, and a string.
pub(super) fn push_text(out: &mut Vec<u8>, name: &[u8], value: &str) {
    out.extend_from_slice(name);
    push_string(out, value);
}

/// Appends a verbatim value behind its name, where there is one.
pub(super) fn push_raw(out: &mut Vec<u8>, name: &[u8], value: Option<&RawValue>) {
    if let Some(value) = value {
        out.extend_from_slice(name);
        out.extend_from_slice(value.get().as_bytes());
    }
}
