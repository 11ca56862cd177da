//! The events that a stream is made of, read by their letters: nothing is parsed that is known beforehand.
//!
//! Invariant: what is read here means what `serde` would read of it, checked by property; whatever is written
//! in another way, or has an escape, is left to it.

/// What a delta adds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Adds {
    Text,
    Thinking,
    Input,
}

const HEAD: &[u8] = b"{\"type\":\"content_block_delta\",\"index\":";
const KINDS: [(&[u8], Adds); 3] = [
    (b",\"delta\":{\"type\":\"text_delta\",\"text\":\"", Adds::Text),
    (b",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"", Adds::Input),
    (b",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"", Adds::Thinking),
];
/// More digits would not fit.
const MAX_DIGITS: usize = 18;

/// The block's index, what is added to, and the text of a delta that is written as Anthropic writes it.
pub(super) fn delta(data: &[u8]) -> Option<(u64, Adds, &str)> {
    let rest = data.strip_prefix(HEAD)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = rest.split_at_checked(digits)?;
    if number.is_empty() || number.len() > MAX_DIGITS || (number.len() > 1 && number[0] == b'0') {
        return None;
    }
    let index = number.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    let (adds, rest) = KINDS.iter().find_map(|(head, adds)| Some((*adds, rest.strip_prefix(*head)?)))?;
    let end = rest.iter().position(|&byte| matches!(byte, b'"' | b'\\' | ..0x20))?;
    let (text, rest) = rest.split_at(end);
    // Anthropic fills events up with blanks, so that their lengths tell nothing.
    let inner = rest.strip_prefix(b"\"}")?.trim_ascii();
    if inner != b"}" {
        return None;
    }
    Some((index, adds, std::str::from_utf8(text).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Adds, delta};

    #[test]
    fn what_anthropic_writes_is_read() {
        let data =
            br#"{"type":"content_block_delta","index":10,"delta":{"type":"text_delta","text":"a b"}      }"#;
        assert_eq!(delta(data), Some((10, Adds::Text, "a b")));
        let data = "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"\u{e9}\"}}";
        assert_eq!(delta(data.as_bytes()), Some((0, Adds::Thinking, "\u{e9}")));
        for other in [
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\n"}}"#,
            r#"{"type":"content_block_delta","index":01,"delta":{"type":"text_delta","text":"a"}}"#,
            r#"{"type":"content_block_delta","index":-1,"delta":{"type":"text_delta","text":"a"}}"#,
            r#"{"type":"content_block_delta","index":,"delta":{"type":"text_delta","text":"a"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"},"x":1}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a","x":1}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}"#,
            r#"{"index":0,"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#,
            "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\tb\"}}",
        ] {
            assert_eq!(delta(other.as_bytes()), None, "{other}");
        }
        assert_eq!(delta(&[super::HEAD, b"0", super::KINDS[0].0, b"\xff\"}}"].concat()), None);
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_reads(index in any::<u32>(), kind in 0_usize..3, text in any::<String>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let (kind, member) = [("text_delta", "text"), ("input_json_delta", "partial_json"), ("thinking_delta", "thinking")][kind];
            let text = json!(text);
            let mut data = format!(
                r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"{kind}","{member}":{text}}}}}"#
            ).into_bytes();
            for changed in [false, true] {
                if changed {
                    let at = at.index(data.len());
                    data[at] = byte;
                }
                let Some((index, _, read)) = delta(&data) else { continue };
                let whole: Value = serde_json::from_slice(&data).unwrap();
                prop_assert_eq!(&whole["index"], &json!(index));
                let kind = whole["delta"]["type"].as_str().unwrap_or_default();
                let member = kind.trim_end_matches("_delta").replace("input", "partial");
                prop_assert_eq!(&whole["delta"][member], &json!(read));
                prop_assert_eq!(whole.as_object().unwrap().len(), 3);
            }
        }
    }
}
