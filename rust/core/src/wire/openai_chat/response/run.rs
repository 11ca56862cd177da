//! What was said so far in an answer, and the events that its next chunk gives.
//!
//! Invariant: nothing of a choice follows its finish.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::content::{Content, Text, arguments, thought_signature};
use super::calling::{Calls, Fragment};
use super::shape::{Answer, Block, Call, Choice, Said, logprobs_content};
use crate::usage::Usage;
use crate::wire::model::{Event, Finish};
use crate::wire::openai::error::read_error;

pub(super) type Each<'e> = dyn FnMut(Event<'_>) + 'e;

/// The state of an answer.
#[derive(Debug, Default)]
pub(in super::super) struct Run {
    choices: Vec<State>,
    begun: bool,
    /// Each message comes whole: what it does not say will not follow.
    whole: bool,
}

/// The state of a choice.
#[derive(Debug, Default)]
struct State {
    index: u32,
    thought: bool,
    refused: bool,
    finished: bool,
    calls: Calls,
}

impl Run {
    pub(in super::super) fn whole() -> Self {
        Self { whole: true, ..Self::default() }
    }

    /// Tells that the answer begins, once; whether it has begun.
    pub(in super::super) fn begin(&mut self, answer: &Answer<'_>, each: &mut Each<'_>) -> bool {
        let (id, model) = (Text::of(answer.id.as_ref()), Text::of(answer.model.as_ref()));
        // Azure's first chunk tells of the prompt's filter and names nothing yet.
        let empty = answer.choices.as_ref().is_none_or(Vec::is_empty) && answer.usage.is_none();
        if self.begun || (id.is_empty() && empty) {
            return self.begun;
        }
        self.begun = true;
        let created_s = answer.created.and_then(|raw| raw.get().parse().ok()).unwrap_or(0);
        each(Event::Start { id: Cow::Borrowed(id), model: Cow::Borrowed(model), created_s });
        true
    }

    pub(in super::super) fn choice(&mut self, choice: &Choice<'_>, each: &mut Each<'_>) {
        let index = choice.index.unwrap_or(0);
        let at = self.choices.iter().position(|state| state.index == index).unwrap_or_else(|| {
            self.choices.push(State { index, ..State::default() });
            self.choices.len() - 1
        });
        let Some(state) = self.choices.get_mut(at).filter(|state| !state.finished) else { return };
        if let Some(said) = choice.delta.as_ref().or(choice.message.as_ref()) {
            state.say(said, self.whole, each);
        }
        if let Some(content) = logprobs_content(choice.logprobs) {
            each(Event::Logprobs { choice: index, content });
        }
        match Text::of(choice.finish_reason.as_ref()) {
            "" if !self.whole => {}
            reason => state.finish(reason, choice.stop_reason, each),
        }
    }

    /// Takes arguments of a call that a choice has begun.
    pub(in super::super) fn argue(
        &mut self,
        choice: u32,
        key: Option<u32>,
        json: Cow<'_, str>,
        each: &mut Each<'_>,
    ) {
        let fragment = Fragment { key, id: "", name: "", json, signature: None };
        if let Some(state) = self.choices.iter_mut().find(|state| state.index == choice && !state.finished) {
            state.calls.take(choice, fragment, each);
        }
    }

    /// Whether every choice that began has finished, and one at least did.
    pub(in super::super) fn finished(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|state| state.finished)
    }
}

/// Tells of an error, if there is one.
pub(in super::super) fn tell_error(body: &[u8], answer: &Answer<'_>, each: &mut Each<'_>) -> bool {
    // vLLM's errors are not within a member of that name.
    if answer.error.is_none() && Text::of(answer.object.as_ref()) != "error" {
        return false;
    }
    let error = read_error(body).unwrap_or_default();
    let kind = error.kind.or(error.code).unwrap_or_else(|| "upstream_error".to_owned());
    let known = !error.message.is_empty();
    let message = if known { error.message } else { "The provider reports an error.".to_owned() };
    each(Event::Error { kind: Cow::Owned(kind), message: Cow::Owned(message) });
    true
}

/// Tells the usage, if there is one.
pub(in super::super) fn tell_usage(raw: Option<&RawValue>, each: &mut Each<'_>) {
    if let Some(usage) = raw.and_then(|raw| usage(raw.get())) {
        each(Event::Usage(usage));
    }
}

/// Reads `usage`, with the tokens written to a cache where a vendor tells (`OpenRouter`).
fn usage(raw: &str) -> Option<Usage> {
    #[derive(Deserialize)]
    struct Told {
        prompt_tokens_details: Option<Details>,
    }
    #[derive(Deserialize)]
    struct Details {
        cache_write_tokens: Option<u64>,
    }
    let usage = Usage::from_openai(raw.as_bytes())?;
    let told = serde_json::from_str::<Told>(raw).ok().and_then(|told| told.prompt_tokens_details);
    let written = told.and_then(|details| details.cache_write_tokens).unwrap_or(0);
    Some(Usage { written, ..usage })
}

impl State {
    fn say(&mut self, said: &Said<'_>, whole: bool, each: &mut Each<'_>) {
        let thoughts = said.reasoning_content.as_ref().or(said.reasoning.as_ref());
        let blocks = said.thinking_blocks.as_deref().unwrap_or_default();
        // Signed blocks repeat what was thought aloud; where nothing was, they are what there is.
        let repeat = self.thought;
        if let Some(thoughts) = thoughts.filter(|_| repeat || blocks.is_empty()) {
            self.think(thoughts, each);
        }
        for block in blocks {
            self.block(block, repeat, each);
        }
        if let Some(content) = &said.content {
            self.content(content, each);
        }
        if let Some(refusal) = &said.refusal {
            self.refuse(&refusal.0, each);
        }
        for (at, call) in said.tool_calls.iter().flatten().enumerate() {
            let place = u32::try_from(at).ok().filter(|_| whole);
            self.call(call, place.or(call.index), each);
        }
        if let Some(function) = &said.function_call {
            let name = Text::of(function.name.as_ref());
            let json = arguments(function.arguments);
            let fragment = Fragment { key: None, id: "", name, json, signature: None };
            self.calls.take(self.index, fragment, each);
        }
    }

    fn text(&self, text: &str, each: &mut Each<'_>) {
        if !text.is_empty() {
            each(Event::Text { choice: self.index, text: Cow::Borrowed(text) });
        }
    }

    fn refuse(&mut self, text: &str, each: &mut Each<'_>) {
        if !text.is_empty() {
            self.refused = true;
            each(Event::Refusal { choice: self.index, text: Cow::Borrowed(text) });
        }
    }

    fn content(&mut self, content: &Content<'_>, each: &mut Each<'_>) {
        match content {
            Content::Text(text) => self.text(text, each),
            Content::Parts(parts) => {
                for part in parts {
                    if let Some(thoughts) = &part.thinking {
                        self.think(thoughts, each);
                    }
                    self.text(Text::of(part.text.as_ref()), each);
                    self.refuse(Text::of(part.refusal.as_ref()), each);
                }
            }
        }
    }

    fn think(&mut self, thoughts: &Content<'_>, each: &mut Each<'_>) {
        let mut think = |text: &str| {
            if !text.is_empty() {
                self.thought = true;
                each(Event::Thinking { choice: self.index, text: Cow::Borrowed(text) });
            }
        };
        match thoughts {
            Content::Text(text) => think(text),
            Content::Parts(parts) => parts.iter().for_each(|part| think(Text::of(part.text.as_ref()))),
        }
    }

    fn block(&mut self, block: &Block<'_>, repeat: bool, each: &mut Each<'_>) {
        let (choice, signature) = (self.index, Text::of(block.signature.as_ref()));
        if let Some(data) = &block.data {
            each(Event::Redacted { choice, data: Cow::Borrowed(&data.0) });
            return;
        }
        let text = Text::of(block.thinking.as_ref());
        if !repeat && !text.is_empty() {
            self.thought = true;
            each(Event::Thinking { choice, text: Cow::Borrowed(text) });
        }
        if !signature.is_empty() {
            each(Event::Signature { choice, signature: Cow::Borrowed(signature) });
        }
    }

    fn call(&mut self, call: &Call<'_>, key: Option<u32>, each: &mut Each<'_>) {
        let function = call.function.as_ref();
        let fragment = Fragment {
            key,
            id: Text::of(call.id.as_ref()),
            name: Text::of(function.and_then(|function| function.name.as_ref())),
            json: arguments(function.and_then(|function| function.arguments)),
            signature: thought_signature(call.extra_content),
        };
        self.calls.take(self.index, fragment, each);
    }

    fn finish(&mut self, reason: &str, stop: Option<&RawValue>, each: &mut Each<'_>) {
        self.calls.finish(self.index, each);
        self.finished = true;
        let reason = match reason {
            // A demanded tool and a refusal end with `stop` here, and have names of their own elsewhere.
            "stop" if self.calls.any() => Finish::Tools,
            "stop" if self.refused => Finish::Refused,
            "stop" => Finish::Stop,
            "length" => Finish::Length,
            "tool_calls" | "function_call" => Finish::Tools,
            "content_filter" => Finish::Filtered,
            _ => Finish::Other,
        };
        let stop = stop.and_then(|raw| serde_json::from_str::<Text<'_>>(raw.get()).ok()).map(|text| text.0);
        each(Event::Finish { choice: self.index, reason, stop });
    }
}
