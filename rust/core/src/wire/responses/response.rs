//! Whole answers: a provider's read into events, and events written as one answer.
//!
//! Invariant: a whole answer gives the events of the stream that would say the same.
//! Source: platform.openai.com/docs/api-reference/responses/object.

mod run;
mod shape;
mod snapshot;
mod writer;

pub(super) use run::{Run, tell_error, tell_usage};
pub(super) use shape::{Answer, Item, item};
pub(super) use snapshot::{Snapshot, State};
pub use writer::Writer;

pub use crate::wire::malformed::Malformed;

use crate::wire::model::Event;

/// What an answer to a caller says where the events do not tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reply<'a> {
    /// The id where the upstream gave none.
    pub id: &'a str,
    /// The model that the caller sees; empty for the upstream's name.
    pub model: &'a str,
    /// Unix seconds where the upstream gave none.
    pub created_s: u64,
}

/// Reads a whole answer. An error in its place is told as `Error`, and nothing else is.
///
/// # Errors
/// When it is not a response, or one that is still being made.
pub fn decode(body: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
    let answer: Answer<'_> = serde_json::from_slice(body)?;
    if tell_error(body, &answer, each) {
        return Ok(());
    }
    let reason = match (&answer.output, answer.status()) {
        (None, _) => "a response has output",
        (_, "in_progress" | "queued") => "the response is not finished",
        _ => {
            let mut run = Run::default();
            run.begin(&answer, each);
            return run.finish(&answer, each);
        }
    };
    Err(Malformed { line: 0, column: 0, reason })
}
