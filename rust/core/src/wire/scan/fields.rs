//! Which members of which dialect we decide by.
//!
//! Invariant: one meaning has one bit for all its spellings, so that no body can say it twice in two ways.

use crate::wire::endpoint::{Dialect, Endpoint, Purpose};

/// What a member means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Model,
    Stream,
    Ceiling,
    Choices,
    Temperature,
    Seed,
    /// An object whose members mean something themselves.
    Options,
    /// A whole request that stands inside (`countTokens`).
    Inner,
    /// What the model reads, of which there must be some.
    Prompt,
    /// More of it.
    Beside,
    /// The same, and the names of members count as well: tools, schemas.
    Named,
    /// Images and nothing else.
    Images,
}

/// A member of the outermost object: what it means, and its name in messages.
pub(super) fn outer(endpoint: Endpoint, name: &str) -> Option<(Field, &'static str)> {
    let found = match endpoint.dialect() {
        Dialect::Responses => responses(name),
        Dialect::Anthropic => anthropic(name),
        Dialect::Gemini => gemini(name),
        Dialect::Ollama | Dialect::OllamaGenerate => ollama(name),
        Dialect::OpenAi | Dialect::Bedrock => None,
    };
    // A path that names the model, or says that the answer is streamed, is what counts.
    found.filter(|(field, _)| match field {
        Field::Model => endpoint.dialect() != Dialect::Gemini,
        Field::Inner => endpoint.purpose() == Purpose::Count,
        _ => true,
    })
}

/// A member of an [`Field::Options`] object.
pub(super) fn inner(name: &str) -> Option<(Field, &'static str)> {
    Some(match name {
        "maxOutputTokens" | "max_output_tokens" => (Field::Ceiling, "generationConfig.maxOutputTokens"),
        "candidateCount" | "candidate_count" => (Field::Choices, "generationConfig.candidateCount"),
        "responseSchema" | "response_schema" | "responseJsonSchema" | "response_json_schema" => {
            (Field::Named, "generationConfig.responseSchema")
        }
        "num_predict" => (Field::Ceiling, "options.num_predict"),
        "temperature" => (Field::Temperature, "temperature"),
        "seed" => (Field::Seed, "seed"),
        _ => return None,
    })
}

fn responses(name: &str) -> Option<(Field, &'static str)> {
    Some(match name {
        "model" => (Field::Model, "model"),
        "stream" => (Field::Stream, "stream"),
        "max_output_tokens" => (Field::Ceiling, "max_output_tokens"),
        "temperature" => (Field::Temperature, "temperature"),
        "input" => (Field::Prompt, "input"),
        "instructions" => (Field::Beside, "instructions"),
        "tools" => (Field::Named, "tools"),
        "text" => (Field::Named, "text"),
        _ => return None,
    })
}

fn anthropic(name: &str) -> Option<(Field, &'static str)> {
    Some(match name {
        "model" => (Field::Model, "model"),
        "stream" => (Field::Stream, "stream"),
        "max_tokens" => (Field::Ceiling, "max_tokens"),
        "temperature" => (Field::Temperature, "temperature"),
        "messages" => (Field::Prompt, "messages"),
        "system" => (Field::Beside, "system"),
        "tools" => (Field::Named, "tools"),
        _ => return None,
    })
}

fn gemini(name: &str) -> Option<(Field, &'static str)> {
    Some(match name {
        "generationConfig" | "generation_config" => (Field::Options, "generationConfig"),
        "generateContentRequest" | "generate_content_request" => (Field::Inner, "generateContentRequest"),
        "contents" => (Field::Prompt, "contents"),
        "content" => (Field::Prompt, "content"),
        "requests" => (Field::Prompt, "requests"),
        "systemInstruction" | "system_instruction" => (Field::Beside, "systemInstruction"),
        "tools" => (Field::Named, "tools"),
        _ => return None,
    })
}

fn ollama(name: &str) -> Option<(Field, &'static str)> {
    Some(match name {
        "model" => (Field::Model, "model"),
        "stream" => (Field::Stream, "stream"),
        "options" => (Field::Options, "options"),
        "messages" => (Field::Prompt, "messages"),
        "input" => (Field::Prompt, "input"),
        "prompt" => (Field::Prompt, "prompt"),
        "system" => (Field::Beside, "system"),
        "suffix" => (Field::Beside, "suffix"),
        "images" => (Field::Images, "images"),
        "tools" => (Field::Named, "tools"),
        "format" => (Field::Named, "format"),
        _ => return None,
    })
}

/// The member without which there is nothing to answer.
pub(super) fn required(endpoint: Endpoint) -> Option<&'static str> {
    Some(match endpoint {
        Endpoint::Messages | Endpoint::CountMessages => "messages",
        Endpoint::Generate | Endpoint::StreamGenerate | Endpoint::StreamGenerateArray => "contents",
        Endpoint::EmbedContent => "content",
        Endpoint::BatchEmbedContents => "requests",
        Endpoint::OllamaEmbed => "input",
        // Ollama loads a model when it is asked nothing; a stored prompt may stand for the input of
        // Responses; `countTokens` has its contents in one of two places.
        _ => return None,
    })
}

/// Whether the strings behind a member of this name are no text that a model reads.
pub(super) fn is_no_text(name: &str) -> bool {
    matches!(
        name,
        "data"
            | "url"
            | "type"
            | "role"
            | "id"
            | "call_id"
            | "tool_use_id"
            | "tool_call_id"
            | "status"
            | "media_type"
            | "mimeType"
            | "mime_type"
            | "fileUri"
            | "file_uri"
            | "file_id"
            | "file_data"
            | "image_url"
            | "images"
            | "detail"
            | "signature"
            | "thoughtSignature"
            | "thought_signature"
            | "encrypted_content"
            | "model"
            | "taskType"
            | "task_type"
            | "cache_control"
    )
}

/// Whether a member of this name holds an image.
pub(super) fn is_image(name: &str) -> bool {
    matches!(name, "inlineData" | "inline_data" | "fileData" | "image_url")
}
