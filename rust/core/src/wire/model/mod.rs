//! What every dialect says, in one form: a request ([`Chat`]), and an answer as a run of [`Event`]s.
//!
//! Invariant: a decoder loses nothing that some other dialect can say, and names what it leaves out; an
//! encoder invents nothing, and names what its dialect has no place for ([`Dropped`]). Whole answers and
//! streams are the same events.

mod chat;
mod event;
mod weigh;

pub use chat::{
    Chat, Effort, Format, Media, Part, Reasoning, Role, Sampling, Source, Tool, ToolChoice, Turn,
};
pub use event::{Event, Finish};

use std::borrow::Cow;

use crate::json::Cursor;

/// Names of [`Dropped`] that are kept: more than anybody reads, and a bound on a request of nothing but unknown members.
const MAX_DROPPED: usize = 64;

/// What could not be said in the other dialect, by the names that the caller used; each once, the first 64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped(pub Vec<String>);

impl Dropped {
    /// Notes a name.
    pub fn note(&mut self, name: &str) {
        if self.0.len() < MAX_DROPPED && !self.0.iter().any(|known| known == name) {
            self.0.push(name.to_owned());
        }
    }
}

/// Why a request cannot be read, or cannot be said in the other dialect at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The error's code: `invalid_json`, `invalid_type`, `invalid_value`, `missing_required_parameter` or
    /// `unsupported_parameter`.
    pub code: &'static str,
    /// The field to blame, as the caller named it.
    pub param: Option<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Members of the outermost object that are not among `known`.
#[must_use]
pub fn unknown_members<'a>(body: &'a [u8], known: &[&str]) -> Vec<Cow<'a, str>> {
    let mut unknown = Vec::new();
    let Ok(mut cursor) = Cursor::new(body) else { return unknown };
    if cursor.open(b'{').is_err() {
        return unknown;
    }
    let mut first = true;
    while let Ok(Some(name)) = cursor.member(&mut first) {
        let name = name.read(cursor.body());
        if cursor.skip().is_err() {
            break;
        }
        if !known.contains(&&*name) {
            unknown.push(name);
        }
    }
    unknown
}

#[cfg(test)]
mod tests {
    use super::{Dropped, unknown_members};

    #[test]
    fn members_that_nobody_knows_are_named() {
        let body = br#"{"model":"m","x":{"y":1},"z\u0041":[2],"messages":[]}"#;
        assert_eq!(unknown_members(body, &["model", "messages"]), ["x", "zA"]);
        assert!(unknown_members(b"[1]", &[]).is_empty());
        assert!(unknown_members(b"\xff", &[]).is_empty());
    }

    #[test]
    fn a_name_is_noted_once() {
        let mut dropped = Dropped::default();
        for name in ["seed", "n", "seed"] {
            dropped.note(name);
        }
        assert_eq!(dropped.0, ["seed", "n"]);
        (0..1_000).for_each(|number| dropped.note(&number.to_string()));
        assert_eq!(dropped.0.len(), 64);
    }
}
