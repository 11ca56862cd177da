//! What the targets share with the core's own tests.

#[path = "../../core/tests/support/properties.rs"]
pub mod properties;
