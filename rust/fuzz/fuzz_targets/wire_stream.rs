//! Streams of every dialect: however they are cut they tell the same, in whole events of JSON.
//!
//! The first byte chooses the dialect, the second the piece size; the rest is the stream.
#![no_main]

use headgate_core::wire::endpoint::Dialect;
use headgate_fuzz::properties;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [dialect, piece_bytes, stream @ ..] = data else { return };
    match Dialect::ALL[usize::from(*dialect) % Dialect::ALL.len()] {
        Dialect::Bedrock => properties::frames(stream),
        dialect => properties::stream(dialect, stream, usize::from(*piece_bytes)),
    }
});
