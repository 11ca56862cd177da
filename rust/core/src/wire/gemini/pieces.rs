//! What both forms of an answer are written of: calls, tokens, reasons.
//!
//! Invariant: nothing written here holds a line feed or a carriage return outside of a string's escapes.

use super::lenient::{compact, is_object};
use crate::json::{push_string, push_u64};
use crate::usage::Usage;
use crate::wire::model::Finish;

/// A tool call that is being gathered: Gemini has calls only whole.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) choice: u32,
    pub(super) number: u32,
    id: String,
    name: String,
    signature: Option<String>,
    arguments: String,
}

impl Call {
    pub(super) fn new(at: (u32, u32), id: &str, name: &str, signature: Option<&str>) -> Self {
        Self {
            choice: at.0,
            number: at.1,
            id: id.to_owned(),
            name: name.to_owned(),
            signature: signature.map(str::to_owned),
            arguments: String::new(),
        }
    }

    pub(super) fn extend(&mut self, json: &str) {
        self.arguments.push_str(json);
    }

    /// Whether no argument can follow.
    pub(super) fn is_whole(&self) -> bool {
        self.arguments.trim_ascii_end().ends_with('}') && is_object(&self.arguments)
    }

    /// Appends the part; false, and nothing, when the arguments are not one object.
    pub(super) fn push(&self, out: &mut Vec<u8>) -> bool {
        let arguments = if self.arguments.trim_ascii().is_empty() { "{}" } else { &self.arguments };
        if !is_object(arguments) {
            return false;
        }
        out.extend_from_slice(b"{\"functionCall\":{");
        if !self.id.is_empty() {
            out.extend_from_slice(b"\"id\":");
            push_string(out, &self.id);
            out.push(b',');
        }
        out.extend_from_slice(b"\"name\":");
        push_string(out, &self.name);
        out.extend_from_slice(b",\"args\":");
        out.extend_from_slice(compact(arguments).as_bytes());
        out.push(b'}');
        push_signature(out, self.signature.as_deref());
        out.push(b'}');
        true
    }
}

/// Appends a text part, of the answer or of thoughts.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str, thought: bool, signature: Option<&str>) {
    out.extend_from_slice(b"{\"text\":");
    push_string(out, text);
    if thought {
        out.extend_from_slice(b",\"thought\":true");
    }
    push_signature(out, signature);
    out.push(b'}');
}

/// Appends the member, with its comma, where there is a signature.
pub(super) fn push_signature(out: &mut Vec<u8>, signature: Option<&str>) {
    if let Some(signature) = signature {
        out.extend_from_slice(b",\"thoughtSignature\":");
        push_string(out, signature);
    }
}

/// Appends `usageMetadata` with a comma before it. Google's counts of candidates leave thoughts out.
pub(super) fn push_usage(out: &mut Vec<u8>, usage: &Usage) {
    out.extend_from_slice(b",\"usageMetadata\":{\"promptTokenCount\":");
    push_u64(out, usage.prompt);
    if usage.cached > 0 {
        out.extend_from_slice(b",\"cachedContentTokenCount\":");
        push_u64(out, usage.cached);
    }
    out.extend_from_slice(b",\"candidatesTokenCount\":");
    push_u64(out, usage.completion.saturating_sub(usage.reasoning));
    if usage.reasoning > 0 {
        out.extend_from_slice(b",\"thoughtsTokenCount\":");
        push_u64(out, usage.reasoning);
    }
    out.extend_from_slice(b",\"totalTokenCount\":");
    push_u64(out, usage.total);
    out.push(b'}');
}

/// Appends `modelVersion` and `responseId` where they are known, each with a comma before it.
pub(super) fn push_names(out: &mut Vec<u8>, model: &str, id: &str) {
    for (name, value) in [(&b",\"modelVersion\":"[..], model), (b",\"responseId\":", id)] {
        if !value.is_empty() {
            out.extend_from_slice(name);
            push_string(out, value);
        }
    }
}

/// The reason's name; a call whose arguments are no object has one of its own, unless it was cut for length.
pub(super) const fn finish_name(reason: Finish, broken_call: bool) -> &'static str {
    match reason {
        Finish::Length => "MAX_TOKENS",
        Finish::Filtered | Finish::Refused => "SAFETY",
        Finish::Stop | Finish::Tools if broken_call => "MALFORMED_FUNCTION_CALL",
        Finish::Stop | Finish::Tools => "STOP",
        Finish::Paused | Finish::Other => "OTHER",
    }
}

/// What a reason means.
pub(super) fn finish_of(name: &str) -> Finish {
    match name {
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Finish::Filtered,
        _ => Finish::Other,
    }
}
