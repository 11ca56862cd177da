//! What admission reads of bodies in dialects other than `OpenAI`'s.
#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use headgate_core::wire::endpoint::Endpoint;
use headgate_core::wire::scan::{Facts, facts, prompt_text};
use proptest::prelude::*;

fn read(endpoint: Endpoint, body: &str) -> Facts<'_> {
    facts(body.as_bytes(), endpoint, Some("in-path").filter(|_| of_gemini(endpoint))).unwrap()
}

fn of_gemini(endpoint: Endpoint) -> bool {
    format!("{endpoint:?}").contains("Generate") && endpoint != Endpoint::OllamaGenerate
        || format!("{endpoint:?}").contains("Content")
}

#[test]
fn each_dialect_says_it_in_its_own_place() {
    let found = read(
        Endpoint::Messages,
        r#"{"model":"claude","max_tokens":7,"stream":true,"temperature":0.2,"messages":[{"role":"user","content":"12345678"}]}"#,
    );
    assert_eq!((&*found.model, found.stream, found.ceiling_tokens), ("claude", true, Some(7)));
    assert!(found.deterministic);
    assert_eq!(found.estimate_tokens, 2 + 4 + 3);

    let found = read(
        Endpoint::Generate,
        r#"{"contents":[{"parts":[{"text":"12345678"}]}],"generation_config":{"maxOutputTokens":7,"candidateCount":2,"seed":1}}"#,
    );
    assert_eq!((&*found.model, found.stream, found.ceiling_tokens), ("in-path", false, Some(14)));
    assert!(!found.deterministic, "two candidates");
    assert_eq!(found.estimate_tokens, 2 + 4 + 3);

    let found = read(Endpoint::StreamGenerateArray, r#"{"contents":[{}]}"#);
    assert!(found.stream && found.include_usage);

    let found = read(
        Endpoint::OllamaChat,
        r#"{"model":"m","messages":[{"role":"user","content":"1234","images":["iVBORw0KGgo="]}],"options":{"num_predict":-1,"seed":3}}"#,
    );
    assert_eq!((found.stream, found.ceiling_tokens, found.deterministic), (true, None, true));
    assert_eq!(found.estimate_tokens, 1 + 4 + 3 + 765);

    let found = read(Endpoint::OllamaGenerate, r#"{"model":"m","prompt":"1234","stream":false}"#);
    assert!(!found.stream);

    let found = read(
        Endpoint::Responses,
        r#"{"model":"m","input":"1234","instructions":"5678","max_output_tokens":9}"#,
    );
    assert_eq!((found.ceiling_tokens, found.estimate_tokens), (Some(9), 2 + 4 + 3));

    let found = read(Endpoint::OllamaEmbed, r#"{"model":"m","input":["1234","5678"]}"#);
    assert_eq!((found.ceiling_tokens, found.estimate_tokens, found.deterministic), (Some(0), 2, true));
    let found = read(Endpoint::CountMessages, r#"{"model":"m","messages":[{"content":"1234"}]}"#);
    assert_eq!((found.ceiling_tokens, found.deterministic, found.stream), (Some(0), false, false));
}

#[test]
fn what_is_no_text_weighs_nothing_and_images_weigh_what_they_do() {
    let body = r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[
        {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAAAAAAAAAAAAAA"}},
        {"type":"text","text":"1234","cache_control":{"type":"ephemeral"}},
        {"type":"tool_result","tool_use_id":"toolu_1234567890","content":"5678"}]}]}"#;
    assert_eq!(read(Endpoint::Messages, body).estimate_tokens, 2 + 4 + 3 + 765);
    let tools = r#"{"model":"m","max_tokens":1,"messages":[{"content":""}],"tools":[{"name":"abcd"}]}"#;
    assert_eq!(read(Endpoint::Messages, tools).estimate_tokens, 2 + 4 + 3, "names of members are read too");
}

#[test]
fn bodies_that_cannot_be_judged_are_refused_by_name() {
    let cases = [
        (Endpoint::Messages, "", "empty_body", None),
        (Endpoint::Messages, "[]", "invalid_type", None),
        (Endpoint::Messages, "{", "invalid_json", None),
        (Endpoint::Messages, r#"{"messages":[{}]}"#, "missing_required_parameter", Some("model")),
        (Endpoint::Messages, r#"{"model":"m"}"#, "missing_required_parameter", Some("messages")),
        (Endpoint::Messages, r#"{"model":"m","model":"n"}"#, "duplicate_parameter", Some("model")),
        (Endpoint::Messages, r#"{"model":7}"#, "invalid_type", Some("model")),
        (Endpoint::Messages, r#"{"model":"m","stream":"yes"}"#, "invalid_type", Some("stream")),
        (Endpoint::Messages, r#"{"model":"m","max_tokens":-1}"#, "invalid_value", Some("max_tokens")),
        (Endpoint::Messages, r#"{"model":"a\u0000"}"#, "invalid_value", Some("model")),
        (Endpoint::Generate, r#"{"contents":[]}"#, "missing_required_parameter", Some("contents")),
        (
            Endpoint::Generate,
            r#"{"contents":[{}],"generationConfig":{},"generation_config":{}}"#,
            "duplicate_parameter",
            Some("generationConfig"),
        ),
        (Endpoint::OllamaChat, r#"{"model":"m","options":7}"#, "invalid_type", Some("options")),
        (Endpoint::OllamaEmbed, r#"{"model":"m"}"#, "missing_required_parameter", Some("input")),
    ];
    for (endpoint, body, code, param) in cases {
        let path = Some("in-path").filter(|_| of_gemini(endpoint));
        let error = facts(body.as_bytes(), endpoint, path).unwrap_err();
        assert_eq!((error.code, error.param), (code, param), "{body}");
    }
}

#[test]
fn a_path_s_model_wins_and_is_put_into_the_body() {
    use headgate_core::wire::openai::request::rewrite;
    for (body, expected) in [
        (r#"{"messages":[{}]}"#, r#"{"model":"there","messages":[{}]}"#),
        (r#"{"messages":[{}],"model":"old"}"#, r#"{"messages":[{}],"model":"there"}"#),
    ] {
        let found = facts(body.as_bytes(), Endpoint::Chat, Some("deployment")).unwrap();
        assert_eq!(found.model, "deployment");
        assert_eq!(rewrite(body.as_bytes(), &found.edits, Some("there"), false), expected.as_bytes());
        let asked = rewrite(body.as_bytes(), &found.edits, Some("there"), true);
        let asked: serde_json::Value = serde_json::from_slice(&asked).unwrap();
        assert_eq!(asked["stream_options"]["include_usage"], true);
        assert_eq!(asked["model"], "there");
    }
    let body = br#"{"contents":[{}]}"#;
    let found = facts(body, Endpoint::Generate, Some("m")).unwrap();
    assert_eq!(rewrite(body, &found.edits, Some("there"), true), body, "Gemini's bodies name no model");
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        "[a-z\\\\\"\u{e9}]{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn unknown_members_stop_nothing_and_keep_every_byte(extra in prop::collection::btree_map("x_[a-z]{1,6}", json(), 0..6)) {
        use headgate_core::wire::openai::request::rewrite;
        let bodies = [
            (Endpoint::Messages, serde_json::json!({"model": "old", "messages": [{"role": "user", "content": "hi"}]})),
            (Endpoint::Responses, serde_json::json!({"model": "old", "input": "hi"})),
            (Endpoint::OllamaChat, serde_json::json!({"model": "old", "messages": [{"role": "user", "content": "hi"}]})),
        ];
        for (endpoint, mut body) in bodies {
            body.as_object_mut().unwrap().extend(extra.clone());
            let text = body.to_string();
            let found = facts(text.as_bytes(), endpoint, None).unwrap();
            let changed = rewrite(text.as_bytes(), &found.edits, Some("new"), false);
            prop_assert_eq!(String::from_utf8(changed).unwrap(), text.replacen("\"old\"", "\"new\"", 1));
        }
    }

    #[test]
    fn no_bytes_break_it(body in prop::collection::vec(any::<u8>(), 0..64)) {
        for endpoint in Endpoint::ALL {
            let found = facts(&body, endpoint, Some("m"));
            let read = prompt_text(&body, endpoint, |_| {});
            prop_assert_eq!(found.is_ok(), read.is_ok());
        }
    }
}
