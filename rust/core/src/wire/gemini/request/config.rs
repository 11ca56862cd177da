//! `generationConfig`, read.
//!
//! Invariant: numbers keep the caller's value; a count below zero is refused, with the budget of -1 excepted.
//! Source: ai.google.dev/api/generate-content, `GenerationConfig`, `ThinkingConfig`.

use serde_json::value::RawValue;

use super::Schemas;
use super::blame::{invalid, unreadable};
use super::read::note;
use super::wire::{Config, KNOWN_CONFIG, Thinking};
use crate::wire::gemini::lenient::{Members, Text, Whole};
use crate::wire::gemini::schema::widen;
use crate::wire::model::{Chat, Effort, Format, Reasoning, Refused, Sampling};

const PATH: &str = "generationConfig";

/// A form of the answer whose schema may have been made.
pub(super) enum Drafted<'a> {
    Json,
    Told(&'a RawValue),
    Made(usize),
}

impl<'a> Drafted<'a> {
    pub(super) fn settle(self, schemas: &'a Schemas) -> Result<Format<'a>, Refused> {
        let schema = match self {
            Self::Json => return Ok(Format::Json),
            Self::Told(schema) => Some(schema),
            Self::Made(made) => schemas.get(made),
        };
        let schema = schema.ok_or_else(|| invalid(PATH, "The schema cannot be read. Send an object."))?;
        Ok(Format::Schema { name: None, description: None, schema, strict: None })
    }
}

pub(super) fn read<'a>(
    config: Option<&'a RawValue>,
    schemas: &mut Schemas,
    chat: &mut Chat<'a>,
) -> Result<Option<Drafted<'a>>, Refused> {
    let Some(raw) = config else { return Ok(None) };
    let config: Config<'a> =
        serde_json::from_str(raw.get()).map_err(|error| unreadable(raw.get().as_bytes(), PATH, &error))?;
    // serde would take a list as the members in their order.
    let members = Members::of(raw).ok_or_else(|| invalid(PATH, "generationConfig must be an object."))?;
    for (name, _) in members.0 {
        if !KNOWN_CONFIG.contains(&&*camel(&name)) {
            note(chat, &format!("{PATH}.{name}"));
        }
    }
    chat.sampling = Sampling {
        temperature: config.temperature,
        top_p: config.top_p,
        top_k: count(config.top_k, "topK")?,
        seed: config.seed.map(|Whole(seed)| seed),
        presence_penalty: config.presence_penalty,
        frequency_penalty: config.frequency_penalty,
        logprobs: config.response_logprobs,
        top_logprobs: count(config.logprobs, "logprobs")?,
    };
    chat.choices = count(config.candidate_count, "candidateCount")?;
    chat.max_tokens = count(config.max_output_tokens, "maxOutputTokens")?;
    let stops = config.stop_sequences.unwrap_or_default();
    chat.stop = stops.into_iter().map(|stop| stop.0).collect();
    chat.reasoning = config.thinking_config.map(thinking).transpose()?.flatten();
    let schema = match (config.response_json_schema, config.response_schema) {
        (Some(schema), _) => Some(Drafted::Told(schema)),
        (None, Some(schema)) => {
            let made = widen(schema).map_err(|words| invalid(format!("{PATH}.responseSchema"), words))?;
            Some(Drafted::Made(schemas.keep(made)))
        }
        (None, None) => None,
    };
    format(config.response_mime_type.as_ref(), schema, chat)
}

fn format<'a>(
    mime: Option<&Text<'a>>,
    schema: Option<Drafted<'a>>,
    chat: &mut Chat<'a>,
) -> Result<Option<Drafted<'a>>, Refused> {
    match mime.map(|mime| &*mime.0) {
        Some("application/json") => Ok(Some(schema.unwrap_or(Drafted::Json))),
        None | Some("" | "text/plain") => Ok(schema),
        Some("text/x.enum") => {
            // A bare word is no JSON; other dialects have no such answer.
            note(chat, "generationConfig.responseMimeType");
            Ok(None)
        }
        Some(other) => {
            let message = format!(
                "The type {other:?} is none of Gemini's. Use \"application/json\" or \"text/plain\"."
            );
            Err(invalid(format!("{PATH}.responseMimeType"), message))
        }
    }
}

fn thinking(config: Thinking<'_>) -> Result<Option<Reasoning>, Refused> {
    if let Some(Text(level)) = config.thinking_level {
        let steps = [Effort::Minimal, Effort::Low, Effort::Medium, Effort::High];
        return match steps.into_iter().find(|step| level.eq_ignore_ascii_case(step.name())) {
            Some(step) => Ok(Some(Reasoning::Effort(step))),
            None if level == "THINKING_LEVEL_UNSPECIFIED" => Ok(None),
            None => {
                let message = "The thinking level is none of Gemini's. Use \"minimal\", \"low\", \"medium\" or \"high\".";
                Err(invalid(format!("{PATH}.thinkingConfig.thinkingLevel"), message))
            }
        };
    }
    match config.thinking_budget {
        Some(Whole(-1)) => Ok(Some(Reasoning::Auto)),
        Some(Whole(0)) => Ok(Some(Reasoning::Off)),
        Some(budget) => Ok(count(Some(budget), "thinkingConfig.thinkingBudget")?.map(Reasoning::Budget)),
        // Who wants to see thoughts wants them to be thought.
        None => Ok((config.include_thoughts == Some(true)).then_some(Reasoning::Auto)),
    }
}

fn count(told: Option<Whole>, name: &str) -> Result<Option<u64>, Refused> {
    let Some(Whole(told)) = told else { return Ok(None) };
    match u64::try_from(told) {
        Ok(count) => Ok(Some(count)),
        Err(_) => Err(invalid(format!("{PATH}.{name}"), format!("{name} must not be below zero."))),
    }
}

fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut raise = false;
    for character in name.chars() {
        match character {
            '_' if !out.is_empty() => raise = true,
            _ if std::mem::take(&mut raise) => out.push(character.to_ascii_uppercase()),
            _ => out.push(character),
        }
    }
    out
}
