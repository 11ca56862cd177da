//! Events of `ConverseStream`, read; the binary frames that carry them are not seen here.
//!
//! Invariant: fragments of a call keep its index, however blocks interleave; an answer is whole when
//! `messageStop` was met, and its end is told at the end of data, since usage comes behind it.
//! Source: docs.aws.amazon.com/bedrock/latest/APIReference, `ConverseStream`, response syntax.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Text;
use super::content::{self, Additional, Calls, Tokens};
use super::response::Malformed;
use crate::wire::model::Event;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStart<'a> {
    content_block_index: u32,
    #[serde(borrow)]
    start: Option<Start<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    #[serde(borrow)]
    tool_use: Option<ToolStart<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolStart<'a> {
    #[serde(borrow)]
    tool_use_id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockDelta<'a> {
    content_block_index: u32,
    #[serde(borrow)]
    delta: Delta<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStop {
    content_block_index: u32,
}

/// One of the members is there; none is in a delta of a kind that is not known.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delta<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    tool_use: Option<Input<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Reasoning<'a>>,
}

#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    input: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reasoning<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow)]
    redacted_content: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageStop<'a> {
    #[serde(borrow)]
    stop_reason: Cow<'a, str>,
    #[serde(borrow)]
    additional_model_response_fields: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Metadata {
    usage: Option<Tokens>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exception<'a> {
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow)]
    original_message: Option<Text<'a>>,
}

/// Reads a stream.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    stopped: bool,
    ended: bool,
    calls: Calls,
    /// Open blocks of calls: the block's index, and the call's, which the answer has none of.
    open: Vec<(u32, Option<u32>)>,
}

impl Decoder {
    /// Reads one event: its `:event-type` (or `:exception-type`) and its JSON. Types that nobody knows are
    /// passed over.
    ///
    /// # Errors
    /// When the JSON is not what its type says.
    pub fn event(
        &mut self,
        name: &str,
        data: &[u8],
        each: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        if self.ended {
            return Ok(());
        }
        if !std::mem::replace(&mut self.started, true) {
            content::start(each);
        }
        match name {
            "contentBlockStart" => self.block_start(serde_json::from_slice(data)?, each),
            "contentBlockDelta" => self.block_delta(serde_json::from_slice(data)?, each),
            "contentBlockStop" => {
                let block: BlockStop = serde_json::from_slice(data)?;
                self.open.retain(|(open, _)| *open != block.content_block_index);
            }
            "messageStop" => self.message_stop(&serde_json::from_slice(data)?, each),
            "metadata" => {
                if let Some(tokens) = serde_json::from_slice::<Metadata>(data)?.usage {
                    each(Event::Usage(tokens.usage()));
                }
            }
            _ if name.ends_with("Exception") => self.exception(name, data, each),
            _ => {}
        }
        Ok(())
    }

    /// The upstream's data has ended; tells the end of an answer that is whole.
    pub fn end(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        if self.stopped && !self.ended {
            each(Event::End);
        }
        self.ended = true;
    }

    fn block_start(&mut self, block: BlockStart<'_>, each: &mut dyn FnMut(Event<'_>)) {
        if let Some(tool) = block.start.and_then(|start| start.tool_use) {
            let call = self.calls.start(tool.tool_use_id, tool.name, each);
            self.open.push((block.content_block_index, call));
        }
    }

    fn block_delta(&mut self, block: BlockDelta<'_>, each: &mut dyn FnMut(Event<'_>)) {
        if let Some(Text(text)) = block.delta.text {
            content::text(text, each);
        }
        if let Some(Text(json)) = block.delta.tool_use.and_then(|tool| tool.input) {
            let index = block.content_block_index;
            // A fragment of no call has no meaning.
            if let Some((_, call)) = self.open.iter().find(|(open, _)| *open == index) {
                content::arguments(*call, json, each);
            }
        }
        let Some(reasoning) = block.delta.reasoning_content else { return };
        if let Some(Text(text)) = reasoning.text {
            content::thinking(text, each);
        }
        if let Some(Text(signature)) = reasoning.signature.filter(|text| !text.0.is_empty()) {
            each(Event::Signature { choice: 0, signature });
        }
        if let Some(Text(data)) = reasoning.redacted_content {
            each(Event::Redacted { choice: 0, data });
        }
    }

    fn message_stop(&mut self, stop: &MessageStop<'_>, each: &mut dyn FnMut(Event<'_>)) {
        self.stopped = true;
        let additional: Option<Additional<'_>> =
            stop.additional_model_response_fields.and_then(|fields| serde_json::from_str(fields.get()).ok());
        self.calls.finish(&stop.stop_reason, additional, each);
    }

    fn exception(&mut self, name: &str, data: &[u8], each: &mut dyn FnMut(Event<'_>)) {
        self.ended = true;
        each(failure(name, data));
    }
}

/// What an exception says: its type, and the message in its JSON.
#[must_use]
pub fn failure<'a>(name: &'a str, data: &'a [u8]) -> Event<'a> {
    let read: Option<Exception<'_>> = serde_json::from_slice(data).ok();
    let message = read
        .and_then(|exception| exception.message.or(exception.original_message))
        .map_or(Cow::Borrowed("the provider gave no message"), |text| text.0);
    Event::Error { kind: Cow::Borrowed(name), message }
}
