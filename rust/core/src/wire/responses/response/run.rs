//! What was said so far in an answer, and the events that the next piece of it gives.
//!
//! Invariant: a whole item tells only what its fragments did not, so nothing is told twice and nothing is lost,
//! whichever of the two a provider leaves out.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::error::told;
use super::super::words::{incomplete, seal, usage};
use super::{Answer, Item, Malformed, item};
use crate::wire::model::{Event, Finish};
use crate::wire::openai_chat::content::{Text, arguments, thought_signature};
use crate::wire::provenance::UNSIGNED;

pub(super) type Each<'e> = dyn FnMut(Event<'_>) + 'e;

/// Stands between two parts of thoughts, which are paragraphs.
const PARAGRAPH: &str = "\n\n";

/// The state of an answer.
#[derive(Debug, Default)]
pub(in super::super) struct Run {
    begun: bool,
    items: Vec<State>,
    calls: u32,
    refused: bool,
}

/// The state of an output item.
#[derive(Debug, Default)]
struct State {
    index: u64,
    call: Option<u32>,
    /// Something of it was told: its text, thoughts or arguments.
    told: bool,
    measured: bool,
    /// The part of the thoughts that is being told.
    part: u64,
    settled: bool,
}

impl Run {
    /// Tells that the answer begins, once.
    pub(in super::super) fn begin(&mut self, answer: &Answer<'_>, each: &mut Each<'_>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let (id, model) = (Text::of(answer.id.as_ref()), Text::of(answer.model.as_ref()));
        let created_s = answer.created_s();
        each(Event::Start { id: Cow::Borrowed(id), model: Cow::Borrowed(model), created_s });
    }

    /// The same where no response said so before its first piece.
    pub(in super::super) fn begin_unnamed(&mut self, each: &mut Each<'_>) {
        if !std::mem::replace(&mut self.begun, true) {
            each(Event::Start { id: Cow::Borrowed(""), model: Cow::Borrowed(""), created_s: 0 });
        }
    }

    fn item(&mut self, index: u64) -> &mut State {
        let known = self.items.iter().rposition(|state| state.index == index);
        let at = known.unwrap_or(self.items.len());
        if known.is_none() {
            self.items.push(State { index, ..State::default() });
        }
        &mut self.items[at]
    }

    pub(in super::super) fn text(&mut self, index: u64, text: &str, each: &mut Each<'_>) {
        if !text.is_empty() {
            self.item(index).told = true;
            each(Event::Text { choice: 0, text: Cow::Borrowed(text) });
        }
    }

    pub(in super::super) fn refuse(&mut self, index: u64, text: &str, each: &mut Each<'_>) {
        if !text.is_empty() {
            self.item(index).told = true;
            self.refused = true;
            each(Event::Refusal { choice: 0, text: Cow::Borrowed(text) });
        }
    }

    pub(in super::super) fn measure(&mut self, index: u64, raw: Option<&RawValue>, each: &mut Each<'_>) {
        let Some(content) = raw.map(RawValue::get).filter(|list| list.contains('{')) else { return };
        self.item(index).measured = true;
        each(Event::Logprobs { choice: 0, content: Cow::Borrowed(content) });
    }

    /// Takes thoughts; `part` counts their paragraphs.
    pub(in super::super) fn think(&mut self, index: u64, part: u64, text: &str, each: &mut Each<'_>) {
        let state = self.item(index);
        if std::mem::replace(&mut state.part, part) != part && state.told {
            each(Event::Thinking { choice: 0, text: Cow::Borrowed(PARAGRAPH) });
        }
        if !text.is_empty() {
            state.told = true;
            each(Event::Thinking { choice: 0, text: Cow::Borrowed(text) });
        }
    }

    /// Takes arguments of a call that has begun; of another they are told when it is whole.
    pub(in super::super) fn argue(&mut self, index: u64, json: &str, each: &mut Each<'_>) {
        let state = self.item(index);
        if let Some(call) = state.call.filter(|_| !json.is_empty()) {
            state.told = true;
            each(Event::ToolArguments { choice: 0, call, json: Cow::Borrowed(json) });
        }
    }

    /// Begins the call of an item that is one and has a name, once.
    pub(in super::super) fn call(&mut self, index: u64, item: &Item<'_>, each: &mut Each<'_>) {
        let (number, name) = (self.calls, Text::of(item.name.as_ref()));
        let state = self.item(index);
        if item.kind() != "function_call" || name.is_empty() || state.call.is_some() {
            return;
        }
        state.call = Some(number);
        self.calls = number.saturating_add(1);
        let id = Text::of(item.call_id.as_ref().or(item.id.as_ref()));
        each(Event::ToolStart {
            choice: 0,
            call: number,
            id: Cow::Borrowed(id),
            name: Cow::Borrowed(name),
            signature: thought_signature(item.extra_content),
        });
    }

    /// Takes a whole item and tells what was not told of it.
    pub(in super::super) fn settle(&mut self, index: u64, item: &Item<'_>, each: &mut Each<'_>) {
        let state = self.item(index);
        if std::mem::replace(&mut state.settled, true) {
            return;
        }
        let (told, measured) = (state.told, state.measured);
        match item.kind() {
            "message" => {
                for part in item.content.iter().flatten() {
                    if !told {
                        self.text(index, Text::of(part.text.as_ref()), each);
                        self.refuse(index, Text::of(part.refusal.as_ref()), each);
                    }
                    if !measured {
                        self.measure(index, part.logprobs, each);
                    }
                }
            }
            "function_call" => {
                self.call(index, item, each);
                if !told {
                    self.argue(index, &arguments(item.arguments), each);
                }
            }
            _ => self.seal(index, item, told, each),
        }
    }

    /// Ends a run of thoughts: signed where there were any, else only the provider can read them.
    fn seal(&mut self, index: u64, item: &Item<'_>, told: bool, each: &mut Each<'_>) {
        let mut parts = item.summary.iter().chain(&item.content).flatten().peekable();
        let aloud = told || parts.peek().is_some();
        if !told {
            for (part, number) in parts.zip(0..) {
                self.think(index, number, Text::of(part.text.as_ref()), each);
            }
        }
        let data = Text::of(item.encrypted_content.as_ref());
        let data = (!data.is_empty() && data != UNSIGNED).then(|| seal(Text::of(item.id.as_ref()), data));
        match data {
            Some(signature) if aloud => each(Event::Signature { choice: 0, signature }),
            Some(data) => each(Event::Redacted { choice: 0, data }),
            None => {}
        }
    }

    /// Takes the finished response and ends the answer.
    pub(in super::super) fn finish(
        &mut self,
        answer: &Answer<'_>,
        each: &mut Each<'_>,
    ) -> Result<(), Malformed> {
        for (raw, index) in answer.output.iter().flatten().zip(0..) {
            if let Some(item) = item(raw)? {
                self.settle(index, &item, each);
            }
        }
        let reason = match answer.status() {
            "incomplete" => incomplete(answer.reason()),
            _ if self.calls > 0 => Finish::Tools,
            _ if self.refused => Finish::Refused,
            _ => Finish::Stop,
        };
        each(Event::Finish { choice: 0, reason, stop: None });
        tell_usage(answer, each);
        each(Event::End);
        Ok(())
    }
}

/// Tells the usage, if there is one.
pub(in super::super) fn tell_usage(answer: &Answer<'_>, each: &mut Each<'_>) {
    if let Some(usage) = answer.usage.and_then(|raw| usage(raw.get())) {
        each(Event::Usage(usage));
    }
}

/// Tells of an error in a response or in its place, if there is one.
pub(in super::super) fn tell_error(document: &[u8], answer: &Answer<'_>, each: &mut Each<'_>) -> bool {
    if answer.error.is_none() && !matches!(answer.status(), "failed" | "cancelled") {
        return false;
    }
    let (kind, message) = told(document);
    each(Event::Error { kind: Cow::Owned(kind), message: Cow::Owned(message) });
    true
}
