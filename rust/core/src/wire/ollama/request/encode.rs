//! Requests to `/api/chat`, written.
//!
//! Invariant: what stands here is one JSON object, and what does not is named.

use serde_json::Number;

use super::conversation::Messages;
use super::{Settings, Think};
use crate::json::{push_string, push_u64};
use crate::wire::model::{Chat, Dropped, Effort, Format, Reasoning, Refused, Tool, ToolChoice};

/// Parameters of a tool that takes none.
const NO_PARAMETERS: &str = "{\"type\":\"object\",\"properties\":{}}";

/// Writes a request.
///
/// # Errors
/// When it holds what Ollama cannot take at all: media other than images in base64, or a call whose
/// arguments are no JSON object.
pub fn encode(chat: &Chat<'_>, settings: &Settings<'_>, dropped: &mut Dropped) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::with_capacity(1_024);
    out.extend_from_slice(b"{\"model\":");
    push_string(&mut out, settings.model);
    out.extend_from_slice(b",\"messages\":[");
    let mut messages = Messages::new(out, dropped);
    for turn in &chat.turns {
        messages.turn(turn)?;
    }
    let mut out = messages.finish()?;
    out.push(b']');
    // Tools that may not be used are not offered: Ollama has no other way to say it.
    if !chat.tools.is_empty() && chat.tool_choice != Some(ToolChoice::None) {
        push_tools(&mut out, &chat.tools, dropped);
    }
    match &chat.format {
        Some(Format::Json) => out.extend_from_slice(b",\"format\":\"json\""),
        Some(Format::Schema { schema, .. }) => {
            out.extend_from_slice(b",\"format\":");
            out.extend_from_slice(schema.get().as_bytes());
        }
        None => {}
    }
    push_options(&mut out, chat, settings);
    push_switches(&mut out, chat, settings, dropped);
    name_dropped(chat, dropped);
    Ok(out)
}

fn push_tools(out: &mut Vec<u8>, tools: &[Tool<'_>], dropped: &mut Dropped) {
    let mut before: &[u8] = b",\"tools\":[";
    for tool in tools {
        out.extend_from_slice(before);
        before = b",";
        out.extend_from_slice(b"{\"type\":\"function\",\"function\":{\"name\":");
        push_string(out, &tool.name);
        if let Some(description) = &tool.description {
            out.extend_from_slice(b",\"description\":");
            push_string(out, description);
        }
        out.extend_from_slice(b",\"parameters\":");
        out.extend_from_slice(tool.parameters.map_or(NO_PARAMETERS, |schema| schema.get()).as_bytes());
        out.extend_from_slice(b"}}");
        note(dropped, "strict", tool.strict.is_some());
        note(dropped, "cache_control", tool.cached.is_some());
    }
    out.push(b']');
}

fn push_options(out: &mut Vec<u8>, chat: &Chat<'_>, settings: &Settings<'_>) {
    let sampling = &chat.sampling;
    let float = |value: Option<f64>| value.and_then(Number::from_f64);
    let options = [
        ("temperature", float(sampling.temperature.map(|value| value.max(0.0)))),
        ("top_p", float(sampling.top_p)),
        ("top_k", sampling.top_k.map(Number::from)),
        ("seed", sampling.seed.map(Number::from)),
        ("num_predict", chat.max_tokens.map(Number::from)),
        ("presence_penalty", float(sampling.presence_penalty)),
        ("frequency_penalty", float(sampling.frequency_penalty)),
        ("num_ctx", settings.num_ctx.map(Number::from)),
    ];
    let mut before: &[u8] = b",\"options\":{";
    for (name, value) in options {
        let Some(value) = value else { continue };
        out.extend_from_slice(before);
        before = b",";
        push_string(out, name);
        out.push(b':');
        out.extend_from_slice(value.to_string().as_bytes());
    }
    for (at, stop) in chat.stop.iter().enumerate() {
        if at == 0 {
            out.extend_from_slice(before);
            before = b",";
            out.extend_from_slice(b"\"stop\":[");
        } else {
            out.push(b',');
        }
        push_string(out, stop);
    }
    if !chat.stop.is_empty() {
        out.push(b']');
    }
    if before == b"," {
        out.push(b'}');
    }
}

/// The members behind the options, and the end of the request.
fn push_switches(out: &mut Vec<u8>, chat: &Chat<'_>, settings: &Settings<'_>, dropped: &mut Dropped) {
    if let Some(reasoning) = chat.reasoning {
        match think(reasoning, settings.think) {
            Some(think) => {
                out.extend_from_slice(b",\"think\":");
                out.extend_from_slice(think.as_bytes());
            }
            None => note(dropped, "reasoning_effort", reasoning != Reasoning::Off),
        }
    }
    if let Some(logprobs) = chat.sampling.logprobs {
        out.extend_from_slice(if logprobs { b",\"logprobs\":true" } else { b",\"logprobs\":false" });
    }
    if let Some(count) = chat.sampling.top_logprobs {
        out.extend_from_slice(b",\"top_logprobs\":");
        push_u64(out, count);
    }
    if let Some(keep_alive) = settings.keep_alive {
        out.extend_from_slice(b",\"keep_alive\":");
        push_string(out, keep_alive);
    }
    // Said in any case: what is not said is a stream.
    out.extend_from_slice(if chat.stream { b",\"stream\":true}" } else { b",\"stream\":false}" });
}

fn think(reasoning: Reasoning, model: Think) -> Option<&'static str> {
    let effort = match (model, reasoning) {
        (Think::Never, _) => return None,
        (_, Reasoning::Off) => return Some("false"),
        (Think::Switch, _) | (_, Reasoning::Auto) => return Some("true"),
        (Think::Levels, Reasoning::Effort(effort)) => effort,
        (Think::Levels, Reasoning::Budget(tokens)) => Effort::for_budget(tokens),
    };
    Some(match effort {
        Effort::Minimal | Effort::Low => "\"low\"",
        Effort::Medium => "\"medium\"",
        Effort::High => "\"high\"",
    })
}

fn name_dropped(chat: &Chat<'_>, dropped: &mut Dropped) {
    let forced = matches!(chat.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_)));
    note(dropped, "tool_choice", forced);
    note(dropped, "parallel_tool_calls", chat.parallel_tools == Some(false));
    note(dropped, "n", chat.choices.is_some_and(|choices| choices > 1));
    note(dropped, "user", chat.user.is_some());
    for name in &chat.unknown {
        dropped.note(name);
    }
}

pub(super) fn note(dropped: &mut Dropped, name: &str, is_there: bool) {
    if is_there {
        dropped.note(name);
    }
}
