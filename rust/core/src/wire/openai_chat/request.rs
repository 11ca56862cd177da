//! Requests: the caller's read into the canonical form, and the canonical form said to a provider.
//!
//! Invariant: a request that decodes and encodes with default settings asks for the same; what cannot be
//! asked for is named.
//! Source: platform.openai.com/docs/api-reference/chat/create.

mod media;
mod members;
mod messages;
mod tools;
mod turns;
mod write;

pub(in crate::wire) use media::{Audio, image_type, located, push_audio, push_data_url};
pub use members::{decode, decode_for};
pub(in crate::wire) use messages::is_object;
pub use write::encode;

use std::fmt;

use serde::Deserialize;

use crate::wire::model::Refused;

/// How a provider of this dialect is asked. The defaults are `OpenAI`'s own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings<'a> {
    /// The model to ask for; empty for the caller's.
    pub model: &'a str,
    /// The name of the maximum.
    pub limit: Limit,
    /// Roles that instructions may have.
    pub instructions: Instructions,
    /// What becomes of earlier thoughts.
    pub thinking: Thinking,
    /// What `reasoning_effort` may say.
    pub effort: EffortField,
    /// Whether a stream's usage is asked for with `stream_options`.
    pub stream_usage: StreamUsage,
    /// The provider refuses `parallel_tool_calls`.
    pub no_parallel_tool_calls: bool,
    /// The provider demands that user and assistant alternate: turns of the same role become one message.
    pub alternate: bool,
    /// The provider takes what `OpenAI` has not: `top_k`, `cache_control`, `thinking_blocks`, and
    /// `extra_content` with a call's signature.
    pub extensions: bool,
}

/// The name of the maximum of tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// `max_completion_tokens`
    #[default]
    MaxCompletionTokens,
    /// `max_tokens`, the older name.
    MaxTokens,
}

/// Roles that instructions may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Instructions {
    /// `system` and `developer`.
    #[default]
    Developer,
    /// `system` only.
    System,
    /// None: they go to the head of the first user turn, and contents of texts are one string.
    User,
}

/// What becomes of thoughts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Thinking {
    /// They are left out.
    #[default]
    Dropped,
    /// They stand in `reasoning_content`.
    ReasoningContent,
}

/// What `reasoning_effort` may say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EffortField {
    /// Every step, and `none`.
    #[default]
    Full,
    /// Every step; `minimal` stands for none.
    WithoutNone,
    /// Nothing: the provider has no such field.
    Absent,
}

/// Whether a stream's usage is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamUsage {
    /// If the caller wants it.
    #[default]
    AsAsked,
    /// Always, for those who bill by it.
    Always,
    /// Never: the provider refuses `stream_options`.
    Never,
}

pub(in crate::wire) fn missing(place: fmt::Arguments<'_>) -> Refused {
    let message = format!("You must provide the `{place}` parameter.");
    Refused { code: "missing_required_parameter", param: Some(place.to_string()), message }
}

pub(in crate::wire) fn invalid(place: fmt::Arguments<'_>, rule: &str) -> Refused {
    let message = format!("`{place}` must {rule}.");
    Refused { code: "invalid_value", param: Some(place.to_string()), message }
}

pub(in crate::wire) fn unsupported(place: &str, message: &str) -> Refused {
    Refused { code: "unsupported_parameter", param: Some(place.to_owned()), message: message.to_owned() }
}

/// Reads a value; `wanted` says with its article what it should be.
pub(in crate::wire) fn typed<'a, T: Deserialize<'a>>(
    raw: &'a str,
    wanted: &str,
    place: fmt::Arguments<'_>,
) -> Result<T, Refused> {
    serde_json::from_str(raw).map_err(|_| wrong(raw, wanted, place))
}

#[cold]
pub(in crate::wire) fn wrong(raw: &str, wanted: &str, place: fmt::Arguments<'_>) -> Refused {
    let found = match raw.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    };
    // A value of the right kind is wrong somewhere inside.
    let message = if wanted.starts_with(found) {
        format!("`{place}` must be {wanted}; something in it has another type.")
    } else {
        format!("`{place}` must be {wanted}, not {found}.")
    };
    Refused { code: "invalid_type", param: Some(place.to_string()), message }
}
