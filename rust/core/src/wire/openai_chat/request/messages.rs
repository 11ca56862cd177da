//! Messages, read into turns.
//!
//! Invariant: consecutive tool messages become the results of one user turn; every other message is a turn.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::content::{Text, arguments, thought_signature};
use super::{invalid, media, missing, typed, unsupported, wrong};
use crate::json::{Cursor, Kind};
use crate::wire::model::{Part, Refused, Role, Turn};

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning: Option<Text<'a>>,
    #[serde(borrow)]
    thinking_blocks: Option<Vec<Block<'a>>>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_call_id: Option<Text<'a>>,
    #[serde(borrow)]
    audio: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_control: Option<&'a RawValue>,
}

/// A provider's thoughts with its signature, as gateways hand them through this dialect.
#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
    #[serde(borrow)]
    extra_content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// Reads `messages`; members that no other dialect has are added to `unknown`.
pub(super) fn read<'a>(raw: &'a str, unknown: &mut Vec<Cow<'a, str>>) -> Result<Vec<Turn<'a>>, Refused> {
    let messages: Vec<Message<'a>> = serde_json::from_str(raw).map_err(|_| culprit(raw))?;
    let mut turns: Vec<Turn<'a>> = Vec::with_capacity(messages.len());
    let mut after_result = false;
    for (at, message) in messages.into_iter().enumerate() {
        if message.audio.is_some() && !unknown.iter().any(|name| name == "audio") {
            unknown.push(Cow::Borrowed("audio"));
        }
        let role = match Text::of(message.role.as_ref()) {
            "system" => Role::System,
            "developer" => Role::Developer,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "tool" | "function" => {
                let part = message.result(at)?;
                match turns.last_mut().filter(|_| after_result) {
                    Some(turn) => turn.parts.push(part),
                    None => turns.push(Turn { role: Role::User, name: None, parts: vec![part] }),
                }
                after_result = true;
                continue;
            }
            "" => return Err(missing(format_args!("messages[{at}].role"))),
            _ => {
                let rule = "be one of system, developer, user, assistant, tool and function";
                return Err(invalid(format_args!("messages[{at}].role"), rule));
            }
        };
        after_result = false;
        turns.push(message.turn(role, at)?);
    }
    Ok(turns)
}

/// Finds the message that is not one.
#[cold]
fn culprit(raw: &str) -> Refused {
    let Ok(messages) = serde_json::from_str::<Vec<&RawValue>>(raw) else {
        return wrong(raw, "an array of messages", format_args!("messages"));
    };
    let wanted = "an object with role and content";
    let mut found = messages.iter().enumerate().filter_map(|(at, message)| {
        typed::<Message<'_>>(message.get(), wanted, format_args!("messages[{at}]")).err()
    });
    found.next().unwrap_or_else(|| wrong(raw, "an array of messages", format_args!("messages")))
}

impl<'a> Message<'a> {
    /// A tool's result.
    fn result(self, at: usize) -> Result<Part<'a>, Refused> {
        let id = match self.tool_call_id {
            Some(id) => id.0,
            None if self.name.is_some() => Cow::Borrowed(""),
            None => return Err(missing(format_args!("messages[{at}].tool_call_id"))),
        };
        let parts = media::content(self.content, at)?;
        let name = self.name.map(|name| name.0);
        Ok(Part::ToolResult { id, name, parts, failed: false, cached: self.cache_control })
    }

    fn turn(mut self, role: Role, at: usize) -> Result<Turn<'a>, Refused> {
        let mut parts = Vec::new();
        if role == Role::Assistant {
            self.thoughts(&mut parts);
        }
        parts.extend(media::content(self.content, at)?);
        if let Some(Part::Text { cached, .. }) = parts.last_mut() {
            *cached = cached.or(self.cache_control);
        }
        if role == Role::Assistant {
            parts.extend(
                self.refusal.take().filter(|text| !text.0.is_empty()).map(|text| Part::Refusal(text.0)),
            );
            let before = parts.len();
            self.calls(&mut parts, at)?;
            if parts.len() > before {
                // Clients put an empty text beside calls; there are providers that refuse it.
                parts.retain(|part| !matches!(part, Part::Text { text, .. } if text.is_empty()));
            }
        } else if parts.is_empty() && self.content.is_none() {
            return Err(missing(format_args!("messages[{at}].content")));
        }
        Ok(Turn { role, name: self.name.map(|name| name.0), parts })
    }

    fn thoughts(&mut self, parts: &mut Vec<Part<'a>>) {
        let blocks = self.thinking_blocks.take().unwrap_or_default();
        if blocks.is_empty() {
            let thoughts = self.reasoning_content.take().or(self.reasoning.take());
            let thoughts = thoughts.filter(|text| !text.0.is_empty());
            parts.extend(thoughts.map(|text| Part::Thinking { text: text.0, signature: None }));
        }
        for block in blocks {
            parts.push(match block.data {
                Some(data) => Part::Redacted(data.0),
                None => Part::Thinking {
                    text: block.thinking.map_or(Cow::Borrowed(""), |text| text.0),
                    signature: block.signature.map(|text| text.0),
                },
            });
        }
    }

    fn calls(&mut self, parts: &mut Vec<Part<'a>>, at: usize) -> Result<(), Refused> {
        let wanted = "an array of tool calls";
        let calls: Vec<Call<'a>> = match self.tool_calls {
            Some(raw) => typed(raw.get(), wanted, format_args!("messages[{at}].tool_calls"))?,
            None => Vec::new(),
        };
        for (call, shape) in calls.into_iter().enumerate() {
            let place = format!("messages[{at}].tool_calls[{call}]");
            if shape.r#type.is_some_and(|kind| kind.0 != "function") {
                let message = "Only calls of type `function` can be said in another dialect.";
                return Err(unsupported(&format!("{place}.type"), message));
            }
            let function = shape.function.ok_or_else(|| missing(format_args!("{place}.function")))?;
            let id = shape.id.map_or(Cow::Borrowed(""), |id| id.0);
            parts.push(function.call(
                id,
                thought_signature(shape.extra_content),
                &format!("{place}.function"),
            )?);
        }
        if let Some(raw) = self.function_call {
            let place = format!("messages[{at}].function_call");
            let function: Function<'a> = typed(raw.get(), "an object with name", format_args!("{place}"))?;
            parts.push(function.call(Cow::Borrowed(""), None, &place)?);
        }
        Ok(())
    }
}

impl<'a> Function<'a> {
    fn call(
        self,
        id: Cow<'a, str>,
        signature: Option<Cow<'a, str>>,
        place: &str,
    ) -> Result<Part<'a>, Refused> {
        let name = self.name.map(|name| name.0).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| missing(format_args!("{place}.name")))?;
        let arguments = arguments(self.arguments);
        if !arguments.trim().is_empty() && !is_object(&arguments) {
            return Err(invalid(format_args!("{place}.arguments"), "be a JSON object, written as a string"));
        }
        Ok(Part::ToolCall { id, name, arguments, signature })
    }
}

/// Other dialects carry arguments as an object, so nothing else may pass for one.
pub(in crate::wire) fn is_object(text: &str) -> bool {
    let Ok(mut cursor) = Cursor::new(text.as_bytes()) else { return false };
    cursor.kind() == Ok(Kind::Object) && cursor.skip().is_ok() && cursor.finish().is_ok()
}
