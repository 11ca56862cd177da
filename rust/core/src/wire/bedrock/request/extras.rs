//! What a family of models takes beside Converse: `additionalModelRequestFields`.
//!
//! Invariant: a budget of thoughts is smaller than the answer it is part of, or there is none.
//! Source: docs.aws.amazon.com/bedrock/latest/userguide, extended thinking; Nova, request schema.

use super::Family;
use crate::json::{push_string, push_u64};
use crate::wire::model::{Chat, Dropped, Effort, Reasoning};

/// Claude refuses to think less.
const MIN_BUDGET_TOKENS: u64 = 1_024;

/// How the model is asked to think.
pub(super) enum Thinking {
    /// As it does when nothing is said.
    Unsaid,
    /// At most so many tokens (Claude).
    Budget(u64),
    /// So much (`OpenAI`'s models).
    Effort(&'static str),
}

impl Thinking {
    pub(super) fn of(chat: &Chat<'_>, family: Family, dropped: &mut Dropped) -> Self {
        let Some(reasoning) = chat.reasoning else { return Self::Unsaid };
        let said = match family {
            Family::Anthropic if reasoning == Reasoning::Off => return Self::Unsaid,
            Family::Anthropic => budget(reasoning, chat.max_tokens).map(Self::Budget),
            Family::OpenAi => effort(reasoning).map(Self::Effort),
            Family::Nova | Family::Other => None,
        };
        said.unwrap_or_else(|| {
            dropped.note("reasoning_effort");
            Self::Unsaid
        })
    }

    pub(super) const fn budget(&self) -> Option<u64> {
        if let Self::Budget(tokens) = self { Some(*tokens) } else { None }
    }
}

fn budget(reasoning: Reasoning, max_tokens: Option<u64>) -> Option<u64> {
    let wanted = match reasoning {
        Reasoning::Off => return None,
        Reasoning::Effort(effort) => effort.budget_tokens(),
        Reasoning::Budget(tokens) => tokens.max(MIN_BUDGET_TOKENS),
        Reasoning::Auto => Effort::Medium.budget_tokens(),
    };
    let room = max_tokens.map_or(wanted, |max_tokens| wanted.min(max_tokens.saturating_sub(1)));
    (room >= MIN_BUDGET_TOKENS).then_some(room)
}

/// These models always think.
fn effort(reasoning: Reasoning) -> Option<&'static str> {
    let effort = match reasoning {
        Reasoning::Off => return None,
        Reasoning::Effort(effort) => effort,
        Reasoning::Budget(tokens) => Effort::for_budget(tokens),
        Reasoning::Auto => Effort::Medium,
    };
    Some(if effort == Effort::Minimal { "low" } else { effort.name() })
}

pub(super) fn push(
    out: &mut Vec<u8>,
    chat: &Chat<'_>,
    family: Family,
    thinking: &Thinking,
    dropped: &mut Dropped,
) {
    let mut fields = Vec::new();
    match thinking {
        Thinking::Unsaid => {}
        Thinking::Budget(tokens) => {
            fields.extend_from_slice(b"\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":");
            push_u64(&mut fields, *tokens);
            fields.push(b'}');
        }
        Thinking::Effort(effort) => {
            fields.extend_from_slice(b"\"reasoning_effort\":");
            push_string(&mut fields, effort);
        }
    }
    if let Some(top_k) = chat.sampling.top_k
        && !push_top_k(&mut fields, top_k, family, thinking)
    {
        dropped.note("top_k");
    }
    if !fields.is_empty() {
        out.extend_from_slice(b",\"additionalModelRequestFields\":{");
        out.extend_from_slice(&fields);
        out.push(b'}');
    }
}

/// Whether the family has a place for it.
fn push_top_k(fields: &mut Vec<u8>, top_k: u64, family: Family, thinking: &Thinking) -> bool {
    match family {
        // Claude does not choose among so many while it thinks.
        Family::Anthropic if thinking.budget().is_none() => {
            fields.extend_from_slice(b"\"top_k\":");
            push_u64(fields, top_k);
        }
        Family::Nova => {
            fields.extend_from_slice(b"\"inferenceConfig\":{\"topK\":");
            push_u64(fields, top_k);
            fields.push(b'}');
        }
        _ => return false,
    }
    true
}
