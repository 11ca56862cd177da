//! `OpenAI`'s chat completions to and from the canonical form; requests of the same dialect go by [`super::openai`].
//!
//! Source: platform.openai.com/docs/api-reference, chat/create, chat/object, chat-streaming.

mod calls;
pub(super) mod content;
pub mod error;
pub(super) mod members;
pub mod request;
pub mod response;
pub mod stream;
