//! Says which class of the token patterns a character belongs to.
//!
//! Invariant: every code point has exactly one class, and the table is the
//! Unicode data of the regex engine that the published tokenizers run on
//! (Unicode 16.0); `rust/oracle` makes `classes.bin` and compares all 1,114,112
//! code points with that engine.

/// A class that the `cl100k_base` and `o200k_base` patterns tell apart.
///
/// `Upper` is Lu and Lt, `Lower` is Ll, `Caseless` is Lm and Lo. `Space` is
/// `White_Space` without CR and LF, which are `Newline`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// Everything else: punctuation, symbols, controls, unassigned.
    Other = 0,
    /// Uppercase and titlecase letters.
    Upper = 1,
    /// Lowercase letters.
    Lower = 2,
    /// Letters without case, modifier letters.
    Caseless = 3,
    /// Combining marks.
    Mark = 4,
    /// Numbers of any script.
    Number = 5,
    /// White space other than CR and LF.
    Space = 6,
    /// CR and LF.
    Newline = 7,
}

const BLOCKS: usize = 0x11_0000 >> 8;
static TABLE: &[u8] = include_bytes!("classes.bin");

impl Class {
    const ALL: [Self; 8] = [
        Self::Other,
        Self::Upper,
        Self::Lower,
        Self::Caseless,
        Self::Mark,
        Self::Number,
        Self::Space,
        Self::Newline,
    ];

    /// `\p{L}`.
    #[must_use]
    pub const fn is_letter(self) -> bool {
        matches!(self, Self::Upper | Self::Lower | Self::Caseless)
    }

    /// `\s`.
    #[must_use]
    pub const fn is_space(self) -> bool {
        matches!(self, Self::Space | Self::Newline)
    }

    /// `[^\r\n\p{L}\p{N}]`: what may stand before a word and belong to it.
    #[must_use]
    pub const fn is_prefix(self) -> bool {
        matches!(self, Self::Other | Self::Mark | Self::Space)
    }

    /// `[^\s\p{L}\p{N}]`: punctuation in the widest sense.
    #[must_use]
    pub const fn is_symbol(self) -> bool {
        matches!(self, Self::Other | Self::Mark)
    }

    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`.
    #[must_use]
    pub const fn is_upper_set(self) -> bool {
        matches!(self, Self::Upper | Self::Caseless | Self::Mark)
    }

    /// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`.
    #[must_use]
    pub const fn is_lower_set(self) -> bool {
        matches!(self, Self::Lower | Self::Caseless | Self::Mark)
    }
}

const ASCII: [Class; 128] = {
    let mut table = [Class::Other; 128];
    let mut byte = 0;
    while byte < 128 {
        let block = TABLE[0] as usize;
        table[byte] = Class::ALL[(TABLE[BLOCKS + block * 256 + byte] & 7) as usize];
        byte += 1;
    }
    table
};

/// The class of any character.
#[must_use]
pub fn class_of(point: char) -> Class {
    let code = point as usize;
    let block = TABLE.get(code >> 8).map_or(0, |&number| usize::from(number));
    let class = TABLE.get(BLOCKS + (block << 8) + (code & 0xff)).copied().unwrap_or(0);
    Class::ALL[usize::from(class & 7)]
}

/// The class of the character at byte `at` and its length in bytes; none at the end.
#[inline]
#[must_use]
pub fn class_at(text: &str, at: usize) -> Option<(Class, usize)> {
    let byte = *text.as_bytes().get(at)?;
    if let Some(&class) = ASCII.get(usize::from(byte)) {
        return Some((class, 1));
    }
    let point = text.get(at..)?.chars().next()?;
    Some((class_of(point), point.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_characters_have_their_class() {
        let cases = [
            ('A', Class::Upper),
            ('ǅ', Class::Upper),
            ('ß', Class::Lower),
            ('ª', Class::Caseless),
            ('日', Class::Caseless),
            ('\u{301}', Class::Mark),
            ('٣', Class::Number),
            ('½', Class::Number),
            ('\u{85}', Class::Space),
            ('\u{3000}', Class::Space),
            ('\u{feff}', Class::Other),
            ('\u{200b}', Class::Other),
            ('\n', Class::Newline),
            ('🙂', Class::Other),
            ('\u{10ffff}', Class::Other),
        ];
        for (point, class) in cases {
            assert_eq!(class_of(point), class, "{point:?}");
        }
    }

    #[test]
    fn ascii_and_the_full_table_agree() {
        for byte in 0..128_u8 {
            let point = char::from(byte);
            assert_eq!(class_at(&point.to_string(), 0), Some((class_of(point), 1)));
        }
    }
}
