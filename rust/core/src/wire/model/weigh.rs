//! What a request will cost, estimated before anybody answers it: the same rule for every dialect.
//!
//! Invariant: the rule is that of [`crate::wire::openai::request::Scan::estimate_tokens`], which reads
//! `OpenAI`'s bodies without making a [`Chat`] of them.

use serde_json::value::RawValue;

use super::{Chat, Format, Media, Part, Tool};
use crate::json::Weight;
use crate::wire::openai::request::{IMAGE_TOKENS, MESSAGE_TOKENS, PRIMING_TOKENS};

impl Chat<'_> {
    /// Prompt tokens: four ASCII bytes or one other character each, the framing of turns and images added.
    #[must_use]
    pub fn estimate_tokens(&self) -> u64 {
        let mut load = Load::default();
        for turn in &self.turns {
            load.turns += 1;
            turn.parts.iter().for_each(|part| load.part(part));
        }
        self.tools.iter().for_each(|tool| load.tool(tool));
        if let Some(Format::Schema { schema, .. }) = &self.format {
            load.json(schema);
        }
        let text = (load.text.bytes - load.text.wide_bytes).div_ceil(4) + load.text.wide_chars;
        text + load.turns * MESSAGE_TOKENS + PRIMING_TOKENS + load.images * IMAGE_TOKENS
    }

    /// Most tokens that the whole answer may have; `None` without a maximum.
    #[must_use]
    pub fn output_ceiling_tokens(&self) -> Option<u64> {
        self.max_tokens.map(|tokens| tokens.saturating_mul(self.choices.unwrap_or(1).max(1)))
    }
}

#[derive(Default)]
struct Load {
    text: Weight,
    turns: u64,
    images: u64,
}

impl Load {
    fn text(&mut self, text: &str) {
        self.text.add(Weight::of(text));
    }

    fn json(&mut self, raw: &RawValue) {
        self.text(raw.get());
    }

    fn part(&mut self, part: &Part<'_>) {
        match part {
            Part::Text { text, .. } | Part::Thinking { text, .. } | Part::Refusal(text) => self.text(text),
            Part::Media(Media { mime, .. }) => self.images += u64::from(!mime.starts_with("audio/")),
            Part::ToolCall { name, arguments, .. } => {
                self.text(name);
                self.text(arguments);
            }
            Part::ToolResult { parts, .. } => parts.iter().for_each(|part| self.part(part)),
            Part::Redacted(_) => {}
        }
    }

    fn tool(&mut self, tool: &Tool<'_>) {
        self.text(&tool.name);
        self.text(tool.description.as_deref().unwrap_or_default());
        if let Some(parameters) = tool.parameters {
            self.json(parameters);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use crate::wire::model::{Chat, Media, Part, Role, Source, Turn};

    fn said(role: Role, parts: Vec<Part<'_>>) -> Turn<'_> {
        Turn { role, name: None, parts }
    }

    fn text(text: &str) -> Part<'_> {
        Part::Text { text: Cow::Borrowed(text), cached: None }
    }

    #[test]
    fn text_framing_and_images_are_added_up() {
        let image = Part::Media(Media {
            mime: Cow::Borrowed("image/png"),
            source: Source::Url(Cow::Borrowed("https://example.com/a.png")),
            detail: None,
            title: None,
            cached: None,
        });
        let chat = Chat {
            turns: vec![
                said(Role::System, vec![text("12345678")]),
                said(Role::User, vec![text("h\u{e9}"), image]),
            ],
            ..Chat::default()
        };
        // Nine ASCII bytes are three tokens, one other character is one; two turns, one answer, one image.
        assert_eq!(chat.estimate_tokens(), 3 + 1 + 2 * 4 + 3 + 765);
    }

    #[test]
    fn a_ceiling_is_for_all_choices() {
        let chat = Chat { max_tokens: Some(100), choices: Some(3), ..Chat::default() };
        assert_eq!(chat.output_ceiling_tokens(), Some(300));
        assert_eq!(Chat::default().output_ceiling_tokens(), None);
        let absurd = Chat { max_tokens: Some(u64::MAX), choices: Some(2), ..Chat::default() };
        assert_eq!(absurd.output_ceiling_tokens(), Some(u64::MAX));
    }
}
