//! Items of the input, read into turns.
//!
//! Invariant: what the model said in one answer (thoughts, messages, calls) is one turn, and results that follow
//! one another are one turn of the user.
//! Source: platform.openai.com/docs/api-reference/responses/create, `input`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{content, list};
use crate::wire::model::{Part, Refused, Role, Turn};
use crate::wire::openai_chat::content::{Text, arguments, thought_signature};
use crate::wire::openai_chat::request::{invalid, is_object, missing, typed, unsupported, wrong};

/// What only this provider's tools leave behind; the conversation goes on without it.
const FOREIGN: [&str; 25] = [
    "file_search_call",
    "computer_call",
    "computer_call_output",
    "web_search_call",
    "tool_search_call",
    "tool_search_output",
    "additional_tools",
    "configuration_update",
    "compaction_trigger",
    "image_generation_call",
    "code_interpreter_call",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "mcp_list_tools",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "custom_tool_call",
    "custom_tool_call_output",
    "program",
    "program_output",
];

/// An item of any type. Members that differ in type between the types of items are read later.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
    #[serde(borrow)]
    role: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    call_id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(borrow)]
    summary: Option<&'a RawValue>,
    #[serde(borrow)]
    encrypted_content: Option<Text<'a>>,
    #[serde(borrow)]
    extra_content: Option<&'a RawValue>,
}

/// What the last item was, for the next one to join it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Message,
    /// A message of the model.
    Answer,
    /// Its thoughts, or a call.
    Step,
    Result,
}

struct Reader<'a, 'u> {
    turns: Vec<Turn<'a>>,
    last: Last,
    unknown: &'u mut Vec<Cow<'a, str>>,
}

/// Reads `input`; types of items that no other dialect has are added to `unknown`.
pub(super) fn read<'a>(raw: &'a str, unknown: &mut Vec<Cow<'a, str>>) -> Result<Vec<Turn<'a>>, Refused> {
    if raw.starts_with('"') {
        let Text(text) = typed(raw, "a string", format_args!("input"))?;
        let parts = if text.is_empty() { Vec::new() } else { vec![Part::Text { text, cached: None }] };
        let turn = Turn { role: Role::User, name: None, parts };
        return Ok(if turn.parts.is_empty() { Vec::new() } else { vec![turn] });
    }
    if !raw.starts_with('[') {
        return Err(wrong(raw, "a string or a list of items", format_args!("input")));
    }
    let items: Vec<Item<'a>> = list(raw, ("an array of items", "an object with a type"), "input")?;
    let turns = Vec::with_capacity(items.len());
    let mut reader = Reader { turns, last: Last::Message, unknown };
    for (at, item) in items.into_iter().enumerate() {
        reader.item(item, &format!("input[{at}]"))?;
    }
    Ok(reader.turns)
}

impl<'a> Reader<'a, '_> {
    fn item(&mut self, item: Item<'a>, place: &str) -> Result<(), Refused> {
        match Text::of(item.r#type.as_ref()) {
            "message" => self.message(&item, place),
            // Messages may come without a type.
            "" if item.role.is_some() => self.message(&item, place),
            "" => Err(missing(format_args!("{place}.type"))),
            "function_call" => {
                let part = item.call(place)?;
                self.step(part);
                Ok(())
            }
            "function_call_output" => self.result(item, place),
            "reasoning" => {
                if let Some(part) = item.thoughts(place)? {
                    self.step(part);
                }
                Ok(())
            }
            kind @ ("item_reference" | "compaction") => {
                let message = format!(
                    "An item of type `{kind}` cannot be used with this model: only the provider that made it \
                     can read it. Send the items themselves in `input`."
                );
                Err(unsupported(&format!("{place}.type"), &message))
            }
            kind if FOREIGN.contains(&kind) => {
                let name = format!("input.{kind}");
                if !self.unknown.iter().any(|known| *known == name) {
                    self.unknown.push(Cow::Owned(name));
                }
                Ok(())
            }
            _ => {
                let rule = "be message, function_call, function_call_output, reasoning, or the type of an item \
                            of a built-in tool";
                Err(invalid(format_args!("{place}.type"), rule))
            }
        }
    }

    fn message(&mut self, item: &Item<'a>, place: &str) -> Result<(), Refused> {
        let role = match Text::of(item.role.as_ref()) {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            "developer" => Role::Developer,
            "" => return Err(missing(format_args!("{place}.role"))),
            _ => {
                let rule = "be one of user, assistant, system and developer";
                return Err(invalid(format_args!("{place}.role"), rule));
            }
        };
        let parts = content::read(item.content, &format!("{place}.content"))?;
        match self.turns.last_mut().filter(|_| role == Role::Assistant && self.last == Last::Step) {
            Some(turn) => turn.parts.extend(parts),
            None => self.turns.push(Turn { role, name: None, parts }),
        }
        self.last = if role == Role::Assistant { Last::Answer } else { Last::Message };
        Ok(())
    }

    /// Thoughts and calls join what the model said before them.
    fn step(&mut self, part: Part<'a>) {
        match self.turns.last_mut().filter(|_| matches!(self.last, Last::Answer | Last::Step)) {
            Some(turn) => turn.parts.push(part),
            None => self.turns.push(Turn { role: Role::Assistant, name: None, parts: vec![part] }),
        }
        self.last = Last::Step;
    }

    fn result(&mut self, item: Item<'a>, place: &str) -> Result<(), Refused> {
        let id = match item.call_id {
            Some(id) => id.0,
            None if item.name.is_some() => Cow::Borrowed(""),
            None => return Err(missing(format_args!("{place}.call_id"))),
        };
        let parts = content::read(item.output, &format!("{place}.output"))?;
        let name = item.name.map(|name| name.0);
        let part = Part::ToolResult { id, name, parts, failed: false, cached: None };
        match self.turns.last_mut().filter(|_| self.last == Last::Result) {
            Some(turn) => turn.parts.push(part),
            None => self.turns.push(Turn { role: Role::User, name: None, parts: vec![part] }),
        }
        self.last = Last::Result;
        Ok(())
    }
}

impl<'a> Item<'a> {
    fn call(self, place: &str) -> Result<Part<'a>, Refused> {
        let name = self.name.map(|name| name.0).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| missing(format_args!("{place}.name")))?;
        let id = self.call_id.ok_or_else(|| missing(format_args!("{place}.call_id")))?.0;
        let arguments = arguments(self.arguments);
        if !arguments.trim().is_empty() && !is_object(&arguments) {
            return Err(invalid(format_args!("{place}.arguments"), "be a JSON object, written as a string"));
        }
        Ok(Part::ToolCall { id, name, arguments, signature: thought_signature(self.extra_content) })
    }

    /// Thoughts, which other dialects know signed or sealed; an item that only refers to stored ones says
    /// nothing.
    fn thoughts(self, place: &str) -> Result<Option<Part<'a>>, Refused> {
        let summary = thought(self.summary, &format!("{place}.summary"))?;
        let content = thought(self.content, &format!("{place}.content"))?;
        let text = content.or(summary);
        let sealed = self.encrypted_content.map(|text| text.0).filter(|data| !data.is_empty());
        Ok(match (text, sealed) {
            (None, Some(data)) => Some(Part::Redacted(data)),
            (Some(text), signature) if signature.is_some() || !text.is_empty() => {
                Some(Part::Thinking { text, signature })
            }
            _ => None,
        })
    }
}

/// The texts of a list of parts; `None` where there is none.
fn thought<'a>(raw: Option<&'a RawValue>, place: &str) -> Result<Option<Cow<'a, str>>, Refused> {
    #[derive(Deserialize)]
    struct Piece<'a> {
        #[serde(borrow)]
        text: Text<'a>,
    }
    let Some(raw) = raw else { return Ok(None) };
    let wanted = ("an array of parts with text", "an object with a text");
    let mut pieces: Vec<Piece<'a>> = list(raw.get(), wanted, place)?;
    Ok(match pieces.len() {
        0 | 1 => pieces.pop().map(|piece| piece.text.0),
        _ => Some(Cow::Owned(pieces.iter().map(|piece| &*piece.text.0).collect::<Vec<_>>().join("\n\n"))),
    })
}
