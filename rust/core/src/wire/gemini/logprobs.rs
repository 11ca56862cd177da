//! Log probabilities: Gemini's `logprobsResult` and `OpenAI`'s `logprobs.content`.
//!
//! Invariant: tokens keep their order and their alternatives; bytes are the token's own UTF-8.
//! Source: ai.google.dev/api/generate-content, `LogprobsResult`.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::lenient::{Text, Whole, compact};
use crate::json::{push_string, push_u64};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    #[serde(borrow)]
    top_candidates: Option<Vec<Top<'a>>>,
    #[serde(borrow)]
    chosen_candidates: Option<Vec<Token<'a>>>,
}

#[derive(Deserialize)]
struct Top<'a> {
    #[serde(borrow)]
    candidates: Option<Vec<Token<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "they are the reference's names")]
struct Token<'a> {
    #[serde(borrow)]
    token: Option<Text<'a>>,
    #[serde(borrow, alias = "logprob")]
    log_probability: Option<&'a RawValue>,
    token_id: Option<Whole>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    token: Option<Text<'a>>,
    #[serde(borrow)]
    logprob: Option<&'a RawValue>,
    #[serde(borrow)]
    top_logprobs: Option<Vec<Token<'a>>>,
}

/// `OpenAI`'s entries, a JSON array; `None` when there is no token.
pub(super) fn read(logprobs: &RawValue) -> Option<String> {
    let outcome: Outcome<'_> = serde_json::from_str(logprobs.get()).ok()?;
    let mut tops = outcome.top_candidates.unwrap_or_default().into_iter();
    let chosen = outcome.chosen_candidates.filter(|chosen| !chosen.is_empty())?;
    let mut out = Vec::with_capacity(logprobs.get().len());
    for (at, token) in chosen.iter().enumerate() {
        out.push(if at == 0 { b'[' } else { b',' });
        push_openai(&mut out, token);
        out.extend_from_slice(b",\"top_logprobs\":[");
        let top = tops.next().and_then(|top| top.candidates).unwrap_or_default();
        for (at, token) in top.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            push_openai(&mut out, token);
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
    }
    out.push(b']');
    String::from_utf8(out).ok()
}

fn push_openai(out: &mut Vec<u8>, token: &Token<'_>) {
    let text = token.token.as_ref().map_or("", |text| &text.0);
    out.extend_from_slice(b"{\"token\":");
    push_string(out, text);
    out.extend_from_slice(b",\"logprob\":");
    out.extend_from_slice(compact(token.log_probability.map_or("0", RawValue::get)).as_bytes());
    out.extend_from_slice(b",\"bytes\":[");
    for (at, byte) in text.bytes().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_u64(out, u64::from(byte));
    }
    out.push(b']');
}

/// Appends `logprobsResult` with a comma before it; nothing when `contents` are no entries of `OpenAI`'s.
pub(super) fn push(out: &mut Vec<u8>, contents: &[String]) {
    let mut chosen = Vec::new();
    let mut tops = Vec::new();
    for content in contents {
        let Ok(entries) = serde_json::from_str::<Vec<Entry<'_>>>(content) else { return };
        for entry in entries {
            separate(&mut chosen);
            let token = Token { token: entry.token, log_probability: entry.logprob, token_id: None };
            push_google(&mut chosen, &token);
            separate(&mut tops);
            tops.extend_from_slice(b"{\"candidates\":[");
            for (at, token) in entry.top_logprobs.iter().flatten().enumerate() {
                if at > 0 {
                    tops.push(b',');
                }
                push_google(&mut tops, token);
            }
            tops.extend_from_slice(b"]}");
        }
    }
    if !chosen.is_empty() {
        out.extend_from_slice(b",\"logprobsResult\":{\"topCandidates\":[");
        out.extend_from_slice(&tops);
        out.extend_from_slice(b"],\"chosenCandidates\":[");
        out.extend_from_slice(&chosen);
        out.extend_from_slice(b"]}");
    }
}

fn separate(list: &mut Vec<u8>) {
    if !list.is_empty() {
        list.push(b',');
    }
}

fn push_google(out: &mut Vec<u8>, token: &Token<'_>) {
    out.extend_from_slice(b"{\"token\":");
    push_string(out, token.token.as_ref().map_or("", |text| &text.0));
    if let Some(Whole(id)) = token.token_id {
        out.extend_from_slice(format!(",\"tokenId\":{id}").as_bytes());
    }
    out.extend_from_slice(b",\"logProbability\":");
    out.extend_from_slice(compact(token.log_probability.map_or("0", RawValue::get)).as_bytes());
    out.push(b'}');
}
