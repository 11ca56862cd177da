//! The response reader: no input panics, and no split changes what is read.
//!
//! The first byte chooses the piece size and whether HEAD was asked; the rest is the connection.
#![no_main]

use headgate_core::http1::{Limits, ResponseReader};
use libfuzzer_sys::fuzz_target;

type Seen = (Vec<u8>, Option<&'static str>, Option<u16>, bool, bool);

fn read(input: &[u8], piece_bytes: usize, asked_head: bool) -> Seen {
    let mut reader = ResponseReader::new(Limits { head_bytes: 512, headers: 16, chunk_line_bytes: 64 });
    reader.start(asked_head);
    let (mut body, mut error) = (Vec::new(), None);
    for piece in input.chunks(piece_bytes) {
        if let Err(found) = reader.feed(piece, |_, bytes| body.extend_from_slice(bytes)) {
            error = Some(found.kind());
            break;
        }
    }
    (body, error, reader.head().map(|head| head.status), reader.is_done(), reader.reusable())
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, input)) = data.split_first() else { return };
    let asked_head = choice & 1 == 1;
    let piece_bytes = usize::from(choice >> 1).max(1);
    let whole = read(input, input.len().max(1), asked_head);
    assert_eq!(read(input, piece_bytes, asked_head), whole);
});
