//! A stream of one dialect, told in another.
//!
//! Invariant: any split of the upstream's bytes gives the same payload; nothing of an event leaves before all
//! of it came, so the client is never in the middle of one; after the end, or a failure, nothing leaves.

use std::borrow::Cow;

use crate::sse::EventParser;
use crate::wire::bedrock::stream::failure;
use crate::wire::facts::Facts;
use crate::wire::frames::{Fault, Frame, Frames};
use crate::wire::kept::Capture;
use crate::wire::lines::Lines;
use crate::wire::model::Event;
use crate::wire::openai::stream::{Framing, Outcome, Stop, append};

const KEPT_BUFFER_BYTES: usize = 16 * 1024;

/// An event that is not what its dialect says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// What reads a dialect's stream.
pub trait Decode: Send + Sync {
    /// Reads one event's data, or one line, and hands out what it says.
    ///
    /// # Errors
    /// When it cannot be read; the stream is over then.
    fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Unreadable>;

    /// Reads an event whose type stands beside its data.
    ///
    /// # Errors
    /// As [`Decode::event`].
    fn named(&mut self, name: &str, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Unreadable> {
        let _ = name;
        self.event(data, each)
    }

    /// The upstream's body ended, whole by its own framing. Gives [`Event::End`] where that makes the answer
    /// complete and it was not given before.
    fn end(&mut self, each: &mut dyn FnMut(Event<'_>));
}

/// What writes a dialect's stream.
pub trait Encode: Send + Sync {
    /// Appends what `event` is in this dialect, whole events only; perhaps nothing yet.
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>);
}

/// How a dialect's events are told apart.
#[derive(Debug)]
enum Cutter {
    /// Server-sent events.
    Sse(EventParser),
    /// One JSON document a line.
    Lines(Lines),
    /// Binary frames.
    Frames(Frames),
}

/// One event, as it was cut out.
enum Piece<'a> {
    Data(&'a [u8]),
    Named(&'a str, &'a [u8]),
    Failure(Event<'a>),
}

impl<'a> From<Frame<'a>> for Piece<'a> {
    fn from(frame: Frame<'a>) -> Self {
        match frame {
            Frame::Event { name, payload } => Self::Named(name, payload),
            Frame::Exception { name, payload } => Self::Failure(failure(name, payload)),
            Frame::Error { code, message } => {
                Self::Failure(Event::Error { kind: Cow::Borrowed(code), message: Cow::Borrowed(message) })
            }
        }
    }
}

/// How the upstream's events are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Server-sent events.
    Sse,
    /// One JSON document a line (application/x-ndjson).
    Lines,
    /// AWS's frames (application/vnd.amazon.eventstream).
    Frames,
}

/// One stream on its way from one dialect to another.
pub struct Translation {
    cutter: Cutter,
    decoder: Box<dyn Decode>,
    encoder: Box<dyn Encode>,
    framing: Framing,
    facts: Facts,
    payload: Vec<u8>,
    capture: Capture,
}

impl Translation {
    /// A translation of one stream.
    #[must_use]
    pub fn new(form: Form, decoder: Box<dyn Decode>, encoder: Box<dyn Encode>, framing: Framing) -> Self {
        let cutter = match form {
            Form::Sse => Cutter::Sse(EventParser::default()),
            Form::Lines => Cutter::Lines(Lines::default()),
            Form::Frames => Cutter::Frames(Frames::default()),
        };
        Self {
            cutter,
            decoder,
            encoder,
            framing,
            facts: Facts::default(),
            payload: Vec::new(),
            capture: Capture::default(),
        }
    }

    /// Keeps what leaves, too.
    #[must_use]
    pub fn capturing(mut self) -> Self {
        self.capture = Capture::open();
        self
    }

    /// What was kept of a stream.
    pub fn take_capture(&mut self) -> Vec<u8> {
        self.capture.take()
    }

    /// Takes in bytes of the upstream's body; appends what may leave, as one chunk.
    pub fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let Self { cutter, decoder, encoder, facts, payload, .. } = self;
        let mut one = |piece: Piece<'_>| {
            if facts.stop().is_some() {
                return;
            }
            let mut each = |event: Event<'_>| {
                if facts.note(&event) {
                    encoder.event(&event, payload);
                }
            };
            let read = match piece {
                Piece::Data(data) => decoder.event(data, &mut each),
                Piece::Named(name, data) => decoder.named(name, data, &mut each),
                Piece::Failure(event) => {
                    each(event);
                    Ok(())
                }
            };
            if read.is_err() {
                facts.end(Stop::Garbage);
            }
        };
        let cut = match cutter {
            Cutter::Sse(parser) => {
                parser.feed(input, |event| one(Piece::Data(event.data))).map_err(|_| Stop::TooLarge)
            }
            Cutter::Lines(lines) => {
                lines.feed(input, |line| one(Piece::Data(line))).map_err(|_| Stop::TooLarge)
            }
            Cutter::Frames(frames) => {
                frames.feed(input, |frame| one(frame.into())).map_err(|fault| match fault {
                    Fault::TooLarge => Stop::TooLarge,
                    Fault::Corrupt => Stop::Garbage,
                })
            }
        };
        if let Err(stop) = cut {
            self.facts.end(stop);
        }
        self.flush(out);
    }

    /// Ends the stream; `clean` means that the upstream's body was whole by its own framing.
    pub fn finish(&mut self, clean: bool, out: &mut Vec<u8>) -> Outcome {
        // A frame that has begun says that the body was not whole, whatever its own framing says.
        let clean = clean && !matches!(&self.cutter, Cutter::Frames(frames) if frames.open());
        if clean && self.facts.stop().is_none() {
            if matches!(self.cutter, Cutter::Lines(_)) {
                self.feed(b"\n", out);
            }
            let Self { decoder, encoder, facts, payload, .. } = self;
            decoder.end(&mut |event| {
                if facts.note(&event) {
                    encoder.event(&event, payload);
                }
            });
            self.flush(out);
        }
        if self.facts.stop() == Some(Stop::Done) { Outcome::Complete } else { Outcome::Truncated }
    }

    /// What the stream told so far.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The same, to take the kept text from.
    pub const fn facts_mut(&mut self) -> &mut Facts {
        &mut self.facts
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        // Another target may still be asked, and a client must not be told twice that its answer begins.
        if !self.facts.begun() {
            if self.facts.stop().is_some() {
                self.payload.clear();
            }
            return;
        }
        if self.payload.is_empty() {
            return;
        }
        append(&self.payload, self.framing, out);
        self.capture.add(&self.payload);
        self.payload.clear();
        if self.payload.capacity() > KEPT_BUFFER_BYTES {
            self.payload = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::{Just, Strategy, prop, proptest};

    use super::{Decode, Encode, Form, Translation, Unreadable};
    use crate::usage::Usage;
    use crate::wire::model::{Event, Finish};
    use crate::wire::openai::stream::{Framing, Outcome, Stop};

    /// A dialect of single words: `say x`, `used n`, `bye`, `oops x`; anything else is unreadable.
    struct Words;

    impl Decode for Words {
        fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Event<'_>)) -> Result<(), Unreadable> {
            let text = std::str::from_utf8(data).map_err(|_| Unreadable)?;
            let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
            let rest = Cow::Borrowed(rest);
            match verb {
                "say" => each(Event::Text { choice: 0, text: rest }),
                "used" => each(Event::Usage(Usage { prompt: rest.len() as u64, ..Usage::default() })),
                "bye" => {
                    each(Event::Finish { choice: 0, reason: Finish::Stop, stop: None });
                    each(Event::End);
                }
                "oops" => each(Event::Error { kind: Cow::Borrowed("e"), message: rest }),
                _ => return Err(Unreadable),
            }
            Ok(())
        }

        fn end(&mut self, _: &mut dyn FnMut(Event<'_>)) {}
    }

    /// Text in angle brackets, the end as a point.
    struct Brackets;

    impl Encode for Brackets {
        fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
            match event {
                Event::Text { text, .. } => out.extend_from_slice(format!("<{text}>").as_bytes()),
                Event::End => out.push(b'.'),
                _ => {}
            }
        }
    }

    fn told(form: Form, pieces: &[&[u8]], clean: bool) -> (Vec<u8>, Outcome, Translation) {
        let mut translation = Translation::new(form, Box::new(Words), Box::new(Brackets), Framing::Raw);
        let mut out = Vec::new();
        for piece in pieces {
            translation.feed(piece, &mut out);
        }
        let outcome = translation.finish(clean, &mut out);
        (out, outcome, translation)
    }

    #[test]
    fn a_stream_is_told_to_its_end_and_no_further() {
        let (out, outcome, translation) = told(
            Form::Sse,
            &[b"data: say one\n\ndata: used xxx\n\n", b"data: bye\n\ndata: say two\n\n"],
            true,
        );
        assert_eq!((&out[..], outcome), (&b"<one>."[..], Outcome::Complete));
        assert_eq!(translation.facts().usage().map(|usage| usage.prompt), Some(3));
        assert_eq!((translation.facts().text(), translation.facts().text_bytes()), (&b"one"[..], 3));
        assert!(translation.facts().committed());
    }

    #[test]
    fn a_stream_without_its_end_is_cut() {
        for clean in [true, false] {
            let (out, outcome, translation) = told(Form::Sse, &[b"data: say one\n\n"], clean);
            assert_eq!((&out[..], outcome), (&b"<one>"[..], Outcome::Truncated));
            assert_eq!(translation.facts().stop(), None);
        }
    }

    #[test]
    fn errors_and_garbage_stop_it() {
        let (out, outcome, translation) =
            told(Form::Sse, &[b"data: oops too busy\n\ndata: say one\n\n"], true);
        assert_eq!((out.len(), outcome), (0, Outcome::Truncated));
        assert_eq!(translation.facts().stop(), Some(Stop::ErrorEvent));
        assert_eq!(translation.facts().error_message(), Some("too busy"));
        let (out, _, translation) = told(Form::Sse, &[b"data: what\n\ndata: say one\n\n"], true);
        assert_eq!((out.len(), translation.facts().stop()), (0, Some(Stop::Garbage)));
        assert!(!translation.facts().committed());
    }

    #[test]
    fn a_last_line_without_a_line_feed_counts_when_the_body_is_whole() {
        assert_eq!(told(Form::Lines, &[b"say one\r\n\nbye"], true).0, b"<one>.");
        assert_eq!(told(Form::Lines, &[b"say one\nbye"], false).0, b"<one>");
    }

    #[test]
    fn what_leaves_is_one_chunk_a_pass() {
        let mut translation =
            Translation::new(Form::Sse, Box::new(Words), Box::new(Brackets), Framing::Chunked);
        let mut out = Vec::new();
        translation.feed(b"data: say a\n\ndata: say b\n\ndata: say", &mut out);
        assert_eq!(out, b"6\r\n<a><b>\r\n");
    }

    fn cuts() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
        let lines = ["say \u{e9}t\u{e9}", "used xx", "say b c", "bye"];
        let text = lines.map(|line| format!("{line}\n")).concat().into_bytes();
        let bytes = text.len();
        (Just(text), prop::collection::vec(0..bytes, 0..8))
    }

    proptest! {
        #[test]
        fn any_split_tells_the_same((text, mut at) in cuts()) {
            at.sort_unstable();
            let lines = String::from_utf8_lossy(&text);
            let events: Vec<String> = lines.lines().map(|line| format!("data: {line}\n\n")).collect();
            for (form, whole) in [(Form::Lines, text.clone()), (Form::Sse, events.concat().into_bytes())] {
                let mut rest = &whole[..];
                let mut pieces = Vec::new();
                for cut in at.iter().rev() {
                    let (head, tail) = rest.split_at((*cut).min(rest.len()));
                    pieces.push(tail);
                    rest = head;
                }
                pieces.push(rest);
                pieces.reverse();
                let (out, outcome, _) = told(form, &pieces, true);
                assert_eq!((&out[..], outcome), ("<\u{e9}t\u{e9}><b c>.".as_bytes(), Outcome::Complete));
            }
        }
    }
}
