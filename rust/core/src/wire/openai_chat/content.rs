//! Texts that borrow from the document, and contents that are a text or a list of parts.
//!
//! Invariant: a text without escapes is never copied.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A string. (Within an `Option`, serde borrows only through a type of its own.)
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(in crate::wire) struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl Text<'_> {
    /// The text, empty where there is none.
    pub(in crate::wire) fn of(text: Option<&Self>) -> &str {
        text.map_or("", |text| &text.0)
    }
}

/// What was said: a text, or parts as some vendors send them.
#[derive(Debug)]
pub(super) enum Content<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<Piece<'a>>),
}

/// A part of an answer's content.
#[derive(Debug, Deserialize)]
pub(super) struct Piece<'a> {
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    #[serde(borrow)]
    pub refusal: Option<Text<'a>>,
    /// Mistral's thoughts: a list of text parts.
    #[serde(borrow)]
    pub thinking: Option<Content<'a>>,
}

/// Calls made by a model: arguments are a string, or with some vendors the object itself.
pub(in crate::wire) fn arguments(raw: Option<&RawValue>) -> Cow<'_, str> {
    let Some(raw) = raw else { return Cow::Borrowed("") };
    match serde_json::from_str::<Text<'_>>(raw.get()) {
        Ok(text) => text.0,
        Err(_) if raw.get().starts_with('{') => Cow::Borrowed(raw.get()),
        Err(_) => Cow::Borrowed(""),
    }
}

/// Google's mark on a call, as its compatible endpoint sends it and wants it back.
///
/// Source: ai.google.dev/gemini-api/docs/thought-signatures, `OpenAI` compatibility.
pub(in crate::wire) fn thought_signature(extra: Option<&RawValue>) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Extra<'a> {
        #[serde(borrow)]
        google: Option<Google<'a>>,
    }
    #[derive(Deserialize)]
    struct Google<'a> {
        #[serde(borrow)]
        thought_signature: Option<Text<'a>>,
    }
    let extra: Extra<'_> = serde_json::from_str(extra?.get()).ok()?;
    extra.google?.thought_signature.map(|text| text.0)
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either(PhantomData))
    }
}

struct Either<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for Either<'a> {
    type Value = Content<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of parts")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Content::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Content::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = items.next_element()? {
            parts.push(part);
        }
        Ok(Content::Parts(parts))
    }

    /// No vendor's content that we know is an object; one that is says nothing we could tell.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Content::Parts(Vec::new()))
    }
}
