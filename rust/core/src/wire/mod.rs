//! What goes over the wire, one folder per dialect with the same files: request, response, stream, error.
//!
//! Between two dialects stands [`model`]: N dialects cost N codecs, not N × N.

pub mod model;
pub mod openai;
pub mod translate;
