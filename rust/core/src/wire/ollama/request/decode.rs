//! Requests of both endpoints, read into the form between dialects.
//!
//! Invariant: what is not read is in `unknown`, the options among it as `options.<name>`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Number;
use serde_json::value::RawValue;

use super::super::{Endpoint, Text};
use super::blame::{self, refused};
use super::messages::{self, Message};
use crate::wire::model::{
    Chat, Effort, Format, Part, Reasoning, Refused, Role, Sampling, Tool, Turn, unknown_members,
};

const CHAT: [&str; 9] =
    ["model", "messages", "tools", "format", "options", "stream", "think", "logprobs", "top_logprobs"];
const GENERATE: [&str; 10] = [
    "model",
    "prompt",
    "system",
    "images",
    "format",
    "options",
    "stream",
    "think",
    "logprobs",
    "top_logprobs",
];
const OPTIONS: [&str; 8] =
    ["temperature", "top_p", "top_k", "seed", "num_predict", "stop", "presence_penalty", "frequency_penalty"];

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    messages: Option<Vec<Message<'a>>>,
    #[serde(borrow)]
    prompt: Option<Text<'a>>,
    #[serde(borrow)]
    system: Option<Text<'a>>,
    #[serde(borrow)]
    images: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    tools: Option<Vec<Offered<'a>>>,
    #[serde(borrow)]
    format: Option<&'a RawValue>,
    #[serde(borrow)]
    options: Option<&'a RawValue>,
    stream: Option<bool>,
    #[serde(borrow)]
    think: Option<&'a RawValue>,
    logprobs: Option<bool>,
    top_logprobs: Option<u64>,
}

#[derive(Deserialize)]
struct Offered<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Options<'a> {
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<Number>,
    seed: Option<Number>,
    num_predict: Option<Number>,
    #[serde(borrow)]
    stop: Option<&'a RawValue>,
    presence_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
}

/// Reads a request to `endpoint`.
///
/// # Errors
/// When it is no request of this dialect; the refusal names the member and what it must be.
pub fn decode(body: &[u8], endpoint: Endpoint) -> Result<Chat<'_>, Refused> {
    let text = std::str::from_utf8(body).map_err(|error| Refused {
        code: "invalid_json",
        param: None,
        message: format!("the body is not UTF-8: it goes wrong at byte {}", error.valid_up_to()),
    })?;
    if !text.trim_ascii_start().starts_with('{') {
        return Err(blame::body(text));
    }
    let read: Body<'_> = serde_json::from_str(text).map_err(|_| blame::body(text))?;
    let Some(Text(model)) = read.model.filter(|model| !model.0.is_empty()) else {
        let message = "`model` is missing: name the model to ask".to_owned();
        return Err(refused("missing_required_parameter", "model", message));
    };
    let known: &[&str] = if endpoint == Endpoint::Chat { &CHAT } else { &GENERATE };
    let mut chat = Chat {
        model,
        stream: read.stream.unwrap_or(true),
        include_usage: true,
        format: format(read.format)?,
        reasoning: reasoning(read.think)?,
        unknown: unknown_members(body, known),
        ..Chat::default()
    };
    match endpoint {
        Endpoint::Chat => {
            chat.turns = messages::turns(read.messages.unwrap_or_default())?;
            chat.tools = tools(read.tools.unwrap_or_default())?;
        }
        Endpoint::Generate => chat.turns = prompt(read.system, read.prompt, read.images)?,
    }
    if let Some(options) = read.options {
        take_options(options.get(), &mut chat, text)?;
    }
    chat.sampling.logprobs = read.logprobs;
    chat.sampling.top_logprobs = read.top_logprobs;
    Ok(chat)
}

fn prompt<'a>(
    system: Option<Text<'a>>,
    prompt: Option<Text<'a>>,
    images: Option<Vec<Text<'a>>>,
) -> Result<Vec<Turn<'a>>, Refused> {
    let mut turns = Vec::new();
    if let Some(Text(text)) = system.filter(|text| !text.0.is_empty()) {
        turns.push(Turn { role: Role::System, name: None, parts: vec![Part::Text { text, cached: None }] });
    }
    let mut parts = Vec::new();
    if let Some(Text(text)) = prompt.filter(|text| !text.0.is_empty()) {
        parts.push(Part::Text { text, cached: None });
    }
    messages::push_images(images.unwrap_or_default(), "images", &mut parts)?;
    // Without a prompt the model is loaded, and nobody speaks.
    if !parts.is_empty() {
        turns.push(Turn { role: Role::User, name: None, parts });
    }
    Ok(turns)
}

fn tools(offered: Vec<Offered<'_>>) -> Result<Vec<Tool<'_>>, Refused> {
    offered
        .into_iter()
        .enumerate()
        .map(|(at, tool)| {
            if tool.kind.is_some_and(|kind| !matches!(&*kind.0, "function" | "")) {
                let param = format!("tools[{at}].type");
                return Err(refused("invalid_value", &param, format!("`{param}` must be \"function\"")));
            }
            Ok(Tool {
                name: tool.function.name,
                description: tool.function.description.map(|text| text.0),
                parameters: tool.function.parameters,
                strict: None,
                cached: None,
            })
        })
        .collect()
}

/// Clients that have no format send an empty one.
fn format(format: Option<&RawValue>) -> Result<Option<Format<'_>>, Refused> {
    match format {
        None => Ok(None),
        Some(text) if text.get() == "\"\"" => Ok(None),
        Some(text) if text.get() == "\"json\"" => Ok(Some(Format::Json)),
        Some(schema) if schema.get().starts_with('{') => {
            Ok(Some(Format::Schema { name: None, description: None, schema, strict: None }))
        }
        Some(_) => {
            let message = "`format` must be \"json\" or a JSON schema".to_owned();
            Err(refused("invalid_value", "format", message))
        }
    }
}

fn reasoning(think: Option<&RawValue>) -> Result<Option<Reasoning>, Refused> {
    Ok(Some(match think.map(RawValue::get) {
        None => return Ok(None),
        Some("true") => Reasoning::Auto,
        Some("false") => Reasoning::Off,
        Some("\"low\"") => Reasoning::Effort(Effort::Low),
        Some("\"medium\"") => Reasoning::Effort(Effort::Medium),
        Some("\"high\"") => Reasoning::Effort(Effort::High),
        Some(_) => {
            let message = "`think` must be true, false, \"low\", \"medium\" or \"high\"".to_owned();
            return Err(refused("invalid_value", "think", message));
        }
    }))
}

fn take_options<'a>(options: &'a str, chat: &mut Chat<'a>, body: &str) -> Result<(), Refused> {
    if !options.starts_with('{') {
        return Err(blame::body(body));
    }
    let read: Options<'_> = serde_json::from_str(options).map_err(|_| blame::body(body))?;
    chat.sampling = Sampling {
        temperature: read.temperature,
        top_p: read.top_p,
        top_k: whole(read.top_k.as_ref(), "options.top_k")?.and_then(|count| u64::try_from(count).ok()),
        seed: whole(read.seed.as_ref(), "options.seed")?,
        presence_penalty: read.presence_penalty,
        frequency_penalty: read.frequency_penalty,
        ..Sampling::default()
    };
    // -1 is without end and -2 is what fits; so is 0.
    chat.max_tokens = whole(read.num_predict.as_ref(), "options.num_predict")?
        .and_then(|count| u64::try_from(count).ok())
        .filter(|&count| count > 0);
    chat.stop = stop(read.stop)?;
    let unknown = unknown_members(options.as_bytes(), &OPTIONS);
    chat.unknown.extend(unknown.iter().map(|name| Cow::Owned(format!("options.{name}"))));
    Ok(())
}

/// Ollama takes whole numbers that are written with a fraction of zero.
fn whole(number: Option<&Number>, param: &str) -> Result<Option<i64>, Refused> {
    let Some(number) = number else { return Ok(None) };
    number
        .as_i64()
        .or_else(|| format!("{:.0}", number.as_f64().filter(|value| value.fract() == 0.0)?).parse().ok())
        .map(Some)
        .ok_or_else(|| refused("invalid_type", param, format!("`{param}` must be a whole number")))
}

fn stop(stop: Option<&RawValue>) -> Result<Vec<Cow<'_, str>>, Refused> {
    let Some(stop) = stop else { return Ok(Vec::new()) };
    if let Ok(Text(text)) = serde_json::from_str(stop.get()) {
        return Ok(vec![text]);
    }
    let list: Vec<Text<'_>> = serde_json::from_str(stop.get()).map_err(|_| {
        let message = "`options.stop` must be a list of strings".to_owned();
        refused("invalid_type", "options.stop", message)
    })?;
    Ok(list.into_iter().map(|text| text.0).collect())
}
