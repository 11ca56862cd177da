//! AWS Bedrock: Converse and `ConverseStream`, as a provider.
//!
//! Source: docs.aws.amazon.com/bedrock/latest/APIReference, Converse and `ConverseStream`.

pub mod error;
pub mod request;
pub mod response;
pub mod stream;

mod content;

use std::borrow::Cow;

use serde::Deserialize;

/// The tool that stands for an answer in JSON: Converse has no response format, so the model is made to call
/// this tool, and its arguments are told as the text of the answer.
pub const ANSWER_TOOL: &str = "headgate_json_answer";

/// Text that is borrowed where it has no escapes; behind an `Option` a plain `Cow` would always be copied.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
