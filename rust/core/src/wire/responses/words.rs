//! What answers and streams have in common: usage, ids, how an answer ended.
//!
//! Invariant: usage and status that the dialect told are told back as they were.
//! Source: platform.openai.com/docs/api-reference/responses/object.

use std::borrow::Cow;

use serde::Deserialize;

use crate::json::push_u64;
use crate::usage::Usage;
use crate::wire::model::Finish;

/// The `usage` object of a response.
#[derive(Deserialize)]
struct Told {
    input_tokens: Option<u64>,
    input_tokens_details: Option<Input>,
    output_tokens: Option<u64>,
    output_tokens_details: Option<Output>,
    total_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
struct Input {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
struct Output {
    reasoning_tokens: Option<u64>,
}

/// Reads `usage`; `None` when it is none.
pub(super) fn usage(raw: &str) -> Option<Usage> {
    let told: Told = serde_json::from_str(raw).ok()?;
    let prompt = told.input_tokens.or(told.total_tokens)?;
    let completion = told.output_tokens.unwrap_or(0);
    let input = told.input_tokens_details.unwrap_or_default();
    Some(Usage {
        prompt,
        completion,
        total: told.total_tokens.unwrap_or(prompt.saturating_add(completion)),
        cached: input.cached_tokens.unwrap_or(0),
        written: input.cache_write_tokens.unwrap_or(0),
        reasoning: told.output_tokens_details.unwrap_or_default().reasoning_tokens.unwrap_or(0),
    })
}

/// Writes `usage`, details included.
pub(super) fn push_usage(out: &mut Vec<u8>, usage: &Usage) {
    let total = if usage.total == 0 { usage.prompt.saturating_add(usage.completion) } else { usage.total };
    for (name, value) in [
        ("{\"input_tokens\":", usage.prompt),
        (",\"input_tokens_details\":{\"cached_tokens\":", usage.cached),
        (",\"cache_write_tokens\":", usage.written),
        ("},\"output_tokens\":", usage.completion),
        (",\"output_tokens_details\":{\"reasoning_tokens\":", usage.reasoning),
        ("},\"total_tokens\":", total),
    ] {
        out.extend_from_slice(name.as_bytes());
        push_u64(out, value);
    }
    out.push(b'}');
}

/// An answer's id as this dialect has them.
pub(super) fn shown_id(id: &str) -> String {
    if id.starts_with("resp_") { id.to_owned() } else { format!("resp_{id}") }
}

/// The id of an output item, made of the answer's and its place.
pub(super) fn item_id(kind: &str, answer: &str, index: usize) -> String {
    format!("{kind}_{}_{index}", answer.strip_prefix("resp_").unwrap_or(answer))
}

/// What only the provider can read, together with the id of its item: there are deployments that take the one
/// only with the other, and no other dialect has a place for the id.
///
/// Source: github.com/dotnet/extensions/issues/7628.
pub(super) fn seal<'a>(id: &str, data: &'a str) -> Cow<'a, str> {
    if unseal(data).0.is_some() || !id.starts_with("rs_") {
        return Cow::Borrowed(data);
    }
    Cow::Owned(format!("{id}:{data}"))
}

/// The id and the data; the id is none where another dialect's provider made the data.
pub(super) fn unseal(sealed: &str) -> (Option<&str>, &str) {
    match sealed.split_once(':').filter(|_| sealed.starts_with("rs_")) {
        Some((id, data)) => (Some(id), data),
        None => (None, sealed),
    }
}

/// The status of an answer and why it is incomplete; a refusal in words completes it.
pub(super) fn status(finish: Finish, refusal: bool) -> (&'static str, Option<&'static str>) {
    match finish {
        Finish::Length => ("incomplete", Some("max_output_tokens")),
        Finish::Filtered => ("incomplete", Some("content_filter")),
        Finish::Refused if !refusal => ("incomplete", Some("content_filter")),
        Finish::Stop | Finish::Tools | Finish::Refused | Finish::Paused | Finish::Other => {
            ("completed", None)
        }
    }
}

/// Why an answer is incomplete.
pub(super) fn incomplete(reason: &str) -> Finish {
    match reason {
        "max_output_tokens" => Finish::Length,
        "content_filter" => Finish::Filtered,
        _ => Finish::Other,
    }
}
