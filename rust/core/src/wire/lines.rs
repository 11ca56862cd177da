//! Cuts newline-delimited JSON into lines, incremental and bounded.
//!
//! Invariant: any split of the stream gives the same lines; a line that lies in one slice is not copied.
//! Source: github.com/ndjson/ndjson-spec.

use memchr::memchr;

/// Longest line that is read, in bytes.
pub const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

const KEPT_BUFFER_BYTES: usize = 64 * 1024;

/// A line is longer than [`MAX_LINE_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTooLong;

/// Splitter of a whole stream.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Hands every line that ends in `input` to `sink`, blank ones and the white space around it left out; the
    /// rest is kept. A line feed of its own ends the last line of a body that did not.
    ///
    /// # Errors
    /// [`LineTooLong`]; what was kept is gone then, and the stream cannot be read on.
    pub fn feed(&mut self, input: &[u8], mut sink: impl FnMut(&[u8])) -> Result<(), LineTooLong> {
        let mut rest = input;
        while let Some((line, behind)) =
            memchr(b'\n', rest).and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?)))
        {
            if self.partial.is_empty() {
                hand(line, &mut sink);
            } else {
                self.keep(line)?;
                hand(&self.partial, &mut sink);
                self.partial.clear();
                self.partial.shrink_to(KEPT_BUFFER_BYTES);
            }
            rest = behind;
        }
        self.keep(rest)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), LineTooLong> {
        if self.partial.len().saturating_add(bytes.len()) > MAX_LINE_BYTES {
            self.partial = Vec::new();
            return Err(LineTooLong);
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }
}

fn hand(line: &[u8], sink: &mut impl FnMut(&[u8])) {
    let line = line.trim_ascii();
    if !line.is_empty() {
        sink(line);
    }
}

#[cfg(test)]
mod tests {
    use super::{LineTooLong, Lines, MAX_LINE_BYTES};

    #[test]
    fn a_line_without_an_end_is_bounded() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; MAX_LINE_BYTES / 2];
        assert_eq!(lines.feed(&piece, |_| ()), Ok(()));
        assert_eq!(lines.feed(&piece, |_| ()), Ok(()));
        assert_eq!(lines.feed(b"x", |_| ()), Err(LineTooLong));
    }
}
