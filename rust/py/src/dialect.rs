//! Between the caller's dialect and a provider's: the request one way, the answer the other.
//!
//! Invariant: same dialect, same bytes: nothing here is asked then.

use headgate_core::usage::Usage;
use headgate_core::wire::anthropic;
use headgate_core::wire::model::{Dropped, Event, Refused};
use headgate_core::wire::openai::stream::{Framing, Outcome, Stop, StreamRelay};
use headgate_core::wire::openai_chat;
use headgate_core::wire::openai_chat::response::{Reply, Thinking, Writer};
use headgate_core::wire::translate::{Form, Translation};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A provider's dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    OpenAi,
    Anthropic,
}

impl Dialect {
    /// The dialect behind its name in the catalogue.
    pub(crate) fn named(name: &str) -> PyResult<Self> {
        match name {
            "openai" => Ok(Self::OpenAi),
            "anthropic" => Ok(Self::Anthropic),
            other => Err(PyValueError::new_err(format!("no dialect {other:?}"))),
        }
    }
}

/// A request in the provider's words.
pub(crate) struct Said {
    pub(crate) body: Vec<u8>,
    /// A header line that names what had no place, or nothing.
    pub(crate) dropped: Vec<u8>,
    /// The tool that stands for a form of the answer.
    pub(crate) json_tool: Option<&'static str>,
}

/// Says a chat request of `OpenAI`'s dialect to a provider of Anthropic's.
pub(crate) fn to_anthropic(body: &[u8], model: &str) -> Result<Said, Refused> {
    let chat = openai_chat::request::decode(body)?;
    let settings = anthropic::request::Settings { model, ..Default::default() };
    let mut dropped = Dropped::default();
    let json_tool = anthropic::request::json_tool(&chat, &settings);
    let body = anthropic::request::encode(&chat, &settings, &mut dropped)?;
    Ok(Said { body, dropped: dropped_line(&dropped), json_tool })
}

fn dropped_line(dropped: &Dropped) -> Vec<u8> {
    let safe = |name: &&String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    let names: Vec<&str> = dropped.0.iter().filter(safe).map(String::as_str).collect();
    if names.is_empty() {
        return Vec::new();
    }
    format!("x-headgate-dropped: {}\r\n", names.join(",")).into_bytes()
}

/// A whole answer in the caller's words.
pub(crate) struct Told {
    pub(crate) body: Vec<u8>,
    pub(crate) usage: Option<Usage>,
    /// The provider's error inside a success.
    pub(crate) error: Option<String>,
}

/// Tells a whole answer of Anthropic's dialect in `OpenAI`'s; None where it cannot be read.
pub(crate) fn from_anthropic(body: &[u8], json_tool: Option<&str>, created_s: u64) -> Option<Told> {
    let mut writer =
        Writer::new(&Reply { created_s, thinking: Thinking::ReasoningContent, ..Reply::default() });
    let (mut usage, mut error) = (None, None);
    let read = anthropic::response::decode_with(body, json_tool, &mut |event| match &event {
        Event::Error { message, .. } => error = Some(message.clone().into_owned()),
        Event::Usage(told) => {
            usage = Some(*told);
            writer.event(&event);
        }
        _ => writer.event(&event),
    });
    read.ok().map(|()| Told { body: writer.finish(), usage, error })
}

/// What passes a stream on: as it is, or told in another dialect.
#[expect(clippy::large_enum_variant, reason = "a connection has one, and the usual kind is not worth a box")]
pub(crate) enum Relay {
    Same(StreamRelay),
    Told(Box<Translation>),
}

impl Relay {
    /// Tells a stream of Anthropic's dialect in `OpenAI`'s.
    pub(crate) fn from_anthropic(
        json_tool: Option<&str>,
        include_usage: bool,
        created_s: u64,
        framing: Framing,
    ) -> Self {
        let decoder = anthropic::stream::Decoder::with_json_tool(json_tool);
        let reply =
            Reply { created_s, include_usage, thinking: Thinking::ReasoningContent, ..Reply::default() };
        let encoder = openai_chat::stream::Encoder::new(&reply);
        Self::Told(Box::new(Translation::new(Form::Sse, Box::new(decoder), Box::new(encoder), framing)))
    }

    pub(crate) fn begin(&mut self, read_bytes: usize) {
        if let Self::Same(relay) = self {
            relay.begin(read_bytes);
        }
    }

    pub(crate) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Same(relay) => relay.push(piece, out),
            Self::Told(translation) => translation.feed(piece, out),
        }
    }

    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) {
        if let Self::Same(relay) = self {
            relay.flush(out);
        }
    }

    pub(crate) fn finish(&mut self, clean: bool, out: &mut Vec<u8>) -> Outcome {
        match self {
            Self::Same(relay) => relay.finish(clean, out),
            Self::Told(translation) => translation.finish(clean, out),
        }
    }

    pub(crate) fn committed(&self) -> bool {
        match self {
            Self::Same(relay) => relay.committed(),
            Self::Told(translation) => translation.committed(),
        }
    }

    pub(crate) fn stop(&self) -> Option<Stop> {
        match self {
            Self::Same(relay) => relay.stop(),
            Self::Told(translation) => translation.stop(),
        }
    }

    pub(crate) fn usage(&self) -> Option<Usage> {
        match self {
            Self::Same(relay) => relay.usage(),
            Self::Told(translation) => translation.usage(),
        }
    }

    pub(crate) fn mid_event(&self) -> bool {
        matches!(self, Self::Same(relay) if relay.mid_event())
    }

    pub(crate) fn text(&self) -> &[u8] {
        match self {
            Self::Same(relay) => relay.text(),
            Self::Told(translation) => translation.text(),
        }
    }

    pub(crate) fn take_text(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Same(relay) => relay.take_text(),
            Self::Told(translation) => translation.take_text(),
        }
    }

    pub(crate) fn text_bytes(&self) -> u64 {
        match self {
            Self::Same(relay) => relay.text_bytes(),
            Self::Told(translation) => translation.text_bytes(),
        }
    }
}
