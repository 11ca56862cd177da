//! Errors in `OpenAI`'s shape: as a body, and as an event in the middle of a stream.
//!
//! Invariant: a message that was decoded is redacted and bounded; one that is encoded is written as given.
//! Source: platform.openai.com/docs/guides/error-codes.

use crate::wire::openai::error::{UpstreamError, error_body, read_error};

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

/// Appends the event that ends a failed stream.
pub fn stream_event(message: &str, kind: &str, code: Option<&str>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(&error_body(message, kind, None, code));
    out.extend_from_slice(b"\n\n");
}
