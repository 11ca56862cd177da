//! Chunks that say what the chunk before them says, in other words.

use std::borrow::Cow;

use super::super::content::{Content, Text};
use super::super::response::{Answer, Choice, Run, Said};
use crate::wire::model::Event;
use crate::wire::mould::{Mould, Varying};

/// What may differ; the time matters in the first chunk alone, and `obfuscation` hides the length of the rest.
pub(super) const VARYING: Varying = Varying {
    told: &["content", "reasoning_content", "reasoning", "arguments"],
    idle: &["obfuscation", "created"],
};

/// What a chunk of one choice means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning {
    choice: u32,
    /// The call that goes on.
    call: Option<Key>,
    /// Which of what may differ stands where it belongs.
    told: [bool; 4],
}

/// The index that the provider gives to a call, if it does.
#[derive(Clone, Copy, Debug)]
struct Key(Option<u32>);

impl Meaning {
    /// What a chunk means that has nothing but texts, or a piece of one call's arguments.
    pub(super) fn of(chunk: &Answer<'_>) -> Option<Self> {
        let [choice] = chunk.choices.as_deref()? else { return None };
        let said = choice.delta.as_ref()?;
        let ends = !Text::of(choice.finish_reason.as_ref()).is_empty();
        let more = choice.message.is_some() || choice.logprobs.is_some() || chunk.usage.is_some();
        let other = said.thinking_blocks.is_some() || said.function_call.is_some();
        if ends || more || other || chunk.error.is_some() || !Text::of(said.refusal.as_ref()).is_empty() {
            return None;
        }
        let call = match said.tool_calls.as_deref().unwrap_or_default() {
            [] => None,
            [call] => {
                let function = call.function.as_ref()?;
                let begins = !Text::of(call.id.as_ref()).is_empty()
                    || !Text::of(function.name.as_ref()).is_empty()
                    || call.extra_content.is_some();
                let text = function.arguments.is_some_and(|json| json.get().starts_with('"'));
                (!begins && text).then_some(())?;
                Some(Key(call.index))
            }
            _ => return None,
        };
        let texts = [&said.content, &said.reasoning_content, &said.reasoning];
        if texts.iter().any(|text| matches!(text, Some(Content::Parts(_)))) {
            return None;
        }
        let [content, reasoning_content, reasoning] = texts.map(Option::is_some);
        let told = [content, reasoning_content, reasoning, call.is_some()];
        Some(Self { choice: choice.index.unwrap_or(0), call, told })
    }
}

/// Tells of a chunk that fills the mould.
pub(super) fn again(
    mould: &mut Mould<Meaning>,
    data: &[u8],
    run: &mut Run,
    each: &mut dyn FnMut(Event<'_>),
) -> Option<()> {
    let mut texts: [Option<Cow<'_, str>>; 4] = Default::default();
    let meaning = mould.fill(data, |told, value| {
        *texts.get_mut(told)? = Some(value.text()?);
        Some(())
    })?;
    let mut take = |at: usize| texts.get_mut(at)?.take().filter(|_| meaning.told.get(at) == Some(&true));
    if meaning.told[..3].contains(&true) {
        let said = Said {
            content: take(0).map(Content::Text),
            reasoning_content: take(1).map(Content::Text),
            reasoning: take(2).map(Content::Text),
            ..Said::default()
        };
        run.choice(&Choice { index: Some(meaning.choice), delta: Some(said), ..Choice::default() }, each);
    }
    if let (Some(Key(key)), Some(json)) = (meaning.call, take(3)) {
        run.argue(meaning.choice, key, json, each);
    }
    Some(())
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
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"a"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"kT"}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"\u00e9"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"k"}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":""}"#,
        ] {
            said(&mut decoder, data.as_bytes());
        }
        assert_eq!(decoder.mould.filled(), 2);
    }

    proptest! {
        #[test]
        fn a_mould_says_what_serde_says(stream in streams("openai_chat")) {
            let (mut quick, mut slow) = (Decoder::default(), Decoder::default());
            slow.mould = Mould::shut();
            for data in stream {
                prop_assert_eq!(said(&mut quick, &data), said(&mut slow, &data));
            }
        }
    }
}
