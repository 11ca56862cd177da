//! An answer with vectors, in the words of no dialect.
//!
//! Invariant: a vector that came as numbers leaves as the same digits where numbers are asked for, and one
//! that came as base64 leaves as the same bits where base64 is; every vector that was read is finite.
//! Source: platform.openai.com/docs/api-reference/embeddings/object, `embedding` as base64.

use std::borrow::Cow;
use std::io::Write;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::value::RawValue;

use super::Format;
use crate::json::{self, Cursor};
use crate::usage::Usage;
use crate::wire::base64;

/// Vectors, in the order of the request's inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer<'a> {
    /// The model that answered; empty where the dialect does not tell.
    pub model: Cow<'a, str>,
    /// The vectors.
    pub vectors: Vec<Vector<'a>>,
    /// Tokens of all inputs, as the provider counted them.
    pub prompt_tokens: Option<u64>,
    /// Nanoseconds that the answer took, where the provider tells or the caller of this code knows.
    pub total_duration_ns: Option<u64>,
    /// Nanoseconds of it that loading the model took.
    pub load_duration_ns: Option<u64>,
}

/// One vector.
#[derive(Clone, Debug, PartialEq)]
pub enum Vector<'a> {
    /// A JSON array of numbers, as it came.
    Numbers(&'a str),
    /// Its numbers, all finite.
    Floats(Vec<f32>),
}

impl Answer<'_> {
    /// The usage to bill, where the provider counted.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        self.prompt_tokens.map(|tokens| Usage { prompt: tokens, total: tokens, ..Usage::default() })
    }
}

impl Vector<'_> {
    /// Its numbers; one beyond the range of 32 bits becomes the last within.
    #[must_use]
    pub fn floats(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Floats(floats) => Cow::Borrowed(floats),
            Self::Numbers(array) => {
                let inner = array.trim_start_matches('[').trim_end_matches(']');
                let numbers = inner.split(',').filter_map(|number| number.trim().parse::<f32>().ok());
                Cow::Owned(numbers.map(|number| number.clamp(f32::MIN, f32::MAX)).collect())
            }
        }
    }

    /// Appends it in `format`.
    pub(super) fn push(&self, format: Format, out: &mut Vec<u8>) {
        match (format, self) {
            (Format::Base64, _) => {
                let bytes: Vec<u8> = self.floats().iter().flat_map(|float| float.to_le_bytes()).collect();
                out.push(b'"');
                out.extend_from_slice(base64::encode(&bytes).as_bytes());
                out.push(b'"');
            }
            // White space can only stand between the numbers.
            (Format::Float, Self::Numbers(array)) => {
                out.extend(array.bytes().filter(|byte| !byte.is_ascii_whitespace()));
            }
            (Format::Float, Self::Floats(floats)) => push_floats(floats, out),
        }
    }
}

/// Appends floats, each as the shortest text that reads back as the same.
fn push_floats(floats: &[f32], out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, &float) in floats.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        // Debug is the shortest text that reads back; writing to a vector cannot fail.
        let _ = write!(out, "{float:?}");
    }
    out.push(b']');
}

impl<'de: 'a, 'a> Deserialize<'de> for Vector<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let vector = if raw.starts_with('"') { unpack(raw) } else { numbers(raw).ok() };
        vector.ok_or_else(|| D::Error::custom("a vector is an array of numbers, or base64 of finite floats"))
    }
}

fn numbers(raw: &str) -> Result<Vector<'_>, json::Malformed> {
    let mut cursor = Cursor::new(raw.as_bytes())?;
    cursor.open(b'[')?;
    let mut first = true;
    while cursor.item(&mut first)? {
        cursor.offset();
        cursor.number()?;
    }
    Ok(Vector::Numbers(raw))
}

fn unpack(raw: &str) -> Option<Vector<'static>> {
    let text: Cow<'_, str> = serde_json::from_str(raw).ok()?;
    let bytes = base64::decode(&text)?;
    let (floats, rest) = bytes.as_chunks::<4>();
    let floats: Vec<f32> = floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    (rest.is_empty() && floats.iter().all(|float| float.is_finite())).then_some(Vector::Floats(floats))
}
