//! One cached answer for both kinds of caller: a stream made of an answer, an answer made of a stream.
//!
//! Invariant: nothing is invented; members that we do not know travel as the bytes they were. What cannot be
//! put together faithfully is `None`, and the caller asks the upstream.
//! Source: platform.openai.com/docs/api-reference, chat/object and chat/streaming, completions/object.

mod merge;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::json::{push_string, push_u64};
use merge::Choice;

/// Members of an object, each as its bytes.
type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// The events of a stream that says what `answer` says, `[DONE]` included; `None` when it is no completion.
///
/// The usage chunk is there if `include_usage` asks for it and the answer has usage.
#[must_use]
pub fn stream_from_answer(answer: &[u8], include_usage: bool) -> Option<Vec<u8>> {
    let mut envelope: Members<'_> = serde_json::from_slice(answer).ok()?;
    let choices: Vec<Members<'_>> = read(envelope.remove("choices")?)?;
    let chat = match text(envelope.remove("object")?)?.as_str() {
        "chat.completion" => true,
        "text_completion" => false,
        _ => return None,
    };
    let usage = envelope.remove("usage").filter(|usage| usage.get() != "null");
    let shape = Shape { envelope, chat, mark_usage: include_usage };
    let mut out = Vec::with_capacity(answer.len() + 512);
    for mut choice in choices {
        let body = choice.remove(if chat { "message" } else { "text" })?;
        let last = choice.insert(Cow::Borrowed("finish_reason"), RawValue::NULL);
        let index = choice.entry(Cow::Borrowed("index")).or_insert(RawValue::NULL).get();
        let index = if index == "null" { "0" } else { index }.to_owned();
        let ending = std::mem::take(&mut choice);
        let logprobs = ending.get("logprobs").copied().unwrap_or(RawValue::NULL);
        shape.chunk(&mut out, |out| {
            push_member(out, "index", &index, true);
            if chat {
                out.extend_from_slice(b",\"delta\":");
                push_delta(out, body)?;
            } else {
                push_member(out, "text", body.get(), false);
            }
            push_member(out, "logprobs", logprobs.get(), false);
            push_member(out, "finish_reason", "null", false);
            Some(())
        })?;
        shape.chunk(&mut out, |out| {
            push_member(out, "index", &index, true);
            let (name, nothing) = if chat { ("delta", "{}") } else { ("text", "\"\"") };
            push_member(out, name, nothing, false);
            for (name, value) in &ending {
                if !matches!(&**name, "index" | "finish_reason" | "logprobs") {
                    push_member(out, name, value.get(), false);
                }
            }
            push_member(out, "logprobs", "null", false);
            push_member(out, "finish_reason", last.unwrap_or(RawValue::NULL).get(), false);
            Some(())
        })?;
    }
    if let Some(usage) = usage.filter(|_| include_usage) {
        shape.open(&mut out);
        out.extend_from_slice(b",\"choices\":[]");
        push_member(&mut out, "usage", usage.get(), false);
        out.extend_from_slice(b"}\n\n");
    }
    out.extend_from_slice(b"data: [DONE]\n\n");
    Some(out)
}

/// The whole answer that a stream's events add up to; `None` when the stream has no `[DONE]`, carries an
/// error, or holds something that does not add up from pieces (audio).
#[must_use]
pub fn answer_from_events(payload: &[u8]) -> Option<Vec<u8>> {
    let payload = std::str::from_utf8(payload).ok()?;
    let events = data_of_events(payload);
    let (done, chunks) = events.split_last()?;
    if done.trim() != "[DONE]" {
        return None;
    }
    let mut envelope: Members<'_> = Members::new();
    let mut choices: BTreeMap<u64, Choice<'_>> = BTreeMap::new();
    for chunk in chunks {
        let mut members: Members<'_> = serde_json::from_str(chunk).ok()?;
        if let Some(list) = members.remove("choices") {
            for choice in read::<Vec<Members<'_>>>(list)? {
                let index = choice.get("index").map_or(Some(0), |index| index.get().parse().ok())?;
                choices.entry(index).or_default().add(choice)?;
            }
        }
        for (name, value) in members {
            if value.get() != "null" || !envelope.contains_key(&name) {
                envelope.insert(name, value);
            }
        }
    }
    if envelope.get("error").is_some_and(|error| error.get() != "null") {
        return None;
    }
    let object = match text(envelope.remove("object")?)?.as_str() {
        "chat.completion.chunk" => "chat.completion",
        "text_completion" => "text_completion",
        _ => return None,
    };
    Some(whole(&envelope, object, choices))
}

fn whole(envelope: &Members<'_>, object: &str, choices: BTreeMap<u64, Choice<'_>>) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(b"{\"object\":");
    push_string(&mut out, object);
    for (name, value) in envelope {
        if &**name != "usage" {
            push_member(&mut out, name, value.get(), false);
        }
    }
    out.extend_from_slice(b",\"choices\":[");
    for (at, (index, choice)) in choices.into_iter().enumerate() {
        out.extend_from_slice(if at == 0 { b"{\"index\":" } else { b",{\"index\":" });
        push_u64(&mut out, index);
        choice.write(&mut out, object == "chat.completion");
        out.push(b'}');
    }
    out.push(b']');
    if let Some(usage) = envelope.get("usage").filter(|usage| usage.get() != "null") {
        push_member(&mut out, "usage", usage.get(), false);
    }
    out.push(b'}');
    out
}

/// What all chunks of a stream have in common.
struct Shape<'a> {
    envelope: Members<'a>,
    chat: bool,
    mark_usage: bool,
}

impl Shape<'_> {
    fn open(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: {\"object\":");
        out.extend_from_slice(if self.chat { b"\"chat.completion.chunk\"" } else { b"\"text_completion\"" });
        for (name, value) in &self.envelope {
            push_member(out, name, value.get(), false);
        }
    }

    fn chunk(&self, out: &mut Vec<u8>, choice: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> Option<()> {
        self.open(out);
        out.extend_from_slice(b",\"choices\":[{");
        choice(out)?;
        out.extend_from_slice(b"}]");
        // The provider marks every other chunk so when the usage chunk was asked for.
        out.extend_from_slice(if self.mark_usage { b",\"usage\":null}\n\n" } else { b"}\n\n" });
        Some(())
    }
}

/// A message as one delta: the same members, each tool call with its index.
fn push_delta(out: &mut Vec<u8>, message: &RawValue) -> Option<()> {
    let message: Members<'_> = read(message)?;
    out.push(b'{');
    for (at, (name, value)) in message.iter().enumerate() {
        if &**name != "tool_calls" || value.get() == "null" {
            push_member(out, name, value.get(), at == 0);
            continue;
        }
        out.extend_from_slice(if at == 0 { b"\"tool_calls\":[" } else { b",\"tool_calls\":[" });
        for (index, call) in read::<Vec<Members<'_>>>(value)?.into_iter().enumerate() {
            out.extend_from_slice(if index == 0 { b"{\"index\":" } else { b",{\"index\":" });
            push_u64(out, index as u64);
            for (name, value) in call.iter().filter(|(name, _)| &***name != "index") {
                push_member(out, name, value.get(), false);
            }
            out.push(b'}');
        }
        out.push(b']');
    }
    out.push(b'}');
    Some(())
}

/// The `data` of each event; lines end in LF, CRLF or CR. Source: WHATWG HTML, event stream interpretation.
fn data_of_events(payload: &str) -> Vec<String> {
    let mut events = Vec::new();
    let mut data: Option<String> = None;
    let unix = payload.strip_prefix('\u{feff}').unwrap_or(payload).replace("\r\n", "\n");
    for line in unix.split(['\n', '\r']) {
        if line.is_empty() {
            events.extend(data.take());
        } else if let Some(value) = line.strip_prefix("data:") {
            let value = value.strip_prefix(' ').unwrap_or(value);
            match &mut data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => data = Some(value.to_owned()),
            }
        }
    }
    events
}

/// Appends a member. Line ends between tokens of a raw value would end an event's line, so they go.
fn push_member(out: &mut Vec<u8>, name: &str, raw: &str, first: bool) {
    if !first {
        out.push(b',');
    }
    push_string(out, name);
    out.push(b':');
    // Inside strings they are escaped, so each one found stands between tokens.
    out.extend(raw.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
}

fn read<'a, T: serde::Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

fn text(raw: &RawValue) -> Option<String> {
    read(raw)
}
