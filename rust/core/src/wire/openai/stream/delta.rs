//! A walk over one `delta`: is there content in it, and which text.
//!
//! Invariant: every step moves forward and nothing is allocated; malformed JSON ends the walk, it
//! never loops or panics. Validity is not judged here: the client parses what it gets.

use super::text::Text;

const MAX_DEPTH: u8 = 16;

/// What a value means, by the key it stands under.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Text that the model produced.
    Text,
    /// Holds such text deeper down; content as soon as it is not empty.
    Carrier,
    /// Neither.
    Other,
}

/// Fields of a delta: the first level of the walk.
fn role_in_delta(key: &[u8]) -> Role {
    match key {
        b"content" | b"reasoning_content" | b"reasoning" | b"refusal" | b"text" => Role::Text,
        b"tool_calls" | b"function_call" | b"audio" | b"images" => Role::Carrier,
        _ => Role::Other,
    }
}

/// Fields below: of tool calls, content parts, audio.
fn role_below(key: &[u8]) -> Role {
    match key {
        b"arguments" | b"name" | b"text" | b"transcript" | b"thinking" => Role::Text,
        _ => Role::Other,
    }
}

/// A place in JSON text.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The text ended inside a produced string; whether behind a lone backslash.
    pub(super) cut: Option<Cut>,
}

/// How a string went on beyond the bytes at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// The next byte is escaped.
    pub(super) escaped: bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, cut: None }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Walks the delta object that begins here; tells whether it carries content.
    pub(super) fn delta(&mut self, text: &mut Text) -> bool {
        self.object(true, text, 0).unwrap_or(false) | self.cut.is_some()
    }

    /// Walks the produced string that begins here, if one does.
    pub(super) fn produced(&mut self, text: &mut Text) -> bool {
        self.value(Role::Text, text, 0).unwrap_or(false) | self.cut.is_some()
    }

    /// The first key of the object whose brace was just passed.
    pub(super) fn first_key(&mut self) -> Option<&'a [u8]> {
        self.space();
        (self.peek()? == b'"').then_some(())?;
        self.key()
    }

    /// Skips `key`'s colon; `None` when what was taken for a key is none.
    pub(super) fn colon(&mut self) -> Option<()> {
        self.space();
        self.eat(b':')?;
        self.space();
        Some(())
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// What stands between the quotes; on a cut, what there is of it.
    #[inline]
    fn string(&mut self) -> Result<&'a [u8], &'a [u8]> {
        let start = self.at + 1;
        let mut at = start;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'"' => {
                    self.at = at + 1;
                    return Ok(&self.bytes[start..at]);
                }
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        let end = self.bytes.len();
        self.at = end;
        let escaped = at > end;
        self.cut = Some(Cut { escaped });
        Err(self.bytes.get(start..end - usize::from(escaped)).unwrap_or_default())
    }

    fn object(&mut self, top: bool, text: &mut Text, depth: u8) -> Option<bool> {
        self.eat(b'{')?;
        let mut content = false;
        loop {
            self.space();
            match self.peek()? {
                b'}' => break,
                b',' => self.at += 1,
                b'"' => {
                    let key = self.key()?;
                    self.colon()?;
                    let role = if top { role_in_delta(key) } else { role_below(key) };
                    content |= self.value(role, text, depth)?;
                }
                _ => return None,
            }
        }
        self.at += 1;
        Some(content)
    }

    fn key(&mut self) -> Option<&'a [u8]> {
        let key = self.string().ok();
        self.cut = None;
        key
    }

    fn value(&mut self, role: Role, text: &mut Text, depth: u8) -> Option<bool> {
        if depth == MAX_DEPTH {
            return None;
        }
        match self.peek()? {
            b'"' => Some(self.produce(role, text)?),
            b'{' => {
                let before = self.at;
                let inner = self.object(false, text, depth + 1)?;
                Some(inner || role != Role::Other && self.at - before > 2)
            }
            b'[' => self.array(role, text, depth),
            _ => {
                while !matches!(self.peek()?, b',' | b'}' | b']') {
                    self.at += 1;
                }
                Some(false)
            }
        }
    }

    fn produce(&mut self, role: Role, text: &mut Text) -> Option<bool> {
        let string = self.string();
        if role != Role::Text {
            self.cut = None;
            return string.ok().map(|_| false);
        }
        text.push(string.unwrap_or_else(|part| part));
        string.ok().map(|whole| !whole.is_empty())
    }

    fn array(&mut self, role: Role, text: &mut Text, depth: u8) -> Option<bool> {
        self.at += 1;
        let mut any = false;
        loop {
            self.space();
            match self.peek()? {
                b']' => break,
                b',' => self.at += 1,
                _ => {
                    let before = self.at;
                    any |= self.value(Role::Other, text, depth + 1)?;
                    any |= role != Role::Other;
                    if self.at == before {
                        return None;
                    }
                }
            }
        }
        self.at += 1;
        Some(any)
    }
}
