//! Requests to Converse, written; the model's id goes into the path, and not into the body.
//!
//! Invariant: turns alternate and tools are there when calls are, as Bedrock demands; what it has no place
//! for is named. Source: docs.aws.amazon.com/bedrock/latest/APIReference, Converse, request syntax.

mod extras;
mod media;
mod messages;
mod tools;

use serde_json::Number;

use self::extras::Thinking;
use self::messages::{Blocks, Messages};
use crate::json::push_string;
use crate::wire::model::{Chat, Dropped, Refused, Role};

/// How a request is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings<'a> {
    /// The model to ask for, for whoever makes the path.
    pub model: &'a str,
    /// Whose model it is: what goes into `additionalModelRequestFields`, and whether it has cache points.
    pub family: Family,
    /// Whether the model refuses a temperature and `top_p` in one request; `top_p` is dropped then.
    pub only_temperature: bool,
    /// Whether the model budgets its thinking itself (Claude).
    pub adaptive: bool,
    /// Most tokens of an answer to be thought about, beside the thoughts, where the caller names none (Claude).
    pub max_tokens: u64,
}

/// Whose model it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// Claude.
    Anthropic,
    /// Amazon's Nova.
    Nova,
    /// `OpenAI`'s models with open weights.
    OpenAi,
    /// Any other: nothing beyond Converse itself is asked of it.
    #[default]
    Other,
}

impl Family {
    /// The family of a model's or an inference profile's id, as `eu.anthropic.claude-sonnet-4-20250514-v1:0`.
    #[must_use]
    pub fn of(model: &str) -> Self {
        let families =
            [("anthropic.", Self::Anthropic), ("amazon.nova", Self::Nova), ("openai.", Self::OpenAi)];
        families.into_iter().find(|(part, _)| model.contains(part)).map_or(Self::Other, |(_, family)| family)
    }

    const fn caches(self) -> bool {
        matches!(self, Self::Anthropic | Self::Nova)
    }
}

/// Writes a request.
///
/// # Errors
/// When it holds what Converse cannot take at all: media by URL or of unknown formats, calls whose arguments
/// are no JSON object, results of no call, or calls without the tools that they call.
pub fn encode(chat: &Chat<'_>, settings: &Settings<'_>, dropped: &mut Dropped) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::with_capacity(1_024);
    let thinking = Thinking::of(chat, settings, dropped);
    let thinks = thinking.is_claudes();
    out.extend_from_slice(b"{\"messages\":[");
    let mut messages = Messages::new(out, settings.family.caches(), dropped);
    for turn in chat.turns.iter().filter(|turn| !is_system(turn.role)) {
        messages.turn(turn)?;
    }
    let mut out = messages.finish();
    out.push(b']');
    push_system(&mut out, chat, settings, dropped);
    push_inference(&mut out, chat, settings, &thinking, dropped);
    tools::push(&mut out, chat, settings.family, thinks, dropped)?;
    extras::push(&mut out, chat, settings.family, &thinking, dropped);
    if settings.family == Family::Anthropic && chat.stop.iter().any(|stop| !stop.is_empty()) {
        // Converse does not say which sequence it was that stopped the answer; Claude does.
        out.extend_from_slice(b",\"additionalModelResponseFieldPaths\":[\"/stop_sequence\"]");
    }
    out.push(b'}');
    name_dropped(chat, dropped);
    Ok(out)
}

fn is_system(role: Role) -> bool {
    matches!(role, Role::System | Role::Developer)
}

fn push_system(out: &mut Vec<u8>, chat: &Chat<'_>, settings: &Settings<'_>, dropped: &mut Dropped) {
    let mut blocks = Blocks::new(settings.family.caches());
    for turn in chat.turns.iter().filter(|turn| is_system(turn.role)) {
        note(dropped, "name", turn.name.is_some());
        blocks.texts(&turn.parts, dropped);
    }
    let blocks = blocks.finish();
    if !blocks.is_empty() {
        out.extend_from_slice(b",\"system\":[");
        out.extend_from_slice(&blocks);
        out.push(b']');
    }
}

/// `inferenceConfig`. A model that thinks takes neither a temperature nor a nucleus.
fn push_inference(
    out: &mut Vec<u8>,
    chat: &Chat<'_>,
    settings: &Settings<'_>,
    thinking: &Thinking,
    dropped: &mut Dropped,
) {
    let share = |value: Option<f64>| value.and_then(|value| Number::from_f64(value.clamp(0.0, 1.0)));
    let mut temperature = share(chat.sampling.temperature);
    let mut top_p = share(chat.sampling.top_p);
    if thinking.is_claudes() {
        note(dropped, "temperature", temperature.take().is_some());
        note(dropped, "top_p", top_p.take().is_some());
    } else if settings.only_temperature && temperature.is_some() {
        note(dropped, "top_p", top_p.take().is_some());
    }
    let mut before: &[u8] = b",\"inferenceConfig\":{";
    let max_tokens = thinking.max_tokens(chat, settings).map(Number::from);
    let members = [("maxTokens", max_tokens), ("temperature", temperature), ("topP", top_p)];
    for (name, value) in members {
        let Some(value) = value else { continue };
        out.extend_from_slice(before);
        before = b",";
        push_string(out, name);
        out.push(b':');
        out.extend_from_slice(value.to_string().as_bytes());
    }
    let stops: Vec<&str> = chat.stop.iter().map(|stop| &**stop).filter(|stop| !stop.is_empty()).collect();
    if !stops.is_empty() {
        out.extend_from_slice(before);
        before = b",";
        push_stops(out, &stops);
    }
    if before == b"," {
        out.push(b'}');
    }
}

fn push_stops(out: &mut Vec<u8>, stops: &[&str]) {
    out.extend_from_slice(b"\"stopSequences\":");
    for (at, stop) in stops.iter().enumerate() {
        out.push(if at == 0 { b'[' } else { b',' });
        push_string(out, stop);
    }
    out.push(b']');
}

fn name_dropped(chat: &Chat<'_>, dropped: &mut Dropped) {
    let sampling = &chat.sampling;
    for (name, is_there) in [
        ("seed", sampling.seed.is_some()),
        ("presence_penalty", sampling.presence_penalty.is_some()),
        ("frequency_penalty", sampling.frequency_penalty.is_some()),
        ("logprobs", sampling.logprobs == Some(true)),
        ("top_logprobs", sampling.top_logprobs.is_some()),
        ("n", chat.choices.is_some_and(|choices| choices > 1)),
        ("parallel_tool_calls", chat.parallel_tools == Some(false)),
        ("user", chat.user.is_some()),
    ] {
        note(dropped, name, is_there);
    }
    for name in &chat.unknown {
        dropped.note(name);
    }
}

fn note(dropped: &mut Dropped, name: &str, is_there: bool) {
    if is_there {
        dropped.note(name);
    }
}

fn refused(param: &str, message: String) -> Refused {
    Refused { code: "invalid_value", param: Some(param.to_owned()), message }
}
