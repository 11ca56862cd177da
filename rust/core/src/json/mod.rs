//! A JSON reader that validates everything and builds nothing: tokens, and where they are.
//!
//! Invariant: it accepts exactly the documents that `serde_json` reads as a `Value` (RFC 8259, at most
//! 127 levels, no lone surrogates, no number beyond the range of a double), checked by property and fuzzing.

mod text;
mod write;

use std::fmt;
use std::ops::Range;

pub use text::{Text, Weight};
pub use write::{push_string, push_u64};

/// Levels of arrays and objects that are accepted; one bit each in [`Cursor::walk`].
pub const MAX_DEPTH: u32 = 127;

/// Where a document stops being JSON, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Offset in bytes from the start of the document.
    pub offset: usize,
    /// A clause that completes "the document is not JSON: …".
    pub reason: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.reason, self.offset)
    }
}

/// The kind of the next value, told by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl Kind {
    /// The kind with its article, for messages.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

/// What [`Cursor::walk`] meets, in document order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A member's name; its value follows.
    Key(Text),
    /// A string value.
    String(Text),
    /// A number, from its first byte to the one after its last.
    Number(usize, usize),
    /// `null`, `true` or `false`, by its first byte.
    Literal(u8),
    /// An array (`[`) or object (`{`) begins.
    Open(u8),
    /// The innermost array or object ends.
    Close,
}

/// A position in a document, always between two tokens.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    body: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Cursor<'a> {
    /// Starts at the beginning of a document.
    ///
    /// # Errors
    /// When the document is not UTF-8.
    pub fn new(body: &'a [u8]) -> Result<Self, Malformed> {
        match std::str::from_utf8(body) {
            Ok(body) => Ok(Self { body, at: 0, depth: 0 }),
            Err(error) => Err(Malformed { offset: error.valid_up_to(), reason: "a byte is not UTF-8" }),
        }
    }

    /// The document.
    #[must_use]
    pub const fn body(&self) -> &'a str {
        self.body
    }

    /// Offset of the next token.
    #[inline]
    pub fn offset(&mut self) -> usize {
        self.skip_space();
        self.at
    }

    /// The kind of the value that comes next.
    ///
    /// # Errors
    /// When no value begins here.
    #[inline]
    pub fn kind(&mut self) -> Result<Kind, Malformed> {
        match self.peek() {
            Some(b'"') => Ok(Kind::String),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(_) => Err(self.fail("a value is expected")),
            None => Err(self.fail("the document ends early")),
        }
    }

    /// Reads a string.
    ///
    /// # Errors
    /// When it is not one.
    #[inline]
    pub fn string(&mut self) -> Result<Text, Malformed> {
        if self.peek() != Some(b'"') {
            return Err(self.fail("a string is expected"));
        }
        let text = text::scan(self.body.as_bytes(), self.at)?;
        self.at = text.end + 1;
        Ok(text)
    }

    /// Enters an array or object, by its opening byte.
    ///
    /// # Errors
    /// When it does not begin here, or is nested too deeply.
    #[inline]
    pub fn open(&mut self, bracket: u8) -> Result<(), Malformed> {
        if self.peek() != Some(bracket) {
            return Err(self.fail("an array or object is expected"));
        }
        if self.depth == MAX_DEPTH {
            return Err(self.fail("arrays and objects are nested too deeply"));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// The next member's name, its colon consumed; leaves the object after the last one.
    ///
    /// # Errors
    /// When neither a member nor the end of the object follows.
    #[inline]
    pub fn member(&mut self, first: &mut bool) -> Result<Option<Text>, Malformed> {
        if !self.more(b'}', std::mem::take(first))? {
            return Ok(None);
        }
        self.name().map(Some)
    }

    /// Reads a member's name and its colon.
    ///
    /// # Errors
    /// When they do not stand here.
    #[inline]
    pub(crate) fn name(&mut self) -> Result<Text, Malformed> {
        let name = self.string()?;
        if self.peek() != Some(b':') {
            return Err(self.fail("a colon is expected after a member's name"));
        }
        self.at += 1;
        Ok(name)
    }

    /// Goes to a token of the same array or object.
    pub(crate) const fn seek(&mut self, offset: usize) {
        self.at = offset;
    }

    /// Whether another item follows; leaves the array after the last one.
    ///
    /// # Errors
    /// When neither an item nor the end of the array follows.
    #[inline]
    pub fn item(&mut self, first: &mut bool) -> Result<bool, Malformed> {
        self.more(b']', std::mem::take(first))
    }

    /// Passes over one value.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn skip(&mut self) -> Result<Range<usize>, Malformed> {
        self.walk(|_| {})
    }

    /// Passes over one value of any kind and tells what is in it; returns where it is.
    ///
    /// # Errors
    /// When it is malformed; what was told before then stands.
    #[inline]
    pub fn walk(&mut self, mut each: impl FnMut(Event)) -> Result<Range<usize>, Malformed> {
        let start = self.offset();
        let floor = self.depth;
        let mut objects = 0_u128;
        loop {
            if let Some(bracket) = self.leaf(&mut each)? {
                self.open(bracket)?;
                each(Event::Open(bracket));
                objects = objects << 1 | u128::from(bracket == b'{');
                if self.step(objects & 1 == 1, true, &mut each)? {
                    continue;
                }
                objects >>= 1;
            }
            while self.depth > floor && !self.step(objects & 1 == 1, false, &mut each)? {
                objects >>= 1;
            }
            if self.depth == floor {
                return Ok(start..self.at);
            }
        }
    }

    /// Ends the document.
    ///
    /// # Errors
    /// When something but white space follows.
    pub fn finish(mut self) -> Result<(), Malformed> {
        if self.peek().is_some() { Err(self.fail("something follows the document")) } else { Ok(()) }
    }

    /// Reads a value that holds no other, or tells which bracket stands there.
    #[inline]
    fn leaf(&mut self, each: &mut impl FnMut(Event)) -> Result<Option<u8>, Malformed> {
        match self.kind()? {
            Kind::String => each(Event::String(self.string()?)),
            Kind::Number => {
                let number = self.number()?;
                each(Event::Number(number.start, number.end));
            }
            Kind::Object => return Ok(Some(b'{')),
            Kind::Array => return Ok(Some(b'[')),
            Kind::Null => self.literal("null", each)?,
            Kind::Bool if self.peek() == Some(b't') => self.literal("true", each)?,
            Kind::Bool => self.literal("false", each)?,
        }
        Ok(None)
    }

    /// Goes on to the next value of the innermost array or object; false when it ended.
    #[inline]
    fn step(
        &mut self,
        object: bool,
        mut first: bool,
        each: &mut impl FnMut(Event),
    ) -> Result<bool, Malformed> {
        let more = if object {
            let name = self.member(&mut first)?;
            name.inspect(|name| each(Event::Key(*name))).is_some()
        } else {
            self.item(&mut first)?
        };
        if !more {
            each(Event::Close);
        }
        Ok(more)
    }

    #[inline]
    fn more(&mut self, close: u8, first: bool) -> Result<bool, Malformed> {
        match self.peek() {
            Some(byte) if byte == close => {
                self.depth -= 1;
                self.at += 1;
                Ok(false)
            }
            Some(_) if first => Ok(true),
            Some(b',') => {
                self.at += 1;
                if self.peek() == Some(close) { Err(self.fail("a comma ends the list")) } else { Ok(true) }
            }
            Some(_) => Err(self.fail("a comma or the closing bracket is expected")),
            None => Err(self.fail("the document ends early")),
        }
    }

    fn literal(&mut self, word: &'static str, each: &mut impl FnMut(Event)) -> Result<(), Malformed> {
        if !self.body.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            return Err(self.fail("a word is not null, true or false"));
        }
        each(Event::Literal(self.body.as_bytes()[self.at]));
        self.at += word.len();
        Ok(())
    }

    /// Reads a number, whose first byte is next.
    ///
    /// # Errors
    /// When it is malformed.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<Range<usize>, Malformed> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        let leading_zero = self.byte() == Some(b'0');
        let whole = self.digits()?;
        if leading_zero && whole > 1 {
            return Err(self.fail("a number begins with zero"));
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        let mut far = whole > 300;
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
            far = true;
        }
        if far && self.body[start..self.at].parse::<f64>().is_ok_and(f64::is_infinite) {
            return Err(Malformed { offset: start, reason: "a number is out of range" });
        }
        Ok(start..self.at)
    }

    #[inline]
    fn digits(&mut self) -> Result<usize, Malformed> {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.fail("a digit is expected")) } else { Ok(self.at - start) }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.body.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.byte()
    }

    #[inline]
    fn skip_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    const fn fail(&self, reason: &'static str) -> Malformed {
        Malformed { offset: self.at, reason }
    }
}
