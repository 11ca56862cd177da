//! A conversation between a caller and a provider who speak two dialects: the codecs, by dialect.
//!
//! Invariant: this is the one place where a dialect's name leads to its codec; a new dialect is one more arm in
//! each match here, and nothing elsewhere.

use super::anthropic::hosted::Host;
use super::endpoint::{Dialect, Endpoint, Shape};
use super::introduced::Introduced;
use super::manner::Manner;
use super::model::{Chat, Dropped, Event, Format, Part, Refused, Role, Turn};
use super::openai::error::{self, UpstreamError};
use super::openai_chat::response::{Reply, Thinking};
use super::translate::{Decode, Encode, Form, Unreadable};
use super::{anthropic, bedrock, gemini, ollama, openai_chat, provenance, responses};

/// What gathers the events of an answer to one body.
pub trait Gather {
    /// Takes the next event.
    fn event(&mut self, event: &Event<'_>);

    /// The body.
    fn finish(self: Box<Self>) -> Vec<u8>;
}

/// A request as it came.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Where it came to.
    pub endpoint: Endpoint,
    /// The body.
    pub body: &'a [u8],
    /// The model asked for.
    pub model: &'a str,
}

/// A request in the provider's words.
#[derive(Debug, Default)]
pub struct Said {
    /// The body.
    pub body: Vec<u8>,
    /// What had no place in it.
    pub dropped: Dropped,
    /// The tool that stands for a form of the answer.
    pub json_tool: Option<&'static str>,
}

/// Says a request in another dialect.
///
/// # Errors
/// When it cannot be read, or cannot be said there at all.
pub fn say(asked: &Asked<'_>, to: Dialect, manner: &Manner) -> Result<Said, Refused> {
    let mut schemas = gemini::request::Schemas::default();
    let mut chat = read(asked, &mut schemas)?;
    let mut refused = Dropped::default();
    provenance::keep_own(&mut chat, asked.endpoint.dialect(), to, &mut refused);
    manner.prune(&mut chat, &mut refused);
    if matches!(to, Dialect::OpenAi | Dialect::Responses) {
        ask_for_json(&mut chat);
    }
    let mut said = write(&chat, to, manner)?;
    for name in &refused.0 {
        said.dropped.note(name);
    }
    Ok(said)
}

/// `OpenAI` gives JSON of any form only to those who say the word; others need not.
///
/// Source: platform.openai.com/docs/guides/structured-outputs, JSON mode.
fn ask_for_json(chat: &mut Chat<'_>) {
    const WORDS: &str = "Answer in JSON.";
    let parts = || chat.turns.iter().flat_map(|turn| &turn.parts);
    if !matches!(chat.format, Some(Format::Json)) || parts().any(names_json) {
        return;
    }
    let instructions = chat.turns.first_mut().filter(|turn| turn.role == Role::System);
    if let Some(Part::Text { text, .. }) = instructions.and_then(|turn| turn.parts.last_mut()) {
        text.to_mut().push_str("\n\n");
        text.to_mut().push_str(WORDS);
    } else {
        let parts = vec![Part::Text { text: WORDS.into(), cached: None }];
        chat.turns.insert(0, Turn { role: Role::System, name: None, parts });
    }
}

fn names_json(part: &Part<'_>) -> bool {
    matches!(part, Part::Text { text, .. } if text.to_ascii_lowercase().contains("json"))
}

fn read<'a>(asked: &Asked<'a>, schemas: &'a mut gemini::request::Schemas) -> Result<Chat<'a>, Refused> {
    let Asked { endpoint, body, model } = *asked;
    match endpoint.dialect() {
        Dialect::OpenAi => openai_chat::request::decode_for(body, model),
        Dialect::Anthropic => anthropic::request::decode(body),
        Dialect::Gemini => {
            gemini::request::decode(body, model, endpoint.streams().unwrap_or_default(), schemas)
        }
        Dialect::Ollama => ollama::request::decode(body, ollama::Endpoint::Chat),
        Dialect::OllamaGenerate => ollama::request::decode(body, ollama::Endpoint::Generate),
        Dialect::Responses => responses::request::decode(body),
        Dialect::Bedrock => Err(unspoken(endpoint.dialect())),
    }
}

/// Writes a request in a provider's dialect.
///
/// # Errors
/// When it cannot be said there.
pub fn write(chat: &Chat<'_>, to: Dialect, manner: &Manner) -> Result<Said, Refused> {
    let mut said = Said::default();
    let dropped = &mut said.dropped;
    said.body = match to {
        Dialect::OpenAi => openai_chat::request::encode(chat, &manner.openai(), dropped)?,
        Dialect::Anthropic => {
            let settings = manner.anthropic();
            said.json_tool = anthropic::request::json_tool(chat, &settings);
            anthropic::request::encode(chat, &settings, dropped)?
        }
        Dialect::Gemini => gemini::request::encode(chat, &manner.gemini(), dropped)?,
        Dialect::Ollama | Dialect::OllamaGenerate => {
            ollama::request::encode(chat, &manner.ollama(), dropped)?
        }
        Dialect::Bedrock => bedrock::request::encode(chat, &manner.bedrock(), dropped)?,
        Dialect::Responses => responses::request::encode(chat, &manner.responses(), dropped)?,
    };
    Ok(said)
}

fn unspoken(dialect: Dialect) -> Refused {
    let message = format!("A request in the dialect {:?} cannot be translated.", dialect.name());
    Refused { code: "unsupported_parameter", param: None, message }
}

/// What a provider speaks, and who carries its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speech {
    /// The dialect.
    pub dialect: Dialect,
    /// The cloud that hosts a model which is spoken to in Anthropic's dialect.
    pub host: Option<Host>,
}

impl Speech {
    /// How its streams stand.
    #[must_use]
    pub const fn form(self) -> Form {
        match (self.dialect, self.host) {
            (Dialect::Bedrock, _) | (_, Some(Host::Bedrock)) => Form::Frames,
            (Dialect::Ollama | Dialect::OllamaGenerate, _) => Form::Lines,
            _ => Form::Sse,
        }
    }

    /// Reads the events of its streams; `json_tool` is what [`say`] gave.
    #[must_use]
    pub fn decoder(self, json_tool: Option<&str>) -> Box<dyn Decode> {
        if self.host == Some(Host::Bedrock) {
            let plain = anthropic::stream::Decoder::with_json_tool(json_tool);
            return Box::new(anthropic::stream::Chunks::new(plain));
        }
        decoder(self.dialect, json_tool)
    }
}

/// Reads the events of a dialect's streams.
#[must_use]
pub fn decoder(dialect: Dialect, json_tool: Option<&str>) -> Box<dyn Decode> {
    match dialect {
        Dialect::OpenAi => Box::new(openai_chat::stream::Decoder::new(false)),
        Dialect::Bedrock => Box::new(bedrock::stream::Decoder::default()),
        Dialect::Responses => Box::new(responses::stream::Decoder::default()),
        Dialect::Anthropic => Box::new(anthropic::stream::Decoder::with_json_tool(json_tool)),
        Dialect::Gemini => Box::new(gemini::stream::Decoder::new()),
        Dialect::Ollama | Dialect::OllamaGenerate => Box::new(ollama::stream::Decoder::default()),
    }
}

/// What an answer says beside what the provider told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Voice<'a> {
    /// An id that no other answer has, for a provider that gives none.
    pub id: &'a str,
    /// The model, for a provider that does not name it.
    pub model: &'a str,
    /// Unix seconds, for a provider that does not tell.
    pub created_s: u64,
    /// Whether the caller sees the usage of a stream.
    pub include_usage: bool,
    /// Whose words it was first, where signatures are to be told apart by that.
    pub source: Option<Dialect>,
}

impl Voice<'_> {
    fn reply(self) -> Reply<'static> {
        let Self { created_s, include_usage, .. } = self;
        Reply { created_s, include_usage, thinking: Thinking::ReasoningContent, ..Reply::default() }
    }
}

/// Writes the events of a stream in the caller's dialect.
#[must_use]
pub fn encoder(dialect: Dialect, shape: Shape, voice: Voice<'_>) -> Box<dyn Encode> {
    let codec: Box<dyn Encode> = match dialect {
        Dialect::OpenAi | Dialect::Bedrock => Box::new(openai_chat::stream::Encoder::new(&voice.reply())),
        Dialect::Responses => {
            Box::new(responses::stream::Encoder::new(&responses::response::Reply::default()))
        }
        Dialect::Anthropic => Box::new(anthropic::stream::Encoder::default()),
        Dialect::Gemini => {
            let form =
                if shape == Shape::Array { gemini::stream::Form::Array } else { gemini::stream::Form::Sse };
            Box::new(gemini::stream::Encoder::new(form))
        }
        Dialect::Ollama => Box::new(ollama::stream::Encoder::new(ollama::Endpoint::Chat)),
        Dialect::OllamaGenerate => Box::new(ollama::stream::Encoder::new(ollama::Endpoint::Generate)),
    };
    Box::new(Introduced::by(&voice, dialect, codec))
}

/// Hands out the events of a provider's whole answer.
///
/// # Errors
/// When it cannot be read; events that were handed out before then stand.
pub fn tell(
    dialect: Dialect,
    body: &[u8],
    json_tool: Option<&str>,
    each: &mut dyn FnMut(Event<'_>),
) -> Result<(), Unreadable> {
    match dialect {
        Dialect::OpenAi => openai_chat::response::decode(body, each).map_err(|_| Unreadable),
        Dialect::Responses => responses::response::decode(body, each).map_err(|_| Unreadable),
        Dialect::Anthropic => anthropic::response::decode_with(body, json_tool, each).map_err(|_| Unreadable),
        Dialect::Gemini => gemini::response::decode(body, each).map_err(|_| Unreadable),
        Dialect::Ollama | Dialect::OllamaGenerate => {
            ollama::response::decode(body, each).map_err(|_| Unreadable)
        }
        Dialect::Bedrock => bedrock::response::decode(body, each).map_err(|_| Unreadable),
    }
}

/// Gathers a whole answer in the caller's dialect.
#[must_use]
pub fn gatherer(dialect: Dialect, voice: Voice<'_>) -> Box<dyn Gather> {
    let codec: Box<dyn Gather> = match dialect {
        Dialect::OpenAi | Dialect::Bedrock => Box::new(openai_chat::response::Writer::new(&voice.reply())),
        Dialect::Responses => {
            Box::new(responses::response::Writer::new(&responses::response::Reply::default()))
        }
        Dialect::Anthropic => Box::new(anthropic::response::Writer::default()),
        Dialect::Gemini => Box::new(gemini::response::Writer::new()),
        Dialect::Ollama => Box::new(ollama::response::Writer::new(ollama::Endpoint::Chat)),
        Dialect::OllamaGenerate => Box::new(ollama::response::Writer::new(ollama::Endpoint::Generate)),
    };
    Box::new(Introduced::by(&voice, dialect, codec))
}

/// An error as the caller's dialect has it, in `OpenAI`'s words.
#[derive(Clone, Copy, Debug)]
pub struct Fault<'a> {
    /// HTTP status.
    pub status: u16,
    /// For people.
    pub message: &'a str,
    /// Its class.
    pub kind: &'a str,
    /// The field to blame.
    pub param: Option<&'a str>,
    /// Its code.
    pub code: Option<&'a str>,
}

/// An error's body.
#[must_use]
pub fn error_body(dialect: Dialect, fault: &Fault<'_>) -> Vec<u8> {
    let Fault { status, message, kind, param, code } = *fault;
    match dialect {
        Dialect::OpenAi | Dialect::Responses | Dialect::Bedrock => {
            error::error_body(message, kind, param, code)
        }
        Dialect::Anthropic => anthropic::error::encode(message, kind, code, status),
        Dialect::Gemini => gemini::error::encode(message, kind, code, status),
        Dialect::Ollama | Dialect::OllamaGenerate => ollama::error::encode(message, kind, code, status),
    }
}

/// An error in the middle of a stream, or in its place when nothing of it has `begun`.
pub fn push_stream_error(endpoint: Endpoint, fault: &Fault<'_>, begun: bool, out: &mut Vec<u8>) {
    let Fault { message, kind, code, .. } = *fault;
    match endpoint.dialect() {
        Dialect::OpenAi | Dialect::Bedrock => openai_chat::error::stream_event(message, kind, code, out),
        Dialect::Responses => responses::error::stream_event(message, kind, code, out),
        Dialect::Anthropic => anthropic::error::stream_event(message, kind, code, out),
        Dialect::Gemini if endpoint.shape() == Shape::Array => {
            out.extend_from_slice(if begun { b",\r\n" } else { b"[" });
            out.extend_from_slice(&error_body(Dialect::Gemini, fault));
            out.push(b']');
        }
        Dialect::Gemini => gemini::error::stream_event(message, kind, code, out),
        Dialect::Ollama | Dialect::OllamaGenerate => {
            ollama::error::stream_event(message, kind, code, out);
        }
    }
}

/// Seconds that a provider's error body asks to wait for; others than Google say it in a header only.
#[must_use]
pub fn retry_after_s(dialect: Dialect, body: &[u8]) -> Option<f64> {
    (dialect == Dialect::Gemini).then(|| gemini::error::retry_after_s(body)).flatten()
}

/// Reads a provider's error body; its words are `OpenAI`'s where there are such.
#[must_use]
pub fn read_error(dialect: Dialect, body: &[u8]) -> Option<UpstreamError> {
    match dialect {
        Dialect::OpenAi | Dialect::Responses => error::read_error(body),
        Dialect::Anthropic => {
            let mut error = anthropic::error::decode(body)?;
            error.kind = error.kind.map(|kind| anthropic::error::kind_to_openai(&kind).to_owned());
            Some(error)
        }
        Dialect::Gemini => gemini::error::decode(body),
        Dialect::Ollama | Dialect::OllamaGenerate => ollama::error::decode(body),
        Dialect::Bedrock => bedrock::error::decode(body),
    }
}
