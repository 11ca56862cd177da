//! One pass over a request body: what admission, routing, cache and billing need to know, nothing built.
//!
//! Invariant: a body that scans is valid JSON to its last byte, and names each field that we decide by only
//! once, so that no upstream can read another model or limit out of it than we did.
//! Source: platform.openai.com/docs/api-reference, chat/create, completions/create, embeddings/create.

mod reader;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::json::{Malformed, Text, Weight, push_string};
use reader::Reader;

/// Longest model name that is accepted, in bytes.
pub const MAX_MODEL_BYTES: usize = 256;

/// Highest `n`, as the provider has it.
pub const MAX_CHOICES: u64 = 128;

/// Tokens of one 1024 × 1024 image in high detail (platform.openai.com/docs/guides/images-vision).
pub(crate) const IMAGE_TOKENS: u64 = 765;
/// Tokens that frame one message: its role and delimiters (`OpenAI` cookbook, counting tokens with tiktoken).
pub(crate) const MESSAGE_TOKENS: u64 = 4;
/// Tokens that open the answer's own message; same source.
pub(crate) const PRIMING_TOKENS: u64 = 3;

/// The endpoints whose bodies can be scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/v1/chat/completions`
    Chat,
    /// `/v1/completions`
    Completions,
    /// `/v1/embeddings`
    Embeddings,
}

impl Endpoint {
    /// The field that carries the prompt.
    #[must_use]
    pub const fn prompt_field(self) -> &'static str {
        match self {
            Self::Chat => "messages",
            Self::Completions => "prompt",
            Self::Embeddings => "input",
        }
    }
}

/// Where [`rewrite`] puts what; offsets into the scanned body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// The model's string token, quotes included; an empty place where it is to be put in, 0 where there is
    /// none.
    pub model: Range<usize>,
    /// What turns `stream_options.include_usage` on; `None` when it is on.
    pub usage: Option<(Range<usize>, &'static str)>,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact of the request")]
pub struct Scan<'a> {
    /// The endpoint it was scanned for.
    pub endpoint: Endpoint,
    /// The model asked for; not empty, without control characters.
    pub model: Cow<'a, str>,
    /// Where the body can be changed.
    pub edits: Edits,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether the caller wants the usage chunk of a stream.
    pub include_usage: bool,
    /// Most tokens that one choice may have; `max_completion_tokens` wins over `max_tokens`.
    pub max_output_tokens: Option<u64>,
    /// Choices per prompt that are produced: `n`, or `best_of` where that is more.
    pub n: u64,
    /// Sampling temperature, when given.
    pub temperature: Option<f64>,
    /// Whether a seed is given.
    pub has_seed: bool,
    /// Whether tools (or the older functions) are offered.
    pub has_tools: bool,
    /// The end user, as the caller labels them.
    pub user: Option<Cow<'a, str>>,
    /// Messages of a chat, prompts of a completion, inputs of an embedding.
    pub items: u64,
    /// Images in the messages.
    pub images: u64,
    /// Tokens given as numbers instead of text.
    pub token_ids: u64,
    /// All text that the tokenizer will see: contents, prompts, inputs, tools, arguments, schemas.
    pub text: Weight,
}

impl Scan<'_> {
    /// Bytes of text that the tokenizer will see.
    #[must_use]
    pub const fn text_bytes(&self) -> u64 {
        self.text.bytes
    }

    /// Whether a message carries an image.
    #[must_use]
    pub const fn has_image(&self) -> bool {
        self.images > 0
    }

    /// Prompt tokens, estimated: four ASCII bytes or one other character each, framing and images added;
    /// numbers given as tokens are counted exactly.
    #[must_use]
    pub const fn estimate_tokens(&self) -> u64 {
        let text = (self.text.bytes - self.text.wide_bytes).div_ceil(4) + self.text.wide_chars;
        text + self.framing_tokens()
    }

    /// Prompt tokens that are not text: message framing, images, tokens given as numbers.
    #[must_use]
    pub const fn framing_tokens(&self) -> u64 {
        let frame = match self.endpoint {
            Endpoint::Chat => self.items * MESSAGE_TOKENS + PRIMING_TOKENS + self.images * IMAGE_TOKENS,
            Endpoint::Completions | Endpoint::Embeddings => 0,
        };
        frame + self.token_ids
    }

    /// Most tokens that the whole answer may have: every choice of every prompt; `None` without a maximum.
    #[must_use]
    pub const fn output_ceiling_tokens(&self) -> Option<u64> {
        let prompts = match self.endpoint {
            Endpoint::Completions => self.items,
            Endpoint::Chat | Endpoint::Embeddings => 1,
        };
        match self.max_output_tokens {
            Some(tokens) => Some(tokens.saturating_mul(self.n).saturating_mul(prompts)),
            None => None,
        }
    }

    /// Whether the same request may be answered from the cache: temperature at most 0.3, or a seed; and
    /// one choice. Embeddings have neither and always may.
    #[must_use]
    pub fn deterministic(&self) -> bool {
        let steady = self.has_seed || self.temperature.is_some_and(|value| value <= 0.3);
        self.endpoint == Endpoint::Embeddings || (steady && self.n <= 1)
    }
}

/// Why a body is refused: the provider's own error code, the field, and a sentence for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanError {
    /// `empty_body`, `invalid_json`, `missing_required_parameter`, `invalid_type`, `invalid_value` or
    /// `duplicate_parameter`.
    pub code: &'static str,
    /// The field, where there is one to blame.
    pub param: Option<&'static str>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl ScanError {
    pub(crate) fn empty() -> Self {
        let message = "The request body is empty; send a JSON object.".to_owned();
        Self { code: "empty_body", param: None, message }
    }

    pub(crate) fn missing(param: &'static str) -> Self {
        let message = format!("You must provide the `{param}` parameter.");
        Self { code: "missing_required_parameter", param: Some(param), message }
    }

    pub(crate) fn kind(param: &'static str, wanted: &str, found: &str) -> Self {
        let message = format!("`{param}` must be {wanted}, not {found}.");
        Self { code: "invalid_type", param: Some(param), message }
    }

    pub(crate) fn value(param: &'static str, rule: &str) -> Self {
        Self { code: "invalid_value", param: Some(param), message: format!("`{param}` must {rule}.") }
    }

    pub(crate) fn duplicate(param: &'static str) -> Self {
        let message = format!("`{param}` is given more than once; send it once.");
        Self { code: "duplicate_parameter", param: Some(param), message }
    }
}

impl From<Malformed> for ScanError {
    fn from(malformed: Malformed) -> Self {
        let message = format!("The request body is not valid JSON: {malformed}.");
        Self { code: "invalid_json", param: None, message }
    }
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ScanError {}

/// Reads a request body.
///
/// # Errors
/// When it is not JSON, or a field that we decide by is missing, doubled, of the wrong type or out of range.
pub fn scan(body: &[u8], endpoint: Endpoint) -> Result<Scan<'_>, ScanError> {
    scan_for(body, endpoint, None)
}

/// Reads a request body; `model` is the one that the path names, which wins over the body's.
///
/// # Errors
/// As [`scan`].
pub fn scan_for<'a>(
    body: &'a [u8],
    endpoint: Endpoint,
    model: Option<&'a str>,
) -> Result<Scan<'a>, ScanError> {
    Reader::new(body, endpoint, |_: &str, _: &Text| {})?.read(model)
}

/// A name that can be echoed in headers and log lines.
pub(crate) fn check_model(model: &str) -> Result<(), ScanError> {
    if model.is_empty() || model.len() > MAX_MODEL_BYTES {
        return Err(ScanError::value("model", "have between 1 and 256 bytes"));
    }
    if model.chars().any(char::is_control) {
        return Err(ScanError::value("model", "have no control characters"));
    }
    Ok(())
}

/// Hands out the text that counts as prompt tokens, unescaped, in pieces whose joints are arbitrary; `None`
/// stands between two texts that the tokenizer sees apart. Gives the prompt tokens that are not text.
///
/// # Errors
/// As [`scan`]; pieces that were handed out before then stand.
pub fn prompt_text(
    body: &[u8],
    endpoint: Endpoint,
    mut each: impl FnMut(Option<&str>),
) -> Result<u64, ScanError> {
    let sink = |body: &str, text: &Text| {
        text.pieces(body, |piece| each(Some(piece)));
        each(None);
    };
    Reader::new(body, endpoint, sink)?.read(Some("model")).map(|scan| scan.framing_tokens())
}

/// The body with another model and, if asked, with the usage chunk turned on; every other byte is kept.
///
/// `edits` are those of this very body.
#[must_use]
pub fn rewrite(body: &[u8], edits: &Edits, model: Option<&str>, ask_usage: bool) -> Vec<u8> {
    let mut name = Vec::new();
    let mut steps: Vec<(&Range<usize>, &[u8])> = Vec::with_capacity(2);
    if let Some(model) = model.filter(|_| edits.model.end > 0) {
        let absent = edits.model.is_empty();
        name.extend_from_slice(if absent { b"\"model\":" } else { b"" });
        push_string(&mut name, model);
        name.extend_from_slice(if absent { b"," } else { b"" });
        steps.push((&edits.model, &name));
    }
    if let Some((range, text)) = edits.usage.as_ref().filter(|_| ask_usage) {
        steps.push((range, text.as_bytes()));
    }
    // An insertion starts where the model ends, so starts alone give the order.
    steps.sort_by_key(|(range, _)| range.start);
    let mut out = Vec::with_capacity(body.len() + name.len() + 48);
    let mut kept = 0;
    for (range, text) in steps {
        out.extend_from_slice(&body[kept..range.start]);
        out.extend_from_slice(text);
        kept = range.end;
    }
    out.extend_from_slice(&body[kept..]);
    out
}
