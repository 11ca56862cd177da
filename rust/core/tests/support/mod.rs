//! What several suites share.

pub mod frames;
