//! Finds where events end, over any split of the stream and without copying.
//!
//! Invariant: an event ends with the line end of its first empty line; CR, LF and CRLF all end a
//! line (WHATWG HTML, section 9.2.5), and a CRLF that is cut in two is still one.

use memchr::memchr2;

/// Where an event ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boundary {
    /// Offset just behind the event, in the slice that was searched.
    pub end: usize,
    /// Lines of the event, the empty one not counted.
    pub lines: u32,
}

/// Boundary finder; it keeps no bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Splitter {
    lines: u32,
    in_line: bool,
    after_cr: bool,
}

impl Splitter {
    /// Takes the LF that completes the CRLF of an event that was already reported at its CR.
    ///
    /// To be asked at the start of each slice; returns 1 or 0, the bytes that belong to the event before.
    #[inline]
    pub fn late_lf(&mut self, input: &[u8]) -> usize {
        let between = self.after_cr && self.lines == 0 && !self.in_line;
        if !between || input.is_empty() {
            return 0;
        }
        self.after_cr = false;
        usize::from(input[0] == b'\n')
    }

    /// Searches `input`, which continues what was searched before.
    #[inline]
    pub fn find_end(&mut self, input: &[u8]) -> Option<Boundary> {
        let mut at = 0;
        if self.after_cr && !input.is_empty() {
            self.after_cr = false;
            at = usize::from(input[0] == b'\n');
        }
        loop {
            // The second line of a usual event is the empty one: no search is needed to see it.
            let found = match input.get(at) {
                None => return None,
                Some(b'\n' | b'\r') => 0,
                Some(_) => {
                    let Some(found) = memchr2(b'\n', b'\r', &input[at..]) else {
                        self.in_line = true;
                        return None;
                    };
                    found
                }
            };
            let blank = found == 0 && !self.in_line;
            let line_end = at + found;
            at = line_end + 1;
            if input[line_end] == b'\r' {
                match input.get(at) {
                    Some(b'\n') => at += 1,
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            self.in_line = false;
            if blank {
                let lines = std::mem::take(&mut self.lines);
                return Some(Boundary { end: at, lines });
            }
            self.lines = self.lines.saturating_add(1);
        }
    }
}
