//! Event parser and stream relay: no input panics, and no split changes what comes out.
//!
//! The first byte chooses the piece size; the rest is the stream.
#![no_main]

use headgate_core::sse::EventParser;
use headgate_core::wire::openai::stream::{Framing, Outcome, Settings, Stop, StreamRelay};
use libfuzzer_sys::fuzz_target;

fn parse(input: &[u8], piece_bytes: usize) -> Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let mut parser = EventParser::default();
    let mut events = Vec::new();
    for piece in input.chunks(piece_bytes) {
        let fed = parser
            .feed(piece, |event| events.push((event.name.to_vec(), event.data.to_vec(), event.id.to_vec())));
        assert!(fed.is_ok(), "no input of a fuzzer is that long");
    }
    events
}

type Relayed = (Vec<u8>, Outcome, Option<Stop>, u64, bool, Vec<u8>, u64);

fn relay(input: &[u8], piece_bytes: usize) -> Relayed {
    let settings = Settings { framing: Framing::Raw, client_wants_usage: false, done_required: true };
    let mut relay = StreamRelay::new(settings);
    let mut out = Vec::new();
    for piece in input.chunks(piece_bytes) {
        relay.feed(piece, &mut out);
    }
    let outcome = relay.finish(true, &mut out);
    (out, outcome, relay.stop(), relay.events(), relay.committed(), relay.text().to_vec(), relay.text_bytes())
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, input)) = data.split_first() else { return };
    let piece_bytes = usize::from(*choice).max(1);
    let whole = input.len().max(1);
    assert_eq!(parse(input, piece_bytes), parse(input, whole));
    assert_eq!(relay(input, piece_bytes), relay(input, whole));

    // Passing in parts may see less of an event, but must not panic.
    let settings = Settings { framing: Framing::Chunked, client_wants_usage: true, done_required: false };
    let mut parts = StreamRelay::holding(settings, 16);
    let mut out = Vec::new();
    for piece in input.chunks(piece_bytes) {
        parts.feed(piece, &mut out);
    }
    parts.finish(false, &mut out);
});
