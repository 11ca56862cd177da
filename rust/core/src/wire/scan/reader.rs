//! The pass itself.
//!
//! Invariant: each method consumes exactly one value, so whatever is not read is still validated.

use std::borrow::Cow;
use std::ops::Range;

use super::Facts;
use super::fields::{Field, inner, is_image, is_no_text, outer, required};
use crate::json::{Cursor, Event, Kind, Text, Weight};
use crate::wire::endpoint::{Endpoint, Purpose, Shape};
use crate::wire::openai::request::{
    Edits, IMAGE_TOKENS, MAX_MODEL_BYTES, MESSAGE_TOKENS, PRIMING_TOKENS, ScanError, check_model,
};

type Read<T> = Result<T, ScanError>;

pub(super) struct Reader<'a, S> {
    cursor: Cursor<'a>,
    endpoint: Endpoint,
    model: Option<Cow<'a, str>>,
    place: Range<usize>,
    seen: u32,
    stream: Option<bool>,
    ceiling: Option<u64>,
    choices: u64,
    temperature: Option<f64>,
    has_seed: bool,
    items: u64,
    images: u64,
    text: Weight,
    sink: S,
}

impl<'a, S: FnMut(&str, &Text)> Reader<'a, S> {
    pub(super) fn new(body: &'a [u8], endpoint: Endpoint, model: Option<&'a str>, sink: S) -> Read<Self> {
        Ok(Self {
            cursor: Cursor::new(body)?,
            endpoint,
            model: model.map(Cow::Borrowed),
            place: 0..0,
            seen: 0,
            stream: endpoint.streams(),
            ceiling: None,
            choices: 1,
            temperature: None,
            has_seed: false,
            items: 0,
            images: 0,
            text: Weight::default(),
            sink,
        })
    }

    pub(super) fn read(mut self) -> Read<Facts<'a>> {
        if self.cursor.offset() == self.cursor.body().len() {
            return Err(ScanError::empty());
        }
        let kind = self.cursor.kind()?;
        if kind != Kind::Object {
            let message = format!("The request body must be a JSON object, not {}.", kind.noun());
            return Err(ScanError { code: "invalid_type", param: None, message });
        }
        self.members()?;
        self.cursor.clone().finish()?;
        self.finish()
    }

    fn finish(self) -> Read<Facts<'a>> {
        let Some(model) = self.model else { return Err(ScanError::missing("model")) };
        check_model(&model)?;
        if let Some(prompt) = required(self.endpoint).filter(|_| self.items == 0) {
            return Err(ScanError::missing(prompt));
        }
        let purpose = self.endpoint.purpose();
        let framing_tokens = match purpose {
            Purpose::Conversation | Purpose::Count => {
                self.items * MESSAGE_TOKENS + PRIMING_TOKENS + self.images * IMAGE_TOKENS
            }
            Purpose::Completion | Purpose::Embedding => 0,
        };
        let text = (self.text.bytes - self.text.wide_bytes).div_ceil(4) + self.text.wide_chars;
        let talks = purpose == Purpose::Conversation;
        let steady = self.has_seed || self.temperature.is_some_and(|value| value <= 0.3);
        let ceiling = self.ceiling.map(|tokens| tokens.saturating_mul(self.choices));
        Ok(Facts {
            model,
            edits: Edits { model: self.place, ..Edits::default() },
            // Ollama streams unless it is told not to.
            stream: talks && self.stream.unwrap_or(self.endpoint.shape() == Shape::Lines),
            include_usage: true,
            deterministic: purpose == Purpose::Embedding || (talks && steady && self.choices <= 1),
            estimate_tokens: text + framing_tokens,
            framing_tokens,
            ceiling_tokens: if talks { ceiling } else { Some(0) },
        })
    }

    fn members(&mut self) -> Read<()> {
        let endpoint = self.endpoint;
        self.object(|name| outer(endpoint, name))
    }

    fn object(&mut self, known: impl Fn(&str) -> Option<(Field, &'static str)>) -> Read<()> {
        self.cursor.open(b'{')?;
        let mut first = true;
        while let Some(name) = self.cursor.member(&mut first)? {
            let found = known(&name.read(self.cursor.body()));
            let Some((field, name)) = found else {
                self.cursor.skip()?;
                continue;
            };
            self.once(field, name)?;
            if self.cursor.kind()? == Kind::Null {
                self.cursor.skip()?;
            } else {
                self.field(field, name)?;
            }
        }
        Ok(())
    }

    /// Text may stand in several places; what we decide by may not.
    fn once(&mut self, field: Field, name: &'static str) -> Read<()> {
        if matches!(field, Field::Beside | Field::Named) {
            return Ok(());
        }
        let bit = 1 << field as u32;
        if self.seen & bit != 0 {
            return Err(ScanError::duplicate(name));
        }
        self.seen |= bit;
        Ok(())
    }

    fn field(&mut self, field: Field, name: &'static str) -> Read<()> {
        match field {
            Field::Model => self.model(name)?,
            Field::Stream => {
                self.expect(Kind::Bool, name, "true or false")?;
                self.stream = Some(self.cursor.skip()?.len() == "true".len());
            }
            Field::Ceiling => self.ceiling = self.count(name)?,
            Field::Choices => self.choices = self.count(name)?.unwrap_or(1).max(1),
            Field::Temperature => {
                self.expect(Kind::Number, name, "a number")?;
                let number = self.cursor.number()?;
                self.temperature = self.cursor.body()[number].parse().ok();
            }
            Field::Seed => {
                self.cursor.skip()?;
                self.has_seed = true;
            }
            Field::Options => {
                self.expect(Kind::Object, name, "an object")?;
                self.object(inner)?;
            }
            Field::Inner => {
                self.expect(Kind::Object, name, "an object")?;
                self.members()?;
            }
            Field::Prompt => self.prompt()?,
            Field::Beside => self.weigh(false)?,
            Field::Named => self.weigh(true)?,
            Field::Images => {
                let images = &mut self.images;
                self.cursor.walk(|event| *images += u64::from(matches!(event, Event::String(_))))?;
            }
        }
        Ok(())
    }

    fn model(&mut self, name: &'static str) -> Read<()> {
        self.expect(Kind::String, name, "a string")?;
        let text = self.cursor.string()?;
        self.place = text.start - 1..text.end + 1;
        let model = text.read(self.cursor.body());
        if model.len() > MAX_MODEL_BYTES {
            return Err(ScanError::value(name, "have between 1 and 256 bytes"));
        }
        self.model.get_or_insert(model);
        Ok(())
    }

    /// A whole number; `None` for one below zero, which dialects have for "as many as you like".
    fn count(&mut self, name: &'static str) -> Read<Option<u64>> {
        self.expect(Kind::Number, name, "a whole number")?;
        let number = self.cursor.number()?;
        let digits = &self.cursor.body()[number];
        if let Some(digits) = digits.strip_prefix('-').filter(|_| self.endpoint.shape() == Shape::Lines) {
            return if digits.bytes().all(|byte| byte.is_ascii_digit()) {
                Ok(None)
            } else {
                Err(ScanError::kind(name, "a whole number", "a fraction or power"))
            };
        }
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return digits.parse().map(Some).map_err(|_| ScanError::value(name, "be below 2^64"));
        }
        if digits.starts_with('-') {
            return Err(ScanError::value(name, "be zero or more"));
        }
        Err(ScanError::kind(name, "a whole number", "a fraction or power"))
    }

    /// A text, or a list of turns or texts.
    fn prompt(&mut self) -> Read<()> {
        if self.cursor.kind()? != Kind::Array {
            self.items += 1;
            return self.weigh(false);
        }
        self.cursor.open(b'[')?;
        let mut first = true;
        while self.cursor.item(&mut first)? {
            self.items += 1;
            self.weigh(false)?;
        }
        Ok(())
    }

    /// Weighs one value's texts, names of members included where they are read too.
    fn weigh(&mut self, names: bool) -> Read<()> {
        let body = self.cursor.body();
        let Self { cursor, text: weight, images, sink, .. } = self;
        let (mut wanted, mut kind, mut listed) = (true, false, false);
        let mut count = |text: &Text| {
            weight.add(text.weigh(body));
            sink(body, text);
        };
        cursor.walk(|event| match event {
            Event::Key(name) => {
                let read = name.read(body);
                wanted = names || !is_no_text(&read);
                (kind, listed) = (read == "type", read == "images");
                *images += u64::from(!names && is_image(&read));
                if names {
                    count(&name);
                }
            }
            Event::String(text) if wanted => count(&text),
            Event::String(_) if listed => *images += 1,
            Event::String(text) if kind => *images += u64::from(text.read(body) == "image"),
            _ => {}
        })?;
        Ok(())
    }

    fn expect(&mut self, wanted: Kind, name: &'static str, noun: &str) -> Read<()> {
        let found = self.cursor.kind()?;
        if found == wanted { Ok(()) } else { Err(ScanError::kind(name, noun, found.noun())) }
    }
}
