//! An answer on its way back: a provider's words, told in the caller's.
//!
//! Invariant: same dialect, same bytes.

use headgate_core::usage::Usage;
use headgate_core::wire::conversation::{Gather, Speech, Voice, encoder, gatherer, tell};
use headgate_core::wire::endpoint::{Dialect, Endpoint, Shape};
use headgate_core::wire::facts::Facts;
use headgate_core::wire::model::Event;
use headgate_core::wire::openai::stream::{Framing, Outcome, Settings, Stop, StreamRelay};
use headgate_core::wire::passing::Passing;
use headgate_core::wire::translate::{Form, Translation};

/// What an answer says of itself where its provider does not tell.
#[derive(Default)]
pub(crate) struct Origin {
    /// An id that no other answer has.
    pub(crate) id: String,
    /// The model that was asked.
    pub(crate) model: String,
    /// Unix seconds.
    pub(crate) created_s: u64,
}

impl Origin {
    pub(crate) fn voice(&self, include_usage: bool) -> Voice<'_> {
        Voice { id: &self.id, model: &self.model, created_s: self.created_s, include_usage, source: None }
    }
}

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
    let mut gathered =
        (from != dialect).then(|| gatherer(dialect, Voice { source: Some(from), ..origin.voice(true) }));
    let mut told = Told::default();
    let read = tell(from, body, json_tool, &mut |event| match event {
        Event::Error { message, .. } => told.error = Some(message.into_owned()),
        event => {
            if let Event::Usage(usage) = event {
                told.usage = Some(usage);
            }
            if let Some(gathered) = &mut gathered {
                gathered.event(&event);
            }
        }
    });
    told.body = gathered.map(Gather::finish);
    read.ok().map(|()| told)
}

/// How a stream is to be passed on.
pub(crate) struct Way<'a> {
    pub(crate) endpoint: Endpoint,
    pub(crate) from: Speech,
    pub(crate) framing: Framing,
    pub(crate) voice: Voice<'a>,
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
    pub(crate) fn new(way: &Way<'_>, json_tool: Option<&str>) -> Self {
        let Way { endpoint, from, framing, voice, capture } = *way;
        let (dialect, shape) = (endpoint.dialect(), endpoint.shape());
        if (from.dialect, dialect) == (Dialect::OpenAi, Dialect::OpenAi) {
            return Self::same(framing, voice.include_usage);
        }
        // What is kept must serve every later caller: an array, or a stream without its usage, does not.
        let capture = capture && shape != Shape::Array && voice.include_usage;
        // Frames cannot go on as they are: what is in them is told anew.
        if from.dialect == dialect && from.form() != Form::Frames {
            let own = if from.form() == Form::Lines { Shape::Lines } else { Shape::Sse };
            let passing = Passing::new(own, from.decoder(None), shape, framing);
            return Self::Passed(Box::new(if capture { passing.capturing() } else { passing }));
        }
        let encoder = encoder(dialect, shape, Voice { source: Some(from.dialect), ..voice });
        let told = Translation::new(from.form(), from.decoder(json_tool), encoder, framing);
        Self::Told(Box::new(if capture { told.capturing() } else { told }))
    }

    /// The one that allocates nothing; also for an answer that is no stream.
    pub(crate) fn same(framing: Framing, client_wants_usage: bool) -> Self {
        Self::Same(StreamRelay::new(Settings { framing, client_wants_usage, done_required: true }))
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
