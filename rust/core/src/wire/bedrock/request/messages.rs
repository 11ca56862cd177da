//! Turns as messages of alternating roles, and their parts as blocks.
//!
//! Invariant: two messages that follow each other differ in role, and none is empty; every result names a
//! call by the id that the call itself was given here. Source: API reference, `Message`, `ContentBlock`.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{media, note, refused};
use crate::json::push_string;
use crate::wire::calls::Calls;
use crate::wire::model::{Dropped, Part, Refused, Role, Turn};

/// Marks the end of a prefix worth caching.
pub(super) const CACHE_POINT: &[u8] = b"{\"cachePoint\":{\"type\":\"default\"}}";

/// Longest id of a call.
const MAX_ID_BYTES: usize = 64;

/// Blocks with commas between them.
pub(super) struct Blocks {
    out: Vec<u8>,
    caches: bool,
}

impl Blocks {
    pub(super) fn new(caches: bool) -> Self {
        Self { out: Vec::new(), caches }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// The texts of instructions; nothing else has a place there.
    pub(super) fn texts(&mut self, parts: &[Part<'_>], dropped: &mut Dropped) {
        for part in parts {
            if let Part::Text { text, cached } = part {
                self.text(text);
                self.cache_point(*cached, dropped);
            }
        }
    }

    /// The buffer, ready for the next block.
    fn next(&mut self) -> &mut Vec<u8> {
        if !self.out.is_empty() {
            self.out.push(b',');
        }
        &mut self.out
    }

    /// Bedrock refuses text that is empty or all space.
    fn text(&mut self, text: &str) {
        if !text.trim().is_empty() {
            let out = self.next();
            out.extend_from_slice(b"{\"text\":");
            push_string(out, text);
            out.push(b'}');
        }
    }

    fn cache_point(&mut self, cached: Option<&RawValue>, dropped: &mut Dropped) {
        if cached.is_none() {
            return;
        }
        if self.caches && !self.out.is_empty() {
            self.next().extend_from_slice(CACHE_POINT);
        } else {
            dropped.note("cache_control");
        }
    }
}

/// The list of messages as it grows.
pub(super) struct Messages<'c> {
    out: Vec<u8>,
    role: Option<&'static str>,
    /// Role of the last message that was written.
    written: Option<&'static str>,
    blocks: Blocks,
    calls: Calls<'c>,
    documents: u64,
    dropped: &'c mut Dropped,
}

impl<'c> Messages<'c> {
    pub(super) fn new(out: Vec<u8>, caches: bool, dropped: &'c mut Dropped) -> Self {
        let (blocks, calls) = (Blocks::new(caches), Calls::default());
        Self { out, role: None, written: None, blocks, calls, documents: 0, dropped }
    }

    pub(super) fn turn(&mut self, turn: &'c Turn<'_>) -> Result<(), Refused> {
        note(self.dropped, "name", turn.name.is_some());
        let role = if turn.role == Role::Assistant { "assistant" } else { "user" };
        if self.role != Some(role) {
            self.close();
            self.role = Some(role);
        }
        turn.parts.iter().try_for_each(|part| self.part(part))
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.close();
        self.out
    }

    /// Ends the message; one that says nothing is none, and the next of its role goes on with the last.
    fn close(&mut self) {
        let blocks = std::mem::take(&mut self.blocks.out);
        let Some(role) = self.role.filter(|_| !blocks.is_empty()) else { return };
        if self.written == Some(role) {
            self.out.truncate(self.out.len().saturating_sub(b"]}".len()));
            self.out.push(b',');
        } else {
            self.out.extend_from_slice(if self.written.is_some() {
                b",{\"role\":\""
            } else {
                b"{\"role\":\""
            });
            self.out.extend_from_slice(role.as_bytes());
            self.out.extend_from_slice(b"\",\"content\":[");
        }
        self.written = Some(role);
        self.out.extend_from_slice(&blocks);
        self.out.extend_from_slice(b"]}");
    }

    fn part(&mut self, part: &'c Part<'_>) -> Result<(), Refused> {
        match part {
            Part::Text { text, cached } => {
                self.blocks.text(text);
                self.blocks.cache_point(*cached, self.dropped);
            }
            Part::Refusal(text) => self.blocks.text(text),
            Part::Media(media) => {
                note(self.dropped, "detail", media.detail.is_some());
                media::push(self.blocks.next(), media, &mut self.documents)?;
                self.blocks.cache_point(media.cached, self.dropped);
            }
            Part::ToolCall { id, name, arguments, signature } => {
                if signature.is_some() {
                    self.dropped.note("extra_content");
                }
                self.call(id, name, arguments)?;
            }
            Part::ToolResult { id, name, parts, failed, cached } => {
                self.result(id, name.as_deref(), parts, *failed)?;
                self.blocks.cache_point(*cached, self.dropped);
            }
            Part::Thinking { text, signature } => self.thinking(text, signature.as_deref()),
            Part::Redacted(data) => {
                let out = self.blocks.next();
                out.extend_from_slice(b"{\"reasoningContent\":{\"redactedContent\":");
                push_string(out, data);
                out.extend_from_slice(b"}}");
            }
        }
        Ok(())
    }

    /// Thoughts that nobody has signed are another provider's, and are refused.
    fn thinking(&mut self, text: &str, signature: Option<&str>) {
        let Some(signature) = signature else {
            self.dropped.note("reasoning_content");
            return;
        };
        let out = self.blocks.next();
        out.extend_from_slice(b"{\"reasoningContent\":{\"reasoningText\":{\"text\":");
        push_string(out, text);
        out.extend_from_slice(b",\"signature\":");
        push_string(out, signature);
        out.extend_from_slice(b"}}}");
    }

    fn call(&mut self, id: &'c str, name: &'c str, arguments: &str) -> Result<(), Refused> {
        let place = self.calls.called(id, name);
        let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
        let object: Option<&RawValue> =
            serde_json::from_str(arguments).ok().filter(|object: &&RawValue| object.get().starts_with('{'));
        let Some(object) = object else {
            let message = format!("the arguments of a call of `{name}` must be one JSON object");
            return Err(refused("messages", message));
        };
        let out = self.blocks.next();
        out.extend_from_slice(b"{\"toolUse\":{\"toolUseId\":");
        push_string(out, &call_id(id, place));
        out.extend_from_slice(b",\"name\":");
        push_string(out, name);
        out.extend_from_slice(b",\"input\":");
        out.extend_from_slice(object.get().as_bytes());
        out.extend_from_slice(b"}}");
        Ok(())
    }

    fn result(
        &mut self,
        id: &str,
        name: Option<&str>,
        parts: &[Part<'_>],
        failed: bool,
    ) -> Result<(), Refused> {
        let place = self.calls.answered(id, name).map(|(place, _)| place);
        if id.is_empty() && place.is_none() {
            let message = "a tool's result must follow the call that it answers".to_owned();
            return Err(refused("messages", message));
        }
        let mut said = Blocks::new(false);
        for part in parts {
            match part {
                Part::Text { text, cached } => {
                    said.text(text);
                    said.cache_point(*cached, self.dropped);
                }
                Part::Media(media) => media::push(said.next(), media, &mut self.documents)?,
                _ => {}
            }
        }
        let out = self.blocks.next();
        out.extend_from_slice(b"{\"toolResult\":{\"toolUseId\":");
        push_string(out, &call_id(id, place.unwrap_or(0)));
        out.extend_from_slice(b",\"content\":[");
        out.extend_from_slice(&said.finish());
        // Success goes without saying, and not every model can be told.
        out.extend_from_slice(if failed { b"],\"status\":\"error\"}}" } else { b"]}}" });
        Ok(())
    }
}

/// A call's id in the letters that Bedrock allows; where there is none, its place makes one.
fn call_id(id: &str, place: usize) -> Cow<'_, str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if id.is_empty() {
        Cow::Owned(format!("tooluse_{place}"))
    } else if id.len() <= MAX_ID_BYTES && id.bytes().all(allowed) {
        Cow::Borrowed(id)
    } else {
        let bytes = id.bytes().take(MAX_ID_BYTES);
        Cow::Owned(bytes.map(|byte| if allowed(byte) { char::from(byte) } else { '_' }).collect())
    }
}
