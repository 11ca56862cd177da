//! Errors of Bedrock, read.
//!
//! Invariant: a message is bounded and redacted before it is told.
//! Source: docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html.

use serde::Deserialize;

use crate::wire::openai::error::{UpstreamError, read_error, redact};

/// AWS writes the message either way, depending on which of its layers refused.
#[derive(Deserialize)]
struct Body {
    message: Option<String>,
    #[serde(rename = "Message")]
    capital: Option<String>,
    #[serde(rename = "__type")]
    kind: Option<String>,
}

/// Reads an error body: `{"message": …}` or `{"Message": …}`, with or without `__type`. The exception's name
/// also stands in the head `x-amzn-ErrorType`, which is not seen here.
#[must_use]
pub fn decode(body: &[u8]) -> Option<UpstreamError> {
    let Ok(read) = serde_json::from_slice::<Body>(body) else { return read_error(body) };
    let Some(message) = read.message.or(read.capital) else { return read_error(body) };
    let kind = read.kind.map(|kind| redact(name(&kind)));
    Some(UpstreamError { message: redact(&message), kind, ..UpstreamError::default() })
}

/// An exception's name without its namespace (`com.amazon.coral.service#ThrottlingException`) and without the
/// address behind it (`ValidationException:http://…`).
fn name(kind: &str) -> &str {
    let name = kind.rsplit_once('#').map_or(kind, |(_, name)| name);
    name.split_once(':').map_or(name, |(name, _)| name)
}
