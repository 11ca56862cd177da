//! An answer on its way back: a provider's words, told in the caller's.
//!
//! Invariant: same dialect, same bytes.

use headgate_core::usage::Usage;
use headgate_core::wire::conversation::{Gather, Voice, decoder, encoder, gatherer, tell};
use headgate_core::wire::endpoint::{Dialect, Endpoint, Shape};
use headgate_core::wire::facts::Facts;
use headgate_core::wire::kept::form;
use headgate_core::wire::model::Event;
use headgate_core::wire::openai::stream::{Framing, Outcome, Settings, Stop, StreamRelay};
use headgate_core::wire::origin::{Filled, Origin};
use headgate_core::wire::passing::Passing;
use headgate_core::wire::translate::Translation;

/// A whole answer in the caller's words.
#[derive(Default)]
pub(crate) struct Told {
    /// Nothing where the provider's own bytes go on.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) usage: Option<Usage>,
    /// The provider's error inside a success.
    pub(crate) error: Option<String>,
}

/// Tells a whole answer of the dialect `from` in that of `endpoint`; None where it cannot be read.
pub(crate) fn retell(
    from: Dialect,
    endpoint: Endpoint,
    body: &[u8],
    json_tool: Option<&str>,
    origin: &Origin,
) -> Option<Told> {
    let dialect = endpoint.dialect();
    let voice = Voice { created_s: origin.created_s, include_usage: true };
    let mut gathered = (from != dialect).then(|| gatherer(dialect, voice));
    let mut told = Told::default();
    let read = tell(from, body, json_tool, &mut |event| match event {
        Event::Error { message, .. } => told.error = Some(message.into_owned()),
        event => {
            if let Event::Usage(usage) = event {
                told.usage = Some(usage);
            }
            if let Some(gathered) = &mut gathered {
                gathered.event(&origin.fill(event));
            }
        }
    });
    told.body = gathered.map(Gather::finish);
    read.ok().map(|()| told)
}

/// How a stream is to be passed on.
pub(crate) struct Way {
    pub(crate) endpoint: Endpoint,
    pub(crate) from: Dialect,
    pub(crate) framing: Framing,
    pub(crate) voice: Voice,
    pub(crate) capture: bool,
}

/// What passes a stream on: as it is, or told in another dialect.
#[expect(clippy::large_enum_variant, reason = "a connection has one, and the usual kind is not worth a box")]
pub(crate) enum Relay {
    Same(StreamRelay),
    Passed(Box<Passing>),
    Told(Box<Translation>),
}

impl Relay {
    pub(crate) fn new(way: &Way, json_tool: Option<&str>, origin: &Origin) -> Self {
        let Way { endpoint, from, framing, voice, capture } = *way;
        let (dialect, shape) = (endpoint.dialect(), endpoint.shape());
        if (from, dialect) == (Dialect::OpenAi, Dialect::OpenAi) {
            let client_wants_usage = voice.include_usage;
            return Self::Same(StreamRelay::new(Settings {
                framing,
                client_wants_usage,
                done_required: true,
            }));
        }
        // What is kept must serve every later caller: an array, or a stream without its usage, does not.
        let capture = capture && shape != Shape::Array && voice.include_usage;
        if from == dialect {
            let passing = Passing::new(form(from), decoder(from, None), shape, framing);
            return Self::Passed(Box::new(if capture { passing.capturing() } else { passing }));
        }
        let decoder = Box::new(Filled { decoder: decoder(from, json_tool), origin: origin.clone() });
        let told = Translation::new(form(from), decoder, encoder(dialect, shape, voice), framing);
        Self::Told(Box::new(if capture { told.capturing() } else { told }))
    }

    /// What the stream told, where it has no relay of its own.
    pub(crate) fn facts(&self) -> Option<&Facts> {
        match self {
            Self::Same(_) => None,
            Self::Passed(passing) => Some(passing.facts()),
            Self::Told(translation) => Some(translation.facts()),
        }
    }

    pub(crate) fn begin(&mut self, read_bytes: usize) {
        if let Self::Same(relay) = self {
            relay.begin(read_bytes);
        }
    }

    pub(crate) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Same(relay) => relay.push(piece, out),
            Self::Passed(passing) => passing.feed(piece, out),
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
            Self::Passed(passing) => passing.finish(clean, out),
            Self::Told(translation) => translation.finish(clean, out),
        }
    }

    pub(crate) fn committed(&self) -> bool {
        match self {
            Self::Same(relay) => relay.committed(),
            _ => self.facts().is_some_and(Facts::committed),
        }
    }

    pub(crate) fn stop(&self) -> Option<Stop> {
        match self {
            Self::Same(relay) => relay.stop(),
            _ => self.facts().and_then(Facts::stop),
        }
    }

    pub(crate) fn usage(&self) -> Option<Usage> {
        match self {
            Self::Same(relay) => relay.usage(),
            _ => self.facts().and_then(Facts::usage),
        }
    }

    pub(crate) fn mid_event(&self) -> bool {
        matches!(self, Self::Same(relay) if relay.mid_event())
    }

    pub(crate) fn text(&self) -> &[u8] {
        match self {
            Self::Same(relay) => relay.text(),
            _ => self.facts().map_or(&[], Facts::text),
        }
    }

    pub(crate) fn take_text(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Same(relay) => relay.take_text(),
            Self::Passed(passing) => passing.facts_mut().take_text(),
            Self::Told(translation) => translation.facts_mut().take_text(),
        }
    }

    pub(crate) fn text_bytes(&self) -> u64 {
        match self {
            Self::Same(relay) => relay.text_bytes(),
            _ => self.facts().map_or(0, Facts::text_bytes),
        }
    }

    /// The kept payload of a stream that left.
    pub(crate) fn take_capture(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Same(_) => None,
            Self::Passed(passing) => Some(passing.take_capture()),
            Self::Told(translation) => Some(translation.take_capture()),
        }
    }
}
