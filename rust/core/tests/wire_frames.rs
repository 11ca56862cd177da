//! AWS's frames: any split gives the same, checksums are checked, no bytes panic.

use headgate_core::wire::frames::{Fault, Frame, Frames, MAX_FRAME_BYTES};
use proptest::prelude::*;

mod support;
use support::frames::{frame, raw};

fn cut(pieces: &[&[u8]]) -> (Vec<String>, Result<(), Fault>, bool) {
    let (mut frames, mut seen) = (Frames::default(), Vec::new());
    for piece in pieces {
        let read = frames.feed(piece, |frame| seen.push(format!("{frame:?}")));
        if read.is_err() {
            return (seen, read, frames.open());
        }
    }
    (seen, Ok(()), frames.open())
}

fn event(name: &str, payload: &[u8]) -> Vec<u8> {
    frame(&[(":message-type", "event"), (":event-type", name)], payload)
}

#[test]
fn events_and_failures_are_told_apart() {
    let stream = [
        event("messageStart", b"{}"),
        frame(&[(":message-type", "later")], b"?"),
        frame(&[(":message-type", "exception"), (":exception-type", "throttlingException")], b"{}"),
        frame(&[(":message-type", "error"), (":error-code", "Bad"), (":error-message", "no")], b""),
        frame(&[], b""),
    ]
    .concat();
    let mut seen = 0;
    Frames::default()
        .feed(&stream, |frame| {
            let expected = [
                Frame::Event { name: "messageStart", payload: b"{}" },
                Frame::Exception { name: "throttlingException", payload: b"{}" },
                Frame::Error { code: "Bad", message: "no" },
            ];
            assert_eq!(frame, expected[seen]);
            seen += 1;
        })
        .unwrap();
    assert_eq!(seen, 3);
}

#[test]
fn the_documented_frame_is_read() {
    // github.com/awslabs/aws-c-event-stream, tests/message_deserializer_test.c: no headers, a payload.
    let bytes = [
        0x00, 0x00, 0x00, 0x1D, 0x00, 0x00, 0x00, 0x00, 0xFD, 0x52, 0x8C, 0x5A, 0x7B, 0x27, 0x66, 0x6F, 0x6F,
        0x27, 0x3A, 0x27, 0x62, 0x61, 0x72, 0x27, 0x7D, 0xC3, 0x65, 0x39, 0x36,
    ];
    assert_eq!(raw(&[], b"{'foo':'bar'}"), bytes);
    assert_eq!(cut(&[&bytes]), (vec![], Ok(()), false));
}

#[test]
fn a_wrong_checksum_ends_the_stream() {
    let whole = event("a", b"payload");
    for at in 0..whole.len() {
        let mut wrong = whole.clone();
        wrong[at] ^= 1;
        assert_eq!(cut(&[&whole, &wrong]).1, Err(Fault::Corrupt), "{at}");
    }
}

#[test]
fn lengths_are_bounded_before_anything_is_kept() {
    let prelude = |length: u32| {
        let lengths = [length.to_be_bytes(), 0_u32.to_be_bytes()].concat();
        [&lengths[..], &crc32fast::hash(&lengths).to_be_bytes()].concat()
    };
    let most = u32::try_from(MAX_FRAME_BYTES).unwrap();
    assert_eq!(cut(&[&prelude(most)]), (vec![], Ok(()), true));
    assert_eq!(cut(&[&prelude(most + 1)]).1, Err(Fault::TooLarge));
    assert_eq!(cut(&[&prelude(15)]).1, Err(Fault::Corrupt));
    let payload = vec![b'x'; MAX_FRAME_BYTES - 16];
    assert_eq!(cut(&[&raw(&[], &payload)]), (vec![], Ok(()), false));
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        frames in prop::collection::vec(("[a-z]{0,9}", prop::collection::vec(any::<u8>(), 0..90)), 1..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
    ) {
        let stream: Vec<u8> = frames.iter().flat_map(|(name, payload)| event(name, payload)).collect();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        at.sort_unstable();
        let ends = at.iter().copied().chain([stream.len()]);
        let pieces: Vec<&[u8]> =
            [0].into_iter().chain(at.iter().copied()).zip(ends).map(|(from, to)| &stream[from..to]).collect();
        let whole = cut(&[&stream]);
        prop_assert_eq!(whole.0.len(), frames.len());
        prop_assert_eq!(cut(&pieces), whole);
    }

    #[test]
    fn no_bytes_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..99),
        headers in prop::collection::vec(prop_oneof![0_u8..10, any::<u8>()], 0..99),
    ) {
        prop_assert!(cut(&[&bytes]).0.is_empty());
        // Right checksums over any headers.
        let (seen, read, open) = cut(&[&raw(&headers, &bytes)]);
        prop_assert!(seen.len() <= 1 && (read.is_err() || !open));
    }
}
