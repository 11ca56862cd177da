//! `OpenAI`: chat completions, completions, embeddings.
//!
//! Source: platform.openai.com/docs/api-reference.

pub mod echo;
pub mod error;
pub mod quirks;
pub mod replay;
pub mod request;
pub mod response;
pub mod stream;
