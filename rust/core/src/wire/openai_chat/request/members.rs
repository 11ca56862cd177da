//! The members of a request's outermost object.
//!
//! Invariant: each known member counts once, null like absence; others are named in `unknown`.

use std::borrow::Cow;

use serde::Deserialize;

use super::super::content::Text;
use super::{invalid, is_object, messages, missing, tools, typed, wrong};
use crate::json::{Cursor, Malformed};
use crate::wire::model::{Chat, Effort, Format, Reasoning, Refused, Tool, ToolChoice};
use serde_json::value::RawValue;

/// Every member that has a meaning; a bit of `Draft::seen` each.
const KNOWN: [&str; 25] = [
    "model",
    "messages",
    "tools",
    "functions",
    "tool_choice",
    "function_call",
    "parallel_tool_calls",
    "response_format",
    "max_completion_tokens",
    "max_tokens",
    "stop",
    "n",
    "seed",
    "temperature",
    "top_p",
    "top_k",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "user",
    "safety_identifier",
    "stream",
    "stream_options",
];

/// A request that is being read; what depends on another member waits here.
#[derive(Default)]
struct Draft<'a> {
    chat: Chat<'a>,
    seen: u32,
    functions: Vec<Tool<'a>>,
    /// The only tools that may be used, by name.
    allowed: Option<Vec<Cow<'a, str>>>,
    function_call: Option<ToolChoice<'a>>,
    older_max_tokens: Option<u64>,
    safety_identifier: Option<Cow<'a, str>>,
}

/// Reads a request.
///
/// # Errors
/// When it is not one JSON object, a member is missing, doubled or of the wrong type, or holds what no other
/// dialect can say.
pub fn decode(body: &[u8]) -> Result<Chat<'_>, Refused> {
    decode_for(body, "")
}

/// The same, where the path names the model (Azure's deployment): it wins over the body's, which may name none.
///
/// # Errors
/// As [`decode`]'s.
pub fn decode_for<'a>(body: &'a [u8], model: &'a str) -> Result<Chat<'a>, Refused> {
    let mut cursor = Cursor::new(body).map_err(not_json)?;
    let document = cursor.body();
    let mut draft = Draft::default();
    if document.trim_start().as_bytes().first().is_some_and(|&byte| byte != b'{') {
        let message = "The request body must be a JSON object.".to_owned();
        return Err(Refused { code: "invalid_type", param: None, message });
    }
    cursor.open(b'{').map_err(not_json)?;
    let mut first = true;
    while let Some(name) = cursor.member(&mut first).map_err(not_json)? {
        let name = name.read(document);
        let range = cursor.skip().map_err(not_json)?;
        draft.take(name, document.get(range).unwrap_or_default())?;
    }
    cursor.finish().map_err(not_json)?;
    if !model.is_empty() {
        draft.chat.model = Cow::Borrowed(model);
    }
    draft.finish()
}

fn not_json(malformed: Malformed) -> Refused {
    let message = format!("The request body is not valid JSON: {malformed}.");
    Refused { code: "invalid_json", param: None, message }
}

impl<'a> Draft<'a> {
    fn take(&mut self, name: Cow<'a, str>, raw: &'a str) -> Result<(), Refused> {
        let Some(at) = KNOWN.iter().position(|known| *known == name) else {
            self.chat.unknown.push(name);
            return Ok(());
        };
        if self.seen & 1 << at != 0 {
            return Err(invalid(format_args!("{name}"), "be given only once"));
        }
        self.seen |= 1 << at;
        if raw == "null" {
            return Ok(());
        }
        if self.sampling(&name, raw)? { Ok(()) } else { self.member(&name, raw) }
    }

    /// Takes the members that are one number or flag; tells whether it was one of them.
    fn sampling(&mut self, name: &str, raw: &'a str) -> Result<bool, Refused> {
        let chat = &mut self.chat;
        let sampling = &mut chat.sampling;
        match name {
            "temperature" => sampling.temperature = number(name, raw)?,
            "top_p" => sampling.top_p = number(name, raw)?,
            "presence_penalty" => sampling.presence_penalty = number(name, raw)?,
            "frequency_penalty" => sampling.frequency_penalty = number(name, raw)?,
            "top_k" => sampling.top_k = count(name, raw)?,
            "top_logprobs" => sampling.top_logprobs = count(name, raw)?,
            "logprobs" => sampling.logprobs = flag(name, raw)?,
            "seed" => sampling.seed = Some(typed(raw, "an integer", format_args!("seed"))?),
            "n" => chat.choices = count(name, raw)?,
            "max_completion_tokens" => chat.max_tokens = count(name, raw)?,
            "max_tokens" => self.older_max_tokens = count(name, raw)?,
            "parallel_tool_calls" => chat.parallel_tools = flag(name, raw)?,
            "stream" => chat.stream = flag(name, raw)?.unwrap_or(false),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn member(&mut self, name: &str, raw: &'a str) -> Result<(), Refused> {
        let chat = &mut self.chat;
        match name {
            "model" => chat.model = text(name, raw)?,
            "messages" => chat.turns = messages::read(raw, &mut chat.unknown)?,
            "tools" => chat.tools = tools::tools(raw)?,
            "functions" => self.functions = tools::functions(raw)?,
            "tool_choice" => {
                let (choice, allowed) = tools::choice(raw)?;
                chat.tool_choice = Some(choice);
                self.allowed = allowed;
            }
            "function_call" => self.function_call = Some(tools::function_call(raw)?),
            "response_format" => chat.format = format(raw)?,
            "stop" => chat.stop = stop(raw)?,
            "reasoning_effort" => chat.reasoning = Some(effort(raw)?),
            "user" => chat.user = Some(text(name, raw)?),
            "safety_identifier" => self.safety_identifier = Some(text(name, raw)?),
            _ => chat.include_usage = include_usage(raw)?,
        }
        Ok(())
    }

    fn finish(self) -> Result<Chat<'a>, Refused> {
        let mut chat = self.chat;
        if chat.model.is_empty() {
            return Err(missing(format_args!("model")));
        }
        if chat.turns.is_empty() {
            return Err(missing(format_args!("messages")));
        }
        chat.tools.extend(self.functions);
        if let Some(allowed) = self.allowed {
            chat.tools.retain(|tool| allowed.contains(&tool.name));
        }
        chat.tool_choice = chat.tool_choice.or(self.function_call);
        chat.max_tokens = chat.max_tokens.or(self.older_max_tokens);
        chat.user = chat.user.or(self.safety_identifier);
        Ok(chat)
    }
}

fn number(name: &str, raw: &str) -> Result<Option<f64>, Refused> {
    typed(raw, "a number", format_args!("{name}")).map(Some)
}

fn count(name: &str, raw: &str) -> Result<Option<u64>, Refused> {
    typed(raw, "a whole number, 0 or more", format_args!("{name}")).map(Some)
}

fn flag(name: &str, raw: &str) -> Result<Option<bool>, Refused> {
    typed(raw, "a boolean", format_args!("{name}")).map(Some)
}

fn text<'a>(name: &str, raw: &'a str) -> Result<Cow<'a, str>, Refused> {
    typed(raw, "a string", format_args!("{name}")).map(|text: Text<'a>| text.0)
}

fn stop(raw: &str) -> Result<Vec<Cow<'_, str>>, Refused> {
    if raw.starts_with('"') {
        return text("stop", raw).map(|text| vec![text]);
    }
    if !raw.starts_with('[') {
        return Err(wrong(raw, "a string or a list of strings", format_args!("stop")));
    }
    let texts: Vec<Text<'_>> = typed(raw, "an array of strings", format_args!("stop"))?;
    Ok(texts.into_iter().map(|text| text.0).collect())
}

fn effort(raw: &str) -> Result<Reasoning, Refused> {
    Ok(match &*text("reasoning_effort", raw)? {
        "none" => Reasoning::Off,
        "minimal" => Reasoning::Effort(Effort::Minimal),
        "low" => Reasoning::Effort(Effort::Low),
        "medium" => Reasoning::Effort(Effort::Medium),
        "high" | "xhigh" => Reasoning::Effort(Effort::High),
        _ => {
            let rule = "be one of none, minimal, low, medium, high and xhigh";
            return Err(invalid(format_args!("reasoning_effort"), rule));
        }
    })
}

fn include_usage(raw: &str) -> Result<bool, Refused> {
    #[derive(Deserialize)]
    struct Options {
        include_usage: Option<bool>,
    }
    let options: Options = typed(raw, "an object with include_usage", format_args!("stream_options"))?;
    Ok(options.include_usage.unwrap_or(false))
}

fn format(raw: &str) -> Result<Option<Format<'_>>, Refused> {
    #[derive(Deserialize)]
    struct Shape<'a> {
        #[serde(borrow)]
        r#type: Option<Text<'a>>,
        #[serde(borrow)]
        json_schema: Option<Named<'a>>,
    }
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        name: Option<Text<'a>>,
        #[serde(borrow)]
        description: Option<Text<'a>>,
        #[serde(borrow)]
        schema: Option<&'a RawValue>,
        strict: Option<bool>,
    }
    let shape: Shape<'_> = typed(raw, "an object with a type", format_args!("response_format"))?;
    match Text::of(shape.r#type.as_ref()) {
        "text" => Ok(None),
        "json_object" => Ok(Some(Format::Json)),
        "json_schema" => {
            let Some(Named { name, description, schema, strict }) = shape.json_schema else {
                return Err(missing(format_args!("response_format.json_schema")));
            };
            if let Some(other) = schema.filter(|schema| !is_object(schema.get())) {
                let place = format_args!("response_format.json_schema.schema");
                return Err(wrong(other.get(), "an object", place));
            }
            // Without a schema every JSON value would do; an object is what callers mean.
            Ok(Some(schema.map_or(Format::Json, |schema| Format::Schema {
                name: name.map(|text| text.0),
                description: description.map(|text| text.0),
                schema,
                strict,
            })))
        }
        _ => Err(invalid(format_args!("response_format.type"), "be text, json_object or json_schema")),
    }
}
