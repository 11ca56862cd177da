//! API keys by their SHA-256, never by their text.
//!
//! Invariant: a key's text is hashed and forgotten; two keys are the same only if their digests are.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// Bytes of a SHA-256 digest.
pub const DIGEST_BYTES: usize = 32;

/// Finds a key's index by its text.
#[derive(Debug, Default)]
pub struct KeyTable {
    indices: HashMap<[u8; DIGEST_BYTES], usize>,
}

impl KeyTable {
    /// A table of digests in lower-case hexadecimal; `None` when one of them is not a digest.
    pub fn from_hex<'a>(digests: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let parsed = digests.into_iter().enumerate().map(|(index, hex)| Some((parse(hex)?, index)));
        Some(Self { indices: parsed.collect::<Option<_>>()? })
    }

    /// Index of the key whose text is `token`.
    #[must_use]
    pub fn find(&self, token: &[u8]) -> Option<usize> {
        self.indices.get(<[u8; DIGEST_BYTES]>::from(Sha256::digest(token)).as_slice()).copied()
    }
}

fn parse(hex: &str) -> Option<[u8; DIGEST_BYTES]> {
    let mut digest = [0; DIGEST_BYTES];
    let pairs = hex.as_bytes().chunks_exact(2);
    if hex.len() != 2 * DIGEST_BYTES {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::KeyTable;

    // RFC 6234 and FIPS 180-2: SHA-256 of "abc".
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn finds_by_text_only() {
        let table = KeyTable::from_hex([&"0".repeat(64)[..], ABC]).unwrap();
        assert_eq!(table.find(b"abc"), Some(1));
        assert_eq!(table.find(b"abd"), None);
        assert_eq!(table.find(ABC.as_bytes()), None);
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for wrong in ["", "ab", &"g".repeat(64), &"0".repeat(63), &"0".repeat(66)] {
            assert!(KeyTable::from_hex([wrong]).is_none(), "{wrong}");
        }
    }
}
