//! Tool calls and signed thoughts, written the same in requests, answers and streams.
//!
//! Invariant: each function adds one item to a list whose brackets are the caller's.
//! Source: platform.openai.com/docs/api-reference/chat/object, `tool_calls`; docs.litellm.ai, reasoning content,
//! for `thinking_blocks`, the form in which gateways hand signatures through this dialect.

use super::members::Members;

/// A tool call.
pub(super) struct Call<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub arguments: &'a str,
    /// Google's mark.
    pub signature: Option<&'a str>,
}

/// Adds a call; streams give its index.
pub(super) fn push_call(list: &mut Vec<u8>, index: Option<u32>, call: &Call<'_>) {
    let mut item = Members::open(separated(list));
    if let Some(index) = index {
        item.count("index", u64::from(index));
    }
    item.text("id", call.id);
    item.text("type", "function");
    let mut function = Members::open(item.key("function"));
    function.text("name", call.name);
    function.text("arguments", call.arguments);
    function.close();
    if let Some(signature) = call.signature {
        let mut extra = Members::open(item.key("extra_content"));
        let mut google = Members::open(extra.key("google"));
        google.text("thought_signature", signature);
        google.close();
        extra.close();
    }
    item.close();
}

/// Adds thoughts with their signature.
pub(super) fn push_thinking(list: &mut Vec<u8>, thinking: &str, signature: Option<&str>) {
    let mut block = Members::open(separated(list));
    block.text("type", "thinking");
    block.text("thinking", thinking);
    if let Some(signature) = signature {
        block.text("signature", signature);
    }
    block.close();
}

/// Adds thoughts that only the provider can read.
pub(super) fn push_redacted(list: &mut Vec<u8>, data: &str) {
    let mut block = Members::open(separated(list));
    block.text("type", "redacted_thinking");
    block.text("data", data);
    block.close();
}

/// Writes a list of items that stand ready, with their commas.
pub(super) fn push_list(out: &mut Vec<u8>, items: &[u8]) {
    out.push(b'[');
    out.extend_from_slice(items);
    out.push(b']');
}

fn separated(list: &mut Vec<u8>) -> &mut Vec<u8> {
    if !list.is_empty() {
        list.push(b',');
    }
    list
}
