//! Chunks towards the client, written around payload that is already in place.
//!
//! Invariant: what one read brought leaves as one chunk, and its size is written after the payload
//! without moving it; sizes may have leading zeros, which RFC 9112 section 7.1 allows.

/// How the client's body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Chunked transfer coding.
    Chunked,
    /// Nothing added: the connection ends the body, or somebody else frames it.
    Raw,
}

const CRLF: &[u8] = b"\r\n";
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
const COMMENT: &[u8] = b": keep-alive\n\n";

/// A chunk that is being written at the end of a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenChunk {
    start: usize,
    payload: usize,
}

impl OpenChunk {
    /// Leaves room in `out` for the size of up to `bound_bytes` of payload.
    pub(super) fn open(out: &mut Vec<u8>, bound_bytes: usize) -> Self {
        let start = out.len();
        let digits = hex_digits(bound_bytes);
        out.extend(std::iter::repeat_n(b'0', digits));
        out.extend_from_slice(CRLF);
        Self { start, payload: out.len() }
    }

    /// Writes the size, or takes the empty chunk back: size 0 would end the body.
    pub(super) fn close(self, out: &mut Vec<u8>) {
        let mut size = out.len() - self.payload;
        if size == 0 {
            out.truncate(self.start);
            return;
        }
        let mut room = self.payload - self.start - CRLF.len();
        let needed = hex_digits(size);
        if needed > room {
            out.splice(self.start..self.start, std::iter::repeat_n(b'0', needed - room));
            room = needed;
        }
        for digit in out[self.start..self.start + room].iter_mut().rev() {
            *digit = b"0123456789abcdef"[size & 15];
            size >>= 4;
        }
        out.extend_from_slice(CRLF);
    }
}

fn hex_digits(value: usize) -> usize {
    (usize::BITS - value.leading_zeros()).div_ceil(4).max(1) as usize
}

/// Appends `payload` as one chunk, or as it is.
pub fn append(payload: &[u8], framing: Framing, out: &mut Vec<u8>) {
    match framing {
        Framing::Raw => out.extend_from_slice(payload),
        Framing::Chunked => {
            let chunk = OpenChunk::open(out, payload.len());
            out.extend_from_slice(payload);
            chunk.close(out);
        }
    }
}

/// Appends the keep-alive comment; only between events.
pub fn comment(framing: Framing, out: &mut Vec<u8>) {
    append(COMMENT, framing, out);
}

/// Appends what ends the body.
pub fn end(framing: Framing, out: &mut Vec<u8>) {
    if framing == Framing::Chunked {
        out.extend_from_slice(LAST_CHUNK);
    }
}
