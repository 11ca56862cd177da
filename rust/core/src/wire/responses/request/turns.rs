//! Turns, said as items.
//!
//! Invariant: items stand in the order of the parts; every call has an id, and its result has the same.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::words::unseal;
use super::content::{self, Piece};
use crate::wire::calls::Calls;
use crate::wire::model::{Dropped, Part, Role, Turn};
use crate::wire::openai_chat::members::Members;

struct Items<'m, 'o> {
    out: &'o mut Vec<u8>,
    dropped: &'o mut Dropped,
    calls: Calls<'m>,
    count: usize,
}

/// Writes the list of items.
pub(super) fn push(out: &mut Vec<u8>, turns: &[Turn<'_>], dropped: &mut Dropped) {
    out.push(b'[');
    let mut items = Items { out, dropped, calls: Calls::default(), count: 0 };
    for turn in turns {
        items.turn(turn);
    }
    items.out.push(b']');
}

/// Whether a turn holds thoughts that only the provider can read.
pub(super) fn sealed(turn: &Turn<'_>) -> bool {
    turn.parts
        .iter()
        .any(|part| matches!(part, Part::Redacted(_) | Part::Thinking { signature: Some(_), .. }))
}

impl<'m> Items<'m, '_> {
    /// Begins an item.
    fn open(&mut self, kind: &str) -> Members<'_> {
        if self.count > 0 {
            self.out.push(b',');
        }
        self.count += 1;
        let mut item = Members::open(self.out);
        item.text("type", kind);
        item
    }

    fn turn(&mut self, turn: &'m Turn<'m>) {
        if turn.name.is_some() {
            self.dropped.note("name");
        }
        let before = self.count;
        let mut pieces = Vec::new();
        for part in &turn.parts {
            if let Some(piece) = self.piece(part, turn.role) {
                pieces.push(piece);
                continue;
            }
            self.message(turn.role, &mut pieces);
            match part {
                Part::ToolCall { id, name, arguments, signature } => {
                    self.call(id, name, arguments, signature.is_some());
                }
                Part::ToolResult { id, name, parts, failed, cached } => {
                    self.mark(*cached);
                    if *failed {
                        self.dropped.note("is_error");
                    }
                    self.result(id, name.as_deref(), parts);
                }
                Part::Thinking { text, signature: Some(data) } => self.thought(Some(text), data),
                Part::Redacted(data) => self.thought(None, data),
                // The provider takes thoughts only as it sealed them.
                Part::Thinking { signature: None, .. } => self.dropped.note("reasoning_content"),
                Part::Text { .. } | Part::Refusal(_) | Part::Media(_) => {}
            }
        }
        if !pieces.is_empty() || (self.count == before && turn.role != Role::Assistant) {
            self.push_message(turn.role, &pieces);
        }
    }

    /// What a part is within a message; `None` where it is an item of its own, or nothing.
    fn piece<'p>(&mut self, part: &'p Part<'p>, role: Role) -> Option<Piece<'p>> {
        match part {
            Part::Text { text, cached } => {
                self.mark(*cached);
                Some(Piece::Text(text))
            }
            Part::Media(_) if role == Role::Assistant => {
                self.dropped.note("image_url");
                None
            }
            Part::Media(media) => {
                self.mark(media.cached);
                Some(Piece::Media(media))
            }
            // Only the model declines in a part of its own.
            Part::Refusal(text) if role == Role::Assistant => Some(Piece::Refusal(text)),
            Part::Refusal(text) => Some(Piece::Text(text)),
            _ => None,
        }
    }

    fn mark(&mut self, cached: Option<&RawValue>) {
        if cached.is_some() {
            self.dropped.note("cache_control");
        }
    }

    fn message(&mut self, role: Role, pieces: &mut Vec<Piece<'_>>) {
        if !pieces.is_empty() {
            self.push_message(role, pieces);
            pieces.clear();
        }
    }

    fn push_message(&mut self, role: Role, pieces: &[Piece<'_>]) {
        let (role, text_type) = match role {
            Role::System => ("system", "input_text"),
            Role::Developer => ("developer", "input_text"),
            Role::User => ("user", "input_text"),
            Role::Assistant => ("assistant", "output_text"),
        };
        let mut item = self.open("message");
        item.text("role", role);
        content::push(item.key("content"), pieces, text_type);
        item.close();
    }

    fn call(&mut self, id: &'m str, name: &'m str, arguments: &str, marked: bool) {
        let place = self.calls.called(id, name);
        if marked {
            self.dropped.note("extra_content");
        }
        let id = shown(id, place);
        let mut item = self.open("function_call");
        item.text("call_id", &id);
        item.text("name", name);
        item.text("arguments", if arguments.trim().is_empty() { "{}" } else { arguments });
        item.close();
    }

    fn result(&mut self, id: &str, name: Option<&str>, parts: &[Part<'_>]) {
        let place = self.calls.answered(id, name).map_or(self.count, |(place, _)| place);
        let pieces: Vec<Piece<'_>> = parts.iter().filter_map(|part| self.piece(part, Role::User)).collect();
        let id = shown(id, place);
        let mut item = self.open("function_call_output");
        item.text("call_id", &id);
        content::push(item.key("output"), &pieces, "input_text");
        item.close();
    }

    fn thought(&mut self, text: Option<&str>, data: &str) {
        let (id, data) = unseal(data);
        let mut item = self.open("reasoning");
        if let Some(id) = id {
            item.text("id", id);
        }
        let summary = item.key("summary");
        summary.push(b'[');
        if let Some(text) = text {
            let mut part = Members::open(summary);
            part.text("type", "summary_text");
            part.text("text", text);
            part.close();
        }
        summary.push(b']');
        item.text("encrypted_content", data);
        item.close();
    }
}

/// A call's id, made of its place where it has none.
fn shown(id: &str, place: usize) -> Cow<'_, str> {
    if id.is_empty() { Cow::Owned(format!("call_{place}")) } else { Cow::Borrowed(id) }
}
