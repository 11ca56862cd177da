//! Error bodies: ours in `OpenAI`'s shape, and upstreams' in whatever shape they have.
//!
//! Invariant: nothing that looks like a credential leaves in a message, whoever wrote it.
//! Source: platform.openai.com/docs/guides/error-codes.

use serde_json::Value;

use crate::json::push_string;

/// Longest upstream message that is kept, in characters.
pub const MAX_MESSAGE_CHARS: usize = 2_000;

const MASK: &str = "[redacted]";
/// Beginnings of keys as vendors and we mint them.
const KEY_PREFIXES: [&str; 10] = ["sk-", "sk_", "gnd_", "gsk_", "pk-", "rk-", "xai-", "AIza", "hf_", "eyJ"];
/// A word with such a beginning is a key when at least so much follows; masked keys (`sk-ab***yz`) included.
const MIN_SECRET_BYTES: usize = 6;

/// An upstream's error, its message bounded and redacted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamError {
    /// What it said.
    pub message: String,
    /// Its class, as `invalid_request_error`.
    pub kind: Option<String>,
    /// The field it blames.
    pub param: Option<String>,
    /// Its code; numbers are given in decimal.
    pub code: Option<String>,
}

/// An error body in `OpenAI`'s shape: `{"error":{"message","type","param","code"}}`.
#[must_use]
pub fn error_body(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 96);
    out.extend_from_slice(b"{\"error\":{\"message\":");
    push_string(&mut out, message);
    out.extend_from_slice(b",\"type\":");
    push_string(&mut out, kind);
    for (name, value) in [(&b",\"param\":"[..], param), (b",\"code\":", code)] {
        out.extend_from_slice(name);
        match value {
            Some(value) => push_string(&mut out, value),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.extend_from_slice(b"}}");
    out
}

/// Reads an upstream's error body: `OpenAI`'s shape, `{"error":"…"}`, `{"message":…}`, `{"detail":…}` or a
/// list of any of them; `None` when it is none of these.
#[must_use]
pub fn read_error(body: &[u8]) -> Option<UpstreamError> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let document = document.as_array().and_then(|list| list.first()).unwrap_or(&document);
    let error = document.get("error").filter(|error| !error.is_null());
    let details = error.filter(|error| error.is_object()).unwrap_or(document);
    let message = match error {
        Some(Value::String(text)) => Some(text.clone()),
        _ => ["message", "detail", "error_description", "msg"]
            .iter()
            .find_map(|name| words(details.get(name)?)),
    };
    Some(UpstreamError {
        message: redact(&message?),
        kind: details.get("type").and_then(short),
        param: details.get("param").and_then(short),
        code: details.get("code").and_then(short),
    })
}

/// `text` with everything that looks like a credential masked, cut to [`MAX_MESSAGE_CHARS`].
#[must_use]
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(MAX_MESSAGE_CHARS * 4));
    let mut rest = text;
    let mut after_bearer = false;
    while !rest.is_empty() {
        let gap = rest.find(is_word).unwrap_or(rest.len());
        let (space, tail) = rest.split_at(gap);
        let (word, tail) = tail.split_at(tail.find(|character| !is_word(character)).unwrap_or(tail.len()));
        after_bearer &= space.trim().is_empty();
        out.push_str(space);
        if word.len() >= MIN_SECRET_BYTES && after_bearer {
            out.push_str(MASK);
        } else {
            push_unless_key(&mut out, word);
        }
        after_bearer = word.eq_ignore_ascii_case("bearer");
        rest = tail;
    }
    if let Some((cut, _)) = out.char_indices().nth(MAX_MESSAGE_CHARS) {
        out.truncate(cut);
    }
    out
}

fn push_unless_key(out: &mut String, word: &str) {
    // A key may hang on a name, as in `key=sk-…`; the name stays.
    let key = KEY_PREFIXES
        .iter()
        .filter_map(|prefix| {
            let at = word.match_indices(prefix).map(|(at, _)| at).find(|&at| starts_word(word, at))?;
            (word.len() - at >= prefix.len() + MIN_SECRET_BYTES).then_some(at)
        })
        .min();
    match key {
        Some(at) => {
            out.push_str(&word[..at]);
            out.push_str(MASK);
        }
        None => out.push_str(word),
    }
}

fn starts_word(word: &str, at: usize) -> bool {
    word[..at].bytes().next_back().is_none_or(|byte| !byte.is_ascii_alphanumeric())
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '*' | '=' | '+' | '/' | '~')
}

/// A message that is a text, or the list of findings that validators give.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => {
            let parts: Vec<String> =
                list.iter().filter_map(|item| words(item.get("msg").unwrap_or(item))).collect();
            (!parts.is_empty()).then(|| parts.join("; "))
        }
        Value::Object(fields) => {
            ["message", "msg", "detail"].iter().find_map(|name| words(fields.get(*name)?))
        }
        _ => None,
    }
}

fn short(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(redact(text)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_MESSAGE_CHARS, UpstreamError, error_body, read_error, redact};

    fn message(body: &str) -> Option<String> {
        read_error(body.as_bytes()).map(|error| error.message)
    }

    #[test]
    fn what_we_write_we_read() {
        let body = error_body("No \"x\"\n\u{1}é", "invalid_request_error", None, Some("model_not_found"));
        let expected = UpstreamError {
            message: "No \"x\"\n\u{1}é".into(),
            kind: Some("invalid_request_error".into()),
            param: None,
            code: Some("model_not_found".into()),
        };
        assert_eq!(read_error(&body), Some(expected));
        assert_eq!(
            error_body("m", "t", Some("p"), None),
            br#"{"error":{"message":"m","type":"t","param":"p","code":null}}"#
        );
    }

    #[test]
    fn every_vendors_shape_is_read() {
        let cases = [
            (r#"{"error":"model 'x' not found"}"#, "model 'x' not found"),
            (r#"{"object":"error","message":"too long","type":"BadRequestError","code":400}"#, "too long"),
            (r#"{"error":{"code":500,"message":"slot busy","type":"server_error"}}"#, "slot busy"),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            (
                r#"{"detail":[{"loc":["body","model"],"msg":"Field required"},{"msg":"b"}]}"#,
                "Field required; b",
            ),
            (r#"{"object":"error","message":{"detail":[{"msg":"bad role"}]},"type":"invalid"}"#, "bad role"),
            (r#"[{"error":{"message":"in a list"}}]"#, "in a list"),
        ];
        for (body, expected) in cases {
            assert_eq!(message(body).as_deref(), Some(expected), "{body}");
        }
        assert_eq!(read_error(br#"{"message":"m","code":400}"#).unwrap().code.as_deref(), Some("400"));
    }

    #[test]
    fn what_is_no_error_is_none() {
        for body in ["", "<html>", "{}", "null", "[]", r#"{"error":null}"#, r#"{"error":{}}"#, "7"] {
            assert_eq!(message(body), None, "{body}");
        }
    }

    #[test]
    fn credentials_are_masked() {
        let cases = [
            ("Incorrect API key provided: sk-proj-abcdefgh1234.", "Incorrect API key provided: [redacted]"),
            ("key sk-abcde*****wxyz is bad", "key [redacted] is bad"),
            ("Authorization: Bearer abcDEF123456", "Authorization: Bearer [redacted]"),
            ("bearer  gnd_0123456789abcdef!", "bearer  [redacted]!"),
            ("?key=AIzaSyA1234567890&x", "?key=[redacted]&x"),
            ("\"gnd_0123456789abcdef\"", "\"[redacted]\""),
            ("a task-oriented model, sk-, disk-based", "a task-oriented model, sk-, disk-based"),
        ];
        for (text, expected) in cases {
            assert_eq!(redact(text), expected);
        }
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        assert_eq!(redact(&"é".repeat(9_000)).chars().count(), MAX_MESSAGE_CHARS);
    }
}
