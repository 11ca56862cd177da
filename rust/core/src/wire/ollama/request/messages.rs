//! Messages of `/api/chat`, read as turns.
//!
//! Invariant: thoughts stand before text, and text before calls; a tool's message is a result that names its
//! tool and has no id.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::Text;
use super::blame::refused;
use crate::wire::model::{Media, Part, Refused, Role, Source, Turn};

/// First characters of files in base64.
const IMAGES: [(&str, &str); 4] =
    [("iVBORw0KGgo", "image/png"), ("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp")];
/// What the bytes of an image are called when nobody knows their format (RFC 2046, section 4.5.1).
const ANY_BYTES: &str = "application/octet-stream";

#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    images: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<Call<'a>>>,
    #[serde(borrow)]
    tool_name: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    function: Called<'a>,
}

#[derive(Deserialize)]
struct Called<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// Who a message is from; a tool has no turn of its own.
enum Speaker {
    Turn(Role),
    Tool,
}

pub(super) fn turns(messages: Vec<Message<'_>>) -> Result<Vec<Turn<'_>>, Refused> {
    messages.into_iter().enumerate().map(|(at, message)| turn(message, at)).collect()
}

fn turn(message: Message<'_>, at: usize) -> Result<Turn<'_>, Refused> {
    let speaker = speaker(&message.role).ok_or_else(|| {
        let param = format!("messages[{at}].role");
        let message = format!("`{param}` must be \"system\", \"user\", \"assistant\" or \"tool\"");
        refused("invalid_value", &param, message)
    })?;
    let mut parts = Vec::with_capacity(1);
    if let Some(Text(text)) = message.thinking.filter(|text| !text.0.is_empty()) {
        parts.push(Part::Thinking { text, signature: None });
    }
    if let Some(Text(text)) = message.content.filter(|text| !text.0.is_empty()) {
        parts.push(Part::Text { text, cached: None });
    }
    push_images(message.images.unwrap_or_default(), &format!("messages[{at}].images"), &mut parts)?;
    let Speaker::Turn(role) = speaker else {
        let name = message.tool_name.map(|name| name.0);
        let result = Part::ToolResult { id: Cow::Borrowed(""), name, parts, failed: false, cached: None };
        return Ok(Turn { role: Role::User, name: None, parts: vec![result] });
    };
    for call in message.tool_calls.unwrap_or_default() {
        parts.push(Part::ToolCall {
            id: Cow::Borrowed(""),
            name: call.function.name,
            arguments: Cow::Borrowed(arguments(call.function.arguments, at)?),
            signature: None,
        });
    }
    Ok(Turn { role, name: None, parts })
}

/// Ollama reads roles in any case.
fn speaker(name: &str) -> Option<Speaker> {
    let speakers = [
        ("user", Speaker::Turn(Role::User)),
        ("assistant", Speaker::Turn(Role::Assistant)),
        ("system", Speaker::Turn(Role::System)),
        ("tool", Speaker::Tool),
        ("developer", Speaker::Turn(Role::Developer)),
    ];
    speakers.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, speaker)| speaker)
}

fn arguments(arguments: Option<&RawValue>, at: usize) -> Result<&str, Refused> {
    let arguments = arguments.map_or("{}", RawValue::get);
    if arguments.starts_with('{') {
        return Ok(arguments);
    }
    let param = format!("messages[{at}].tool_calls");
    let message = format!("`arguments` in `{param}` must be an object, not its text");
    Err(refused("invalid_type", &param, message))
}

/// Appends images, which Ollama gives as bytes without a format.
pub(super) fn push_images<'a>(
    images: Vec<Text<'a>>,
    param: &str,
    parts: &mut Vec<Part<'a>>,
) -> Result<(), Refused> {
    for Text(data) in images {
        if data.contains(':') {
            let message = format!("`{param}` must hold base64 alone: no URL, and no `data:` before it");
            return Err(refused("invalid_value", param, message));
        }
        let mime =
            IMAGES.iter().find(|(start, _)| data.starts_with(start)).map_or(ANY_BYTES, |(_, mime)| mime);
        parts.push(Part::Media(Media {
            mime: Cow::Borrowed(mime),
            source: Source::Data(data),
            detail: None,
            title: None,
            cached: None,
        }));
    }
    Ok(())
}
