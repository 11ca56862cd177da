//! Token usage as a provider reports it.
//!
//! Invariant: numbers are the provider's own, never ours; what it did not say stays zero.

use serde::Deserialize;

/// Tokens of one attempt, as the provider counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub prompt: u64,
    /// Tokens produced, reasoning included.
    pub completion: u64,
    /// Prompt and completion; summed when the provider leaves it out.
    pub total: u64,
    /// Prompt tokens read from the provider's cache.
    pub cached: u64,
    /// Completion tokens spent on reasoning.
    pub reasoning: u64,
}

#[derive(Deserialize)]
struct OpenAi {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

impl Usage {
    /// Reads the `usage` object of an `OpenAI` answer or chunk; `None` when it is not one.
    ///
    /// Source: platform.openai.com/docs/api-reference/chat/object, `usage`.
    #[must_use]
    pub fn from_openai(object: &[u8]) -> Option<Self> {
        let raw: OpenAi = serde_json::from_slice(object).ok()?;
        let prompt = raw.prompt_tokens.or(raw.total_tokens)?;
        let completion = raw.completion_tokens.unwrap_or(0);
        Some(Self {
            prompt,
            completion,
            total: raw.total_tokens.unwrap_or(prompt.saturating_add(completion)),
            cached: raw.prompt_tokens_details.and_then(|d| d.cached_tokens).unwrap_or(0),
            reasoning: raw.completion_tokens_details.and_then(|d| d.reasoning_tokens).unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Usage;

    #[test]
    fn details_are_kept() {
        let usage = Usage::from_openai(
            br#"{"prompt_tokens":19,"completion_tokens":34,"total_tokens":53,"prompt_tokens_details":{"cached_tokens":7,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":5}}"#,
        );
        assert_eq!(usage, Some(Usage { prompt: 19, completion: 34, total: 53, cached: 7, reasoning: 5 }));
    }

    #[test]
    fn embeddings_have_no_completion() {
        let usage = Usage::from_openai(br#"{"prompt_tokens":8,"total_tokens":8}"#);
        assert_eq!(usage, Some(Usage { prompt: 8, total: 8, ..Usage::default() }));
    }

    #[test]
    fn null_is_no_usage() {
        assert_eq!(Usage::from_openai(b"null"), None);
    }
}
