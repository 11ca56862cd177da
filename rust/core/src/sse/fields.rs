//! The fields of one event (WHATWG HTML, section 9.2.6).
//!
//! Invariant: nothing is decoded or copied; names and values are slices of the event.

/// Lines of an event, without their line ends.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    rest: &'a [u8],
}

/// Lines of `block`, a whole event.
#[must_use]
pub fn lines(block: &[u8]) -> Lines<'_> {
    Lines { rest: block }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = self.rest;
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let crlf = rest[end..].starts_with(b"\r\n");
        self.rest = rest.get(end + 1 + usize::from(crlf)..).unwrap_or_default();
        Some(&rest[..end])
    }
}

/// Name and value of a line; a comment has an empty name.
#[must_use]
pub fn field(line: &[u8]) -> (&[u8], &[u8]) {
    let Some(colon) = memchr::memchr(b':', line) else {
        return (line, b"");
    };
    let value = &line[colon + 1..];
    (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
}
