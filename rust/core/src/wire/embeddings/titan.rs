//! Amazon's Titan text embeddings on Bedrock, by `InvokeModel`: one text a call.
//!
//! Invariant: the first generation is asked for nothing but the text, as it knows nothing else.
//! Source: docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html.

use serde::Deserialize;

use super::form::unsupported;
use super::{Answer, Embed, Vector};
use crate::json::{push_string, push_u64};
use crate::wire::malformed::Malformed;
use crate::wire::model::{Dropped, Refused};

const FIRST_GENERATION: [&str; 2] = ["titan-embed-text-v1", "titan-embed-g1-text"];
const FIRST_GENERATION_SIZE: u64 = 1_536;

/// Writes a request; the model stands in the path.
pub(super) fn encode(embed: &Embed<'_>, model: &str, dropped: &mut Dropped) -> Result<Vec<u8>, Refused> {
    embed.leave_out(&["dimensions"], true, dropped);
    let texts = embed.texts()?;
    let [text] = texts.as_slice() else {
        let message = "`input` must be one text: this model's provider (Amazon Titan) takes one a call. \
                       Send one input per request.";
        return Err(unsupported("input", message));
    };
    let first = FIRST_GENERATION.iter().any(|name| model.contains(name));
    if first {
        embed.fixed_size(FIRST_GENERATION_SIZE)?;
    }
    let mut out = b"{\"inputText\":".to_vec();
    push_string(&mut out, text);
    if let Some(dimensions) = embed.dimensions.filter(|_| !first) {
        out.extend_from_slice(b",\"dimensions\":");
        push_u64(&mut out, dimensions);
    }
    out.push(b'}');
    Ok(out)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow)]
    embedding: Vector<'a>,
    input_text_token_count: Option<u64>,
}

/// Reads an answer.
pub(super) fn read(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let read: Body<'_> = serde_json::from_slice(body)?;
    Ok(Answer {
        vectors: vec![read.embedding],
        prompt_tokens: read.input_text_token_count,
        ..Answer::default()
    })
}
