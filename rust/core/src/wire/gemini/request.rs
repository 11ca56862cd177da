//! A request: Gemini's body to [`Chat`], and [`Chat`] to Gemini's body.
//!
//! Invariant: what is written has one content per run of turns of one role, instructions apart from them, the
//! results of a turn's calls together and before all else that the user says, and a name with every result.
//! Source: ai.google.dev/api/generate-content, ai.google.dev/gemini-api/docs/function-calling.

mod blame;
mod config;
mod media;
mod options;
mod read;
mod turns;
mod wire;

use serde_json::value::RawValue;

use crate::wire::model::{Chat, Dropped, Refused};

/// Schemas in JSON Schema's words that a request gave in Google's: what a [`Chat`] may borrow beside the body.
#[derive(Debug, Default)]
pub struct Schemas(Vec<Box<RawValue>>);

impl Schemas {
    fn keep(&mut self, schema: Box<RawValue>) -> usize {
        self.0.push(schema);
        self.0.len() - 1
    }

    fn get(&self, at: usize) -> Option<&RawValue> {
        self.0.get(at).map(|schema| &**schema)
    }
}

/// The model to ask for, and what it is like.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a quirk of its own")]
pub struct Settings<'a> {
    /// The model; it goes into the path, by the caller.
    pub model: &'a str,
    /// Whether the model takes JSON Schema as it stands (`parametersJsonSchema`, `responseJsonSchema`: Gemini
    /// 2.5 and later); else schemas are reduced to Google's own.
    pub json_schema: bool,
    /// Whether ids of calls are left out: older endpoints of Vertex AI refuse them.
    pub omit_call_ids: bool,
    /// Whether media of a tool's result go into it (Gemini 3); else they stand beside it.
    pub media_in_results: bool,
    /// Whether steps of thinking are told as `thinkingLevel` (Gemini 3); else as the budget they stand for.
    pub thinking_level: bool,
    /// Whether thoughts are kept from the answer.
    pub hide_thoughts: bool,
    /// Whether a turn's first call that has no signature gets the one that skips the check for it: Gemini 3
    /// refuses calls without, and a conversation begun elsewhere has none.
    pub skip_signature_check: bool,
}

/// Reads a request to `model`; `stream` as the path says.
///
/// # Errors
/// What is wrong, by the member's path.
pub fn decode<'a>(
    body: &'a [u8],
    model: &'a str,
    stream: bool,
    schemas: &'a mut Schemas,
) -> Result<Chat<'a>, Refused> {
    read::decode(body, model, stream, schemas)
}

/// Writes a request; names in `dropped` what has no place in it.
///
/// # Errors
/// When the conversation cannot be said in this dialect.
pub fn encode(chat: &Chat<'_>, settings: &Settings<'_>, dropped: &mut Dropped) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::with_capacity(1024);
    out.push(b'{');
    turns::push(chat, settings, dropped, &mut out)?;
    options::push(chat, settings, dropped, &mut out)?;
    out.push(b'}');
    for name in &chat.unknown {
        dropped.note(name);
    }
    Ok(out)
}
