//! Requests of the Anthropic codec: what is read, what is written, what is left out.
#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::fs;
use std::path::PathBuf;

use headgate_core::wire::anthropic::request::{Settings, decode, encode, json_tool};
use headgate_core::wire::model::{
    Chat, Dropped, Effort, Format, Media, Part, Reasoning, Role, Sampling, Source, Tool, ToolChoice, Turn,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Strings where blocks may stand become blocks.
fn normal(mut request: Value) -> Value {
    let as_blocks = |content: &mut Value| {
        if let Some(text) = content.as_str() {
            *content = json!([{"type": "text", "text": text}]);
        }
    };
    if let Some(system) = request.get_mut("system") {
        as_blocks(system);
    }
    for message in request["messages"].as_array_mut().unwrap() {
        as_blocks(&mut message["content"]);
    }
    request
}

fn written_with(chat: &Chat<'_>, settings: &Settings<'_>) -> (Value, Vec<String>) {
    let mut dropped = Dropped::default();
    let body = encode(chat, settings, &mut dropped).unwrap();
    (serde_json::from_slice(&body).unwrap(), dropped.0)
}

fn written(chat: &Chat<'_>) -> (Value, Vec<String>) {
    written_with(chat, &Settings { model: "claude", ..Settings::default() })
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

fn result<'a>(id: &'a str, name: &'a str, parts: Vec<Part<'a>>) -> Part<'a> {
    Part::ToolResult { id: id.into(), name: Some(name.into()), parts, failed: false, cached: None }
}

fn tool(name: &str) -> Tool<'_> {
    Tool { name: name.into(), description: None, parameters: None, strict: None, cached: None }
}

fn asking<'a>() -> Chat<'a> {
    Chat { turns: vec![turn(Role::User, vec![text("Hi")])], ..Chat::default() }
}

#[test]
fn a_request_read_and_written_means_the_same() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/anthropic");
    let mut scenes = 0;
    for scene in fs::read_dir(folder).unwrap() {
        let Ok(body) = fs::read(scene.unwrap().path().join("request.json")) else { continue };
        let before: Value = serde_json::from_slice(&body).unwrap();
        let chat = decode(&body).unwrap();
        let settings = Settings { model: &chat.model, ..Settings::default() };
        let (after, dropped) = written_with(&chat, &settings);
        assert_eq!(normal(after), normal(before));
        assert_eq!(dropped, Vec::<String>::new());
        scenes += 1;
    }
    assert!(scenes >= 9);
}

#[test]
fn newer_members_go_through_where_the_model_knows_them() {
    let body = json!({"model": "claude", "max_tokens": 64, "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}],
        "thinking": {"type": "adaptive"}, "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        "tools": [{"name": "f", "input_schema": {"type": "object"}, "strict": true}], "tool_choice": {"type": "none"}});
    let body = body.to_string();
    let settings = Settings { model: "claude", schemas: true, adaptive: true, ..Settings::default() };
    let chat = decode(body.as_bytes()).unwrap();
    assert_eq!(chat.reasoning, Some(Reasoning::Effort(Effort::Low)));
    let (after, dropped) = written_with(&chat, &settings);
    assert_eq!(after, serde_json::from_str::<Value>(&body).unwrap());
    assert!(dropped.is_empty());
}

#[test]
fn instructions_are_gathered_and_turns_alternate() {
    let turns = vec![
        turn(Role::System, vec![text("Be brief.")]),
        turn(Role::User, vec![text("a")]),
        turn(Role::Developer, vec![text("Be kind.")]),
        turn(Role::User, vec![text(""), text("b")]),
        turn(Role::Assistant, vec![call("call.1", "f", ""), call("call_2", "g", "{\"x\":")]),
        turn(Role::User, vec![text("meanwhile"), result("call.1", "f", vec![text("1")])]),
        turn(Role::User, vec![result("call_2", "g", vec![])]),
        turn(Role::Assistant, vec![text("The answer is ")]),
        turn(Role::User, vec![text("  ")]),
    ];
    let (body, dropped) = written(&Chat { turns, ..Chat::default() });
    let expected = json!([
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "call_1", "name": "f", "input": {}},
            {"type": "tool_use", "id": "call_2", "name": "g", "input": {"INVALID_JSON": "{\"x\":"}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "call_1", "content": "1"},
            {"type": "tool_result", "tool_use_id": "call_2"},
            {"type": "text", "text": "meanwhile"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "The answer is"}]}]);
    assert_eq!(body["messages"], expected);
    let system = json!([{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]);
    assert_eq!(body["system"], system);
    assert_eq!(body["max_tokens"], 4096);
    assert!(dropped.is_empty());
}

#[test]
fn instructions_alone_are_asked_and_nothing_is_refused() {
    let (body, _) = written(&Chat { turns: vec![turn(Role::System, vec![text("Go.")])], ..Chat::default() });
    assert_eq!(body["messages"], json!([{"role": "user", "content": [{"type": "text", "text": "Go."}]}]));
    assert_eq!(body.get("system"), None);
    let empty = Chat { turns: vec![turn(Role::User, vec![text(" ")])], ..Chat::default() };
    let refused = encode(&empty, &Settings::default(), &mut Dropped::default()).unwrap_err();
    assert_eq!(refused.code, "missing_required_parameter");
    assert_eq!(refused.param.as_deref(), Some("messages"));
}

#[test]
fn calls_without_ids_get_one_and_results_find_it() {
    let turns = vec![
        turn(Role::Assistant, vec![call("", "f", "{}"), call("", "g", "{}"), call("", "f", "{}")]),
        turn(
            Role::User,
            vec![
                result("", "g", vec![text("g")]),
                result("", "f", vec![text("f1")]),
                result("", "f", vec![text("f2")]),
            ],
        ),
    ];
    let (body, _) = written(&Chat { turns, ..Chat::default() });
    let ids = |message: usize, name: &str| -> Vec<String> {
        let blocks = body["messages"][message]["content"].as_array().unwrap();
        blocks.iter().map(|block| block[name].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(0, "id"), ["toolu_1", "toolu_2", "toolu_3"]);
    assert_eq!(ids(1, "tool_use_id"), ["toolu_2", "toolu_1", "toolu_3"]);
}

#[test]
fn media_find_their_block() {
    let media = |mime: &'static str, source: Source<'static>| {
        Part::Media(Media { mime: mime.into(), source, detail: None, title: Some("t".into()), cached: None })
    };
    let parts = vec![
        media("image/jpg", Source::Data("aGk=".into())),
        media("", Source::Url("https://a/b.png".into())),
        media("application/pdf", Source::Data("aGk=".into())),
        media("text/plain; charset=utf-8", Source::Data("aGk=".into())),
        media("", Source::File("file_1".into())),
        media("audio/wav", Source::Data("aGk=".into())),
        media("application/zip", Source::Data("aGk=".into())),
    ];
    let (body, dropped) = written(&Chat { turns: vec![turn(Role::User, parts)], ..Chat::default() });
    let expected = json!([
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "aGk="}},
        {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="}, "title": "t"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}, "title": "t"},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}, "title": "t"}]);
    assert_eq!(body["messages"][0]["content"], expected);
    assert_eq!(dropped, ["input_audio", "file"]);
}

#[test]
fn what_has_no_place_is_named() {
    let sampling = Sampling {
        temperature: Some(1.7),
        top_p: Some(0.5),
        top_k: Some(3),
        seed: Some(1),
        presence_penalty: Some(0.5),
        frequency_penalty: Some(0.),
        logprobs: Some(true),
        top_logprobs: Some(2),
    };
    let named = Turn { name: Some("bob".into()), ..turn(Role::User, vec![text("Hi")]) };
    let thought = Part::Thinking { text: "hm".into(), signature: None };
    let chat = Chat {
        turns: vec![named, turn(Role::Assistant, vec![thought]), turn(Role::User, vec![text("?")])],
        sampling,
        stop: vec!["\n".into(), "END".into()],
        choices: Some(2),
        user: Some("u1".into()),
        tool_choice: Some(ToolChoice::Required),
        unknown: vec!["logit_bias".into()],
        ..Chat::default()
    };
    let (body, mut dropped) = written(&chat);
    dropped.sort();
    assert_eq!(
        dropped.join(" "),
        "logit_bias logprobs n name presence_penalty reasoning_content seed stop tool_choice top_logprobs top_p"
    );
    let expected = json!({"model": "claude", "max_tokens": 4096, "temperature": 1, "top_k": 3,
        "stop_sequences": ["END"], "metadata": {"user_id": "u1"},
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "?"}]}]});
    assert_eq!(body, expected);
}

#[test]
fn a_form_of_the_answer_is_a_tool_that_must_be_called() {
    let schema = RawValue::from_string(r#"{"properties":{"a":{"type":"integer"}}}"#.to_owned()).unwrap();
    let form = || Format::Schema { name: None, description: None, schema: &schema, strict: Some(true) };
    let settings = Settings::default();
    let alone = Chat { format: Some(form()), reasoning: Some(Reasoning::Auto), ..asking() };
    let (body, dropped) = written(&alone);
    assert_eq!(json_tool(&alone, &settings), Some("json_output"));
    let choice = json!({"type": "tool", "name": "json_output", "disable_parallel_tool_use": true});
    assert_eq!(body["tool_choice"], choice);
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    assert_eq!(body["tools"][0]["input_schema"], schema);
    assert_eq!((body.get("thinking"), dropped), (None, vec!["reasoning_effort".to_owned()]));

    let tools = vec![tool("json_output")];
    let beside = Chat { format: Some(Format::Json), tools: tools.clone(), ..asking() };
    let (body, _) = written(&beside);
    assert_eq!(body["tool_choice"], json!({"type": "any"}));
    assert_eq!(body["tools"][1]["name"], json!(json_tool(&beside, &settings).unwrap()));

    let tool_choice = Some(ToolChoice::Named("json_output".into()));
    let named = Chat { format: Some(Format::Json), tools, tool_choice, ..asking() };
    let (body, dropped) = written(&named);
    assert_eq!(json_tool(&named, &settings), None);
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(dropped, ["response_format"]);
}

#[test]
fn choices_of_tools_are_said() {
    let cases = [
        (None, None, Value::Null),
        (None, Some(true), Value::Null),
        (None, Some(false), json!({"type": "auto", "disable_parallel_tool_use": true})),
        (Some(ToolChoice::Required), Some(false), json!({"type": "any", "disable_parallel_tool_use": true})),
        (Some(ToolChoice::Named("f".into())), None, json!({"type": "tool", "name": "f"})),
        (Some(ToolChoice::None), Some(false), json!({"type": "none"})),
    ];
    for (tool_choice, parallel_tools, expected) in cases {
        let (body, dropped) =
            written(&Chat { tools: vec![tool("f")], tool_choice, parallel_tools, ..asking() });
        assert_eq!(body["tool_choice"], expected);
        assert!(dropped.is_empty());
    }
}

#[test]
fn thinking_fits_what_the_provider_takes() {
    let budget = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
    let cases = [
        (Reasoning::Off, Some(64), json!({"type": "disabled"}), 64),
        (Reasoning::Effort(Effort::High), None, budget(24_576), 28_672),
        (Reasoning::Effort(Effort::High), Some(10_000), budget(5_000), 10_000),
        (Reasoning::Budget(9_000), Some(8_000), budget(7_999), 8_000),
        (Reasoning::Budget(1), Some(8_000), budget(1_024), 8_000),
        (Reasoning::Auto, None, budget(8_192), 12_288),
        (Reasoning::Auto, Some(1_024), Value::Null, 1_024),
    ];
    for (reasoning, max_tokens, thinking, max) in cases {
        let (body, dropped) = written(&Chat { reasoning: Some(reasoning), max_tokens, ..asking() });
        assert_eq!((&body["thinking"], &body["max_tokens"]), (&thinking, &json!(max)), "{reasoning:?}");
        assert_eq!(dropped.is_empty(), !thinking.is_null());
    }
    let adaptive = Settings { adaptive: true, ..Settings::default() };
    let chat = Chat { reasoning: Some(Reasoning::Budget(9_000)), ..asking() };
    let (body, _) = written_with(&chat, &adaptive);
    assert_eq!(
        (&body["thinking"], &body["output_config"]),
        (&json!({"type": "adaptive"}), &json!({"effort": "medium"}))
    );
}

#[test]
fn thinking_yields_to_lost_thoughts_and_sampling_to_thinking() {
    let signed = || Part::Thinking { text: "hm".into(), signature: Some("s".into()) };
    let looped = |thoughts: Vec<Part<'static>>| {
        let mut chat = asking();
        chat.turns.push(turn(Role::Assistant, thoughts));
        chat.turns.push(turn(Role::Assistant, vec![call("c", "f", "{}")]));
        chat.turns.push(turn(Role::User, vec![result("c", "f", vec![text("1")])]));
        chat.reasoning = Some(Reasoning::Effort(Effort::Low));
        chat.sampling = Sampling { temperature: Some(0.5), top_k: Some(1), ..Sampling::default() };
        chat
    };
    let (body, dropped) = written(&looped(vec![]));
    assert_eq!((body.get("thinking"), dropped), (None, vec!["reasoning_effort".to_owned()]));
    assert_eq!(body["temperature"], 0.5);
    let mut later = looped(vec![signed()]);
    later.turns.push(turn(Role::Assistant, vec![call("d", "f", "{}")]));
    later.turns.push(turn(Role::User, vec![result("d", "f", vec![text("2")])]));
    assert_eq!(written(&later).0["thinking"]["budget_tokens"], 4_096);
    later.turns.push(turn(Role::User, vec![text("again")]));
    later.turns.push(turn(Role::Assistant, vec![call("e", "f", "{}")]));
    assert_eq!(written(&later).0.get("thinking"), None);
    let (body, dropped) = written(&looped(vec![signed()]));
    assert_eq!(body["thinking"]["budget_tokens"], 4_096);
    assert_eq!(dropped, ["temperature", "top_k"]);
}

#[test]
fn what_only_this_provider_has_is_named_not_refused() {
    let body = json!({"model": "m", "service_tier": "auto", "messages": [{"role": "assistant", "content": [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": {"type": "web_search_tool_result_error"}},
        {"type": "text", "text": "found", "citations": [{"type": "page_location"}]},
        {"type": "text", "text": "more", "citations": null}]}],
        "tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 5}]})
    .to_string();
    let chat = decode(body.as_bytes()).unwrap();
    let mut unknown = chat.unknown.clone();
    unknown.sort();
    let expected = [
        "citations",
        "content.server_tool_use",
        "content.web_search_tool_result",
        "service_tier",
        "tools.web_search_20250305",
    ];
    assert_eq!(unknown, expected);
    assert_eq!((chat.tools.len(), chat.turns[0].parts.len()), (0, 2));
}

fn assert_refused(body: &str, code: &str, param: Option<&str>) {
    let refused = decode(body.as_bytes()).unwrap_err();
    assert_eq!((refused.code, refused.param.as_deref()), (code, param), "{body}: {}", refused.message);
    assert!(refused.message.ends_with('.'), "{}", refused.message);
}

#[test]
fn wrong_requests_are_refused_where_they_are_wrong() {
    assert_refused("{", "invalid_json", None);
    assert_refused("[]", "invalid_type", None);
    assert_refused(r#"{"messages":[]}"#, "missing_required_parameter", Some("model"));
    assert_refused(r#"{"model":"m"}"#, "missing_required_parameter", Some("messages"));
    assert_refused(r#"{"model":7,"messages":[]}"#, "invalid_type", Some("model"));
    assert_refused(r#"{"model":"m","messages":{}}"#, "invalid_type", Some("messages"));
    assert_refused(r#"{"model":"m","messages":[{"role":"user"}]}"#, "invalid_type", Some("messages.0"));
    let missing = "missing_required_parameter";
    let cases = [
        (r#""max_tokens":"9""#, "invalid_type", "max_tokens"),
        (r#""stop_sequences":"END""#, "invalid_type", "stop_sequences"),
        (r#""thinking":{"type":"enabled"}"#, missing, "thinking.budget_tokens"),
        (r#""tool_choice":{"type":"some"}"#, "invalid_value", "tool_choice.type"),
        (r#""tools":[{"name":"a"},{}]"#, missing, "tools.1.name"),
        (r#""tools":[{"name":"a"},7]"#, "invalid_type", "tools.1"),
        (r#""output_config":{"format":{"type":"xml"}}"#, "invalid_value", "output_config.format"),
    ];
    for (members, code, param) in cases {
        assert_refused(&format!(r#"{{"model":"m","messages":[],{members}}}"#), code, Some(param));
    }
}

#[test]
fn wrong_blocks_are_refused_where_they_are_wrong() {
    let cases = [
        ("7", "invalid_type", ""),
        (r#"["a"]"#, "invalid_type", ".0"),
        (r#"[{"type":"text","text":"a"},{"type":"text","text":1}]"#, "invalid_type", ".1"),
        (r#"[{"type":"text"}]"#, "invalid_value", ".0"),
        (r#"[{"type":"image","source":{"type":"base64"}}]"#, "invalid_value", ".0"),
        (r#"[{"type":"tool_use","id":"a","name":"f"}]"#, "invalid_value", ".0"),
        (r#"[{"type":"tool_result","content":"a"}]"#, "invalid_value", ".0"),
        (
            r#"[{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_result"}]}]"#,
            "invalid_value",
            ".0.content.0",
        ),
    ];
    for (content, code, path) in cases {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":{content}}}]}}"#);
        assert_refused(&body, code, Some(&format!("messages.0.content{path}")));
    }
}
