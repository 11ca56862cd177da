//! What goes over the wire, one folder per dialect with the same files: request, response, stream, error.
//!
//! Between two dialects stands [`model`]: N dialects cost N codecs, not N × N.

pub mod anthropic;
pub mod bedrock;
mod calls;
mod codecs;
pub mod frames;
pub mod gemini;
pub mod lines;
pub mod malformed;
pub mod model;
pub mod ollama;
pub mod openai;
pub mod openai_chat;
pub mod translate;
