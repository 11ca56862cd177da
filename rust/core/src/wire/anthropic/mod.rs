//! Anthropic: the Messages API.
//!
//! Source: docs.anthropic.com/en/api/messages, /en/api/errors, /en/docs/build-with-claude/streaming.

pub mod error;
pub mod hosted;
pub mod request;
pub mod response;
pub mod stream;
mod words;
