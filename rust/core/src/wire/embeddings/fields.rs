//! The members of a request, read strictly, with the place of whatever is wrong.
//!
//! Invariant: each known member counts once, under any of its names, and null counts as absence; a place is
//! written as JavaScript would reach it: `requests[1].content.parts[0]`.

use std::borrow::Cow;
use std::rc::Rc;

use crate::json::{Cursor, Kind, Malformed};
use crate::wire::model::Refused;
use crate::wire::openai::request::MAX_MODEL_BYTES;

/// Members that have a meaning; each with the names that it goes by, the first of them its own.
pub(super) type Known = [&'static [&'static str]];

/// A value of the request, whose JSON is known to be right.
#[derive(Debug)]
pub(super) struct Value<'a> {
    raw: &'a str,
    /// Its place, or its array's.
    stem: Rc<str>,
    /// Which of the array's it is.
    index: Option<usize>,
}

impl<'a> Value<'a> {
    /// The whole body, which must be one JSON object.
    pub(super) fn document(body: &'a [u8]) -> Result<Self, Refused> {
        let whole = |body: &'a [u8]| {
            let mut cursor = Cursor::new(body)?;
            let document = cursor.body();
            let range = cursor.skip()?;
            cursor.finish()?;
            Ok(document.get(range).unwrap_or_default())
        };
        let raw = whole(body).map_err(|malformed: Malformed| {
            let message = format!("The request body is not valid JSON: {malformed}.");
            Refused { code: "invalid_json", param: None, message }
        })?;
        let value = Self { raw, stem: Rc::from(""), index: None };
        if value.kind() == Kind::Object {
            return Ok(value);
        }
        let message = format!("The request body must be a JSON object, not {}.", value.kind().noun());
        Err(Refused { code: "invalid_type", param: None, message })
    }

    /// Hands out the known members by name; the others' names go to `unknown`, after `prefix`.
    pub(super) fn members(
        &self,
        known: &Known,
        prefix: &str,
        unknown: &mut Vec<Cow<'a, str>>,
        mut each: impl FnMut(&'static str, Value<'a>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let mut cursor = self.enter(Kind::Object, "an object")?;
        let (mut first, mut seen) = (true, 0_u32);
        while let Ok(Some(name)) = cursor.member(&mut first) {
            let name = name.read(self.raw);
            let raw = cursor.skip().ok().and_then(|range| self.raw.get(range)).unwrap_or_default();
            let Some(at) = known.iter().position(|names| names.contains(&&*name)) else {
                unknown.push(if prefix.is_empty() { name } else { format!("{prefix}.{name}").into() });
                continue;
            };
            let value = Value { raw, stem: self.inner(&name).into(), index: None };
            if seen & 1 << at != 0 {
                return Err(value.invalid("be given only once"));
            }
            seen |= 1 << at;
            if let Some(own) = known.get(at).and_then(|names| names.first()).filter(|_| raw != "null") {
                each(own, value)?;
            }
        }
        Ok(())
    }

    /// The values of an array; `wanted` says with its article what it should be.
    pub(super) fn items(&self, wanted: &str) -> Result<Vec<Value<'a>>, Refused> {
        let mut cursor = self.enter(Kind::Array, wanted)?;
        let stem: Rc<str> = self.place().into();
        let (mut first, mut items) = (true, Vec::new());
        while let Ok(true) = cursor.item(&mut first) {
            let raw = cursor.skip().ok().and_then(|range| self.raw.get(range)).unwrap_or_default();
            items.push(Value { raw, stem: Rc::clone(&stem), index: Some(items.len()) });
        }
        Ok(items)
    }

    pub(super) fn kind(&self) -> Kind {
        // The first byte tells.
        let first = self.raw.as_bytes().get(..1).unwrap_or_default();
        Cursor::new(first).and_then(|mut cursor| cursor.kind()).unwrap_or(Kind::Null)
    }

    /// Where it stands; nowhere for the whole body.
    pub(super) fn place(&self) -> String {
        self.index.map_or_else(|| self.stem.to_string(), |index| format!("{}[{index}]", self.stem))
    }

    /// Where its member `name` stands.
    pub(super) fn inner(&self, name: &str) -> String {
        let place = self.place();
        if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
    }

    pub(super) fn text(&self) -> Result<Cow<'a, str>, Refused> {
        let text = Cursor::new(self.raw.as_bytes()).and_then(|mut cursor| cursor.string());
        text.map(|text| text.read(self.raw)).map_err(|_| self.wrong("a string"))
    }

    /// A text that says something.
    pub(super) fn some_text(&self) -> Result<Cow<'a, str>, Refused> {
        let text = self.text()?;
        if text.is_empty() { Err(self.invalid("not be an empty string")) } else { Ok(text) }
    }

    /// A model's name, as it may stand in headers and log lines.
    pub(super) fn model(&self) -> Result<Cow<'a, str>, Refused> {
        let model = self.text()?;
        if model.is_empty() || model.len() > MAX_MODEL_BYTES {
            return Err(self.invalid("have between 1 and 256 bytes"));
        }
        if model.chars().any(char::is_control) {
            return Err(self.invalid("have no control characters"));
        }
        Ok(model)
    }

    pub(super) fn flag(&self) -> Result<bool, Refused> {
        match self.raw {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.wrong("a boolean")),
        }
    }

    /// A whole number from `least` on.
    pub(super) fn count(&self, least: u64) -> Result<u64, Refused> {
        if self.kind() != Kind::Number {
            return Err(self.wrong("a whole number"));
        }
        let number = self.raw.parse().ok().filter(|&number: &u64| number >= least);
        number.ok_or_else(|| self.invalid(&format!("be a whole number, {least} or more")))
    }

    /// The refusal of a value of another type.
    pub(super) fn wrong(&self, wanted: &str) -> Refused {
        let place = self.place();
        let message = format!("`{place}` must be {wanted}, not {}.", self.kind().noun());
        Refused { code: "invalid_type", param: Some(place), message }
    }

    /// The refusal of a value that breaks a rule.
    pub(super) fn invalid(&self, rule: &str) -> Refused {
        let place = self.place();
        let message = format!("`{place}` must {rule}.");
        Refused { code: "invalid_value", param: Some(place), message }
    }

    fn enter(&self, kind: Kind, wanted: &str) -> Result<Cursor<'a>, Refused> {
        let bracket = if kind == Kind::Object { b'{' } else { b'[' };
        let cursor = Cursor::new(self.raw.as_bytes()).and_then(|mut cursor| {
            cursor.open(bracket)?;
            Ok(cursor)
        });
        cursor.map_err(|_| self.wrong(wanted))
    }
}

/// Something that must be there.
pub(super) fn missing(place: &str) -> Refused {
    let message = format!("You must provide the `{place}` parameter.");
    Refused { code: "missing_required_parameter", param: Some(place.to_owned()), message }
}
