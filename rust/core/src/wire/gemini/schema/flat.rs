//! One schema of JSON Schema's as Google's members: its types and its limits.
//!
//! Invariant: a limit that Google has no word for is left out; nothing but members of `Schema` is written.
//! Source: ai.google.dev/api/caching#Schema.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::COUNTS;
use crate::json::push_string;
use crate::wire::gemini::lenient::{Members, Text};

/// Members that are read beside [`COUNTS`].
const READ: [&str; 15] = [
    "type",
    "title",
    "description",
    "default",
    "example",
    "format",
    "pattern",
    "enum",
    "const",
    "items",
    "prefixItems",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
];

/// A schema with its references and `allOf` taken in; what came first stands.
#[derive(Default)]
pub(super) struct Flat<'a> {
    pub(super) members: Members<'a>,
    pub(super) properties: Members<'a>,
    /// The properties' names, to find them by.
    pub(super) names: BTreeSet<Cow<'a, str>>,
    pub(super) required: Vec<Cow<'a, str>>,
    pub(super) variants: Vec<&'a RawValue>,
    pub(super) nullable: bool,
    pub(super) endless: bool,
}

impl<'a> Flat<'a> {
    /// Whether a member is read, and not there yet.
    pub(super) fn wants(&self, name: &str) -> bool {
        (READ.contains(&name) || COUNTS.contains(&name)) && self.members.get(name).is_none()
    }

    /// Takes null out of the alternatives; the only one that is left then is no alternative.
    pub(super) fn only_variant(&mut self) -> Option<&'a RawValue> {
        let before = self.variants.len();
        self.variants.retain(|variant| !is_null(variant));
        self.nullable |= self.variants.len() < before;
        if self.variants.len() == 1 { self.variants.pop() } else { None }
    }

    /// Google's names of the types, null taken out; guessed from other members where none is told.
    pub(super) fn kinds(&mut self) -> Vec<String> {
        let told = self.members.get("type");
        let mut kinds: Vec<String> = match told.map(|told| serde_json::from_str::<Text<'_>>(told.get())) {
            Some(Ok(Text(kind))) => vec![kind.to_ascii_uppercase()],
            Some(Err(_)) => told
                .into_iter()
                .flat_map(list)
                .filter_map(|kind| {
                    Some(serde_json::from_str::<Text<'_>>(kind.get()).ok()?.0.to_ascii_uppercase())
                })
                .collect(),
            None => self.guess().map(str::to_owned).into_iter().collect(),
        };
        if kinds.len() > 1 {
            let before = kinds.len();
            kinds.retain(|kind| kind != "NULL");
            self.nullable |= kinds.len() < before;
        }
        self.nullable |= self.choices().iter().any(|choice| choice.get() == "null");
        kinds
    }

    fn guess(&self) -> Option<&'static str> {
        if self.endless || !self.properties.0.is_empty() {
            return Some("OBJECT");
        }
        if self.members.get("items").or(self.members.get("prefixItems")).is_some() {
            return Some("ARRAY");
        }
        match self.choices().into_iter().find(|choice| choice.get() != "null")?.get().bytes().next()? {
            b'"' => Some("STRING"),
            b't' | b'f' => Some("BOOLEAN"),
            b'-' | b'0'..=b'9' => Some("NUMBER"),
            _ => None,
        }
    }

    /// The values of `enum`, or the one of `const`.
    fn choices(&self) -> Vec<&'a RawValue> {
        match (self.members.get("enum"), self.members.get("const")) {
            (Some(choices), _) => list(choices),
            (None, only) => only.into_iter().collect(),
        }
    }

    pub(super) fn push_limits(&self, kind: &str, object: &mut Object<'_>) {
        for name in COUNTS {
            let fits = match name {
                "minItems" | "maxItems" => kind == "ARRAY",
                "minProperties" | "maxProperties" => kind == "OBJECT",
                _ => kind == "STRING",
            };
            if let Some(value) = self.members.get(name).filter(|_| fits) {
                object.raw(name, value.get());
            }
        }
        match kind {
            "STRING" => self.push_texts(object),
            "INTEGER" | "NUMBER" => self.push_range(kind, object),
            _ => {}
        }
    }

    fn push_texts(&self, object: &mut Object<'_>) {
        if let Some(pattern) = self.members.get("pattern").filter(|pattern| is_regular(pattern)) {
            object.raw("pattern", pattern.get());
        }
        if self.members.get("format").is_some_and(|format| format.get() == "\"date-time\"") {
            object.text("format", "date-time");
        }
        // Google takes texts only, and no empty one; a list that would lose one would accept less.
        let choices: Vec<_> = self.choices().into_iter().filter(|choice| choice.get() != "null").collect();
        let texts: Result<Vec<Text<'_>>, _> =
            choices.iter().map(|choice| serde_json::from_str(choice.get())).collect();
        if let Ok(texts) = texts.as_deref()
            && texts.iter().all(|text| !text.0.is_empty())
        {
            object.texts("enum", &texts.iter().map(|text| &*text.0).collect::<Vec<_>>());
        }
    }

    /// Limits that exclude themselves become the next whole number, or, for fractions, limits that do not.
    fn push_range(&self, kind: &str, object: &mut Object<'_>) {
        let formats: [&str; 2] =
            if kind == "INTEGER" { ["\"int32\"", "\"int64\""] } else { ["\"float\"", "\"double\""] };
        if let Some(format) = self.members.get("format").filter(|format| formats.contains(&format.get())) {
            object.raw("format", format.get());
        }
        let limits = [("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)];
        for (name, exclusive, step) in limits {
            if let Some(limit) = self.members.get(name) {
                object.raw(name, limit.get());
            } else if let Some(limit) = self.members.get(exclusive).filter(|limit| is_number(limit)) {
                let next = limit.get().parse::<i64>().ok().and_then(|limit| limit.checked_add(step));
                match next.filter(|_| kind == "INTEGER") {
                    Some(next) => object.raw(name, &next.to_string()),
                    None => object.raw(name, limit.get()),
                }
            }
        }
    }
}

/// An object that is being written.
pub(super) struct Object<'o> {
    pub(super) out: &'o mut Vec<u8>,
    pub(super) first: bool,
}

impl Object<'_> {
    pub(super) fn name(&mut self, name: &str) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        push_string(self.out, name);
        self.out.push(b':');
    }

    pub(super) fn raw(&mut self, name: &str, value: &str) {
        self.name(name);
        self.out.extend_from_slice(value.as_bytes());
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        push_string(self.out, value);
    }

    /// A list of texts; nothing when it is empty.
    pub(super) fn texts(&mut self, name: &str, values: &[&str]) {
        for (at, value) in values.iter().enumerate() {
            if at == 0 {
                self.name(name);
            }
            self.out.push(if at == 0 { b'[' } else { b',' });
            push_string(self.out, value);
        }
        if !values.is_empty() {
            self.out.push(b']');
        }
    }
}

pub(super) fn list(value: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(value.get()).unwrap_or_default()
}

fn is_null(schema: &RawValue) -> bool {
    Members::of(schema).and_then(|members| members.get("type")).is_some_and(|kind| kind.get() == "\"null\"")
}

fn is_number(value: &RawValue) -> bool {
    matches!(value.get().bytes().next(), Some(b'-' | b'0'..=b'9'))
}

/// Whether a pattern has neither look-around nor back references, which Google's expressions (RE2) lack.
fn is_regular(pattern: &RawValue) -> bool {
    let Ok(Text(pattern)) = serde_json::from_str(pattern.get()) else { return false };
    let around = ["(?=", "(?!", "(?<"].iter().any(|mark| pattern.contains(mark));
    !around
        && !pattern
            .as_bytes()
            .windows(2)
            .any(|pair| pair[0] == b'\\' && matches!(pair[1], b'1'..=b'9' | b'k'))
}
