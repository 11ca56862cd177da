//! Ollama's `/api/embed`.
//!
//! Invariant: no input is a request too (it loads the model), and its answer has no vectors.
//! Source: github.com/ollama/ollama, docs/api.md, "Generate Embeddings".

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{Known, Value, missing};
use super::{Answer, Embed, Format, Input, Vector, push_list, text_or_empty};
use crate::json::{Kind, push_string, push_u64};
use crate::wire::malformed::Malformed;
use crate::wire::model::{Dropped, Refused};

const KNOWN: &Known = &[&["model"], &["input"], &["truncate"], &["dimensions"]];

/// Reads a request.
pub(super) fn decode<'a>(body: &'a [u8], model: Option<&'a str>) -> Result<Embed<'a>, Refused> {
    let mut embed = Embed::default();
    let mut unknown = Vec::new();
    Value::document(body)?.members(KNOWN, "", &mut unknown, |name, value| {
        match name {
            "model" => embed.model = value.model()?,
            "input" => embed.inputs = inputs(&value)?,
            "truncate" => embed.truncate = Some(value.flag()?),
            // Zero is what its own client sends for no wish.
            _ => embed.dimensions = Some(value.count(0)?).filter(|&dimensions| dimensions > 0),
        }
        Ok(())
    })?;
    embed.model = model.map_or(embed.model, Cow::Borrowed);
    embed.unknown = unknown;
    if embed.model.is_empty() { Err(missing("model")) } else { Ok(embed) }
}

fn inputs<'a>(value: &Value<'a>) -> Result<Vec<Input<'a>>, Refused> {
    if value.kind() == Kind::String {
        let text = value.text()?;
        return Ok(if text.is_empty() { Vec::new() } else { vec![Input::of(text)] });
    }
    let items = value.items("a string or an array of strings")?;
    items.iter().map(|item| item.text().map(Input::of)).collect()
}

/// Writes a request.
pub(super) fn encode(embed: &Embed<'_>, model: &str, dropped: &mut Dropped) -> Result<Vec<u8>, Refused> {
    embed.leave_out(&["dimensions", "truncate"], false, dropped);
    let texts = embed.texts()?;
    let mut out = b"{\"model\":".to_vec();
    push_string(&mut out, model);
    out.extend_from_slice(b",\"input\":");
    match texts.as_slice() {
        [only] => push_string(&mut out, only),
        texts => push_list(texts, &mut out, |text, out| push_string(out, text)),
    }
    if let Some(truncate) = embed.truncate {
        out.extend_from_slice(b",\"truncate\":");
        out.extend_from_slice(if truncate { b"true" } else { b"false" });
    }
    if let Some(dimensions) = embed.dimensions {
        out.extend_from_slice(b",\"dimensions\":");
        push_u64(&mut out, dimensions);
    }
    out.push(b'}');
    Ok(out)
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    embeddings: Vec<Vector<'a>>,
    total_duration: Option<u64>,
    load_duration: Option<u64>,
    prompt_eval_count: Option<u64>,
}

/// Reads an answer.
pub(super) fn read(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let read: Body<'_> = serde_json::from_slice(body)?;
    Ok(Answer {
        model: text_or_empty(read.model),
        vectors: read.embeddings,
        prompt_tokens: read.prompt_eval_count,
        total_duration_ns: read.total_duration,
        load_duration_ns: read.load_duration,
    })
}

/// Writes an answer.
pub(super) fn write(answer: &Answer<'_>, model: &str) -> Vec<u8> {
    let mut out = b"{\"model\":".to_vec();
    push_string(&mut out, model);
    out.extend_from_slice(b",\"embeddings\":");
    push_list(&answer.vectors, &mut out, |vector, out| vector.push(Format::Float, out));
    let counts = [
        ("total_duration", answer.total_duration_ns),
        ("load_duration", answer.load_duration_ns),
        ("prompt_eval_count", answer.prompt_tokens),
    ];
    for (name, count) in counts {
        let Some(count) = count else { continue };
        out.push(b',');
        push_string(&mut out, name);
        out.push(b':');
        push_u64(&mut out, count);
    }
    out.push(b'}');
    out
}
