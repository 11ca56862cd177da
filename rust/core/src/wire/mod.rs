//! What goes over the wire, one folder per dialect with the same files: request, response, stream, error.

pub mod openai;
