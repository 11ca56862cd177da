//! Gemini's `embedContent`, for one input, and `batchEmbedContents`, for several.
//!
//! Source: ai.google.dev/api/embeddings.

pub(super) mod request;
pub(super) mod response;
