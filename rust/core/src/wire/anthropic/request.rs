//! Requests: read from this dialect's callers, and written for its providers.
//!
//! Invariant: turns alternate in what [`encode`] writes, tool results stand first in theirs, and no block is
//! empty; what the provider would refuse beside thinking or a forced tool is left out and named.
//! Source: docs.anthropic.com/en/api/messages.

mod blame;
mod blocks;
mod decode;
mod media;
mod options;
mod turns;

pub use decode::decode;
pub(in crate::wire) use options::has_lost_thoughts;

use crate::json::push_u64;
use crate::wire::anthropic::words::push_text;
use crate::wire::model::{Chat, Dropped, Format, Refused, ToolChoice};

/// Names for the tool that stands for the form of an answer: the first that no tool on offer has.
const JSON_TOOLS: [&str; 2] = ["json_output", "json_output_of_the_answer"];

/// What the provider must be told beyond the request, and what this model of its can do.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// The model to ask the provider for.
    pub model: &'a str,
    /// Most tokens where the caller names no maximum, which the dialect demands; thinking comes on top.
    pub max_tokens: u64,
    /// The model takes a schema of the answer itself (`output_config.format`). Otherwise a tool that must be
    /// called stands for it, see [`json_tool`].
    pub schemas: bool,
    /// The model budgets its thinking itself (`thinking.type` `adaptive`, with `output_config.effort`).
    /// Otherwise steps of effort are told as budgets.
    pub adaptive: bool,
    /// The model refuses temperature and `top_p` together; temperature stays.
    pub temperature_or_top_p: bool,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self { model: "", max_tokens: 4_096, schemas: false, adaptive: false, temperature_or_top_p: true }
    }
}

/// The tool that [`encode`] adds for the form of the answer, if it adds one: to be told to the decoder of the
/// answer, which takes its input for text. None where a tool of the caller's must be called anyway.
#[must_use]
pub fn json_tool(chat: &Chat<'_>, settings: &Settings<'_>) -> Option<&'static str> {
    let by_tool = match chat.format {
        Some(Format::Json) => true,
        Some(Format::Schema { .. }) => !settings.schemas,
        None => false,
    };
    let forced = matches!(chat.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_)));
    if !by_tool || forced && !chat.tools.is_empty() {
        return None;
    }
    JSON_TOOLS.into_iter().find(|name| chat.tools.iter().all(|tool| tool.name != *name))
}

/// Writes a request.
///
/// # Errors
/// When there is nobody to answer: no turn with anything in it.
pub fn encode(chat: &Chat<'_>, settings: &Settings<'_>, dropped: &mut Dropped) -> Result<Vec<u8>, Refused> {
    let plan = options::Plan::new(chat, settings, dropped);
    let mut out = Vec::with_capacity(1_024);
    push_text(&mut out, b"{\"model\":", settings.model);
    out.extend_from_slice(b",\"max_tokens\":");
    push_u64(&mut out, plan.max_tokens);
    turns::push(&mut out, chat, dropped)?;
    plan.push(&mut out, chat, dropped);
    out.push(b'}');
    for name in &chat.unknown {
        dropped.note(name);
    }
    Ok(out)
}
