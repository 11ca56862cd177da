//! Each dialect's codecs as the translation sees them.

use super::conversation::Gather;
use super::translate::{Decode, Encode, Unreadable};
use super::{anthropic, bedrock, gemini, ollama, openai_chat, responses};
use crate::wire::model::Event;

macro_rules! decodes {
    ($($decoder:ty),+) => {$(
        impl Decode for $decoder {
            fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Unreadable> {
                self.event(data, each).map_err(|_| Unreadable)
            }

            fn end(&mut self, each: &mut dyn FnMut(Event<'_>)) {
                self.end(each);
            }
        }
    )+};
}

macro_rules! encodes {
    ($($encoder:ty),+) => {$(
        impl Encode for $encoder {
            fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
                self.event(event, out);
            }
        }
    )+};
}

macro_rules! gathers {
    ($($writer:ty),+) => {$(
        impl Gather for $writer {
            fn event(&mut self, event: &Event<'_>) {
                self.event(event);
            }

            fn finish(self: Box<Self>) -> Vec<u8> {
                (*self).finish()
            }
        }
    )+};
}

decodes!(
    anthropic::stream::Decoder,
    gemini::stream::Decoder,
    ollama::stream::Decoder,
    openai_chat::stream::Decoder,
    responses::stream::Decoder
);
encodes!(
    anthropic::stream::Encoder,
    gemini::stream::Encoder,
    ollama::stream::Encoder,
    openai_chat::stream::Encoder,
    responses::stream::Encoder
);
gathers!(
    anthropic::response::Writer,
    gemini::response::Writer,
    ollama::response::Writer,
    openai_chat::response::Writer,
    responses::response::Writer
);

impl Decode for bedrock::stream::Decoder {
    /// An event without its type cannot be told from another.
    fn event(&mut self, _: &[u8], _: &mut dyn FnMut(Event<'_>)) -> Result<(), Unreadable> {
        Err(Unreadable)
    }

    fn named(&mut self, name: &str, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Unreadable> {
        self.event(name, data, each).map_err(|_| Unreadable)
    }

    fn end(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        self.end(each);
    }
}
