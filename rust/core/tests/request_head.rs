//! Request heads: what is refused, what is told, and that neither depends on what follows.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use headgate_core::http1::request::{Body, Head, HeadReader, KNOWN_NAMES, Limits, Method, Name};
use proptest::prelude::*;

const LIMITS: Limits = Limits { head_bytes: 2000, headers: 12, target_bytes: 100, body_bytes: 1000 };

fn read(data: &[u8]) -> Result<Option<Head<'_>>, u16> {
    HeadReader::new(LIMITS).read(data).map_err(|refusal| refusal.status)
}

fn whole(data: &[u8]) -> Head<'_> {
    read(data).unwrap().unwrap()
}

fn status(data: &[u8]) -> u16 {
    read(data).unwrap_err()
}

fn get(first: &str, lines: &[&str]) -> Vec<u8> {
    let lines: String = lines.iter().flat_map(|line| [*line, "\r\n"]).collect();
    format!("{first}\r\n{lines}\r\n").into_bytes()
}

#[test]
fn framing_that_could_be_read_in_two_ways_is_refused() {
    let cases: [(&[&str], u16); 28] = [
        (&[], 400),
        (&["Host: "], 400),
        (&["Host: a", "host: a"], 400),
        (&["Host: a b"], 400),
        (&["Host: u@a"], 400),
        (&["Host: a", "Content-Length: 5", "Content-Length: 5"], 400),
        (&["Host: a", "Content-Length: 5", "Transfer-Encoding: chunked"], 400),
        (&["Host: a", "Transfer-Encoding: chunked", "Content-Length: 0"], 400),
        (&["Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], 400),
        (&["Host: a", "Transfer-Encoding:  chunked"], 400),
        (&["Host: a", "Transfer-Encoding:\tchunked"], 400),
        (&["Host: a", "Transfer-Encoding: chunked "], 400),
        (&["Host: a", "Transfer-Encoding: chunked, chunked"], 400),
        (&["Host: a", "Transfer-Encoding: "], 400),
        (&["Host: a", "Transfer-Encoding: identity"], 400),
        (&["Host: a", "Transfer-Encoding: gzip, br,chunked"], 501),
        (&["Host: a", "Content-Length: "], 400),
        (&["Host: a", "Content-Length: +5"], 400),
        (&["Host: a", "Content-Length: 5,5"], 400),
        (&["Host: a", "Content-Length: 0000000000000000005"], 400),
        (&["Host: a", "Content-Length: 1001"], 413),
        (&["Host: a", "Expect: 100-continue", "Expect: 100-continue"], 400),
        (&["Host: a", "Expect: "], 417),
        (&["Host: a", " b"], 400),
        (&["Host : a"], 400),
        (&["Host: a", ": a"], 400),
        (&["Host: a", "b"], 400),
        (&["Host: a", "b: c\rd: e"], 400),
    ];
    for (lines, expected) in cases {
        assert_eq!(status(&get("POST / HTTP/1.1", lines)), expected, "{lines:?}");
    }
    assert_eq!(status(&get("POST / HTTP/1.0", &["Transfer-Encoding: chunked"])), 400);
    assert_eq!(status(&get("GET / HTTP/1.1", &["Host: a"; 13])), 400);
    assert_eq!(status(&get("GET / HTTP/1.0", &["a: b"; 13])), 431);
    assert_eq!(status(&get("GET / HTTP/1.0", &[&format!("a: {}", "b".repeat(2000))])), 431);
    assert_eq!(status(b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

#[test]
fn request_lines_have_three_words() {
    let cases = [
        ("", 400),
        (" ", 400),
        ("HTTP/1.1", 400),
        (" HTTP/1.1", 400),
        ("GET HTTP/1.1", 400),
        ("GET  / HTTP/1.1", 400),
        ("GET /  HTTP/1.1", 400),
        (" GET / HTTP/1.1", 400),
        ("GET\t/ HTTP/1.1", 400),
        ("GET / x HTTP/1.1", 400),
        ("GET / HTTP/1.1 ", 400),
        ("get / HTTP/1.1", 400),
        ("-GET / HTTP/1.1", 400),
        ("BREW / HTTP/1.1", 501),
        ("CONNECT a:1 HTTP/1.1", 501),
        ("GET / HTTP/2.0", 505),
        ("GET / HTTP/1.2", 505),
        ("GET / HTTP/1.11", 400),
        ("GET / http/1.1", 400),
        ("GET /# HTTP/1.1", 400),
        ("GET * HTTP/1.1", 400),
        ("GET a HTTP/1.1", 400),
        ("GET ftp://a/ HTTP/1.1", 400),
        ("GET http://b/ HTTP/1.1", 400),
        ("GET http:///a HTTP/1.1", 400),
        ("GET http://a:x/ HTTP/1.1", 400),
        ("GET http://u@a/ HTTP/1.1", 400),
        ("GET /\u{e9} HTTP/1.1", 400),
        ("GET /\u{7f} HTTP/1.1", 400),
        ("GET /\0 HTTP/1.1", 400),
    ]; // one case after the other
    for (line, expected) in cases {
        assert_eq!(status(&get(line, &["Host: a"])), expected, "{line:?}");
    }
    assert_eq!(status(&get(&format!("GET /{} HTTP/1.1", "a".repeat(100)), &["Host: a"])), 414);
}

#[test]
fn targets_are_split() {
    let cases: [(&str, &str, &[u8], &[u8]); 8] = [
        ("GET /a?b?c HTTP/1.1", "a", b"/a", b"b?c"),
        ("GET / HTTP/1.1", "a", b"/", b""),
        ("GET //a/b HTTP/1.1", "a", b"//a/b", b""),
        ("OPTIONS * HTTP/1.1", "a", b"*", b""),
        ("GET http://A HTTP/1.1", "a", b"/", b""),
        ("GET http://a?b HTTP/1.1", "a", b"/", b"b"),
        ("GET https://a:8080/b?c HTTP/1.1", "a:8080", b"/b", b"c"),
        ("GET http://[::1]:80/b HTTP/1.1", "[::1]:80", b"/b", b""),
    ];
    for (line, host, path, query) in cases {
        let data = get(line, &[&format!("Host: {host}")]);
        let head = whole(&data);
        assert_eq!((head.path, head.query), (path, query), "{line}");
    }
}

#[test]
fn facts_are_told() {
    let data = get(
        "POST /v1 HTTP/1.1",
        &[
            "HOST:a",
            "X-Headgate-Cache:  off \t",
            "Expect: 100-Continue",
            "Connection: te, Close",
            "Transfer-Encoding:CHUNKED",
            "X-Request-ID: a-1",
            "Authorization: one",
            "Authorization: two",
        ],
    );
    let head = whole(&data);
    assert_eq!((head.method, head.body, head.end), (Method::Post, Body::Chunked, data.len()));
    assert!(head.chunked && head.expects_continue && head.special && !head.keep_alive && !head.vendor);
    assert_eq!((head.request_id, head.authorization), (Some("a-1"), Some(&b"one"[..])));
    assert_eq!(head.fields[1].value, b"off");
    assert_eq!(head.fields[0].name, Name::Known(0));
    let old =
        get("GET / HTTP/1.0", &["Connection: keep-alive", "Expect: x", "OpenAI-New: 1", "X-Request-ID: a b"]);
    let head = whole(&old);
    assert!(!head.chunked && head.keep_alive && !head.expects_continue && head.vendor && !head.special);
    assert_eq!((head.request_id, head.body), (None, Body::Sized(0)));
    assert_eq!(head.fields[2].name, Name::Other(b"OpenAI-New"));
}

fn lines() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(KNOWN_NAMES.to_vec()).prop_map(|name| name.as_bytes().to_vec());
    let piece = prop_oneof![
        known,
        prop::sample::select(vec![
            &b"\r\n"[..],
            b"\n",
            b"\r",
            b" ",
            b"\t",
            b":",
            b": ",
            b"5",
            b"chunked",
            b"a",
            b"\0"
        ])
        .prop_map(<[u8]>::to_vec),
        prop::collection::vec(any::<u8>(), 0..3),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

/// The outcome as far as it can be compared.
fn outcome(data: &[u8]) -> Result<Option<String>, u16> {
    read(data).map(|head| head.map(|head| format!("{head:?}")))
}

proptest! {
    #[test]
    fn what_follows_a_head_changes_nothing(lines in lines(), behind in prop::collection::vec(any::<u8>(), 0..20)) {
        let mut data = b"POST / HTTP/1.1\r\nHost: a\r\n".to_vec();
        data.extend_from_slice(&lines);
        data.extend_from_slice(b"\r\n\r\n");
        let alone = outcome(&data);
        prop_assert!(!matches!(alone, Ok(None)));
        data.extend_from_slice(&behind);
        prop_assert_eq!(outcome(&data), alone);
    }

    #[test]
    fn what_is_taken_has_one_meaning(lines in lines()) {
        let mut data = b"POST / HTTP/1.1\r\nHost: a\r\n".to_vec();
        data.extend_from_slice(&lines);
        data.extend_from_slice(b"\r\n\r\n");
        if let Ok(Some(head)) = read(&data) {
            let text = &data[..head.end];
            // Every line end is CRLF, and there are as many as fields, the first line and the empty one.
            let ends = text.windows(2).filter(|pair| pair == b"\r\n").count();
            prop_assert_eq!(ends, head.fields.len() + 2);
            for alone in [b'\r', b'\n'] {
                prop_assert_eq!(text.split(|byte| *byte == alone).count(), ends + 1);
            }
            prop_assert!(!text.contains(&0));
            let framing = |name: &str| {
                head.fields.iter().filter(|field| matches!(field.name, Name::Known(at) if KNOWN_NAMES[at] == name)).count()
            };
            prop_assert!(framing("content-length") + framing("transfer-encoding") <= 1);
            prop_assert_eq!(framing("host"), 1);
            prop_assert_eq!(head.body == Body::Chunked, framing("transfer-encoding") == 1);
        }
    }

    #[test]
    fn nothing_panics(data in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut ended = data.clone();
        ended.extend_from_slice(b"\r\n\r\n");
        let _ = (read(&data), read(&ended));
    }
}
