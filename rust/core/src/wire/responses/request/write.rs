//! A request, said in this dialect.
//!
//! Invariant: a member is written only if it is asked for, so that the provider's defaults stand; but nothing is
//! stored, and no schema is made stricter than the caller's.

use super::{Settings, turns};
use crate::wire::model::{Chat, Dropped, Effort, Format, Reasoning, Refused, Sampling, Tool, ToolChoice};
use crate::wire::openai_chat::members::Members;

/// Highest temperature (platform.openai.com/docs/api-reference/responses/create).
const MAX_TEMPERATURE: f64 = 2.0;
/// Smallest maximum that is not refused; same source.
const MIN_OUTPUT_TOKENS: u64 = 16;
/// The name of a schema that has none; the dialect demands one.
const SCHEMA_NAME: &str = "response";
/// The schema of a tool that takes nothing.
const NO_PARAMETERS: &str = "{\"type\":\"object\",\"properties\":{}}";

/// Writes the request's body and notes what it has no place for.
///
/// # Errors
/// Never so far; the signature is every dialect's.
pub fn encode(chat: &Chat<'_>, settings: &Settings<'_>, dropped: &mut Dropped) -> Result<Vec<u8>, Refused> {
    for name in &chat.unknown {
        dropped.note(name);
    }
    let mut out = Vec::with_capacity(1024);
    let mut body = Members::open(&mut out);
    body.text("model", if settings.model.is_empty() { &chat.model } else { settings.model });
    turns::push(body.key("input"), &chat.turns, dropped);
    if !chat.tools.is_empty() {
        push_tools(&mut body, chat, dropped);
    }
    push_sampling(&mut body, &chat.sampling, dropped);
    if let Some(most) = chat.max_tokens {
        body.count("max_output_tokens", most.max(MIN_OUTPUT_TOKENS));
    }
    if let Some(format) = &chat.format {
        push_format(&mut body, format);
    }
    push_reasoning(&mut body, chat.reasoning, settings.summaries);
    push_include(&mut body, chat);
    note_lost(chat, dropped);
    if let Some(user) = &chat.user {
        body.text("user", user);
    }
    if chat.stream {
        body.flag("stream", true);
    }
    body.flag("store", false);
    body.close();
    Ok(out)
}

fn note_lost(chat: &Chat<'_>, dropped: &mut Dropped) {
    if !chat.stop.is_empty() {
        dropped.note("stop");
    }
    if chat.choices.is_some_and(|choices| choices > 1) {
        dropped.note("n");
    }
}

fn push_tools(body: &mut Members<'_>, chat: &Chat<'_>, dropped: &mut Dropped) {
    let out = body.key("tools");
    for (at, tool) in chat.tools.iter().enumerate() {
        out.push(if at == 0 { b'[' } else { b',' });
        push_tool(out, tool);
        if tool.cached.is_some() {
            dropped.note("cache_control");
        }
    }
    out.push(b']');
    match &chat.tool_choice {
        None => {}
        Some(ToolChoice::Auto) => body.text("tool_choice", "auto"),
        Some(ToolChoice::None) => body.text("tool_choice", "none"),
        Some(ToolChoice::Required) => body.text("tool_choice", "required"),
        Some(ToolChoice::Named(name)) => {
            let mut choice = Members::open(body.key("tool_choice"));
            choice.text("type", "function");
            choice.text("name", name);
            choice.close();
        }
    }
    if let Some(parallel) = chat.parallel_tools {
        body.flag("parallel_tool_calls", parallel);
    }
}

fn push_tool(out: &mut Vec<u8>, tool: &Tool<'_>) {
    let mut item = Members::open(out);
    item.text("type", "function");
    item.text("name", &tool.name);
    if let Some(description) = &tool.description {
        item.text("description", description);
    }
    item.raw("parameters", tool.parameters.map_or(NO_PARAMETERS, |schema| schema.get()));
    // Unsaid it means yes here, and no in the other dialects.
    item.flag("strict", tool.strict.unwrap_or(false));
    item.close();
}

fn push_sampling(body: &mut Members<'_>, sampling: &Sampling, dropped: &mut Dropped) {
    if let Some(temperature) = sampling.temperature {
        body.number("temperature", temperature.clamp(0.0, MAX_TEMPERATURE));
    }
    if let Some(top_p) = sampling.top_p {
        body.number("top_p", top_p);
    }
    if let Some(alternatives) = sampling.top_logprobs {
        body.count("top_logprobs", alternatives);
    }
    for (name, given) in [
        ("top_k", sampling.top_k.is_some()),
        ("seed", sampling.seed.is_some()),
        ("presence_penalty", sampling.presence_penalty.is_some()),
        ("frequency_penalty", sampling.frequency_penalty.is_some()),
    ] {
        if given {
            dropped.note(name);
        }
    }
}

fn push_format(body: &mut Members<'_>, format: &Format<'_>) {
    let mut text = Members::open(body.key("text"));
    let mut member = Members::open(text.key("format"));
    match format {
        Format::Json => member.text("type", "json_object"),
        Format::Schema { name, description, schema, strict } => {
            member.text("type", "json_schema");
            member.text("name", name.as_deref().unwrap_or(SCHEMA_NAME));
            if let Some(description) = description {
                member.text("description", description);
            }
            member.raw("schema", schema.get());
            if let Some(strict) = strict {
                member.flag("strict", *strict);
            }
        }
    }
    member.close();
    text.close();
}

fn push_reasoning(body: &mut Members<'_>, reasoning: Option<Reasoning>, summaries: bool) {
    let Some(reasoning) = reasoning else { return };
    let off = matches!(reasoning, Reasoning::Off | Reasoning::Budget(0));
    let effort = match reasoning {
        _ if off => Some("none"),
        // As much as the model likes is what it does unasked.
        Reasoning::Auto | Reasoning::Off => None,
        Reasoning::Effort(effort) => Some(effort.name()),
        Reasoning::Budget(tokens) => Some(Effort::for_budget(tokens).name()),
    };
    let summaries = summaries && !off;
    if effort.is_none() && !summaries {
        return;
    }
    let mut member = Members::open(body.key("reasoning"));
    if let Some(effort) = effort {
        member.text("effort", effort);
    }
    if summaries {
        member.text("summary", "auto");
    }
    member.close();
}

/// Asks for what is not told unasked. Thoughts are asked for only where there may be some: a model that has none
/// refuses the request.
fn push_include(body: &mut Members<'_>, chat: &Chat<'_>) {
    let thinks =
        chat.reasoning.is_some_and(|reasoning| !matches!(reasoning, Reasoning::Off | Reasoning::Budget(0)));
    let thoughts = thinks || chat.turns.iter().any(turns::sealed);
    match (thoughts, chat.sampling.logprobs == Some(true)) {
        (false, false) => {}
        (true, false) => body.raw("include", "[\"reasoning.encrypted_content\"]"),
        (false, true) => body.raw("include", "[\"message.output_text.logprobs\"]"),
        (true, true) => {
            body.raw("include", "[\"reasoning.encrypted_content\",\"message.output_text.logprobs\"]");
        }
    }
}
