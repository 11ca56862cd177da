//! The members of a request, in camel case and in snake case, as Google's front takes both.
//!
//! Invariant: every member that the codec gives a meaning is here; what is not here is named as unknown.
//! Source: ai.google.dev/api/generate-content, ai.google.dev/api/caching.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::lenient::{Members, OneOrMany, Text, Whole};

/// Members of the outermost object that are read.
pub(super) const KNOWN: [&str; 9] = [
    "contents",
    "systemInstruction",
    "system_instruction",
    "tools",
    "toolConfig",
    "tool_config",
    "generationConfig",
    "generation_config",
    // Clients of other endpoints repeat the path's model here.
    "model",
];

/// Members of `generationConfig` that are read, in camel case.
pub(super) const KNOWN_CONFIG: [&str; 16] = [
    "temperature",
    "topP",
    "topK",
    "candidateCount",
    "maxOutputTokens",
    "stopSequences",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "_responseJsonSchema",
    "presencePenalty",
    "frequencyPenalty",
    "seed",
    "responseLogprobs",
    "logprobs",
    "thinkingConfig",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    #[serde(borrow)]
    pub(super) contents: Option<OneOrMany<Content<'a>>>,
    #[serde(borrow, alias = "system_instruction")]
    pub(super) system_instruction: Option<Content<'a>>,
    #[serde(borrow)]
    pub(super) tools: Option<OneOrMany<Members<'a>>>,
    #[serde(borrow, alias = "tool_config")]
    pub(super) tool_config: Option<ToolConfig<'a>>,
    #[serde(borrow, alias = "generation_config")]
    pub(super) generation_config: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Content<'a> {
    #[serde(borrow)]
    pub(super) role: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) parts: Option<OneOrMany<Part<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
    pub(super) thought: Option<bool>,
    #[serde(borrow, alias = "thought_signature")]
    pub(super) thought_signature: Option<Text<'a>>,
    #[serde(borrow, alias = "inline_data")]
    pub(super) inline_data: Option<Blob<'a>>,
    #[serde(borrow, alias = "file_data")]
    pub(super) file_data: Option<File<'a>>,
    #[serde(borrow, alias = "function_call")]
    pub(super) function_call: Option<Call<'a>>,
    #[serde(borrow, alias = "function_response")]
    pub(super) function_response: Option<Outcome<'a>>,
    #[serde(borrow, alias = "executable_code")]
    pub(super) executable_code: Option<&'a RawValue>,
    #[serde(borrow, alias = "code_execution_result")]
    pub(super) code_execution_result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    #[serde(borrow, alias = "mime_type")]
    pub(super) mime_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) data: Text<'a>,
    #[serde(borrow, alias = "display_name")]
    pub(super) display_name: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "they are the reference's names")]
pub(super) struct File<'a> {
    #[serde(borrow, alias = "mime_type")]
    pub(super) mime_type: Option<Text<'a>>,
    #[serde(borrow, alias = "file_uri")]
    pub(super) file_uri: Text<'a>,
    #[serde(borrow, alias = "display_name")]
    pub(super) display_name: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Call<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) args: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Outcome<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) response: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) parts: Option<OneOrMany<Part<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Declaration<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) description: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) parameters: Option<&'a RawValue>,
    #[serde(borrow, alias = "parameters_json_schema")]
    pub(super) parameters_json_schema: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig<'a> {
    #[serde(borrow, alias = "function_calling_config")]
    pub(super) function_calling_config: Option<Calling<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Calling<'a> {
    #[serde(borrow)]
    pub(super) mode: Option<Text<'a>>,
    #[serde(borrow, alias = "allowed_function_names")]
    pub(super) allowed_function_names: Option<Vec<Text<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "they are the reference's names")]
pub(super) struct Config<'a> {
    pub(super) temperature: Option<f64>,
    #[serde(alias = "top_p")]
    pub(super) top_p: Option<f64>,
    #[serde(alias = "top_k")]
    pub(super) top_k: Option<Whole>,
    #[serde(alias = "candidate_count")]
    pub(super) candidate_count: Option<Whole>,
    #[serde(alias = "max_output_tokens")]
    pub(super) max_output_tokens: Option<Whole>,
    #[serde(borrow, alias = "stop_sequences")]
    pub(super) stop_sequences: Option<Vec<Text<'a>>>,
    #[serde(borrow, alias = "response_mime_type")]
    pub(super) response_mime_type: Option<Text<'a>>,
    #[serde(borrow, alias = "response_schema")]
    pub(super) response_schema: Option<&'a RawValue>,
    #[serde(borrow, alias = "response_json_schema", alias = "_responseJsonSchema")]
    pub(super) response_json_schema: Option<&'a RawValue>,
    #[serde(alias = "presence_penalty")]
    pub(super) presence_penalty: Option<f64>,
    #[serde(alias = "frequency_penalty")]
    pub(super) frequency_penalty: Option<f64>,
    pub(super) seed: Option<Whole>,
    #[serde(alias = "response_logprobs")]
    pub(super) response_logprobs: Option<bool>,
    pub(super) logprobs: Option<Whole>,
    #[serde(borrow, alias = "thinking_config")]
    pub(super) thinking_config: Option<Thinking<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "they are the reference's names")]
pub(super) struct Thinking<'a> {
    #[serde(alias = "thinking_budget")]
    pub(super) thinking_budget: Option<Whole>,
    #[serde(alias = "include_thoughts")]
    pub(super) include_thoughts: Option<bool>,
    #[serde(borrow, alias = "thinking_level")]
    pub(super) thinking_level: Option<Text<'a>>,
}
