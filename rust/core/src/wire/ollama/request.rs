//! Requests to `/api/chat` and `/api/generate`, read; requests to `/api/chat`, written.
//!
//! Invariant: a request that is written is a whole one: what a caller left out is left out, and what Ollama
//! has no place for is named. Source: docs/api.md, "Generate a chat completion", "Generate a completion";
//! docs.ollama.com/capabilities/thinking.

mod blame;
mod conversation;
mod decode;
mod encode;
mod messages;

pub use decode::decode;
pub use encode::encode;

/// How a request is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings<'a> {
    /// The model to ask for.
    pub model: &'a str,
    /// How the model takes `think`.
    pub think: Think,
    /// Window of the model in tokens. Ollama cuts the beginning off a prompt that is longer than the window
    /// it chose itself, and says nothing.
    pub num_ctx: Option<u64>,
    /// How long the model stays loaded, as a duration with its unit (`5m`, `-1m` for ever).
    pub keep_alive: Option<&'a str>,
}

/// What a model makes of `think`; Ollama refuses it for models that cannot think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Think {
    /// True, false, or a level.
    #[default]
    Levels,
    /// True or false.
    Switch,
    /// It cannot think.
    Never,
}

impl Think {
    /// How the model of this name takes it: `gpt-oss` has levels, and Ollama refuses them for every other
    /// ("think value is not supported for this model").
    #[must_use]
    pub fn of(model: &str) -> Self {
        if model.contains("gpt-oss") { Self::Levels } else { Self::Switch }
    }
}
