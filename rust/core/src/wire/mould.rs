//! The shape that the events of a stream have in common: bytes that are always the same, and what is between.
//!
//! Invariant: an event fills a mould only when it is one JSON document with the members of the event that the
//! mould was made of, in their order, that differs from it in nothing but texts and whole numbers of members
//! that were named beforehand; each name stands there once, or it is not told.

use std::borrow::Cow;

use crate::json::{Cursor, Event};

/// Longest event that a mould is made of.
const MAX_EVENT_BYTES: usize = 4 * 1024;
/// Moulds in a row that nothing filled; then the stream is not one of equal events.
const MAX_WASTED: u8 = 8;
/// More digits would not fit.
const MAX_DIGITS: usize = 18;

/// The members that may differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Varying {
    /// Those that are told.
    pub(super) told: &'static [&'static str],
    /// Those that mean nothing, and may stand more than once.
    pub(super) idle: &'static [&'static str],
}

/// What stands in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filling<'a> {
    Text(Cow<'a, str>),
    Number(u64),
}

impl<'a> Filling<'a> {
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) const fn number(&self) -> Option<u64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }
}

/// A place between two runs of bytes that are always the same.
#[derive(Debug)]
struct Place {
    /// Where the bytes before it end, in [`Shape::bytes`].
    end: usize,
    /// The member's number among those that are told.
    told: Option<usize>,
    text: bool,
}

#[derive(Debug, Default)]
struct Shape {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

/// The mould of a stream's last event, and what that event means (`M`), texts and numbers aside.
#[derive(Debug)]
pub(super) struct Mould<M> {
    shape: Shape,
    meaning: Option<M>,
    filled: u32,
    wasted: u8,
}

impl<M> Default for Mould<M> {
    fn default() -> Self {
        Self { shape: Shape::default(), meaning: None, filled: 0, wasted: 0 }
    }
}

impl<M: Copy> Mould<M> {
    /// What an event means that fills the mould; `each` gets the number and the value of what is told. What it
    /// got before `None` counts for nothing.
    pub(super) fn fill<'a>(
        &mut self,
        data: &'a [u8],
        each: impl FnMut(usize, Filling<'a>) -> Option<()>,
    ) -> Option<M> {
        let meaning = self.meaning?;
        self.shape.fill(data, each)?;
        self.filled = self.filled.saturating_add(1);
        Some(meaning)
    }

    /// Makes the mould of an event that was read, if it means what can be told again.
    pub(super) fn learn(&mut self, data: &[u8], varying: Varying, meaning: Option<M>) {
        if meaning.is_none() || self.wasted == MAX_WASTED || data.len() > MAX_EVENT_BYTES {
            return;
        }
        self.wasted = if self.filled > 0 || self.meaning.is_none() { 0 } else { self.wasted + 1 };
        self.filled = 0;
        self.meaning = self.shape.learn(data, varying).and(meaning);
    }
}

impl Shape {
    fn fill<'a>(&self, data: &'a [u8], mut each: impl FnMut(usize, Filling<'a>) -> Option<()>) -> Option<()> {
        let (mut rest, mut start) = (data, 0);
        for place in &self.places {
            rest = rest.strip_prefix(self.bytes.get(start..place.end)?)?;
            start = place.end;
            let (value, behind) = if place.text { text(rest)? } else { number(rest)? };
            rest = behind;
            if let Some(told) = place.told {
                each(told, value)?;
            }
        }
        (rest == self.bytes.get(start..)?).then_some(())
    }

    fn learn(&mut self, data: &[u8], varying: Varying) -> Option<()> {
        self.bytes.clear();
        self.places.clear();
        let (mut cursor, mut next) = (Cursor::new(data).ok()?, 0);
        let (body, mut name, mut plain, mut seen) = (cursor.body(), None, true, 0_u32);
        cursor
            .walk(|event| {
                let here = match (event, name.take()) {
                    (Event::Key(key), _) => {
                        plain &= !key.escaped;
                        name = varying.find(key.raw(body));
                        if let Some(told) = name.filter(|told| varying.tells(*told)) {
                            plain &= seen & 1 << told == 0;
                            seen |= 1 << told;
                        }
                        None
                    }
                    (Event::String(text), Some(member)) => Some((member, text.start - 1, text.end + 1, true)),
                    (Event::Number(start, end), Some(member)) => Some((member, start, end, false)),
                    _ => None,
                };
                if let Some((member, start, end, text)) = here {
                    let told = Some(member).filter(|member| varying.tells(*member));
                    self.bytes.extend_from_slice(data.get(next..start).unwrap_or_default());
                    self.places.push(Place { end: self.bytes.len(), told, text });
                    next = end;
                }
            })
            .ok()?;
        self.bytes.extend_from_slice(data.get(next..)?);
        cursor.finish().ok()?;
        plain.then_some(())
    }
}

impl Varying {
    /// The number of a member; those that are not told come last.
    fn find(self, name: &str) -> Option<usize> {
        self.told.iter().chain(self.idle).position(|known| *known == name)
    }

    const fn tells(self, member: usize) -> bool {
        member < self.told.len()
    }
}

fn text(rest: &[u8]) -> Option<(Filling<'_>, &[u8])> {
    let inside = rest.strip_prefix(b"\"")?;
    let end = inside.iter().position(|&byte| matches!(byte, b'"' | b'\\' | ..0x20))?;
    let (plain, behind) = inside.split_at(end);
    if let Some(behind) = behind.strip_prefix(b"\"") {
        return Some((Filling::Text(Cow::Borrowed(std::str::from_utf8(plain).ok()?)), behind));
    }
    let mut cursor = Cursor::new(rest).ok()?;
    let text = cursor.string().ok()?;
    Some((Filling::Text(text.read(cursor.body())), rest.get(text.end + 1..)?))
}

fn number(rest: &[u8]) -> Option<(Filling<'_>, &[u8])> {
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, behind) = rest.split_at(count);
    if digits.is_empty() || count > MAX_DIGITS || (count > 1 && digits[0] == b'0') {
        return None;
    }
    // What always follows tells that the number ends here: what it was made of was a document.
    Some((
        Filling::Number(digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'))),
        behind,
    ))
}

#[cfg(test)]
impl<M> Mould<M> {
    /// How often it was filled since it was made.
    pub(super) const fn filled(&self) -> u32 {
        self.filled
    }

    /// One that learns nothing, to compare with.
    pub(super) fn shut() -> Self {
        Self { wasted: MAX_WASTED, ..Self::default() }
    }
}

#[cfg(test)]
pub(super) mod testing;

#[cfg(test)]
mod tests {
    use super::{Filling, Mould, Varying};

    const VARYING: Varying = Varying { told: &["text", "count"], idle: &["at"] };

    fn fill(mould: &mut Mould<u8>, data: &str) -> Option<Vec<String>> {
        let mut told = Vec::new();
        let each = |_, value: Filling<'_>| {
            let count = value.number().map(|count| count.to_string());
            told.push(count.or_else(|| value.text().map(Into::into))?);
            Some(())
        };
        (mould.fill(data.as_bytes(), each)? == 7).then_some(told)
    }

    #[test]
    fn equal_events_with_other_texts_and_counts_fill_it() {
        let mut mould = Mould::default();
        assert_eq!(fill(&mut mould, "{}"), None);
        mould.learn(br#"{"at":[{"at":"x"}],"at":1,"m":{"text":"a"},"count":0,"n":"b"}"#, VARYING, Some(7));
        let event = |inner: &str| format!(r#"{{"at":[{{"at":"y"}}],"at":22,"m":{{"text":{inner},"n":"b"}}"#);
        for (inner, text, count) in
            [(r#""c d"},"count":12"#, "c d", "12"), (r#""\u00e9\n\"é"},"count":0"#, "\u{e9}\n\"\u{e9}", "0")]
        {
            assert_eq!(fill(&mut mould, &event(inner)), Some(vec![text.to_owned(), count.to_owned()]));
        }
        for other in [
            r#""c"},"count":012"#,
            r#""c"},"count":-1"#,
            r#""c"},"count":1.5"#,
            r#""c"},"count":1e5"#,
            r#""c"},"count":1234567890123456789"#,
            r#""c"},"count":"#,
            r#""c"},"count":"1""#,
            r#"1},"count":1"#,
            r#""c},"count":1"#,
            r#""\x"},"count":1"#,
            r#""\ud800"},"count":1"#,
            r#""c"},"text":"","count":1"#,
            "\"\n\"},\"count\":1",
            r#""c"}, "count":1"#,
        ] {
            assert_eq!(fill(&mut mould, &event(other)), None, "{other}");
        }
        assert_eq!(fill(&mut mould, &(event(r#""c"},"count":1"#) + " ")), None);
        let broken =
            [br#"{"at":[{"at":"y"}],"at":22,"m":{"text":""#, &b"\xff"[..], br#""},"count":1,"n":"b"}"#];
        assert_eq!(mould.fill(&broken.concat(), |_, _| Some(())), None);
    }

    #[test]
    fn what_could_be_taken_for_another_makes_none() {
        for data in [
            r#"{"text":"a","m":{"text":"b"}}"#,
            r#"{"te\u0078t":"a"}"#,
            r#"{"text":"a""#,
            "",
            r#"{"text":"a"} 1"#,
        ] {
            let mut mould = Mould::default();
            mould.learn(data.as_bytes(), VARYING, Some(7));
            assert_eq!(fill(&mut mould, data), None, "{data}");
        }
        let mut mould = Mould::default();
        mould.learn(br#"{"text":"a"}"#, VARYING, None);
        assert_eq!(fill(&mut mould, r#"{"text":"a"}"#), None);
        let long = format!(r#"{{"text":"a","n":"{}"}}"#, "n".repeat(4 * 1024));
        mould.learn(long.as_bytes(), VARYING, Some(7));
        assert_eq!(fill(&mut mould, &long), None);
    }

    #[test]
    fn a_stream_of_unlike_events_is_no_longer_learned() {
        let mut mould = Mould::default();
        let event = |number: usize| format!(r#"{{"text":"a","n":"{number}"}}"#);
        for number in 0..9 {
            mould.learn(event(number).as_bytes(), VARYING, Some(7));
        }
        assert!(fill(&mut mould, &event(8)).is_some());
        assert_eq!(fill(&mut mould, &event(7)), None);
        mould.learn(event(9).as_bytes(), VARYING, Some(7));
        assert_eq!(fill(&mut mould, &event(9)), None);
        assert!(fill(&mut mould, &event(8)).is_some());
    }
}
