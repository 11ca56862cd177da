//! Pieces that say what the piece before them says, in other words and with other counts.

use std::borrow::Cow;

use super::super::lenient::{Text, Whole};
use super::{Answer, Part, Piece, Tokens};
use crate::usage::Usage;
use crate::wire::model::{Event, Finish};
use crate::wire::mould::Varying;

/// What may differ; the counts are in the order of [`counts`].
pub(super) const VARYING: Varying = Varying {
    told: &[
        "text",
        "promptTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
        "cachedContentTokenCount",
        "toolUsePromptTokenCount",
        "totalTokenCount",
    ],
    idle: &["tokenCount"],
};

/// What a piece of one part means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning {
    choice: u32,
    thought: Option<bool>,
    finish: Option<Finish>,
    tokens: Option<Tokens>,
}

/// What a piece says of the tokens.
pub(super) struct Counted(pub(super) Option<Usage>);

impl Meaning {
    /// What a piece means that has one text or thought.
    pub(super) fn of(piece: &Piece<'_>) -> Option<Self> {
        let [candidate] = piece.candidates.as_deref()? else { return None };
        let [part] = candidate.content.as_ref()?.parts.as_deref()? else { return None };
        let signed = part.thought_signature.is_some() || part.function_call.is_some();
        let more = piece.error.is_some() || piece.prompt_feedback.is_some();
        if part.text.is_none() || signed || more || candidate.logprobs_result.is_some() {
            return None;
        }
        Some(Self {
            choice: candidate.index.unwrap_or(0),
            thought: part.thought,
            finish: candidate.finish(),
            tokens: piece.usage_metadata,
        })
    }
}

impl Answer {
    /// Tells of a piece that fills the mould; its usage.
    pub(super) fn again(&mut self, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Option<Counted> {
        let mut text = Cow::Borrowed("");
        let mut numbers: [Option<i64>; 6] = Default::default();
        let mut meaning = self.mould.fill(data, |told, value| {
            match told {
                0 => text = value.text()?,
                count => *numbers.get_mut(count - 1)? = Some(i64::try_from(value.number()?).ok()?),
            }
            Some(())
        })?;
        if let Some(tokens) = &mut meaning.tokens {
            for (count, number) in counts(tokens).into_iter().zip(numbers) {
                // A count that was not told where it belongs stands elsewhere, and means nothing.
                *count = count.and(number.map(Whole));
            }
        }
        let choice = self.choice(meaning.choice);
        choice.part(Part { text: Some(Text(text)), thought: meaning.thought, ..Part::default() }, each);
        choice.finish = meaning.finish.or(choice.finish);
        Some(Counted(meaning.tokens.map(Tokens::usage)))
    }
}

fn counts(tokens: &mut Tokens) -> [&mut Option<Whole>; 6] {
    [
        &mut tokens.prompt_token_count,
        &mut tokens.candidates_token_count,
        &mut tokens.thoughts_token_count,
        &mut tokens.cached_content_token_count,
        &mut tokens.tool_use_prompt_token_count,
        &mut tokens.total_token_count,
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use crate::wire::gemini::stream::Decoder;
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
            r#"{"candidates":[{"content":{"parts":[{"text":"a","thought":true}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":25,"candidatesTokenCount":1,"totalTokenCount":26,"promptTokensDetails":[{"modality":"TEXT","tokenCount":25},{"modality":"IMAGE","tokenCount":0}]}}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"\n","thought":true}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":25,"candidatesTokenCount":12,"totalTokenCount":37,"promptTokensDetails":[{"modality":"TEXT","tokenCount":25},{"modality":"IMAGE","tokenCount":0}]}}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"b","thought":true}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":25,"candidatesTokenCount":130,"totalTokenCount":155,"promptTokensDetails":[{"modality":"TEXT","tokenCount":25},{"modality":"IMAGE","tokenCount":0}]}}"#,
        ] {
            said(&mut decoder, data.as_bytes());
        }
        assert_eq!(decoder.answer.mould.filled(), 2);
    }

    proptest! {
        #[test]
        fn a_mould_says_what_serde_says(stream in streams("gemini")) {
            let (mut quick, mut slow) = (Decoder::default(), Decoder::default());
            slow.answer.mould = Mould::shut();
            for data in stream {
                prop_assert_eq!(said(&mut quick, &data), said(&mut slow, &data));
            }
        }
    }
}
