//! One whole answer, written from events.
//!
//! Invariant: `finish` gives one JSON object, whatever events came: the one that ends the stream of the same
//! events.

use super::super::error;
use super::super::stream::Encoder;
use super::Reply;
use crate::wire::model::Event;

/// Gathers events and gives the answer's body.
#[derive(Debug)]
pub struct Writer {
    encoder: Encoder,
    /// Where the stream of the answer goes, which nobody reads.
    scrap: Vec<u8>,
    error: Option<(String, String)>,
}

impl Writer {
    /// A writer for one answer.
    #[must_use]
    pub fn new(reply: &Reply<'_>) -> Self {
        Self { encoder: Encoder::new(reply), scrap: Vec::new(), error: None }
    }

    /// Takes an event.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Error { kind, message } => self.error = Some((message.to_string(), kind.to_string())),
            Event::End => {}
            event => self.encoder.event(event, &mut self.scrap),
        }
        self.scrap.clear();
    }

    /// The whole body; an error's, if there was one.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        if let Some((message, kind)) = &self.error {
            return error::encode(message, kind, None, 502);
        }
        let mut out = Vec::with_capacity(1024);
        self.encoder.whole(&mut self.scrap, &mut out);
        out
    }
}
