//! Errors in Google's shape: `{"error":{"code","message","status","details"}}`.
//!
//! Invariant: an upstream's message leaves here bounded and redacted; every status has a name of gRPC's.
//! Source: cloud.google.com/apis/design/errors, ai.google.dev/gemini-api/docs/troubleshooting.

use std::borrow::Cow;

use serde::Deserialize;

use super::lenient::{Text, Whole};
use crate::json::{push_string, push_u64};
use crate::wire::openai::error::{UpstreamError, read_error, redact};

/// An `error` object, as far as it matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Told<'a> {
    pub(super) code: Option<Whole>,
    #[serde(borrow)]
    pub(super) message: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) status: Option<Text<'a>>,
    #[serde(borrow)]
    details: Option<Vec<Detail<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail<'a> {
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    #[serde(borrow)]
    retry_delay: Option<Text<'a>>,
    #[serde(borrow)]
    field_violations: Option<Vec<Violation<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Violation<'a> {
    #[serde(borrow)]
    field: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    error: Told<'a>,
}

/// Our error in Google's shape; `code` becomes the reason of an `ErrorInfo`.
#[must_use]
pub fn encode(message: &str, kind: &str, code: Option<&str>, status: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 160);
    push_error(&mut out, message, code, (status, status_name(status, kind)));
    out
}

/// Reads an upstream's error body; a stream without `alt=sse` has it in a list. The status becomes `OpenAI`'s
/// type, and the most exact name that Google gives becomes the code.
#[must_use]
pub fn decode(body: &[u8]) -> Option<UpstreamError> {
    let Some(error) = read(body) else { return read_error(body) };
    let message = redact(&error.message?.0);
    let status = error.status.map(|status| status.0);
    let details = error.details.unwrap_or_default();
    let reason = details.iter().find_map(|detail| detail.reason.as_ref());
    let field = details.iter().find_map(|detail| detail.field_violations.as_ref()?.first()?.field.as_ref());
    let code = reason.map(|reason| Cow::Borrowed(&*reason.0)).or(status.clone());
    Some(UpstreamError {
        message,
        kind: status.map(|status| openai_type(&status).to_owned()),
        param: field.map(|field| redact(&field.0)),
        code: code.map(|code| redact(&code)).or_else(|| error.code.map(|code| code.0.to_string())),
    })
}

fn read(body: &[u8]) -> Option<Told<'_>> {
    // serde would read a list as the members of one body, in their order.
    let read = if body.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice::<[Body<'_>; 1]>(body).map(|[body]| body)
    } else {
        serde_json::from_slice(body)
    };
    read.ok().map(|body| body.error)
}

/// Seconds of the first `RetryInfo`: there is no header of them.
///
/// Source: `google.rpc.RetryInfo`; protobuf.dev/programming-guides/json, Duration.
#[must_use]
pub fn retry_after_s(body: &[u8]) -> Option<f64> {
    let details = read(body)?.details?;
    let delay = details.iter().find_map(|detail| detail.retry_delay.as_ref())?;
    let seconds: f64 = delay.0.strip_suffix('s')?.parse().ok()?;
    (seconds.is_finite() && seconds >= 0.0).then_some(seconds)
}

/// The error as an event in the middle of a stream with `alt=sse`. For the form without it, hand
/// [`super::stream::Encoder`] an `Event::Error`: only it knows where in the array it stands.
pub fn stream_event(message: &str, kind: &str, code: Option<&str>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    push_error(out, message, code, status_of(kind));
    out.extend_from_slice(b"\r\n\r\n");
}

/// Appends an error's object.
pub(super) fn push_error(out: &mut Vec<u8>, message: &str, code: Option<&str>, status: (u16, &str)) {
    out.extend_from_slice(b"{\"error\":{\"code\":");
    push_u64(out, u64::from(status.0));
    out.extend_from_slice(b",\"message\":");
    push_string(out, message);
    out.extend_from_slice(b",\"status\":");
    push_string(out, status.1);
    if let Some(code) = code {
        out.extend_from_slice(
            b",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":",
        );
        push_string(out, &code.to_ascii_uppercase());
        out.extend_from_slice(b",\"domain\":\"headgate\"}]");
    }
    out.extend_from_slice(b"}}");
}

/// HTTP status and name for a type of `OpenAI`'s or Anthropic's, or for a name of Google's itself.
pub(super) fn status_of(kind: &str) -> (u16, &str) {
    let status = match kind {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" | "invalid_request_error" => 400,
        "UNAUTHENTICATED" | "authentication_error" => 401,
        "PERMISSION_DENIED" | "permission_error" => 403,
        "NOT_FOUND" | "not_found_error" => 404,
        "ABORTED" | "ALREADY_EXISTS" => 409,
        "RESOURCE_EXHAUSTED" | "rate_limit_error" | "insufficient_quota" | "billing_error" => 429,
        "CANCELLED" => 499,
        "UNIMPLEMENTED" => 501,
        "UNAVAILABLE" | "overloaded_error" | "upstream_error" => 503,
        "DEADLINE_EXCEEDED" | "timeout_error" => 504,
        _ => 500,
    };
    let googles = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    (status, if googles { kind } else { status_name(status, kind) })
}

pub(super) fn status_name(status: u16, kind: &str) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 | 429 => "RESOURCE_EXHAUSTED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        502 | 503 | 529 => "UNAVAILABLE",
        500.. if kind == "upstream_error" => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

fn openai_type(status: &str) -> &'static str {
    match status_of(status).0 {
        400 | 404 | 409 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        _ => "server_error",
    }
}

#[cfg(test)]
mod tests {
    use super::retry_after_s;

    #[test]
    fn a_delay_is_read_from_the_details() {
        let told = |delay: &str| {
            let body = format!(
                r#"{{"error":{{"code":429,"details":[{{"reason":"R"}},{{"@type":"t","retryDelay":{delay}}}]}}}}"#
            );
            (retry_after_s(body.as_bytes()), retry_after_s(format!("[{body}]").as_bytes()))
        };
        assert_eq!(told(r#""7s""#), (Some(7.0), Some(7.0)));
        assert_eq!(told(r#""1.5s""#), (Some(1.5), Some(1.5)));
        for wrong in [r#""7""#, r#""-7s""#, r#""NaNs""#, r#""infs""#, "null", "7"] {
            assert_eq!(told(wrong), (None, None), "{wrong}");
        }
        assert_eq!(retry_after_s(b"{}"), None);
    }
}
