//! Embeddings, in every dialect that has them: one form between, one file a dialect.
//!
//! Invariant: the vectors of an answer stand in the order of the request's inputs; what a provider cannot be
//! asked for is named or refused, and a wish that changes what a vector means is never dropped unsaid.

mod answer;
mod cohere;
pub mod exchange;
mod fields;
mod form;
mod gemini;
mod ollama;
mod openai;
mod titan;

pub use answer::{Answer, Vector};
pub use form::{Content, Embed, Format, Input, Task};

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::wire::malformed::Malformed;
use crate::wire::model::{Dropped, Refused};

/// The dialects that providers are asked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `OpenAI`'s and Azure's `embeddings`.
    OpenAi,
    /// Gemini's `embedContent`.
    GeminiSingle,
    /// Gemini's `batchEmbedContents`.
    GeminiBatch,
    /// Ollama's `/api/embed`.
    Ollama,
    /// Amazon Titan on Bedrock.
    Titan,
    /// Cohere on Bedrock.
    Cohere,
}

/// The dialects that callers may ask in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// `OpenAI`'s and Azure's `embeddings`.
    OpenAi,
    /// Gemini's `embedContent`.
    GeminiSingle,
    /// Gemini's `batchEmbedContents`.
    GeminiBatch,
    /// Ollama's `/api/embed`.
    Ollama,
}

impl From<Inbound> for Dialect {
    fn from(inbound: Inbound) -> Self {
        match inbound {
            Inbound::OpenAi => Self::OpenAi,
            Inbound::GeminiSingle => Self::GeminiSingle,
            Inbound::GeminiBatch => Self::GeminiBatch,
            Inbound::Ollama => Self::Ollama,
        }
    }
}

/// Reads a request. A model in the path wins over the body's; Gemini's callers must name the same in both.
///
/// # Errors
/// When it is no request of this dialect; the refusal names the member and what it must be.
pub fn decode<'a>(
    inbound: Inbound,
    body: &'a [u8],
    model_in_path: Option<&'a str>,
) -> Result<Embed<'a>, Refused> {
    match inbound {
        Inbound::OpenAi => openai::decode(body, model_in_path),
        Inbound::GeminiSingle => gemini::request::decode_single(body, model_in_path),
        Inbound::GeminiBatch => gemini::request::decode_batch(body, model_in_path),
        Inbound::Ollama => ollama::decode(body, model_in_path),
    }
}

/// Writes a request to `model`; names in `dropped` what the dialect has no place for.
///
/// # Errors
/// When the provider cannot be asked for this at all: for several inputs where it takes one, for tokens where
/// it takes text, for dimensions that its vectors do not have.
pub fn encode(
    dialect: Dialect,
    embed: &Embed<'_>,
    model: &str,
    dropped: &mut Dropped,
) -> Result<Vec<u8>, Refused> {
    if embed.inputs.is_empty() && dialect != Dialect::Ollama {
        return Err(fields::missing("input"));
    }
    for name in &embed.unknown {
        dropped.note(name);
    }
    match dialect {
        Dialect::OpenAi => Ok(openai::encode(embed, model, dropped)),
        Dialect::GeminiSingle => gemini::request::encode_single(embed, dropped),
        Dialect::GeminiBatch => gemini::request::encode_batch(embed, model, dropped),
        Dialect::Ollama => ollama::encode(embed, model, dropped),
        Dialect::Titan => titan::encode(embed, model, dropped),
        Dialect::Cohere => cohere::encode(embed, model, dropped),
    }
}

/// Reads an answer. Whether it has a vector for every input is the caller's to compare.
///
/// # Errors
/// When it is no answer of this dialect.
pub fn read(dialect: Dialect, body: &[u8]) -> Result<Answer<'_>, Malformed> {
    match dialect {
        Dialect::OpenAi => openai::read(body),
        Dialect::GeminiSingle => gemini::response::read_single(body),
        Dialect::GeminiBatch => gemini::response::read_batch(body),
        Dialect::Ollama => ollama::read(body),
        Dialect::Titan => titan::read(body),
        Dialect::Cohere => cohere::read(body),
    }
}

/// Writes an answer to `asked`, whose model stands in where the provider named none.
#[must_use]
pub fn write(inbound: Inbound, answer: &Answer<'_>, asked: &Embed<'_>) -> Vec<u8> {
    let model = if answer.model.is_empty() { &asked.model } else { &answer.model };
    match inbound {
        Inbound::OpenAi => openai::write(answer, asked.format, model),
        Inbound::GeminiSingle => gemini::response::write_single(answer),
        Inbound::GeminiBatch => gemini::response::write_batch(answer),
        Inbound::Ollama => ollama::write(answer, model),
    }
}

/// A string as it is read; whatever else stands there counts as none.
fn text_or_empty(raw: Option<&RawValue>) -> Cow<'_, str> {
    raw.map_or(Cow::Borrowed(""), |raw| {
        #[derive(serde::Deserialize)]
        struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
        serde_json::from_str(raw.get()).map_or(Cow::Borrowed(""), |Text(text)| text)
    })
}

/// Appends an array.
fn push_list<T>(list: &[T], out: &mut Vec<u8>, mut push: impl FnMut(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (at, item) in list.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push(item, out);
    }
    out.push(b']');
}
