//! One pass over a request body of any dialect: what admission, routing and billing need to know.
//!
//! Invariant: a body that scans is valid JSON to its last byte and names what we decide by once. What it does
//! not decide by it leaves to whoever translates, or to the provider, so that members nobody here has heard
//! of do not stop a request. `OpenAI`'s own endpoints have a reader of their own, which looks closer.

mod fields;
mod reader;

use std::borrow::Cow;

use super::endpoint::Endpoint;
use super::openai::request::{self as openai, Edits, ScanError};
use crate::json::Text;
use reader::Reader;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts<'a> {
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// Where the body can be changed; its model's place is empty where it names none.
    pub edits: Edits,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether the caller sees the usage of a stream.
    pub include_usage: bool,
    /// Whether the same request may be answered from the cache.
    pub deterministic: bool,
    /// Prompt tokens, estimated.
    pub estimate_tokens: u64,
    /// Prompt tokens that are not text.
    pub framing_tokens: u64,
    /// Most tokens that the whole answer may have; `None` without a maximum.
    pub ceiling_tokens: Option<u64>,
}

/// Reads a request body; `model` is the one that the path names, if it names one.
///
/// # Errors
/// When it is not JSON, or what we decide by is missing, doubled, of the wrong type or out of range.
pub fn facts<'a>(body: &'a [u8], endpoint: Endpoint, model: Option<&'a str>) -> Result<Facts<'a>, ScanError> {
    match endpoint.openai() {
        Some(own) => openai::scan_for(body, own, model).map(of_openai),
        None => Reader::new(body, endpoint, model, |_: &str, _: &Text| {})?.read(),
    }
}

/// Hands out the text that counts as prompt tokens, unescaped, in pieces; `None` stands between two texts.
///
/// # Errors
/// As [`facts`]; pieces that were handed out before then stand.
pub fn prompt_text(
    body: &[u8],
    endpoint: Endpoint,
    mut each: impl FnMut(Option<&str>),
) -> Result<u64, ScanError> {
    let sink = |body: &str, text: &Text| {
        text.pieces(body, |piece| each(Some(piece)));
        each(None);
    };
    match endpoint.openai() {
        Some(own) => openai::prompt_text(body, own, each),
        None => Reader::new(body, endpoint, Some("model"), sink)?.read().map(|facts| facts.framing_tokens),
    }
}

fn of_openai(scan: openai::Scan<'_>) -> Facts<'_> {
    let ceiling_tokens = match scan.endpoint {
        openai::Endpoint::Embeddings => Some(0),
        _ => scan.output_ceiling_tokens(),
    };
    Facts {
        stream: scan.stream,
        include_usage: scan.include_usage,
        deterministic: scan.deterministic(),
        estimate_tokens: scan.estimate_tokens(),
        framing_tokens: scan.framing_tokens(),
        ceiling_tokens,
        model: scan.model,
        edits: scan.edits,
    }
}
