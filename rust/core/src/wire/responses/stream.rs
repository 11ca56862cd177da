//! Streams: a provider's events read into ours, ours written as typed events, and facts of a stream that passes
//! as it is.
//!
//! Invariant: an event's data gives the same events wherever the stream was cut; `End` is told for
//! `response.completed` and `response.incomplete`, and for nothing else.
//! Source: platform.openai.com/docs/api-reference/responses-streaming.

mod encoder;
mod items;

pub use encoder::Encoder;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::response::{Answer, Item, Malformed, Run, item, tell_error, tell_usage};
use crate::wire::model::Event;
use crate::wire::openai_chat::content::Text;

/// An event of any type. What differs between types is read when the type is known.
#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    r#type: Text<'a>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    output_index: Option<u64>,
    summary_index: Option<u64>,
    content_index: Option<u64>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    logprobs: Option<&'a RawValue>,
}

impl<'a> Shape<'a> {
    fn index(&self) -> u64 {
        self.output_index.unwrap_or(0)
    }

    fn delta(&self) -> Result<Text<'a>, Malformed> {
        Ok(serde_json::from_str(self.delta.map_or("\"\"", RawValue::get))?)
    }

    fn item(&self) -> Result<Option<Item<'a>>, Malformed> {
        self.item.map_or(Ok(None), item)
    }

    fn answer(&self) -> Result<Answer<'a>, Malformed> {
        Ok(serde_json::from_str(self.response.map_or("{}", RawValue::get))?)
    }
}

/// Reads the events of one stream.
#[derive(Debug, Default)]
pub struct Decoder {
    run: Run,
    ended: bool,
}

impl Decoder {
    /// Takes the data of one server-sent event.
    ///
    /// # Errors
    /// When it is not an event, or one that we know and cannot read.
    pub fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
        let data = data.trim_ascii();
        // There is no `[DONE]` in this dialect; proxies add one.
        if self.ended || data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        let shape: Shape<'_> = match serde_json::from_slice(data) {
            Ok(shape) => shape,
            // An error as it would stand in a body, where a proxy failed.
            Err(error) => {
                let told = serde_json::from_slice::<Answer<'_>>(data);
                let failed = told.is_ok_and(|answer| tell_error(data, &answer, each));
                self.ended = failed;
                return if failed { Ok(()) } else { Err(error.into()) };
            }
        };
        self.shape(&shape, data, each)
    }

    /// Takes note that the upstream's data has ended.
    pub fn end(&mut self, _: &mut dyn FnMut(Event<'_>)) {
        self.ended = true;
    }

    fn shape(
        &mut self,
        shape: &Shape<'_>,
        data: &[u8],
        each: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        match &*shape.r#type.0 {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.run.begin(&shape.answer()?, each);
            }
            "response.completed" | "response.incomplete" => {
                let answer = shape.answer()?;
                self.run.begin(&answer, each);
                self.run.finish(&answer, each)?;
                self.ended = true;
            }
            "response.failed" => {
                let answer = shape.answer()?;
                self.run.begin(&answer, each);
                tell_usage(&answer, each);
                self.fail(shape.response.map_or(data, |raw| raw.get().as_bytes()), each);
            }
            "error" => self.fail(data, each),
            kind => {
                self.run.begin_unnamed(each);
                return self.piece(kind, shape, each);
            }
        }
        Ok(())
    }

    /// Takes a piece of an output item; types that no other dialect has are passed over.
    fn piece(
        &mut self,
        kind: &str,
        shape: &Shape<'_>,
        each: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        let (run, index) = (&mut self.run, shape.index());
        match kind {
            "response.output_item.added" => match shape.item()? {
                Some(item) => run.call(index, &item, each),
                None => each(Event::Foreign),
            },
            "response.output_item.done" => {
                if let Some(item) = shape.item()? {
                    run.settle(index, &item, each);
                }
            }
            "response.output_text.delta" => {
                run.text(index, &shape.delta()?.0, each);
                run.measure(index, shape.logprobs, each);
            }
            "response.refusal.delta" => run.refuse(index, &shape.delta()?.0, each),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                let part = shape.summary_index.or(shape.content_index).unwrap_or(0);
                run.think(index, part, &shape.delta()?.0, each);
            }
            "response.function_call_arguments.delta" => run.argue(index, &shape.delta()?.0, each),
            _ => {}
        }
        Ok(())
    }

    fn fail(&mut self, document: &[u8], each: &mut dyn FnMut(Event<'_>)) {
        let (kind, message) = super::error::told(document);
        self.ended = true;
        each(Event::Error { kind: kind.into(), message: message.into() });
    }
}
