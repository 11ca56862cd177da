//! Tools on offer: `toolConfig`.
//!
//! Invariant: it is there whenever a turn holds a call or a result, which Bedrock demands.
//! Source: docs.aws.amazon.com/bedrock/latest/APIReference, `ToolConfiguration`.

use super::super::ANSWER_TOOL;
use super::messages::CACHE_POINT;
use super::{Family, note};
use crate::json::push_string;
use crate::wire::model::{Chat, Dropped, Format, Part, Refused, Tool, ToolChoice};

const ANY_OBJECT: &str = "{\"type\":\"object\",\"properties\":{}}";
const ANSWER_DESCRIPTION: &str = "Gives the answer to the user, as JSON.";

/// Which of the tools must be used.
enum Choice<'a> {
    Free,
    Any,
    Named(&'a str),
}

pub(super) fn push(
    out: &mut Vec<u8>,
    chat: &Chat<'_>,
    family: Family,
    thinks: bool,
    dropped: &mut Dropped,
) -> Result<(), Refused> {
    let in_use = chat.turns.iter().flat_map(|turn| &turn.parts).any(is_about_tools);
    let forbidden = chat.tool_choice == Some(ToolChoice::None);
    if in_use && chat.tools.is_empty() && chat.format.is_none() {
        let message = "`tools` is missing: this model's provider (Bedrock) wants the tools that were called \
                       before to be offered again";
        let (code, param) = ("missing_required_parameter", Some("tools".to_owned()));
        return Err(Refused { code, param, message: message.to_owned() });
    }
    note(dropped, "tool_choice", forbidden && in_use && !chat.tools.is_empty());
    let offered: &[Tool<'_>] = if forbidden && !in_use { &[] } else { &chat.tools };
    if offered.is_empty() && chat.format.is_none() {
        return Ok(());
    }
    out.extend_from_slice(b",\"toolConfig\":{\"tools\":[");
    push_offered(out, offered, family, dropped);
    if let Some(format) = &chat.format {
        if !offered.is_empty() {
            out.push(b',');
        }
        push_answer(out, format);
    }
    out.push(b']');
    push_choice(out, &choice(chat, offered, thinks, dropped));
    out.push(b'}');
    Ok(())
}

fn is_about_tools(part: &Part<'_>) -> bool {
    matches!(part, Part::ToolCall { .. } | Part::ToolResult { .. })
}

fn push_offered(out: &mut Vec<u8>, tools: &[Tool<'_>], family: Family, dropped: &mut Dropped) {
    for (at, tool) in tools.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let schema = tool.parameters.map_or(ANY_OBJECT, |schema| schema.get());
        push_tool(out, &tool.name, tool.description.as_deref(), schema);
        note(dropped, "strict", tool.strict.is_some());
        if tool.cached.is_some() && family.caches() {
            out.push(b',');
            out.extend_from_slice(CACHE_POINT);
        } else {
            note(dropped, "cache_control", tool.cached.is_some());
        }
    }
}

/// The tool that stands for the answer's form.
fn push_answer(out: &mut Vec<u8>, format: &Format<'_>) {
    let (description, schema) = match format {
        Format::Json => (None, ANY_OBJECT),
        Format::Schema { description, schema, .. } => (description.as_deref(), schema.get()),
    };
    push_tool(out, ANSWER_TOOL, description.or(Some(ANSWER_DESCRIPTION)), schema);
}

fn push_tool(out: &mut Vec<u8>, name: &str, description: Option<&str>, schema: &str) {
    out.extend_from_slice(b"{\"toolSpec\":{\"name\":");
    push_string(out, name);
    if let Some(description) = description.filter(|text| !text.is_empty()) {
        out.extend_from_slice(b",\"description\":");
        push_string(out, description);
    }
    out.extend_from_slice(b",\"inputSchema\":{\"json\":");
    out.extend_from_slice(schema.as_bytes());
    out.extend_from_slice(b"}}}");
}

/// Claude thinks only where it is free not to call: what was to be forced is then asked for no more.
fn choice<'c>(chat: &'c Chat<'_>, offered: &[Tool<'_>], thinks: bool, dropped: &mut Dropped) -> Choice<'c> {
    let choice = match &chat.tool_choice {
        Some(ToolChoice::Named(name)) => Choice::Named(name),
        Some(ToolChoice::Required) => Choice::Any,
        // A tool of the caller's, or the answer.
        _ if chat.format.is_some() && !offered.is_empty() => Choice::Any,
        _ if chat.format.is_some() => Choice::Named(ANSWER_TOOL),
        _ => Choice::Free,
    };
    if !thinks || matches!(choice, Choice::Free) {
        return choice;
    }
    let forced = matches!(chat.tool_choice, Some(ToolChoice::Named(_) | ToolChoice::Required));
    note(dropped, if forced { "tool_choice" } else { "response_format" }, true);
    Choice::Free
}

fn push_choice(out: &mut Vec<u8>, choice: &Choice<'_>) {
    match choice {
        Choice::Free => {}
        Choice::Any => out.extend_from_slice(b",\"toolChoice\":{\"any\":{}}"),
        Choice::Named(name) => {
            out.extend_from_slice(b",\"toolChoice\":{\"tool\":{\"name\":");
            push_string(out, name);
            out.extend_from_slice(b"}}");
        }
    }
}
