//! From Google's subset of `OpenAPI`'s to JSON Schema: what every other dialect takes.
//!
//! Invariant: the schema that comes out accepts the same values; only the order of properties is left unsaid.

use serde_json::value::{RawValue, to_raw_value};

use super::{COUNTS, MAX_DEPTH};
use crate::json::push_string;
use crate::wire::gemini::lenient::{Members, Text, compact};

/// Names in snake case that Google takes too.
const SNAKE: [(&str, &str); 8] = [
    ("any_of", "anyOf"),
    ("min_items", "minItems"),
    ("max_items", "maxItems"),
    ("min_properties", "minProperties"),
    ("max_properties", "maxProperties"),
    ("min_length", "minLength"),
    ("max_length", "maxLength"),
    ("property_ordering", "propertyOrdering"),
];

/// The schema in JSON Schema's words.
///
/// # Errors
/// What is wrong, where a schema is no object.
pub(in crate::wire::gemini) fn widen(schema: &RawValue) -> Result<Box<RawValue>, &'static str> {
    const WRONG: &str = "A schema must be an object of at most 48 levels, as {\"type\": \"OBJECT\"}.";
    let mut out = Vec::with_capacity(schema.get().len());
    push(schema, 0, &mut out).ok_or(WRONG)?;
    let text = String::from_utf8(out).map_err(|_| WRONG)?;
    RawValue::from_string(text).or_else(|_| to_raw_value(&())).map_err(|_| WRONG)
}

fn push(schema: &RawValue, depth: u32, out: &mut Vec<u8>) -> Option<()> {
    let members = Members::of(schema).filter(|_| depth < MAX_DEPTH)?;
    let nullable = members.get("nullable").is_some_and(|nullable| nullable.get() == "true");
    out.push(b'{');
    let mut first = true;
    for (name, value) in &members.0 {
        let name = SNAKE.iter().find(|(snake, _)| snake == name).map_or(&**name, |(_, camel)| camel);
        let kind = if name == "type" { Some(type_name(value)) } else { None };
        let unsaid = matches!(name, "nullable" | "propertyOrdering")
            || (name == "format" && value.get() == "\"enum\"")
            || kind.as_ref().is_some_and(Option::is_none);
        if unsaid {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        push_string(out, if name == "example" { "examples" } else { name });
        out.push(b':');
        match (name, kind.flatten()) {
            (_, Some(kind)) => push_type(&kind, nullable, out),
            _ => push_member(name, value, (nullable, depth + 1), out)?,
        }
    }
    out.push(b'}');
    Some(())
}

fn push_member(
    name: &str,
    value: &RawValue,
    (nullable, depth): (bool, u32),
    out: &mut Vec<u8>,
) -> Option<()> {
    match name {
        "items" => push(value, depth, out)?,
        "properties" => push_properties(value, depth, out)?,
        "anyOf" => push_variants(value, (nullable, depth), out)?,
        "enum" if nullable => {
            let list = compact(value.get());
            let open = list.strip_suffix(']')?;
            out.extend_from_slice(open.as_bytes());
            out.extend_from_slice(if open == "[" { b"null]" } else { b",null]" });
        }
        "example" => {
            out.push(b'[');
            out.extend_from_slice(value.get().as_bytes());
            out.push(b']');
        }
        _ if COUNTS.contains(&name) => out.extend_from_slice(value.get().trim_matches('"').as_bytes()),
        _ => out.extend_from_slice(value.get().as_bytes()),
    }
    Some(())
}

fn push_properties(value: &RawValue, depth: u32, out: &mut Vec<u8>) -> Option<()> {
    out.push(b'{');
    for (at, (name, value)) in Members::of(value)?.0.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_string(out, name);
        out.push(b':');
        push(value, depth, out)?;
    }
    out.push(b'}');
    Some(())
}

fn push_variants(value: &RawValue, (nullable, depth): (bool, u32), out: &mut Vec<u8>) -> Option<()> {
    let variants: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
    out.push(b'[');
    for (at, variant) in variants.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push(variant, depth, out)?;
    }
    if nullable {
        out.extend_from_slice(if variants.is_empty() { b"" } else { b"," });
        out.extend_from_slice(b"{\"type\":\"null\"}");
    }
    out.push(b']');
    Some(())
}

/// A type as JSON Schema spells it, quotes or brackets included; `None` where it says nothing.
fn type_name(value: &RawValue) -> Option<String> {
    match serde_json::from_str::<Text<'_>>(value.get()) {
        Ok(Text(name)) if name == "TYPE_UNSPECIFIED" => None,
        Ok(Text(name)) => {
            let mut quoted = Vec::with_capacity(name.len() + 2);
            push_string(&mut quoted, &name.to_ascii_lowercase());
            String::from_utf8(quoted).ok()
        }
        Err(_) => Some(value.get().to_owned()),
    }
}

fn push_type(kind: &str, nullable: bool, out: &mut Vec<u8>) {
    if nullable && kind.starts_with('"') {
        out.push(b'[');
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b",\"null\"]");
    } else {
        out.extend_from_slice(kind.as_bytes());
    }
}
