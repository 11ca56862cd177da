//! Why an upstream's answer cannot be read: a closed list with stable names.
//!
//! Invariant: every kind maps to exactly one string, used in logs and metric labels.

use std::fmt;

/// A violation of HTTP/1.1 framing (RFC 9112) or of a bound of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The status line or a header field does not parse.
    MalformedHead,
    /// The head is longer than [`super::Limits::head_bytes`].
    HeadTooLarge,
    /// More header fields than [`super::Limits::headers`].
    TooManyHeaders,
    /// More 1xx answers in a row than anybody sends.
    TooManyInterim,
    /// 101 came, but no upgrade was asked for.
    UnexpectedUpgrade,
    /// `Content-Length` is not a number, or says two things.
    BadContentLength,
    /// `Transfer-Encoding` is anything but one `chunked`.
    BadTransferEncoding,
    /// A chunk size is missing, not hexadecimal, or overflows.
    BadChunkSize,
    /// A chunk size line is longer than [`super::Limits::chunk_line_bytes`].
    ChunkLineTooLong,
    /// Chunk data is not followed by CRLF.
    BadChunkEnd,
    /// A trailer line is not a field.
    MalformedTrailer,
    /// Trailers are longer than [`super::Limits::head_bytes`].
    TrailerTooLarge,
}

impl Error {
    /// The stable name of this kind.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::MalformedHead => "malformed_head",
            Self::HeadTooLarge => "head_too_large",
            Self::TooManyHeaders => "too_many_headers",
            Self::TooManyInterim => "too_many_interim",
            Self::UnexpectedUpgrade => "unexpected_upgrade",
            Self::BadContentLength => "bad_content_length",
            Self::BadTransferEncoding => "bad_transfer_encoding",
            Self::BadChunkSize => "bad_chunk_size",
            Self::ChunkLineTooLong => "chunk_line_too_long",
            Self::BadChunkEnd => "bad_chunk_end",
            Self::MalformedTrailer => "malformed_trailer",
            Self::TrailerTooLarge => "trailer_too_large",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl std::error::Error for Error {}
