//! The chunked transfer coding (RFC 9112 section 7.1), decoded without a buffer.
//!
//! Invariant: nothing is kept between feeds but counters, so a size line or a trailer may be split
//! anywhere; every line is bounded before it is finished.

use super::{Error, Limits};

/// Where in the coding the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// In the hexadecimal size; → `Pad`, `Extension`, `SizeLf`.
    Size,
    /// In white space after the size, which old servers write; → `Extension`, `SizeLf`.
    Pad,
    /// In extensions, which are ignored; → `SizeLf`.
    Extension,
    /// Before the LF of a size line; → `Data`, or `Trailer` after size 0.
    SizeLf,
    /// In chunk data; → `DataCr`.
    Data,
    /// Before the CR after chunk data; → `DataLf`.
    DataCr,
    /// Before the LF after chunk data; → `Size`.
    DataLf,
    /// At the start of a trailer line; → `TrailerName`, `EndLf`.
    Trailer,
    /// In a trailer's name; → `TrailerValue`.
    TrailerName,
    /// In a trailer's value, which is ignored; → `TrailerLf`.
    TrailerValue,
    /// Before the LF of a trailer line; → `Trailer`.
    TrailerLf,
    /// Before the last LF; → `Done`.
    EndLf,
    /// After the last byte.
    Done,
}

/// Decoder of one chunked body.
#[derive(Clone, Debug)]
pub(super) struct Chunked {
    step: Step,
    left_bytes: u64,
    digits: u32,
    line_bytes: usize,
    trailer_bytes: usize,
}

impl Chunked {
    pub(super) const fn new() -> Self {
        Self { step: Step::Size, left_bytes: 0, digits: 0, line_bytes: 0, trailer_bytes: 0 }
    }

    pub(super) fn is_done(&self) -> bool {
        self.step == Step::Done
    }

    /// Hands the data in `input` to `sink` and returns how many bytes belong to this body.
    pub(super) fn feed(
        &mut self,
        input: &[u8],
        limits: &Limits,
        mut sink: impl FnMut(&[u8]),
    ) -> Result<usize, Error> {
        let mut at = 0;
        while at < input.len() && self.step != Step::Done {
            if self.step == Step::Data {
                let rest = &input[at..];
                let take = usize::try_from(self.left_bytes).map_or(rest.len(), |left| left.min(rest.len()));
                sink(&rest[..take]);
                self.left_bytes -= take as u64;
                at += take;
                if self.left_bytes == 0 {
                    self.step = Step::DataCr;
                }
            } else {
                self.step = self.byte(input[at], limits)?;
                at += 1;
            }
        }
        Ok(at)
    }

    #[inline]
    fn byte(&mut self, byte: u8, limits: &Limits) -> Result<Step, Error> {
        match (self.step, byte) {
            (Step::Size | Step::Pad | Step::Extension, _) => self.size_line(byte, limits),
            (Step::SizeLf, b'\n') => {
                self.digits = 0;
                self.line_bytes = 0;
                Ok(if self.left_bytes == 0 { Step::Trailer } else { Step::Data })
            }
            (Step::SizeLf, _) => Err(Error::BadChunkSize),
            (Step::DataCr, b'\r') => Ok(Step::DataLf),
            (Step::DataLf, b'\n') => Ok(Step::Size),
            (Step::DataCr | Step::DataLf, _) => Err(Error::BadChunkEnd),
            (step, _) => self.trailer(step, byte, limits),
        }
    }

    #[inline]
    fn size_line(&mut self, byte: u8, limits: &Limits) -> Result<Step, Error> {
        self.line_bytes += 1;
        if self.line_bytes > limits.chunk_line_bytes {
            return Err(Error::ChunkLineTooLong);
        }
        if self.step == Step::Size
            && let Some(digit) = (byte as char).to_digit(16)
        {
            if self.left_bytes >> 60 != 0 {
                return Err(Error::BadChunkSize);
            }
            self.left_bytes = self.left_bytes << 4 | u64::from(digit);
            self.digits += 1;
            return Ok(Step::Size);
        }
        match byte {
            _ if self.digits == 0 => Err(Error::BadChunkSize),
            b'\r' => Ok(Step::SizeLf),
            b'\t' => Ok(if self.step == Step::Extension { Step::Extension } else { Step::Pad }),
            0..=0x1f | 0x7f => Err(Error::BadChunkSize),
            _ if self.step == Step::Extension => Ok(Step::Extension),
            b' ' => Ok(Step::Pad),
            b';' => Ok(Step::Extension),
            _ => Err(Error::BadChunkSize),
        }
    }

    fn trailer(&mut self, step: Step, byte: u8, limits: &Limits) -> Result<Step, Error> {
        self.trailer_bytes += 1;
        if self.trailer_bytes > limits.head_bytes {
            return Err(Error::TrailerTooLarge);
        }
        match (step, byte) {
            (Step::Trailer, b'\r') => Ok(Step::EndLf),
            (Step::Trailer | Step::TrailerName, _) if is_token(byte) => Ok(Step::TrailerName),
            (Step::TrailerName, b':') | (Step::TrailerValue, b'\t' | b' '..=0x7e | 0x80..) => {
                Ok(Step::TrailerValue)
            }
            (Step::TrailerValue, b'\r') => Ok(Step::TrailerLf),
            (Step::TrailerLf, b'\n') => Ok(Step::Trailer),
            (Step::EndLf, b'\n') => Ok(Step::Done),
            _ => Err(Error::MalformedTrailer),
        }
    }
}

/// `tchar` of RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
