//! The members of a request's outermost object.
//!
//! Invariant: each known member counts once, null like absence; others are named in `unknown`. What only the
//! provider that keeps it can say is refused, never left out.

use std::borrow::Cow;

use super::{items, options, tools};
use crate::json::{Cursor, Malformed};
use crate::wire::model::{Chat, Part, Refused, Role, ToolChoice, Turn};
use crate::wire::openai_chat::content::Text;
use crate::wire::openai_chat::request::{invalid, missing, typed, unsupported};

/// Every member that has a meaning; a bit of `Draft::seen` each.
const KNOWN: [&str; 24] = [
    "model",
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "max_output_tokens",
    "temperature",
    "top_p",
    "top_logprobs",
    "text",
    "reasoning",
    "include",
    "user",
    "safety_identifier",
    "stream",
    "stream_options",
    "store",
    "truncation",
    "background",
    "previous_response_id",
    "conversation",
    "prompt",
    "context_management",
];

/// A request that is being read; what depends on another member waits here.
#[derive(Default)]
struct Draft<'a> {
    chat: Chat<'a>,
    seen: u32,
    instructions: Option<Cow<'a, str>>,
    /// The only tools that may be used, by name.
    allowed: Option<Vec<Cow<'a, str>>>,
    tool_choice: Option<ToolChoice<'a>>,
    safety_identifier: Option<Cow<'a, str>>,
}

/// Reads a request that is to be said in another dialect.
///
/// # Errors
/// When it is not one JSON object, a member is missing, doubled or of the wrong type, or holds what no other
/// dialect can say: an earlier response, a conversation, a stored prompt, work in the background.
pub fn decode(body: &[u8]) -> Result<Chat<'_>, Refused> {
    let mut cursor = Cursor::new(body).map_err(not_json)?;
    let document = cursor.body();
    let mut draft = Draft::default();
    if document.trim_start().as_bytes().first().is_some_and(|&byte| byte != b'{') {
        let message = "The request body must be a JSON object.".to_owned();
        return Err(Refused { code: "invalid_type", param: None, message });
    }
    cursor.open(b'{').map_err(not_json)?;
    let mut first = true;
    while let Some(name) = cursor.member(&mut first).map_err(not_json)? {
        let name = name.read(document);
        let range = cursor.skip().map_err(not_json)?;
        draft.take(name, document.get(range).unwrap_or_default())?;
    }
    cursor.finish().map_err(not_json)?;
    draft.finish()
}

fn not_json(malformed: Malformed) -> Refused {
    let message = format!("The request body is not valid JSON: {malformed}.");
    Refused { code: "invalid_json", param: None, message }
}

impl<'a> Draft<'a> {
    fn take(&mut self, name: Cow<'a, str>, raw: &'a str) -> Result<(), Refused> {
        let Some(at) = KNOWN.iter().position(|known| *known == name) else {
            self.chat.unknown.push(name);
            return Ok(());
        };
        if self.seen & 1 << at != 0 {
            return Err(invalid(format_args!("{name}"), "be given only once"));
        }
        self.seen |= 1 << at;
        if raw == "null" {
            return Ok(());
        }
        if self.simple(&name, raw)? || self.kept(&name, raw)? { Ok(()) } else { self.member(&name, raw) }
    }

    /// Takes the members that are one number, flag or text; tells whether it was one of them.
    fn simple(&mut self, name: &str, raw: &'a str) -> Result<bool, Refused> {
        let chat = &mut self.chat;
        let sampling = &mut chat.sampling;
        match name {
            "temperature" => sampling.temperature = Some(number(name, raw)?),
            "top_p" => sampling.top_p = Some(number(name, raw)?),
            "top_logprobs" => sampling.top_logprobs = Some(count(name, raw)?),
            "max_output_tokens" => chat.max_tokens = Some(count(name, raw)?),
            "parallel_tool_calls" => chat.parallel_tools = Some(flag(name, raw)?),
            "stream" => chat.stream = flag(name, raw)?,
            "model" => chat.model = text(name, raw)?,
            "instructions" => self.instructions = Some(text(name, raw)?),
            "user" => chat.user = Some(text(name, raw)?),
            "safety_identifier" => self.safety_identifier = Some(text(name, raw)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes the members that ask the provider to keep something, or to use what it kept; tells whether it was
    /// one of them.
    fn kept(&mut self, name: &str, raw: &'a str) -> Result<bool, Refused> {
        match name {
            "previous_response_id" | "conversation" | "prompt" => {
                let message = format!(
                    "`{name}` cannot be used with this model: its provider does not serve the Responses API \
                     itself, so nothing is kept there. Send the whole conversation in `input`."
                );
                return Err(unsupported(name, &message));
            }
            "background" if flag(name, raw)? => {
                let message = "`background` cannot be used with this model: its provider does not serve the \
                               Responses API itself, so an answer is only given while the caller waits.";
                return Err(unsupported(name, message));
            }
            "store" if flag(name, raw)? => self.chat.unknown.push(Cow::Borrowed("store")),
            "truncation" if text(name, raw)? != "disabled" => {
                self.chat.unknown.push(Cow::Borrowed("truncation"));
            }
            "context_management" if raw != "[]" => {
                self.chat.unknown.push(Cow::Borrowed("context_management"));
            }
            // How a stream is padded means nothing elsewhere, and is not missed.
            "background" | "store" | "truncation" | "context_management" | "stream_options" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn member(&mut self, name: &str, raw: &'a str) -> Result<(), Refused> {
        let chat = &mut self.chat;
        match name {
            "input" => chat.turns = items::read(raw, &mut chat.unknown)?,
            "tools" => chat.tools = tools::tools(raw, &mut chat.unknown)?,
            "tool_choice" => {
                let (choice, allowed) = tools::choice(raw)?;
                self.tool_choice = Some(choice);
                self.allowed = allowed;
            }
            "text" => chat.format = options::text(raw, &mut chat.unknown)?,
            "reasoning" => chat.reasoning = options::reasoning(raw)?,
            _ => options::include(raw, chat)?,
        }
        Ok(())
    }

    fn finish(self) -> Result<Chat<'a>, Refused> {
        let mut chat = self.chat;
        if chat.model.is_empty() {
            return Err(missing(format_args!("model")));
        }
        if chat.turns.is_empty() {
            return Err(missing(format_args!("input")));
        }
        if let Some(text) = self.instructions {
            let parts = vec![Part::Text { text, cached: None }];
            chat.turns.insert(0, Turn { role: Role::System, name: None, parts });
        }
        if let Some(allowed) = self.allowed {
            chat.tools.retain(|tool| allowed.contains(&tool.name));
        }
        chat.tool_choice = self.tool_choice;
        chat.user = chat.user.or(self.safety_identifier);
        // Alternatives are told beside the tokens' own probabilities, or not at all.
        if chat.sampling.top_logprobs.is_some_and(|alternatives| alternatives > 0) {
            chat.sampling.logprobs = Some(true);
        }
        chat.include_usage = true;
        Ok(chat)
    }
}

fn number(name: &str, raw: &str) -> Result<f64, Refused> {
    typed(raw, "a number", format_args!("{name}"))
}

fn count(name: &str, raw: &str) -> Result<u64, Refused> {
    typed(raw, "a whole number, 0 or more", format_args!("{name}"))
}

fn flag(name: &str, raw: &str) -> Result<bool, Refused> {
    typed(raw, "a boolean", format_args!("{name}"))
}

fn text<'a>(name: &str, raw: &'a str) -> Result<Cow<'a, str>, Refused> {
    typed(raw, "a string", format_args!("{name}")).map(|text: Text<'a>| text.0)
}
