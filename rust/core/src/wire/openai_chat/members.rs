//! Writing one JSON object, member by member.
//!
//! Invariant: what is written between `open` and `close` is one object, if each key gets one value.

use crate::json::{push_string, push_u64};

/// An object that is being written.
pub(in crate::wire) struct Members<'o> {
    out: &'o mut Vec<u8>,
    any: bool,
}

impl<'o> Members<'o> {
    pub(in crate::wire) fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, any: false }
    }

    /// Writes a name, which must need no escapes; the value is the caller's to write.
    pub(in crate::wire) fn key(&mut self, name: &str) -> &mut Vec<u8> {
        if std::mem::replace(&mut self.any, true) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub(in crate::wire) fn text(&mut self, name: &str, value: &str) {
        push_string(self.key(name), value);
    }

    pub(in crate::wire) fn raw(&mut self, name: &str, value: &str) {
        self.key(name).extend_from_slice(value.as_bytes());
    }

    pub(in crate::wire) fn count(&mut self, name: &str, value: u64) {
        push_u64(self.key(name), value);
    }

    pub(in crate::wire) fn flag(&mut self, name: &str, value: bool) {
        self.raw(name, if value { "true" } else { "false" });
    }

    /// Writes a number as the shortest text that reads back as the same.
    pub(in crate::wire) fn number(&mut self, name: &str, value: f64) {
        match serde_json::Number::from_f64(value) {
            Some(number) => self.raw(name, &number.to_string()),
            None => self.raw(name, "null"),
        }
    }

    pub(in crate::wire) fn close(self) {
        self.out.push(b'}');
    }
}
