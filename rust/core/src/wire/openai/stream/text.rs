//! The text that a stream produced, kept for counting tokens when no usage arrives.
//!
//! Invariant: what is kept is bounded and ends between characters; what is not kept is still counted
//! in bytes.

/// Most text kept, in bytes.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;

const REPLACEMENT: char = '\u{fffd}';

/// Bounded collector of JSON string contents.
#[derive(Debug, Default)]
pub(crate) struct Text {
    kept: Vec<u8>,
    total_bytes: u64,
    full: bool,
}

impl Text {
    pub(crate) fn kept(&self) -> &[u8] {
        &self.kept
    }

    pub(crate) fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        self.full = false;
        (!self.kept.is_empty()).then(|| std::mem::take(&mut self.kept))
    }

    /// Takes in what stands between the quotes of a JSON string.
    #[inline]
    pub(crate) fn push(&mut self, raw: &[u8]) {
        let mut rest = raw;
        while let Some(escape) = memchr::memchr(b'\\', rest) {
            self.add(&rest[..escape]);
            rest = &rest[escape..];
            let (character, used) = unescape(rest);
            self.add(character.encode_utf8(&mut [0; 4]).as_bytes());
            rest = &rest[used..];
        }
        self.add(rest);
    }

    /// Counts text that is not kept.
    pub(crate) fn count(&mut self, bytes: u64) {
        self.total_bytes += bytes;
        self.full |= bytes > 0;
    }

    /// Takes in text as it stands.
    #[inline]
    pub(crate) fn add(&mut self, text: &[u8]) {
        self.total_bytes += text.len() as u64;
        if self.full {
            return;
        }
        let room = MAX_TEXT_BYTES - self.kept.len();
        if text.len() <= room {
            self.kept.extend_from_slice(text);
            return;
        }
        // After a gap, later text would only look like a continuation.
        self.full = true;
        let is_start = |at: &usize| text[*at] & 0xc0 != 0x80;
        let cut = (room.saturating_sub(3)..=room).rev().find(is_start).unwrap_or(room);
        self.kept.extend_from_slice(&text[..cut]);
    }
}

/// Reads the escape that `raw` begins with; returns its character and its length, at least 1.
fn unescape(raw: &[u8]) -> (char, usize) {
    let simple = match raw.get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return unicode(raw),
        Some(byte) if byte.is_ascii() => char::from(*byte),
        _ => return (REPLACEMENT, 1),
    };
    (simple, 2)
}

fn unicode(raw: &[u8]) -> (char, usize) {
    let Some(first) = unit(raw) else {
        return (REPLACEMENT, 2);
    };
    if let Some(second) = raw.get(6..).and_then(unit)
        && let Some(Ok(character)) = char::decode_utf16([first, second]).next()
        && character.len_utf16() == 2
    {
        return (character, 12);
    }
    (char::from_u32(u32::from(first)).unwrap_or(REPLACEMENT), 6)
}

fn unit(raw: &[u8]) -> Option<u16> {
    let digits = raw.strip_prefix(b"\\u")?.get(..4)?;
    digits
        .iter()
        .try_fold(0, |value, byte| Some(value << 4 | (*byte as char).to_digit(16)?))
        .and_then(|value| u16::try_from(value).ok())
}
