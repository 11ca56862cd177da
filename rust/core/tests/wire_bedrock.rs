//! Bedrock's dialect: documented answers and streams, requests as the reference has them, what is refused.
#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use headgate_core::wire::bedrock::request::{self, Family, Settings};
use headgate_core::wire::bedrock::stream::Decoder;
use headgate_core::wire::bedrock::{ANSWER_TOOL, error, response};
use headgate_core::wire::model::{
    Chat, Dropped, Effort, Event, Format, Media, Part, Reasoning, Refused, Role, Sampling, Source, Tool,
    ToolChoice, Turn,
};
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/bedrock")
}

fn decode_stream(stream: &str) -> String {
    let (mut decoder, mut seen) = (Decoder::default(), String::new());
    for line in stream.lines() {
        let (name, data) = line.split_once(' ').unwrap();
        decoder.event(name, data.as_bytes(), &mut |event| writeln!(seen, "{event:?}").unwrap()).unwrap();
    }
    decoder.end(&mut |event| writeln!(seen, "{event:?}").unwrap());
    seen
}

fn decode_whole(body: &[u8]) -> String {
    let mut seen = String::new();
    response::decode(body, &mut |event| writeln!(seen, "{event:?}").unwrap()).unwrap();
    seen
}

fn encode(chat: &Chat<'_>, settings: &Settings<'_>) -> (Result<Value, Refused>, Vec<String>) {
    let mut dropped = Dropped::default();
    let body = request::encode(chat, settings, &mut dropped);
    (body.map(|body| serde_json::from_slice(&body).unwrap()), dropped.0)
}

fn claude() -> Settings<'static> {
    let model = "eu.anthropic.claude-sonnet-4-20250514-v1:0";
    Settings { model, family: Family::of(model), max_tokens: 4_096, ..Settings::default() }
}

fn raw(json: &'static str) -> &'static RawValue {
    serde_json::from_str(json).unwrap()
}

fn text(text: &str) -> Part<'_> {
    Part::Text { text: text.into(), cached: None }
}

fn turn(role: Role, parts: Vec<Part<'_>>) -> Turn<'_> {
    Turn { role, name: None, parts }
}

fn media<'a>(mime: &'a str, data: &'a str, title: Option<&'a str>) -> Media<'a> {
    let source = Source::Data(data.into());
    Media { mime: mime.into(), source, detail: None, title: title.map(Into::into), cached: None }
}

fn call<'a>(id: &'a str, name: &'a str, arguments: &'a str) -> Part<'a> {
    Part::ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), signature: None }
}

fn result<'a>(id: &'a str, parts: Vec<Part<'a>>, failed: bool) -> Part<'a> {
    Part::ToolResult { id: id.into(), name: None, parts, failed, cached: None }
}

fn tool() -> Tool<'static> {
    let parameters = raw(r#"{"type":"object","properties":{"sign":{"type":"string"}},"required":["sign"]}"#);
    Tool {
        name: "top_song".into(),
        description: Some("Get the most popular song.".into()),
        parameters: Some(parameters),
        strict: None,
        cached: None,
    }
}

/// A conversation with everything in it that Bedrock has a place for.
fn conversation() -> Vec<Turn<'static>> {
    let cached = Some(raw(r#"{"type":"ephemeral"}"#));
    let report = Media { cached, ..media("application/pdf", "JVBERi0=", Some("My  report_(1).pdf")) };
    vec![
        turn(Role::System, vec![Part::Text { text: "Be brief.".into(), cached }]),
        turn(Role::User, vec![text("Stations?"), text(" ")]),
        turn(Role::Assistant, vec![text("")]),
        turn(Role::User, vec![Part::Media(media("image/png", "iVBORw0KGgo=", None)), Part::Media(report)]),
        turn(Role::Developer, vec![text("Be kind.")]),
        turn(
            Role::Assistant,
            vec![
                Part::Thinking { text: "hm".into(), signature: Some("sig".into()) },
                Part::Redacted("UmVk".into()),
                text("Two."),
            ],
        ),
        turn(
            Role::Assistant,
            vec![call("call_1", "top_song", "{\"sign\":\"WZPZ\"}"), call("", "top_song", "")],
        ),
        turn(
            Role::User,
            vec![result(
                "call_1",
                vec![text("Elemental Hotel"), Part::Media(media("image/jpeg", "/9j/", None))],
                false,
            )],
        ),
        turn(Role::User, vec![result("", vec![text("no such station")], true)]),
        turn(Role::User, vec![text("And?")]),
    ]
}

#[test]
fn documented_answers_are_the_events_they_mean() {
    let mut scenes = 0;
    for scene in fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().path()) {
        let seen = if let Ok(stream) = fs::read_to_string(scene.join("stream.txt")) {
            decode_stream(&stream)
        } else if let Ok(body) = fs::read(scene.join("response.json")) {
            decode_whole(&body)
        } else {
            continue;
        };
        let expected = fs::read_to_string(scene.join("events.txt")).unwrap();
        assert_eq!(seen, expected, "{}", scene.display());
        scenes += 1;
    }
    assert_eq!(scenes, 11);
}

#[test]
fn a_request_is_written_as_the_reference_has_it() {
    let chat = Chat {
        turns: conversation(),
        tools: vec![Tool { cached: Some(raw("{}")), ..tool() }],
        tool_choice: Some(ToolChoice::Required),
        sampling: Sampling {
            temperature: Some(1.7),
            top_p: Some(0.5),
            top_k: Some(20),
            seed: Some(1),
            ..Sampling::default()
        },
        stop: vec!["END".into(), "".into()],
        max_tokens: Some(512),
        parallel_tools: Some(false),
        choices: Some(1),
        unknown: vec!["store".into()],
        ..Chat::default()
    };
    let (body, dropped) = encode(&chat, &claude());
    let expected: Value =
        serde_json::from_slice(&fs::read(golden().join("request/request.json")).unwrap()).unwrap();
    assert_eq!(body.unwrap(), expected);
    assert_eq!(dropped, ["seed", "parallel_tool_calls", "store"]);
}

#[test]
fn models_without_cache_points_get_none() {
    let chat = Chat { turns: conversation(), tools: vec![tool()], ..Chat::default() };
    let (body, dropped) = encode(&chat, &Settings::default());
    assert!(!body.unwrap().to_string().contains("cachePoint"));
    assert_eq!(dropped, ["cache_control"]);
}

#[test]
fn thinking_is_asked_for_as_the_family_takes_it() {
    let mut chat = Chat {
        reasoning: Some(Reasoning::Effort(Effort::High)),
        max_tokens: Some(4_000),
        sampling: Sampling {
            temperature: Some(0.2),
            top_p: Some(0.9),
            top_k: Some(5),
            ..Sampling::default()
        },
        tools: vec![tool()],
        tool_choice: Some(ToolChoice::Named("top_song".into())),
        ..Chat::default()
    };
    let (body, dropped) = encode(&chat, &claude());
    let body = body.unwrap();
    let thinking = json!({"thinking": {"type": "enabled", "budget_tokens": 2_000}});
    assert_eq!(body["additionalModelRequestFields"], thinking);
    assert_eq!(body["inferenceConfig"], json!({"maxTokens": 4_000}));
    assert_eq!(body["toolConfig"].get("toolChoice"), None);
    assert_eq!(dropped, ["temperature", "top_p", "tool_choice", "top_k"]);

    chat.max_tokens = Some(1_024);
    let (body, dropped) = encode(&chat, &Settings { only_temperature: true, ..claude() });
    let body = body.unwrap();
    assert_eq!(body["additionalModelRequestFields"], json!({"top_k": 5}));
    assert_eq!(body["inferenceConfig"], json!({"maxTokens": 1_024, "temperature": 0.2}));
    assert_eq!(body["toolConfig"]["toolChoice"], json!({"tool": {"name": "top_song"}}));
    assert_eq!(dropped, ["reasoning_effort", "top_p"]);

    for (family, fields) in [
        (Family::OpenAi, json!({"reasoning_effort": "high"})),
        (Family::Nova, json!({"inferenceConfig": {"topK": 5}})),
        (Family::Other, Value::Null),
    ] {
        let body = encode(&chat, &Settings { family, ..Settings::default() }).0.unwrap();
        assert_eq!(body["additionalModelRequestFields"], fields, "{family:?}");
    }
    assert_eq!(Family::of("us.amazon.nova-pro-v1:0"), Family::Nova);
    assert_eq!(Family::of("openai.gpt-oss-120b-1:0"), Family::OpenAi);
    assert_eq!(Family::of("meta.llama3-3-70b-instruct-v1:0"), Family::Other);
}

#[test]
fn a_claude_that_thinks_has_room_for_thoughts_and_answer() {
    let asked = |reasoning, max_tokens, adaptive| {
        let chat = Chat { reasoning: Some(reasoning), max_tokens, ..Chat::default() };
        let (body, dropped) = encode(&chat, &Settings { adaptive, ..claude() });
        let body = body.unwrap();
        let most = body["inferenceConfig"]["maxTokens"].as_u64();
        (body["additionalModelRequestFields"].clone(), most, dropped.len())
    };
    let budget = |tokens: u64| json!({"thinking": {"type": "enabled", "budget_tokens": tokens}});
    let adaptive = |effort| json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": effort}});
    let low = Reasoning::Effort(Effort::Low);
    for (reasoning, max_tokens, adapts, expected) in [
        (low, None, false, (budget(4_096), Some(8_192), 0)),
        (low, Some(3_000), false, (budget(1_500), Some(3_000), 0)),
        (Reasoning::Budget(2_999), Some(3_000), false, (budget(2_999), Some(3_000), 0)),
        (Reasoning::Budget(9_999), Some(3_000), false, (budget(2_999), Some(3_000), 0)),
        (Reasoning::Budget(10), None, false, (budget(1_024), Some(5_120), 0)),
        (Reasoning::Auto, Some(1_024), false, (Value::Null, Some(1_024), 1)),
        (Reasoning::Effort(Effort::Minimal), None, true, (adaptive("low"), Some(4_096), 0)),
        (Reasoning::Budget(9_999), Some(100), true, (adaptive("medium"), Some(100), 0)),
        (Reasoning::Auto, None, true, (json!({"thinking": {"type": "adaptive"}}), Some(4_096), 0)),
        (Reasoning::Off, None, true, (Value::Null, None, 0)),
    ] {
        assert_eq!(asked(reasoning, max_tokens, adapts), expected, "{reasoning:?} {max_tokens:?} {adapts}");
    }
}

#[test]
fn who_lost_its_thoughts_amid_calls_thinks_no_more() {
    let results = vec![result("a", vec![text("Elemental Hotel")], false)];
    let mut chat = Chat {
        turns: vec![
            turn(Role::User, vec![text("Stations?")]),
            turn(Role::Assistant, vec![call("a", "top_song", "{}")]),
            turn(Role::User, results),
        ],
        tools: vec![tool()],
        reasoning: Some(Reasoning::Auto),
        ..Chat::default()
    };
    let (body, dropped) = encode(&chat, &claude());
    assert_eq!((body.unwrap().get("additionalModelRequestFields"), dropped.len()), (None, 1));
    chat.turns[1].parts.insert(0, Part::Thinking { text: "hm".into(), signature: Some("sig".into()) });
    let (body, dropped) = encode(&chat, &claude());
    assert!(body.unwrap().get("additionalModelRequestFields").is_some());
    assert_eq!(dropped, [""; 0]);
}

#[test]
fn an_answer_in_json_is_a_tool_that_must_be_used() {
    let schema = raw(r#"{"type":"object","properties":{"age":{"type":"integer"}}}"#);
    let format = Format::Schema { name: Some("person".into()), description: None, schema, strict: None };
    let mut chat = Chat { format: Some(format), ..Chat::default() };
    let config = encode(&chat, &claude()).0.unwrap()["toolConfig"].take();
    assert_eq!(config["tools"][0]["toolSpec"]["name"], ANSWER_TOOL);
    assert_eq!(
        config["tools"][0]["toolSpec"]["inputSchema"]["json"]["properties"],
        json!({"age": {"type": "integer"}})
    );
    assert_eq!(config["toolChoice"], json!({"tool": {"name": ANSWER_TOOL}}));
    chat.tools = vec![tool()];
    let config = encode(&chat, &claude()).0.unwrap()["toolConfig"].take();
    assert_eq!((&config["toolChoice"], config["tools"].as_array().unwrap().len()), (&json!({"any": {}}), 2));
    chat.tool_choice = Some(ToolChoice::None);
    chat.reasoning = Some(Reasoning::Auto);
    let (body, dropped) = encode(&chat, &claude());
    assert_eq!(body.unwrap()["toolConfig"]["tools"].as_array().unwrap().len(), 1);
    assert_eq!(dropped, ["response_format"]);
}

#[test]
fn tools_that_may_not_be_used_are_left_out_where_they_can_be() {
    let mut chat = Chat { tools: vec![tool()], tool_choice: Some(ToolChoice::None), ..Chat::default() };
    assert_eq!(encode(&chat, &claude()), (Ok(json!({"messages": []})), vec![]));
    chat.turns = vec![turn(Role::Assistant, vec![call("a", "top_song", "{}")])];
    let (body, dropped) = encode(&chat, &claude());
    assert!(body.unwrap().get("toolConfig").is_some());
    assert_eq!(dropped, ["tool_choice"]);
    chat.tools.clear();
    let refused = encode(&chat, &claude()).0.unwrap_err();
    assert_eq!((refused.code, refused.param.as_deref()), ("missing_required_parameter", Some("tools")));
}

#[test]
fn what_bedrock_cannot_take_is_refused() {
    let url = |url: &'static str| {
        Part::Media(Media { source: Source::Url(url.into()), ..media("image/png", "", None) })
    };
    for part in [
        url("https://example.com/a.png"),
        Part::Media(media("audio/wav", "AA==", None)),
        call("a", "f", "[]"),
        call("a", "f", "{\"x\":"),
        result("", vec![], false),
    ] {
        let turns = vec![turn(Role::User, vec![part])];
        let refused =
            encode(&Chat { turns, tools: vec![tool()], ..Chat::default() }, &claude()).0.unwrap_err();
        assert_eq!((refused.code, refused.param.as_deref()), ("invalid_value", Some("messages")));
    }
    let file = Media { source: Source::File("file_1".into()), ..media("", "", None) };
    let turns = vec![turn(Role::User, vec![Part::Media(file)])];
    let refused = encode(&Chat { turns, ..Chat::default() }, &claude()).0.unwrap_err();
    assert!(refused.message.contains("send them as base64"), "{}", refused.message);
    let turns = vec![turn(Role::User, vec![url("s3://bucket/a.png")])];
    let body = encode(&Chat { turns, ..Chat::default() }, &claude()).0.unwrap();
    let source = json!({"s3Location": {"uri": "s3://bucket/a.png"}});
    assert_eq!(body["messages"][0]["content"][0]["image"]["source"], source);
}

#[test]
fn ids_are_put_into_allowed_letters_on_both_sides() {
    let id = "call:ü/1".repeat(12);
    let turns = vec![
        turn(Role::Assistant, vec![call(&id, "f", "{}")]),
        turn(Role::User, vec![result(&id, vec![], false)]),
    ];
    let chat = Chat { turns, tools: vec![tool()], ..Chat::default() };
    let messages = encode(&chat, &claude()).0.unwrap()["messages"].take();
    let called = messages[0]["content"][0]["toolUse"]["toolUseId"].as_str().unwrap();
    assert_eq!(messages[1]["content"][0]["toolResult"]["toolUseId"], called);
    assert!(called.len() == 64 && called.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
}

#[test]
fn thoughts_that_nobody_signed_are_left_out() {
    let turns = vec![turn(Role::Assistant, vec![Part::Thinking { text: "hm".into(), signature: None }])];
    let told = encode(&Chat { turns, ..Chat::default() }, &claude());
    assert_eq!(told, (Ok(json!({"messages": []})), vec!["reasoning_content".to_owned()]));
}

#[test]
fn an_answer_is_whole_only_with_its_stop() {
    let cut = "messageStart {}\ncontentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"a\"}}\n";
    assert!(!decode_stream(cut).contains("End"));
    assert!(decode_stream("messageStop {\"stopReason\":\"end_turn\"}\n").ends_with("End\n"));
    assert!(decode_stream("throttlingException not-json\n").contains("throttlingException"));
    let mut decoder = Decoder::default();
    assert!(decoder.event("contentBlockDelta", b"{}", &mut |_| ()).is_err());
    assert!(decoder.event("futureEvent", b"?", &mut |_| ()).is_ok());
    assert!(response::decode(b"{}", &mut |_| ()).is_err());
    assert!(response::decode(b"<html>", &mut |_| ()).unwrap_err().to_string().contains("not JSON"));
}

#[test]
fn errors_are_read_in_both_spellings() {
    for (body, kind) in [
        (r#"{"message":"m sk-abcdefgh12345"}"#, None),
        (r#"{"Message":"m sk-abcdefgh12345"}"#, None),
        (
            r#"{"__type":"com.amazon.coral.service#ThrottlingException","message":"m sk-abcdefgh12345"}"#,
            Some("ThrottlingException"),
        ),
        (
            r#"{"__type":"ValidationException:http://x/","Message":"m sk-abcdefgh12345"}"#,
            Some("ValidationException"),
        ),
    ] {
        let read = error::decode(body.as_bytes()).unwrap();
        assert_eq!((&*read.message, read.kind.as_deref()), ("m [redacted]", kind), "{body}");
    }
    assert_eq!(error::decode(b"{}"), None);
    assert_eq!(error::decode(b"<html>"), None);
}

proptest! {
    #[test]
    fn interleaved_calls_stay_apart(order in prop::collection::vec(0..4_u32, 1..40)) {
        let mut decoder = Decoder::default();
        let mut calls: Vec<(u32, String)> = Vec::new();
        let mut seen: Vec<String> = vec![String::new(); 4];
        for (at, block) in order.iter().enumerate() {
            let mut each = |event: Event<'_>| if let Event::ToolStart { call, id, .. } = &event {
                calls.push((*call, id.to_string()));
            } else if let Event::ToolArguments { call, json, .. } = &event {
                seen[*call as usize].push_str(json);
            };
            if !order[..at].contains(block) {
                let start = json!({"contentBlockIndex": block, "start": {"toolUse": {"toolUseId": block.to_string(), "name": "f"}}});
                decoder.event("contentBlockStart", start.to_string().as_bytes(), &mut each).unwrap();
            }
            let delta = json!({"contentBlockIndex": block, "delta": {"toolUse": {"input": format!("{at},")}}});
            decoder.event("contentBlockDelta", delta.to_string().as_bytes(), &mut each).unwrap();
        }
        for (call, id) in calls {
            let mut expected = String::new();
            for (at, _) in order.iter().enumerate().filter(|(_, block)| block.to_string() == id) {
                write!(expected, "{at},").unwrap();
            }
            prop_assert_eq!(&seen[call as usize], &expected);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..120), at in any::<usize>(), byte in any::<u8>(), name in "contentBlockStart|contentBlockDelta|contentBlockStop|messageStop|metadata|xException|.{0,5}") {
        let mut valid = br#"{"contentBlockIndex":0,"delta":{"text":"\u00e9","toolUse":{"input":"{"}},"start":{"toolUse":{"toolUseId":"a","name":"f"}},"stopReason":"x","usage":{"inputTokens":1},"output":{"message":{"content":[{"text":"a"}]}}}"#.to_vec();
        let place = at % valid.len();
        valid[place] = byte;
        let mut decoder = Decoder::default();
        for body in [&bytes, &valid] {
            let _ = decoder.event(&name, body, &mut |_| ());
            let _ = response::decode(body, &mut |_| ());
            let _ = error::decode(body);
        }
    }

    #[test]
    fn any_text_and_title_make_a_request(said in ".{0,20}", title in ".{0,30}", id in ".{0,9}") {
        let turns = vec![
            turn(Role::User, vec![text(&said), Part::Media(media("text/plain", "AA==", Some(&title)))]),
            turn(Role::Assistant, vec![call(&id, &said, "{\"a\":\n1}")]),
            turn(Role::User, vec![result(&id, vec![text(&said)], true)]),
        ];
        let body = encode(&Chat { turns, tools: vec![tool()], ..Chat::default() }, &claude()).0.unwrap();
        prop_assert_eq!(body["messages"].as_array().unwrap().len(), 3);
    }
}
