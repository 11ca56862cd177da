//! Which member of a request is wrong, and what would be right.
//!
//! Invariant: runs only after a request did not read, so it may take its time.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::blocks::{Block, Content};
use super::decode::{Choice, Message, Metadata, OutputConfig, Thinking, ToolTold};
use crate::wire::anthropic::words::Text;
use crate::wire::model::Refused;

/// What is wrong in `body`, which gave `error`.
pub(super) fn blame(body: &[u8], error: &serde_json::Error) -> Refused {
    let members: BTreeMap<String, &RawValue> = match serde_json::from_slice(body) {
        Ok(members) => members,
        Err(error) if error.is_data() => {
            return wrong_type(None, "The request must be a JSON object.".to_owned());
        }
        Err(error) => return invalid_json(&error),
    };
    members.iter().find_map(|(name, value)| member(name, value)).unwrap_or_else(|| invalid_json(error))
}

fn member(name: &str, value: &RawValue) -> Option<Refused> {
    match name {
        "model" => check::<Option<Text<'_>>>(name, value, "a string"),
        "messages" => list(name, value, message),
        "system" => content(name, value),
        "max_tokens" | "top_k" => check::<Option<u64>>(name, value, "a whole number, not below 0"),
        "metadata" => check::<Option<Metadata<'_>>>(name, value, "an object with a string `user_id`"),
        "stop_sequences" => check::<Option<Vec<Text<'_>>>>(name, value, "a list of strings"),
        "stream" => check::<Option<bool>>(name, value, "true or false"),
        "temperature" | "top_p" => check::<Option<f64>>(name, value, "a number"),
        "tools" => list(name, value, |name, tool| {
            check::<ToolTold<'_>>(name, tool, "an object with `name` and `input_schema`")
        }),
        "tool_choice" => check::<Option<Choice<'_>>>(name, value, "an object with `type`"),
        "thinking" => check::<Option<Thinking<'_>>>(name, value, "an object with `type` and `budget_tokens`"),
        "output_config" => {
            check::<Option<OutputConfig<'_>>>(name, value, "an object with `effort` and `format`")
        }
        _ => None,
    }
}

/// A message without its content checked.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
}

fn message(name: &str, value: &RawValue) -> Option<Refused> {
    let inside = serde_json::from_str::<Outline<'_>>(value.get())
        .ok()
        .and_then(|outline| content(&format!("{name}.content"), outline.content));
    inside.or_else(|| check::<Message<'_>>(name, value, "an object with `role` and `content`"))
}

fn content(name: &str, value: &RawValue) -> Option<Refused> {
    let inside = if value.get().starts_with('[') {
        list(name, value, |name, block| {
            check::<Block<'_>>(name, block, "a content block of a documented type")
        })
    } else {
        None
    };
    inside.or_else(|| check::<Option<Content<'_>>>(name, value, "a string or a list of content blocks"))
}

fn list(name: &str, value: &RawValue, item: impl Fn(&str, &RawValue) -> Option<Refused>) -> Option<Refused> {
    match serde_json::from_str::<Option<Vec<&RawValue>>>(value.get()) {
        Ok(items) => {
            let items = items.unwrap_or_default();
            items.iter().enumerate().find_map(|(at, value)| item(&format!("{name}.{at}"), value))
        }
        Err(_) => Some(wrong_type(Some(name), format!("`{name}` must be a list."))),
    }
}

fn check<'a, T: Deserialize<'a>>(name: &str, value: &'a RawValue, expected: &str) -> Option<Refused> {
    let error = serde_json::from_str::<T>(value.get()).err()?;
    let reason = error.to_string();
    // The line and column are those of the member, which nobody has before them.
    let reason = reason.split(" at line ").next().unwrap_or_default();
    Some(wrong_type(Some(name), format!("`{name}` must be {expected}: {reason}.")))
}

fn wrong_type(param: Option<&str>, message: String) -> Refused {
    Refused { code: "invalid_type", param: param.map(str::to_owned), message }
}

fn invalid_json(error: &serde_json::Error) -> Refused {
    Refused { code: "invalid_json", param: None, message: format!("The request cannot be read: {error}.") }
}

/// A member that must be there is not.
pub(super) fn missing(param: &str, hint: &str) -> Refused {
    let message = format!("`{param}` is missing. {hint}");
    Refused { code: "missing_required_parameter", param: Some(param.to_owned()), message }
}

/// A member has a value that the dialect does not know.
pub(super) fn wrong_value(param: &str, hint: &str) -> Refused {
    let message = format!("`{param}` has a value that is not known. {hint}");
    Refused { code: "invalid_value", param: Some(param.to_owned()), message }
}
