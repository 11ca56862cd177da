//! Reading values the way Google's JSON front does: one thing where a list stands, digits in quotes.
//!
//! Invariant: texts are borrowed where they have no escapes, and members keep their order.
//! Source: protobuf.dev/programming-guides/json.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::Malformed;

/// A text that is borrowed even inside an `Option` or a `Vec`, where serde would copy a bare `Cow`.
#[derive(Clone, Debug, serde::Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A list, or its only item without brackets.
#[derive(Clone, Debug)]
pub(super) struct OneOrMany<T>(pub(super) Vec<T>);

struct OneOrManyVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(OneOrMany(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(|only| OneOrMany(vec![only]))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(OneOrManyVisitor(PhantomData))
    }
}

/// A whole number, also as `40.0` or `"40"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole(pub(super) i64);

struct WholeVisitor;

impl Visitor<'_> for WholeVisitor {
    type Value = Whole;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Whole, E> {
        Ok(Whole(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Whole, E> {
        i64::try_from(value).map(Whole).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))
    }

    #[expect(clippy::cast_possible_truncation, reason = "only whole numbers below 2^53 get there")]
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Whole, E> {
        if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
            Ok(Whole(value as i64))
        } else {
            Err(E::invalid_value(de::Unexpected::Float(value), &self))
        }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Whole, E> {
        value.parse().map(Whole).map_err(|_| E::invalid_value(de::Unexpected::Str(value), &self))
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(WholeVisitor)
    }
}

/// The members of an object in their order, values unread.
#[derive(Clone, Debug, Default)]
pub(super) struct Members<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

struct MembersVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for MembersVisitor<'a> {
    type Value = Members<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some((Text(name), value)) = members.next_entry::<Text<'a>, &'a RawValue>()? {
            list.push((name, value));
        }
        Ok(Members(list))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_map(MembersVisitor(PhantomData))
    }
}

impl<'a> Members<'a> {
    /// The members of a value, when it is an object.
    pub(super) fn of(value: &'a RawValue) -> Option<Self> {
        serde_json::from_str(value.get()).ok()
    }

    /// The value of a member.
    pub(super) fn get(&self, wanted: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value)
    }
}

/// JSON without white space between its tokens: what a line of a stream can hold.
pub(super) fn compact(json: &str) -> Cow<'_, str> {
    let mut quoted = false;
    let mut escaped = false;
    let mut loose = |character: char| {
        if quoted {
            quoted = escaped || character != '"';
            escaped = !escaped && character == '\\';
            return false;
        }
        quoted = character == '"';
        character.is_ascii_whitespace()
    };
    let Some(first) = json.find(&mut loose) else { return Cow::Borrowed(json) };
    let (kept, rest) = json.split_at(first);
    let mut out = String::with_capacity(json.len());
    out.push_str(kept);
    // The blank at `first` was seen outside quotes, and leaves the state as it is.
    out.extend(rest.chars().filter(|character| !loose(*character)));
    Cow::Owned(out)
}

/// Whether a text is one JSON object.
pub(super) fn is_object(json: &str) -> bool {
    json.trim_ascii_start().starts_with('{') && serde_json::from_str::<de::IgnoredAny>(json).is_ok()
}

/// Offset in bytes of the place that serde blames by line and column.
pub(super) fn offset_of(body: &[u8], error: &serde_json::Error) -> usize {
    let line = match error.line() {
        0 | 1 => 0,
        line => memchr::memchr_iter(b'\n', body).nth(line - 2).map_or(0, |feed| feed + 1),
    };
    line.saturating_add(error.column()).min(body.len())
}

/// An answer that serde cannot read.
pub(super) fn malformed(body: &[u8], error: &serde_json::Error) -> Malformed {
    let reason = if error.is_data() {
        "a member has not the type that Gemini's reference gives it"
    } else {
        "the answer is not JSON"
    };
    Malformed { offset: offset_of(body, error), reason }
}

#[cfg(test)]
mod tests {
    use super::{Members, OneOrMany, Text, Whole, compact};

    #[test]
    fn blanks_go_only_between_tokens() {
        let cases = [
            (r#"{"a":1}"#, r#"{"a":1}"#),
            ("{\n \"a b\" : \"c \\\" d\\\\\" ,\r\n\"e\":[ 1 ]}", r#"{"a b":"c \" d\\","e":[1]}"#),
            (" ", ""),
        ];
        for (json, expected) in cases {
            assert_eq!(compact(json), expected, "{json}");
        }
    }

    #[test]
    fn one_is_many_and_digits_are_numbers() {
        let one: OneOrMany<Members<'_>> = serde_json::from_str(r#"{"b":1,"a":[2]}"#).unwrap();
        assert_eq!(one.0[0].get("a").unwrap().get(), "[2]");
        assert_eq!(one.0[0].0[0].0, "b");
        for text in ["40", "40.0", "\"40\""] {
            assert_eq!(serde_json::from_str::<Whole>(text).unwrap(), Whole(40));
        }
        for text in ["40.5", "\"x\"", "true", "1e99"] {
            assert!(serde_json::from_str::<Whole>(text).is_err(), "{text}");
        }
        let text: Option<Text<'_>> = serde_json::from_str("\"plain\"").unwrap();
        assert!(matches!(text.unwrap().0, std::borrow::Cow::Borrowed("plain")));
    }
}
