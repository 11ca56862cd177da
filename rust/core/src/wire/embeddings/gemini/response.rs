//! Answers: one embedding, or one for each request of a batch, in the batch's order.
//!
//! Invariant: usage is written where it is known, and only there: older answers have none.

use serde::Deserialize;

use super::super::{Answer, Format, Vector, push_list};
use crate::json::push_u64;
use crate::wire::malformed::Malformed;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Single<'a> {
    #[serde(borrow)]
    embedding: Values<'a>,
    usage_metadata: Option<Counted>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch<'a> {
    #[serde(borrow)]
    embeddings: Vec<Values<'a>>,
    usage_metadata: Option<Counted>,
}

#[derive(Deserialize)]
struct Values<'a> {
    #[serde(borrow)]
    values: Vector<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    prompt_token_count: Option<u64>,
}

/// Reads the answer for one input.
pub fn read_single(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let read: Single<'_> = serde_json::from_slice(body)?;
    Ok(answer(vec![read.embedding], read.usage_metadata))
}

/// Reads the answer for a batch.
pub fn read_batch(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let read: Batch<'_> = serde_json::from_slice(body)?;
    Ok(answer(read.embeddings, read.usage_metadata))
}

fn answer(embeddings: Vec<Values<'_>>, usage: Option<Counted>) -> Answer<'_> {
    Answer {
        vectors: embeddings.into_iter().map(|embedding| embedding.values).collect(),
        prompt_tokens: usage.and_then(|usage| usage.prompt_token_count),
        ..Answer::default()
    }
}

/// Writes the answer for one input: the first vector.
pub fn write_single(answer: &Answer<'_>) -> Vec<u8> {
    let mut out = b"{\"embedding\":".to_vec();
    push_values(answer.vectors.first().unwrap_or(&Vector::Numbers("[]")), &mut out);
    finish(answer, out)
}

/// Writes the answer for a batch.
pub fn write_batch(answer: &Answer<'_>) -> Vec<u8> {
    let mut out = b"{\"embeddings\":".to_vec();
    push_list(&answer.vectors, &mut out, push_values);
    finish(answer, out)
}

fn push_values(vector: &Vector<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"values\":");
    vector.push(Format::Float, out);
    out.push(b'}');
}

fn finish(answer: &Answer<'_>, mut out: Vec<u8>) -> Vec<u8> {
    if let Some(tokens) = answer.prompt_tokens {
        out.extend_from_slice(b",\"usageMetadata\":{\"promptTokenCount\":");
        push_u64(&mut out, tokens);
        out.push(b'}');
    }
    out.push(b'}');
    out
}
