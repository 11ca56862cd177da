//! Where a vendor's form of this protocol is smaller than `OpenAI`'s, and the request that it takes.
//!
//! Invariant: an edited body asks for the same as far as the vendor can be asked, and every byte outside the
//! edited members is kept; a body without such members is not copied at all.
//! Source: the page of the vendor's row in `providers/catalog.py`; platform.openai.com/docs/api-reference.

use std::ops::{BitOr, Range};

use super::request::Endpoint;
use crate::json::{Cursor, Kind, Malformed};
use crate::wire::model::Dropped;
use crate::wire::openai_chat::request::{EffortField, Instructions, Limit, Settings, StreamUsage};

/// Each quirk's name in the catalogue, and its bit.
const NAMES: [(&str, Quirks); 7] = [
    ("max_tokens", Quirks::MAX_TOKENS),
    ("max_completion_tokens", Quirks::MAX_COMPLETION_TOKENS),
    ("system_only", Quirks::SYSTEM_ONLY),
    ("no_stream_options", Quirks::NO_STREAM_OPTIONS),
    ("no_parallel_tool_calls", Quirks::NO_PARALLEL_TOOL_CALLS),
    ("no_reasoning_effort", Quirks::NO_REASONING_EFFORT),
    ("alternate", Quirks::ALTERNATE),
];

/// A set of quirks; the default is none, which is `OpenAI` itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks(u32);

impl BitOr for Quirks {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Quirks {
    /// Only `max_tokens` is known, the older name.
    pub const MAX_TOKENS: Self = Self(1);
    /// Only `max_completion_tokens` is known.
    pub const MAX_COMPLETION_TOKENS: Self = Self(1 << 1);
    /// The role `developer` is not known.
    pub const SYSTEM_ONLY: Self = Self(1 << 2);
    /// `stream_options` is refused; usage comes unasked, or not at all.
    pub const NO_STREAM_OPTIONS: Self = Self(1 << 3);
    /// `parallel_tool_calls` is refused or without effect.
    pub const NO_PARALLEL_TOOL_CALLS: Self = Self(1 << 4);
    /// `reasoning_effort` is refused or without effect.
    pub const NO_REASONING_EFFORT: Self = Self(1 << 5);
    /// User and assistant must alternate; a translated request is made so, a caller's own is left to be refused.
    pub const ALTERNATE: Self = Self(1 << 6);

    /// The quirk of a name in the catalogue.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, quirk)| *quirk)
    }

    /// Whether one of `other` is among these.
    #[must_use]
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// How a translated request is written for this vendor; usage is always asked for, since it is billed by.
    #[must_use]
    pub fn settings(self, model: &str) -> Settings<'_> {
        let mut settings = Settings { model, stream_usage: StreamUsage::Always, ..Settings::default() };
        if self.any(Self::MAX_TOKENS) {
            settings.limit = Limit::MaxTokens;
        }
        if self.any(Self::SYSTEM_ONLY) {
            settings.instructions = Instructions::System;
        }
        if self.any(Self::NO_STREAM_OPTIONS) {
            settings.stream_usage = StreamUsage::Never;
        }
        if self.any(Self::NO_REASONING_EFFORT) {
            settings.effort = EffortField::Absent;
        }
        settings.no_parallel_tool_calls = self.any(Self::NO_PARALLEL_TOOL_CALLS);
        settings.alternate = self.any(Self::ALTERNATE);
        settings
    }

    /// The body as this vendor takes it, or None where it is so already; notes what had to go.
    ///
    /// `body` is one that [`super::request::scan`] accepted for the endpoint.
    #[must_use]
    pub fn edit(self, body: &[u8], endpoint: Endpoint, dropped: &mut Dropped) -> Option<Vec<u8>> {
        let here = self.at(endpoint);
        if here.0 == 0 {
            return None;
        }
        let mut found = Found::read(body, here).ok()?;
        found.name_limit(here);
        found.remove(dropped);
        found.steps.sort_unstable_by_key(|(range, _)| range.start);
        (!found.steps.is_empty()).then(|| splice(body, &found.steps))
    }

    /// Those that change a caller's body at an endpoint.
    const fn at(self, endpoint: Endpoint) -> Self {
        match endpoint {
            Endpoint::Chat => Self(self.0 & !Self::ALTERNATE.0),
            Endpoint::Completions => Self(self.0 & Self::NO_STREAM_OPTIONS.0),
            Endpoint::Embeddings => Self(0),
        }
    }
}

/// A range of the body, and what stands there instead; a word of a string that needs no escape.
type Step = (Range<usize>, &'static str);

/// A member of the outermost object that may have to change.
struct Member {
    field: &'static str,
    /// Its name, quotes included.
    name: Range<usize>,
    /// How many members stand before it, and where the last of them ends.
    nth: usize,
    before: usize,
    /// Where its value ends, and where the next member begins if there is one.
    end: usize,
    next: Option<usize>,
    null: bool,
    goes: bool,
}

#[derive(Default)]
struct Found {
    members: Vec<Member>,
    steps: Vec<Step>,
}

impl Found {
    fn read(body: &[u8], quirks: Quirks) -> Result<Self, Malformed> {
        let mut found = Self::default();
        let mut cursor = Cursor::new(body)?;
        cursor.open(b'{')?;
        let (mut first, mut nth, mut before) = (true, 0, 0);
        while let Some(name) = cursor.member(&mut first)? {
            let range = name.start - 1..name.end + 1;
            if let Some(last) = found.members.last_mut().filter(|last| last.nth + 1 == nth) {
                last.next = Some(range.start);
            }
            let read = name.read(cursor.body());
            if read == "messages" && quirks.any(Quirks::SYSTEM_ONLY) && cursor.kind()? == Kind::Array {
                found.read_roles(&mut cursor)?;
            } else {
                let null = cursor.kind()? == Kind::Null;
                cursor.skip()?;
                if let Some((field, goes)) = touched(&read, quirks) {
                    let end = cursor.offset();
                    found.members.push(Member {
                        field,
                        name: range,
                        nth,
                        before,
                        end,
                        next: None,
                        null,
                        goes,
                    });
                }
            }
            (nth, before) = (nth + 1, cursor.offset());
        }
        Ok(found)
    }

    fn read_roles(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
        cursor.open(b'[')?;
        let mut first = true;
        while cursor.item(&mut first)? {
            if cursor.kind()? != Kind::Object {
                cursor.skip()?;
                continue;
            }
            cursor.open(b'{')?;
            let mut first = true;
            while let Some(name) = cursor.member(&mut first)? {
                if name.read(cursor.body()) != "role" || cursor.kind()? != Kind::String {
                    cursor.skip()?;
                    continue;
                }
                let role = cursor.string()?;
                if role.read(cursor.body()) == "developer" {
                    self.steps.push((role.start..role.end, "system"));
                }
            }
        }
        Ok(())
    }

    /// Leaves one maximum under the name that is known: the newer one's value if it has any, as a scan reads it.
    fn name_limit(&mut self, quirks: Quirks) {
        const NEW: &str = "max_completion_tokens";
        let known = match (quirks.any(Quirks::MAX_TOKENS), quirks.any(Quirks::MAX_COMPLETION_TOKENS)) {
            (true, _) => "max_tokens",
            (false, true) => NEW,
            (false, false) => return,
        };
        let limits = self.members.iter_mut().filter(|member| matches!(member.field, "max_tokens" | NEW));
        // The one that counts comes last.
        let mut limits: Vec<_> = limits.collect();
        limits.sort_by_key(|member| (!member.null, member.field == NEW));
        let Some(counts) = limits.pop() else { return };
        for other in limits {
            other.goes = true;
        }
        if counts.field != known {
            self.steps.push((counts.name.start + 1..counts.name.end - 1, known));
        }
    }

    /// Takes out the members that go, each with one of its commas.
    fn remove(&mut self, dropped: &mut Dropped) {
        let gone = self.members.iter().filter(|member| member.goes);
        for (already, member) in gone.enumerate() {
            let leads = already == member.nth;
            let range = if leads {
                member.name.start..member.next.unwrap_or(member.end)
            } else {
                member.before..member.end
            };
            self.steps.push((range, ""));
            if matches!(member.field, "parallel_tool_calls" | "reasoning_effort") && !member.null {
                dropped.note(member.field);
            }
        }
    }
}

/// The member's name if it matters to one of these, and whether it goes for certain.
fn touched(name: &str, quirks: Quirks) -> Option<(&'static str, bool)> {
    let (field, quirk, goes) = match name {
        "max_tokens" => ("max_tokens", Quirks::MAX_TOKENS | Quirks::MAX_COMPLETION_TOKENS, false),
        "max_completion_tokens" => {
            ("max_completion_tokens", Quirks::MAX_TOKENS | Quirks::MAX_COMPLETION_TOKENS, false)
        }
        "stream_options" => ("stream_options", Quirks::NO_STREAM_OPTIONS, true),
        "parallel_tool_calls" => ("parallel_tool_calls", Quirks::NO_PARALLEL_TOOL_CALLS, true),
        "reasoning_effort" => ("reasoning_effort", Quirks::NO_REASONING_EFFORT, true),
        _ => return None,
    };
    quirks.any(quirk).then_some((field, goes))
}

/// The body with each range replaced; ranges are in order and do not overlap.
fn splice(body: &[u8], steps: &[Step]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 32);
    let mut kept = 0;
    for (range, text) in steps {
        out.extend_from_slice(&body[kept..range.start]);
        out.extend_from_slice(text.as_bytes());
        kept = range.end;
    }
    out.extend_from_slice(&body[kept..]);
    out
}
