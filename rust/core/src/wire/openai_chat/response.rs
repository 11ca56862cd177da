//! Whole answers: a provider's read into events, and events written as one answer.
//!
//! Invariant: a whole answer gives the events of the stream that would say the same.
//! Source: platform.openai.com/docs/api-reference/chat/object.

mod calling;
mod run;
mod shape;
mod writer;

pub(super) use run::{Run, tell_error, tell_usage};
pub(super) use shape::{Answer, Choice, Said, parse};
pub use writer::Writer;
pub(super) use writer::{finish_name, made_id, push_usage, shown_id};

pub use super::request::Thinking;
pub use crate::json::Malformed;

use crate::wire::model::Event;

/// What an answer to a caller says where the events do not tell, and what of them is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reply<'a> {
    /// The id where the upstream gave none.
    pub id: &'a str,
    /// The model that the caller sees; empty for the upstream's name.
    pub model: &'a str,
    /// Unix seconds where the upstream gave none.
    pub created_s: u64,
    /// What becomes of thoughts.
    pub thinking: Thinking,
    /// Whether a stream ends with the usage chunk, because the caller asked for it.
    pub include_usage: bool,
}

/// Reads a whole answer. An error in its place is told as `Error`, and nothing else is.
///
/// # Errors
/// When it is not a chat completion.
pub fn decode(body: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
    let answer = parse(body)?;
    if tell_error(body, &answer, each) {
        return Ok(());
    }
    let Some(choices) = answer.choices.as_ref() else {
        return Err(Malformed { offset: 0, reason: "a chat completion has choices" });
    };
    let mut run = Run::whole();
    run.begin(&answer, each);
    for choice in choices {
        run.choice(choice, each);
    }
    tell_usage(answer.usage, each);
    each(Event::End);
    Ok(())
}
