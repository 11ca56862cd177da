//! An answer, as a run of events.

use std::borrow::Cow;

use crate::usage::Usage;

/// A step of an answer. `choice` is the choice's index; `call` counts the tool calls of a choice from 0 and
/// stays the same for all fragments of one call, however they interleave.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// The answer begins; before every other event, once.
    Start {
        /// The answer's id; empty where the dialect has none.
        id: Cow<'a, str>,
        /// The model that answers; empty where the dialect does not tell.
        model: Cow<'a, str>,
        /// Unix seconds; 0 where the dialect does not tell.
        created_s: u64,
    },
    /// Text of the answer.
    Text {
        /// Index of the choice.
        choice: u32,
        /// A fragment.
        text: Cow<'a, str>,
    },
    /// The model declines, in words.
    Refusal {
        /// Index of the choice.
        choice: u32,
        /// A fragment.
        text: Cow<'a, str>,
    },
    /// What the model thinks.
    Thinking {
        /// Index of the choice.
        choice: u32,
        /// A fragment.
        text: Cow<'a, str>,
    },
    /// The provider's signature over the thoughts so far; ends that run of thoughts.
    Signature {
        /// Index of the choice.
        choice: u32,
        /// All of it.
        signature: Cow<'a, str>,
    },
    /// Thoughts that only the provider can read.
    Redacted {
        /// Index of the choice.
        choice: u32,
        /// All of them.
        data: Cow<'a, str>,
    },
    /// A tool call begins: before its first argument, with its id and name whole.
    ToolStart {
        /// Index of the choice.
        choice: u32,
        /// Index of the call.
        call: u32,
        /// The call's id; empty where the dialect has none: an encoder that needs one makes one of the
        /// answer's id and the index.
        id: Cow<'a, str>,
        /// The tool.
        name: Cow<'a, str>,
        /// A provider's opaque mark on the call, to be given back.
        signature: Option<Cow<'a, str>>,
    },
    /// A fragment of a call's arguments, JSON as text.
    ToolArguments {
        /// Index of the choice.
        choice: u32,
        /// Index of the call.
        call: u32,
        /// The fragment.
        json: Cow<'a, str>,
    },
    /// Log probabilities of the tokens since the last: `OpenAI`'s `logprobs.content` entries, a JSON array.
    Logprobs {
        /// Index of the choice.
        choice: u32,
        /// The array, verbatim.
        content: Cow<'a, str>,
    },
    /// A choice is complete.
    Finish {
        /// Index of the choice.
        choice: u32,
        /// Why.
        reason: Finish,
        /// The stop text that was met, where the dialect tells.
        stop: Option<Cow<'a, str>>,
    },
    /// Content that no other dialect has, such as a search that the provider makes itself: it is told nowhere, but
    /// the answer has begun.
    Foreign,
    /// Tokens so far; the last one counts.
    Usage(Usage),
    /// The provider reports an error in the middle of its answer; nothing follows.
    Error {
        /// The dialect's type or status name, as `overloaded_error`.
        kind: Cow<'a, str>,
        /// For people; not yet redacted.
        message: Cow<'a, str>,
    },
    /// The terminal event; an answer without it is cut.
    End,
}

/// Why a choice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model had finished, or met a stop text.
    Stop,
    /// The maximum was reached.
    Length,
    /// Tools were called.
    Tools,
    /// The provider's filter stepped in: safety, recitation, a blocked prompt.
    Filtered,
    /// The model declined.
    Refused,
    /// The provider paused a long turn, to be sent again as it stands.
    Paused,
    /// For another reason, or none that is known.
    Other,
}
