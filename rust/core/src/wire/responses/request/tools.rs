//! Tools on offer and the choice among them.
//!
//! Invariant: schemas travel as the bytes they were; tools that the provider runs itself are named, not refused.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::list;
use crate::wire::model::{Refused, Tool, ToolChoice};
use crate::wire::openai_chat::content::Text;
use crate::wire::openai_chat::request::{invalid, missing, typed, unsupported, wrong};

#[derive(Deserialize)]
struct Offer<'a> {
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    strict: Option<bool>,
}

/// Reads `tools`.
pub(super) fn tools<'a>(raw: &'a str, unknown: &mut Vec<Cow<'a, str>>) -> Result<Vec<Tool<'a>>, Refused> {
    let offers: Vec<&'a RawValue> = list(raw, ("an array of tools", "a tool"), "tools")?;
    let mut tools = Vec::with_capacity(offers.len());
    for (at, raw) in offers.into_iter().enumerate() {
        let offer: Offer<'a> = typed(raw.get(), "an object with a type", format_args!("tools[{at}]"))?;
        match Text::of(offer.r#type.as_ref()) {
            "function" => tools.push(function(raw.get(), at)?),
            "" => return Err(missing(format_args!("tools[{at}].type"))),
            other => {
                let name = format!("tools.{other}");
                if !unknown.iter().any(|known| *known == name) {
                    unknown.push(Cow::Owned(name));
                }
            }
        }
    }
    Ok(tools)
}

fn function(raw: &str, at: usize) -> Result<Tool<'_>, Refused> {
    let function: Function<'_> =
        typed(raw, "an object with name and parameters", format_args!("tools[{at}]"))?;
    let name = function.name.map(|name| name.0).filter(|name| !name.is_empty());
    Ok(Tool {
        name: name.ok_or_else(|| missing(format_args!("tools[{at}].name")))?,
        description: function.description.map(|text| text.0),
        parameters: function.parameters,
        strict: function.strict,
        cached: None,
    })
}

/// A choice, and the names of the only tools that it allows.
type Chosen<'a> = (ToolChoice<'a>, Option<Vec<Cow<'a, str>>>);

/// Reads `tool_choice`.
pub(super) fn choice(raw: &str) -> Result<Chosen<'_>, Refused> {
    #[derive(Deserialize)]
    struct Choice<'a> {
        #[serde(borrow)]
        r#type: Option<Text<'a>>,
        #[serde(borrow)]
        name: Option<Text<'a>>,
        #[serde(borrow)]
        mode: Option<Text<'a>>,
        #[serde(borrow)]
        tools: Option<Vec<Named<'a>>>,
    }
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        name: Option<Text<'a>>,
    }
    if raw.starts_with('"') {
        let word: Text<'_> = typed(raw, "a string", format_args!("tool_choice"))?;
        return Ok((mode(&word.0, "tool_choice")?, None));
    }
    if !raw.starts_with('{') {
        return Err(wrong(raw, "a string or an object", format_args!("tool_choice")));
    }
    let choice: Choice<'_> = typed(raw, "an object with a type", format_args!("tool_choice"))?;
    match Text::of(choice.r#type.as_ref()) {
        "function" => {
            let name = choice.name.ok_or_else(|| missing(format_args!("tool_choice.name")))?;
            Ok((ToolChoice::Named(name.0), None))
        }
        "allowed_tools" => {
            let word = choice.mode.as_ref().map_or("auto", |mode| &mode.0);
            let tools = choice.tools.ok_or_else(|| missing(format_args!("tool_choice.tools")))?;
            let names = tools.into_iter().filter_map(|tool| Some(tool.name?.0)).collect();
            Ok((mode(word, "tool_choice.mode")?, Some(names)))
        }
        "" => Err(missing(format_args!("tool_choice.type"))),
        _ => {
            let message = "Of a model of another dialect only tools of type `function` can be demanded.";
            Err(unsupported("tool_choice.type", message))
        }
    }
}

fn mode(word: &str, place: &str) -> Result<ToolChoice<'static>, Refused> {
    match word {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        "required" => Ok(ToolChoice::Required),
        _ => Err(invalid(format_args!("{place}"), "be none, auto, required, or name a function")),
    }
}
