//! Signatures of AWS: those of its test suite, and what cannot be signed.
//!
//! Source of the vectors: github.com/awslabs/aws-c-auth, tests/aws-signing-test-suite/v4. Those of Bedrock were
//! made by botocore 1.44's `SigV4Auth`.
#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use headgate_core::cloud::sigv4::{Keys, ToSign, Unsignable, sign};
use proptest::prelude::*;

/// 2015-08-30T12:36:00Z.
const WALL_MS: u64 = 1_440_938_160_000;
const SESSION: &str = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";

fn keys() -> Keys {
    Keys {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: None,
    }
}

fn vanilla() -> ToSign<'static> {
    ToSign {
        method: "GET",
        host: "example.amazonaws.com",
        path_and_query: "/",
        region: "us-east-1",
        service: "service",
        headers: &[],
        body: b"",
        wall_ms: WALL_MS,
    }
}

fn lines(keys: &Keys, request: &ToSign<'_>) -> Vec<String> {
    let mut out = b"accept: */*\r\n".to_vec();
    sign(keys, request, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.ends_with("\r\n"));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(lines.remove(0), "accept: */*");
    lines.sort();
    lines
}

fn authorization(signed: &str, signature: &str) -> String {
    format!(
        "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders={signed}, Signature={signature}"
    )
}

#[test]
fn the_test_suites_signatures() {
    let unreserved = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let get = vanilla();
    for (request, signed, signature) in [
        (get, "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            ToSign { path_and_query: "/?Param2=value2&Param1=value1", ..get },
            "host;x-amz-date",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            ToSign { path_and_query: unreserved, ..get },
            "host;x-amz-date",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            ToSign { method: "POST", ..get },
            "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            ToSign { method: "POST", headers: &[("My-Header1", "value1")], ..get },
            "host;my-header1;x-amz-date",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            ToSign {
                method: "POST",
                headers: &[
                    ("Content-Type", "application/x-www-form-urlencoded"),
                    ("Content-Length", "13"),
                    (
                        "x-amz-content-sha256",
                        "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
                    ),
                ],
                body: b"Param1=value1",
                ..get
            },
            "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        ),
    ] {
        let expected = [authorization(signed, signature), "x-amz-date: 20150830T123600Z".to_owned()];
        assert_eq!(lines(&keys(), &request), expected, "{request:?}");
    }
}

#[test]
fn a_session_is_told_and_signed() {
    let keys = Keys { session_token: Some(SESSION.to_owned()), ..keys() };
    let signature = "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8";
    let expected = [
        authorization("host;x-amz-date;x-amz-security-token", signature),
        "x-amz-date: 20150830T123600Z".to_owned(),
        format!("x-amz-security-token: {SESSION}"),
    ];
    assert_eq!(lines(&keys, &vanilla()), expected);
}

#[test]
fn names_of_models_are_signed_as_botocore_signs_them() {
    let host = "bedrock-runtime.us-east-1.amazonaws.com";
    for (path, signature) in [
        (
            "/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse-stream",
            "ca659c477ec22f16025e95cb211da16e9b9c3bdee5aeab376b4c777034aa5887",
        ),
        (
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.amazon.nova-pro-v1%3A0\
             /converse",
            "857a2d024d73b4395ee8a382baa8674cc111b1289086ff6b56e45a9cadf00cd6",
        ),
    ] {
        let headers = [("content-type", "application/json")];
        let request = ToSign {
            method: "POST",
            host,
            path_and_query: path,
            service: "bedrock",
            headers: &headers,
            body: b"{}",
            ..vanilla()
        };
        let found = &lines(&keys(), &request)[0];
        assert!(found.ends_with(signature), "{found}");
    }
}

#[test]
fn what_cannot_be_signed_leaves_nothing() {
    let get = vanilla();
    let id = Keys { access_key_id: "a\r\nb: c".to_owned(), ..keys() };
    let session = Keys { session_token: Some("a\nb".to_owned()), ..keys() };
    for (keys, request) in [
        (keys(), ToSign { path_and_query: "/a b", ..get }),
        (keys(), ToSign { path_and_query: "", ..get }),
        (keys(), ToSign { host: "a\r\nb", ..get }),
        (keys(), ToSign { headers: &[("a b", "c")], ..get }),
        (keys(), ToSign { wall_ms: u64::MAX, ..get }),
        (session, get),
        (id, get),
        (keys(), ToSign { region: "a\nb", ..get }),
    ] {
        let mut out = b"kept".to_vec();
        assert_eq!(
            (sign(&keys, &request, &mut out), &out[..]),
            (Err(Unsignable), &b"kept"[..]),
            "{request:?}"
        );
    }
}

#[test]
fn keys_do_not_print_what_is_secret() {
    let shown = format!("{:?}", Keys { session_token: Some(SESSION.to_owned()), ..keys() });
    assert!(shown.contains("AKIDEXAMPLE"));
    assert!(!shown.contains(SESSION) && !shown.contains("wJalr"), "{shown}");
}

proptest! {
    #[test]
    fn no_text_panics(path in ".{0,20}", host in ".{0,9}", value in ".{0,9}", key in ".{0,9}", wall_ms: u64) {
        let keys = Keys { access_key_id: key.clone(), secret_access_key: key.clone(), session_token: Some(key) };
        for path in [path.clone(), format!("/{path}")] {
            let request = ToSign {
                path_and_query: &path,
                host: &host,
                headers: &[("x", &value)],
                region: &value,
                service: &value,
                wall_ms,
                ..vanilla()
            };
            let mut out = Vec::new();
            if sign(&keys, &request, &mut out).is_err() {
                prop_assert!(out.is_empty());
            }
        }
    }
}
