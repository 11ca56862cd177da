//! An answer or a chunk of one, as far as it has a meaning.
//!
//! Invariant: a member that we do not know is passed over, whatever it is.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::content::{Content, Text};
use super::Malformed;

#[derive(Debug, Deserialize)]
pub(in super::super) struct Answer<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub model: Option<Text<'a>>,
    #[serde(borrow)]
    pub created: Option<&'a RawValue>,
    #[serde(borrow)]
    pub choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow)]
    pub usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
    #[serde(borrow)]
    pub object: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct Choice<'a> {
    pub index: Option<u32>,
    #[serde(borrow)]
    pub delta: Option<Said<'a>>,
    #[serde(borrow)]
    pub message: Option<Said<'a>>,
    #[serde(borrow)]
    pub finish_reason: Option<Text<'a>>,
    #[serde(borrow)]
    pub logprobs: Option<&'a RawValue>,
    /// vLLM's: the stop text that was met, or the number of a token.
    #[serde(borrow)]
    pub stop_reason: Option<&'a RawValue>,
}

/// A message or a delta.
#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct Said<'a> {
    #[serde(borrow)]
    pub content: Option<Content<'a>>,
    #[serde(borrow)]
    pub refusal: Option<Text<'a>>,
    #[serde(borrow)]
    pub reasoning_content: Option<Content<'a>>,
    /// The name that some vendors have for `reasoning_content`.
    #[serde(borrow)]
    pub reasoning: Option<Content<'a>>,
    #[serde(borrow)]
    pub thinking_blocks: Option<Vec<Block<'a>>>,
    #[serde(borrow)]
    pub tool_calls: Option<Vec<Call<'a>>>,
    #[serde(borrow)]
    pub function_call: Option<Function<'a>>,
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct Block<'a> {
    #[serde(borrow)]
    pub thinking: Option<Text<'a>>,
    #[serde(borrow)]
    pub signature: Option<Text<'a>>,
    #[serde(borrow)]
    pub data: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct Call<'a> {
    pub index: Option<u32>,
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub function: Option<Function<'a>>,
    #[serde(borrow)]
    pub extra_content: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(in super::super) struct Function<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub arguments: Option<&'a RawValue>,
}

/// Reads an answer or a chunk.
pub(in super::super) fn parse(data: &[u8]) -> Result<Answer<'_>, Malformed> {
    let text = std::str::from_utf8(data)
        .map_err(|error| Malformed { offset: error.valid_up_to(), reason: "a byte is not UTF-8" })?;
    serde_json::from_str(text).map_err(|error| Malformed {
        // The offset within its line; providers send one.
        offset: error.column().saturating_sub(1),
        reason: if error.is_data() { "it is not a chat completion" } else { "the document is broken" },
    })
}

/// The entries of `logprobs.content`, an array that is not empty.
pub(super) fn logprobs_content(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Logprobs<'a> {
        #[serde(borrow)]
        content: Option<&'a RawValue>,
    }
    let logprobs: Logprobs<'_> = serde_json::from_str(raw?.get()).ok()?;
    let content = logprobs.content?.get();
    let inner = content.strip_prefix('[')?.strip_suffix(']')?;
    (!inner.trim().is_empty()).then_some(Cow::Borrowed(content))
}
