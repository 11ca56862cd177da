//! Ollama's native API: `/api/chat` and `/api/generate`, whole and as newline-delimited JSON.
//!
//! Source: github.com/ollama/ollama, docs/api.md; docs.ollama.com/api.

pub mod error;
pub mod request;
pub mod response;
pub mod stream;

mod answer;
mod time;

use std::borrow::Cow;

use serde::Deserialize;

/// Which of the two endpoints a caller speaks to: the same answers in two shapes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /api/chat`: `messages` in, `message` out.
    #[default]
    Chat,
    /// `POST /api/generate`: `prompt` in, `response` out.
    Generate,
}

/// Text that is borrowed where it has no escapes; behind an `Option` a plain `Cow` would always be copied.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
