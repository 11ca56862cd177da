//! The answer under way on a connection: its bytes, and what they told so far.

use headgate_core::http1::{ContentKind, Head};
use headgate_core::tokens::Encoding;
use headgate_core::usage::Usage;
use headgate_core::wire::conversation::Speech;
use headgate_core::wire::count;
use headgate_core::wire::embeddings::exchange::{self, Wish};
use headgate_core::wire::endpoint::{Dialect, Endpoint, Purpose};
use headgate_core::wire::openai::error;
use headgate_core::wire::openai::response::read_answer;
use headgate_core::wire::translate::Form;

use crate::answers::framing_of;
use crate::dialect::{Origin, Relay, Way, retell};

pub(crate) const STREAM: u32 = 1;
pub(crate) const CHUNKED: u32 = 2;
pub(crate) const WANTS_USAGE: u32 = 4;
pub(crate) const CAPTURE: u32 = 8;

/// Longest stream that is kept for the cache.
const MAX_CAPTURE_BYTES: usize = 1 << 20;

/// How an answer is to be read, and what is known before it comes.
pub(crate) struct Expected {
    pub(crate) options: u32,
    /// Where the request came to.
    pub(crate) endpoint: Endpoint,
    /// What the provider speaks.
    pub(crate) speech: Speech,
    pub(crate) json_tool: Option<&'static str>,
    /// What an answer of vectors is told by.
    pub(crate) wish: Option<Box<Wish>>,
    pub(crate) encoding: Encoding,
    /// The journal's slot that is told of progress; 0 for none.
    pub(crate) slot: u64,
    pub(crate) prompt_tokens: u32,
    /// For an answer whose dialect does not tell.
    pub(crate) origin: Origin,
}

impl Expected {
    /// Nothing is asked yet.
    pub(crate) const NOTHING: Self = Self {
        options: 0,
        endpoint: Endpoint::Chat,
        speech: Speech { dialect: Dialect::OpenAi, host: None },
        json_tool: None,
        wish: None,
        encoding: Encoding::O200k,
        slot: 0,
        prompt_tokens: 0,
        origin: Origin { id: String::new(), model: String::new(), created_s: 0 },
    };
}

/// Everything about the answer under way.
pub(crate) struct Answer {
    pub(crate) expected: Expected,
    pub(crate) relay: Relay,
    pub(crate) capture: Option<Vec<u8>>,
    pub(crate) body: Vec<u8>,
    pub(crate) folded_tokens: u64,
    pub(crate) usage: Option<Usage>,
    pub(crate) failure: Option<&'static str>,
    error: Option<String>,
}

impl Answer {
    pub(crate) fn new(expected: Expected) -> Self {
        let Expected { options, endpoint, speech, .. } = expected;
        let has = |option: u32| options & option != 0;
        let own = speech.dialect == Dialect::OpenAi && endpoint.dialect() == Dialect::OpenAi;
        let way = Way {
            endpoint,
            from: speech,
            framing: framing_of(has(CHUNKED)),
            voice: expected.origin.voice(has(WANTS_USAGE)),
            capture: has(CAPTURE),
        };
        let relay =
            if has(STREAM) { Relay::new(&way, expected.json_tool) } else { Relay::same(way.framing, false) };
        Self {
            expected,
            relay,
            capture: (has(CAPTURE) && own).then(Vec::new),
            body: Vec::new(),
            folded_tokens: 0,
            usage: None,
            failure: None,
            error: None,
        }
    }

    pub(crate) fn wants_stream(&self) -> bool {
        self.expected.options & STREAM != 0
    }

    /// Whether an answer with this head is the stream that was asked for.
    pub(crate) fn streams(&self, head: &Head) -> bool {
        let fits = match self.expected.speech.form() {
            Form::Frames => head.content == ContentKind::Frames,
            Form::Sse => head.content == ContentKind::EventStream,
            // Proxies before Ollama are careless about its type; an error has another status.
            Form::Lines => head.content != ContentKind::EventStream,
        };
        self.wants_stream() && head.status == 200 && fits && !head.encoded
    }

    pub(crate) fn chunked(&self) -> bool {
        self.expected.options & CHUNKED != 0
    }

    pub(crate) fn take_in(&mut self, relaying: bool, piece: &[u8], out: &mut Vec<u8>) {
        if !relaying {
            self.body.extend_from_slice(piece);
            return;
        }
        self.relay.push(piece, out);
        if let Some(capture) = &mut self.capture {
            if capture.len() + piece.len() > MAX_CAPTURE_BYTES {
                self.capture = None;
            } else {
                capture.extend_from_slice(piece);
            }
        }
    }

    /// Reads a whole answer, and tells it in the caller's dialect; the name of what is wrong with it.
    pub(crate) fn read_whole(&mut self) -> Result<(), &'static str> {
        let Expected { endpoint, speech: Speech { dialect, .. }, json_tool, ref origin, .. } = self.expected;
        match endpoint.purpose() {
            Purpose::Embedding if endpoint != Endpoint::Embeddings || self.expected.wish.is_some() => {
                return self.read_vectors().ok_or("garbage");
            }
            Purpose::Count => return self.read_count().ok_or("garbage"),
            _ => {}
        }
        if dialect == Dialect::OpenAi && endpoint.dialect() == Dialect::OpenAi {
            self.usage = read_answer(&self.body).map_err(|_| "garbage")?.usage;
            return Ok(());
        }
        let told = retell(dialect, endpoint, &self.body, json_tool, origin).ok_or("garbage")?;
        if told.error.is_some() {
            self.error = told.error;
            return Err("error_event");
        }
        self.usage = told.usage;
        if let Some(body) = told.body {
            self.body = body;
        }
        Ok(())
    }

    fn read_vectors(&mut self) -> Option<()> {
        let Some(wish) = &self.expected.wish else {
            self.usage = exchange::usage(self.expected.endpoint, &self.body).ok()?;
            return Some(());
        };
        let (body, usage) = wish.tell(&self.body)?;
        (self.body, self.usage) = (body, usage);
        Some(())
    }

    /// A count is an answer that used nothing.
    fn read_count(&mut self) -> Option<()> {
        let tokens = count::read(&self.body)?;
        if self.expected.speech.dialect != self.expected.endpoint.dialect() {
            self.body = count::write(self.expected.endpoint, tokens);
        }
        self.usage = Some(Usage::default());
        Some(())
    }

    /// The kept payload of a stream.
    pub(crate) fn take_capture(&mut self) -> Vec<u8> {
        self.capture.take().or_else(|| self.relay.take_capture()).unwrap_or_default()
    }

    /// The provider's error inside a success, credentials masked.
    pub(crate) fn error_message(&self) -> Option<String> {
        match (&self.error, &self.relay) {
            (Some(message), _) => Some(error::redact(message)),
            (None, Relay::Same(relay)) => error::read_error(relay.error_event()?).map(|error| error.message),
            (None, relay) => relay.facts()?.error_message().map(error::redact),
        }
    }
}
