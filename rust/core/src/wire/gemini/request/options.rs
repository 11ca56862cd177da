//! Tools and `generationConfig`, written.
//!
//! Invariant: an option that the caller did not give is not written, and one that Gemini has no place for is
//! named by the caller's word.
//! Source: ai.google.dev/api/generate-content, `GenerationConfig`; ai.google.dev/gemini-api/docs/thinking.

use serde_json::value::RawValue;

use super::Settings;
use super::blame::invalid;
use crate::json::{push_string, push_u64};
use crate::wire::gemini::lenient::Members;
use crate::wire::gemini::schema::reduce;
use crate::wire::model::{Chat, Dropped, Effort, Format, Reasoning, Refused, Sampling, ToolChoice};

/// Stop texts that Gemini takes.
const MAX_STOPS: usize = 5;
const MAX_TEMPERATURE: f64 = 2.0;

pub(super) fn push(
    chat: &Chat<'_>,
    settings: &Settings<'_>,
    dropped: &mut Dropped,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    if chat.user.is_some() {
        dropped.note("user");
    }
    if chat.parallel_tools == Some(false) {
        dropped.note("parallel_tool_calls");
    }
    if !chat.tools.is_empty() {
        push_tools(chat, settings, dropped, out)?;
    }
    if let Some(choice) = &chat.tool_choice {
        push_choice(choice, out);
    }
    push_config(chat, settings, dropped, out)
}

fn push_tools(
    chat: &Chat<'_>,
    settings: &Settings<'_>,
    dropped: &mut Dropped,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    out.extend_from_slice(b",\"tools\":[{\"functionDeclarations\":[");
    for (at, tool) in chat.tools.iter().enumerate() {
        if tool.cached.is_some() {
            dropped.note("cache_control");
        }
        if tool.strict == Some(true) {
            dropped.note("strict");
        }
        out.extend_from_slice(if at == 0 { b"{\"name\":" } else { b",{\"name\":" });
        push_string(out, &tool.name);
        if let Some(description) = &tool.description {
            out.extend_from_slice(b",\"description\":");
            push_string(out, description);
        }
        if let Some(parameters) = tool.parameters.filter(|parameters| takes_any(parameters)) {
            push_schema((b",\"parameters\":", b",\"parametersJsonSchema\":"), parameters, settings, out)
                .map_err(|message| invalid("tools", message))?;
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"]}]");
    Ok(())
}

/// Whether there is a parameter at all: Google refuses an object of parameters without any.
fn takes_any(parameters: &RawValue) -> bool {
    let Some(members) = Members::of(parameters) else { return false };
    let empty = |name| members.get(name).and_then(Members::of).is_none_or(|inner| inner.0.is_empty());
    let composed = ["$ref", "allOf", "anyOf", "oneOf"].iter().any(|name| members.get(name).is_some());
    composed || !empty("properties")
}

fn push_schema(
    names: (&[u8], &[u8]),
    schema: &RawValue,
    settings: &Settings<'_>,
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    if settings.json_schema {
        out.extend_from_slice(names.1);
        out.extend_from_slice(schema.get().as_bytes());
        return Ok(());
    }
    out.extend_from_slice(names.0);
    reduce(schema, out)
        .map_err(|_| "A schema is over 256 KiB with its references written out. Make it smaller.")
}

fn push_choice(choice: &ToolChoice<'_>, out: &mut Vec<u8>) {
    let mode = match choice {
        ToolChoice::Auto => "AUTO",
        ToolChoice::None => "NONE",
        ToolChoice::Required | ToolChoice::Named(_) => "ANY",
    };
    out.extend_from_slice(b",\"toolConfig\":{\"functionCallingConfig\":{\"mode\":");
    push_string(out, mode);
    if let ToolChoice::Named(name) = choice {
        out.extend_from_slice(b",\"allowedFunctionNames\":[");
        push_string(out, name);
        out.push(b']');
    }
    out.extend_from_slice(b"}}");
}

fn push_config(
    chat: &Chat<'_>,
    settings: &Settings<'_>,
    dropped: &mut Dropped,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    const OPEN: &[u8] = b",\"generationConfig\":{";
    let start = out.len();
    push_sampling(&chat.sampling, dropped, out);
    push_count("candidateCount", chat.choices, out);
    push_count("maxOutputTokens", chat.max_tokens, out);
    push_stops(chat, dropped, out);
    if let Some(format) = &chat.format {
        push_format(format, settings, dropped, out)?;
    }
    if let Some(reasoning) = chat.reasoning {
        push_thinking(reasoning, settings, out);
    }
    // The first member's comma is the object's.
    if out.len() > start {
        out.splice(start..=start, OPEN.iter().copied());
        out.push(b'}');
    }
    Ok(())
}

fn push_sampling(sampling: &Sampling, dropped: &mut Dropped, out: &mut Vec<u8>) {
    let temperature = sampling.temperature.map(|temperature| temperature.clamp(0.0, MAX_TEMPERATURE));
    push_float("temperature", temperature, out);
    push_float("topP", sampling.top_p, out);
    push_count("topK", sampling.top_k, out);
    push_float("presencePenalty", sampling.presence_penalty, out);
    push_float("frequencyPenalty", sampling.frequency_penalty, out);
    if let Some(seed) = sampling.seed {
        // Google's is 32 bits wide.
        match i32::try_from(seed) {
            Ok(seed) => {
                push_name("seed", out);
                out.extend_from_slice(itoa::Buffer::new().format(seed).as_bytes());
            }
            Err(_) => dropped.note("seed"),
        }
    }
    if let Some(logprobs) = sampling.logprobs {
        push_name("responseLogprobs", out);
        out.extend_from_slice(if logprobs { b"true" } else { b"false" });
    }
    push_count("logprobs", sampling.top_logprobs, out);
}

fn push_stops(chat: &Chat<'_>, dropped: &mut Dropped, out: &mut Vec<u8>) {
    let stops = chat.stop.iter().filter(|stop| !stop.is_empty());
    if stops.clone().count() > MAX_STOPS {
        dropped.note("stop");
    }
    let mut closed = true;
    for (at, stop) in stops.take(MAX_STOPS).enumerate() {
        if at == 0 {
            push_name("stopSequences", out);
        }
        closed = false;
        out.push(if at == 0 { b'[' } else { b',' });
        push_string(out, stop);
    }
    if !closed {
        out.push(b']');
    }
}

fn push_format(
    format: &Format<'_>,
    settings: &Settings<'_>,
    dropped: &mut Dropped,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    out.extend_from_slice(b",\"responseMimeType\":\"application/json\"");
    let Format::Schema { description, schema, .. } = format else { return Ok(()) };
    if description.is_some() {
        dropped.note("response_format.json_schema.description");
    }
    push_schema((b",\"responseSchema\":", b",\"responseJsonSchema\":"), schema, settings, out)
        .map_err(|message| invalid("response_format", message))
}

fn push_thinking(reasoning: Reasoning, settings: &Settings<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"thinkingConfig\":{");
    let level = |effort: Effort| effort.name().to_ascii_uppercase();
    match reasoning {
        // Models that know levels only cannot do without thoughts altogether.
        Reasoning::Off if settings.thinking_level => push_level(&level(Effort::Minimal), out),
        Reasoning::Effort(effort) if settings.thinking_level => push_level(&level(effort), out),
        Reasoning::Off => out.extend_from_slice(b"\"thinkingBudget\":0"),
        Reasoning::Auto => out.extend_from_slice(b"\"thinkingBudget\":-1"),
        Reasoning::Effort(effort) => push_budget(effort.budget_tokens(), out),
        Reasoning::Budget(tokens) => push_budget(tokens, out),
    }
    if reasoning != Reasoning::Off && !settings.hide_thoughts {
        out.extend_from_slice(b",\"includeThoughts\":true");
    }
    out.push(b'}');
}

fn push_level(level: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"thinkingLevel\":");
    push_string(out, level);
}

fn push_budget(tokens: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"thinkingBudget\":");
    push_u64(out, tokens);
}

fn push_count(name: &str, value: Option<u64>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        push_name(name, out);
        push_u64(out, value);
    }
}

fn push_float(name: &str, value: Option<f64>, out: &mut Vec<u8>) {
    if let Some(value) = value.filter(|value| value.is_finite()) {
        push_name(name, out);
        out.extend_from_slice(value.to_string().as_bytes());
    }
}

fn push_name(name: &str, out: &mut Vec<u8>) {
    out.push(b',');
    push_string(out, name);
    out.push(b':');
}
