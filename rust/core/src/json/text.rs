//! String tokens: found at memory speed, measured as the text that they stand for.
//!
//! Invariant: a [`Text`] made by [`scan`] holds only complete escapes and no control byte, so reading it
//! back cannot fail. Source: RFC 8259, section 7.

use std::borrow::Cow;

use super::Malformed;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = ONES << 7;
/// Words looked at one by one before whole blocks are; most strings end within them.
const SHORT_BYTES: usize = 32;
const BLOCK_BYTES: usize = 64;

/// One JSON string token: where it is, and what its text measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// First byte after the opening quote.
    pub start: usize,
    /// The closing quote.
    pub end: usize,
    /// UTF-8 bytes of the text, escapes resolved.
    pub len_bytes: usize,
    /// Whether there is an escape to resolve.
    pub escaped: bool,
    /// Whether its text leaves ASCII.
    wide: bool,
}

/// What a text weighs: the numbers a token estimate needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// UTF-8 bytes.
    pub bytes: u64,
    /// Bytes of characters outside ASCII.
    pub wide_bytes: u64,
    /// Characters outside ASCII.
    pub wide_chars: u64,
}

impl Weight {
    /// The weight of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut weight = Self { bytes: text.len() as u64, ..Self::default() };
        if !text.is_ascii() {
            weight.count_wide(text);
        }
        weight
    }

    /// Adds the weight of one more text.
    pub fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.wide_bytes += other.wide_bytes;
        self.wide_chars += other.wide_chars;
    }

    fn count_wide(&mut self, text: &str) {
        for block in text.as_bytes().chunks(128) {
            // Sums of at most 128 stay within a byte, which lets the compiler use whole vectors.
            let mut high = 0_u8;
            let mut leading = 0_u8;
            for &byte in block {
                high += u8::from(byte >= 0x80);
                leading += u8::from(byte >= 0xC0);
            }
            self.wide_bytes += u64::from(high);
            self.wide_chars += u64::from(leading);
        }
    }
}

impl Text {
    /// The text without quotes and escapes; borrowed unless an escape forces a copy.
    #[must_use]
    pub fn read<'a>(&self, body: &'a str) -> Cow<'a, str> {
        let raw = self.raw(body);
        if !self.escaped {
            return Cow::Borrowed(raw);
        }
        let mut text = String::with_capacity(self.len_bytes);
        self.pieces(body, |piece| text.push_str(piece));
        Cow::Owned(text)
    }

    /// The bytes between the quotes, escapes and all.
    #[must_use]
    pub fn raw<'a>(&self, body: &'a str) -> &'a str {
        body.get(self.start..self.end).unwrap_or_default()
    }

    /// Hands out the text in pieces: runs without escapes, and each escape's character.
    pub fn pieces(&self, body: &str, mut each: impl FnMut(&str)) {
        let mut rest = self.raw(body);
        while self.escaped
            && let Some(at) = memchr::memchr(b'\\', rest.as_bytes())
        {
            each(rest.get(..at).unwrap_or_default());
            let Ok((character, next)) = escape(rest.as_bytes(), at) else { return };
            each(character.encode_utf8(&mut [0; 4]));
            rest = rest.get(next..).unwrap_or_default();
        }
        if !rest.is_empty() {
            each(rest);
        }
    }

    /// Counts bytes and characters; free for plain ASCII.
    #[must_use]
    pub fn weigh(&self, body: &str) -> Weight {
        let mut weight = Weight { bytes: self.len_bytes as u64, ..Weight::default() };
        if self.wide && self.escaped {
            self.pieces(body, |piece| weight.count_wide(piece));
        } else if self.wide {
            weight.count_wide(self.raw(body));
        }
        weight
    }
}

/// Reads the string token whose opening quote is at `quote`; `bytes` must be valid UTF-8.
///
/// # Errors
/// The offset and the reason when the token is not a JSON string.
#[inline]
pub(super) fn scan(bytes: &[u8], quote: usize) -> Result<Text, Malformed> {
    let start = quote + 1;
    let (end, wide) = plain_end(bytes, start);
    if bytes.get(end) == Some(&b'"') {
        return Ok(Text { start, end, len_bytes: end - start, escaped: false, wide });
    }
    scan_escaped(bytes, start, end, wide)
}

/// The rest of a token from its first escape, at `at`, on.
fn scan_escaped(bytes: &[u8], start: usize, mut at: usize, mut wide: bool) -> Result<Text, Malformed> {
    let mut saved = 0;
    loop {
        match bytes.get(at) {
            Some(b'"') => break,
            Some(b'\\') => {
                let (character, next) = escape(bytes, at)?;
                saved += next - at - character.len_utf8();
                let (end, high) = plain_end(bytes, next);
                wide |= high || !character.is_ascii();
                at = end;
            }
            Some(_) => return Err(Malformed { offset: at, reason: "a control character must be escaped" }),
            None => return Err(Malformed { offset: at, reason: "a string is not closed" }),
        }
    }
    // Every escape is longer than its character.
    Ok(Text { start, end: at, len_bytes: at - start - saved, escaped: saved > 0, wide })
}

/// Where the run without quote, backslash and control byte ends, and whether it left ASCII.
#[inline]
fn plain_end(bytes: &[u8], start: usize) -> (usize, bool) {
    let mut at = start;
    let mut high = 0_u64;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let hits = special(word);
        if hits != 0 {
            let before = (hits & hits.wrapping_neg()) - 1;
            high |= word & HIGHS & before;
            return (at + (hits.trailing_zeros() / 8) as usize, high != 0);
        }
        high |= word & HIGHS;
        at += 8;
        if at == start + SHORT_BYTES {
            let (next, wide) = skip_blocks(bytes, at);
            at = next;
            high |= u64::from(wide);
        }
    }
    while let Some(&byte) = bytes.get(at) {
        if byte < 0x20 || byte == b'"' || byte == b'\\' {
            break;
        }
        high |= u64::from(byte >= 0x80);
        at += 1;
    }
    (at, high != 0)
}

fn skip_blocks(bytes: &[u8], start: usize) -> (usize, bool) {
    let mut at = start;
    let mut high = 0_u8;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK_BYTES>) {
        let mut hit = 0_u8;
        let mut bits = 0_u8;
        for &byte in block {
            hit |= u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
            bits |= byte;
        }
        if hit != 0 {
            break;
        }
        high |= bits;
        at += BLOCK_BYTES;
    }
    (at, high >= 0x80)
}

/// Marks bytes that end a plain run. A borrow may mark bytes above the lowest mark, never below it.
#[inline]
fn special(word: u64) -> u64 {
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = word ^ (ONES * 0x22);
    let slash = word ^ (ONES * 0x5C);
    (control | (quote.wrapping_sub(ONES) & !quote) | (slash.wrapping_sub(ONES) & !slash)) & HIGHS
}

/// The character of the escape whose backslash is at `at`, and the offset after it.
fn escape(bytes: &[u8], at: usize) -> Result<(char, usize), Malformed> {
    let character = match bytes.get(at + 1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(bytes, at),
        _ => return Err(Malformed { offset: at, reason: "an escape is not one of JSON's" }),
    };
    Ok((character, at + 2))
}

fn unicode_escape(bytes: &[u8], at: usize) -> Result<(char, usize), Malformed> {
    let lone = Malformed { offset: at, reason: "a surrogate escape stands alone" };
    let first = hex4(bytes, at + 2).ok_or(Malformed { offset: at, reason: "\\u needs four hex digits" })?;
    if !(0xD800..0xE000).contains(&first) {
        return char::from_u32(first).map(|character| (character, at + 6)).ok_or(lone);
    }
    if first >= 0xDC00 || bytes.get(at + 6..at + 8) != Some(b"\\u") {
        return Err(lone);
    }
    let second = hex4(bytes, at + 8).filter(|unit| (0xDC00..0xE000).contains(unit)).ok_or(lone)?;
    let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    char::from_u32(code).map(|character| (character, at + 12)).ok_or(lone)
}

fn hex4(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}
