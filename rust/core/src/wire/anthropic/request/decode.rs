//! A caller's request, read.
//!
//! Invariant: one pass over the body where it is right; what is wrong is looked for only when it is not.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::blame::{blame, missing, wrong_value};
use super::blocks::{self, Content};
use crate::wire::anthropic::words::Text;
use crate::wire::model::{
    Chat, Effort, Format, Reasoning, Refused, Role, Sampling, Tool, ToolChoice, Turn, unknown_members,
};

const KNOWN: [&str; 14] = [
    "model",
    "messages",
    "system",
    "max_tokens",
    "metadata",
    "stop_sequences",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
];

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    messages: Option<Vec<Message<'a>>>,
    #[serde(borrow)]
    system: Option<Content<'a>>,
    max_tokens: Option<u64>,
    #[serde(borrow)]
    metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    stop_sequences: Option<Vec<Text<'a>>>,
    stream: Option<bool>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u64>,
    #[serde(borrow)]
    tools: Option<Vec<ToolTold<'a>>>,
    #[serde(borrow)]
    tool_choice: Option<Choice<'a>>,
    #[serde(borrow)]
    thinking: Option<Thinking<'a>>,
    #[serde(borrow)]
    output_config: Option<OutputConfig<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    role: Text<'a>,
    #[serde(borrow)]
    content: Content<'a>,
}

#[derive(Deserialize)]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    user_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct ToolTold<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    #[serde(borrow)]
    input_schema: Option<&'a RawValue>,
    strict: Option<bool>,
    #[serde(borrow)]
    cache_control: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    disable_parallel_tool_use: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Thinking<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    budget_tokens: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct OutputConfig<'a> {
    #[serde(borrow)]
    effort: Option<Text<'a>>,
    #[serde(borrow)]
    format: Option<OutputFormat<'a>>,
}

#[derive(Deserialize)]
struct OutputFormat<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
}

/// Reads a request. `max_tokens` may be missing: a request to count tokens has none.
///
/// # Errors
/// When it is not JSON, or a member is missing or not what the dialect has there.
pub fn decode(body: &[u8]) -> Result<Chat<'_>, Refused> {
    let told: Body<'_> = serde_json::from_slice(body).map_err(|error| blame(body, &error))?;
    let mut chat = Chat { include_usage: true, unknown: unknown_members(body, &KNOWN), ..Chat::default() };
    chat.model = told.model.ok_or_else(|| missing("model", "Name the model to ask."))?.0;
    if let Some(system) = told.system {
        let parts = blocks::system(system, &mut chat.unknown).map_err(|fault| fault.at("system"))?;
        chat.turns.push(Turn { role: Role::System, name: None, parts });
    }
    let messages = told.messages.ok_or_else(|| missing("messages", "Give the conversation as a list."))?;
    for (at, message) in messages.into_iter().enumerate() {
        let turn = turn(message, &mut chat.unknown).map_err(|fault| fault.at(&format!("messages.{at}")))?;
        chat.turns.push(turn);
    }
    chat.max_tokens = told.max_tokens;
    chat.user = told.metadata.and_then(|metadata| metadata.user_id).map(|user| user.0);
    chat.stop = told.stop_sequences.unwrap_or_default().into_iter().map(|stop| stop.0).collect();
    chat.stream = told.stream.unwrap_or(false);
    let (temperature, top_p, top_k) = (told.temperature, told.top_p, told.top_k);
    chat.sampling = Sampling { temperature, top_p, top_k, ..Sampling::default() };
    for (at, tool) in told.tools.unwrap_or_default().into_iter().enumerate() {
        offer(&mut chat, tool, at)?;
    }
    if let Some(choice) = told.tool_choice {
        chat.parallel_tools = choice.disable_parallel_tool_use.map(|disabled| !disabled);
        chat.tool_choice = Some(tool_choice(choice)?);
    }
    chat.reasoning = told.thinking.as_ref().map(thinking).transpose()?;
    if let Some(config) = told.output_config {
        output_config(&mut chat, config)?;
    }
    Ok(chat)
}

fn turn<'a>(message: Message<'a>, unknown: &mut Vec<Cow<'a, str>>) -> Result<Turn<'a>, blocks::Fault> {
    let role = match &*message.role.0 {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        other => {
            let message = format!("The role `{other}` is not known. Use `user` or `assistant`.");
            return Err(blocks::Fault::new(message));
        }
    };
    let parts = blocks::parts(message.content, role, unknown)?;
    Ok(Turn { role, name: None, parts })
}

/// Tools that the provider runs itself have no place elsewhere.
fn offer<'a>(chat: &mut Chat<'a>, tool: ToolTold<'a>, at: usize) -> Result<(), Refused> {
    if let Some(kind) = tool.kind.filter(|kind| !kind.is("custom")) {
        blocks::note(&mut chat.unknown, format!("tools.{}", kind.0));
        return Ok(());
    }
    let Some(Text(name)) = tool.name else {
        return Err(missing(&format!("tools.{at}.name"), "Give the tool a name."));
    };
    chat.tools.push(Tool {
        name,
        description: tool.description.map(|description| description.0),
        parameters: tool.input_schema,
        strict: tool.strict,
        cached: tool.cache_control,
    });
    Ok(())
}

fn tool_choice(choice: Choice<'_>) -> Result<ToolChoice<'_>, Refused> {
    match (&*choice.kind.0, choice.name) {
        ("auto", _) => Ok(ToolChoice::Auto),
        ("any", _) => Ok(ToolChoice::Required),
        ("none", _) => Ok(ToolChoice::None),
        ("tool", Some(Text(name))) => Ok(ToolChoice::Named(name)),
        ("tool", None) => Err(missing("tool_choice.name", "Name the tool to be called.")),
        _ => Err(wrong_value("tool_choice.type", "Use `auto`, `any`, `tool` or `none`.")),
    }
}

fn thinking(thinking: &Thinking<'_>) -> Result<Reasoning, Refused> {
    match (&*thinking.kind.0, thinking.budget_tokens) {
        ("enabled", Some(tokens)) => Ok(Reasoning::Budget(tokens)),
        ("enabled", None) => Err(missing("thinking.budget_tokens", "Say how many tokens, 1024 or more.")),
        ("disabled", _) => Ok(Reasoning::Off),
        ("adaptive", _) => Ok(Reasoning::Auto),
        _ => Err(wrong_value("thinking.type", "Use `enabled`, `disabled` or `adaptive`.")),
    }
}

/// Effort says how much an adaptive model thinks; beside a budget, or with thinking off, it has no other place.
fn output_config<'a>(chat: &mut Chat<'a>, config: OutputConfig<'a>) -> Result<(), Refused> {
    if let Some(effort) = config.effort {
        let effort = match &*effort.0 {
            "low" => Effort::Low,
            "medium" => Effort::Medium,
            "high" | "xhigh" | "max" => Effort::High,
            _ => return Err(wrong_value("output_config.effort", "Use `low`, `medium`, `high` or `max`.")),
        };
        match chat.reasoning {
            None | Some(Reasoning::Auto) => chat.reasoning = Some(Reasoning::Effort(effort)),
            _ => blocks::note(&mut chat.unknown, "output_config.effort".to_owned()),
        }
    }
    if let Some(format) = config.format {
        let (true, Some(schema)) = (format.kind.is("json_schema"), format.schema) else {
            let hint = "Use `{\"type\": \"json_schema\", \"schema\": {…}}`.";
            return Err(wrong_value("output_config.format", hint));
        };
        chat.format = Some(Format::Schema { name: None, description: None, schema, strict: Some(true) });
    }
    Ok(())
}
