//! Turns, written as messages of `/api/chat`.
//!
//! Invariant: results stand in the order of the calls they answer, each with its tool's name: with neither
//! ids nor this order, two calls of one tool could not be told apart.

use std::borrow::Cow;

use super::super::answer::{object, push_call};
use super::blame::refused;
use super::encode::note;
use crate::json::push_string;
use crate::wire::calls::Calls;
use crate::wire::model::{Dropped, Media, Part, Refused, Role, Source, Turn};

/// The list of messages as it grows.
pub(super) struct Messages<'c, 'a> {
    out: Vec<u8>,
    first: bool,
    calls: Calls<'c>,
    /// Results that wait for the others of their turn: place of the call, name of the tool, parts.
    results: Vec<(usize, &'c str, &'c [Part<'a>])>,
    dropped: &'c mut Dropped,
}

impl<'c, 'a> Messages<'c, 'a> {
    pub(super) fn new(out: Vec<u8>, dropped: &'c mut Dropped) -> Self {
        Self { out, first: true, calls: Calls::default(), results: Vec::new(), dropped }
    }

    pub(super) fn turn(&mut self, turn: &'c Turn<'a>) -> Result<(), Refused> {
        note(self.dropped, "name", turn.name.is_some());
        let mut spoken = turn.parts.is_empty();
        for part in &turn.parts {
            match part {
                Part::ToolResult { id, name, parts, failed, cached } => {
                    note(self.dropped, "is_error", *failed);
                    note(self.dropped, "cache_control", cached.is_some());
                    let name = name.as_deref();
                    let called = self.calls.answered(id, name);
                    let (place, known) = called.unwrap_or((usize::MAX, ""));
                    self.results.push((place, name.unwrap_or(known), parts));
                }
                _ => spoken = true,
            }
        }
        if spoken {
            self.results()?;
            let role = match turn.role {
                Role::System | Role::Developer => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            self.message(role, None, &turn.parts)?;
        }
        Ok(())
    }

    /// The bytes, with everything that waited.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, Refused> {
        self.results()?;
        Ok(self.out)
    }

    fn results(&mut self) -> Result<(), Refused> {
        let mut results = std::mem::take(&mut self.results);
        results.sort_by_key(|(place, ..)| *place);
        results.into_iter().try_for_each(|(_, name, parts)| self.message("tool", Some(name), parts))
    }

    fn message(&mut self, role: &str, tool: Option<&str>, parts: &'c [Part<'a>]) -> Result<(), Refused> {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(b',');
        }
        self.out.extend_from_slice(b"{\"role\":");
        push_string(&mut self.out, role);
        self.out.extend_from_slice(b",\"content\":");
        // What a model says in pieces is one text; what people say in pieces are paragraphs.
        let content = joined(parts, if role == "assistant" { "" } else { "\n\n" }, text);
        push_string(&mut self.out, &content);
        let thinking = joined(parts, "\n\n", thinking);
        if !thinking.is_empty() {
            self.out.extend_from_slice(b",\"thinking\":");
            push_string(&mut self.out, &thinking);
        }
        self.push_images(parts)?;
        self.push_calls(parts)?;
        if let Some(name) = tool.filter(|name| !name.is_empty()) {
            self.out.extend_from_slice(b",\"tool_name\":");
            push_string(&mut self.out, name);
        }
        self.out.push(b'}');
        self.note_parts(parts);
        Ok(())
    }

    fn push_images(&mut self, parts: &[Part<'_>]) -> Result<(), Refused> {
        let mut before: &[u8] = b",\"images\":[";
        for part in parts {
            let Part::Media(media) = part else { continue };
            self.out.extend_from_slice(before);
            before = b",";
            push_string(&mut self.out, image(media)?);
        }
        if before == b"," {
            self.out.push(b']');
        }
        Ok(())
    }

    fn push_calls(&mut self, parts: &'c [Part<'a>]) -> Result<(), Refused> {
        let mut before: &[u8] = b",\"tool_calls\":[";
        for part in parts {
            let Part::ToolCall { id, name, arguments, signature } = part else { continue };
            note(self.dropped, "extra_content", signature.is_some());
            let arguments = object(arguments).ok_or_else(|| {
                let message = format!("the arguments of a call of `{name}` must be one JSON object");
                refused("invalid_value", "messages", message)
            })?;
            self.out.extend_from_slice(before);
            before = b",";
            push_call(&mut self.out, name, arguments);
            self.calls.called(id, name);
        }
        if before == b"," {
            self.out.push(b']');
        }
        Ok(())
    }

    fn note_parts(&mut self, parts: &[Part<'_>]) {
        for part in parts {
            match part {
                Part::Text { cached: Some(_), .. } => self.dropped.note("cache_control"),
                Part::Media(media) => {
                    note(self.dropped, "cache_control", media.cached.is_some());
                    note(self.dropped, "detail", media.detail.is_some());
                }
                Part::Thinking { signature: Some(_), .. } => self.dropped.note("signature"),
                Part::Redacted(_) => self.dropped.note("redacted_thinking"),
                _ => {}
            }
        }
    }
}

fn text<'p>(part: &'p Part<'_>) -> Option<&'p str> {
    if let Part::Text { text, .. } | Part::Refusal(text) = part { Some(text) } else { None }
}

fn thinking<'p>(part: &'p Part<'_>) -> Option<&'p str> {
    if let Part::Thinking { text, .. } = part { Some(text) } else { None }
}

/// The texts that `pick` finds; a single one is not copied.
fn joined<'p, 'a>(
    parts: &'p [Part<'a>],
    between: &str,
    pick: fn(&'p Part<'a>) -> Option<&'p str>,
) -> Cow<'p, str> {
    let mut texts = parts.iter().filter_map(pick);
    match (texts.next(), texts.next()) {
        (None, _) => Cow::Borrowed(""),
        (Some(only), None) => Cow::Borrowed(only),
        _ => Cow::Owned(parts.iter().filter_map(pick).collect::<Vec<_>>().join(between)),
    }
}

fn image<'p>(media: &'p Media<'_>) -> Result<&'p str, Refused> {
    let readable = media.mime.starts_with("image/") || media.mime == "application/octet-stream";
    match &media.source {
        Source::Data(data) if readable => Ok(data),
        _ => {
            let message = "this model's provider (Ollama) takes images only, and only as base64: \
                           send them as `data:` URLs, and documents as text";
            Err(refused("invalid_value", "messages", message.to_owned()))
        }
    }
}
