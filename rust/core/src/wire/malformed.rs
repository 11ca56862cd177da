//! Why an answer could not be read, in the words of the JSON reader's place.
//!
//! Invariant: nothing of the answer is quoted.

use std::fmt;

/// An answer, or an event of one, that is not what the dialect says it is. It quotes nothing of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1; 0 where the fault is before the first.
    pub column: usize,
    /// What is wrong.
    pub reason: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at line {}, column {})", self.reason, self.line, self.column)
    }
}

impl From<serde_json::Error> for Malformed {
    fn from(error: serde_json::Error) -> Self {
        let reason = match error.classify() {
            serde_json::error::Category::Eof => "the JSON ends too early",
            serde_json::error::Category::Data => "a member is missing or has the wrong type",
            _ => "it is not JSON",
        };
        Self { line: error.line(), column: error.column(), reason }
    }
}
