//! What a provider's model is like, as far as a request to it must know.
//!
//! Invariant: a trait that no name stands for cannot be set; what is not known of a model is not assumed.

use super::model::{Chat, Dropped};
use super::openai::quirks::Quirks;
use super::{anthropic, bedrock, gemini, ollama, openai_chat, responses};

/// Peculiarities of a model or its provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits(u32);

macro_rules! traits {
    ($($name:ident = $bit:expr, $text:literal;)+) => {
        impl Traits {
            $(#[doc = $text] pub const $name: Self = Self(1 << $bit);)+

            /// Every trait, by the name that the catalogue has for it.
            pub const NAMES: &'static [(&'static str, Self)] = &[$((stringify!($name), Self::$name)),+];
        }
    };
}

traits! {
    SCHEMAS = 0, "Anthropic: takes a schema of the answer itself.";
    ADAPTIVE = 1, "Anthropic: budgets its thinking itself.";
    TEMPERATURE_OR_TOP_P = 2, "Refuses temperature and `top_p` together.";
    JSON_SCHEMA = 3, "Gemini: takes JSON Schema as it stands.";
    OMIT_CALL_IDS = 4, "Gemini: refuses ids of calls.";
    MEDIA_IN_RESULTS = 5, "Gemini: media of a tool's result go into it.";
    THINKING_LEVEL = 6, "Gemini: steps of thinking are levels.";
    SKIP_SIGNATURE_CHECK = 7, "Gemini: calls without a signature need the one that skips the check.";
    NO_SAMPLING = 8, "Takes neither temperature nor `top_p` nor `top_k`.";
}

impl Traits {
    /// The trait of a name in the catalogue, which has it in lower case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, found)| *found)
    }

    /// These and those.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are among them.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// How one model of one provider is to be spoken to.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// The model's name there.
    pub model: String,
    /// Most tokens that it produces, where that is known.
    pub max_output_tokens: Option<u64>,
    /// What it is like.
    pub traits: Traits,
    /// Where its form of `OpenAI`'s protocol is smaller.
    pub quirks: Quirks,
}

/// Most tokens of an answer where the dialect demands a number and nobody names one: what the smallest model
/// still in use allows.
const DEFAULT_MAX_TOKENS: u64 = 4_096;
/// More is refused by some without streaming, and nobody who names no maximum waits for it.
const MAX_DEFAULT_TOKENS: u64 = 16_384;

impl Manner {
    /// Takes out of a request what the model refuses whatever its dialect has a place for.
    pub fn prune(&self, chat: &mut Chat<'_>, dropped: &mut Dropped) {
        if !self.traits.has(Traits::NO_SAMPLING) {
            return;
        }
        let sampling = &mut chat.sampling;
        let given = [
            ("temperature", sampling.temperature.take().is_some()),
            ("top_p", sampling.top_p.take().is_some()),
            ("top_k", sampling.top_k.take().is_some()),
        ];
        for (name, _) in given.iter().filter(|(_, given)| *given) {
            dropped.note(name);
        }
    }

    /// For Anthropic's dialect.
    #[must_use]
    pub fn anthropic(&self) -> anthropic::request::Settings<'_> {
        let traits = self.traits;
        anthropic::request::Settings {
            model: &self.model,
            max_tokens: self.default_max_tokens(),
            schemas: traits.has(Traits::SCHEMAS),
            adaptive: traits.has(Traits::ADAPTIVE),
            temperature_or_top_p: traits.has(Traits::TEMPERATURE_OR_TOP_P),
        }
    }

    /// For Gemini's dialect.
    #[must_use]
    pub fn gemini(&self) -> gemini::request::Settings<'_> {
        let traits = self.traits;
        gemini::request::Settings {
            model: &self.model,
            json_schema: traits.has(Traits::JSON_SCHEMA),
            omit_call_ids: traits.has(Traits::OMIT_CALL_IDS),
            media_in_results: traits.has(Traits::MEDIA_IN_RESULTS),
            thinking_level: traits.has(Traits::THINKING_LEVEL),
            hide_thoughts: false,
            skip_signature_check: traits.has(Traits::SKIP_SIGNATURE_CHECK),
        }
    }

    /// For Ollama's dialect.
    #[must_use]
    pub fn ollama(&self) -> ollama::request::Settings<'_> {
        ollama::request::Settings {
            model: &self.model,
            think: ollama::request::Think::of(&self.model),
            ..ollama::request::Settings::default()
        }
    }

    /// For Bedrock's dialect.
    #[must_use]
    pub fn bedrock(&self) -> bedrock::request::Settings<'_> {
        bedrock::request::Settings {
            model: &self.model,
            family: bedrock::request::Family::of(&self.model),
            only_temperature: self.traits.has(Traits::TEMPERATURE_OR_TOP_P),
            adaptive: self.traits.has(Traits::ADAPTIVE),
            max_tokens: self.default_max_tokens(),
        }
    }

    fn default_max_tokens(&self) -> u64 {
        self.max_output_tokens.unwrap_or(DEFAULT_MAX_TOKENS).min(MAX_DEFAULT_TOKENS)
    }

    /// For `OpenAI`'s Responses.
    #[must_use]
    pub fn responses(&self) -> responses::request::Settings<'_> {
        responses::request::Settings { model: &self.model, ..responses::request::Settings::default() }
    }

    /// For `OpenAI`'s chat.
    #[must_use]
    pub fn openai(&self) -> openai_chat::request::Settings<'_> {
        self.quirks.settings(&self.model)
    }
}

#[cfg(test)]
mod tests {
    use super::{Manner, Traits};
    use crate::wire::ollama::request::Think;

    #[test]
    fn levels_of_thinking_are_for_the_models_that_have_them() {
        let think = |model: &str| Manner { model: model.to_owned(), ..Manner::default() }.ollama().think;
        assert_eq!((think("gpt-oss:20b"), think("qwen3")), (Think::Levels, Think::Switch));
    }

    #[test]
    fn traits_have_names() {
        let both = Traits::SCHEMAS.with(Traits::named("json_schema").unwrap());
        assert!(both.has(Traits::SCHEMAS) && both.has(Traits::JSON_SCHEMA) && !both.has(Traits::ADAPTIVE));
        assert_eq!(Traits::named("charming"), None);
    }
}
