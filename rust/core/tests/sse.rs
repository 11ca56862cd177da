//! The event parser and the boundary finder against every split and every line end.
#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::time::Instant;

use headgate_core::sse::{EventParser, EventTooLarge, Splitter};
use proptest::prelude::*;

/// Name, data, last id.
type Got = (Vec<u8>, Vec<u8>, Vec<u8>);

fn parse(pieces: &[&[u8]]) -> Vec<Got> {
    let mut parser = EventParser::default();
    let mut events = Vec::new();
    for piece in pieces {
        parser
            .feed(piece, |event| events.push((event.name.to_vec(), event.data.to_vec(), event.id.to_vec())))
            .unwrap();
    }
    events
}

fn cut<'a>(input: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut points: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
    points.extend([0, input.len()]);
    points.sort_unstable();
    points.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect()
}

/// The standard's algorithm over decoded lines, as plainly as it can be written.
fn oracle(input: &[u8]) -> Vec<Got> {
    let text = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
    let mut lines = vec![Vec::new()];
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'\r' if text.get(at + 1) == Some(&b'\n') => {
                at += 1;
                lines.push(Vec::new());
            }
            b'\r' | b'\n' => lines.push(Vec::new()),
            byte => lines.last_mut().unwrap().push(byte),
        }
        at += 1;
    }
    lines.pop();
    let (mut name, mut data, mut id, mut events) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for line in lines {
        if line.is_empty() {
            let name = std::mem::take(&mut name);
            let mut data: Vec<u8> = std::mem::take(&mut data);
            if data.pop().is_some() {
                events.push((name, data, id.clone()));
            }
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value).to_vec();
        match &line[..colon] {
            b"event" => name = value,
            b"data" => data.extend([value, b"\n".to_vec()].concat()),
            b"id" if !value.contains(&0) => id = value,
            _ => {}
        }
    }
    events
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "data: ?[a-zé🎉 :]{0,12}".prop_map(String::into_bytes),
        1 => "(event|id|retry|other|)(: ?[a-z0-9]{0,5})?".prop_map(String::into_bytes),
        1 => prop::collection::vec(prop::sample::select(b"data: x\0".to_vec()), 0..8),
        3 => Just(Vec::new()),
    ]
}

prop_compose! {
    fn stream()(
        bom in any::<bool>(),
        lines in prop::collection::vec((line(), prop::sample::select(vec!["\n", "\r", "\r\n"])), 0..30),
    ) -> Vec<u8> {
        let mut bytes = if bom { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
        for (line, end) in lines {
            bytes.extend_from_slice(&line);
            bytes.extend_from_slice(end.as_bytes());
        }
        bytes
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_standards_events(input in stream(), cuts in prop::collection::vec(any::<usize>(), 0..30)) {
        let expected = oracle(&input);
        prop_assert_eq!(&parse(&[&input]), &expected);
        prop_assert_eq!(&parse(&cut(&input, &cuts)), &expected);
        prop_assert_eq!(&parse(&input.chunks(1).collect::<Vec<_>>()), &expected);
    }

    #[test]
    fn boundaries_do_not_depend_on_the_split(input in stream(), cuts in prop::collection::vec(any::<usize>(), 0..30)) {
        let whole = ends(&[&input]);
        prop_assert_eq!(&ends(&cut(&input, &cuts)), &whole);
        prop_assert_eq!(&ends(&input.chunks(1).collect::<Vec<_>>()), &whole);
    }
}

/// Absolute ends of all events, a late LF counted to the event before it.
fn ends(pieces: &[&[u8]]) -> Vec<(usize, u32)> {
    let mut splitter = Splitter::default();
    let mut ends: Vec<(usize, u32)> = Vec::new();
    let mut base = 0;
    for piece in pieces {
        let late = splitter.late_lf(piece);
        if late > 0 {
            ends.last_mut().unwrap().0 += late;
        }
        let mut at = late;
        while let Some(boundary) = splitter.find_end(&piece[at..]) {
            at += boundary.end;
            ends.push((base + at, boundary.lines));
        }
        base += piece.len();
    }
    ends
}

#[test]
fn the_standards_examples_hold() {
    let got = |name: &str, data: &str, id: &str| (name.into(), data.into(), id.into());
    let table: &[(&str, Vec<Got>)] = &[
        ("data: YHOO\ndata: +2\ndata: 10\n\n", vec![got("", "YHOO\n+2\n10", "")]),
        (
            ": test\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n\n",
            vec![got("", "first", "1"), got("", "second", ""), got("", " third", "")],
        ),
        ("data\n\ndata\ndata\n\ndata:", vec![got("", "", ""), got("", "\n", "")]),
        ("event: add\ndata: 1\r\rdata: cut", vec![got("add", "1", "")]),
        ("\u{feff}data: bom\n\n\u{feff}data: none\n\n", vec![got("", "bom", "")]),
    ];
    for (input, events) in table {
        assert_eq!(&parse(&[input.as_bytes()]), events, "{input:?}");
        assert_eq!(&parse(&input.as_bytes().chunks(1).collect::<Vec<_>>()), events, "{input:?}");
    }
}

#[test]
fn an_event_ends_with_its_last_needed_byte() {
    for (input, end) in
        [("data: x\n\nd", 9), ("data: x\r\n\r\nd", 11), ("data: x\r\rd", 9), ("data: x\r\n\r", 10)]
    {
        let boundary = Splitter::default().find_end(input.as_bytes()).unwrap();
        assert_eq!((boundary.end, boundary.lines), (end, 1), "{input:?}");
    }
    assert_eq!(Splitter::default().find_end(b"data: x\n"), None);
}

#[test]
fn retry_is_read_as_milliseconds() {
    let mut parser = EventParser::default();
    parser.feed(b"retry: 1500\n\nretry: soon\n\n", |_| {}).unwrap();
    assert_eq!(parser.retry_ms(), Some(1500));
}

#[test]
fn events_are_bounded() {
    let fits = b"data: 34567890\n\n";
    for pieces in [vec![&fits[..]], fits.chunks(1).collect()] {
        let feed = |max: usize| {
            let mut parser = EventParser::with_max_event(max);
            pieces.iter().try_for_each(|piece| parser.feed(piece, |_| {}))
        };
        assert_eq!(feed(16), Ok(()));
        assert_eq!(feed(15), Err(EventTooLarge));
    }
    let mut parser = EventParser::with_max_event(8);
    assert_eq!(parser.feed(b"data: 34567890", |_| {}), Err(EventTooLarge));
    assert_eq!(parser.feed(b"\n\ndata\n\n", |_| {}), Err(EventTooLarge), "a failure stays");
}

#[test]
fn a_long_event_in_small_pieces_takes_linear_time() {
    let elapsed = |bytes: usize| {
        let data = vec![b'x'; bytes];
        let mut parser = EventParser::default();
        let mut got = 0;
        let start = Instant::now();
        parser.feed(b"data: ", |_| {}).unwrap();
        for piece in data.chunks(64) {
            parser.feed(piece, |_| {}).unwrap();
        }
        parser.feed(b"\n\n", |event| got = event.data.len()).unwrap();
        assert_eq!(got, bytes);
        start.elapsed()
    };
    let small = (0..3).map(|_| elapsed(1 << 20)).min().unwrap();
    let large = (0..3).map(|_| elapsed(15 << 20)).min().unwrap();
    assert!(large < small * 15 * 6, "{small:?} for 1 MiB, {large:?} for 15 MiB");
}
