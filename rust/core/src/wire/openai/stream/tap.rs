//! What is learned from the events that pass: content, end, usage, errors.
//!
//! Invariant: events of a stream differ in their deltas, so what stands before and behind the delta
//! is searched once and then only compared; equal bytes have equal facts. JSON is parsed only where a
//! search found `"usage"` or `"error"` with a value.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::delta::{Cursor, Cut};
use super::text::Text;
use crate::usage::Usage;

const MAX_ERROR_BYTES: usize = 8 * 1024;
const MAX_FRAME_BYTES: usize = 1024;

/// Why nothing more is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// `[DONE]` came.
    Done,
    /// The upstream reported an error in the stream.
    ErrorEvent,
    /// An event was not JSON.
    Garbage,
    /// An event was longer than [`crate::sse::MAX_EVENT_BYTES`].
    TooLarge,
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Drop,
    /// Nothing after this event passes; `[DONE]` itself does.
    Stop(Stop),
}

/// What a search of a part of an event found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Nothing: neither will it in equal bytes.
    Nothing,
    /// Facts that were noted; the event passes.
    Facts,
    /// The event does not pass.
    Ends(Verdict),
}

struct Keys {
    delta: Finder<'static>,
    text: Finder<'static>,
    finish: Finder<'static>,
    usage: Finder<'static>,
    error: Finder<'static>,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    delta: Finder::new("\"delta\""),
    text: Finder::new("\"text\""),
    finish: Finder::new("\"finish_reason\""),
    usage: Finder::new("\"usage\""),
    error: Finder::new("\"error\""),
});

#[derive(Deserialize)]
struct Top<'a> {
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Facts of one stream.
#[derive(Debug, Default)]
pub(super) struct Tap {
    pub(super) events: u64,
    pub(super) committed: bool,
    pub(super) finished: bool,
    pub(super) usage: Option<Usage>,
    pub(super) error: Vec<u8>,
    pub(super) text: Text,
    wants_usage: bool,
    /// What stood before the last delta, its brace included, when there was nothing in it.
    before: Vec<u8>,
    /// What stood behind it, when there was nothing in it.
    behind: Vec<u8>,
}

impl Tap {
    pub(super) fn new(wants_usage: bool) -> Self {
        Self { wants_usage, ..Self::default() }
    }

    /// Looks at the data of a whole event.
    #[inline]
    pub(super) fn event(&mut self, data: &[u8], named_error: bool) -> Verdict {
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            return Verdict::Stop(Stop::Done);
        }
        if !(data.starts_with(b"{") && data.ends_with(b"}")) {
            return Verdict::Stop(Stop::Garbage);
        }
        self.events += 1;
        if named_error {
            return self.fail(data);
        }
        self.parts(data)
    }

    /// Looks at what stands before a delta, at the delta, and at what stands behind it.
    #[inline]
    fn parts(&mut self, data: &[u8]) -> Verdict {
        let known = !self.before.is_empty() && data.starts_with(&self.before);
        let place = if known { Some(self.before.len() - 1) } else { next_place(data, 0) };
        let Some(place) = place else {
            return match self.search(data, data) {
                Found::Ends(verdict) => verdict,
                _ => Verdict::Pass,
            };
        };
        if !known {
            let found = self.search(data, &data[..place]);
            if let Found::Ends(verdict) = found {
                return verdict;
            }
            remember(&mut self.before, &data[..=place], found);
        }
        let mut cursor = Cursor::new(data, place);
        let mut content = self.walk(&mut cursor);
        let behind = &data[cursor.at()..];
        if behind != self.behind {
            let mut found = self.search(data, behind);
            if let Found::Ends(verdict) = found {
                return verdict;
            }
            while let Some(place) = next_place(data, cursor.at()) {
                cursor = Cursor::new(data, place);
                content |= self.walk(&mut cursor);
                found = Found::Facts;
            }
            remember(&mut self.behind, behind, found);
        }
        self.committed |= content;
        Verdict::Pass
    }

    /// Looks at the beginning of an event that is too long to be held.
    ///
    /// It is content: what is passed of it cannot be taken back. The second value tells whether
    /// it broke off inside a produced string.
    pub(super) fn beginning(&mut self, data: &[u8]) -> (Verdict, Option<Cut>) {
        let data = data.trim_ascii_start();
        if !data.starts_with(b"{") {
            return (Verdict::Stop(Stop::Garbage), None);
        }
        self.events += 1;
        let key = Cursor::new(data, 1).first_key();
        if key == Some(b"error") {
            return (self.fail(data), None);
        }
        let mut cut = None;
        let mut at = 0;
        while let Some(place) = next_place(data, at) {
            let mut cursor = Cursor::new(data, place);
            self.walk(&mut cursor);
            at = cursor.at();
            cut = cursor.cut;
        }
        self.committed = true;
        (Verdict::Pass, cut)
    }

    /// Looks at the last bytes of such an event.
    pub(super) fn ending(&mut self, data: &[u8]) -> Verdict {
        let data = data.trim_ascii_end();
        if !data.ends_with(b"}") {
            return Verdict::Stop(Stop::Garbage);
        }
        if let Some(at) = follows(&KEYS.usage, data, |byte| byte == b'{') {
            let mut values = serde_json::Deserializer::from_slice(&data[at..]).into_iter::<&RawValue>();
            if let Some(Ok(object)) = values.next() {
                self.usage = Usage::from_openai(object.get().as_bytes()).or(self.usage);
            }
        }
        self.finished |= follows(&KEYS.finish, data, |byte| byte == b'"').is_some();
        Verdict::Pass
    }

    /// Walks the delta or the text that begins at the cursor; tells whether it is content.
    #[inline]
    fn walk(&mut self, cursor: &mut Cursor<'_>) -> bool {
        match cursor.peek() {
            Some(b'{') => cursor.delta(&mut self.text),
            _ => cursor.produced(&mut self.text),
        }
    }

    /// Searches a `part` of `data` for what matters outside of deltas.
    fn search(&mut self, data: &[u8], part: &[u8]) -> Found {
        if follows(&KEYS.error, part, |byte| byte != b'n').is_some() && has_error(data) {
            return Found::Ends(self.fail(data));
        }
        let mut found = Found::Nothing;
        if follows(&KEYS.usage, part, |byte| byte == b'{').is_some() {
            if self.usage(data) && !self.wants_usage {
                return Found::Ends(Verdict::Drop);
            }
            found = Found::Facts;
        }
        if follows(&KEYS.finish, part, |byte| byte == b'"').is_some() {
            self.finished = true;
            self.committed = true;
            found = Found::Facts;
        }
        found
    }

    fn fail(&mut self, data: &[u8]) -> Verdict {
        self.error.extend_from_slice(&data[..data.len().min(MAX_ERROR_BYTES)]);
        Verdict::Stop(Stop::ErrorEvent)
    }

    /// Reads the usage of an event; tells whether the event has nothing else to say.
    fn usage(&mut self, data: &[u8]) -> bool {
        let Ok(top) = serde_json::from_slice::<Top>(data) else {
            return false;
        };
        let Some(usage) = top.usage.and_then(|raw| Usage::from_openai(raw.get().as_bytes())) else {
            return false;
        };
        self.usage = Some(usage);
        top.choices.is_none_or(|raw| {
            raw.get().bytes().all(|byte| byte == b'[' || byte == b']' || byte.is_ascii_whitespace())
        })
    }
}

/// Keeps bytes in which nothing was found, to know them again.
fn remember(kept: &mut Vec<u8>, bytes: &[u8], found: Found) {
    kept.clear();
    if found == Found::Nothing && bytes.len() <= MAX_FRAME_BYTES {
        kept.extend_from_slice(bytes);
    }
}

/// Where the next delta begins, or the next text of a text completion.
fn next_place(data: &[u8], from: usize) -> Option<usize> {
    let rest = &data[from..];
    let place = follows(&KEYS.delta, rest, |byte| byte == b'{')
        .or_else(|| follows(&KEYS.text, rest, |byte| byte == b'"'))?;
    Some(from + place)
}

/// Whether the event has an `error` of its own, not one somewhere inside.
fn has_error(data: &[u8]) -> bool {
    serde_json::from_slice::<Top>(data).is_ok_and(|top| top.error.is_some())
}

/// Finds a key whose value begins with a byte that `fits`; returns where the value begins.
#[inline]
fn follows(key: &Finder<'_>, data: &[u8], fits: impl Fn(u8) -> bool) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = key.find(&data[from..]) {
        let after = from + found + key.needle().len();
        let mut cursor = Cursor::new(data, after);
        if cursor.colon().is_some() && cursor.peek().is_some_and(&fits) {
            return Some(cursor.at());
        }
        from = after;
    }
    None
}
