//! Requests: one content, or a batch of requests with one each.
//!
//! Invariant: every request of a batch names the path's model; an input is the text of one content.

use std::borrow::Cow;

use super::super::fields::{Known, Value, missing};
use super::super::form::unsupported;
use super::super::{Content, Embed, Input, Task, push_list};
use crate::json::{Kind, push_string, push_u64};
use crate::wire::model::{Dropped, Refused};

/// Google's front takes both cases.
const REQUEST: &Known = &[
    &["model"],
    &["content"],
    &["taskType", "task_type"],
    &["title"],
    &["outputDimensionality", "output_dimensionality"],
];
const BATCH: &Known = &[&["model"], &["requests"]];
const CONTENT: &Known = &[&["parts"], &["role"]];
const PART: &Known = &[&["text"]];

/// Reads a request for one input.
pub fn decode_single<'a>(body: &'a [u8], model: Option<&'a str>) -> Result<Embed<'a>, Refused> {
    let mut embed = started(model);
    let value = Value::document(body)?;
    embed.dimensions = request(&value, "", &mut embed)?;
    if embed.model.is_empty() { Err(missing("model")) } else { Ok(embed) }
}

/// Reads a request for a batch of inputs.
pub fn decode_batch<'a>(body: &'a [u8], model: Option<&'a str>) -> Result<Embed<'a>, Refused> {
    let mut embed = started(model);
    let mut unknown = Vec::new();
    let mut requests = Vec::new();
    Value::document(body)?.members(BATCH, "", &mut unknown, |name, value| {
        match name {
            "model" => agree(&value, &mut embed.model)?,
            _ => requests = value.items("an array of requests")?,
        }
        Ok(())
    })?;
    if requests.is_empty() {
        return Err(missing("requests"));
    }
    embed.unknown = unknown;
    for (at, value) in requests.iter().enumerate() {
        let dimensions = request(value, "requests", &mut embed)?;
        if at > 0 && dimensions != embed.dimensions {
            let place = value.inner("outputDimensionality");
            let message = format!("`{place}` must be the same in all requests of a batch.");
            return Err(unsupported(&place, &message));
        }
        embed.dimensions = dimensions;
    }
    if embed.model.is_empty() { Err(missing("requests[0].model")) } else { Ok(embed) }
}

fn started(model: Option<&str>) -> Embed<'_> {
    let model = Cow::Borrowed(model.map_or("", bare));
    Embed { model, ..Embed::default() }
}

/// Reads one input; gives the dimensions asked for.
fn request<'a>(value: &Value<'a>, prefix: &str, embed: &mut Embed<'a>) -> Result<Option<u64>, Refused> {
    let (mut text, mut task, mut title, mut dimensions) = (None, None, None, None);
    let mut unknown = Vec::new();
    let mut inner = Vec::new();
    value.members(REQUEST, prefix, &mut unknown, |name, value| {
        match name {
            "model" => agree(&value, &mut embed.model)?,
            "content" => text = Some(content(&value, prefix, &mut inner)?),
            "taskType" => task = read_task(&value)?,
            "title" => title = Some(value.text()?),
            _ => dimensions = Some(value.count(1)?),
        }
        Ok(())
    })?;
    unknown.append(&mut inner);
    unknown.retain(|name| !embed.unknown.contains(name));
    embed.unknown.append(&mut unknown);
    let Some(text) = text else {
        return Err(missing(&value.inner("content")));
    };
    embed.inputs.push(Input { content: Content::Text(text), task, title });
    Ok(dimensions)
}

/// Takes the model that a body names, which must be the path's.
fn agree<'a>(value: &Value<'a>, model: &mut Cow<'a, str>) -> Result<(), Refused> {
    let named = match value.model()? {
        Cow::Borrowed(name) => Cow::Borrowed(bare(name)),
        Cow::Owned(name) => Cow::Owned(bare(&name).to_owned()),
    };
    if model.is_empty() {
        *model = named;
        return Ok(());
    }
    if named == *model {
        return Ok(());
    }
    Err(value.invalid(&format!("be `models/{model}`, the model of the whole request")))
}

fn bare(model: &str) -> &str {
    model.strip_prefix("models/").unwrap_or(model)
}

fn read_task(value: &Value<'_>) -> Result<Option<Task>, Refused> {
    let name = value.text()?;
    if name == "TASK_TYPE_UNSPECIFIED" {
        return Ok(None);
    }
    let rule = "be one of Gemini's task types, such as RETRIEVAL_QUERY or SEMANTIC_SIMILARITY";
    Task::of_gemini(&name).map(Some).ok_or_else(|| value.invalid(rule))
}

/// The text of a content; its parts are joined by line feeds, as nothing else would keep words apart.
fn content<'a>(
    value: &Value<'a>,
    prefix: &str,
    unknown: &mut Vec<Cow<'a, str>>,
) -> Result<Cow<'a, str>, Refused> {
    let name = if prefix.is_empty() { "content".to_owned() } else { format!("{prefix}.content") };
    let parts_name = format!("{name}.parts");
    let mut texts: Vec<Cow<'a, str>> = Vec::new();
    let mut others = Vec::new();
    value.members(CONTENT, &name, unknown, |member, value| {
        if member == "role" {
            return value.text().map(|_| ());
        }
        // Google's front takes one part for a list of one.
        let list =
            if value.kind() == Kind::Object { vec![value] } else { value.items("an array of parts")? };
        for part in list {
            texts.push(part_text(&part, &parts_name, &mut others)?);
        }
        Ok(())
    })?;
    unknown.append(&mut others);
    match texts.len() {
        0 => Err(missing(&value.inner("parts"))),
        1 => Ok(texts.remove(0)),
        _ => Ok(Cow::Owned(texts.join("\n"))),
    }
}

fn part_text<'a>(
    part: &Value<'a>,
    prefix: &str,
    unknown: &mut Vec<Cow<'a, str>>,
) -> Result<Cow<'a, str>, Refused> {
    let mut text = None;
    part.members(PART, prefix, unknown, |_, value| {
        text = Some(value.some_text()?);
        Ok(())
    })?;
    text.ok_or_else(|| {
        let place = part.place();
        unsupported(&place, &format!("`{place}` must have a `text`: nothing else can be embedded here."))
    })
}

/// Writes a request for one input; the model stands in the path.
pub fn encode_single(embed: &Embed<'_>, dropped: &mut Dropped) -> Result<Vec<u8>, Refused> {
    let texts = told(embed, dropped)?;
    let ([input], [text]) = (embed.inputs.as_slice(), texts.as_slice()) else {
        return Err(unsupported("input", "`input` must be one text: `embedContent` takes no more."));
    };
    let mut out = b"{".to_vec();
    push_request(input, text, embed.dimensions, &mut out);
    Ok(out)
}

/// Writes a request for a batch.
pub fn encode_batch(embed: &Embed<'_>, model: &str, dropped: &mut Dropped) -> Result<Vec<u8>, Refused> {
    let texts = told(embed, dropped)?;
    let name = format!("models/{}", bare(model));
    let pairs: Vec<_> = embed.inputs.iter().zip(texts).collect();
    let mut out = b"{\"requests\":".to_vec();
    push_list(&pairs, &mut out, |(input, text), out| {
        out.extend_from_slice(b"{\"model\":");
        push_string(out, &name);
        out.push(b',');
        push_request(input, text, embed.dimensions, out);
    });
    out.push(b'}');
    Ok(out)
}

fn told<'e>(embed: &'e Embed<'_>, dropped: &mut Dropped) -> Result<Vec<&'e str>, Refused> {
    embed.leave_out(&["dimensions", "taskType", "title"], false, dropped);
    embed.texts()
}

fn push_request(input: &Input<'_>, text: &str, dimensions: Option<u64>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"content\":{\"parts\":[{\"text\":");
    push_string(out, text);
    out.extend_from_slice(b"}]}");
    if let Some(task) = input.task {
        out.extend_from_slice(b",\"taskType\":");
        push_string(out, task.gemini());
    }
    if let Some(title) = &input.title {
        out.extend_from_slice(b",\"title\":");
        push_string(out, title);
    }
    if let Some(dimensions) = dimensions {
        out.extend_from_slice(b",\"outputDimensionality\":");
        push_u64(out, dimensions);
    }
    out.push(b'}');
}
