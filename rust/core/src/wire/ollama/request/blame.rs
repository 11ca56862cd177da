//! Finds which member of a request has the wrong type; run only when reading it has failed.
//!
//! Invariant: whatever it is given, it gives a reason; where no member can be blamed, the whole body is.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Number;
use serde_json::value::RawValue;

use crate::wire::model::Refused;

/// A member, what it must be, and whether a value is that.
type Rule = (&'static str, &'static str, fn(&str) -> bool);

/// What can be of any type is judged where it is read.
const BODY: [Rule; 10] = [
    ("model", "a string", fits::<Option<String>>),
    ("prompt", "a string", fits::<Option<String>>),
    ("system", "a string", fits::<Option<String>>),
    ("images", "a list of images in base64", fits::<Option<Vec<String>>>),
    ("stream", "true or false", fits::<Option<bool>>),
    ("logprobs", "true or false", fits::<Option<bool>>),
    ("top_logprobs", "a whole number", fits::<Option<u64>>),
    ("options", "an object", fits::<Option<Members>>),
    ("messages", "a list of messages", fits::<Option<Vec<Members>>>),
    ("tools", "a list of tools", fits::<Option<Vec<Members>>>),
];

const MESSAGE: [Rule; 6] = [
    ("role", "a string", fits::<String>),
    ("content", "a string; images go to `images`, in base64", fits::<Option<String>>),
    ("thinking", "a string", fits::<Option<String>>),
    ("tool_name", "a string", fits::<Option<String>>),
    ("images", "a list of images in base64", fits::<Option<Vec<String>>>),
    ("tool_calls", "a list of {\"function\": {\"name\": …, \"arguments\": {…}}}", fits::<Option<Vec<Call>>>),
];

const TOOL: [Rule; 2] = [
    ("type", "\"function\"", fits::<Option<String>>),
    ("function", "an object with a `name`, a `description` and `parameters`", fits::<Function>),
];

const OPTIONS: [Rule; 7] = [
    ("temperature", "a number", fits::<Option<f64>>),
    ("top_p", "a number", fits::<Option<f64>>),
    ("presence_penalty", "a number", fits::<Option<f64>>),
    ("frequency_penalty", "a number", fits::<Option<f64>>),
    ("top_k", "a whole number", fits::<Option<Number>>),
    ("seed", "a whole number", fits::<Option<Number>>),
    ("num_predict", "a whole number", fits::<Option<Number>>),
];

type Members = BTreeMap<String, Box<RawValue>>;

#[derive(Deserialize)]
struct Call {
    #[serde(rename = "function")]
    _function: CalledFunction,
}

#[derive(Deserialize)]
struct CalledFunction {
    #[serde(rename = "name")]
    _name: String,
}

#[derive(Deserialize)]
struct Function {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "description")]
    _description: Option<String>,
}

fn fits<T: DeserializeOwned>(value: &str) -> bool {
    serde_json::from_str::<T>(value).is_ok()
}

/// A refusal that blames `param`.
pub(super) fn refused(code: &'static str, param: &str, message: String) -> Refused {
    Refused { code, param: Some(param.to_owned()), message }
}

/// Why `text` is no request.
pub(super) fn body(text: &str) -> Refused {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let (line, column) = (error.line(), error.column());
        let message = format!("the body is not JSON: it goes wrong at line {line}, column {column}");
        return Refused { code: "invalid_json", param: None, message };
    }
    let unclear = || Refused {
        code: "invalid_json",
        param: None,
        message: "the body must be one JSON object that gives each member once".to_owned(),
    };
    let Some(members) = members(text) else { return unclear() };
    wrong(&members, &BODY, "")
        .or_else(|| wrong(&self::members(members.get("options")?.get())?, &OPTIONS, "options."))
        .or_else(|| items(members.get("messages")?, &MESSAGE, "messages"))
        .or_else(|| items(members.get("tools")?, &TOOL, "tools"))
        .unwrap_or_else(unclear)
}

fn members(text: &str) -> Option<BTreeMap<Cow<'_, str>, &RawValue>> {
    serde_json::from_str(text).ok()
}

fn items(list: &RawValue, rules: &[Rule], name: &str) -> Option<Refused> {
    let list: Vec<&RawValue> = serde_json::from_str(list.get()).ok()?;
    list.iter()
        .enumerate()
        .find_map(|(at, item)| wrong(&members(item.get())?, rules, &format!("{name}[{at}].")))
}

fn wrong(members: &BTreeMap<Cow<'_, str>, &RawValue>, rules: &[Rule], prefix: &str) -> Option<Refused> {
    rules.iter().find_map(|(name, wanted, fits)| {
        // A member that is missing is blamed where it cannot be.
        let value = members.get(*name).map_or("null", |value| value.get());
        let param = format!("{prefix}{name}");
        (!fits(value)).then(|| refused("invalid_type", &param, format!("`{param}` must be {wanted}")))
    })
}
