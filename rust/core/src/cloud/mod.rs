//! What clouds ask of a request besides the dialect.

pub mod sigv4;
