//! The bytes of Headgate, sans-IO: bytes in, bytes and facts out.
//!
//! Invariant: no socket, no clock, no thread, no interpreter, no `unsafe`; time is an argument, "not yet"
//! is a normal answer, every size is bounded, and any split of an input gives the same output.

#![forbid(unsafe_code)]

pub mod cache_key;
pub mod cloud;
pub mod gcra;
pub mod heads;
pub mod http1;
pub mod json;
pub mod keys;
pub mod record;
pub mod request_id;
pub mod reserve;
pub mod sse;
pub mod tokens;
pub mod usage;
pub mod wire;
