//! Requests: the caller's read into the canonical form, and the canonical form said to a provider.
//!
//! Invariant: a request that decodes and encodes asks for the same, except that the provider stores nothing;
//! what cannot be asked for is named.
//! Source: platform.openai.com/docs/api-reference/responses/create.

mod content;
mod items;
mod members;
mod options;
mod tools;
mod turns;
mod write;

pub use members::decode;
pub use write::encode;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::openai_chat::request::{typed, wrong};
use crate::wire::model::Refused;

/// How a provider of this dialect is asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings<'a> {
    /// The model to ask for; empty for the caller's.
    pub model: &'a str,
    /// Whether summaries of the model's reasoning are asked for, which `OpenAI` grants verified organisations
    /// only.
    pub summaries: bool,
}

/// Reads a list; `wanted` says with their articles what it and its entries should be. What is wrong is said of
/// the entry that is.
fn list<'a, T: Deserialize<'a>>(raw: &'a str, wanted: (&str, &str), place: &str) -> Result<Vec<T>, Refused> {
    serde_json::from_str(raw).map_err(|_| culprit::<T>(raw, wanted, place))
}

#[cold]
fn culprit<'a, T: Deserialize<'a>>(raw: &'a str, (whole, entry): (&str, &str), place: &str) -> Refused {
    let entries: Vec<&'a RawValue> = serde_json::from_str(raw).unwrap_or_default();
    let mut wrongs = entries
        .iter()
        .enumerate()
        .filter_map(|(at, raw)| typed::<T>(raw.get(), entry, format_args!("{place}[{at}]")).err());
    wrongs.next().unwrap_or_else(|| wrong(raw, whole, format_args!("{place}")))
}
