//! Turns, said as messages.
//!
//! Invariant: the results of a run of user turns stand first, each in a tool message of its own, so that they
//! follow the calls they answer; media that came with them follow in a user message, as a tool's message has
//! only text. Every call has an id, and its result has the same.

use std::borrow::Cow;
use std::collections::VecDeque;

use serde_json::value::RawValue;

use super::super::calls::{Call, push_call, push_list, push_redacted, push_thinking};
use super::super::members::Members;
use super::{Instructions, Settings, Thinking, media};
use crate::json::push_string;
use crate::wire::model::{Dropped, Media, Part, Refused, Role, Turn};

/// A piece of a message's content.
#[derive(Clone, Copy)]
enum Piece<'p> {
    Text(&'p str, Option<&'p RawValue>),
    Media(&'p Media<'p>, Option<&'p RawValue>),
}

/// What an assistant's turn says, sorted by the members of its message.
#[derive(Default)]
struct Said {
    text: Option<String>,
    refusal: String,
    thoughts: String,
    calls: Vec<u8>,
    blocks: Vec<u8>,
}

struct Messages<'m> {
    out: &'m mut Vec<u8>,
    settings: &'m Settings<'m>,
    dropped: &'m mut Dropped,
    /// Instructions that wait for the first user turn.
    head: String,
    /// Ids made for calls that had none, with the tools' names, until their results come.
    made: VecDeque<(&'m str, String)>,
    count: usize,
}

/// Writes the list of messages.
pub(super) fn push<'m>(
    out: &'m mut Vec<u8>,
    turns: &'m [Turn<'m>],
    settings: &'m Settings<'m>,
    dropped: &'m mut Dropped,
) -> Result<(), Refused> {
    let mut messages =
        Messages { out, settings, dropped, head: String::new(), made: VecDeque::new(), count: 0 };
    messages.out.push(b'[');
    let system = |turn: &Turn<'_>| matches!(turn.role, Role::System | Role::Developer);
    let mut said: Vec<&'m Turn<'m>> = turns.iter().collect();
    if settings.instructions == Instructions::User {
        for turn in said.extract_if(.., |turn| system(turn)) {
            messages.gather(turn);
        }
    }
    let joins = |role| role == Role::User || (role == Role::Assistant && settings.alternate);
    for run in said.chunk_by(|one, other| one.role == other.role && joins(one.role)) {
        match run {
            [turn] if system(turn) => messages.system(turn)?,
            [turn, ..] if turn.role == Role::Assistant => messages.assistant(run),
            run => messages.user(run)?,
        }
    }
    if !messages.head.is_empty() {
        messages.user(&[])?;
    }
    messages.out.push(b']');
    Ok(())
}

impl<'m> Messages<'m> {
    /// Begins a message.
    fn open(&mut self, role: &str, name: Option<&str>) -> Members<'_> {
        if self.count > 0 {
            self.out.push(b',');
        }
        self.count += 1;
        let mut message = Members::open(self.out);
        message.text("role", role);
        if let Some(name) = name {
            message.text("name", name);
        }
        message
    }

    fn gather(&mut self, turn: &Turn<'_>) {
        for part in &turn.parts {
            if let Part::Text { text, cached } = part {
                if cached.is_some() {
                    self.dropped.note("cache_control");
                }
                if !self.head.is_empty() {
                    self.head.push_str("\n\n");
                }
                self.head.push_str(text);
            }
        }
    }

    fn system(&mut self, turn: &'m Turn<'m>) -> Result<(), Refused> {
        let role = match (self.settings.instructions, turn.role) {
            (Instructions::Developer, Role::Developer) => "developer",
            _ => "system",
        };
        let pieces = self.pieces(&turn.parts);
        self.message(role, turn.name.as_deref(), &pieces)
    }

    fn user(&mut self, run: &[&'m Turn<'m>]) -> Result<(), Refused> {
        let mut waiting: Vec<Piece<'m>> = Vec::new();
        for part in run.iter().flat_map(|turn| &turn.parts) {
            self.result(part, &mut waiting)?;
        }
        let head = std::mem::take(&mut self.head);
        let head = Some(head.as_str()).filter(|head| !head.is_empty());
        let mut before: Vec<Piece<'_>> = head.map(|text| Piece::Text(text, None)).into_iter().collect();
        before.extend(waiting);
        let mut name = None;
        for turn in run {
            let pieces = self.pieces(&turn.parts);
            if pieces.is_empty() && !turn.parts.is_empty() {
                continue;
            }
            before.extend(pieces);
            name = name.or(turn.name.as_deref());
            if !self.settings.alternate {
                self.message("user", name.take(), &before)?;
                before.clear();
            }
        }
        if before.is_empty() { Ok(()) } else { self.message("user", name, &before) }
    }

    /// Writes a tool's result; its media wait.
    fn result(&mut self, part: &'m Part<'m>, waiting: &mut Vec<Piece<'m>>) -> Result<(), Refused> {
        let Part::ToolResult { id, name, parts, failed, cached } = part else { return Ok(()) };
        if *failed {
            self.dropped.note("is_error");
        }
        let id = if id.is_empty() { self.made_id(name.as_deref()) } else { Cow::Borrowed(&**id) };
        let cached = self.cache_mark(*cached);
        let pieces = self.pieces(parts);
        let (media, texts): (Vec<_>, Vec<_>) =
            pieces.into_iter().partition(|piece| matches!(piece, Piece::Media(..)));
        waiting.extend(media);
        let join = self.settings.instructions == Instructions::User;
        let mut message = self.open("tool", None);
        message.text("tool_call_id", &id);
        push_content(message.key("content"), &texts, join)?;
        if let Some(cached) = cached {
            message.raw("cache_control", cached.get());
        }
        message.close();
        Ok(())
    }

    /// The id of the oldest call without one of its own that this result may answer.
    fn made_id(&mut self, name: Option<&str>) -> Cow<'m, str> {
        let wanted = |made: &(&str, String)| name.is_none_or(|name| name == made.0);
        let at = self.made.iter().position(wanted);
        let made = at.and_then(|at| self.made.remove(at));
        Cow::Owned(made.map_or_else(|| format!("call_{}", self.count), |(_, id)| id))
    }

    fn message(&mut self, role: &str, name: Option<&str>, pieces: &[Piece<'_>]) -> Result<(), Refused> {
        let join = self.settings.instructions == Instructions::User;
        let mut message = self.open(role, name);
        push_content(message.key("content"), pieces, join)?;
        message.close();
        Ok(())
    }

    /// Texts and media of a turn, cache marks only where they can be said.
    fn pieces<'p>(&mut self, parts: &'p [Part<'p>]) -> Vec<Piece<'p>> {
        let mut pieces = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Text { text, cached } => pieces.push(Piece::Text(text, self.cache_mark(*cached))),
                Part::Media(media) => pieces.push(Piece::Media(media, self.cache_mark(media.cached))),
                Part::Refusal(text) => pieces.push(Piece::Text(text, None)),
                _ => {}
            }
        }
        pieces
    }

    fn cache_mark<'p>(&mut self, cached: Option<&'p RawValue>) -> Option<&'p RawValue> {
        if cached.is_some() && !self.settings.extensions {
            self.dropped.note("cache_control");
        }
        cached.filter(|_| self.settings.extensions)
    }

    fn assistant(&mut self, run: &[&'m Turn<'m>]) {
        let mut said = Said::default();
        for turn in run {
            self.note_lost(&turn.parts);
            self.gather_said(&turn.parts, &mut said);
        }
        let name = run.iter().find_map(|turn| turn.name.as_deref());
        let keep = self.settings.thinking == Thinking::ReasoningContent;
        let blocks = keep && self.settings.extensions;
        let mut message = self.open("assistant", name);
        match &said.text {
            None if !said.calls.is_empty() || !said.refusal.is_empty() => message.raw("content", "null"),
            text => message.text("content", text.as_deref().unwrap_or_default()),
        }
        if keep && !said.thoughts.is_empty() {
            message.text("reasoning_content", &said.thoughts);
        }
        if !said.refusal.is_empty() {
            message.text("refusal", &said.refusal);
        }
        if blocks && !said.blocks.is_empty() {
            push_list(message.key("thinking_blocks"), &said.blocks);
        }
        if !said.calls.is_empty() {
            push_list(message.key("tool_calls"), &said.calls);
        }
        message.close();
    }

    fn gather_said(&mut self, parts: &'m [Part<'m>], said: &mut Said) {
        for part in parts {
            match part {
                Part::Text { text, .. } => said.text.get_or_insert_default().push_str(text),
                Part::Refusal(text) => said.refusal.push_str(text),
                Part::Thinking { text, signature } => {
                    said.thoughts.push_str(text);
                    push_thinking(&mut said.blocks, text, signature.as_deref());
                }
                Part::Redacted(data) => push_redacted(&mut said.blocks, data),
                Part::ToolCall { id, name, arguments, signature } => {
                    let made = id.is_empty().then(|| format!("call_{}_{}", self.count, self.made.len()));
                    let call = Call {
                        id: made.as_deref().unwrap_or(id),
                        name,
                        arguments: if arguments.trim().is_empty() { "{}" } else { arguments },
                        signature: signature.as_deref().filter(|_| self.settings.extensions),
                    };
                    push_call(&mut said.calls, None, &call);
                    self.made.extend(made.map(|id| (&**name, id)));
                }
                Part::Media(_) | Part::ToolResult { .. } => {}
            }
        }
    }

    /// Names what an assistant's message has no place for.
    fn note_lost(&mut self, parts: &[Part<'_>]) {
        let keep = self.settings.thinking == Thinking::ReasoningContent;
        let extensions = self.settings.extensions;
        for part in parts {
            match part {
                Part::Thinking { .. } if !keep => self.dropped.note("reasoning_content"),
                Part::Redacted(_) if !(keep && extensions) => self.dropped.note("redacted_thinking"),
                Part::Media(_) => self.dropped.note("image_url"),
                Part::Text { cached: Some(_), .. } => self.dropped.note("cache_control"),
                Part::ToolCall { signature: Some(_), .. } if !extensions => {
                    self.dropped.note("extra_content");
                }
                _ => {}
            }
        }
    }
}

fn push_content(out: &mut Vec<u8>, pieces: &[Piece<'_>], join: bool) -> Result<(), Refused> {
    match pieces {
        [] => push_string(out, ""),
        [Piece::Text(text, None)] => push_string(out, text),
        pieces if join && pieces.iter().all(|piece| matches!(piece, Piece::Text(..))) => {
            let texts: Vec<&str> = pieces
                .iter()
                .filter_map(|piece| if let Piece::Text(text, _) = piece { Some(*text) } else { None })
                .collect();
            push_string(out, &texts.join("\n\n"));
        }
        pieces => {
            for (at, piece) in pieces.iter().enumerate() {
                out.push(if at == 0 { b'[' } else { b',' });
                match piece {
                    Piece::Text(text, cached) => {
                        let mut part = Members::open(out);
                        part.text("type", "text");
                        part.text("text", text);
                        if let Some(cached) = cached {
                            part.raw("cache_control", cached.get());
                        }
                        part.close();
                    }
                    Piece::Media(media, cached) => media::push(out, media, *cached)?,
                }
            }
            out.push(b']');
        }
    }
    Ok(())
}
