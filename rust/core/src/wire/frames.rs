//! Cuts AWS's event stream into frames, incremental and bounded.
//!
//! Invariant: any split of the stream gives the same frames; both checksums of a frame are right before any of
//! it is handed out; a frame that lies in one slice is not copied to be cut out.
//! Source: smithy.io/2.0/aws/amazon-eventstream.html.

use aws_smithy_eventstream::frame::read_message_from;

/// Longest frame that is read, in bytes.
pub const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;

/// Two lengths and their checksum.
const PRELUDE_BYTES: usize = 12;
/// A prelude, no headers, no payload, and the checksum of all.
const MIN_FRAME_BYTES: usize = 16;
const KEPT_BUFFER_BYTES: usize = 64 * 1024;

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// An event of the stream.
    Event {
        /// `:event-type`.
        name: &'a str,
        /// Its data, in JSON here.
        payload: &'a [u8],
    },
    /// A failure that the service's model knows; the stream is over.
    Exception {
        /// `:exception-type`.
        name: &'a str,
        /// Its data, in JSON here.
        payload: &'a [u8],
    },
    /// A failure that it does not know; the stream is over.
    Error {
        /// `:error-code`.
        code: &'a str,
        /// `:error-message`.
        message: &'a str,
    },
}

/// Why the stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A frame is longer than [`MAX_FRAME_BYTES`].
    TooLarge,
    /// A checksum, a length or a header is wrong.
    Corrupt,
}

/// Cutter of a whole stream.
#[derive(Debug, Default)]
pub struct Frames {
    partial: Vec<u8>,
}

impl Frames {
    /// Hands every frame that ends in `input` to `sink`; the rest is kept. Kinds of frames that nobody knows
    /// are passed over.
    ///
    /// # Errors
    /// [`Fault`]; the stream cannot be read on then.
    pub fn feed(&mut self, input: &[u8], mut sink: impl FnMut(Frame<'_>)) -> Result<(), Fault> {
        let mut rest = self.complete(input, &mut sink)?;
        while let Some((frame, behind)) = length(rest)?.and_then(|bytes| rest.split_at_checked(bytes)) {
            hand(frame, &mut sink)?;
            rest = behind;
        }
        self.partial.extend_from_slice(rest);
        Ok(())
    }

    /// Whether a frame has begun and not ended.
    #[must_use]
    pub const fn open(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Adds to the frame that has begun; gives what of `input` lies behind it.
    fn complete<'a>(&mut self, input: &'a [u8], sink: &mut impl FnMut(Frame<'_>)) -> Result<&'a [u8], Fault> {
        let mut rest = input;
        while self.open() {
            let wanted = length(&self.partial)?.unwrap_or(PRELUDE_BYTES);
            let missing = wanted.saturating_sub(self.partial.len());
            let (head, tail) = rest.split_at(missing.min(rest.len()));
            self.partial.extend_from_slice(head);
            rest = tail;
            if self.partial.len() < wanted {
                break;
            }
            // The prelude alone is no frame; with it, the length is known.
            if length(&self.partial)? == Some(self.partial.len()) {
                hand(&self.partial, sink)?;
                self.partial.clear();
                self.partial.shrink_to(KEPT_BUFFER_BYTES);
            }
        }
        Ok(rest)
    }
}

/// The length of the frame that begins here, once its prelude is there.
fn length(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let Some(prelude) = bytes.first_chunk::<PRELUDE_BYTES>() else { return Ok(None) };
    let [a, b, c, d, _, _, _, _, sum @ ..] = *prelude;
    if crc32fast::hash(&prelude[..8]) != u32::from_be_bytes(sum) {
        return Err(Fault::Corrupt);
    }
    match u32::from_be_bytes([a, b, c, d]) as usize {
        0..MIN_FRAME_BYTES => Err(Fault::Corrupt),
        length if length > MAX_FRAME_BYTES => Err(Fault::TooLarge),
        length => Ok(Some(length)),
    }
}

fn hand(mut frame: &[u8], sink: &mut impl FnMut(Frame<'_>)) -> Result<(), Fault> {
    let message = read_message_from(&mut frame).map_err(|_| Fault::Corrupt)?;
    let header = |name: &str| {
        let found = message.headers().iter().find(|header| header.name().as_str() == name);
        found.and_then(|header| header.value().as_string().ok()).map_or("", |text| text.as_str())
    };
    let payload: &[u8] = message.payload();
    match header(":message-type") {
        "event" => sink(Frame::Event { name: header(":event-type"), payload }),
        "exception" => sink(Frame::Exception { name: header(":exception-type"), payload }),
        "error" => sink(Frame::Error { code: header(":error-code"), message: header(":error-message") }),
        _ => {}
    }
    Ok(())
}
