//! The conversation, written.
//!
//! Invariant: no content is empty, and none follows another of its own role.
//! Source: ai.google.dev/gemini-api/docs/function-calling, ai.google.dev/gemini-api/docs/thought-signatures.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use super::blame::{invalid, missing};
use super::{Settings, media};
use crate::json::push_string;
use crate::wire::gemini::lenient::{compact, is_object};
use crate::wire::gemini::pieces::{push_signature, push_text};
use crate::wire::model::{Chat, Dropped, Media, Part, Refused, Role, Turn};

/// The signature that Google's own page gives for calls that come from elsewhere.
const SKIP_CHECK: &str = "skip_thought_signature_validator";

/// A content that is being written: its parts, separated.
#[derive(Default)]
struct Content {
    /// Results of tools: they come first.
    results: Vec<u8>,
    parts: Vec<u8>,
    /// Whether a call of this content was written.
    called: bool,
}

struct Turns<'c> {
    settings: &'c Settings<'c>,
    dropped: &'c mut Dropped,
    /// The tools of the calls so far, by id.
    calls: BTreeMap<&'c str, &'c str>,
    /// The tools of calls without an id that no result has answered yet: results without one answer them in
    /// their order.
    unnamed: VecDeque<&'c str>,
}

pub(super) fn push(
    chat: &Chat<'_>,
    settings: &Settings<'_>,
    dropped: &mut Dropped,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    let mut turns = Turns { settings, dropped, calls: BTreeMap::new(), unnamed: VecDeque::new() };
    let (system, others): (Vec<_>, Vec<_>) =
        chat.turns.iter().partition(|turn| matches!(turn.role, Role::System | Role::Developer));
    let instructions = turns.instructions(&system);
    out.extend_from_slice(b"\"contents\":[");
    let before = out.len();
    turns.contents(&others, out)?;
    if out.len() == before {
        if instructions.is_empty() {
            return Err(missing(
                "messages",
                "There is nothing to answer. Send at least one message with content.",
            ));
        }
        // Google demands a content, and instructions that stand alone are what is to be answered.
        close(out, "user", &Content { parts: instructions, ..Content::default() });
        out.push(b']');
        return Ok(());
    }
    out.push(b']');
    if !instructions.is_empty() {
        out.extend_from_slice(b",\"systemInstruction\":{\"parts\":[");
        out.extend_from_slice(&instructions);
        out.extend_from_slice(b"]}");
    }
    Ok(())
}

impl<'c> Turns<'c> {
    fn instructions(&mut self, turns: &[&Turn<'_>]) -> Vec<u8> {
        let mut parts = Vec::new();
        for part in turns.iter().flat_map(|turn| &turn.parts) {
            match part {
                Part::Text { text, cached } if !text.is_empty() => {
                    self.cached(cached.is_some());
                    separate(&mut parts);
                    push_text(&mut parts, text, false, None);
                }
                Part::Text { .. } => {}
                _ => self.dropped.note("messages.content"),
            }
        }
        parts
    }

    fn contents(&mut self, turns: &[&'c Turn<'_>], out: &mut Vec<u8>) -> Result<(), Refused> {
        let mut at = 0;
        let mut first = true;
        while let Some(role) = turns.get(at).map(|turn| turn.role) {
            let mut content = Content::default();
            while let Some(turn) = turns.get(at).filter(|turn| turn.role == role) {
                self.turn(turn, &mut content)?;
                at += 1;
            }
            if content.is_empty() {
                continue;
            }
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            close(out, if role == Role::Assistant { "model" } else { "user" }, &content);
        }
        Ok(())
    }

    fn turn(&mut self, turn: &'c Turn<'_>, content: &mut Content) -> Result<(), Refused> {
        if turn.name.is_some() {
            self.dropped.note("name");
        }
        let mut parts = turn.parts.iter().peekable();
        while let Some(part) = parts.next() {
            let signature = match (part, parts.peek()) {
                // A signature without thoughts is that of the text before it.
                (Part::Text { .. }, Some(Part::Thinking { text, signature })) if text.is_empty() => {
                    parts.next();
                    signature.as_deref()
                }
                _ => None,
            };
            self.part(part, signature, content)?;
        }
        Ok(())
    }

    fn part(&mut self, part: &'c Part<'_>, mark: Option<&str>, content: &mut Content) -> Result<(), Refused> {
        match part {
            Part::Text { text, cached } => {
                self.cached(cached.is_some());
                content.say(text, false, mark);
            }
            Part::Thinking { text, signature } => content.say(text, !text.is_empty(), signature.as_deref()),
            Part::Refusal(text) => content.say(text, false, None),
            Part::Redacted(_) => self.dropped.note("redacted_thinking"),
            Part::Media(media) => self.media(media, &mut content.parts)?,
            Part::ToolCall { id, name, arguments, signature } => {
                if id.is_empty() {
                    self.unnamed.push_back(name);
                } else {
                    self.calls.insert(id, name);
                }
                self.call((id, name), arguments, signature.as_deref(), content)?;
            }
            Part::ToolResult { id, name, parts, failed, cached } => {
                self.cached(cached.is_some());
                let name = self.called(id, name.as_deref())?;
                self.result((id, name), parts, *failed, content)?;
            }
        }
        Ok(())
    }

    fn cached(&mut self, cached: bool) {
        if cached {
            self.dropped.note("cache_control");
        }
    }

    fn media(&mut self, media: &Media<'_>, parts: &mut Vec<u8>) -> Result<(), Refused> {
        separate(parts);
        media::push(parts, media, self.dropped)
    }

    fn call(
        &mut self,
        call: (&str, &str),
        arguments: &str,
        signature: Option<&str>,
        content: &mut Content,
    ) -> Result<(), Refused> {
        let arguments = if arguments.trim_ascii().is_empty() { "{}" } else { arguments };
        if !is_object(arguments) {
            let message = format!("The arguments of the call of {:?} are not one JSON object.", call.1);
            return Err(invalid("messages", message));
        }
        let skip = self.settings.skip_signature_check && !content.called;
        content.called = true;
        separate(&mut content.parts);
        content.parts.extend_from_slice(b"{\"functionCall\":{");
        self.push_id(call.0, &mut content.parts);
        content.parts.extend_from_slice(b"\"name\":");
        push_string(&mut content.parts, call.1);
        content.parts.extend_from_slice(b",\"args\":");
        content.parts.extend_from_slice(compact(arguments).as_bytes());
        content.parts.push(b'}');
        push_signature(&mut content.parts, signature.or_else(|| skip.then_some(SKIP_CHECK)));
        content.parts.push(b'}');
        Ok(())
    }

    fn push_id(&self, id: &str, out: &mut Vec<u8>) {
        if !id.is_empty() && !self.settings.omit_call_ids {
            out.extend_from_slice(b"\"id\":");
            push_string(out, id);
            out.push(b',');
        }
    }

    /// The tool whose result it is: told, or that of the call with the same id, or the next one without.
    fn called(&mut self, id: &str, told: Option<&'c str>) -> Result<&'c str, Refused> {
        let found = if id.is_empty() { self.unnamed.pop_front() } else { self.calls.get(id).copied() };
        told.or(found).ok_or_else(|| {
            let message =
                format!("The tool result {id:?} answers no call before it. Send the call's own id.");
            invalid("messages", message)
        })
    }

    fn result(
        &mut self,
        call: (&str, &str),
        parts: &[Part<'_>],
        failed: bool,
        content: &mut Content,
    ) -> Result<(), Refused> {
        let mut media = Vec::new();
        for part in parts {
            match part {
                Part::Media(item) => self.media(item, &mut media)?,
                Part::Text { cached, .. } => self.cached(cached.is_some()),
                _ => self.dropped.note("messages.content"),
            }
        }
        let out = &mut content.results;
        separate(out);
        out.extend_from_slice(b"{\"functionResponse\":{");
        self.push_id(call.0, out);
        out.extend_from_slice(b"\"name\":");
        push_string(out, call.1);
        out.extend_from_slice(b",\"response\":");
        push_said(out, &said(parts), failed);
        if self.settings.media_in_results && !media.is_empty() {
            out.extend_from_slice(b",\"parts\":[");
            out.append(&mut media);
            out.push(b']');
        }
        out.extend_from_slice(b"}}");
        if !media.is_empty() {
            separate(&mut content.parts);
            content.parts.append(&mut media);
        }
        Ok(())
    }
}

impl Content {
    fn is_empty(&self) -> bool {
        self.results.is_empty() && self.parts.is_empty()
    }

    /// Google refuses a text that is empty, unless it carries a signature.
    fn say(&mut self, text: &str, thought: bool, signature: Option<&str>) {
        if !text.is_empty() || signature.is_some() {
            separate(&mut self.parts);
            push_text(&mut self.parts, text, thought, signature);
        }
    }
}

fn close(out: &mut Vec<u8>, role: &str, content: &Content) {
    out.extend_from_slice(b"{\"role\":");
    push_string(out, role);
    out.extend_from_slice(b",\"parts\":[");
    out.extend_from_slice(&content.results);
    if !content.results.is_empty() && !content.parts.is_empty() {
        out.push(b',');
    }
    out.extend_from_slice(&content.parts);
    out.extend_from_slice(b"]}");
}

fn separate(parts: &mut Vec<u8>) {
    if !parts.is_empty() {
        parts.push(b',');
    }
}

/// What a tool said in words.
fn said<'p>(parts: &'p [Part<'_>]) -> Cow<'p, str> {
    let mut texts = parts.iter().filter_map(|part| match part {
        Part::Text { text, .. } => Some(&**text),
        _ => None,
    });
    let first = texts.next().unwrap_or_default();
    texts.fold(Cow::Borrowed(first), |said, text| Cow::Owned(format!("{said}\n{text}")))
}

/// The `response`: an object as it stands, and any other text under the name that Google gives it.
fn push_said(out: &mut Vec<u8>, said: &str, failed: bool) {
    let object = is_object(said);
    if object && !failed {
        out.extend_from_slice(compact(said).as_bytes());
        return;
    }
    out.extend_from_slice(if failed { b"{\"error\":" } else { b"{\"output\":" });
    if object {
        out.extend_from_slice(compact(said).as_bytes());
    } else {
        push_string(out, said);
    }
    out.push(b'}');
}
