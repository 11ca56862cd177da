//! Finds the rank of a token straight in the bytes of a `.ranks` file.
//!
//! Invariant: nothing is built when a table is loaded, so a file mapped by many
//! workers is held once; every access is checked against the bounds, so a bad
//! file gives an error or a wrong answer, never a panic.
//!
//! Format (little endian): a 48-byte header of magic `HGRANKS1`, XXH3-64 of all
//! that follows it, and u32s (number of tokens, slots, bytes of token text,
//! longest token in bytes, longest probe, encoding number, two of zero); then the slots, 8 bytes
//! each; then the token texts. A slot, from its lowest bit: 18 bits of rank, 21 of
//! offset into the texts, 8 of length, 17 of hash; zero is empty. Collisions go to the next slot.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

/// The first bytes of every table.
pub const MAGIC: [u8; 8] = *b"HGRANKS1";
/// Size of the header in bytes.
pub const HEADER_BYTES: usize = 48;
/// Lowest bit of the offset in a slot.
pub const OFFSET_SHIFT: u32 = 18;
/// Lowest bit of the length in a slot.
pub const LENGTH_SHIFT: u32 = 39;
/// Lowest bit of the hash in a slot.
pub const TAG_SHIFT: u32 = 47;
const RANK_MASK: u64 = (1 << OFFSET_SHIFT) - 1;
const OFFSET_MASK: u64 = (1 << (LENGTH_SHIFT - OFFSET_SHIFT)) - 1;
const TAG_MASK: u64 = (1 << (64 - TAG_SHIFT)) - 1;

/// Why a table was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableError {
    /// Shorter or longer than its header says.
    Size,
    /// Not a table, or of another version.
    Magic,
    /// A header field is out of its range, or the encoding is none we know.
    Header,
    /// The content is not what was written.
    Checksum,
}

impl fmt::Display for TableError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Size => "rank table has the wrong size",
            Self::Magic => "not a rank table of this version",
            Self::Header => "rank table has an impossible header",
            Self::Checksum => "rank table is corrupted",
        })
    }
}

impl std::error::Error for TableError {}

/// The checked header of a table.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    slots: usize,
    text_bytes: usize,
    longest: usize,
    probes: usize,
    /// The encoding's number, as `Encoding::number` gives it.
    pub encoding: usize,
}

impl Header {
    /// Checks size, magic, ranges and checksum; reads the file once, builds nothing.
    ///
    /// # Errors
    /// Says what is wrong with a file that is not a whole and unchanged table.
    pub fn check(file: &[u8]) -> Result<Self, TableError> {
        let (head, body) = file.split_at_checked(HEADER_BYTES).ok_or(TableError::Size)?;
        let (magic, sum_and_fields) = head.split_first_chunk::<8>().ok_or(TableError::Size)?;
        let (sum, fields) = sum_and_fields.split_first_chunk::<8>().ok_or(TableError::Size)?;
        if *magic != MAGIC {
            return Err(TableError::Magic);
        }
        let field = |index: usize| {
            let bytes = fields.as_chunks::<4>().0.get(index).copied().unwrap_or_default();
            usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX)
        };
        let tokens = field(0);
        let header = Self {
            slots: field(1),
            text_bytes: field(2),
            longest: field(3),
            probes: field(4),
            encoding: field(5),
        };
        let size = header.slots.checked_mul(8).and_then(|slots| slots.checked_add(header.text_bytes));
        if size != Some(body.len()) {
            return Err(TableError::Size);
        }
        if tokens >= header.slots || header.longest > 255 || header.probes > header.slots {
            return Err(TableError::Header);
        }
        let covered = file.get(16..).ok_or(TableError::Size)?;
        if xxh3_64(covered) != u64::from_le_bytes(*sum) {
            return Err(TableError::Checksum);
        }
        Ok(header)
    }

    /// The parts of the file that this header describes; an empty table if the
    /// file is no longer that long.
    #[inline]
    #[must_use]
    pub fn ranks<'a>(&self, file: &'a [u8]) -> Ranks<'a> {
        let body = file.get(HEADER_BYTES..).unwrap_or_default();
        let (slots, texts) = body.split_at_checked(self.slots * 8).unwrap_or_default();
        Ranks { slots: slots.as_chunks().0, texts, longest: self.longest, probes: self.probes }
    }
}

/// A table being read.
#[derive(Clone, Copy, Debug)]
pub struct Ranks<'a> {
    slots: &'a [[u8; 8]],
    texts: &'a [u8],
    longest: usize,
    probes: usize,
}

impl Ranks<'_> {
    /// The rank of the token that is exactly `text`.
    #[inline]
    #[must_use]
    pub fn get(&self, text: &[u8]) -> Option<u32> {
        if text.len() > self.longest {
            return None;
        }
        let hash = hash(text);
        let wanted = tag_and_length(hash, text.len());
        let mut at = first_slot(hash, self.slots.len());
        for _ in 0..self.probes {
            let slot = u64::from_le_bytes(*self.slots.get(at)?);
            if slot >> LENGTH_SHIFT == wanted && self.text_of(slot, text.len()) == Some(text) {
                return u32::try_from(slot & RANK_MASK).ok();
            }
            if slot == 0 {
                return None;
            }
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
        None
    }

    #[inline]
    fn text_of(&self, slot: u64, length: usize) -> Option<&[u8]> {
        let offset = usize::try_from((slot >> OFFSET_SHIFT) & OFFSET_MASK).ok()?;
        self.texts.get(offset..offset + length)
    }
}

/// The upper 25 bits of a slot: hash and length.
#[inline]
#[must_use]
pub fn tag_and_length(hash: u64, length: usize) -> u64 {
    (length as u64) | ((hash & TAG_MASK) << (TAG_SHIFT - LENGTH_SHIFT))
}

/// Where probing starts in a table of `slots` slots.
#[inline]
#[must_use]
pub fn first_slot(hash: u64, slots: usize) -> usize {
    let scaled = (u128::from(hash) * slots as u128) >> 64;
    usize::try_from(scaled).unwrap_or(0)
}

/// The hash that the tables are built with: two words of the text, multiplied
/// and folded, for each 16 bytes.
#[inline]
#[must_use]
pub fn hash(text: &[u8]) -> u64 {
    let length = text.len() as u64;
    match *text {
        [] => 0,
        [a] => fold(u64::from(a), length),
        [a, b] => fold(u64::from(u16::from_le_bytes([a, b])), length),
        [a, b, c] => fold(u64::from(u32::from_le_bytes([a, b, c, 0])), length),
        _ => match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (Some(head), Some(tail)) => long_hash(text, *head, *tail),
            _ => fold(word4(text.first_chunk()) | (word4(text.last_chunk()) << 32), length),
        },
    }
}

#[inline]
fn long_hash(text: &[u8], head: [u8; 8], tail: [u8; 8]) -> u64 {
    let mut state = text.len() as u64;
    if text.len() > 16 {
        for chunk in text.as_chunks::<8>().0 {
            state = fold(u64::from_le_bytes(*chunk), state);
        }
    }
    fold(u64::from_le_bytes(head) ^ state.rotate_left(32), u64::from_le_bytes(tail) ^ state)
}

#[inline]
fn word4(bytes: Option<&[u8; 4]>) -> u64 {
    u64::from(u32::from_le_bytes(bytes.copied().unwrap_or_default()))
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "folding takes both halves of the product")]
fn fold(a: u64, b: u64) -> u64 {
    let product =
        u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b.wrapping_add(0xd6e8_feb8_6659_fd93) | 1);
    let mixed = (product as u64) ^ ((product >> 64) as u64);
    mixed ^ (mixed >> 29)
}
