//! Schemas: Google's subset of `OpenAPI`'s, and JSON Schema.
//!
//! Invariant: members of an object keep their order, since models answer in it.
//! Source: ai.google.dev/api/caching#Schema; spec.openapis.org/oas/v3.0.3#schema-object.

mod flat;
mod reduce;
mod widen;

pub(super) use reduce::reduce;
pub(super) use widen::widen;

/// Levels of schemas that are written; Google takes far fewer, and a stack has its end.
const MAX_DEPTH: u32 = 48;

/// Counts that Google's JSON may quote, as it does with all numbers of 64 bits.
const COUNTS: [&str; 6] =
    ["minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength"];
