//! The conversation, written: instructions in `system`, the rest in turns that alternate.
//!
//! Invariant: no turn and no text is empty, results stand before whatever else is in their turn, and a result
//! has its call's id. Source: docs.anthropic.com/en/docs/build-with-claude/tool-use.

use std::borrow::Cow;

use super::media;
use crate::wire::anthropic::words::{push_input, push_raw, push_text};
use crate::wire::model::{Chat, Dropped, Part, Refused, Role};

/// One message: a run of turns of the same role.
struct Message<'c, 'a> {
    assistant: bool,
    parts: Vec<&'c Part<'a>>,
}

/// Appends `messages` and `system`, each behind a comma.
pub(super) fn push(out: &mut Vec<u8>, chat: &Chat<'_>, dropped: &mut Dropped) -> Result<(), Refused> {
    let (mut system, mut messages) = gather(chat, dropped);
    if messages.is_empty() {
        // The provider answers no instructions alone, where others do: they are what is asked, then.
        messages.push(Message { assistant: false, parts: std::mem::take(&mut system) });
    }
    if messages.iter().all(|message| message.parts.is_empty()) {
        return Err(Refused {
            code: "missing_required_parameter",
            param: Some("messages".to_owned()),
            message: "There is nothing to answer. Give `messages` at least one turn that is not empty."
                .to_owned(),
        });
    }
    if !system.is_empty() {
        out.extend_from_slice(b",\"system\":[");
        push_parts(out, &system, &mut Ids::default(), None);
        out.push(b']');
    }
    push_messages(out, &messages);
    Ok(())
}

/// Instructions, and messages of what the dialect can say; notes the rest.
fn gather<'c, 'a>(chat: &'c Chat<'a>, dropped: &mut Dropped) -> (Vec<&'c Part<'a>>, Vec<Message<'c, 'a>>) {
    let mut system = Vec::new();
    let mut messages: Vec<Message<'c, 'a>> = Vec::new();
    for turn in &chat.turns {
        if turn.name.is_some() {
            dropped.note("name");
        }
        let assistant = turn.role == Role::Assistant;
        let mut parts: Vec<&Part<'a>> = turn.parts.iter().filter(|part| sayable(part, dropped)).collect();
        if assistant && parts.iter().any(|part| matches!(part, Part::Media(_))) {
            // The model's own pictures are not taken back.
            parts.retain(|part| !matches!(part, Part::Media(_)));
            dropped.note("content");
        }
        if parts.is_empty() {
            continue;
        }
        if matches!(turn.role, Role::System | Role::Developer) {
            for part in parts {
                if matches!(part, Part::Text { .. }) { system.push(part) } else { dropped.note("content") }
            }
            continue;
        }
        match messages.last_mut() {
            Some(last) if last.assistant == assistant => last.parts.extend(parts),
            _ => messages.push(Message { assistant, parts }),
        }
    }
    for message in messages.iter_mut().filter(|message| !message.assistant) {
        message.parts.sort_by_key(|part| !matches!(part, Part::ToolResult { .. }));
    }
    (system, messages)
}

/// Thoughts without a signature are another provider's: this one refuses them.
fn sayable(part: &Part<'_>, dropped: &mut Dropped) -> bool {
    match part {
        Part::Text { text, .. } | Part::Refusal(text) => !text.trim().is_empty(),
        Part::Media(media) => media::sayable(media, dropped),
        Part::ToolCall { signature, .. } => {
            if signature.is_some() {
                dropped.note("extra_content");
            }
            true
        }
        Part::Thinking { signature: Some(_), .. } | Part::Redacted(_) => true,
        Part::Thinking { signature: None, .. } => {
            dropped.note("reasoning_content");
            false
        }
        Part::ToolResult { parts, .. } => {
            for part in parts {
                sayable(part, dropped);
            }
            true
        }
    }
}

fn push_messages(out: &mut Vec<u8>, messages: &[Message<'_, '_>]) {
    let mut ids = Ids::default();
    out.extend_from_slice(b",\"messages\":[");
    for (at, message) in messages.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_text(out, b"{\"role\":", if message.assistant { "assistant" } else { "user" });
        out.extend_from_slice(b",\"content\":[");
        // A beginning of the answer must not end in white space.
        let begun = message.assistant && at + 1 == messages.len();
        let trimmed = if begun { message.parts.len().checked_sub(1) } else { None };
        push_parts(out, &message.parts, &mut ids, trimmed);
        out.extend_from_slice(b"]}");
    }
    out.push(b']');
}

/// Appends blocks; the end of the text at `trimmed` loses its white space.
fn push_parts<'c>(out: &mut Vec<u8>, parts: &[&'c Part<'_>], ids: &mut Ids<'c>, trimmed: Option<usize>) {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match part {
            Part::Text { text, cached } => {
                let text = if trimmed == Some(at) { text.trim_end() } else { text };
                push_text(out, b"{\"type\":\"text\",\"text\":", text);
                push_raw(out, b",\"cache_control\":", *cached);
                out.push(b'}');
            }
            Part::Refusal(text) => {
                push_text(out, b"{\"type\":\"text\",\"text\":", text.trim_end());
                out.push(b'}');
            }
            Part::Media(media) => media::push(out, media),
            Part::Thinking { text, signature } => {
                push_text(out, b"{\"type\":\"thinking\",\"thinking\":", text);
                push_text(out, b",\"signature\":", signature.as_deref().unwrap_or_default());
                out.push(b'}');
            }
            Part::Redacted(data) => {
                push_text(out, b"{\"type\":\"redacted_thinking\",\"data\":", data);
                out.push(b'}');
            }
            Part::ToolCall { id, name, arguments, .. } => {
                push_text(out, b"{\"type\":\"tool_use\",\"id\":", &ids.of_call(id, name));
                push_text(out, b",\"name\":", name);
                out.extend_from_slice(b",\"input\":");
                push_input(out, arguments);
                out.push(b'}');
            }
            Part::ToolResult { .. } => push_result(out, part, ids),
        }
    }
}

fn push_result<'c>(out: &mut Vec<u8>, part: &'c Part<'_>, ids: &mut Ids<'c>) {
    let Part::ToolResult { id, name, parts, failed, cached } = part else { return };
    let id = ids.of_result(id, name.as_deref());
    push_text(out, b"{\"type\":\"tool_result\",\"tool_use_id\":", &id);
    let inner: Vec<&Part<'_>> = parts.iter().filter(|part| may_stand_in_result(part)).collect();
    match inner.as_slice() {
        [] => {}
        [Part::Text { text, cached: None }] => push_text(out, b",\"content\":", text),
        blocks => {
            out.extend_from_slice(b",\"content\":[");
            push_parts(out, blocks, ids, None);
            out.push(b']');
        }
    }
    if *failed {
        out.extend_from_slice(b",\"is_error\":true");
    }
    push_raw(out, b",\"cache_control\":", *cached);
    out.push(b'}');
}

fn may_stand_in_result(part: &Part<'_>) -> bool {
    match part {
        Part::Media(media) => media::sayable(media, &mut Dropped::default()),
        Part::Text { text, .. } => !text.trim().is_empty(),
        _ => false,
    }
}

/// Ids of calls. Where the other dialect has none, they are made: a result belongs to the oldest call of its
/// name that has no result yet.
#[derive(Default)]
struct Ids<'c> {
    made: u64,
    open: Vec<(&'c str, String)>,
}

impl<'c> Ids<'c> {
    fn of_call<'i>(&mut self, id: &'i str, name: &'c str) -> Cow<'i, str> {
        if !id.is_empty() {
            return clean(id);
        }
        let id = self.make();
        self.open.push((name, id.clone()));
        Cow::Owned(id)
    }

    fn of_result<'i>(&mut self, id: &'i str, name: Option<&str>) -> Cow<'i, str> {
        if !id.is_empty() {
            return clean(id);
        }
        let same = self.open.iter().position(|(open, _)| name.is_none_or(|name| *open == name));
        match same {
            Some(at) => Cow::Owned(self.open.remove(at).1),
            None => Cow::Owned(self.make()),
        }
    }

    fn make(&mut self) -> String {
        self.made += 1;
        format!("toolu_{}", self.made)
    }
}

/// The provider takes ids of letters, digits, `_` and `-` alone; other providers' calls have dots and colons.
fn clean(id: &str) -> Cow<'_, str> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    if id.chars().all(allowed) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(id.chars().map(|character| if allowed(character) { character } else { '_' }).collect())
}
