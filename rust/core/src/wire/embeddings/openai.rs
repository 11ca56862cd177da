//! `OpenAI`'s `/v1/embeddings`, which Azure has too.
//!
//! Invariant: the vectors stand in the order of the inputs, whatever the order of an answer's `data`.
//! Source: platform.openai.com/docs/api-reference/embeddings/create and /embeddings/object.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{Known, Value, missing};
use super::{Answer, Content, Embed, Format, Input, Task, Vector, push_list, text_or_empty};
use crate::json::{Kind, push_string, push_u64};
use crate::usage::Usage;
use crate::wire::malformed::Malformed;
use crate::wire::model::{Dropped, Refused};

/// `input_type` is not `OpenAI`'s own: its callers use it to ask other vendors' models through this dialect.
const KNOWN: &Known =
    &[&["model"], &["input"], &["dimensions"], &["encoding_format"], &["user"], &["input_type"]];
const INPUT: &str = "a string, an array of strings, or arrays of token numbers";

/// Reads a request; the path's model (Azure's deployment) wins over the body's.
pub(super) fn decode<'a>(body: &'a [u8], model: Option<&'a str>) -> Result<Embed<'a>, Refused> {
    let mut embed = Embed::default();
    let mut task = None;
    let mut unknown = Vec::new();
    let mut other_type = false;
    Value::document(body)?.members(KNOWN, "", &mut unknown, |name, value| {
        match name {
            "model" => embed.model = value.model()?,
            "input" => embed.inputs = inputs(&value)?,
            "dimensions" => embed.dimensions = Some(value.count(1)?),
            "encoding_format" => embed.format = format(&value)?,
            "user" => embed.user = Some(value.text()?),
            _ => {
                task = Task::of_cohere(&value.text()?);
                other_type = task.is_none();
            }
        }
        Ok(())
    })?;
    embed.model = model.map_or(embed.model, Cow::Borrowed);
    if embed.model.is_empty() {
        return Err(missing("model"));
    }
    if embed.inputs.is_empty() {
        return Err(missing("input"));
    }
    if other_type {
        unknown.push("input_type".into());
    }
    embed.inputs.iter_mut().for_each(|input| input.task = task);
    embed.unknown = unknown;
    Ok(embed)
}

fn format(value: &Value<'_>) -> Result<Format, Refused> {
    match &*value.text()? {
        "float" => Ok(Format::Float),
        "base64" => Ok(Format::Base64),
        _ => Err(value.invalid("be float or base64")),
    }
}

fn inputs<'a>(value: &Value<'a>) -> Result<Vec<Input<'a>>, Refused> {
    if value.kind() == Kind::String {
        return Ok(vec![Input::of(value.some_text()?)]);
    }
    let items = value.items(INPUT)?;
    let Some(first) = items.first() else {
        return Err(value.invalid("not be an empty array"));
    };
    let kind = first.kind();
    if let Some(other) = items.iter().find(|item| item.kind() != kind) {
        return Err(other.wrong("of the same type as the first"));
    }
    match kind {
        Kind::Number => Ok(vec![tokens(&items)?]),
        Kind::String => items.iter().map(|item| item.some_text().map(Input::of)).collect(),
        Kind::Array => items.iter().map(token_list).collect(),
        _ => Err(first.wrong("a string, a token number or an array of them")),
    }
}

fn token_list(value: &Value<'_>) -> Result<Input<'static>, Refused> {
    let items = value.items(INPUT)?;
    if items.is_empty() { Err(value.invalid("not be an empty array")) } else { tokens(&items) }
}

fn tokens(items: &[Value<'_>]) -> Result<Input<'static>, Refused> {
    let numbers = items.iter().map(|item| item.count(0)).collect::<Result<_, _>>()?;
    Ok(Input { content: Content::Tokens(numbers), task: None, title: None })
}

/// Writes a request.
pub(super) fn encode(embed: &Embed<'_>, model: &str, dropped: &mut Dropped) -> Vec<u8> {
    embed.leave_out(&["dimensions", "user"], true, dropped);
    let mut out = b"{\"model\":".to_vec();
    push_string(&mut out, model);
    out.extend_from_slice(b",\"input\":");
    match embed.inputs.as_slice() {
        [only] => push_content(&only.content, &mut out),
        several => {
            push_list(several, &mut out, |input, out| push_content(&input.content, out));
        }
    }
    if let Some(dimensions) = embed.dimensions {
        out.extend_from_slice(b",\"dimensions\":");
        push_u64(&mut out, dimensions);
    }
    if embed.format == Format::Base64 {
        out.extend_from_slice(b",\"encoding_format\":\"base64\"");
    }
    if let Some(user) = &embed.user {
        out.extend_from_slice(b",\"user\":");
        push_string(&mut out, user);
    }
    out.push(b'}');
    out
}

fn push_content(content: &Content<'_>, out: &mut Vec<u8>) {
    match content {
        Content::Text(text) => push_string(out, text),
        Content::Tokens(numbers) => push_list(numbers, out, |&number, out| push_u64(out, number)),
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    data: Vec<Item<'a>>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    embedding: Vector<'a>,
    index: Option<usize>,
}

/// Reads an answer.
pub(super) fn read(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let read: Body<'_> = serde_json::from_slice(body)?;
    let mut slots: Vec<Option<Vector<'_>>> = read.data.iter().map(|_| None).collect();
    for (at, item) in read.data.into_iter().enumerate() {
        // Some servers of this dialect leave the index out.
        let Some(slot @ None) = slots.get_mut(item.index.unwrap_or(at)) else {
            let reason = "the indexes of data are not those of a list";
            return Err(Malformed { line: 1, column: 0, reason });
        };
        *slot = Some(item.embedding);
    }
    Ok(Answer {
        model: text_or_empty(read.model),
        vectors: slots.into_iter().flatten().collect(),
        prompt_tokens: read
            .usage
            .and_then(|usage| Usage::from_openai(usage.get().as_bytes()))
            .map(|usage| usage.prompt),
        ..Answer::default()
    })
}

/// Writes an answer. `usage` is a member that must be there: what nobody counted is zero.
pub(super) fn write(answer: &Answer<'_>, format: Format, model: &str) -> Vec<u8> {
    let mut out = b"{\"object\":\"list\",\"data\":".to_vec();
    let mut index = 0;
    push_list(&answer.vectors, &mut out, |vector, out| {
        out.extend_from_slice(b"{\"object\":\"embedding\",\"embedding\":");
        vector.push(format, out);
        out.extend_from_slice(b",\"index\":");
        push_u64(out, index);
        out.push(b'}');
        index += 1;
    });
    out.extend_from_slice(b",\"model\":");
    push_string(&mut out, model);
    for name in [&b",\"usage\":{\"prompt_tokens\":"[..], b",\"total_tokens\":"] {
        out.extend_from_slice(name);
        push_u64(&mut out, answer.prompt_tokens.unwrap_or(0));
    }
    out.extend_from_slice(b"}}");
    out
}
