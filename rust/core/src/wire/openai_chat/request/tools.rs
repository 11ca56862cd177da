//! Tools on offer and the choice among them, in today's form and the older one of functions.
//!
//! Invariant: schemas travel as the bytes they were.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::content::Text;
use super::{invalid, missing, typed, unsupported, wrong};
use crate::wire::model::{Refused, Tool, ToolChoice};

#[derive(Deserialize)]
struct Offer<'a> {
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
    #[serde(borrow)]
    cache_control: Option<&'a RawValue>,
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

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
    #[serde(borrow)]
    function: Option<Named<'a>>,
    #[serde(borrow)]
    allowed_tools: Option<Allowed<'a>>,
}

#[derive(Deserialize)]
struct Allowed<'a> {
    #[serde(borrow)]
    mode: Option<Text<'a>>,
    #[serde(borrow)]
    tools: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    function: Option<Named<'a>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

impl<'a> Entry<'a> {
    fn name(self) -> Option<Cow<'a, str>> {
        Some(self.function?.name?.0)
    }
}

/// Reads `tools`.
pub(super) fn tools(raw: &str) -> Result<Vec<Tool<'_>>, Refused> {
    let offers: Vec<Offer<'_>> = typed(raw, "an array of tools", format_args!("tools"))?;
    let mut tools = Vec::with_capacity(offers.len());
    for (at, offer) in offers.into_iter().enumerate() {
        if offer.r#type.as_ref().is_some_and(|kind| kind.0 != "function") {
            let message = "Only tools of type `function` can be offered to a model of another dialect.";
            return Err(unsupported(&format!("tools[{at}].type"), message));
        }
        let function = offer.function.ok_or_else(|| missing(format_args!("tools[{at}].function")))?;
        let tool = function.tool(offer.cache_control);
        tools.push(tool.ok_or_else(|| missing(format_args!("tools[{at}].function.name")))?);
    }
    Ok(tools)
}

/// Reads `functions`, the older form of `tools`.
pub(super) fn functions(raw: &str) -> Result<Vec<Tool<'_>>, Refused> {
    let functions: Vec<Function<'_>> = typed(raw, "an array of functions", format_args!("functions"))?;
    let mut tools = Vec::with_capacity(functions.len());
    for (at, function) in functions.into_iter().enumerate() {
        tools.push(function.tool(None).ok_or_else(|| missing(format_args!("functions[{at}].name")))?);
    }
    Ok(tools)
}

impl<'a> Function<'a> {
    fn tool(self, cached: Option<&'a RawValue>) -> Option<Tool<'a>> {
        Some(Tool {
            name: self.name.map(|text| text.0).filter(|name| !name.is_empty())?,
            description: self.description.map(|text| text.0),
            parameters: self.parameters,
            strict: self.strict,
            cached,
        })
    }
}

/// A choice, and the names of the only tools that it allows.
type Chosen<'a> = (ToolChoice<'a>, Option<Vec<Cow<'a, str>>>);

/// Reads `tool_choice`.
pub(super) fn choice(raw: &str) -> Result<Chosen<'_>, Refused> {
    if raw.starts_with('"') {
        let word: Text<'_> = typed(raw, "a string", format_args!("tool_choice"))?;
        return Ok((mode(&word.0, "tool_choice")?, None));
    }
    if !raw.starts_with('{') {
        return Err(wrong(raw, "a string or an object", format_args!("tool_choice")));
    }
    let choice: Choice<'_> = typed(raw, "an object", format_args!("tool_choice"))?;
    match (Text::of(choice.r#type.as_ref()), choice.allowed_tools) {
        ("function" | "", _) => {
            let name = choice.function.and_then(|function| function.name);
            let name = name.ok_or_else(|| missing(format_args!("tool_choice.function.name")))?;
            Ok((ToolChoice::Named(name.0), None))
        }
        ("allowed_tools", Some(allowed)) => {
            let word = allowed.mode.as_ref().map_or("auto", |mode| &mode.0);
            let names = allowed.tools.into_iter().filter_map(Entry::name).collect();
            Ok((mode(word, "tool_choice.allowed_tools.mode")?, Some(names)))
        }
        ("allowed_tools", None) => Err(missing(format_args!("tool_choice.allowed_tools"))),
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
        "required" | "any" => Ok(ToolChoice::Required),
        _ => Err(invalid(format_args!("{place}"), "be none, auto, required, or name a function")),
    }
}

/// Reads `function_call`, the older form of `tool_choice`.
pub(super) fn function_call(raw: &str) -> Result<ToolChoice<'_>, Refused> {
    let place = format_args!("function_call");
    if raw.starts_with('"') {
        let word: Text<'_> = typed(raw, "a string", place)?;
        return match &*word.0 {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            _ => Err(invalid(format_args!("function_call"), "be none, auto, or name a function")),
        };
    }
    if !raw.starts_with('{') {
        return Err(wrong(raw, "a string or an object", format_args!("function_call")));
    }
    let named: Named<'_> = typed(raw, "an object", format_args!("function_call"))?;
    named
        .name
        .map(|name| ToolChoice::Named(name.0))
        .ok_or_else(|| missing(format_args!("function_call.name")))
}
