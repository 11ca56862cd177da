//! Errors in `OpenAI`'s shape: as a body, and as the event `error` of a Responses stream.
//!
//! Invariant: a message that was decoded is redacted and bounded; one that is encoded is written as given.
//! Source: platform.openai.com/docs/guides/error-codes, …/api-reference/responses-streaming/error.

use crate::wire::openai::error::{UpstreamError, error_body, read_error};
use crate::wire::openai_chat::members::Members;

/// An error body; the status stands in the answer's head only.
#[must_use]
pub fn encode(message: &str, kind: &str, code: Option<&str>, _status: u16) -> Vec<u8> {
    error_body(message, kind, None, code)
}

/// Reads an upstream's error body, in whatever shape it has.
#[must_use]
pub fn decode(body: &[u8]) -> Option<UpstreamError> {
    read_error(body)
}

/// Appends the event that ends a failed stream. It has one place for what the error is: the code, or the kind
/// where there is none. How many events went before is not known here, so its number is 0.
pub fn stream_event(message: &str, kind: &str, code: Option<&str>, out: &mut Vec<u8>) {
    push_event(message, code.unwrap_or(kind), 0, out);
}

/// The kind and the message of an error, in a body, a response or an event. An event's own type says nothing.
pub(super) fn told(document: &[u8]) -> (String, String) {
    let error = read_error(document).unwrap_or_default();
    let kind = error.kind.filter(|kind| kind != "error").or(error.code);
    let known = !error.message.is_empty();
    let message = if known { error.message } else { "The provider reports an error.".to_owned() };
    (kind.unwrap_or_else(|| "server_error".to_owned()), message)
}

pub(super) fn push_event(message: &str, code: &str, sequence: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: error\ndata: ");
    let mut data = Members::open(out);
    data.text("type", "error");
    data.text("code", code);
    data.text("message", message);
    data.raw("param", "null");
    data.count("sequence_number", sequence);
    data.close();
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::{decode, encode, stream_event};

    #[test]
    fn what_we_write_we_read() {
        let error = decode(&encode("No \"x\"", "server_error", Some("internal"), 500)).unwrap();
        assert_eq!((error.message.as_str(), error.kind.as_deref()), ("No \"x\"", Some("server_error")));
        assert_eq!(error.code.as_deref(), Some("internal"));
        let mut out = Vec::new();
        stream_event("cut", "upstream_error", None, &mut out);
        let expected = "event: error\ndata: {\"type\":\"error\",\"code\":\"upstream_error\",\"message\":\"cut\",\"param\":null,\"sequence_number\":0}\n\n";
        assert_eq!(out, expected.as_bytes());
    }

    #[test]
    fn keys_do_not_leave_in_messages() {
        assert_eq!(
            decode(br#"{"error":{"message":"bad sk-0123456789"}}"#).unwrap().message,
            "bad [redacted]"
        );
    }
}
