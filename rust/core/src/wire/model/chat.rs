//! A request for an answer in a conversation.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// A request, in the words of no dialect. Texts are borrowed from the body where they have no escapes.
#[derive(Clone, Debug, Default)]
pub struct Chat<'a> {
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// The conversation in its order. Instructions stand where the caller put them; a dialect with one place
    /// for them gathers them there. Turns of the same role may follow each other; a dialect that demands
    /// alternation merges them.
    pub turns: Vec<Turn<'a>>,
    /// Tools on offer.
    pub tools: Vec<Tool<'a>>,
    /// Whether a tool must be used, or which.
    pub tool_choice: Option<ToolChoice<'a>>,
    /// Whether several tools may be called in one turn; `None` leaves it to the provider.
    pub parallel_tools: Option<bool>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Texts that end the answer.
    pub stop: Vec<Cow<'a, str>>,
    /// Most tokens of one choice.
    pub max_tokens: Option<u64>,
    /// The form of the answer, where it is not text.
    pub format: Option<Format<'a>>,
    /// Thinking before the answer.
    pub reasoning: Option<Reasoning>,
    /// Choices wanted.
    pub choices: Option<u64>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Whether the caller wants usage at the end of a stream; dialects that always tell have true.
    pub include_usage: bool,
    /// The end user, as the caller labels them.
    pub user: Option<Cow<'a, str>>,
    /// Members of the request that the decoder knows no meaning for, by name: dropped in another dialect.
    pub unknown: Vec<Cow<'a, str>>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Instructions from whoever runs the application.
    System,
    /// Instructions from whoever wrote the application; a dialect without this role takes it as `System`.
    Developer,
    /// The person, tool results included: [`Part::ToolResult`] stands only here.
    User,
    /// The model.
    Assistant,
}

/// One turn of the conversation.
#[derive(Clone, Debug)]
pub struct Turn<'a> {
    /// Who speaks.
    pub role: Role,
    /// The speaker's name, where the dialect has one.
    pub name: Option<Cow<'a, str>>,
    /// What is said, in its order.
    pub parts: Vec<Part<'a>>,
}

/// A piece of a turn.
#[derive(Clone, Debug)]
pub enum Part<'a> {
    /// Text; `cached` marks the end of a prefix worth caching (Anthropic's `cache_control`, as it stands).
    Text {
        /// The text.
        text: Cow<'a, str>,
        /// `cache_control`, verbatim.
        cached: Option<&'a RawValue>,
    },
    /// An image, a document, a sound.
    Media(Media<'a>),
    /// The model calls a tool.
    ToolCall {
        /// The call's id; empty where the dialect has none, and then results are matched by name and order.
        id: Cow<'a, str>,
        /// The tool.
        name: Cow<'a, str>,
        /// Arguments: one JSON object as text; empty means `{}`.
        arguments: Cow<'a, str>,
        /// A provider's opaque mark on the call, to be given back (Gemini's `thoughtSignature`).
        signature: Option<Cow<'a, str>>,
    },
    /// What a tool said.
    ToolResult {
        /// The id of the call.
        id: Cow<'a, str>,
        /// The tool, where the dialect tells.
        name: Option<Cow<'a, str>>,
        /// Text and media, which hold no parts themselves.
        parts: Vec<Part<'a>>,
        /// Whether the tool failed.
        failed: bool,
        /// `cache_control`, verbatim.
        cached: Option<&'a RawValue>,
    },
    /// What the model thought, to be given back as it was.
    Thinking {
        /// The thoughts, or their summary.
        text: Cow<'a, str>,
        /// The provider's signature over them.
        signature: Option<Cow<'a, str>>,
    },
    /// Thoughts that only the provider can read.
    Redacted(Cow<'a, str>),
    /// The model declined.
    Refusal(Cow<'a, str>),
}

/// Something that is not text.
#[derive(Clone, Debug)]
pub struct Media<'a> {
    /// MIME type, such as `image/png`, `application/pdf`, `audio/wav`; empty where only a URL is known.
    pub mime: Cow<'a, str>,
    /// Where it is.
    pub source: Source<'a>,
    /// `low`, `high` or `auto`, for images.
    pub detail: Option<Cow<'a, str>>,
    /// File name or title.
    pub title: Option<Cow<'a, str>>,
    /// `cache_control`, verbatim.
    pub cached: Option<&'a RawValue>,
}

/// Where media are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// Base64 (RFC 4648, section 4), in the request itself.
    Data(Cow<'a, str>),
    /// A URL that the provider fetches; never a `data:` URL, which is `Data`.
    Url(Cow<'a, str>),
    /// A file that was given to the provider before.
    File(Cow<'a, str>),
}

/// A tool on offer.
#[derive(Clone, Debug)]
pub struct Tool<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// What it does.
    pub description: Option<Cow<'a, str>>,
    /// JSON Schema of its arguments, verbatim.
    pub parameters: Option<&'a RawValue>,
    /// Whether arguments must follow the schema exactly.
    pub strict: Option<bool>,
    /// `cache_control`, verbatim.
    pub cached: Option<&'a RawValue>,
}

/// Whether a tool must be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    /// As the model likes.
    Auto,
    /// None may be used.
    None,
    /// One at least.
    Required,
    /// This one.
    Named(Cow<'a, str>),
}

/// How tokens are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sampling {
    /// As the caller gave it; a dialect with a smaller range clamps.
    pub temperature: Option<f64>,
    /// Nucleus.
    pub top_p: Option<f64>,
    /// Highest-ranked tokens only.
    pub top_k: Option<u64>,
    /// For answers that repeat.
    pub seed: Option<i64>,
    /// Against tokens that were used.
    pub presence_penalty: Option<f64>,
    /// Against tokens that were used often.
    pub frequency_penalty: Option<f64>,
    /// Whether log probabilities are wanted.
    pub logprobs: Option<bool>,
    /// Alternatives told per token.
    pub top_logprobs: Option<u64>,
}

/// A form of the answer other than text.
#[derive(Clone, Debug)]
pub enum Format<'a> {
    /// Some JSON object.
    Json,
    /// JSON that follows a schema.
    Schema {
        /// The schema's name.
        name: Option<Cow<'a, str>>,
        /// What it is for.
        description: Option<Cow<'a, str>>,
        /// JSON Schema, verbatim.
        schema: &'a RawValue,
        /// Whether it must be followed exactly.
        strict: Option<bool>,
    },
}

/// Thinking before the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reasoning {
    /// None.
    Off,
    /// So much, in the dialect's own steps.
    Effort(Effort),
    /// At most so many tokens.
    Budget(u64),
    /// As much as the model likes (Anthropic's `adaptive`, Gemini's budget of -1, Ollama's `true`).
    Auto,
}

/// Steps of thinking (`OpenAI`'s `reasoning_effort`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Hardly any.
    Minimal,
    /// Some.
    Low,
    /// The usual.
    Medium,
    /// Much.
    High,
}

impl Effort {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The budget that stands for it where a dialect counts tokens.
    #[must_use]
    pub const fn budget_tokens(self) -> u64 {
        match self {
            Self::Minimal => 1_024,
            Self::Low => 4_096,
            Self::Medium => 8_192,
            Self::High => 24_576,
        }
    }

    /// The step that stands for a budget.
    #[must_use]
    pub const fn for_budget(tokens: u64) -> Self {
        match tokens {
            0..=1_024 => Self::Minimal,
            1_025..=4_096 => Self::Low,
            4_097..=16_384 => Self::Medium,
            _ => Self::High,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Effort;

    #[test]
    fn a_step_s_budget_stands_for_that_step() {
        for step in [Effort::Minimal, Effort::Low, Effort::Medium, Effort::High] {
            assert_eq!(Effort::for_budget(step.budget_tokens()), step);
        }
    }
}
