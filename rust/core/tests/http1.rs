//! The response reader against every split, against malformed heads, and at its bounds.

use headgate_core::http1::{ContentKind, End, Error, Limits, MAX_HEADERS, ResponseReader, RetryAfter};
use proptest::prelude::*;

/// What an owner sees of one answer.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    error: Option<Error>,
    status: Option<u16>,
    body: Vec<u8>,
    end: End,
    done: bool,
    reusable: bool,
}

fn read(pieces: &[&[u8]], asked_head: bool) -> Seen {
    let mut reader = ResponseReader::new(Limits::default());
    reader.start(asked_head);
    read_with(&mut reader, pieces)
}

fn read_with(reader: &mut ResponseReader, pieces: &[&[u8]]) -> Seen {
    let mut body = Vec::new();
    let mut error = None;
    for piece in pieces {
        error = error.or(reader.feed(piece, |_, bytes| body.extend_from_slice(bytes)).err());
    }
    Seen {
        error,
        status: reader.head().map(|head| head.status),
        body,
        end: reader.eof(),
        done: reader.is_done(),
        reusable: reader.reusable(),
    }
}

fn cut<'a>(input: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut points: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
    points.extend([0, input.len()]);
    points.sort_unstable();
    points.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect()
}

fn bytes_of(input: &[u8]) -> Vec<&[u8]> {
    input.chunks(1).collect()
}

const CHUNKED: &[u8] = b"HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b;c=\"d e\"\r\nhello\r\n0000A \r\n, world...\r\n0;last\r\nx-sum: 1, 2\r\nEmpty:\r\n\r\n";

proptest! {
    #[test]
    fn any_split_gives_the_same_chunked_answer(cuts in prop::collection::vec(any::<usize>(), 0..40), surplus: bool) {
        let mut input = CHUNKED.to_vec();
        if surplus {
            input.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        }
        let seen = read(&cut(&input, &cuts), false);
        prop_assert_eq!(seen, Seen {
            error: None,
            status: Some(200),
            body: b"hello, world...".to_vec(),
            end: End::Complete,
            done: true,
            reusable: !surplus,
        });
    }

    #[test]
    fn any_prefix_is_truncated(length in 0..CHUNKED.len()) {
        let seen = read(&bytes_of(&CHUNKED[..length]), false);
        prop_assert_eq!(seen.error, None);
        prop_assert_eq!(seen.end, if length == 0 { End::NoResponse } else { End::Truncated });
        prop_assert!(!seen.reusable);
    }

    #[test]
    fn any_bodies_survive_chunking(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..8),
        cuts in prop::collection::vec(any::<usize>(), 0..10),
    ) {
        let mut input = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for piece in &pieces {
            input.extend_from_slice(format!("{:X}\r\n", piece.len()).as_bytes());
            input.extend_from_slice(piece);
            input.extend_from_slice(b"\r\n");
        }
        input.extend_from_slice(b"0\r\n\r\n");
        let seen = read(&cut(&input, &cuts), false);
        prop_assert_eq!(seen.body, pieces.concat());
        prop_assert!(seen.reusable);
    }

    #[test]
    fn garbage_gives_the_same_verdict_at_any_split(
        head in prop::sample::select(vec![
            &b""[..], b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        ]),
        noise in prop::collection::vec(prop::sample::select(b"HTP/1. 20OK\r\n:;a0fF\0\t".to_vec()), 0..60),
        cuts in prop::collection::vec(any::<usize>(), 0..10),
    ) {
        let input = [head, &noise].concat();
        prop_assert_eq!(read(&cut(&input, &cuts), false), read(&bytes_of(&input), false));
    }
}

#[test]
fn malformed_heads_are_refused() {
    let table: &[(&str, Error)] = &[
        ("SSH-2.0-OpenSSH_9.6\r\n", Error::MalformedHead),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", Error::MalformedHead),
        ("HTTP/2.0 200 OK\r\n\r\n", Error::MalformedHead),
        ("HTTP/1.1 20 OK\r\n\r\n", Error::MalformedHead),
        ("HTTP/1.1 600 Odd\r\n\r\n", Error::MalformedHead),
        ("HTTP/1.1 099 Odd\r\n\r\n", Error::MalformedHead),
        ("HTTP/1.1 200 OK\n\n", Error::MalformedHead),
        ("HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n", Error::MalformedHead),
        ("HTTP/1.1 200 OK\r\na: b\rc: d\r\n\r\n", Error::MalformedHead),
        ("HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n", Error::MalformedHead),
        ("HTTP/1.1 200 OK\r\na : b\r\n\r\n", Error::MalformedHead),
        ("HTTP/1.1 200 OK\r\n a: b\r\n\r\n", Error::MalformedHead),
        ("HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n", Error::MalformedHead),
        ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Error::MalformedHead),
        ("HTTP/1.1 200 OK\r\n: empty\r\n\r\n", Error::MalformedHead),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", Error::UnexpectedUpgrade),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n", Error::BadContentLength),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5, 6\r\n\r\n", Error::BadContentLength),
        ("HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\n", Error::BadContentLength),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0x5\r\n\r\n", Error::BadContentLength),
        ("HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\n", Error::BadContentLength),
        ("HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616\r\n\r\n", Error::BadContentLength),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", Error::BadTransferEncoding),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\n\r\n", Error::BadTransferEncoding),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
            Error::BadTransferEncoding,
        ),
        ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Error::BadTransferEncoding),
    ];
    for (input, error) in table {
        for pieces in [vec![input.as_bytes()], bytes_of(input.as_bytes())] {
            let seen = read(&pieces, false);
            assert_eq!(seen.error, Some(*error), "{input:?}");
            assert!(!seen.reusable && seen.end == End::Truncated, "{input:?}");
        }
    }
}

#[test]
fn malformed_chunks_are_refused() {
    let table: &[(&str, Error)] = &[
        ("\r\n", Error::BadChunkSize),
        (";a\r\n", Error::BadChunkSize),
        ("-1\r\n", Error::BadChunkSize),
        ("0x5\r\n", Error::BadChunkSize),
        ("5 5\r\n", Error::BadChunkSize),
        ("5\nhello", Error::BadChunkSize),
        ("5\rhello", Error::BadChunkSize),
        ("5;a\0\r\n", Error::BadChunkSize),
        ("5;a\nhello", Error::BadChunkSize),
        ("10000000000000000\r\n", Error::BadChunkSize),
        ("5\r\nhello!", Error::BadChunkEnd),
        ("5\r\nhello\n", Error::BadChunkEnd),
        ("0\r\n folded\r\n", Error::MalformedTrailer),
        ("0\r\nno colon\r\n", Error::MalformedTrailer),
        ("0\r\na: b\nc: d\r\n", Error::MalformedTrailer),
        ("0\r\n\n", Error::MalformedTrailer),
        ("0\r\n\rx", Error::MalformedTrailer),
    ];
    for (body, error) in table {
        let input = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}");
        for pieces in [vec![input.as_bytes()], bytes_of(input.as_bytes())] {
            assert_eq!(read(&pieces, false).error, Some(*error), "{body:?}");
        }
    }
}

#[test]
fn the_largest_chunk_size_is_still_a_number() {
    let input = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nab";
    let seen = read(&[input], false);
    assert_eq!((seen.error, seen.body.as_slice(), seen.end), (None, &b"ab"[..], End::Truncated));
}

#[test]
fn framing_and_keep_alive_follow_the_head() {
    // Head lines, whether HEAD was asked, body on the wire, body read, done, reusable.
    let table: &[(&str, bool, &str, &str, bool, bool)] = &[
        ("1.1 200 OK\r\ncontent-length: 2\r\n", false, "ok", "ok", true, true),
        ("1.1 200\r\ncontent-length: 2\r\n", false, "ok", "ok", true, true),
        ("1.1 200 OK\r\ncontent-length: 2, 2\r\ncontent-length: 2\r\n", false, "ok", "ok", true, true),
        ("1.1 200 OK\r\ncontent-length: 2\r\n", false, "o", "o", false, false),
        ("1.1 200 OK\r\ncontent-length: 2\r\n", false, "ok!", "ok", true, false),
        ("1.1 200 OK\r\ncontent-length: 2\r\nconnection: x, Close\r\n", false, "ok", "ok", true, false),
        ("1.0 200 OK\r\ncontent-length: 2\r\n", false, "ok", "ok", true, false),
        ("1.0 200 OK\r\ncontent-length: 2\r\nconnection: Keep-Alive\r\n", false, "ok", "ok", true, true),
        ("1.1 200 OK\r\n", false, "until close", "until close", false, false),
        ("1.1 200 OK\r\ncontent-length: 0\r\n", false, "", "", true, true),
        ("1.1 200 OK\r\ncontent-length: 9\r\n", true, "", "", true, true),
        ("1.1 200 OK\r\ntransfer-encoding: chunked\r\n", true, "", "", true, true),
        ("1.1 304 Not Modified\r\ncontent-length: 9\r\n", false, "", "", true, true),
        ("1.1 204 No Content\r\n", false, "", "", true, true),
        ("1.1 204 No Content\r\ncontent-length: 0\r\n", false, "", "", true, true),
        ("1.1 204 No Content\r\ncontent-length: 9\r\n", false, "", "", true, false),
        (
            "1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n",
            false,
            "2\r\nok\r\n0\r\n\r\n",
            "ok",
            true,
            false,
        ),
    ];
    for (head, asked_head, wire, body, done, reusable) in table {
        let input = format!("HTTP/{head}\r\n{wire}");
        for pieces in [vec![input.as_bytes()], bytes_of(input.as_bytes())] {
            let seen = read(&pieces, *asked_head);
            assert_eq!(seen.error, None, "{input:?}");
            assert_eq!(seen.body, body.as_bytes(), "{input:?}");
            assert_eq!((seen.done, seen.reusable), (*done, *reusable), "{input:?}");
        }
    }
    assert_eq!(read(&[b"HTTP/1.1 200 OK\r\n\r\nx"], false).end, End::Complete);
}

#[test]
fn facts_are_read_from_the_head() {
    let mut reader = ResponseReader::new(Limits::default());
    let head = b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: Application/Problem+JSON; charset=utf-8\r\nRetry-After: 7\r\nOpenAI-Processing-Ms: 12\r\nx-ratelimit-limit-requests: 60\r\nanthropic-organization-id: org\r\nset-cookie: a=b\r\nX-Request-ID: req_1\r\nrequest-id: req_2\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n";
    reader.feed(head, |_, _| {}).unwrap();
    let head = reader.head().unwrap();
    assert_eq!(head.status, 429);
    assert_eq!(head.content, ContentKind::Json);
    assert_eq!(head.retry_after, Some(RetryAfter::Seconds(7)));
    assert!(head.encoded);
    assert_eq!(head.content_length, Some(3));
    assert_eq!(head.upstream_id(), Some(&b"req_1"[..]));
    assert_eq!(
        std::str::from_utf8(head.forward()).unwrap(),
        "openai-processing-ms: 12\r\nanthropic-organization-id: org\r\nx-headgate-upstream-id: req_1\r\n"
    );

    reader.start(false);
    assert!(reader.head().is_none());
    let date = "Fri, 31 Dec 1999 23:59:59 GMT";
    let next = format!("HTTP/1.1 503 Busy\r\nretry-after: {date}\r\ncontent-encoding: identity\r\n\r\n");
    reader.feed(next.as_bytes(), |_, _| {}).unwrap();
    let head = reader.head().unwrap();
    assert_eq!(head.retry_after, Some(RetryAfter::Text(date.to_owned())));
    assert_eq!((head.content, head.encoded, head.content_length), (ContentKind::Other, false, None));
    assert!(head.forward().is_empty() && head.upstream_id().is_none());
}

#[test]
fn media_types_are_told_apart() {
    let table = [
        ("text/event-stream", ContentKind::EventStream),
        ("TEXT/Event-Stream ;charset=utf-8", ContentKind::EventStream),
        ("application/json", ContentKind::Json),
        ("application/x-ndjson", ContentKind::Ndjson),
        ("application/jsonl", ContentKind::Ndjson),
        ("application/vnd.amazon.eventstream", ContentKind::Frames),
        ("text/event-streams", ContentKind::Other),
        ("text/html", ContentKind::Other),
    ];
    for (media, kind) in table {
        let mut reader = ResponseReader::new(Limits::default());
        let input = format!("HTTP/1.1 200 OK\r\ncontent-type: {media}\r\n\r\n");
        reader.feed(input.as_bytes(), |_, _| {}).unwrap();
        assert_eq!(reader.head().unwrap().content, kind, "{media}");
    }
}

#[test]
fn heads_are_bounded() {
    let limits = Limits { head_bytes: 200, headers: 4, chunk_line_bytes: 16 };
    let field = |count: usize| "a: b\r\n".repeat(count);
    let table = [
        (format!("HTTP/1.1 200 OK\r\n{}\r\n", field(4)), None),
        (format!("HTTP/1.1 200 OK\r\n{}\r\n", field(5)), Some(Error::TooManyHeaders)),
        (format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "x".repeat(174)), None),
        (format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "x".repeat(177)), Some(Error::HeadTooLarge)),
        ("HTTP/1.1 100 Continue\r\n\r\n".repeat(20), Some(Error::TooManyInterim)),
        (chunked("1;aaaaaaaaaaaaa\r\n"), None),
        (chunked("1;aaaaaaaaaaaaaa\r\n"), Some(Error::ChunkLineTooLong)),
        (chunked("00000000000000001\r\n"), Some(Error::ChunkLineTooLong)),
        (chunked(&format!("0\r\na: {}\r\n\r\n", "x".repeat(194))), Some(Error::TrailerTooLarge)),
        (chunked(&format!("0\r\na: {}\r\n\r\n", "x".repeat(193))), None),
    ];
    for (input, error) in &table {
        for pieces in [vec![input.as_bytes()], bytes_of(input.as_bytes())] {
            let mut reader = ResponseReader::new(limits);
            assert_eq!(read_with(&mut reader, &pieces).error, *error, "{input:?}");
        }
    }
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", field(MAX_HEADERS + 1));
    assert_eq!(read(&[many.as_bytes()], false).error, Some(Error::TooManyHeaders));
}

fn chunked(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}")
}

#[test]
fn one_reader_serves_answer_after_answer() {
    let mut reader = ResponseReader::new(Limits::default());
    for round in 0..3 {
        reader.start(false);
        let seen = read_with(&mut reader, &bytes_of(CHUNKED));
        assert!(seen.reusable && seen.body == b"hello, world...", "round {round}");
    }
    reader.start(false);
    assert_eq!(reader.eof(), End::NoResponse);
    assert_eq!(read_with(&mut reader, &[b"nonsense"]).error, Some(Error::MalformedHead));
    assert_eq!(read_with(&mut reader, &[CHUNKED]).error, Some(Error::MalformedHead), "a failure stays");
    reader.start(false);
    assert_eq!(read_with(&mut reader, &[CHUNKED]).error, None);
}

#[test]
fn a_body_in_one_slice_is_not_copied() {
    let input = [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n".as_slice(), b"hello"].concat();
    let mut reader = ResponseReader::new(Limits::default());
    let mut at = None;
    reader.feed(&input, |_, body| at = Some(body.as_ptr())).unwrap();
    assert_eq!(at, Some(input[input.len() - 5..].as_ptr()));
}

#[test]
fn kinds_are_distinct() {
    let kinds = [
        Error::MalformedHead,
        Error::HeadTooLarge,
        Error::TooManyHeaders,
        Error::TooManyInterim,
        Error::UnexpectedUpgrade,
        Error::BadContentLength,
        Error::BadTransferEncoding,
        Error::BadChunkSize,
        Error::ChunkLineTooLong,
        Error::BadChunkEnd,
        Error::MalformedTrailer,
        Error::TrailerTooLarge,
    ]
    .map(Error::kind);
    assert_eq!(std::collections::HashSet::from(kinds).len(), kinds.len());
}
