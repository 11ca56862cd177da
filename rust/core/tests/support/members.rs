//! What only one dialect has: members of its requests that the common form knows nothing of, or not by that name.

use headgate_core::wire::endpoint::Endpoint;
use serde_json::{Value, json};

/// A member, in a request that has hardly anything else.
pub struct Member {
    pub name: &'static str,
    pub body: Vec<u8>,
}

/// A dialect's heading, its endpoint, its smallest request, and that request with one member more each.
pub type Own = (&'static str, Endpoint, Vec<u8>, Vec<Member>);

pub fn own() -> Vec<Own> {
    vec![
        dialect("OpenAI chat", Endpoint::Chat, &messages(), openai()),
        dialect("OpenAI Responses", Endpoint::Responses, &json!({"model": "m", "input": "Hi"}), responses()),
        dialect("Anthropic", Endpoint::Messages, &anthropic_base(), anthropic()),
        dialect(
            "Gemini",
            Endpoint::Generate,
            &json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}),
            gemini(),
        ),
        dialect("Ollama", Endpoint::OllamaChat, &messages(), ollama()),
        dialect(
            "Ollama generate",
            Endpoint::OllamaGenerate,
            &json!({"model": "m", "prompt": "Hi"}),
            generate(),
        ),
    ]
}

fn dialect(
    heading: &'static str,
    endpoint: Endpoint,
    base: &Value,
    members: Vec<(&'static str, Value)>,
) -> Own {
    let with = |(name, more): (&'static str, Value)| {
        let mut body = base.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Member { name, body: body.to_string().into_bytes() }
    };
    (heading, endpoint, base.to_string().into_bytes(), members.into_iter().map(with).collect())
}

fn messages() -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
}

fn anthropic_base() -> Value {
    json!({"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]})
}

fn openai() -> Vec<(&'static str, Value)> {
    vec![
        ("max_tokens", json!({"max_tokens": 64})),
        ("reasoning_effort: xhigh", json!({"reasoning_effort": "xhigh"})),
        ("verbosity", json!({"verbosity": "low"})),
        ("logit_bias", json!({"logit_bias": {"50256": -100}})),
        ("prediction", json!({"prediction": {"type": "content", "content": "Hi"}})),
        (
            "modalities, audio",
            json!({"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "mp3"}}),
        ),
        ("web_search_options", json!({"web_search_options": {}})),
        ("functions", json!({"functions": [{"name": "f", "parameters": {"type": "object"}}]})),
        ("custom tools", json!({"tools": [{"type": "custom", "custom": {"name": "f"}}]})),
        ("store", json!({"store": true})),
        ("metadata", json!({"metadata": {"a": "b"}})),
        ("service_tier", json!({"service_tier": "flex"})),
        ("safety_identifier", json!({"safety_identifier": "u-1"})),
        ("prompt_cache_key", json!({"prompt_cache_key": "k"})),
    ]
}

fn responses() -> Vec<(&'static str, Value)> {
    vec![
        ("instructions", json!({"instructions": "Be brief."})),
        ("previous_response_id", json!({"previous_response_id": "resp_1"})),
        ("conversation", json!({"conversation": "conv_1"})),
        ("prompt", json!({"prompt": {"id": "pmpt_1"}})),
        ("background", json!({"background": true})),
        ("built-in tools", json!({"tools": [{"type": "web_search"}]})),
        ("max_tool_calls", json!({"max_tool_calls": 1})),
        ("truncation", json!({"truncation": "auto"})),
        ("text.verbosity", json!({"text": {"verbosity": "low"}})),
        ("reasoning.summary", json!({"reasoning": {"effort": "low", "summary": "auto"}})),
        ("store", json!({"store": true})),
        ("metadata", json!({"metadata": {"a": "b"}})),
        ("service_tier", json!({"service_tier": "flex"})),
    ]
}

fn anthropic() -> Vec<(&'static str, Value)> {
    vec![
        ("metadata.user_id", json!({"metadata": {"user_id": "u-1"}})),
        ("service_tier", json!({"service_tier": "auto"})),
        ("container", json!({"container": "container_1"})),
        ("mcp_servers", json!({"mcp_servers": [{"type": "url", "url": "https://example.com", "name": "n"}]})),
        ("context_management", json!({"context_management": {"edits": []}})),
        ("server tools", json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]})),
        ("output_config.effort", json!({"output_config": {"effort": "low"}})),
        (
            "output_config.format",
            json!({"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}),
        ),
        ("output_format", json!({"output_format": {"type": "json_schema", "schema": {"type": "object"}}})),
        ("thinking: adaptive", json!({"thinking": {"type": "adaptive"}})),
    ]
}

fn gemini() -> Vec<(&'static str, Value)> {
    let config = |config: Value| json!({"generationConfig": config});
    vec![
        ("systemInstruction", json!({"systemInstruction": {"parts": [{"text": "Be brief."}]}})),
        (
            "safetySettings",
            json!({"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]}),
        ),
        ("cachedContent", json!({"cachedContent": "cachedContents/1"})),
        ("tools: googleSearch", json!({"tools": [{"googleSearch": {}}]})),
        ("tools: codeExecution", json!({"tools": [{"codeExecution": {}}]})),
        ("responseModalities", config(json!({"responseModalities": ["TEXT", "IMAGE"]}))),
        ("speechConfig", config(json!({"speechConfig": {"languageCode": "de-DE"}}))),
        ("mediaResolution", config(json!({"mediaResolution": "MEDIA_RESOLUTION_LOW"}))),
        ("thinkingLevel", config(json!({"thinkingConfig": {"thinkingLevel": "low"}}))),
        (
            "responseJsonSchema",
            config(json!({"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}})),
        ),
    ]
}

fn ollama() -> Vec<(&'static str, Value)> {
    vec![
        ("keep_alive", json!({"keep_alive": "5m"})),
        ("think", json!({"think": true})),
        ("format", json!({"format": "json"})),
        ("options.num_ctx", json!({"options": {"num_ctx": 8192}})),
        ("options.num_predict", json!({"options": {"num_predict": 64}})),
        ("options.repeat_penalty", json!({"options": {"repeat_penalty": 1.1}})),
        ("options.min_p", json!({"options": {"min_p": 0.1}})),
        ("options.mirostat", json!({"options": {"mirostat": 1}})),
    ]
}

fn generate() -> Vec<(&'static str, Value)> {
    vec![
        ("system", json!({"system": "Be brief."})),
        ("images", json!({"images": ["iVBORw0KGgo="]})),
        ("suffix", json!({"suffix": "end"})),
        ("raw", json!({"raw": true})),
        ("template", json!({"template": "{{ .Prompt }}"})),
        ("context", json!({"context": [1, 2]})),
    ]
}
