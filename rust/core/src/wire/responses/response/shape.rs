//! A response and its output items, as far as they have a meaning.
//!
//! Invariant: a member or an item that we do not know is passed over, whatever it is.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Malformed;
use crate::wire::openai_chat::content::Text;

/// A response, or an error in its place.
#[derive(Deserialize)]
pub(in super::super) struct Answer<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub model: Option<Text<'a>>,
    #[serde(borrow)]
    pub created_at: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
    #[serde(borrow)]
    incomplete_details: Option<Details<'a>>,
    #[serde(borrow)]
    pub output: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    pub usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Details<'a> {
    #[serde(borrow)]
    reason: Option<Text<'a>>,
}

impl Answer<'_> {
    pub(in super::super) fn status(&self) -> &str {
        Text::of(self.status.as_ref())
    }

    /// Why it is incomplete.
    pub(super) fn reason(&self) -> &str {
        Text::of(self.incomplete_details.as_ref().and_then(|details| details.reason.as_ref()))
    }

    /// When it was made; the dialect has a number that need not be whole.
    pub(super) fn created_s(&self) -> u64 {
        let whole = self.created_at.and_then(|raw| raw.get().split('.').next());
        whole.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}

/// An output item: a message, a function call or a run of thoughts.
#[derive(Deserialize)]
pub(in super::super) struct Item<'a> {
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
    #[serde(borrow)]
    pub content: Option<Vec<Part<'a>>>,
    #[serde(borrow)]
    pub summary: Option<Vec<Part<'a>>>,
    #[serde(borrow)]
    pub encrypted_content: Option<Text<'a>>,
    #[serde(borrow)]
    pub call_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    pub extra_content: Option<&'a RawValue>,
}

/// A part of a message, or of thoughts.
#[derive(Deserialize)]
pub(in super::super) struct Part<'a> {
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    #[serde(borrow)]
    pub refusal: Option<Text<'a>>,
    #[serde(borrow)]
    pub logprobs: Option<&'a RawValue>,
}

impl Item<'_> {
    pub(in super::super) fn kind(&self) -> &str {
        Text::of(self.r#type.as_ref())
    }
}

/// Reads an output item; `None` where it is of a type that no other dialect has.
pub(in super::super) fn item(raw: &RawValue) -> Result<Option<Item<'_>>, Malformed> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow)]
        r#type: Option<Text<'a>>,
    }
    let kind: Kind<'_> = serde_json::from_str(raw.get())?;
    match Text::of(kind.r#type.as_ref()) {
        "message" | "function_call" | "reasoning" => Ok(Some(serde_json::from_str(raw.get())?)),
        _ => Ok(None),
    }
}
