//! Token usage as a provider reports it.
//!
//! Invariant: numbers are the provider's own, never ours; what it did not say stays zero.

use crate::json::{Cursor, Kind, Malformed};

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
    /// Prompt tokens written to the provider's cache, where it tells; part of `prompt`.
    pub written: u64,
    /// Completion tokens spent on reasoning.
    pub reasoning: u64,
}

/// The members of `OpenAI`'s object, as far as they are there.
#[derive(Default)]
struct Told {
    prompt: Option<u64>,
    completion: Option<u64>,
    total: Option<u64>,
    cached: Option<u64>,
    reasoning: Option<u64>,
}

/// A member that should be a count, and is not.
struct NoCount;

impl From<Malformed> for NoCount {
    fn from(_: Malformed) -> Self {
        Self
    }
}

impl Usage {
    /// Reads the `usage` object of an `OpenAI` answer or chunk; `None` when it is not one.
    ///
    /// Source: platform.openai.com/docs/api-reference/chat/object, `usage`.
    #[must_use]
    pub fn from_openai(object: &[u8]) -> Option<Self> {
        Self::read_openai(&mut Cursor::new(object).ok()?)
    }

    /// The same from the middle of a document; where it gives `None` the cursor stands somewhere inside.
    pub(crate) fn read_openai(cursor: &mut Cursor<'_>) -> Option<Self> {
        let mut told = Told::default();
        members(cursor, |cursor, name| {
            match name {
                "prompt_tokens" => told.prompt = count(cursor)?,
                "completion_tokens" => told.completion = count(cursor)?,
                "total_tokens" => told.total = count(cursor)?,
                "prompt_tokens_details" => detail(cursor, "cached_tokens", &mut told.cached)?,
                "completion_tokens_details" => detail(cursor, "reasoning_tokens", &mut told.reasoning)?,
                _ => {
                    cursor.skip()?;
                }
            }
            Ok(())
        })
        .ok()?;
        let prompt = told.prompt.or(told.total)?;
        let completion = told.completion.unwrap_or(0);
        Some(Self {
            prompt,
            completion,
            total: told.total.unwrap_or(prompt.saturating_add(completion)),
            cached: told.cached.unwrap_or(0),
            written: 0,
            reasoning: told.reasoning.unwrap_or(0),
        })
    }
}

fn members<'a>(
    cursor: &mut Cursor<'a>,
    mut each: impl FnMut(&mut Cursor<'a>, &str) -> Result<(), NoCount>,
) -> Result<(), NoCount> {
    cursor.open(b'{')?;
    let mut first = true;
    while let Some(name) = cursor.member(&mut first)? {
        each(cursor, &name.read(cursor.body()))?;
    }
    Ok(())
}

fn detail(cursor: &mut Cursor<'_>, wanted: &str, found: &mut Option<u64>) -> Result<(), NoCount> {
    if cursor.kind()? == Kind::Null {
        cursor.skip()?;
        return Ok(());
    }
    members(cursor, |cursor, name| {
        if name == wanted {
            *found = count(cursor)?;
        } else {
            cursor.skip()?;
        }
        Ok(())
    })
}

fn count(cursor: &mut Cursor<'_>) -> Result<Option<u64>, NoCount> {
    let body = cursor.body();
    match body.get(cursor.skip()?) {
        Some("null") => Ok(None),
        Some(number) => number.parse().map(Some).map_err(|_| NoCount),
        None => Err(NoCount),
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
        assert_eq!(
            usage,
            Some(Usage { prompt: 19, completion: 34, total: 53, cached: 7, reasoning: 5, written: 0 })
        );
    }

    #[test]
    fn embeddings_have_no_completion() {
        let usage = Usage::from_openai(br#"{"prompt_tokens":8,"total_tokens":8}"#);
        assert_eq!(usage, Some(Usage { prompt: 8, total: 8, ..Usage::default() }));
    }

    #[test]
    fn what_is_not_a_usage_object_is_none() {
        for wrong in [
            &b"null"[..],
            b"{}",
            b"[1]",
            br#"{"completion_tokens":8}"#,
            br#"{"prompt_tokens":-1}"#,
            br#"{"prompt_tokens":1.5}"#,
            br#"{"prompt_tokens":"9"}"#,
            br#"{"prompt_tokens":9,"prompt_tokens_details":7}"#,
            br#"{"prompt_tokens":99999999999999999999}"#,
            br#"{"prompt_tokens":9"#,
        ] {
            assert_eq!(Usage::from_openai(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn null_counts_and_unknown_members_are_passed_over() {
        let usage = Usage::from_openai(
            br#" {"x":[{}],"prompt_tokens": 9,"completion_tokens":null,"prompt_tokens_details":null,
                "completion_tokens_details":{"reasoning_tokens":null,"y":1}}"#,
        );
        assert_eq!(usage, Some(Usage { prompt: 9, total: 9, ..Usage::default() }));
    }
}
