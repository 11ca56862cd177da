//! A request, said in this dialect.
//!
//! Invariant: a member is written only if it is asked for, so that the provider's defaults stand.

use super::super::members::Members;
use super::{EffortField, Limit, Settings, StreamUsage, turns};
use crate::json::push_string;
use crate::wire::model::{Chat, Dropped, Effort, Format, Reasoning, Refused, Sampling, Tool, ToolChoice};

/// Most stop texts that are taken (platform.openai.com/docs/api-reference/chat/create, `stop`).
const MAX_STOPS: usize = 4;
/// Highest temperature; same source.
const MAX_TEMPERATURE: f64 = 2.0;
/// Penalties lie between this and its negative; same source.
const MAX_PENALTY: f64 = 2.0;
/// The name of a schema that has none; the dialect demands one.
const SCHEMA_NAME: &str = "response";

/// Writes the request's body and notes what it has no place for.
///
/// # Errors
/// When a file stands at a URL, which this dialect has no way to say.
pub fn encode(chat: &Chat<'_>, settings: &Settings<'_>, dropped: &mut Dropped) -> Result<Vec<u8>, Refused> {
    for name in &chat.unknown {
        dropped.note(name);
    }
    let mut out = Vec::with_capacity(1024);
    let mut body = Members::open(&mut out);
    body.text("model", if settings.model.is_empty() { &chat.model } else { settings.model });
    turns::push(body.key("messages"), &chat.turns, settings, dropped)?;
    if !chat.tools.is_empty() {
        push_tools(&mut body, chat, settings, dropped);
    }
    push_sampling(&mut body, &chat.sampling, settings, dropped);
    push_limits(&mut body, chat, settings, dropped);
    if let Some(format) = &chat.format {
        push_format(&mut body, format);
    }
    if let Some(reasoning) = chat.reasoning {
        push_effort(&mut body, reasoning, settings.effort, dropped);
    }
    if let Some(user) = &chat.user {
        body.text("user", user);
    }
    if chat.stream {
        body.flag("stream", true);
        let wanted = match settings.stream_usage {
            StreamUsage::AsAsked => chat.include_usage,
            StreamUsage::Always => true,
            StreamUsage::Never => false,
        };
        if wanted {
            body.raw("stream_options", "{\"include_usage\":true}");
        }
    }
    body.close();
    Ok(out)
}

fn push_tools(body: &mut Members<'_>, chat: &Chat<'_>, settings: &Settings<'_>, dropped: &mut Dropped) {
    let out = body.key("tools");
    for (at, tool) in chat.tools.iter().enumerate() {
        out.push(if at == 0 { b'[' } else { b',' });
        push_tool(out, tool, settings.extensions);
        if tool.cached.is_some() && !settings.extensions {
            dropped.note("cache_control");
        }
    }
    out.push(b']');
    // Without tools both of these are refused by the provider, and say nothing.
    match &chat.tool_choice {
        None => {}
        Some(ToolChoice::Auto) => body.text("tool_choice", "auto"),
        Some(ToolChoice::None) => body.text("tool_choice", "none"),
        Some(ToolChoice::Required) => body.text("tool_choice", "required"),
        Some(ToolChoice::Named(name)) => {
            let mut choice = Members::open(body.key("tool_choice"));
            choice.text("type", "function");
            let mut function = Members::open(choice.key("function"));
            function.text("name", name);
            function.close();
            choice.close();
        }
    }
    match chat.parallel_tools {
        Some(_) if settings.no_parallel_tool_calls => dropped.note("parallel_tool_calls"),
        Some(parallel) => body.flag("parallel_tool_calls", parallel),
        None => {}
    }
}

fn push_tool(out: &mut Vec<u8>, tool: &Tool<'_>, extensions: bool) {
    let mut item = Members::open(out);
    item.text("type", "function");
    let mut function = Members::open(item.key("function"));
    function.text("name", &tool.name);
    if let Some(description) = &tool.description {
        function.text("description", description);
    }
    if let Some(parameters) = tool.parameters {
        function.raw("parameters", parameters.get());
    }
    if let Some(strict) = tool.strict {
        function.flag("strict", strict);
    }
    function.close();
    if let Some(cached) = tool.cached.filter(|_| extensions) {
        item.raw("cache_control", cached.get());
    }
    item.close();
}

fn push_sampling(
    body: &mut Members<'_>,
    sampling: &Sampling,
    settings: &Settings<'_>,
    dropped: &mut Dropped,
) {
    let penalty = |value: Option<f64>| value.map(|value| value.clamp(-MAX_PENALTY, MAX_PENALTY));
    let numbers = [
        ("temperature", sampling.temperature.map(|value| value.clamp(0.0, MAX_TEMPERATURE))),
        ("top_p", sampling.top_p),
        ("presence_penalty", penalty(sampling.presence_penalty)),
        ("frequency_penalty", penalty(sampling.frequency_penalty)),
    ];
    for (name, value) in numbers {
        if let Some(value) = value {
            body.number(name, value);
        }
    }
    match sampling.top_k {
        Some(top_k) if settings.extensions => body.count("top_k", top_k),
        Some(_) => dropped.note("top_k"),
        None => {}
    }
    if let Some(seed) = sampling.seed {
        body.raw("seed", itoa::Buffer::new().format(seed));
    }
    if let Some(logprobs) = sampling.logprobs {
        body.flag("logprobs", logprobs);
    }
    if let Some(alternatives) = sampling.top_logprobs {
        body.count("top_logprobs", alternatives);
    }
}

fn push_limits(body: &mut Members<'_>, chat: &Chat<'_>, settings: &Settings<'_>, dropped: &mut Dropped) {
    if let Some(most) = chat.max_tokens {
        let name = match settings.limit {
            Limit::MaxCompletionTokens => "max_completion_tokens",
            Limit::MaxTokens => "max_tokens",
        };
        body.count(name, most);
    }
    if let Some(choices) = chat.choices {
        body.count("n", choices);
    }
    if chat.stop.len() > MAX_STOPS {
        dropped.note("stop");
    }
    if !chat.stop.is_empty() {
        let out = body.key("stop");
        for (at, stop) in chat.stop.iter().take(MAX_STOPS).enumerate() {
            out.push(if at == 0 { b'[' } else { b',' });
            push_string(out, stop);
        }
        out.push(b']');
    }
}

fn push_format(body: &mut Members<'_>, format: &Format<'_>) {
    let mut member = Members::open(body.key("response_format"));
    match format {
        Format::Json => member.text("type", "json_object"),
        Format::Schema { name, description, schema, strict } => {
            member.text("type", "json_schema");
            let mut inner = Members::open(member.key("json_schema"));
            inner.text("name", name.as_deref().unwrap_or(SCHEMA_NAME));
            if let Some(description) = description {
                inner.text("description", description);
            }
            inner.raw("schema", schema.get());
            if let Some(strict) = strict {
                inner.flag("strict", *strict);
            }
            inner.close();
        }
    }
    member.close();
}

fn push_effort(body: &mut Members<'_>, reasoning: Reasoning, field: EffortField, dropped: &mut Dropped) {
    let name = match (reasoning, field) {
        // As much as the model likes is what it does unasked.
        (Reasoning::Auto, _) | (Reasoning::Off, EffortField::Absent) => return,
        (_, EffortField::Absent) => return dropped.note("reasoning_effort"),
        (Reasoning::Off | Reasoning::Budget(0), EffortField::Full) => "none",
        (Reasoning::Off | Reasoning::Budget(0), EffortField::WithoutNone) => Effort::Minimal.name(),
        (Reasoning::Effort(effort), _) => effort.name(),
        (Reasoning::Budget(tokens), _) => Effort::for_budget(tokens).name(),
    };
    body.text("reasoning_effort", name);
}
