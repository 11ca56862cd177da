//! The scan agrees with `serde_json` on every document, and a rewrite changes only what it says.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use headgate_core::json::Cursor;
use headgate_core::wire::openai::request::{Endpoint, Scan, ScanError, prompt_text, rewrite, scan};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const ENDPOINTS: [Endpoint; 3] = [Endpoint::Chat, Endpoint::Completions, Endpoint::Embeddings];

fn accepts(body: &[u8]) -> bool {
    Cursor::new(body)
        .and_then(|mut cursor| {
            cursor.skip()?;
            cursor.finish()
        })
        .is_ok()
}

fn chat(body: &str) -> Result<Scan<'_>, ScanError> {
    scan(body.as_bytes(), Endpoint::Chat)
}

fn with(field: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{field}}}"#)
}

/// Pieces of JSON, sound and broken, whose sequences reach every branch of the reader.
fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["{", "}", "[", "]", ",", ":", "\"", "\\", " ", "\n", "\t", "\r"]),
        2 => prop::sample::select(vec!["null", "true", "false", "nul", "tru", "-", "0", "1", "9", ".", "e", "E", "+"]),
        2 => prop::sample::select(vec!["\"a\"", "\"a\":", "{\"a\":1}", "[1]", "-0.5e+3", "1e999", "00", "1e-999", "12"]),
        1 => prop::sample::select(vec![
            "\\u0041", "\\ud83d", "\\ude00", "\\n", "\\x", "\\u12", "é", "😀", "\u{1}", "\u{7f}", "\u{feff}", "\u{a0}"
        ]),
    ]
    .prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        ".{0,80}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((".{0,12}", inner), 0..6).prop_map(|members| Value::from(Map::from_iter(members))),
        ]
    })
}

fn spell(value: &Value, pretty: bool) -> Vec<u8> {
    if pretty { serde_json::to_vec_pretty(value).unwrap() } else { serde_json::to_vec(value).unwrap() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(384))]

    #[test]
    fn accepts_what_serde_json_accepts(parts in vec(fragment(), 0..24)) {
        let body = parts.concat();
        prop_assert_eq!(accepts(body.as_bytes()), serde_json::from_str::<Value>(&body).is_ok(), "{}", body);
    }

    #[test]
    fn accepts_what_serde_json_writes(value in value(), pretty: bool) {
        prop_assert!(accepts(&spell(&value, pretty)));
    }

    #[test]
    fn one_changed_byte_is_judged_alike(value in value(), at: prop::sample::Index, byte: u8, cut: bool) {
        let mut body = spell(&value, false);
        let at = at.index(body.len());
        body[at] = byte;
        if cut {
            body.truncate(at);
        }
        prop_assert_eq!(accepts(&body), serde_json::from_slice::<Value>(&body).is_ok());
    }

    #[test]
    fn any_bytes_are_judged_alike_and_never_panic(body: Vec<u8>) {
        prop_assert_eq!(accepts(&body), serde_json::from_slice::<Value>(&body).is_ok());
        for endpoint in ENDPOINTS {
            prop_assert!(scan(&body, endpoint).is_err());
        }
    }

    #[test]
    fn strings_are_found_and_measured_at_any_length(text in "([a-z \"\\\\\n\u{1}]|é|😀){0,300}", ascii: bool) {
        let mut token = serde_json::to_string(&text).unwrap();
        if ascii {
            token = to_ascii(&token);
        }
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":{token}}}]}}"#);
        let found = chat(&body).unwrap();
        let wide: Vec<char> = text.chars().filter(|character| !character.is_ascii()).collect();
        prop_assert_eq!(found.text.bytes, text.len() as u64);
        prop_assert_eq!(found.text.wide_chars, wide.len() as u64);
        prop_assert_eq!(found.text.wide_bytes, wide.iter().map(|c| c.len_utf8() as u64).sum::<u64>());
        let mut read = String::new();
        prompt_text(body.as_bytes(), Endpoint::Chat, |piece| read.push_str(piece.unwrap_or(""))).unwrap();
        prop_assert_eq!(read, text);
    }

    #[test]
    fn a_rewrite_changes_only_what_it_says(
        extra in vec(("[a-z_]{1,9}x", value()), 0..4),
        options in prop::option::of(prop_oneof![
            Just(json!(null)), Just(json!({})), Just(json!({"include_usage": false})),
            Just(json!({"include_usage": true})), Just(json!({"include_usage": null, "z": [1]})), Just(json!({"y": {}})),
        ]),
        order: u64,
        pretty: bool,
        ask: bool,
        model in prop::option::of(".{0,20}"),
    ) {
        let mut members: Vec<(String, Value)> = extra;
        members.push(("model".into(), json!("old \u{e9}\"")));
        members.push(("messages".into(), json!([{"role": "user", "content": "hi"}])));
        members.extend(options.map(|options| ("stream_options".into(), options)));
        members.dedup_by(|left, right| left.0 == right.0);
        let len = members.len();
        members.rotate_left(usize::try_from(order % len as u64).unwrap());
        let body = object(&members, pretty);
        let found = scan(&body, Endpoint::Chat).unwrap();
        let edits = found.edits.clone();
        let changed = rewrite(&body, &edits, model.as_deref(), ask);

        let mut expected: Value = serde_json::from_slice(&body).unwrap();
        if let Some(model) = &model {
            expected["model"] = json!(model);
        }
        if ask {
            if !expected["stream_options"].is_object() {
                expected["stream_options"] = json!({});
            }
            expected["stream_options"]["include_usage"] = json!(true);
        }
        prop_assert_eq!(serde_json::from_slice::<Value>(&changed).unwrap(), expected);
        prop_assert_eq!(&body[edits.model.clone()], serde_json::to_vec("old \u{e9}\"").unwrap());
        prop_assert_eq!(rewrite(&body, &edits, None, false), body.clone());
        if ask {
            prop_assert!(rewrite_is_local(&body, &changed));
            if let Ok(again) = scan(&changed, Endpoint::Chat) {
                prop_assert!(again.include_usage && again.edits.usage.is_none());
            }
        }
    }
}

/// Members in this order, as `serde_json` would sort them away.
fn object(members: &[(String, Value)], pretty: bool) -> Vec<u8> {
    let gap = if pretty { "\n  " } else { "" };
    let parts: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{gap}{}:{gap}{value}{gap}", serde_json::to_string(name).unwrap()))
        .collect();
    format!("{{{gap}{}}}{gap}", parts.join(",")).into_bytes()
}

/// Whether all of the old bytes outside two spots are in the new body, at its ends.
fn rewrite_is_local(old: &[u8], new: &[u8]) -> bool {
    let head = old.iter().zip(new).take_while(|(left, right)| left == right).count();
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(left, right)| left == right).count();
    head > 0 && tail > 0
}

fn to_ascii(token: &str) -> String {
    token.chars().fold(String::new(), |mut out, character| {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.extend(["\\u".to_owned(), format!("{unit:04x}")]);
            }
        }
        out
    })
}

#[test]
fn depth_is_bounded_as_in_serde_json() {
    for depth in [1, 126, 127, 128, 129, 100_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let inner = if open == "[" { "" } else { "1" };
            let body = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(accepts(body.as_bytes()), depth <= 127, "{depth}");
            assert_eq!(accepts(body.as_bytes()), serde_json::from_str::<Value>(&body).is_ok(), "{depth}");
        }
    }
}

#[test]
fn the_facts_of_a_chat_are_read() {
    let body = r#"{"model":"gpt-4o","messages":[
        {"role":"system","content":"abcd"},
        {"role":"user","content":[{"type":"text","text":"efgh"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
        {"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},
        {"role":"tool","tool_call_id":"call_1","content":"ok"}],
        "tools":[{"type":"function"}],"stream":true,"stream_options":{"include_usage":true},
        "max_tokens":9,"max_completion_tokens":7,"n":2,"temperature":0.2,"seed":1,"user":"u\u0031","unknown":{"model":"x"}}"#;
    let found = chat(body).unwrap();
    assert_eq!(found.model, "gpt-4o");
    assert_eq!(&body[found.edits.model.clone()], "\"gpt-4o\"");
    assert!(found.stream && found.include_usage && found.has_seed && found.has_tools && found.has_image());
    assert_eq!((found.max_output_tokens, found.n, found.temperature), (Some(7), 2, Some(0.2)));
    assert_eq!(found.output_ceiling_tokens(), Some(14));
    assert_eq!((found.items, found.images, found.user.as_deref()), (4, 1, Some("u1")));
    assert_eq!(found.text_bytes(), (4 + 4 + 1 + 7 + 2 + "typefunction".len()) as u64);
    assert_eq!(found.estimate_tokens(), 30_u64.div_ceil(4) + 4 * 4 + 3 + 765);
    assert!(!found.deterministic());
}

#[test]
fn determinism_needs_a_cold_or_seeded_single_choice() {
    for (field, expected) in [
        (r#""temperature":0"#, true),
        (r#""temperature":3e-1"#, true),
        (r#""temperature":0.31"#, false),
        (r#""temperature":null"#, false),
        (r#""seed":7"#, true),
        (r#""seed":null"#, false),
        (r#""seed":7,"n":2"#, false),
        (r#""temperature":0,"n":null"#, true),
    ] {
        assert_eq!(chat(&with(field)).unwrap().deterministic(), expected, "{field}");
    }
    assert!(scan(br#"{"model":"m","input":"x"}"#, Endpoint::Embeddings).unwrap().deterministic());
}

#[test]
fn prompts_and_inputs_have_four_shapes() {
    for (prompt, items, tokens, bytes) in
        [(r#""abc""#, 1, 0, 3), (r#"["a","bc"]"#, 2, 0, 3), ("[1,2,3]", 1, 3, 0), ("[[1,2],[3]]", 2, 3, 0)]
    {
        for (endpoint, field) in [(Endpoint::Completions, "prompt"), (Endpoint::Embeddings, "input")] {
            let body = format!(r#"{{"model":"m","{field}":{prompt},"max_tokens":5}}"#);
            let found = scan(body.as_bytes(), endpoint).unwrap();
            assert_eq!((found.items, found.token_ids, found.text_bytes()), (items, tokens, bytes), "{body}");
            assert_eq!(found.estimate_tokens(), tokens + bytes.div_ceil(4));
            if endpoint == Endpoint::Completions {
                assert_eq!(found.output_ceiling_tokens(), Some(5 * items));
            }
        }
    }
    for prompt in ["[]", "[[]]", "7", "{}", "[1,\"a\"]", "[1.5]", "[-1]", "[{}]", "[[\"a\"]]", "[null]"] {
        let body = format!(r#"{{"model":"m","input":{prompt}}}"#);
        assert_eq!(scan(body.as_bytes(), Endpoint::Embeddings).unwrap_err().param, Some("input"), "{body}");
    }
}

#[test]
fn each_refusal_names_its_field() {
    let cases: [(&str, &str, Option<&str>); 16] = [
        ("", "empty_body", None),
        (" \n", "empty_body", None),
        ("[]", "invalid_type", None),
        ("{", "invalid_json", None),
        ("{}", "missing_required_parameter", Some("model")),
        (r#"{"model":null,"messages":[{}]}"#, "missing_required_parameter", Some("model")),
        (r#"{"model":1,"messages":[{}]}"#, "invalid_type", Some("model")),
        (r#"{"model":"","messages":[{}]}"#, "invalid_value", Some("model")),
        (r#"{"model":"a\r\nb","messages":[{}]}"#, "invalid_value", Some("model")),
        (r#"{"model":"a"}"#, "missing_required_parameter", Some("messages")),
        (r#"{"model":"a","messages":null}"#, "missing_required_parameter", Some("messages")),
        (r#"{"model":"a","messages":{}}"#, "invalid_type", Some("messages")),
        (r#"{"model":"a","messages":[]}"#, "invalid_value", Some("messages")),
        (r#"{"model":"a","messages":["x"]}"#, "invalid_type", Some("messages")),
        (r#"{"model":"a","mod\u0065l":"b","messages":[{}]}"#, "duplicate_parameter", Some("model")),
        (r#"{"model":"a","messages":[{}],"messages":[{}]}"#, "duplicate_parameter", Some("messages")),
    ];
    for (body, code, param) in cases {
        let error = chat(body).unwrap_err();
        assert_eq!((error.code, error.param), (code, param), "{body}");
    }
    let long = format!(r#"{{"model":"{}","messages":[{{}}]}}"#, "m".repeat(257));
    assert_eq!(chat(&long).unwrap_err().code, "invalid_value");
}

#[test]
fn optional_fields_are_checked_and_null_is_absent() {
    for (field, code, param) in [
        (r#""stream":1"#, "invalid_type", "stream"),
        (r#""stream_options":[]"#, "invalid_type", "stream_options"),
        (r#""stream_options":{"include_usage":1}"#, "invalid_type", "stream_options.include_usage"),
        (r#""max_tokens":"9""#, "invalid_type", "max_tokens"),
        (r#""max_tokens":-1"#, "invalid_value", "max_tokens"),
        (r#""max_completion_tokens":1.0"#, "invalid_type", "max_completion_tokens"),
        (r#""max_tokens":99999999999999999999"#, "invalid_value", "max_tokens"),
        (r#""n":0"#, "invalid_value", "n"),
        (r#""n":129"#, "invalid_value", "n"),
        (r#""temperature":"0""#, "invalid_type", "temperature"),
        (r#""user":1"#, "invalid_type", "user"),
    ] {
        let error = chat(&with(field)).unwrap_err();
        assert_eq!((error.code, error.param), (code, Some(param)), "{field}");
    }
    for field in ["stream", "stream_options", "max_tokens", "n", "temperature", "seed", "user", "tools"] {
        let body = with(&format!("\"{field}\":null"));
        let found = chat(&body).unwrap();
        assert!(!found.stream && !found.has_seed && !found.has_tools && found.n == 1, "{field}");
    }
}

#[test]
fn a_syntax_error_tells_its_byte() {
    assert_eq!(
        chat(r#"{"model":"m",}"#).unwrap_err().message,
        "The request body is not valid JSON: a comma ends the list (at byte 13)."
    );
    assert_eq!(scan(b"{\"model\":\"\xff\"}", Endpoint::Chat).unwrap_err().code, "invalid_json");
}
