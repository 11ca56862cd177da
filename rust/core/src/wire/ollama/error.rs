//! Errors in Ollama's shape: one text, with nothing beside it.
//!
//! Invariant: an upstream's message is bounded and redacted before it is told.
//! Source: docs.ollama.com/api/errors.

use crate::json::push_string;
use crate::wire::openai::error::{UpstreamError, read_error};

/// `{"error":"…"}`; kind, code and status have no place in it: the status stands in the head of the answer.
#[must_use]
pub fn encode(message: &str, _kind: &str, _code: Option<&str>, _status: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 16);
    push(message, &mut out);
    out
}

/// Reads an upstream's error body, in this shape or in that of a proxy before it.
#[must_use]
pub fn decode(body: &[u8]) -> Option<UpstreamError> {
    read_error(body)
}

/// The error as the last line of a stream.
pub fn stream_event(message: &str, _kind: &str, _code: Option<&str>, out: &mut Vec<u8>) {
    push(message, out);
    out.push(b'\n');
}

fn push(message: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"error\":");
    push_string(out, message);
    out.push(b'}');
}
