//! `OpenAI`'s Responses API to and from the canonical form.
//!
//! Requests stand on their own here: what only `OpenAI` keeps (earlier responses, conversations, stored prompts)
//! cannot be said in another dialect.
//! Source: platform.openai.com/docs/api-reference/responses, …/responses-streaming.

pub mod error;
pub mod request;
pub mod response;
pub mod stream;
mod words;
