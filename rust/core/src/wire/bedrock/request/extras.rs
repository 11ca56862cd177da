//! What a family of models takes beside Converse: `additionalModelRequestFields`.
//!
//! Invariant: a budget of thoughts is smaller than the answer it is part of, or there is none; a Claude that
//! thinks has a maximum, since Bedrock's own is below most budgets.
//! Source: docs.aws.amazon.com/bedrock/latest/userguide, extended thinking, adaptive thinking; Nova, request
//! schema.

use super::{Family, Settings};
use crate::json::{push_string, push_u64};
use crate::wire::anthropic::request::has_lost_thoughts;
use crate::wire::model::{Chat, Dropped, Effort, Reasoning};

/// Claude refuses to think less.
const MIN_BUDGET_TOKENS: u64 = 1_024;

/// How the model is asked to think.
pub(super) enum Thinking {
    /// As it does when nothing is said.
    Unsaid,
    /// At most so many tokens (Claude).
    Budget(u64),
    /// As much as it finds right, with the name of an effort (Claude).
    Adaptive(Option<&'static str>),
    /// So much (`OpenAI`'s models).
    Effort(&'static str),
}

impl Thinking {
    pub(super) fn of(chat: &Chat<'_>, settings: &Settings<'_>, dropped: &mut Dropped) -> Self {
        let Some(reasoning) = chat.reasoning else { return Self::Unsaid };
        let said = match settings.family {
            Family::Anthropic if reasoning == Reasoning::Off => return Self::Unsaid,
            Family::Anthropic if settings.adaptive => {
                let said = (reasoning != Reasoning::Auto).then_some(reasoning);
                Some(Self::Adaptive(said.and_then(effort)))
            }
            Family::Anthropic if has_lost_thoughts(chat) => None,
            Family::Anthropic => budget(reasoning, chat.max_tokens).map(Self::Budget),
            Family::OpenAi => effort(reasoning).map(Self::Effort),
            Family::Nova | Family::Other => None,
        };
        said.unwrap_or_else(|| {
            dropped.note("reasoning_effort");
            Self::Unsaid
        })
    }

    /// Whether a Claude thinks, which then takes less beside it.
    pub(super) const fn is_claudes(&self) -> bool {
        matches!(self, Self::Budget(_) | Self::Adaptive(_))
    }

    /// The maximum of the answer: the caller's covers the thoughts, too; ours comes on top of them.
    pub(super) fn max_tokens(&self, chat: &Chat<'_>, settings: &Settings<'_>) -> Option<u64> {
        let ours = || match self {
            Self::Budget(tokens) => Some(settings.max_tokens.saturating_add(*tokens)),
            Self::Adaptive(_) => Some(settings.max_tokens),
            Self::Unsaid | Self::Effort(_) => None,
        };
        chat.max_tokens.or_else(ours)
    }
}

/// Who names no budget gets one that leaves room for the answer.
fn budget(reasoning: Reasoning, max_tokens: Option<u64>) -> Option<u64> {
    let most = max_tokens.unwrap_or(u64::MAX);
    let budget = match reasoning {
        Reasoning::Off => return None,
        Reasoning::Budget(tokens) => tokens.min(most.saturating_sub(1)),
        Reasoning::Effort(effort) => effort.budget_tokens().min(most / 2),
        Reasoning::Auto => Effort::Medium.budget_tokens().min(most / 2),
    };
    Some(budget.max(MIN_BUDGET_TOKENS)).filter(|budget| *budget < most)
}

/// What none of these models takes is said as the least.
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
        Thinking::Adaptive(effort) => {
            fields.extend_from_slice(b"\"thinking\":{\"type\":\"adaptive\"}");
            if let Some(effort) = effort {
                fields.extend_from_slice(b",\"output_config\":{\"effort\":");
                push_string(&mut fields, effort);
                fields.push(b'}');
            }
        }
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
        Family::Anthropic if !thinking.is_claudes() => {
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
