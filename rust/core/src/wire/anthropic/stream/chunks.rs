//! Anthropic's events as AWS Bedrock sends them: each in base64, within a frame of type `chunk`.
//!
//! Source: docs.aws.amazon.com/bedrock/latest/APIReference, `InvokeModelWithResponseStream`, and
//! docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html.

use serde::Deserialize;

use super::super::words::Text;
use super::Decoder;
use crate::wire::base64;
use crate::wire::model::Event;
use crate::wire::translate::{Decode, Unreadable};

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    bytes: Text<'a>,
}

/// Reads a stream of chunks.
#[derive(Debug, Default)]
pub struct Chunks(Decoder);

impl Chunks {
    /// A reader of what `decoder` reads without the chunks.
    #[must_use]
    pub const fn new(decoder: Decoder) -> Self {
        Self(decoder)
    }
}

impl Decode for Chunks {
    fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Unreadable> {
        let chunk: Chunk<'_> = serde_json::from_slice(data).map_err(|_| Unreadable)?;
        let data = base64::decode(&chunk.bytes.0).ok_or(Unreadable)?;
        self.0.event(&data, each).map_err(|_| Unreadable)
    }

    fn named(&mut self, name: &str, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Unreadable> {
        if name == "chunk" { self.event(data, each) } else { Ok(()) }
    }

    fn end(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        self.0.end(each);
    }
}
