//! Cohere's embeddings on Bedrock, by `InvokeModel`: texts for one purpose a call.
//!
//! Invariant: floats are asked for by name, and read in both shapes that the models give them in.
//! Source: docs.aws.amazon.com/bedrock/latest/userguide, model-parameters-embed-v3.html and -v4.html. The count
//! of tokens is not in the body: it is in the header x-amzn-bedrock-input-token-count.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::form::unsupported;
use super::{Answer, Embed, Task, Vector, push_list};
use crate::json::{push_string, push_u64};
use crate::wire::malformed::Malformed;
use crate::wire::model::{Dropped, Refused};

/// What texts are when nobody says what they are for.
const DOCUMENT: &str = "search_document";

/// Writes a request; the model stands in the path.
pub(super) fn encode(embed: &Embed<'_>, model: &str, dropped: &mut Dropped) -> Result<Vec<u8>, Refused> {
    let third = model.contains("-v3");
    if third {
        embed.fixed_size(if model.contains("-light-") { 384 } else { 1_024 })?;
    }
    let purpose = purpose(embed)?;
    embed.leave_out(&["dimensions", "truncate", "taskType"], false, dropped);
    if embed.inputs.iter().any(|input| input.task.is_some_and(|task| task.cohere().is_none())) {
        dropped.note("taskType");
    }
    let mut out = b"{\"texts\":".to_vec();
    push_list(&embed.texts()?, &mut out, |text, out| push_string(out, text));
    out.extend_from_slice(b",\"input_type\":");
    push_string(&mut out, purpose);
    out.extend_from_slice(b",\"embedding_types\":[\"float\"]");
    if let Some(dimensions) = embed.dimensions.filter(|_| !third) {
        out.extend_from_slice(b",\"output_dimension\":");
        push_u64(&mut out, dimensions);
    }
    if let Some(truncate) = embed.truncate {
        let end = if third { "END" } else { "RIGHT" };
        out.extend_from_slice(b",\"truncate\":");
        push_string(&mut out, if truncate { end } else { "NONE" });
    }
    out.push(b'}');
    Ok(out)
}

/// What the vectors are for, in Cohere's words; there is one a call.
fn purpose(embed: &Embed<'_>) -> Result<&'static str, Refused> {
    let word = |task: Option<Task>| task.and_then(Task::cohere).unwrap_or(DOCUMENT);
    let mut purposes = embed.inputs.iter().map(|input| word(input.task));
    let first = purposes.next().unwrap_or(DOCUMENT);
    if purposes.all(|other| other == first) {
        return Ok(first);
    }
    let message = "`taskType` must be the same for all inputs: this model's provider (Cohere) takes one a \
                   call. Send one request per task.";
    Err(unsupported("taskType", message))
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    embeddings: &'a RawValue,
}

#[derive(Deserialize)]
struct ByType<'a> {
    #[serde(borrow)]
    float: Vec<Vector<'a>>,
}

/// Reads an answer.
pub(super) fn read(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let read: Body<'_> = serde_json::from_slice(body)?;
    let embeddings = read.embeddings.get();
    let vectors = if embeddings.starts_with('{') {
        serde_json::from_str::<ByType<'_>>(embeddings)?.float
    } else {
        serde_json::from_str(embeddings)?
    };
    Ok(Answer { vectors, ..Answer::default() })
}
