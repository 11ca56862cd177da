//! Facts of a whole (not streamed) answer, read in one pass.
//!
//! Invariant: an answer that reads is one JSON object to its last byte; anything else is an upstream fault.
//! Source: platform.openai.com/docs/api-reference, chat/object, completions/object, embeddings/object.

use crate::json::{Cursor, Kind, Malformed};
use crate::usage::Usage;

/// What an answer says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Tokens as the provider counted them.
    pub usage: Option<Usage>,
    /// Whether it is an error in spite of its status: a top-level `error` that is not null.
    pub has_error: bool,
}

/// The body is not one JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJson(pub Malformed);

impl From<Malformed> for NotJson {
    fn from(malformed: Malformed) -> Self {
        Self(malformed)
    }
}

/// Reads an answer.
///
/// # Errors
/// When it is not JSON, or not an object.
pub fn read_answer(body: &[u8]) -> Result<Answer, NotJson> {
    let mut cursor = Cursor::new(body)?;
    let mut answer = Answer::default();
    cursor.open(b'{')?;
    let mut first = true;
    while let Some(name) = cursor.member(&mut first)? {
        match &*name.read(cursor.body()) {
            "usage" => {
                let mut ahead = cursor.clone();
                answer.usage = Usage::read_openai(&mut ahead);
                if answer.usage.is_some() {
                    cursor = ahead;
                } else {
                    cursor.skip()?;
                }
            }
            "error" => {
                answer.has_error = cursor.kind()? != Kind::Null;
                cursor.skip()?;
            }
            _ => {
                cursor.skip()?;
            }
        }
    }
    cursor.finish()?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::{Answer, read_answer};
    use crate::usage::Usage;

    #[test]
    fn a_chat_completion_is_read() {
        let body = r#"{"id":"a","choices":[{"index":0,"message":{"role":"assistant","content":"h\u00e9","refusal":null,
            "tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"},
            {"index":1,"message":{"content":"xyz"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;
        let usage = Some(Usage { prompt: 3, completion: 2, total: 5, ..Usage::default() });
        let expected = Answer { usage, has_error: false };
        assert_eq!(read_answer(body.as_bytes()), Ok(expected));
    }

    #[test]
    fn a_usage_elsewhere_is_not_the_answers() {
        let body =
            br#"{"choices":[{"usage":{"prompt_tokens":1}}],"data":[{"embedding":[0.1,-2e-3]}],"usage":null}"#;
        assert_eq!(read_answer(body), Ok(Answer::default()));
    }

    #[test]
    fn an_error_inside_a_success_is_seen() {
        assert!(read_answer(br#"{"error":{"message":"overloaded"}}"#).unwrap().has_error);
        assert!(!read_answer(br#"{"error":null,"choices":[]}"#).unwrap().has_error);
    }

    #[test]
    fn garbage_is_refused() {
        for body in ["", "<html></html>", "[]", "null", "{\"a\":1", "{}x", "{\"a\":\"\u{1}\"}"] {
            assert!(read_answer(body.as_bytes()).is_err(), "{body}");
        }
        assert!(read_answer(b"{\"a\":\"\xff\"}").is_err());
    }
}
