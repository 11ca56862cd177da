//! Ids of requests: the random part of a `UUIDv7` (RFC 9562 section 5.7), made many at a time.
//!
//! Invariant: every tail carries 74 bits of the entropy that was given, none of it used twice.

/// Bytes of entropy for one tail; six of its bits give way to version and variant.
pub const ENTROPY_BYTES: usize = 10;

const VERSION: u8 = 0x70;
const VARIANT: u8 = 0x80;
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// What follows the time: `7xxx-yxxx-xxxxxxxxxxxx`, one for every whole [`ENTROPY_BYTES`] of `entropy`.
pub fn tails(entropy: &[u8]) -> impl ExactSizeIterator<Item = String> {
    entropy.chunks_exact(ENTROPY_BYTES).map(tail)
}

fn tail(entropy: &[u8]) -> String {
    let mut text = String::with_capacity(22);
    for (place, byte) in entropy.iter().enumerate() {
        let byte = match place {
            0 => byte & 0x0f | VERSION,
            2 => byte & 0x3f | VARIANT,
            _ => *byte,
        };
        if matches!(place, 2 | 4) {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0x0f)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{ENTROPY_BYTES, tails};
    use proptest::prelude::*;

    #[test]
    fn the_form_is_that_of_the_rfc() {
        let all: Vec<String> = tails(&[0; ENTROPY_BYTES]).chain(tails(&[0xff; ENTROPY_BYTES])).collect();
        assert_eq!(all, ["7000-8000-000000000000", "7fff-bfff-ffffffffffff"]);
    }

    proptest! {
        #[test]
        fn all_bits_but_six_come_through(entropy in prop::collection::vec(any::<u8>(), 0..64)) {
            let whole = entropy.chunks_exact(ENTROPY_BYTES);
            let expected: Vec<u128> = whole
                .map(|part| part.iter().fold(0, |value, byte| value << 8 | u128::from(*byte)))
                .map(|value| value & 0x0fff_3fff_ffff_ffff_ffff | 0x7000_8000_0000_0000_0000)
                .collect();
            let found: Vec<u128> =
                tails(&entropy).map(|tail| u128::from_str_radix(&tail.replace('-', ""), 16).unwrap()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
