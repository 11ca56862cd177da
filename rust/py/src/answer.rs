//! The answer under way on a connection: its bytes, and what they told so far.

use headgate_core::tokens::Encoding;
use headgate_core::usage::Usage;
use headgate_core::wire::openai::error;
use headgate_core::wire::openai::response::read_answer;
use headgate_core::wire::openai::stream::{Settings, StreamRelay};

use crate::answers::framing_of;
use crate::dialect::{Dialect, Relay, from_anthropic};

pub(crate) const STREAM: u32 = 1;
pub(crate) const CHUNKED: u32 = 2;
pub(crate) const WANTS_USAGE: u32 = 4;
pub(crate) const CAPTURE: u32 = 8;

/// Longest stream that is kept for the cache.
const MAX_CAPTURE_BYTES: usize = 1 << 20;

/// How an answer is to be read, and what is known before it comes.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) options: u32,
    pub(crate) dialect: Dialect,
    pub(crate) json_tool: Option<&'static str>,
    pub(crate) encoding: Encoding,
    /// The journal's slot that is told of progress; 0 for none.
    pub(crate) slot: u64,
    pub(crate) prompt_tokens: u32,
    /// Unix seconds, for an answer whose dialect does not tell.
    pub(crate) created_s: u64,
}

impl Expected {
    /// Nothing is asked yet.
    pub(crate) const NOTHING: Self = Self {
        options: 0,
        dialect: Dialect::OpenAi,
        json_tool: None,
        encoding: Encoding::O200k,
        slot: 0,
        prompt_tokens: 0,
        created_s: 0,
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
        let has = |option: u32| expected.options & option != 0;
        let framing = framing_of(has(CHUNKED));
        let relay = match expected.dialect {
            Dialect::OpenAi => {
                let client_wants_usage = has(WANTS_USAGE);
                Relay::Same(StreamRelay::new(Settings { framing, client_wants_usage, done_required: true }))
            }
            Dialect::Anthropic => {
                Relay::from_anthropic(expected.json_tool, has(WANTS_USAGE), expected.created_s, framing)
            }
        };
        Self {
            expected,
            relay,
            // What is kept is the upstream's stream, which only its own dialect can replay.
            capture: (has(CAPTURE) && expected.dialect == Dialect::OpenAi).then(Vec::new),
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
        match self.expected.dialect {
            Dialect::OpenAi => {
                self.usage = read_answer(&self.body).map_err(|_| "garbage")?.usage;
            }
            Dialect::Anthropic => {
                let told = from_anthropic(&self.body, self.expected.json_tool, self.expected.created_s)
                    .ok_or("garbage")?;
                if told.error.is_some() {
                    self.error = told.error;
                    return Err("error_event");
                }
                (self.usage, self.body) = (told.usage, told.body);
            }
        }
        Ok(())
    }

    /// The provider's error inside a success, credentials masked.
    pub(crate) fn error_message(&self) -> Option<String> {
        match (&self.error, &self.relay) {
            (Some(message), _) => Some(error::redact(message)),
            (None, Relay::Told(translation)) => translation.error_message().map(error::redact),
            (None, Relay::Same(relay)) => error::read_error(relay.error_event()?).map(|error| error.message),
        }
    }
}
