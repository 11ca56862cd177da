//! What is learned from the events of a stream that passes as it is: content, end, usage, errors.
//!
//! Invariant: an event is looked at by its type; only fragments and the event that ends the stream are read, and
//! what the model produced is counted from its fragments, never a second time from their repetition.
//! Source: platform.openai.com/docs/api-reference/responses-streaming.

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::error::told;
use super::super::words::usage;
use crate::json::{Cursor, Kind};
use crate::usage::Usage;
use crate::wire::openai::stream::{Stop, Text};

const HEAD: &[u8] = b"{\"type\":\"";

/// The end of an event that ends a stream.
#[derive(Deserialize)]
struct Ending<'a> {
    #[serde(borrow)]
    response: Option<Response<'a>>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

/// Facts of one stream.
#[derive(Debug, Default)]
pub struct Tap {
    committed: bool,
    usage: Option<Usage>,
    stop: Option<Stop>,
    error: String,
    text: Text,
    /// The event that is passing in parts ends the stream.
    ending: bool,
}

impl Tap {
    /// Looks at the data of a whole event.
    pub fn event(&mut self, data: &[u8]) {
        let data = data.trim_ascii();
        // There is no `[DONE]` in this dialect; proxies add one.
        if self.stop.is_some() || data.is_empty() || data == b"[DONE]" {
            return;
        }
        if !(data.starts_with(b"{") && data.ends_with(b"}")) {
            self.stop = Some(Stop::Garbage);
            return;
        }
        match kind(data) {
            b"response.completed" | b"response.incomplete" => {
                self.end(data);
                self.stop = Some(Stop::Done);
            }
            b"response.failed" => {
                self.end(data);
                self.fail(data);
            }
            b"error" => self.fail(data),
            // An error as it would stand in a body, where a proxy failed.
            b"" if data.starts_with(b"{\"error\"") => self.fail(data),
            b"response.output_item.added" => self.item(data),
            b"response.output_item.done" => self.committed = true,
            kind if kind.ends_with(b".delta") => self.fragment(data, kind != b"response.audio.delta"),
            _ => {}
        }
    }

    /// Looks at the beginning of an event that is too long to be held: what is passed of it cannot be taken back.
    pub fn beginning(&mut self, data: &[u8]) {
        if self.stop.is_some() {
            return;
        }
        let data = data.trim_ascii_start();
        if !data.starts_with(b"{") {
            self.stop = Some(Stop::Garbage);
            return;
        }
        self.committed = true;
        match kind(data) {
            b"response.completed" | b"response.incomplete" => self.ending = true,
            b"response.failed" | b"error" => self.fail(data),
            kind if kind.ends_with(b".delta") => self.text.count(data.len() as u64),
            _ => {}
        }
    }

    /// Looks at the last bytes of such an event.
    pub fn ending(&mut self, data: &[u8]) {
        let data = data.trim_ascii_end();
        if self.stop.is_some() {
            return;
        }
        if !data.ends_with(b"}") {
            self.stop = Some(Stop::Garbage);
        } else if std::mem::take(&mut self.ending) {
            self.stop = Some(Stop::Done);
            self.usage = last_usage(data).or(self.usage);
        }
    }

    /// Whether content passed: text, thoughts, a call, or an item of any other kind.
    #[must_use]
    pub const fn committed(&self) -> bool {
        self.committed
    }

    /// Why nothing more passes: the end of the response, an error, or what is no event.
    #[must_use]
    pub const fn stop(&self) -> Option<Stop> {
        self.stop
    }

    /// The usage of the response.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// What the error event, or the response that failed, says; redacted.
    #[must_use]
    pub fn error_message(&self) -> Option<&str> {
        (self.stop == Some(Stop::ErrorEvent)).then_some(&self.error)
    }

    /// The produced text that is kept for counting.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.text.kept()
    }

    /// Takes the kept text, which makes room for more.
    pub fn take_text(&mut self) -> Option<Vec<u8>> {
        self.text.take()
    }

    /// All produced text so far, in bytes, kept or not.
    #[must_use]
    pub fn text_bytes(&self) -> u64 {
        self.text.total_bytes()
    }

    /// Takes the fragment of an event; `text` tells whether it is text.
    fn fragment(&mut self, data: &[u8], text: bool) {
        let Ok(mut cursor) = Cursor::new(data) else { return };
        let document = cursor.body();
        if !find(&mut cursor, "delta") || cursor.kind() != Ok(Kind::String) {
            return;
        }
        if let Ok(delta) = cursor.string() {
            self.committed |= delta.len_bytes > 0;
            if text {
                self.text.push(delta.raw(document).as_bytes());
            }
        }
    }

    /// Takes an item that begins: a message or thoughts are nothing yet, a call has a name.
    fn item(&mut self, data: &[u8]) {
        #[derive(Deserialize)]
        struct Added<'a> {
            #[serde(borrow)]
            item: Item<'a>,
        }
        #[derive(Deserialize)]
        struct Item<'a> {
            r#type: &'a str,
            name: Option<&'a str>,
        }
        let added: Result<Added<'_>, _> = serde_json::from_slice(data);
        let item = added.map(|added| added.item);
        self.committed |= item.as_ref().is_ok_and(|item| !matches!(item.r#type, "message" | "reasoning"));
        if let Ok(Item { r#type: "function_call" | "custom_tool_call", name: Some(name) }) = item {
            self.text.add(name.as_bytes());
        }
    }

    fn end(&mut self, data: &[u8]) {
        let ending: Option<Ending<'_>> = serde_json::from_slice(data).ok();
        let raw = ending.and_then(|ending| ending.response).and_then(|response| response.usage);
        self.usage = raw.and_then(|raw| usage(raw.get())).or(self.usage);
    }

    fn fail(&mut self, data: &[u8]) {
        #[derive(Deserialize)]
        struct Failed<'a> {
            #[serde(borrow)]
            response: &'a RawValue,
        }
        let failed: Option<Failed<'_>> = serde_json::from_slice(data).ok();
        let document = failed.map_or(data, |failed| failed.response.get().as_bytes());
        self.error = told(document).1;
        self.stop = Some(Stop::ErrorEvent);
    }
}

/// The type of an event, which stands first as a rule; empty where there is none.
fn kind(data: &[u8]) -> &[u8] {
    if let Some(rest) = data.strip_prefix(HEAD) {
        return memchr::memchr(b'"', rest).and_then(|end| rest.get(..end)).unwrap_or_default();
    }
    let Ok(mut cursor) = Cursor::new(data) else { return b"" };
    if !find(&mut cursor, "type") || cursor.kind() != Ok(Kind::String) {
        return b"";
    }
    cursor.string().ok().and_then(|text| data.get(text.start..text.end)).unwrap_or_default()
}

/// Goes to the value of a member of the outermost object; tells whether there is one.
fn find(cursor: &mut Cursor<'_>, wanted: &str) -> bool {
    let mut first = true;
    if cursor.open(b'{').is_err() {
        return false;
    }
    while let Ok(Some(name)) = cursor.member(&mut first) {
        if name.raw(cursor.body()) == wanted {
            return true;
        }
        if cursor.skip().is_err() {
            return false;
        }
    }
    false
}

/// The last `usage` in the last bytes of an event.
fn last_usage(data: &[u8]) -> Option<Usage> {
    let at = memmem::rfind(data, b"\"usage\"")?;
    let value = data.get(at + "\"usage\"".len()..)?.trim_ascii_start().strip_prefix(b":")?;
    let mut values = serde_json::Deserializer::from_slice(value).into_iter::<&RawValue>();
    usage(values.next()?.ok()?.get())
}
