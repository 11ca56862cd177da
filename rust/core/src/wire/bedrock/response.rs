//! Whole answers of Converse, read.
//!
//! Invariant: blocks are told in their order, and blocks that nobody knows are passed over.
//! Source: docs.aws.amazon.com/bedrock/latest/APIReference, Converse, response syntax.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::content::{self, Additional, Calls, Tokens};
use super::{Text, error};
pub use crate::wire::malformed::Malformed;
use crate::wire::model::Event;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(borrow)]
    output: Option<Output<'a>>,
    #[serde(borrow)]
    stop_reason: Option<Text<'a>>,
    usage: Option<Tokens>,
    #[serde(borrow)]
    additional_model_response_fields: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Vec<Block<'a>>,
}

/// One of the members is there; none is in a block of a kind that is not known.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    tool_use: Option<ToolUse<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Reasoning<'a>>,
}

#[derive(Deserialize)]
struct ToolUse<'a> {
    #[serde(borrow, rename = "toolUseId")]
    id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reasoning<'a> {
    #[serde(borrow)]
    reasoning_text: Option<Signed<'a>>,
    #[serde(borrow)]
    redacted_content: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Signed<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
}

/// Reads a whole answer.
///
/// # Errors
/// When it is no JSON object, or is neither an answer nor an error.
pub fn decode(body: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
    let answer: Answer<'_> = serde_json::from_slice(body)?;
    let Some(message) = answer.output.and_then(|output| output.message) else {
        let missing = Malformed { line: 1, column: 0, reason: "there is neither a message nor an error" };
        let error = error::decode(body).ok_or(missing)?;
        content::start(each);
        let kind = error.kind.map_or(Cow::Borrowed("upstream_error"), Cow::Owned);
        each(Event::Error { kind, message: Cow::Owned(error.message) });
        return Ok(());
    };
    content::start(each);
    let mut calls = Calls::default();
    for block in message.content {
        self::block(block, &mut calls, each);
    }
    // What a model adds has any shape, and matters only where it is known.
    let additional: Option<Additional<'_>> =
        answer.additional_model_response_fields.and_then(|fields| serde_json::from_str(fields.get()).ok());
    let ended = answer.stop_reason.is_some();
    calls.finish(answer.stop_reason.as_ref().map_or("", |reason| &reason.0), additional, each);
    if let Some(tokens) = answer.usage {
        each(Event::Usage(tokens.usage()));
    }
    if ended {
        each(Event::End);
    }
    Ok(())
}

fn block(block: Block<'_>, calls: &mut Calls, each: &mut dyn FnMut(Event<'_>)) {
    if let Some(Text(text)) = block.text {
        content::text(text, each);
    }
    if let Some(tool) = block.tool_use {
        let call = calls.start(tool.id, tool.name, each);
        let json = tool.input.map_or("", RawValue::get);
        content::arguments(call, Cow::Borrowed(json), each);
    }
    let Some(reasoning) = block.reasoning_content else { return };
    if let Some(signed) = reasoning.reasoning_text {
        if let Some(Text(text)) = signed.text {
            content::thinking(text, each);
        }
        if let Some(Text(signature)) = signed.signature.filter(|text| !text.0.is_empty()) {
            each(Event::Signature { choice: 0, signature });
        }
    }
    if let Some(Text(data)) = reasoning.redacted_content {
        each(Event::Redacted { choice: 0, data });
    }
}
