//! Lines that say what the line before them says, in other words.

use std::borrow::Cow;

use super::super::Text;
use super::{Line, entries};
use crate::wire::mould::{Mould, Varying};

/// What may differ; the time matters in the first line alone.
pub(super) const VARYING: Varying =
    Varying { told: &["content", "thinking", "response"], idle: &["created_at"] };

/// Which of them is a line's text, and whether it has thoughts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning {
    content: Option<usize>,
    thinking: bool,
}

impl Meaning {
    /// What a line means that has nothing but text and thoughts.
    pub(super) fn of(line: &Line<'_>) -> Option<Self> {
        let said = line.message.as_ref();
        let calls = line.tool_calls.is_some() || said.is_some_and(|said| said.tool_calls.is_some());
        let measured = line.logprobs.is_some_and(|list| !entries(list.get()).is_empty());
        if line.error.is_some() || line.done == Some(true) || calls || measured {
            return None;
        }
        let within = said.is_some_and(|said| said.content.is_some()).then_some(0);
        let thinking = line.thinking.is_some() || said.is_some_and(|said| said.thinking.is_some());
        Some(Self { content: within.or(line.response.is_some().then_some(2)), thinking })
    }
}

/// The thoughts and the text of a line that fills the mould.
pub(super) fn said<'a>(
    mould: &mut Mould<Meaning>,
    data: &'a [u8],
) -> Option<(Option<Text<'a>>, Option<Text<'a>>)> {
    let mut texts: [Option<Cow<'a, str>>; 3] = Default::default();
    let meaning = mould.fill(data, |told, value| {
        *texts.get_mut(told)? = Some(value.text()?);
        Some(())
    })?;
    let thinking = texts[1].take().filter(|_| meaning.thinking);
    let content = meaning.content.and_then(|told| texts.get_mut(told)?.take());
    Some((thinking.map(Text), content.map(Text)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::super::Decoder;
    use crate::wire::mould::Mould;
    use crate::wire::mould::testing::streams;

    fn said(decoder: &mut Decoder, data: &[u8]) -> (Vec<String>, bool) {
        let mut said = Vec::new();
        let read = decoder.event(data, &mut |event| said.push(format!("{event:?}")));
        (said, read.is_ok())
    }

    #[test]
    fn events_like_the_one_before_fill_its_mould() {
        let mut decoder = Decoder::default();
        for data in [
            r#"{"model":"m","created_at":"2026-11-21T08:52:19.38Z","message":{"role":"assistant","content":"a"},"done":false}"#,
            r#"{"model":"m","created_at":"2026-11-21T08:52:19.4Z","message":{"role":"assistant","content":" b\n"},"done":false}"#,
            r#"{"model":"m","created_at":"2026-11-21T08:52:19.441Z","message":{"role":"assistant","content":""},"done":false}"#,
        ] {
            said(&mut decoder, data.as_bytes());
        }
        assert_eq!(decoder.mould.filled(), 2);
    }

    proptest! {
        #[test]
        fn a_mould_says_what_serde_says(stream in streams("ollama")) {
            let (mut quick, mut slow) = (Decoder::default(), Decoder::default());
            slow.mould = Mould::shut();
            for data in stream {
                prop_assert_eq!(said(&mut quick, &data), said(&mut slow, &data));
            }
        }
    }
}
