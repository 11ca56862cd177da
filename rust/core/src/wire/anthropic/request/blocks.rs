//! Content blocks of a caller's request, read as parts.
//!
//! Invariant: a block that no other dialect has a place for is named, not refused; a known block that lacks
//! what it is made of is refused. Source: docs.anthropic.com/en/api/messages, `messages.content`.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::media;
use crate::wire::anthropic::words::Text;
use crate::wire::model::{Part, Refused, Role};

/// A string, or a list of blocks; results of tools that the provider runs have objects here.
pub(super) enum Content<'a> {
    Text(Cow<'a, str>),
    Blocks(Vec<Block<'a>>),
    Other,
}

/// A content block of any type.
#[derive(Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) source: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_use_id: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<Content<'a>>,
    is_error: Option<bool>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) title: Option<Text<'a>>,
    context: Option<IgnoredAny>,
    citations: Option<IgnoredAny>,
    #[serde(borrow)]
    pub(super) cache_control: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of content blocks")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Content::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Content::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut blocks = Vec::new();
        while let Some(block) = list.next_element()? {
            blocks.push(block);
        }
        Ok(Content::Blocks(blocks))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Content::Other)
    }
}

/// What is wrong with a block, and where in the message.
pub(super) struct Fault {
    path: String,
    message: String,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { path: String::new(), message: message.into() }
    }

    fn inside(mut self, at: usize) -> Self {
        self.path = format!(".content.{at}{}", self.path);
        self
    }

    /// The refusal, for a message whose path is known.
    pub(super) fn at(self, param: &str) -> Refused {
        let param = format!("{param}{}", self.path);
        Refused { code: "invalid_value", message: format!("`{param}`: {}", self.message), param: Some(param) }
    }
}

/// Names, once, what has no place in the canonical form.
pub(super) fn note(unknown: &mut Vec<Cow<'_, str>>, name: String) {
    if !unknown.iter().any(|known| *known == name) {
        unknown.push(Cow::Owned(name));
    }
}

/// The instructions.
pub(super) fn system<'a>(
    content: Content<'a>,
    unknown: &mut Vec<Cow<'a, str>>,
) -> Result<Vec<Part<'a>>, Fault> {
    parts(content, Role::System, unknown)
}

/// What a turn of `role` says.
pub(super) fn parts<'a>(
    content: Content<'a>,
    role: Role,
    unknown: &mut Vec<Cow<'a, str>>,
) -> Result<Vec<Part<'a>>, Fault> {
    let blocks = match content {
        Content::Text(text) => return Ok(vec![Part::Text { text, cached: None }]),
        Content::Blocks(blocks) => blocks,
        Content::Other => return Err(Fault::new("Content is a string or a list of content blocks.")),
    };
    let mut parts = Vec::with_capacity(blocks.len());
    for (at, block) in blocks.into_iter().enumerate() {
        match (&*block.kind.0, role) {
            ("tool_result", Role::User) => result(block, &mut parts, unknown),
            ("tool_use", Role::Assistant) => call(block, &mut parts, unknown),
            ("tool_result", _) => Err(Fault::new("A `tool_result` stands in a turn of the user.")),
            ("tool_use", _) => Err(Fault::new("A `tool_use` stands in a turn of the assistant.")),
            _ => plain(block, &mut parts, unknown),
        }
        .map_err(|fault| fault.inside(at))?;
    }
    Ok(parts)
}

/// A block that may stand in a tool's result, too.
pub(super) fn plain<'a>(
    block: Block<'a>,
    parts: &mut Vec<Part<'a>>,
    unknown: &mut Vec<Cow<'a, str>>,
) -> Result<(), Fault> {
    for (there, name) in [(block.context.is_some(), "context"), (block.citations.is_some(), "citations")] {
        if there {
            note(unknown, name.to_owned());
        }
    }
    match &*block.kind.0 {
        "text" => {
            let Text(text) = block.text.ok_or_else(|| Fault::new("A text block needs `text`."))?;
            parts.push(Part::Text { text, cached: block.cache_control });
        }
        "image" | "document" => return media::read(block, parts, unknown),
        "thinking" => {
            let Text(text) =
                block.thinking.ok_or_else(|| Fault::new("A thinking block needs `thinking`."))?;
            let signature = block.signature.map(|signature| signature.0).filter(|text| !text.is_empty());
            parts.push(Part::Thinking { text, signature });
        }
        "redacted_thinking" => {
            let data = block.data.ok_or_else(|| Fault::new("A redacted_thinking block needs `data`."))?;
            parts.push(Part::Redacted(data.0));
        }
        "tool_use" | "tool_result" => {
            return Err(Fault::new("A tool's result holds text, images and documents."));
        }
        other => note(unknown, format!("content.{other}")),
    }
    Ok(())
}

fn call<'a>(
    block: Block<'a>,
    parts: &mut Vec<Part<'a>>,
    unknown: &mut Vec<Cow<'a, str>>,
) -> Result<(), Fault> {
    if block.cache_control.is_some() {
        note(unknown, "cache_control".to_owned());
    }
    let (Some(Text(id)), Some(Text(name))) = (block.id, block.name) else {
        return Err(Fault::new("A tool_use block needs `id`, `name` and `input`."));
    };
    let arguments = block.input.map_or("{}", RawValue::get);
    if !arguments.starts_with('{') {
        return Err(Fault::new("The `input` of a tool_use block is an object."));
    }
    parts.push(Part::ToolCall { id, name, arguments: Cow::Borrowed(arguments), signature: None });
    Ok(())
}

fn result<'a>(
    block: Block<'a>,
    parts: &mut Vec<Part<'a>>,
    unknown: &mut Vec<Cow<'a, str>>,
) -> Result<(), Fault> {
    let Some(Text(id)) = block.tool_use_id else {
        return Err(Fault::new("A tool_result block needs `tool_use_id`."));
    };
    let mut inner = Vec::new();
    match block.content {
        None => {}
        Some(Content::Text(text)) => inner.push(Part::Text { text, cached: None }),
        Some(Content::Blocks(blocks)) => {
            for (at, block) in blocks.into_iter().enumerate() {
                plain(block, &mut inner, unknown).map_err(|fault| fault.inside(at))?;
            }
        }
        Some(Content::Other) => return Err(Fault::new("Content is a string or a list of content blocks.")),
    }
    let failed = block.is_error.unwrap_or(false);
    parts.push(Part::ToolResult { id, name: None, parts: inner, failed, cached: block.cache_control });
    Ok(())
}
