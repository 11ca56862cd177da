//! What may be asked of the gateway, and in whose words.
//!
//! Invariant: an endpoint has one dialect; what it asks for is a conversation, an embedding or a count.

use super::openai::request as openai;

/// Words that a conversation is held in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `OpenAI`'s chat completions (Azure's too), its older completions and embeddings.
    OpenAi,
    /// `OpenAI`'s Responses.
    Responses,
    /// Anthropic's Messages.
    Anthropic,
    /// Google's `generateContent`.
    Gemini,
    /// Ollama's `/api/chat`.
    Ollama,
    /// Ollama's `/api/generate`.
    OllamaGenerate,
    /// Amazon Bedrock's Converse, of providers only.
    Bedrock,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::OpenAi,
        Self::Responses,
        Self::Anthropic,
        Self::Gemini,
        Self::Ollama,
        Self::OllamaGenerate,
        Self::Bedrock,
    ];

    /// Its name in the catalogue of providers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Responses => "responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
            Self::OllamaGenerate => "ollama_generate",
            Self::Bedrock => "bedrock",
        }
    }

    /// The dialect of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }
}

/// How the events of a stream stand one after the other when they go to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Server-sent events.
    Sse,
    /// One JSON document a line (application/x-ndjson).
    Lines,
    /// One JSON array (Gemini without `alt=sse`).
    Array,
}

/// An endpoint of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/v1/chat/completions`
    Chat,
    /// `/v1/completions`
    Completions,
    /// `/v1/embeddings`
    Embeddings,
    /// `/v1/responses`
    Responses,
    /// `/v1/messages`
    Messages,
    /// `:generateContent`
    Generate,
    /// `:streamGenerateContent?alt=sse`
    StreamGenerate,
    /// `:streamGenerateContent`
    StreamGenerateArray,
    /// `/api/chat`
    OllamaChat,
    /// `/api/generate`
    OllamaGenerate,
    /// `:embedContent`
    EmbedContent,
    /// `:batchEmbedContents`
    BatchEmbedContents,
    /// `/api/embed`
    OllamaEmbed,
    /// `/v1/messages/count_tokens`
    CountMessages,
    /// `:countTokens`
    CountContents,
}

/// What an endpoint gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The next turn of a conversation.
    Conversation,
    /// The rest of a text, as `OpenAI`'s older endpoint has it; no other dialect does.
    Completion,
    /// Vectors.
    Embedding,
    /// How many tokens a request would have.
    Count,
}

impl Endpoint {
    /// All of them; the place is the number that other languages use.
    pub const ALL: [Self; 15] = [
        Self::Chat,
        Self::Completions,
        Self::Embeddings,
        Self::Responses,
        Self::Messages,
        Self::Generate,
        Self::StreamGenerate,
        Self::StreamGenerateArray,
        Self::OllamaChat,
        Self::OllamaGenerate,
        Self::EmbedContent,
        Self::BatchEmbedContents,
        Self::OllamaEmbed,
        Self::CountMessages,
        Self::CountContents,
    ];

    /// The endpoint behind a number.
    #[must_use]
    pub fn numbered(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whose words it takes and gives.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Chat | Self::Completions | Self::Embeddings => Dialect::OpenAi,
            Self::Responses => Dialect::Responses,
            Self::Messages | Self::CountMessages => Dialect::Anthropic,
            Self::Generate
            | Self::StreamGenerate
            | Self::StreamGenerateArray
            | Self::EmbedContent
            | Self::BatchEmbedContents
            | Self::CountContents => Dialect::Gemini,
            Self::OllamaChat | Self::OllamaEmbed => Dialect::Ollama,
            Self::OllamaGenerate => Dialect::OllamaGenerate,
        }
    }

    /// What it gives.
    #[must_use]
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Completions => Purpose::Completion,
            Self::Embeddings | Self::EmbedContent | Self::BatchEmbedContents | Self::OllamaEmbed => {
                Purpose::Embedding
            }
            Self::CountMessages | Self::CountContents => Purpose::Count,
            _ => Purpose::Conversation,
        }
    }

    /// How its streams stand.
    #[must_use]
    pub const fn shape(self) -> Shape {
        match self {
            Self::StreamGenerateArray => Shape::Array,
            Self::OllamaChat | Self::OllamaGenerate => Shape::Lines,
            _ => Shape::Sse,
        }
    }

    /// Whether the path says that the answer is streamed; `None` where the body does.
    #[must_use]
    pub const fn streams(self) -> Option<bool> {
        match self {
            Self::StreamGenerate | Self::StreamGenerateArray => Some(true),
            Self::Generate => Some(false),
            _ => None,
        }
    }

    /// The same among the endpoints that `OpenAI`'s own scanner knows.
    #[must_use]
    pub const fn openai(self) -> Option<openai::Endpoint> {
        match self {
            Self::Chat => Some(openai::Endpoint::Chat),
            Self::Completions => Some(openai::Endpoint::Completions),
            Self::Embeddings => Some(openai::Endpoint::Embeddings),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Endpoint};

    #[test]
    fn names_and_numbers_lead_back() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::named(dialect.name()), Some(dialect));
        }
        assert_eq!(Dialect::named("klingon"), None);
        for (number, endpoint) in Endpoint::ALL.into_iter().enumerate() {
            assert_eq!(Endpoint::numbered(u8::try_from(number).unwrap()), Some(endpoint));
        }
        assert_eq!(Endpoint::numbered(15), None);
    }
}
