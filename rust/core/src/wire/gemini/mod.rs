//! Google's Gemini API: `generateContent` and `streamGenerateContent`.
//!
//! Invariant: the model and whether the answer is streamed stand in the path, never in a body.
//! Source: ai.google.dev/api/generate-content, ai.google.dev/api/caching (`Content`, `Part`, `Tool`, `Schema`),
//! ai.google.dev/gemini-api/docs/thought-signatures.

mod answer;
pub mod error;
mod lenient;
mod logprobs;
mod pieces;
pub mod request;
pub mod response;
mod schema;
pub mod stream;
