//! Error bodies, and the names of errors in this dialect and in `OpenAI`'s.
//!
//! Invariant: whatever names an error, [`kind_from_openai`] and [`kind_to_openai`] answer with a name that the
//! other dialect's documentation has. Source: docs.anthropic.com/en/api/errors.

use serde::Deserialize;

use super::words::{Text, push_text};
use crate::wire::openai::error::{UpstreamError, read_error, redact};

/// An `error` object; unknown members are passed over.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Told<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) message: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    error: Told<'a>,
}

/// Our error in this dialect's shape: `{"type":"error","error":{"type","message"}}`. It has no place for a
/// code, which only helps to find the type.
#[must_use]
pub fn encode(message: &str, kind: &str, code: Option<&str>, status: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 80);
    push_error(&mut out, message, kind_from_openai(kind, code, status));
    out
}

/// Reads an upstream's error body: this dialect's shape, or any that [`read_error`] knows, since proxies stand
/// before providers too.
#[must_use]
pub fn decode(body: &[u8]) -> Option<UpstreamError> {
    if let Ok(Body { error: Told { kind, message: Some(message) } }) = serde_json::from_slice(body) {
        let kind = kind.map(|kind| redact(&kind.0));
        return Some(UpstreamError { message: redact(&message.0), kind, param: None, code: None });
    }
    read_error(body)
}

/// The error as an event in the middle of a stream; nothing may follow it.
pub fn stream_event(message: &str, kind: &str, code: Option<&str>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: error\ndata: ");
    push_error(out, message, kind_from_openai(kind, code, 0));
    out.extend_from_slice(b"\n\n");
}

/// This dialect's type for an error: by `OpenAI`'s type and code, else by HTTP status; 0 where there is none.
/// Types of this dialect stay.
#[must_use]
pub fn kind_from_openai(kind: &str, code: Option<&str>, status: u16) -> &'static str {
    if let Some(own) = KINDS.iter().find(|own| **own == kind && kind != "invalid_request_error") {
        return own;
    }
    match (kind, code) {
        ("insufficient_quota", _) | (_, Some("insufficient_quota")) => "billing_error",
        (_, Some("model_not_found")) => "not_found_error",
        ("rate_limit_exceeded" | "tokens" | "requests", _) => "rate_limit_error",
        ("server_error" | "upstream_error" | "invalid_request_error", _) => by_status(kind, status),
        _ => by_status("server_error", status),
    }
}

/// `OpenAI`'s type for this dialect's; other names stay what they mean: a fault of the provider.
#[must_use]
pub fn kind_to_openai(kind: &str) -> &'static str {
    match kind {
        "invalid_request_error" | "request_too_large" | "not_found_error" => "invalid_request_error",
        "authentication_error" => "authentication_error",
        "permission_error" => "permission_error",
        "billing_error" => "insufficient_quota",
        "rate_limit_error" => "rate_limit_error",
        _ => "server_error",
    }
}

const KINDS: [&str; 10] = [
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "timeout_error",
    "overloaded_error",
];

fn by_status(kind: &str, status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        504 => "timeout_error",
        400..=499 => "invalid_request_error",
        0 if kind == "invalid_request_error" => "invalid_request_error",
        _ => "api_error",
    }
}

fn push_error(out: &mut Vec<u8>, message: &str, kind: &str) {
    push_text(out, b"{\"type\":\"error\",\"error\":{\"type\":", kind);
    push_text(out, b",\"message\":", message);
    out.extend_from_slice(b"}}");
}

#[cfg(test)]
mod tests {
    use super::{KINDS, decode, encode, kind_from_openai, kind_to_openai};

    #[test]
    fn what_we_write_we_read() {
        let body = encode("No \"x\"", "rate_limit_error", None, 429);
        assert_eq!(body, br#"{"type":"error","error":{"type":"rate_limit_error","message":"No \"x\""}}"#);
        let error = decode(&body).unwrap();
        assert_eq!((error.message.as_str(), error.kind.as_deref()), ("No \"x\"", Some("rate_limit_error")));
    }

    #[test]
    fn keys_do_not_leave_in_messages_and_other_shapes_are_read() {
        let body = br#"{"type":"error","error":{"type":"authentication_error","message":"bad sk-ant-0123456789"},"request_id":"req_1"}"#;
        assert_eq!(decode(body).unwrap().message, "bad [redacted]");
        assert_eq!(decode(br#"{"message":"no route"}"#).unwrap().message, "no route");
        for none in [&b"<html>"[..], b"{}", br#"{"error":{}}"#, br#"{"error":7}"#] {
            assert_eq!(decode(none), None);
        }
    }

    #[test]
    fn kinds_go_both_ways() {
        for kind in ["authentication_error", "permission_error", "rate_limit_error", "insufficient_quota"] {
            assert_eq!(kind_to_openai(kind_from_openai(kind, None, 0)), kind);
        }
        for own in KINDS.iter().filter(|own| **own != "invalid_request_error") {
            assert_eq!(kind_from_openai(own, None, 418), *own);
        }
        let cases = [
            ("invalid_request_error", Some("model_not_found"), 404, "not_found_error"),
            ("invalid_request_error", None, 413, "request_too_large"),
            ("invalid_request_error", Some("invalid_type"), 400, "invalid_request_error"),
            ("invalid_request_error", None, 0, "invalid_request_error"),
            ("upstream_error", None, 502, "api_error"),
            ("upstream_error", None, 504, "timeout_error"),
            ("server_error", None, 503, "overloaded_error"),
            ("INTERNAL", None, 0, "api_error"),
        ];
        for (kind, code, status, expected) in cases {
            assert_eq!(kind_from_openai(kind, code, status), expected, "{kind} {status}");
        }
    }
}
