//! How an answer is made and told: its form, the thinking before it, what is told beside it.
//!
//! Invariant: a wish that no other dialect has is named; a wrong value is refused where it stands.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::list;
use crate::wire::model::{Chat, Effort, Format, Reasoning, Refused};
use crate::wire::openai_chat::content::Text;
use crate::wire::openai_chat::request::{invalid, is_object, missing, typed, wrong};

/// Reads `text`: the form of the answer.
pub(super) fn text<'a>(raw: &'a str, unknown: &mut Vec<Cow<'a, str>>) -> Result<Option<Format<'a>>, Refused> {
    #[derive(Deserialize)]
    struct Config<'a> {
        #[serde(borrow)]
        format: Option<&'a RawValue>,
        #[serde(borrow)]
        verbosity: Option<Text<'a>>,
    }
    let config: Config<'a> = typed(raw, "an object with a format", format_args!("text"))?;
    if config.verbosity.is_some() {
        unknown.push(Cow::Borrowed("text.verbosity"));
    }
    config.format.map_or(Ok(None), |raw| format(raw.get()))
}

fn format(raw: &str) -> Result<Option<Format<'_>>, Refused> {
    #[derive(Deserialize)]
    struct Shape<'a> {
        #[serde(borrow)]
        r#type: Option<Text<'a>>,
        #[serde(borrow)]
        name: Option<Text<'a>>,
        #[serde(borrow)]
        description: Option<Text<'a>>,
        #[serde(borrow)]
        schema: Option<&'a RawValue>,
        strict: Option<bool>,
    }
    let shape: Shape<'_> = typed(raw, "an object with a type", format_args!("text.format"))?;
    match Text::of(shape.r#type.as_ref()) {
        "text" => Ok(None),
        "json_object" => Ok(Some(Format::Json)),
        "json_schema" => {
            let schema = shape.schema.ok_or_else(|| missing(format_args!("text.format.schema")))?;
            if !is_object(schema.get()) {
                return Err(wrong(schema.get(), "an object", format_args!("text.format.schema")));
            }
            let (name, description) = (shape.name, shape.description);
            Ok(Some(Format::Schema {
                name: name.map(|text| text.0),
                description: description.map(|text| text.0),
                schema,
                strict: shape.strict,
            }))
        }
        "" => Err(missing(format_args!("text.format.type"))),
        _ => Err(invalid(format_args!("text.format.type"), "be text, json_object or json_schema")),
    }
}

/// Reads `reasoning`. Whether a summary is wanted has no place elsewhere: what is thought aloud is told.
pub(super) fn reasoning(raw: &str) -> Result<Option<Reasoning>, Refused> {
    #[derive(Deserialize)]
    struct Wanted<'a> {
        #[serde(borrow)]
        effort: Option<Text<'a>>,
    }
    let wanted: Wanted<'_> = typed(raw, "an object with an effort", format_args!("reasoning"))?;
    let Some(effort) = wanted.effort else { return Ok(None) };
    Ok(Some(match &*effort.0 {
        "none" => Reasoning::Off,
        "minimal" => Reasoning::Effort(Effort::Minimal),
        "low" => Reasoning::Effort(Effort::Low),
        "medium" => Reasoning::Effort(Effort::Medium),
        "high" | "xhigh" | "max" => Reasoning::Effort(Effort::High),
        _ => {
            let rule = "be one of none, minimal, low, medium, high, xhigh and max";
            return Err(invalid(format_args!("reasoning.effort"), rule));
        }
    }))
}

/// Reads `include`: what else is to be told.
pub(super) fn include<'a>(raw: &'a str, chat: &mut Chat<'a>) -> Result<(), Refused> {
    let wanted: Vec<Text<'a>> = list(raw, ("an array of strings", "a string"), "include")?;
    for Text(name) in wanted {
        match &*name {
            // What only the provider can read is always told.
            "reasoning.encrypted_content" => {}
            "message.output_text.logprobs" => chat.sampling.logprobs = Some(true),
            _ => chat.unknown.push(Cow::Owned(format!("include.{name}"))),
        }
    }
    Ok(())
}
