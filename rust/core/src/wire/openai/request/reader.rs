//! The pass itself: one method per shape of field.
//!
//! Invariant: each method consumes exactly one value, so whatever is not read is still validated.

use std::borrow::Cow;
use std::ops::Range;

use super::{Edits, Endpoint, MAX_CHOICES, Scan, ScanError, check_model};
use crate::json::{Cursor, Event, Kind, Text, Weight};

type Read<T> = Result<T, ScanError>;

const CHAT: u8 = 1;
const COMPLETIONS: u8 = 2;
const EMBEDDINGS: u8 = 4;
const TEXT: u8 = CHAT | COMPLETIONS;
const ALL: u8 = TEXT | EMBEDDINGS;

const USAGE_FIRST: &str = r#""stream_options":{"include_usage":true},"#;
const USAGE_NEXT: &str = r#","stream_options":{"include_usage":true}"#;

/// A field of the top level that we decide by: its name, its bit in `seen`, and where it is one.
/// A match compiles to a comparison by length first, which a table's search does not.
fn field(name: &str) -> Option<(&'static str, u32, u8)> {
    Some(match name {
        "model" => ("model", 1 << 0, ALL),
        "messages" => ("messages", 1 << 1, CHAT),
        "prompt" => ("prompt", 1 << 2, COMPLETIONS),
        "input" => ("input", 1 << 3, EMBEDDINGS),
        "stream" => ("stream", 1 << 4, TEXT),
        "stream_options" => ("stream_options", 1 << 5, TEXT),
        "max_completion_tokens" => ("max_completion_tokens", 1 << 6, CHAT),
        "max_tokens" => ("max_tokens", 1 << 7, TEXT),
        "n" => ("n", 1 << 8, TEXT),
        "best_of" => ("best_of", 1 << 9, COMPLETIONS),
        "temperature" => ("temperature", 1 << 10, TEXT),
        "seed" => ("seed", 1 << 11, TEXT),
        "tools" => ("tools", 1 << 12, CHAT),
        "functions" => ("functions", 1 << 13, CHAT),
        "response_format" => ("response_format", 1 << 14, CHAT),
        "suffix" => ("suffix", 1 << 15, COMPLETIONS),
        "user" => ("user", 1 << 16, ALL),
        _ => return None,
    })
}

pub(super) struct Reader<'a, S> {
    cursor: Cursor<'a>,
    scan: Scan<'a>,
    seen: u32,
    has_stream_options: bool,
    max_completion_tokens: Option<u64>,
    /// Just behind the bracket that opens the body.
    inside: usize,
    sink: S,
}

impl<'a, S: FnMut(&str, &Text)> Reader<'a, S> {
    pub(super) fn new(body: &'a [u8], endpoint: Endpoint, sink: S) -> Read<Self> {
        let cursor = Cursor::new(body)?;
        let scan = Scan {
            endpoint,
            model: Cow::Borrowed(""),
            edits: Edits::default(),
            stream: false,
            include_usage: false,
            max_output_tokens: None,
            n: 1,
            temperature: None,
            has_seed: false,
            has_tools: false,
            user: None,
            items: 0,
            images: 0,
            token_ids: 0,
            text: Weight::default(),
        };
        Ok(Self {
            cursor,
            scan,
            seen: 0,
            has_stream_options: false,
            max_completion_tokens: None,
            inside: 0,
            sink,
        })
    }

    /// Reads the body; `model` is the one that the path names, which wins over the body's.
    pub(super) fn read(mut self, model: Option<&'a str>) -> Read<Scan<'a>> {
        if self.cursor.offset() == self.cursor.body().len() {
            return Err(ScanError::empty());
        }
        let kind = self.cursor.kind()?;
        if kind != Kind::Object {
            let message = format!("The request body must be a JSON object, not {}.", kind.noun());
            return Err(ScanError { code: "invalid_type", param: None, message });
        }
        self.inside = self.cursor.offset() + 1;
        self.cursor.open(b'{')?;
        let mut first = true;
        while let Some(name) = self.cursor.member(&mut first)? {
            self.member(&name)?;
        }
        self.cursor.clone().finish()?;
        self.finish(model)
    }

    fn finish(mut self, model: Option<&'a str>) -> Read<Scan<'a>> {
        let prompt = self.scan.endpoint.prompt_field();
        if let Some(model) = model {
            check_model(model)?;
            self.scan.model = Cow::Borrowed(model);
        }
        if self.scan.edits.model.is_empty() {
            if model.is_none() {
                return Err(ScanError::missing("model"));
            }
            self.scan.edits.model = self.inside..self.inside;
        }
        if self.scan.items == 0 {
            return Err(ScanError::missing(prompt));
        }
        if !self.has_stream_options {
            let end = self.scan.edits.model.end;
            let text = if self.scan.edits.model.is_empty() { USAGE_FIRST } else { USAGE_NEXT };
            self.scan.edits.usage = Some((end..end, text));
        }
        self.scan.max_output_tokens = self.max_completion_tokens.or(self.scan.max_output_tokens);
        Ok(self.scan)
    }

    fn member(&mut self, name: &Text) -> Read<()> {
        let name = name.read(self.cursor.body());
        let endpoint = match self.scan.endpoint {
            Endpoint::Chat => CHAT,
            Endpoint::Completions => COMPLETIONS,
            Endpoint::Embeddings => EMBEDDINGS,
        };
        let Some((field, bit, _)) = field(&name).filter(|(_, _, on)| on & endpoint != 0) else {
            self.cursor.skip()?;
            return Ok(());
        };
        if self.seen & bit != 0 {
            return Err(ScanError::duplicate(field));
        }
        self.seen |= bit;
        if self.cursor.kind()? == Kind::Null && field != "stream_options" {
            self.cursor.skip()?;
            return Ok(());
        }
        self.field(field)
    }

    fn field(&mut self, field: &'static str) -> Read<()> {
        match field {
            "model" => self.model()?,
            "messages" => self.messages()?,
            "prompt" | "input" => self.prompt(field)?,
            "stream" => self.scan.stream = self.boolean(field)?,
            "stream_options" => self.stream_options()?,
            "max_completion_tokens" => self.max_completion_tokens = Some(self.integer(field)?),
            "max_tokens" => self.scan.max_output_tokens = Some(self.integer(field)?),
            "n" | "best_of" => self.choices(field)?,
            "temperature" => self.temperature()?,
            "user" => self.scan.user = Some(self.string(field)?.1),
            "tools" | "functions" => {
                let before = self.scan.text;
                self.count_strings(&[])?;
                self.scan.has_tools |= self.scan.text != before;
            }
            "response_format" | "suffix" => self.count_strings(&[])?,
            "seed" => {
                self.cursor.skip()?;
                self.scan.has_seed = true;
            }
            _ => {
                self.cursor.skip()?;
            }
        }
        Ok(())
    }

    fn model(&mut self) -> Read<()> {
        let (range, model) = self.string("model")?;
        check_model(&model)?;
        self.scan.model = model;
        self.scan.edits.model = range;
        Ok(())
    }

    fn messages(&mut self) -> Read<()> {
        self.expect(Kind::Array, "messages", "an array of messages")?;
        self.cursor.open(b'[')?;
        let mut first = true;
        while self.cursor.item(&mut first)? {
            self.expect(Kind::Object, "messages", "an array of objects; one item is")?;
            self.cursor.open(b'{')?;
            let mut first = true;
            while let Some(name) = self.cursor.member(&mut first)? {
                match &*name.read(self.cursor.body()) {
                    "content" => self.count_content()?,
                    "name" | "refusal" | "reasoning_content" | "reasoning" => self.count_strings(&[])?,
                    "tool_calls" | "function_call" => self.count_strings(&["name", "arguments", "input"])?,
                    _ => {
                        self.cursor.skip()?;
                    }
                }
            }
            self.scan.items += 1;
        }
        if self.scan.items == 0 {
            return Err(ScanError::value("messages", "have at least one message"));
        }
        Ok(())
    }

    fn count_content(&mut self) -> Read<()> {
        if self.cursor.kind()? == Kind::String {
            let text = self.cursor.string()?;
            self.count(&text);
            return Ok(());
        }
        self.count_strings(&["text", "refusal"])
    }

    /// Counts strings that stand under one of `keys`, or keys and strings alike when there are none.
    fn count_strings(&mut self, keys: &[&str]) -> Read<()> {
        let body = self.cursor.body();
        let Self { cursor, scan, sink, .. } = self;
        let mut wanted = true;
        let mut count = |text: &Text| {
            scan.text.add(text.weigh(body));
            sink(body, text);
        };
        let mut images = 0;
        cursor.walk(|event| match event {
            Event::Key(name) if keys.is_empty() => count(&name),
            Event::Key(name) => {
                let name = name.read(body);
                wanted = keys.contains(&&*name);
                images += u64::from(name == "image_url");
            }
            Event::String(text) if wanted => count(&text),
            _ => {}
        })?;
        scan.images += images;
        Ok(())
    }

    /// A prompt or input: a text, an array of texts, an array of tokens, or an array of such arrays.
    fn prompt(&mut self, field: &'static str) -> Read<()> {
        const WANTED: &str = "a string, an array of strings, or arrays of token numbers";
        let shape = self.cursor.kind()?;
        if shape == Kind::String {
            self.scan.items = 1;
            return self.prompt_string(field);
        }
        self.expect(Kind::Array, field, WANTED)?;
        self.cursor.open(b'[')?;
        let (mut first, mut items, mut shape) = (true, 0, None);
        while self.cursor.item(&mut first)? {
            let kind = self.cursor.kind()?;
            if *shape.get_or_insert(kind) != kind {
                return Err(ScanError::kind(field, WANTED, "a mixture"));
            }
            items += 1;
            match kind {
                Kind::String => self.prompt_string(field)?,
                Kind::Number => self.token(field)?,
                Kind::Array => self.tokens(field)?,
                other => return Err(ScanError::kind(field, WANTED, other.noun())),
            }
        }
        if items == 0 {
            return Err(ScanError::value(field, "not be an empty array"));
        }
        self.scan.items = if shape == Some(Kind::Number) { 1 } else { items };
        Ok(())
    }

    fn prompt_string(&mut self, field: &'static str) -> Read<()> {
        let text = self.cursor.string()?;
        if text.len_bytes == 0 && field == "input" {
            return Err(ScanError::value(field, "not be an empty string"));
        }
        self.count(&text);
        Ok(())
    }

    fn tokens(&mut self, field: &'static str) -> Read<()> {
        self.cursor.open(b'[')?;
        let mut first = true;
        let before = self.scan.token_ids;
        while self.cursor.item(&mut first)? {
            self.token(field)?;
        }
        if self.scan.token_ids == before {
            return Err(ScanError::value(field, "not hold an empty array"));
        }
        Ok(())
    }

    fn token(&mut self, field: &'static str) -> Read<()> {
        self.expect(Kind::Number, field, "an array of token numbers")?;
        let number = self.cursor.number()?;
        if !self.cursor.body().as_bytes()[number].iter().all(u8::is_ascii_digit) {
            return Err(ScanError::value(field, "have whole token numbers, zero or more"));
        }
        self.scan.token_ids += 1;
        Ok(())
    }

    fn stream_options(&mut self) -> Read<()> {
        const FIELD: &str = "stream_options";
        const USAGE: &str = "stream_options.include_usage";
        self.has_stream_options = true;
        if self.cursor.kind()? == Kind::Null {
            let range = self.cursor.skip()?;
            self.scan.edits.usage = Some((range, r#"{"include_usage":true}"#));
            return Ok(());
        }
        self.expect(Kind::Object, FIELD, "an object")?;
        let inside = self.cursor.offset() + 1;
        self.cursor.open(b'{')?;
        let (mut first, mut members, mut seen) = (true, 0, false);
        while let Some(name) = self.cursor.member(&mut first)? {
            members += 1;
            if name.read(self.cursor.body()) != "include_usage" {
                self.cursor.skip()?;
                continue;
            }
            if std::mem::replace(&mut seen, true) {
                return Err(ScanError::duplicate(USAGE));
            }
            let kind = self.cursor.kind()?;
            if !matches!(kind, Kind::Bool | Kind::Null) {
                return Err(ScanError::kind(USAGE, "true or false", kind.noun()));
            }
            let word = self.cursor.skip()?;
            self.scan.include_usage = &self.cursor.body()[word.clone()] == "true";
            self.scan.edits.usage = (!self.scan.include_usage).then_some((word, "true"));
        }
        if !seen {
            let text = if members == 0 { r#""include_usage":true"# } else { r#""include_usage":true,"# };
            self.scan.edits.usage = Some((inside..inside, text));
        }
        Ok(())
    }

    fn choices(&mut self, field: &'static str) -> Read<()> {
        let count = self.integer(field)?;
        if !(1..=MAX_CHOICES).contains(&count) {
            return Err(ScanError::value(field, "be between 1 and 128"));
        }
        self.scan.n = self.scan.n.max(count);
        Ok(())
    }

    fn temperature(&mut self) -> Read<()> {
        self.expect(Kind::Number, "temperature", "a number")?;
        let number = self.cursor.number()?;
        self.scan.temperature = self.cursor.body()[number].parse().ok();
        Ok(())
    }

    fn boolean(&mut self, field: &'static str) -> Read<bool> {
        self.expect(Kind::Bool, field, "true or false")?;
        let word = self.cursor.skip()?;
        Ok(word.len() == "true".len())
    }

    fn integer(&mut self, field: &'static str) -> Read<u64> {
        self.expect(Kind::Number, field, "a whole number")?;
        let number = self.cursor.number()?;
        let digits = &self.cursor.body()[number];
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return digits.parse().map_err(|_| ScanError::value(field, "be below 2^64"));
        }
        if digits.starts_with('-') {
            return Err(ScanError::value(field, "be zero or more"));
        }
        Err(ScanError::kind(field, "a whole number", "a fraction or power"))
    }

    fn string(&mut self, field: &'static str) -> Read<(Range<usize>, Cow<'a, str>)> {
        self.expect(Kind::String, field, "a string")?;
        let text = self.cursor.string()?;
        Ok((text.start - 1..text.end + 1, text.read(self.cursor.body())))
    }

    fn expect(&mut self, wanted: Kind, field: &'static str, noun: &str) -> Read<()> {
        let found = self.cursor.kind()?;
        if found == wanted { Ok(()) } else { Err(ScanError::kind(field, noun, found.noun())) }
    }

    #[inline]
    fn count(&mut self, text: &Text) {
        self.scan.text.add(text.weigh(self.cursor.body()));
        (self.sink)(self.cursor.body(), text);
    }
}
