//! One `GenerateContentResponse`, whole or as a piece of a stream, as events.
//!
//! Invariant: a choice finishes once, at the end, for the last reason that was told: some models tell a reason
//! with every piece. Calls of a choice are counted from 0 over all pieces.
//! Source: ai.google.dev/api/generate-content, `GenerateContentResponse`.

mod quick;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::{self, Told};
use super::lenient::{Text, Whole, compact, malformed};
use super::logprobs;
use super::pieces::finish_of;
use crate::json::Malformed;
use crate::usage::Usage;
use crate::wire::model::{Event, Finish};
use crate::wire::mould::Mould;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Piece<'a> {
    #[serde(borrow)]
    candidates: Option<Vec<Candidate<'a>>>,
    #[serde(borrow)]
    prompt_feedback: Option<Feedback<'a>>,
    usage_metadata: Option<Tokens>,
    #[serde(borrow)]
    model_version: Option<Text<'a>>,
    #[serde(borrow)]
    response_id: Option<Text<'a>>,
    #[serde(borrow)]
    error: Option<Told<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback<'a> {
    #[serde(borrow)]
    block_reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    index: Option<u32>,
    #[serde(borrow)]
    content: Option<Content<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Text<'a>>,
    #[serde(borrow)]
    logprobs_result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    parts: Option<Vec<Part<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    thought: Option<bool>,
    #[serde(borrow)]
    thought_signature: Option<Text<'a>>,
    #[serde(borrow)]
    function_call: Option<FunctionCall<'a>>,
}

#[derive(Deserialize)]
struct FunctionCall<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "they are the reference's names")]
struct Tokens {
    prompt_token_count: Option<Whole>,
    candidates_token_count: Option<Whole>,
    thoughts_token_count: Option<Whole>,
    cached_content_token_count: Option<Whole>,
    tool_use_prompt_token_count: Option<Whole>,
    total_token_count: Option<Whole>,
}

impl Tokens {
    /// Thoughts and what tools brought are counted apart by Google, and belong to the sums.
    fn usage(self) -> Usage {
        let count = |told: Option<Whole>| told.and_then(|Whole(told)| u64::try_from(told).ok()).unwrap_or(0);
        let reasoning = count(self.thoughts_token_count);
        let prompt = count(self.prompt_token_count).saturating_add(count(self.tool_use_prompt_token_count));
        let completion = count(self.candidates_token_count).saturating_add(reasoning);
        let total =
            self.total_token_count.map_or(prompt.saturating_add(completion), |told| count(Some(told)));
        let cached = count(self.cached_content_token_count);
        Usage { prompt, completion, total, cached, written: 0, reasoning }
    }
}

#[derive(Debug)]
struct Choice {
    index: u32,
    calls: u32,
    finish: Option<Finish>,
}

/// What an answer has told so far.
#[derive(Debug, Default)]
pub(super) struct Answer {
    choices: Vec<Choice>,
    started: bool,
    /// Whether it was an error.
    pub(super) failed: bool,
    mould: Mould<quick::Meaning>,
}

impl Answer {
    /// Hands out what a piece says, its reasons to finish excepted; returns its usage.
    pub(super) fn read(
        &mut self,
        data: &[u8],
        each: &mut dyn FnMut(Event<'_>),
    ) -> Result<Option<Usage>, Malformed> {
        if let Some(quick::Counted(usage)) = self.again(data, each) {
            return Ok(usage);
        }
        let piece: Piece<'_> = serde_json::from_slice(data).map_err(|error| malformed(data, &error))?;
        if let Some(error) = piece.error {
            self.start("", "", each);
            self.fail(error, each);
            return Ok(None);
        }
        if piece.candidates.is_none() && piece.prompt_feedback.is_none() && piece.usage_metadata.is_none() {
            return Err(Malformed { offset: 0, reason: "the object is not an answer of Gemini's" });
        }
        self.mould.learn(data, quick::VARYING, quick::Meaning::of(&piece));
        let text = |text: &Option<Text<'_>>| text.as_ref().map_or(String::new(), |text| text.0.to_string());
        if !self.started {
            self.start(&text(&piece.response_id), &text(&piece.model_version), each);
        }
        for (at, candidate) in piece.candidates.into_iter().flatten().enumerate() {
            self.candidate(at, candidate, each);
        }
        if piece.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some()) {
            self.choice(0).finish = Some(Finish::Filtered);
        }
        Ok(piece.usage_metadata.map(Tokens::usage))
    }

    /// Hands out the reasons to finish, and whether every choice had one.
    pub(super) fn finish(&mut self, each: &mut dyn FnMut(Event<'_>)) -> bool {
        let mut complete = !self.choices.is_empty();
        for choice in &self.choices {
            match choice.finish {
                Some(reason) => {
                    let called = reason == Finish::Stop && choice.calls > 0;
                    let reason = if called { Finish::Tools } else { reason };
                    each(Event::Finish { choice: choice.index, reason, stop: None });
                }
                None => complete = false,
            }
        }
        complete
    }

    /// Gives a reason to choices that have none: a whole answer is complete even so.
    pub(super) fn close(&mut self) {
        if self.choices.is_empty() {
            self.choice(0);
        }
        for choice in &mut self.choices {
            choice.finish.get_or_insert(Finish::Other);
        }
    }

    fn start(&mut self, id: &str, model: &str, each: &mut dyn FnMut(Event<'_>)) {
        if !std::mem::replace(&mut self.started, true) {
            each(Event::Start { id: Cow::Borrowed(id), model: Cow::Borrowed(model), created_s: 0 });
        }
    }

    fn fail(&mut self, error: Told<'_>, each: &mut dyn FnMut(Event<'_>)) {
        self.failed = true;
        let kind = match (error.status, error.code) {
            (Some(status), _) => status.0,
            (None, Some(Whole(code))) => {
                Cow::Borrowed(error::status_name(u16::try_from(code).unwrap_or(500), ""))
            }
            (None, None) => Cow::Borrowed("UNKNOWN"),
        };
        each(Event::Error { kind, message: error.message.map_or(Cow::Borrowed(""), |message| message.0) });
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let at = self.choices.iter().position(|choice| choice.index == index).unwrap_or(self.choices.len());
        if at == self.choices.len() {
            self.choices.push(Choice { index, calls: 0, finish: None });
        }
        &mut self.choices[at]
    }

    fn candidate(&mut self, at: usize, candidate: Candidate<'_>, each: &mut dyn FnMut(Event<'_>)) {
        let index = candidate.index.or_else(|| u32::try_from(at).ok()).unwrap_or(0);
        let reason = candidate.finish();
        let choice = self.choice(index);
        for part in candidate.content.and_then(|content| content.parts).into_iter().flatten() {
            choice.part(part, each);
        }
        choice.finish = reason.or(choice.finish);
        if let Some(content) = candidate.logprobs_result.and_then(logprobs::read) {
            each(Event::Logprobs { choice: index, content: Cow::Owned(content) });
        }
    }
}

impl Candidate<'_> {
    fn finish(&self) -> Option<Finish> {
        let told = self.finish_reason.as_ref().filter(|reason| reason.0 != "FINISH_REASON_UNSPECIFIED");
        told.map(|reason| finish_of(&reason.0))
    }
}

impl Choice {
    fn part(&mut self, part: Part<'_>, each: &mut dyn FnMut(Event<'_>)) {
        let signature = part.thought_signature.map(|signature| signature.0);
        if let Some(call) = part.function_call {
            return self.call(call, signature, each);
        }
        let choice = self.index;
        if let Some(Text(text)) = part.text.filter(|text| !text.0.is_empty()) {
            each(if part.thought == Some(true) {
                Event::Thinking { choice, text }
            } else {
                Event::Text { choice, text }
            });
        }
        if let Some(signature) = signature.filter(|signature| !signature.is_empty()) {
            each(Event::Signature { choice, signature });
        }
    }

    fn call(
        &mut self,
        call: FunctionCall<'_>,
        signature: Option<Cow<'_, str>>,
        each: &mut dyn FnMut(Event<'_>),
    ) {
        let (choice, number) = (self.index, self.calls);
        self.calls = self.calls.saturating_add(1);
        let text = |text: Option<Text<'_>>| text.map_or(String::new(), |text| text.0.into_owned());
        let (id, name) = (Cow::Owned(text(call.id)), Cow::Owned(text(call.name)));
        each(Event::ToolStart { choice, call: number, id, name, signature });
        let json = compact(call.args.map_or("{}", RawValue::get));
        each(Event::ToolArguments { choice, call: number, json });
    }
}
