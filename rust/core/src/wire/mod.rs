//! What goes over the wire, one folder per dialect with the same files: request, response, stream, error.
//!
//! Between two dialects stands [`model`]: N dialects cost N codecs, not N × N.

pub mod anthropic;
mod base64;
pub mod bedrock;
mod calls;
mod codecs;
pub mod conversation;
pub mod count;
pub mod embeddings;
pub mod endpoint;
pub mod facts;
pub mod frames;
pub mod gemini;
mod introduced;
pub mod kept;
pub mod lines;
pub mod malformed;
pub mod manner;
pub mod model;
mod mould;
pub mod ollama;
pub mod openai;
pub mod openai_chat;
pub mod passing;
pub mod provenance;
pub mod responses;
pub mod scan;
pub mod translate;
