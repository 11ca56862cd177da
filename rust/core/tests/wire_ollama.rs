//! Ollama's dialect: documented bytes, round trips, any split, and what cannot be said.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic, its helpers too")]

use std::borrow::Cow;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use headgate_core::usage::Usage;
use headgate_core::wire::lines::Lines;
use headgate_core::wire::model::{
    Chat, Dropped, Effort, Event, Finish, Media, Part, Reasoning, Refused, Role, Source, Tool, ToolChoice,
    Turn,
};
use headgate_core::wire::ollama::request::{self, Settings, Think};
use headgate_core::wire::ollama::stream::{Decoder, Encoder};
use headgate_core::wire::ollama::{Endpoint, error, response};
use proptest::prelude::*;
use serde_json::{Value, json};

fn scenes() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/ollama");
    let mut scenes: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    scenes.sort();
    scenes
}

fn endpoint(scene: &Path) -> Endpoint {
    let name = scene.file_name().unwrap().to_str().unwrap();
    if name.starts_with("generate") { Endpoint::Generate } else { Endpoint::Chat }
}

fn owned(event: Event<'_>) -> Event<'static> {
    let text = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    match event {
        Event::Start { id, model, created_s } => Event::Start { id: text(id), model: text(model), created_s },
        Event::Text { choice, text: said } => Event::Text { choice, text: text(said) },
        Event::Thinking { choice, text: said } => Event::Thinking { choice, text: text(said) },
        Event::ToolStart { choice, call, id, name, .. } => {
            Event::ToolStart { choice, call, id: text(id), name: text(name), signature: None }
        }
        Event::ToolArguments { choice, call, json } => {
            Event::ToolArguments { choice, call, json: text(json) }
        }
        Event::Logprobs { choice, content } => Event::Logprobs { choice, content: text(content) },
        Event::Finish { choice, reason, .. } => Event::Finish { choice, reason, stop: None },
        Event::Usage(usage) => Event::Usage(usage),
        Event::Error { kind, message } => Event::Error { kind: text(kind), message: text(message) },
        Event::End => Event::End,
        other => panic!("this dialect does not say {other:?}"),
    }
}

fn decode_whole(body: &[u8]) -> Vec<Event<'static>> {
    let mut events = Vec::new();
    response::decode(body, &mut |event| events.push(owned(event))).unwrap();
    events
}

fn decode_stream(pieces: &[&[u8]]) -> Vec<Event<'static>> {
    let (mut lines, mut decoder, mut events) = (Lines::default(), Decoder::default(), Vec::new());
    let mut read = |line: &[u8]| decoder.event(line, &mut |event| events.push(owned(event))).unwrap();
    for piece in pieces {
        lines.feed(piece, &mut read).unwrap();
    }
    lines.feed(b"\n", &mut read).unwrap();
    decoder.end(&mut |event| events.push(owned(event)));
    events
}

fn encode_whole(events: &[Event<'_>], endpoint: Endpoint) -> Vec<u8> {
    let mut writer = response::Writer::new(endpoint);
    for event in events {
        writer.event(event);
    }
    writer.finish()
}

fn encode_stream(events: &[Event<'_>], endpoint: Endpoint) -> Vec<u8> {
    let (mut encoder, mut out) = (Encoder::new(endpoint), Vec::new());
    for event in events {
        encoder.event(event, &mut out);
    }
    out
}

fn encode(chat: &Chat<'_>, settings: &Settings<'_>) -> (Result<Value, Refused>, Vec<String>) {
    let mut dropped = Dropped::default();
    let body = request::encode(chat, settings, &mut dropped);
    (body.map(|body| serde_json::from_slice(&body).unwrap()), dropped.0)
}

fn written(chat: &Chat<'_>) -> Value {
    encode(chat, &Settings { model: "m", ..Settings::default() }).0.unwrap()
}

fn text(text: &str) -> Part<'_> {
    Part::Text { text: text.into(), cached: None }
}

fn turn(role: Role, parts: Vec<Part<'_>>) -> Turn<'_> {
    Turn { role, name: None, parts }
}

fn call<'a>(id: &'a str, name: &'a str, arguments: &'a str) -> Part<'a> {
    Part::ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), signature: None }
}

fn result<'a>(id: &'a str, name: Option<&'a str>, said: &'a str) -> Part<'a> {
    let name = name.map(Cow::Borrowed);
    Part::ToolResult { id: id.into(), name, parts: vec![text(said)], failed: false, cached: None }
}

#[test]
fn documented_answers_are_the_events_they_mean() {
    for scene in scenes() {
        let events = match fs::read(scene.join("stream.txt")) {
            Ok(stream) => decode_stream(&[&stream]),
            Err(_) => decode_whole(&fs::read(scene.join("response.json")).unwrap()),
        };
        let mut seen = String::new();
        for event in &events {
            writeln!(seen, "{event:?}").unwrap();
        }
        let expected = fs::read_to_string(scene.join("events.txt")).unwrap();
        assert_eq!(seen, expected, "{}", scene.display());
    }
}

#[test]
fn what_is_encoded_again_means_the_same() {
    for scene in scenes().into_iter().filter(|scene| !scene.ends_with("load")) {
        let endpoint = endpoint(&scene);
        if let Ok(stream) = fs::read(scene.join("stream.txt")) {
            let events = decode_stream(&[&stream]);
            let again = encode_stream(&events, endpoint);
            assert_eq!(decode_stream(&[&again]), events, "{}", scene.display());
        } else {
            let events = decode_whole(&fs::read(scene.join("response.json")).unwrap());
            assert_eq!(decode_whole(&encode_whole(&events, endpoint)), events, "{}", scene.display());
        }
    }
}

/// What a request means, with what goes without saying said, and what cannot be said taken out.
fn normal(mut request: Value, endpoint: Endpoint) -> Value {
    let members = request.as_object_mut().unwrap();
    members.entry("stream").or_insert(json!(true));
    for lost in ["keep_alive", "suffix"] {
        members.remove(lost);
    }
    if let Some(options) = members.get_mut("options") {
        options.as_object_mut().unwrap().remove("num_ctx");
        for (_, option) in options.as_object_mut().unwrap() {
            *option = option.as_f64().map_or(option.clone(), |number| json!(number));
        }
    }
    if endpoint == Endpoint::Generate {
        let mut messages = Vec::new();
        if let Some(system) = members.remove("system") {
            messages.push(json!({"role": "system", "content": system}));
        }
        let mut user = json!({"role": "user", "content": members.remove("prompt").unwrap()});
        if let Some(images) = members.remove("images") {
            user["images"] = images;
        }
        messages.push(user);
        members.insert("messages".into(), Value::Array(messages));
    }
    request
}

#[test]
fn documented_requests_mean_the_same_when_they_are_written_again() {
    for scene in scenes() {
        let Ok(body) = fs::read(scene.join("request.json")) else { continue };
        let endpoint = endpoint(&scene);
        let chat = request::decode(&body, endpoint).unwrap();
        let settings = Settings { model: &chat.model, ..Settings::default() };
        let again = encode(&chat, &settings).0.unwrap();
        let expected = normal(serde_json::from_slice(&body).unwrap(), endpoint);
        assert_eq!(normal(again, Endpoint::Chat), expected, "{}", scene.display());
    }
}

#[test]
fn what_is_lost_is_named() {
    let scene = scenes().into_iter().find(|scene| scene.ends_with("thinking")).unwrap();
    let body = fs::read(scene.join("request.json")).unwrap();
    let chat = request::decode(&body, Endpoint::Chat).unwrap();
    assert_eq!(chat.unknown, ["keep_alive", "options.num_ctx"]);
    assert_eq!((chat.max_tokens, chat.reasoning), (Some(100), Some(Reasoning::Effort(Effort::High))));

    let chat = Chat {
        tool_choice: Some(ToolChoice::Required),
        parallel_tools: Some(false),
        choices: Some(2),
        user: Some("u".into()),
        reasoning: Some(Reasoning::Auto),
        unknown: vec!["logit_bias".into(), "user".into()],
        ..Chat::default()
    };
    let settings = Settings { model: "m", think: Think::Never, ..Settings::default() };
    let dropped = encode(&chat, &settings).1;
    let expected = ["reasoning_effort", "tool_choice", "parallel_tool_calls", "n", "user", "logit_bias"];
    assert_eq!(dropped, expected);
}

#[test]
fn results_follow_their_calls_order_and_name_their_tools() {
    let chat = Chat {
        turns: vec![
            turn(
                Role::Assistant,
                vec![call("a", "f", "{\"x\":1}"), call("b", "f", ""), call("c", "g", "{}")],
            ),
            turn(Role::User, vec![result("c", None, "of c")]),
            turn(Role::User, vec![result("b", None, "of b"), result("a", None, "of a"), text("and?")]),
        ],
        ..Chat::default()
    };
    let messages = &written(&chat)["messages"];
    let tool = |name: &str, content: &str| json!({"role": "tool", "content": content, "tool_name": name});
    assert_eq!(messages[0]["tool_calls"][1], json!({"function": {"name": "f", "arguments": {}}}));
    assert_eq!(messages[1], tool("f", "of a"));
    assert_eq!(messages[2], tool("f", "of b"));
    assert_eq!(messages[3], tool("g", "of c"));
    assert_eq!(messages[4], json!({"role": "user", "content": "and?"}));
}

#[test]
fn a_call_keeps_the_id_that_newer_versions_give_it() {
    let id_of = |call: &str| {
        let body =
            format!(r#"{{"model":"m","message":{{"role":"assistant","tool_calls":[{call}]}},"done":true}}"#);
        decode_whole(body.as_bytes()).into_iter().find_map(|event| match event {
            Event::ToolStart { id, .. } => Some(id.into_owned()),
            _ => None,
        })
    };
    let function = r#""function":{"name":"f","arguments":{}}"#;
    assert_eq!(id_of(&format!(r#"{{"id":"call_1",{function}}}"#)).as_deref(), Some("call_1"));
    assert_eq!(id_of(&format!("{{{function}}}")).as_deref(), Some(""));
}

#[test]
fn results_without_ids_are_matched_by_name_and_by_order() {
    let calls = vec![call("", "f", "{}"), call("", "g", "{}"), call("", "f", "{}")];
    let results = vec![result("", Some("f"), "1"), result("", Some("f"), "3"), result("", None, "2")];
    let turns = vec![turn(Role::Assistant, calls), turn(Role::User, results)];
    let messages = &written(&Chat { turns, ..Chat::default() })["messages"];
    let said: Vec<_> = (1..4).map(|at| (&messages[at]["tool_name"], &messages[at]["content"])).collect();
    assert_eq!(said, [(&json!("f"), &json!("1")), (&json!("g"), &json!("2")), (&json!("f"), &json!("3"))]);
}

#[test]
fn a_tool_s_image_stays_with_its_result() {
    let image = Part::Media(Media {
        mime: "image/png".into(),
        source: Source::Data("iVBORw0KGgo=".into()),
        detail: Some("low".into()),
        title: None,
        cached: None,
    });
    let parts = vec![text("seen"), image];
    let result = Part::ToolResult { id: "a".into(), name: None, parts, failed: true, cached: None };
    let turns = vec![turn(Role::Assistant, vec![call("a", "look", "{}")]), turn(Role::User, vec![result])];
    let (body, dropped) = encode(&Chat { turns, ..Chat::default() }, &Settings::default());
    let expected =
        json!({"role": "tool", "content": "seen", "images": ["iVBORw0KGgo="], "tool_name": "look"});
    assert_eq!(body.unwrap()["messages"][1], expected);
    assert_eq!(dropped, ["is_error", "detail"]);
}

#[test]
fn what_ollama_cannot_take_is_refused() {
    let media = |mime: &'static str, source| {
        let media = Media { mime: mime.into(), source, detail: None, title: None, cached: None };
        Chat { turns: vec![turn(Role::User, vec![Part::Media(media)])], ..Chat::default() }
    };
    let arguments =
        Chat { turns: vec![turn(Role::Assistant, vec![call("", "f", "{} {}")])], ..Chat::default() };
    for chat in [
        media("image/png", Source::Url("https://example.com/a.png".into())),
        media("application/pdf", Source::Data("JVBERi0=".into())),
        media("image/png", Source::File("file-1".into())),
        arguments,
    ] {
        assert_eq!(encode(&chat, &Settings::default()).0.unwrap_err().code, "invalid_value");
    }
}

#[test]
fn settings_and_choices_of_tools_are_written() {
    let tool =
        Tool { name: "f".into(), description: None, parameters: None, strict: Some(true), cached: None };
    let mut chat = Chat { tools: vec![tool], reasoning: Some(Reasoning::Budget(20_000)), ..Chat::default() };
    let settings =
        Settings { model: "m", num_ctx: Some(32_768), keep_alive: Some("-1m"), think: Think::Switch };
    let (body, dropped) = encode(&chat, &settings);
    let body = body.unwrap();
    assert_eq!((&body["options"], &body["keep_alive"]), (&json!({"num_ctx": 32_768}), &json!("-1m")));
    assert_eq!((&body["think"], &body["stream"]), (&json!(true), &json!(false)));
    assert_eq!(body["tools"][0]["function"]["parameters"], json!({"type": "object", "properties": {}}));
    assert_eq!(dropped, ["strict"]);
    assert_eq!(written(&chat)["think"], "high");
    chat.tool_choice = Some(ToolChoice::None);
    assert_eq!(written(&chat).get("tools"), None);
}

/// Body, code, member.
const BLAMED: &[(&str, &str, &str)] = &[
    (r#"{"messages":[]}"#, "missing_required_parameter", "model"),
    (r#"{"model":7}"#, "invalid_type", "model"),
    (r#"{"model":"m","stream":"no"}"#, "invalid_type", "stream"),
    (r#"{"model":"m","messages":{}}"#, "invalid_type", "messages"),
    (r#"{"model":"m","messages":[{"role":"user"},{"content":"x"}]}"#, "invalid_type", "messages[1].role"),
    (r#"{"model":"m","messages":[{"role":"user","content":[]}]}"#, "invalid_type", "messages[0].content"),
    (r#"{"model":"m","messages":[{"role":"judge"}]}"#, "invalid_value", "messages[0].role"),
    (
        r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}]}"#,
        "invalid_type",
        "messages[0].tool_calls",
    ),
    (
        r#"{"model":"m","messages":[{"role":"user","images":["data:image/png;base64,AA"]}]}"#,
        "invalid_value",
        "messages[0].images",
    ),
    (r#"{"model":"m","tools":[{"type":"function"}]}"#, "invalid_type", "tools[0].function"),
    (
        r#"{"model":"m","tools":[{"type":"retrieval","function":{"name":"f"}}]}"#,
        "invalid_value",
        "tools[0].type",
    ),
    (r#"{"model":"m","options":{"temperature":"hot"}}"#, "invalid_type", "options.temperature"),
    (r#"{"model":"m","options":{"num_predict":1.5}}"#, "invalid_type", "options.num_predict"),
    (r#"{"model":"m","options":{"stop":[1]}}"#, "invalid_type", "options.stop"),
    (r#"{"model":"m","options":[]}"#, "invalid_type", "options"),
    (r#"{"model":"m","format":"xml"}"#, "invalid_value", "format"),
    (r#"{"model":"m","think":"much"}"#, "invalid_value", "think"),
];

#[test]
fn a_wrong_member_is_blamed() {
    let prompt = (r#"{"model":"m","prompt":["x"]}"#, Endpoint::Generate, "invalid_type", "prompt");
    let blamed = BLAMED.iter().map(|(body, code, param)| (*body, Endpoint::Chat, *code, *param));
    for (body, endpoint, code, param) in blamed.chain([prompt]) {
        let refused = request::decode(body.as_bytes(), endpoint).unwrap_err();
        assert_eq!((refused.code, refused.param.as_deref()), (code, Some(param)), "{body}");
        assert!(refused.message.contains(param.rsplit('.').next().unwrap()), "{}", refused.message);
    }
    for body in ["", "[]", "{", "7", r#"{"model":"m","model":"n"}"#, "{\"model\":\"\u{1}\"}"] {
        assert_eq!(
            request::decode(body.as_bytes(), Endpoint::Chat).unwrap_err().code,
            "invalid_json",
            "{body}"
        );
    }
    assert_eq!(request::decode(b"{\"x\":\"\xff\"}", Endpoint::Chat).unwrap_err().code, "invalid_json");
}

#[test]
fn options_are_read_leniently_where_ollama_is() {
    let body = br#"{"model":"m","format":"","think":null,"stream":null,"messages":null,
        "options":{"num_predict":-1,"seed":7.0,"top_k":null,"stop":"x","mirostat":1}}"#;
    let chat = request::decode(body, Endpoint::Chat).unwrap();
    assert!(chat.stream && chat.turns.is_empty() && chat.format.is_none() && chat.reasoning.is_none());
    assert_eq!((chat.max_tokens, chat.sampling.seed, chat.sampling.top_k), (None, Some(7), None));
    assert_eq!((&*chat.stop, &*chat.unknown), (&["x".into()][..], &["options.mirostat".into()][..]));
}

fn started(events: Vec<Event<'static>>) -> Vec<Event<'static>> {
    let start = Event::Start { id: "".into(), model: "m".into(), created_s: 1_700_000_000 };
    std::iter::once(start).chain(events).collect()
}

#[test]
fn interleaved_fragments_become_whole_calls() {
    let start = |call, name: &'static str| Event::ToolStart {
        choice: 0,
        call,
        id: "call_x".into(),
        name: name.into(),
        signature: None,
    };
    let piece = |call, json: &'static str| Event::ToolArguments { choice: 0, call, json: json.into() };
    let usage = Usage { prompt: 11, completion: 7, total: 18, cached: 5, reasoning: 3, written: 0 };
    let events = started(vec![
        start(0, "f"),
        piece(0, "{\"a\":\n"),
        start(1, "g"),
        piece(1, "{\"b\""),
        piece(0, " 1}"),
        Event::Usage(usage),
        piece(1, ":[2]}"),
        Event::Finish { choice: 0, reason: Finish::Tools, stop: None },
        Event::End,
    ]);
    let calls = r#""tool_calls":[{"function":{"name":"f","arguments":{"a":  1}}},{"function":{"name":"g","arguments":{"b":[2]}}}]"#;
    let head =
        r#"{"model":"m","created_at":"2023-11-14T22:13:20Z","message":{"role":"assistant","content":"""#;
    let last = r#"},"done":true,"done_reason":"stop","total_duration":0,"load_duration":0,"prompt_eval_count":11,"prompt_eval_duration":0,"eval_count":7,"eval_duration":0}"#;
    let stream = format!("{head},{calls}}},\"done\":false}}\n{head}{last}\n");
    assert_eq!(String::from_utf8(encode_stream(&events, Endpoint::Chat)).unwrap(), stream);
    let whole = format!("{head},{calls}{last}");
    assert_eq!(String::from_utf8(encode_whole(&events, Endpoint::Chat)).unwrap(), whole);
}

#[test]
fn further_choices_have_no_place() {
    let text = |choice, text: &'static str| Event::Text { choice, text: text.into() };
    let finish = |choice, reason| Event::Finish { choice, reason, stop: None };
    let said = vec![
        text(0, "a"),
        text(1, "b"),
        Event::ToolStart { choice: 1, call: 0, id: "".into(), name: "f".into(), signature: None },
        finish(0, Finish::Length),
        finish(1, Finish::Tools),
        Event::Refusal { choice: 0, text: "c".into() },
        Event::End,
        text(0, "late"),
    ];
    let only = vec![text(0, "a"), text(0, "c"), finish(0, Finish::Length), Event::End];
    let stream = encode_stream(&started(said), Endpoint::Chat);
    assert_eq!(decode_stream(&[&stream]), started(only));
}

#[test]
fn a_call_that_was_cut_off_is_not_told() {
    let name = Event::ToolStart { choice: 0, call: 0, id: "".into(), name: "rm".into(), signature: None };
    let cut = Event::ToolArguments { choice: 0, call: 0, json: "{\"path\":\"/".into() };
    let finish = Event::Finish { choice: 0, reason: Finish::Tools, stop: None };
    let events = started(vec![name, cut, finish, Event::End]);
    for bytes in [encode_whole(&events, Endpoint::Chat), encode_stream(&events, Endpoint::Chat)] {
        let told: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((&told["done_reason"], told["message"].get("tool_calls")), (&json!("length"), None));
    }
}

#[test]
fn an_answer_ends_only_when_it_says_so() {
    let events = decode_stream(&[b"{\"message\":{\"content\":\"a\"},\"done\":false}\n\n{\"done\":false}"]);
    assert!(!events.contains(&Event::End));
    let events = decode_stream(&[
        b"{\"message\":{\"content\":\"a\"},\"done\":true}\n{\"message\":{\"content\":\"b\"}}\n",
    ]);
    assert_eq!(events.len(), 4);
    let mut decoder = Decoder::default();
    assert!(decoder.event(b"<html>", &mut |_| ()).is_err());
    assert!(response::decode(b"", &mut |_| ()).is_err());
    assert!(
        response::decode(b"{\"message\":7}", &mut |_| ()).unwrap_err().to_string().contains("wrong type")
    );
}

#[test]
fn errors_keep_no_secrets_and_end_the_stream() {
    let body = error::encode("no \"model\"", "invalid_request_error", Some("model_not_found"), 404);
    assert_eq!(body, br#"{"error":"no \"model\""}"#);
    assert_eq!(error::decode(&body).unwrap().message, "no \"model\"");
    let secret = Event::Error { kind: "x".into(), message: "key sk-abcdefgh12345 is bad".into() };
    let events = started(vec![secret, Event::End]);
    let told = b"{\"error\":\"key [redacted] is bad\"}";
    assert_eq!(encode_whole(&events, Endpoint::Chat), told);
    assert_eq!(encode_stream(&events, Endpoint::Generate).trim_ascii_end(), told);
    let proxied = decode_whole(br#"{"error":{"message":"slot busy"}}"#);
    assert_eq!(proxied[1], Event::Error { kind: "upstream_error".into(), message: "slot busy".into() });
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(cuts in prop::collection::vec(0.0..1.0_f64, 0..12), seed in any::<usize>()) {
        let streams: Vec<_> =
            scenes().iter().filter_map(|scene| fs::read(scene.join("stream.txt")).ok()).collect();
        let stream = &streams[seed % streams.len()];
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "a share of a length is a length")]
        let mut cuts: Vec<_> = cuts.iter().map(|cut| (cut * stream.len() as f64) as usize).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(decode_stream(&pieces), decode_stream(&[stream]));
    }

    #[test]
    fn any_text_survives_both_ways(texts in prop::collection::vec("\\PC{1,20}|[\\x00-\\x7f]{1,9}", 1..6), thought in ".{1,9}") {
        let mut events = started(vec![Event::Thinking { choice: 0, text: thought.into() }]);
        events.extend(texts.into_iter().map(|text| Event::Text { choice: 0, text: text.into() }));
        events.push(Event::Finish { choice: 0, reason: Finish::Length, stop: None });
        events.push(Event::End);
        for endpoint in [Endpoint::Chat, Endpoint::Generate] {
            let stream = encode_stream(&events, endpoint);
            prop_assert_eq!(&decode_stream(&[&stream]), &events);
            let whole = encode_whole(&events, endpoint);
            prop_assert_eq!(encode_whole(&decode_whole(&whole), endpoint), whole);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<usize>(), byte in any::<u8>()) {
        let mut valid = br#"{"model":"m","messages":[{"role":"tool","content":"\u00e9","images":["a"],"tool_calls":[{"function":{"name":"f","arguments":{}}}]}],"options":{"stop":["x"],"seed":1},"done":true,"message":{"content":"x"},"error":null}"#.to_vec();
        let place = at % valid.len();
        valid[place] = byte;
        for body in [&bytes, &valid] {
            for endpoint in [Endpoint::Chat, Endpoint::Generate] {
                if let Ok(chat) = request::decode(body, endpoint) {
                    let _ = encode(&chat, &Settings::default());
                }
            }
            let _ = response::decode(body, &mut |_| ());
            let _ = error::decode(body);
        }
    }
}
