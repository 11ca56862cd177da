//! How many tokens a request would have, asked of a provider that counts them.
//!
//! Invariant: what is sent to be counted is what would be sent to be answered, less what counts nothing.
//! Source: docs.anthropic.com/en/api/messages-count-tokens, ai.google.dev/api/tokens,
//! docs.aws.amazon.com/bedrock/latest/APIReference, `CountTokens`;
//! cloud.google.com/vertex-ai/generative-ai/docs/reference/rest, `countTokens`.

use super::conversation::{Asked, say};
use super::endpoint::{Dialect, Endpoint};
use super::manner::Manner;
use super::model::Refused;
use crate::json::{Cursor, Kind, Malformed, push_string, push_u64};

/// Members of a request to Anthropic that may stand in one to be counted.
const OF_MESSAGES: [&str; 8] =
    ["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "mcp_servers"];
/// The same of Gemini at Vertex AI.
const OF_VERTEX: [&str; 7] = [
    "contents",
    "systemInstruction",
    "system_instruction",
    "tools",
    "generationConfig",
    "generation_config",
    "instances",
];
/// The same of Converse.
const OF_CONVERSE: [&str; 4] = ["messages", "system", "toolConfig", "additionalModelRequestFields"];

/// Says a request to be counted in a provider's dialect.
///
/// # Errors
/// When it cannot be read, or cannot be said there.
pub fn put(asked: &Asked<'_>, to: Dialect, manner: &Manner) -> Result<Vec<u8>, Refused> {
    let said = say(&Asked { body: inner(asked.body), ..*asked }, to, manner)?.body;
    let mut out = Vec::with_capacity(said.len() + 64);
    match to {
        Dialect::Gemini => {
            out.extend_from_slice(b"{\"generateContentRequest\":{\"model\":");
            push_string(&mut out, &format!("models/{}", manner.model));
            out.push(b',');
            out.extend_from_slice(said.get(1..).unwrap_or_default());
            out.push(b'}');
        }
        Dialect::Bedrock => {
            out.extend_from_slice(b"{\"input\":{\"converse\":");
            pick(&said, &OF_CONVERSE, &mut out).map_err(unsayable)?;
            out.extend_from_slice(b"}}");
        }
        _ => pick(&said, &OF_MESSAGES, &mut out).map_err(unsayable)?,
    }
    Ok(out)
}

/// A request to Gemini's `countTokens` as Vertex AI takes it, which has no whole request in it.
///
/// # Errors
/// When it is no JSON object.
pub fn at_vertex(body: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::with_capacity(body.len());
    pick(inner(body), &OF_VERTEX, &mut out).map_err(unsayable)?;
    Ok(out)
}

/// The request in a request to `countTokens`, which may hold a whole one.
fn inner(body: &[u8]) -> &[u8] {
    let found = || {
        let mut cursor = Cursor::new(body).ok()?;
        cursor.open(b'{').ok()?;
        let mut first = true;
        while let Some(name) = cursor.member(&mut first).ok()? {
            let name = name.read(cursor.body());
            let value = cursor.skip().ok()?;
            if matches!(&*name, "generateContentRequest" | "generate_content_request") {
                return body.get(value);
            }
        }
        None
    };
    found().unwrap_or(body)
}

/// What we write is JSON.
fn unsayable(malformed: Malformed) -> Refused {
    Refused { code: "invalid_value", param: None, message: malformed.to_string() }
}

/// Appends `body` with the wanted members of its outermost object only.
fn pick(body: &[u8], wanted: &[&str], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(body)?;
    cursor.open(b'{')?;
    let (mut first, mut before) = (true, b'{');
    while let Some(name) = cursor.member(&mut first)? {
        let name = name.read(cursor.body());
        let value = cursor.skip()?;
        if wanted.contains(&&*name) {
            out.push(std::mem::replace(&mut before, b','));
            push_string(out, &name);
            out.push(b':');
            out.extend_from_slice(&body[value]);
        }
    }
    out.extend_from_slice(if before == b'{' { b"{}" } else { b"}" });
    Ok(())
}

/// The count in a provider's answer.
#[must_use]
pub fn read(body: &[u8]) -> Option<u64> {
    let mut cursor = Cursor::new(body).ok()?;
    cursor.open(b'{').ok()?;
    let (mut first, mut count) = (true, None);
    while let Some(name) = cursor.member(&mut first).ok()? {
        let name = name.read(cursor.body());
        let kind = cursor.kind().ok()?;
        let value = cursor.skip().ok()?;
        if matches!(&*name, "input_tokens" | "totalTokens" | "inputTokens") && kind == Kind::Number {
            count = cursor.body()[value].parse().ok();
        }
    }
    count
}

/// A count in the caller's dialect.
#[must_use]
pub fn write(endpoint: Endpoint, tokens: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(40);
    out.extend_from_slice(match endpoint {
        Endpoint::CountContents => b"{\"totalTokens\":",
        _ => b"{\"input_tokens\":",
    });
    push_u64(&mut out, tokens);
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use super::{at_vertex, put, read, write};
    use crate::wire::conversation::Asked;
    use crate::wire::endpoint::{Dialect, Endpoint};
    use crate::wire::manner::Manner;

    fn asked(endpoint: Endpoint, body: &str, to: Dialect) -> String {
        let manner = Manner { model: "there".to_owned(), ..Manner::default() };
        let asked = Asked { endpoint, body: body.as_bytes(), model: "here" };
        String::from_utf8(put(&asked, to, &manner).unwrap()).unwrap()
    }

    #[test]
    fn what_counts_nothing_is_left_out() {
        let body = r#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#;
        assert_eq!(
            asked(Endpoint::CountMessages, body, Dialect::Gemini),
            r#"{"generateContentRequest":{"model":"models/there","contents":[{"role":"user","parts":[{"text":"Hi"}]}]}}"#
        );
        assert_eq!(
            asked(Endpoint::CountMessages, body, Dialect::Bedrock),
            r#"{"input":{"converse":{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}}}"#
        );
        let body = r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}"#;
        let whole = format!(r#"{{"generateContentRequest":{{"model":"models/m",{}}}"#, &body[1..]);
        for body in [body, &whole] {
            let said = asked(Endpoint::CountContents, body, Dialect::Anthropic);
            assert!(said.starts_with(r#"{"model":"there","messages":[{"#), "{said}");
            assert!(!said.contains("max_tokens"), "{said}");
        }
    }

    #[test]
    fn vertex_is_asked_without_a_request_in_the_request() {
        let body = r#"{"contents":[{"parts":[{"text":"Hi"}]}],"tools":[],"model":"m","safetySettings":[]}"#;
        let whole = format!(r#"{{"generateContentRequest":{body}}}"#);
        for body in [body, &whole] {
            let said = at_vertex(body.as_bytes()).unwrap();
            assert_eq!(said, br#"{"contents":[{"parts":[{"text":"Hi"}]}],"tools":[]}"#);
        }
        assert!(at_vertex(b"[]").is_err());
    }

    #[test]
    fn a_count_is_told_in_the_caller_s_words() {
        for body in [r#"{"input_tokens":7}"#, r#"{"totalTokens":7,"x":[1]}"#, r#"{"inputTokens":7}"#] {
            assert_eq!(read(body.as_bytes()), Some(7));
        }
        for body in ["", "[]", "{}", r#"{"input_tokens":"7"}"#, r#"{"input_tokens":-1}"#] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
        assert_eq!(write(Endpoint::CountMessages, 7), br#"{"input_tokens":7}"#);
        assert_eq!(write(Endpoint::CountContents, 7), br#"{"totalTokens":7}"#);
    }
}
