//! `OpenAI`'s chat dialect against golden scenes, every split, and what vendors make of it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic, its helpers too")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use headgate_core::sse::EventParser;
use headgate_core::usage::Usage;
use headgate_core::wire::model::{
    Chat, Dropped, Event, Finish, Format, Media, Part, Reasoning, Refused, Role, Source, ToolChoice, Turn,
};
use headgate_core::wire::openai_chat::error;
use headgate_core::wire::openai_chat::request::{
    EffortField, Instructions, Limit, Settings, StreamUsage, Thinking, decode, encode,
};
use headgate_core::wire::openai_chat::response::{self, Reply, Writer};
use headgate_core::wire::openai_chat::stream::{Decoder, Encoder};
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

const SHOWN: Reply<'_> =
    Reply { id: "", model: "", created_s: 0, thinking: Thinking::ReasoningContent, include_usage: true };

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/openai_chat")
}

fn scenes(file: &str) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(golden())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| Some((path.to_str()?.to_owned(), fs::read(path.join(file)).ok()?)))
        .collect();
    found.sort();
    assert!(found.len() > 4, "scenes with {file}: {}", found.len());
    found
}

/// An event as its line in `events.txt`; it holds all that the event holds.
fn line(event: &Event<'_>) -> String {
    format!("{event:?}\n")
}

fn whole(body: &[u8]) -> String {
    let mut events = String::new();
    response::decode(body, &mut |event| events += &line(&event)).unwrap();
    events
}

fn streamed<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> String {
    let mut events = String::new();
    let mut decoder = Decoder::default();
    let mut parser = EventParser::default();
    for piece in pieces {
        parser
            .feed(piece, |event| decoder.event(event.data, &mut |event| events += &line(&event)).unwrap())
            .unwrap();
    }
    decoder.end(&mut |event| events += &line(&event));
    events
}

fn stream(text: &str) -> String {
    streamed([text.as_bytes()])
}

/// A stream of chunks with one choice, given by delta and finish reason.
fn chunks(parts: &[(&str, &str)]) -> String {
    let chunk = |(delta, finish): &(&str, &str)| {
        format!(
            "data: {{\"id\":\"chatcmpl-1\",\"model\":\"m\",\"created\":5,\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    parts.iter().map(chunk).collect::<String>() + "data: [DONE]\n\n"
}

fn request(body: &str) -> Chat<'_> {
    decode(body.as_bytes()).unwrap()
}

fn refused(body: &str) -> Refused {
    decode(body.as_bytes()).unwrap_err()
}

fn said(chat: &Chat<'_>, settings: &Settings<'_>) -> (Value, Vec<String>) {
    let mut dropped = Dropped::default();
    let body = encode(chat, settings, &mut dropped).unwrap();
    (
        serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&body))),
        dropped.0,
    )
}

fn turn(role: Role, parts: Vec<Part<'_>>) -> Turn<'_> {
    Turn { role, name: None, parts }
}

fn text(text: &str) -> Part<'_> {
    Part::Text { text: text.into(), cached: None }
}

fn call<'a>(id: &'a str, name: &'a str, arguments: &'a str) -> Part<'a> {
    Part::ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), signature: None }
}

fn result<'a>(id: &'a str, name: Option<&'a str>, parts: Vec<Part<'a>>) -> Part<'a> {
    Part::ToolResult { id: id.into(), name: name.map(Into::into), parts, failed: false, cached: None }
}

fn image(data: &str) -> Part<'_> {
    let source = Source::Data(data.into());
    Part::Media(Media { mime: "".into(), source, detail: None, title: None, cached: None })
}

/// Compares with the scene's `events.txt`, or with `HEADGATE_REWRITE_GOLDEN` set writes it, for its diff to be read.
fn check(scene: &str, events: &str) {
    let path = Path::new(scene).join("events.txt");
    if std::env::var_os("HEADGATE_REWRITE_GOLDEN").is_some() {
        fs::write(&path, events).unwrap();
    }
    assert_eq!(events, fs::read_to_string(&path).unwrap(), "{scene}");
}

#[test]
fn golden_answers_give_their_events() {
    for (scene, body) in scenes("response.json") {
        check(&scene, &whole(&body));
    }
}

#[test]
fn golden_streams_give_their_events() {
    for (scene, body) in scenes("stream.txt") {
        check(&scene, &streamed([&body[..]]));
    }
}

#[test]
fn answers_written_again_give_the_same_events() {
    for (scene, body) in scenes("response.json") {
        let mut writer = Writer::new(&SHOWN);
        response::decode(&body, &mut |event| writer.event(&event)).unwrap();
        assert_eq!(whole(&writer.finish()), whole(&body), "{scene}");
    }
}

/// Events without what an encoder has to add: an id's prefix, and ids of calls that have none.
fn normal(events: &str) -> String {
    events.replace("id: \"chatcmpl-", "id: \"").replace("id: \"call_123_0_0\"", "id: \"\"")
}

#[test]
fn streams_written_again_give_the_same_events() {
    for (scene, body) in scenes("stream.txt") {
        let mut encoder = Encoder::new(&SHOWN);
        let mut decoder = Decoder::default();
        let mut parser = EventParser::default();
        let mut out = Vec::new();
        parser
            .feed(&body, |event| {
                decoder.event(event.data, &mut |event| encoder.event(&event, &mut out)).unwrap();
            })
            .unwrap();
        decoder.end(&mut |event| encoder.event(&event, &mut out));
        // Usage moves behind the finish, and End stays last.
        let sorted = |events: String| {
            let mut lines: Vec<_> = normal(&events).lines().map(str::to_owned).collect();
            lines.sort_by_key(|line| (line.starts_with("End"), line.starts_with("Usage")));
            lines
        };
        assert_eq!(sorted(streamed([&out[..]])), sorted(streamed([&body[..]])), "{scene}");
    }
}

#[test]
fn the_encoder_s_bytes_are_the_dialect_s() {
    let mut encoder = Encoder::new(&Reply { include_usage: true, model: "mine", ..Reply::default() });
    let mut out = Vec::new();
    let usage = Usage { prompt: 9, completion: 4, total: 13, cached: 2, written: 0, reasoning: 1 };
    let events = [
        Event::Start { id: "msg_1".into(), model: "theirs".into(), created_s: 7 },
        Event::Usage(usage),
        Event::Thinking { choice: 0, text: "hm".into() },
        Event::Text { choice: 0, text: "a\n".into() },
        Event::ToolStart { choice: 0, call: 0, id: "".into(), name: "f".into(), signature: None },
        Event::Finish { choice: 0, reason: Finish::Tools, stop: None },
        Event::End,
    ];
    for event in &events {
        encoder.event(event, &mut out);
    }
    let head = r#"data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":7,"model":"mine","choices":["#;
    let chunk = |delta: &str, finish: &str| {
        format!(
            "{head}{{\"index\":0,\"delta\":{{{delta}}},\"logprobs\":null,\"finish_reason\":{finish}}}],\"usage\":null}}\n\n"
        )
    };
    let expected = [
        chunk(r#""role":"assistant","content":"","refusal":null"#, "null"),
        chunk(r#""content":"a\n""#, "null"),
        chunk(
            r#""tool_calls":[{"index":0,"id":"call_msg_1_0_0","type":"function","function":{"name":"f","arguments":""}}]"#,
            "null",
        ),
        chunk(r#""tool_calls":[{"index":0,"function":{"arguments":"{}"}}]"#, "null"),
        chunk("", r#""tool_calls""#),
        format!(
            "{head}],\"usage\":{{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13,\"prompt_tokens_details\":{{\"cached_tokens\":2}},\"completion_tokens_details\":{{\"reasoning_tokens\":1}}}}}}\n\n"
        ),
        "data: [DONE]\n\n".to_owned(),
    ];
    assert_eq!(String::from_utf8(out).unwrap(), expected.concat());
}

#[test]
fn usage_is_for_who_asked() {
    let mut encoder = Encoder::new(&Reply::default());
    let mut out = Vec::new();
    encoder.event(&Event::Text { choice: 0, text: "x".into() }, &mut out);
    encoder.event(&Event::Usage(Usage { prompt: 1, ..Usage::default() }), &mut out);
    encoder.event(&Event::End, &mut out);
    let out = String::from_utf8(out).unwrap();
    assert!(!out.contains("usage") && out.ends_with("data: [DONE]\n\n"), "{out}");
}

#[test]
fn signed_and_redacted_thoughts_survive_a_stream_and_an_answer() {
    let events = [
        Event::Start { id: "chatcmpl-1".into(), model: "m".into(), created_s: 3 },
        Event::Thinking { choice: 0, text: "one ".into() },
        Event::Thinking { choice: 0, text: "two".into() },
        Event::Signature { choice: 0, signature: "sig==".into() },
        Event::Redacted { choice: 0, data: "xyz".into() },
        Event::Text { choice: 0, text: "done".into() },
        Event::Finish { choice: 0, reason: Finish::Stop, stop: None },
        Event::End,
    ];
    let mut encoder = Encoder::new(&SHOWN);
    let mut writer = Writer::new(&SHOWN);
    let mut out = Vec::new();
    for event in &events {
        encoder.event(event, &mut out);
        writer.event(event);
    }
    assert_eq!(streamed([&out[..]]), events.iter().map(line).collect::<String>());
    let joined = whole(&writer.finish());
    assert!(
        joined.contains("text: \"one two\" }\nSignature { choice: 0, signature: \"sig==\" }\nRedacted"),
        "{joined}"
    );
}

#[test]
fn requests_written_again_ask_the_same() {
    for (scene, body) in scenes("request.json") {
        let (again, dropped) = said(&decode(&body).unwrap(), &Settings::default());
        let mut given: Value = serde_json::from_slice(&body).unwrap();
        let members = given.as_object_mut().unwrap();
        if let Some(most) = members.remove("max_tokens") {
            members.entry("max_completion_tokens").or_insert(most);
        }
        for message in given["messages"].as_array_mut().unwrap() {
            if message["refusal"].is_null() {
                message.as_object_mut().unwrap().remove("refusal");
            }
            // A single text may be a string as well.
            let parts = message["content"].as_array().filter(|parts| parts.len() == 1).cloned();
            if let Some(text) = parts.and_then(|parts| parts[0].get("text").cloned()) {
                message["content"] = text;
            }
        }
        assert_eq!(again, given, "{scene}");
        assert!(dropped.is_empty(), "{scene}: {dropped:?}");
    }
}

#[test]
fn what_is_read_stands_in_the_canonical_form() {
    use Role::{Assistant, Developer, System, User};
    let body = fs::read_to_string(golden().join("everything/request.json")).unwrap();
    let chat = request(&body);
    let roles: Vec<Role> = chat.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [System, Developer, User, Assistant, User, Assistant, User]);
    assert_eq!((chat.turns[0].name.as_deref(), chat.turns[2].name.as_deref()), (Some("ops"), Some("ann")));
    let media: Vec<(&str, &Source<'_>)> = chat.turns[2]
        .parts
        .iter()
        .filter_map(
            |part| if let Part::Media(media) = part { Some((&*media.mime, &media.source)) } else { None },
        )
        .collect();
    let expected = [
        ("image/png", &Source::Data("iVBORw0KGgo=".into())),
        ("audio/wav", &Source::Data("UklGRg==".into())),
        ("audio/mpeg", &Source::Data("SUQz".into())),
        ("application/pdf", &Source::Data("JVBERi0=".into())),
        ("", &Source::File("file-6F2ksmvXxt4VdoqmHRw6kL".into())),
    ];
    assert_eq!(media, expected);
    assert_eq!(chat.tool_choice, Some(ToolChoice::Named("f".into())));
    assert_eq!((chat.parallel_tools, chat.reasoning), (Some(false), Some(Reasoning::Off)));
    assert_eq!((chat.max_tokens, chat.choices, chat.include_usage), (Some(64), Some(2), true));
    assert!(matches!(chat.format, Some(Format::Json)));
    assert!(matches!(&chat.turns[5].parts[..], [Part::Refusal(text)] if text == "I can't."));
}

#[test]
fn texts_without_escapes_are_borrowed() {
    use std::borrow::Cow::Borrowed;
    let chat = request(
        r#"{"model":"m","user":"u","messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}"#,
    );
    assert!(matches!((&chat.model, &chat.user), (Borrowed("m"), Some(Borrowed("u")))));
    assert!(matches!(&chat.turns[0].parts[0], Part::Text { text: Borrowed("hi"), .. }));
    assert!(matches!(
        &chat.turns[0].parts[1],
        Part::Media(Media { mime: Borrowed("image/png"), source: Source::Data(Borrowed("AAAA")), .. })
    ));
}

#[test]
fn newer_names_win_over_older_ones() {
    let chat = request(
        r#"{"max_tokens":1,"max_completion_tokens":2,"safety_identifier":"s","user":"u","stop":"x","model":"m","messages":[{"role":"user","content":"a"}],
           "functions":[{"name":"f"}],"function_call":{"name":"f"},"temperature":null,"store":true,"metadata":{"a":[1]}}"#,
    );
    assert_eq!((chat.max_tokens, chat.user.as_deref()), (Some(2), Some("u")));
    assert_eq!(chat.stop, ["x"]);
    assert_eq!((&*chat.tools[0].name, &chat.tool_choice), ("f", &Some(ToolChoice::Named("f".into()))));
    assert_eq!(chat.unknown, ["store", "metadata"]);
    let (body, dropped) =
        said(&chat, &Settings { limit: Limit::MaxTokens, model: "other", ..Settings::default() });
    assert_eq!((&body["max_tokens"], &body["model"]), (&json!(2), &json!("other")));
    assert_eq!(body.get("max_completion_tokens"), None);
    assert_eq!(dropped, ["store", "metadata"]);
}

#[test]
fn usage_is_asked_for_when_it_is_billed_by() {
    let chat = request(r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"a"}]}"#);
    let asked = |stream_usage| {
        said(&chat, &Settings { stream_usage, ..Settings::default() }).0["stream_options"].take()
    };
    assert_eq!(asked(StreamUsage::AsAsked), Value::Null);
    assert_eq!(asked(StreamUsage::Always), json!({"include_usage": true}));
}

#[test]
fn only_allowed_tools_are_offered() {
    let chat = request(
        r#"{"model":"m","messages":[{"role":"user","content":"a"}],
           "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"g"}}]}},
           "tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]}"#,
    );
    let names: Vec<&str> = chat.tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!((names, chat.tool_choice), (vec!["g"], Some(ToolChoice::Required)));
}

#[test]
fn older_functions_get_ids_that_match() {
    let chat = request(
        r#"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"r"}]}"#,
    );
    let (body, _) = said(&chat, &Settings::default());
    let id = &body["messages"][1]["tool_calls"][0]["id"];
    assert!(id.as_str().is_some_and(|id| id.starts_with("call_")), "{body}");
    assert_eq!(&body["messages"][2]["tool_call_id"], id);
    assert_eq!(body["messages"][2]["role"], "tool");
}

#[test]
fn results_follow_their_calls_and_their_images_follow_them() {
    let turns = vec![
        turn(Role::Assistant, vec![call("c1", "f", ""), call("c2", "g", "{\"x\":1}")]),
        turn(Role::User, vec![text("see"), result("c1", None, vec![text("shot"), image("iVBORw0")])]),
        turn(Role::User, vec![result("c2", None, vec![image("/9j/4AAQ")])]),
    ];
    let (body, _) = said(&Chat { model: "m".into(), turns, ..Chat::default() }, &Settings::default());
    let url = |url: &str| json!({"type": "image_url", "image_url": {"url": url}});
    assert_eq!(
        body["messages"],
        json!([
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{\"x\":1}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "shot"},
            {"role": "tool", "tool_call_id": "c2", "content": ""},
            {"role": "user", "content": [
                url("data:image/png;base64,iVBORw0"), url("data:image/jpeg;base64,/9j/4AAQ"),
                {"type": "text", "text": "see"}]},
        ])
    );
}

#[test]
fn instructions_go_where_a_provider_takes_them() {
    let body = r#"{"model":"m","messages":[{"role":"system","content":"one"},{"role":"user","content":"hi"},{"role":"developer","content":"two"}]}"#;
    let chat = request(body);
    let messages =
        |instructions| said(&chat, &Settings { instructions, ..Settings::default() }).0["messages"].take();
    assert_eq!(messages(Instructions::Developer)[2]["role"], "developer");
    assert_eq!(messages(Instructions::System)[2]["role"], "system");
    assert_eq!(messages(Instructions::User), json!([{"role": "user", "content": "one\n\ntwo\n\nhi"}]));
    let alone =
        Chat { model: "m".into(), turns: vec![turn(Role::System, vec![text("s")])], ..Chat::default() };
    let (body, _) = said(&alone, &Settings { instructions: Instructions::User, ..Settings::default() });
    assert_eq!(body["messages"], json!([{"role": "user", "content": "s"}]));
}

#[test]
fn turns_of_a_role_are_one_where_roles_must_alternate() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"system","content":"s"},{"role":"user","content":"b"},{"role":"assistant","content":"c"},{"role":"assistant","content":"d"}]}"#;
    let settings = Settings { instructions: Instructions::User, alternate: true, ..Settings::default() };
    let messages = said(&request(body), &settings).0["messages"].take();
    assert_eq!(
        messages,
        json!([{"role": "user", "content": "s\n\na\n\nb"}, {"role": "assistant", "content": "cd"}])
    );
    let apart = said(&request(body), &Settings::default()).0["messages"].take();
    assert_eq!(apart.as_array().unwrap().len(), 5);
}

#[test]
fn quirks_are_kept_and_what_is_lost_is_named() {
    let body = r#"{"model":"m","stream":true,"stream_options":{"include_usage":true},"parallel_tool_calls":true,"tools":[{"type":"function","function":{"name":"f"},"cache_control":{"type":"ephemeral"}}],"top_k":5,"reasoning_effort":"high","stop":["1","2","3","4","5"],
        "messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]},{"role":"assistant","content":"b","thinking_blocks":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"redacted_thinking","data":"d"}],"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"g"}}}]}]}"#;
    let chat = request(body);
    let poor = Settings {
        stream_usage: StreamUsage::Never,
        no_parallel_tool_calls: true,
        effort: EffortField::Absent,
        ..Settings::default()
    };
    let (written, mut dropped) = said(&chat, &poor);
    dropped.sort();
    let lost = [
        "cache_control",
        "extra_content",
        "parallel_tool_calls",
        "reasoning_content",
        "reasoning_effort",
        "redacted_thinking",
        "stop",
        "top_k",
    ];
    assert_eq!(dropped, lost);
    for name in ["stream_options", "parallel_tool_calls", "reasoning_effort", "top_k"] {
        assert_eq!(written.get(name), None, "{name}");
    }
    let rich = Settings { extensions: true, thinking: Thinking::ReasoningContent, ..Settings::default() };
    let (written, dropped) = said(&chat, &rich);
    assert_eq!(dropped, ["stop"]);
    let given: Value = serde_json::from_str(body).unwrap();
    assert_eq!(written["messages"][0], given["messages"][0]);
    assert_eq!(written["messages"][1]["thinking_blocks"], given["messages"][1]["thinking_blocks"]);
    assert_eq!(written["messages"][1]["tool_calls"], given["messages"][1]["tool_calls"]);
    assert_eq!(written["messages"][1]["reasoning_content"], "t");
    assert_eq!(written["tools"], given["tools"]);
}

#[test]
fn efforts_budgets_and_ranges_are_said_in_the_dialect_s_steps() {
    let with = |reasoning, effort| {
        let chat = Chat { model: "m".into(), reasoning: Some(reasoning), ..Chat::default() };
        said(&chat, &Settings { effort, ..Settings::default() }).0["reasoning_effort"].take()
    };
    assert_eq!(with(Reasoning::Off, EffortField::Full), "none");
    assert_eq!(with(Reasoning::Off, EffortField::WithoutNone), "minimal");
    assert_eq!(with(Reasoning::Budget(4_096), EffortField::Full), "low");
    assert_eq!(with(Reasoning::Auto, EffortField::Full), Value::Null);
    let mut chat = Chat { model: "m".into(), ..Chat::default() };
    chat.sampling.temperature = Some(3.0);
    chat.sampling.presence_penalty = Some(-9.0);
    let body = said(&chat, &Settings::default()).0;
    assert_eq!((&body["temperature"], &body["presence_penalty"]), (&json!(2.0), &json!(-2.0)));
}

#[test]
fn wrong_requests_are_refused_with_the_field_to_blame() {
    let user = r#""messages":[{"role":"user","content":"a"}]"#;
    let cases = [
        ("{".to_owned(), "invalid_json", None),
        ("[]".to_owned(), "invalid_type", None),
        (format!("{{{user}}}"), "missing_required_parameter", Some("model")),
        (r#"{"model":"m"}"#.to_owned(), "missing_required_parameter", Some("messages")),
        (format!("{{\"model\":\"m\",\"model\":\"m\",{user}}}"), "invalid_value", Some("model")),
        (format!("{{\"model\":\"m\",\"temperature\":\"1\",{user}}}"), "invalid_type", Some("temperature")),
        (format!("{{\"model\":\"m\",\"max_tokens\":-1,{user}}}"), "invalid_type", Some("max_tokens")),
        (format!("{{\"model\":\"m\",\"stop\":[1],{user}}}"), "invalid_type", Some("stop")),
        (
            format!("{{\"model\":\"m\",\"reasoning_effort\":\"x\",{user}}}"),
            "invalid_value",
            Some("reasoning_effort"),
        ),
        (
            format!(
                "{{\"model\":\"m\",\"response_format\":{{\"type\":\"json_schema\",\"json_schema\":{{\"schema\":[]}}}},{user}}}"
            ),
            "invalid_type",
            Some("response_format.json_schema.schema"),
        ),
        (format!("{{\"model\":\"m\",\"tool_choice\":\"x\",{user}}}"), "invalid_value", Some("tool_choice")),
        (
            format!("{{\"model\":\"m\",\"tools\":[{{\"type\":\"custom\"}}],{user}}}"),
            "unsupported_parameter",
            Some("tools[0].type"),
        ),
        (
            format!("{{\"model\":\"m\",\"tools\":[{{\"type\":\"function\"}}],{user}}}"),
            "missing_required_parameter",
            Some("tools[0].function"),
        ),
    ];
    for (body, code, param) in cases {
        let found = refused(&body);
        assert_eq!((found.code, found.param.as_deref()), (code, param), "{body}: {}", found.message);
    }
}

#[test]
fn wrong_messages_are_refused_with_their_place() {
    let cases = [
        (r#"{"role":"robot","content":"a"}"#, "invalid_value", "messages[1].role"),
        (r#"{"content":"a"}"#, "missing_required_parameter", "messages[1].role"),
        ("7", "invalid_type", "messages[1]"),
        (r#"{"role":"user"}"#, "missing_required_parameter", "messages[1].content"),
        (r#"{"role":"user","content":7}"#, "invalid_type", "messages[1].content"),
        (
            r#"{"role":"user","content":[{"type":"text"}]}"#,
            "missing_required_parameter",
            "messages[1].content[0].text",
        ),
        (r#"{"role":"user","content":[{"type":"smell"}]}"#, "invalid_value", "messages[1].content[0].type"),
        (
            r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png,AA"}}]}"#,
            "invalid_value",
            "messages[1].content[0].image_url.url",
        ),
        (r#"{"role":"tool","content":"a"}"#, "missing_required_parameter", "messages[1].tool_call_id"),
        (
            r#"{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\"a\""}}]}"#,
            "invalid_value",
            "messages[1].tool_calls[0].function.arguments",
        ),
    ];
    for (message, code, param) in cases {
        let body =
            format!("{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"a\"}},{message}]}}");
        let found = refused(&body);
        assert_eq!((found.code, found.param.as_deref()), (code, Some(param)), "{message}: {}", found.message);
    }
}

#[test]
fn a_stream_ends_only_with_done_after_every_finish() {
    let whole = chunks(&[(r#"{"content":"a"}"#, "null"), ("{}", r#""stop""#)]);
    assert!(stream(&whole).ends_with("End\n"));
    let unfinished = chunks(&[(r#"{"content":"a"}"#, "null")]);
    assert!(!stream(&unfinished).contains("End"));
    let cut = whole.strip_suffix("data: [DONE]\n\n").unwrap();
    assert!(!stream(cut).contains("End"));
    let mut decoder = Decoder::new(true);
    let mut ended = false;
    for data in cut.split("\n\n").filter_map(|event| event.strip_prefix("data: ")) {
        decoder.event(data.as_bytes(), &mut |_| {}).unwrap();
    }
    decoder.end(&mut |event| ended |= event == Event::End);
    assert!(ended);
}

#[test]
fn arguments_before_a_name_wait_for_it() {
    let events = stream(&chunks(&[
        (r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]}"#, "null"),
        (r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":":1}"}}]}"#, "null"),
        (r#"{"tool_calls":[{"index":1,"id":"c2","function":{"name":"g","arguments":{"b":2}}}]}"#, "null"),
        (r#"{"tool_calls":[{"index":2,"function":{"name":"h"}}]}"#, "null"),
        ("{}", r#""stop""#),
    ]));
    let seen: Vec<&str> = events.lines().skip(1).collect();
    let expected = [
        r#"ToolStart { choice: 0, call: 0, id: "", name: "f", signature: None }"#,
        r#"ToolArguments { choice: 0, call: 0, json: "{\"a\"" }"#,
        r#"ToolArguments { choice: 0, call: 0, json: ":1}" }"#,
        r#"ToolStart { choice: 0, call: 1, id: "c2", name: "g", signature: None }"#,
        r#"ToolArguments { choice: 0, call: 1, json: "{\"b\":2}" }"#,
        r#"ToolStart { choice: 0, call: 2, id: "", name: "h", signature: None }"#,
        "Finish { choice: 0, reason: Tools, stop: None }",
        "End",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn azure_s_first_chunk_and_mistral_s_parts_are_read() {
    let mut text = r#"data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}"#.to_owned() + "\n\n";
    text += &chunks(&[(
        r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"yes"}]}"#,
        r#""stop""#,
    )]);
    let expected = "Start { id: \"chatcmpl-1\", model: \"m\", created_s: 5 }\nThinking { choice: 0, text: \"hm\" }\nText { choice: 0, text: \"yes\" }\nFinish { choice: 0, reason: Stop, stop: None }\nEnd\n";
    assert_eq!(stream(&text), expected);
}

#[test]
fn each_run_of_thoughts_has_its_own_signature() {
    let mut writer = Writer::new(&SHOWN);
    let mut events = vec![Event::Start { id: "chatcmpl-1".into(), model: "m".into(), created_s: 3 }];
    for (text, signature) in [("one", "s1"), ("two", "s2")] {
        events.push(Event::Thinking { choice: 0, text: text.into() });
        events.push(Event::Signature { choice: 0, signature: signature.into() });
    }
    events.push(Event::Finish { choice: 0, reason: Finish::Stop, stop: None });
    events.push(Event::End);
    for event in &events {
        writer.event(event);
    }
    assert_eq!(whole(&writer.finish()), events.iter().map(line).collect::<String>());
}

#[test]
fn nothing_of_a_choice_follows_its_finish() {
    let events =
        stream(&chunks(&[(r#"{"content":"a"}"#, r#""stop""#), (r#"{"content":"b"}"#, r#""length""#)]));
    assert!(
        events.ends_with("text: \"a\" }\nFinish { choice: 0, reason: Stop, stop: None }\nEnd\n"),
        "{events}"
    );
}

#[test]
fn calls_of_a_whole_answer_are_apart_whatever_their_ids() {
    let call = r#"{"id":"same","type":"function","function":{"name":"f","arguments":"{}"}}"#;
    let events =
        whole(format!(r#"{{"choices":[{{"message":{{"tool_calls":[{call},{call}]}}}}]}}"#).as_bytes());
    assert_eq!(events.matches("ToolStart").count(), 2, "{events}");
    assert!(
        events.contains("ToolArguments { choice: 0, call: 1,") && events.contains("reason: Other"),
        "{events}"
    );
}

#[test]
fn only_consecutive_results_are_one_turn() {
    let assistant =
        r#"{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":""}}]}"#;
    let tool = r#"{"role":"tool","tool_call_id":"c","content":"r"}"#;
    let body = format!(r#"{{"model":"m","messages":[{assistant},{tool},{tool},{assistant},{tool}]}}"#);
    let chat = request(&body);
    let parts: Vec<(Role, usize)> = chat.turns.iter().map(|turn| (turn.role, turn.parts.len())).collect();
    assert_eq!(parts, [(Role::Assistant, 1), (Role::User, 2), (Role::Assistant, 1), (Role::User, 1)]);
}

#[test]
fn vllm_s_errors_are_seen() {
    let event =
        "data: {\"object\":\"error\",\"message\":\"too long\",\"type\":\"BadRequestError\",\"code\":400}\n\n";
    assert_eq!(stream(event), "Error { kind: \"BadRequestError\", message: \"too long\" }\n");
}

#[test]
fn errors_have_the_dialect_s_shape() {
    let body = error::encode("No.", "rate_limit_error", Some("slow"), 429);
    assert_eq!(error::decode(&body).unwrap().code.as_deref(), Some("slow"));
    let mut out = Vec::new();
    error::stream_event("No.", "server_error", None, &mut out);
    assert_eq!(
        stream(std::str::from_utf8(&out).unwrap()),
        "Error { kind: \"server_error\", message: \"No.\" }\n"
    );
}

#[test]
fn what_is_no_answer_is_malformed() {
    for body in
        [&b""[..], b"[]", b"{}", b"<html>", b"{\"choices\":7}", b"{\"choices\":[{\"message\":\"\xff\"}]}"]
    {
        let mut none = |event: Event<'_>| panic!("{event:?}");
        assert!(response::decode(body, &mut none).is_err(), "{}", String::from_utf8_lossy(body));
    }
    assert!(Decoder::default().event(b"{\"choices\":[", &mut |_| {}).is_err());
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        for (scene, body) in scenes("stream.txt") {
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len())).collect();
            at.extend([0, body.len()]);
            at.sort_unstable();
            let pieces = at.windows(2).map(|pair| &body[pair[0]..pair[1]]);
            prop_assert_eq!(streamed(pieces), streamed([&body[..]]), "{}", scene);
        }
    }

    #[test]
    fn calls_that_interleave_stay_apart(
        steps in prop::collection::vec((0_u32..3, 0_u32..4, r#"[a-z"\\\n é]{1,5}"#), 1..40),
    ) {
        let mut expected: BTreeMap<(u32, u32), String> = BTreeMap::new();
        let (mut encoder, mut out) = (Encoder::new(&Reply::default()), Vec::new());
        for (choice, call, json) in steps {
            // Indices count from 0, so that a call begins after those before it.
            let call = call.min(u32::try_from(expected.range((choice, 0)..(choice, 9)).count()).unwrap());
            let known = expected.contains_key(&(choice, call));
            expected.entry((choice, call)).or_default().push_str(&json);
            if !known {
                let id = format!("c{choice}{call}").into();
                encoder.event(&Event::ToolStart { choice, call, id, name: "f".into(), signature: None }, &mut out);
            }
            encoder.event(&Event::ToolArguments { choice, call, json: json.into() }, &mut out);
        }
        let mut found: BTreeMap<(u32, u32), String> = BTreeMap::new();
        let (mut decoder, mut parser) = (Decoder::default(), EventParser::default());
        parser.feed(&out, |event| {
            decoder.event(event.data, &mut |event| match event {
                Event::ToolStart { choice, call, id, .. } => {
                    assert_eq!(id, format!("c{choice}{call}"));
                    assert_eq!(found.insert((choice, call), String::new()), None);
                }
                Event::ToolArguments { choice, call, json } => {
                    found.get_mut(&(choice, call)).unwrap().push_str(&json);
                }
                _ => {}
            }).unwrap();
        }).unwrap();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn changed_bytes_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        for (_, mut body) in ["request.json", "response.json", "stream.txt"].iter().flat_map(|file| scenes(file)) {
            let at = at.index(body.len());
            body[at] = byte;
            body.truncate(if cut { at } else { body.len() });
            survive(&body);
        }
    }

    #[test]
    fn random_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        survive(&body);
    }
}

/// Gives the bytes to everything that reads, and what is read to everything that writes.
fn survive(body: &[u8]) {
    for settings in [
        Settings { instructions: Instructions::User, extensions: true, ..Settings::default() },
        Settings { thinking: Thinking::ReasoningContent, ..Settings::default() },
    ] {
        if let Ok(chat) = decode(body)
            && let Ok(again) = encode(&chat, &settings, &mut Dropped::default())
        {
            decode(&again).unwrap();
        }
    }
    let mut writer = Writer::new(&SHOWN);
    let _ = response::decode(body, &mut |event| writer.event(&event));
    // A number may be larger than a float holds, and is passed on as it stands.
    assert!(serde_json::from_slice::<&RawValue>(&writer.finish()).is_ok());
    let (mut decoder, mut encoder, mut out) = (Decoder::default(), Encoder::new(&SHOWN), Vec::new());
    let mut parser = EventParser::default();
    let fed = parser.feed(body, |event| {
        let _ = decoder.event(event.data, &mut |event| encoder.event(&event, &mut out));
    });
    assert!(fed.is_ok());
    let _ = decoder.event(body, &mut |event| encoder.event(&event, &mut out));
    streamed([&out[..]]);
}
