//! Facts of a whole (not streamed) answer, read in one pass.
//!
//! Invariant: an answer that reads is one JSON object to its last byte; anything else is an upstream fault.
//! Source: platform.openai.com/docs/api-reference, chat/object, completions/object, embeddings/object.

use std::ops::Range;

use crate::json::{Cursor, Event, Kind, Malformed};
use crate::usage::Usage;

/// What an answer says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Tokens as the provider counted them.
    pub usage: Option<Usage>,
    /// Why the first choice ended.
    pub finish_reason: Option<String>,
    /// Bytes of text produced, tool calls' names and arguments included, over all choices.
    pub text_bytes: u64,
    /// Choices, or embeddings, in it.
    pub items: u64,
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
                let range = cursor.skip()?;
                answer.usage = Usage::from_openai(&body[range]);
            }
            "error" => {
                answer.has_error = cursor.kind()? != Kind::Null;
                cursor.skip()?;
            }
            "choices" => list(&mut cursor, |cursor| choice(cursor, &mut answer))?,
            "data" => list(&mut cursor, |cursor| {
                answer.items += 1;
                cursor.skip()
            })?,
            _ => {
                cursor.skip()?;
            }
        }
    }
    cursor.finish()?;
    Ok(answer)
}

fn list<'a>(
    cursor: &mut Cursor<'a>,
    mut each: impl FnMut(&mut Cursor<'a>) -> Result<Range<usize>, Malformed>,
) -> Result<(), Malformed> {
    if cursor.kind()? != Kind::Array {
        cursor.skip()?;
        return Ok(());
    }
    cursor.open(b'[')?;
    let mut first = true;
    while cursor.item(&mut first)? {
        each(cursor)?;
    }
    Ok(())
}

fn choice(cursor: &mut Cursor<'_>, answer: &mut Answer) -> Result<Range<usize>, Malformed> {
    let start = cursor.offset();
    answer.items += 1;
    if cursor.kind()? != Kind::Object {
        return cursor.skip();
    }
    cursor.open(b'{')?;
    let mut first = true;
    while let Some(name) = cursor.member(&mut first)? {
        match &*name.read(cursor.body()) {
            "finish_reason" if cursor.kind()? == Kind::String => {
                let reason = cursor.string()?;
                if answer.items == 1 {
                    answer.finish_reason = Some(reason.read(cursor.body()).into_owned());
                }
            }
            "message" => answer.text_bytes += produced(cursor, false)?,
            "text" => answer.text_bytes += produced(cursor, true)?,
            _ => {
                cursor.skip()?;
            }
        }
    }
    Ok(start..cursor.offset())
}

/// Bytes of strings under the names that a model fills; `bare` when the value itself is the text.
fn produced(cursor: &mut Cursor<'_>, bare: bool) -> Result<u64, Malformed> {
    const FILLED: [&str; 7] =
        ["content", "text", "refusal", "reasoning_content", "reasoning", "name", "arguments"];
    let body = cursor.body();
    let mut filled = bare;
    let mut bytes = 0;
    cursor.walk(|event| match event {
        Event::Key(name) => filled = FILLED.contains(&&*name.read(body)),
        Event::String(text) if filled => bytes += text.len_bytes as u64,
        _ => {}
    })?;
    Ok(bytes)
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
        let expected = Answer {
            usage: Some(Usage { prompt: 3, completion: 2, total: 5, ..Usage::default() }),
            finish_reason: Some("tool_calls".into()),
            text_bytes: 3 + 1 + 2 + 3,
            items: 2,
            has_error: false,
        };
        assert_eq!(read_answer(body.as_bytes()), Ok(expected));
    }

    #[test]
    fn completions_and_embeddings_are_read() {
        let text = read_answer(br#"{"choices":[{"text":"abc","finish_reason":"length"}]}"#).unwrap();
        assert_eq!((text.text_bytes, text.finish_reason.as_deref()), (3, Some("length")));
        let list =
            read_answer(br#"{"object":"list","data":[{"embedding":[0.1,-2e-3]},{"embedding":"AAA="}]}"#)
                .unwrap();
        assert_eq!((list.items, list.text_bytes), (2, 0));
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
