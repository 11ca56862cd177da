//! One request for vectors, from the caller's dialect to the provider's, and its answer back.
//!
//! Invariant: an answer has as many vectors as there were inputs, or it is none.

use std::borrow::Cow;

use super::{Answer, Dialect, Embed, Format, Inbound, decode, encode, read, write};
use crate::usage::Usage;
use crate::wire::conversation::Asked;
use crate::wire::endpoint::{self, Endpoint};
use crate::wire::model::{Dropped, Refused};

/// A provider of embeddings on Bedrock: whose model it is decides the words.
const COHERE: &str = "cohere.";

/// What must be known of a request when its answer comes.
#[derive(Clone, Debug)]
pub struct Wish {
    inbound: Inbound,
    provider: Dialect,
    inputs: usize,
    format: Format,
    model: String,
}

/// A request in the provider's words.
#[derive(Debug)]
pub struct Put {
    /// The body.
    pub body: Vec<u8>,
    /// What had no place in it.
    pub dropped: Dropped,
    /// For the answer.
    pub wish: Wish,
}

/// The dialect of embeddings behind an endpoint of callers.
#[must_use]
pub const fn inbound(endpoint: Endpoint) -> Inbound {
    match endpoint {
        Endpoint::EmbedContent => Inbound::GeminiSingle,
        Endpoint::BatchEmbedContents => Inbound::GeminiBatch,
        Endpoint::OllamaEmbed => Inbound::Ollama,
        _ => Inbound::OpenAi,
    }
}

/// The dialect that a provider is asked for embeddings in. Gemini is asked for a batch, but by those who ask
/// for one vector in its own words.
fn provider(dialect: endpoint::Dialect, asked: Endpoint, model: &str) -> Dialect {
    match dialect {
        endpoint::Dialect::Gemini if asked == Endpoint::EmbedContent => Dialect::GeminiSingle,
        endpoint::Dialect::Gemini => Dialect::GeminiBatch,
        endpoint::Dialect::Ollama | endpoint::Dialect::OllamaGenerate => Dialect::Ollama,
        endpoint::Dialect::Bedrock if model.contains(COHERE) => Dialect::Cohere,
        endpoint::Dialect::Bedrock => Dialect::Titan,
        _ => Dialect::OpenAi,
    }
}

/// Says a request in a provider's dialect; `model` is its name there.
///
/// # Errors
/// When it cannot be read, or cannot be said there.
pub fn put(asked: &Asked<'_>, to: endpoint::Dialect, model: &str) -> Result<Put, Refused> {
    let inbound = inbound(asked.endpoint);
    let path_model = (!asked.model.is_empty()).then_some(asked.model);
    let embed = decode(inbound, asked.body, path_model)?;
    let provider = provider(to, asked.endpoint, model);
    let mut dropped = Dropped::default();
    let body = encode(provider, &embed, model, &mut dropped)?;
    let wish = Wish {
        inbound,
        provider,
        inputs: embed.inputs.len(),
        format: embed.format,
        model: embed.model.into_owned(),
    };
    Ok(Put { body, dropped, wish })
}

impl Wish {
    /// Tells a provider's answer in the caller's dialect; `None` where it is no answer to this.
    #[must_use]
    pub fn tell(&self, body: &[u8]) -> Option<(Vec<u8>, Option<Usage>)> {
        let answer: Answer<'_> = read(self.provider, body).ok()?;
        if answer.vectors.len() != self.inputs {
            return None;
        }
        let asked = Embed { model: Cow::Borrowed(&self.model), format: self.format, ..Embed::default() };
        Some((write(self.inbound, &answer, &asked), answer.usage()))
    }
}

/// What a provider's answer in the caller's own dialect used, where it tells; `Err` for what is no answer.
///
/// # Errors
/// When it cannot be read.
pub fn usage(endpoint: Endpoint, body: &[u8]) -> Result<Option<Usage>, crate::wire::malformed::Malformed> {
    read(inbound(endpoint).into(), body).map(|answer| answer.usage())
}
