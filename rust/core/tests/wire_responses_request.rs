//! The Responses codec's requests: read as the reference has them, said to a provider, refused where wrong.
#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::fs;
use std::path::PathBuf;

use headgate_core::wire::model::{
    Chat, Dropped, Effort, Format, Media, Part, Reasoning, Role, Sampling, Source, Tool, ToolChoice, Turn,
};
use headgate_core::wire::responses::request::{Settings, decode, encode};
use headgate_core::wire::{anthropic, openai_chat};
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

fn scenes() -> Vec<(String, Vec<u8>)> {
    let home = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/responses");
    let mut found: Vec<_> = fs::read_dir(home)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| Some((path.to_str()?.to_owned(), fs::read(path.join("request.json")).ok()?)))
        .collect();
    found.sort();
    assert!(found.len() > 4, "{}", found.len());
    found
}

fn said_with(chat: &Chat<'_>, settings: &Settings<'_>) -> (Value, Vec<String>) {
    let mut dropped = Dropped::default();
    let body = encode(chat, settings, &mut dropped).unwrap();
    (serde_json::from_slice(&body).unwrap(), dropped.0)
}

fn said(chat: &Chat<'_>) -> (Value, Vec<String>) {
    said_with(chat, &Settings::default())
}

fn turn(role: Role, parts: Vec<Part<'_>>) -> Turn<'_> {
    Turn { role, name: None, parts }
}

fn text(text: &str) -> Part<'_> {
    Part::Text { text: text.into(), cached: None }
}

fn asking() -> Chat<'static> {
    Chat { model: "m".into(), turns: vec![turn(Role::User, vec![text("Hi")])], ..Chat::default() }
}

fn call<'a>(id: &'a str, name: &'a str) -> Part<'a> {
    Part::ToolCall { id: id.into(), name: name.into(), arguments: "".into(), signature: None }
}

fn result<'a>(id: &'a str, parts: Vec<Part<'a>>) -> Part<'a> {
    Part::ToolResult { id: id.into(), name: None, parts, failed: false, cached: None }
}

fn media(mime: &'static str, source: Source<'static>) -> Part<'static> {
    Part::Media(Media { mime: mime.into(), source, detail: None, title: None, cached: None })
}

/// A request as this codec writes it: items with their types, contents as strings where they are one text.
fn normal(mut body: Value) -> Value {
    let members = body.as_object_mut().unwrap();
    let mut items = match members.remove("input").unwrap() {
        Value::String(text) => vec![json!({"role": "user", "content": text})],
        Value::Array(items) => items,
        other => vec![other],
    };
    if let Some(text) = members.remove("instructions") {
        items.insert(0, json!({"role": "system", "content": text}));
    }
    for item in &mut items {
        normalise(item.as_object_mut().unwrap());
    }
    members.insert("input".to_owned(), items.into());
    members.insert("store".to_owned(), false.into());
    if let Some(tools) = members.get_mut("tools").and_then(Value::as_array_mut) {
        for tool in tools {
            tool.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        }
    }
    if let Some(reasoning) = members.get_mut("reasoning").and_then(Value::as_object_mut) {
        reasoning.remove("summary");
    }
    body
}

fn normalise(item: &mut serde_json::Map<String, Value>) {
    for name in ["id", "status"] {
        item.remove(name);
    }
    item.entry("type").or_insert_with(|| "message".into());
    for name in ["content", "output"] {
        let Some(parts) = item.get_mut(name).and_then(Value::as_array_mut) else { continue };
        for part in parts.iter_mut().map(|part| part.as_object_mut().unwrap()) {
            part.remove("annotations");
            if part["type"] == "input_image" {
                part.entry("detail").or_insert_with(|| "auto".into());
            }
        }
        if let [part] = &parts[..]
            && let Some(text) = part.get("text").cloned()
        {
            item.insert(name.to_owned(), text);
        }
    }
    if let Some(summary) = item.get_mut("summary").and_then(Value::as_array_mut)
        && summary.len() > 1
    {
        let texts: Vec<_> = summary.iter().filter_map(|part| part["text"].as_str()).collect();
        *summary = vec![json!({"type": "summary_text", "text": texts.join("\n\n")})];
    }
}

#[test]
fn requests_written_again_ask_the_same() {
    for (scene, body) in scenes() {
        let (again, dropped) = said(&decode(&body).unwrap());
        assert_eq!(again, normal(serde_json::from_slice(&body).unwrap()), "{scene}");
        assert!(dropped.is_empty(), "{scene}: {dropped:?}");
    }
}

#[test]
fn every_golden_request_can_be_asked_in_other_dialects() {
    for (scene, body) in scenes() {
        let chat = decode(&body).unwrap();
        let settings = openai_chat::request::Settings::default();
        let asked = openai_chat::request::encode(&chat, &settings, &mut Dropped::default());
        // A file at a URL is the one thing that the chat dialect cannot say.
        assert_eq!(asked.is_err(), scene.contains("everything"), "{scene}");
        let settings = anthropic::request::Settings::default();
        anthropic::request::encode(&chat, &settings, &mut Dropped::default()).unwrap();
    }
}

#[test]
fn one_answer_is_one_turn() {
    let body = json!({"model": "m", "input": [
        {"role": "user", "content": "a"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "reasoning", "id": "rs_2", "summary": []},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "b"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "c"}]},
        {"type": "function_call", "call_id": "2", "name": "g", "arguments": ""},
        {"type": "function_call_output", "call_id": "1", "output": "d"},
        {"type": "function_call_output", "call_id": "2", "output": []},
        {"role": "assistant", "content": "e"},
        {"role": "assistant", "content": "f"},
        {"role": "user", "content": "g"}]})
    .to_string();
    let chat = decode(body.as_bytes()).unwrap();
    let shape: Vec<_> = chat.turns.iter().map(|turn| (turn.role, turn.parts.len())).collect();
    let (user, assistant) = (Role::User, Role::Assistant);
    assert_eq!(shape, [(user, 1), (assistant, 5), (user, 2), (assistant, 1), (assistant, 1), (user, 1)]);
    let said = format!("{:?}", chat.turns[1].parts);
    for part in ["Redacted(\"x\")", "Thinking { text: \"b\", signature: None }", "name: \"g\""] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn thoughts_are_signed_or_sealed_and_keep_their_item_s_id() {
    let thought = |text: &'static str, signature: Option<&'static str>| Part::Thinking {
        text: text.into(),
        signature: signature.map(Into::into),
    };
    let parts = vec![
        thought("a", Some("rs_1:gAAA")),
        thought("", Some("of another provider: rs_")),
        Part::Redacted("rs_2:gBBB".into()),
        thought("lost", None),
        text("b"),
    ];
    let chat = Chat { turns: vec![turn(Role::Assistant, parts)], ..asking() };
    let (body, dropped) = said(&chat);
    let summary = |text: &str| json!([{"type": "summary_text", "text": text}]);
    let expected = json!([
        {"type": "reasoning", "id": "rs_1", "summary": summary("a"), "encrypted_content": "gAAA"},
        {"type": "reasoning", "summary": summary(""), "encrypted_content": "of another provider: rs_"},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gBBB"},
        {"type": "message", "role": "assistant", "content": "b"}]);
    assert_eq!((&body["input"], dropped), (&expected, vec!["reasoning_content".to_owned()]));
    assert_eq!(body["include"], json!(["reasoning.encrypted_content"]));
}

#[test]
fn what_has_no_place_is_named() {
    let cached = RawValue::from_string("{}".to_owned()).unwrap();
    let mut chat = asking();
    chat.turns.push(Turn {
        role: Role::Assistant,
        name: Some("ann".into()),
        parts: vec![
            Part::Text { text: "a".into(), cached: Some(&cached) },
            media("image/png", Source::Data("iVBOR".into())),
            Part::ToolCall {
                id: "c".into(),
                name: "f".into(),
                arguments: "{}".into(),
                signature: Some("s".into()),
            },
        ],
    });
    chat.turns.push(turn(
        Role::User,
        vec![Part::ToolResult { id: "c".into(), name: None, parts: vec![], failed: true, cached: None }],
    ));
    chat.sampling = Sampling {
        top_k: Some(1),
        seed: Some(2),
        presence_penalty: Some(0.5),
        frequency_penalty: Some(0.5),
        temperature: Some(9.0),
        ..Sampling::default()
    };
    chat.stop = vec!["x".into()];
    chat.choices = Some(2);
    chat.unknown = vec!["logit_bias".into()];
    let (body, dropped) = said(&chat);
    let expected = [
        "logit_bias",
        "name",
        "cache_control",
        "image_url",
        "extra_content",
        "is_error",
        "top_k",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "stop",
        "n",
    ];
    assert_eq!(dropped, expected);
    assert_eq!((&body["temperature"], &body["store"]), (&json!(2.0), &json!(false)));
    let (body, dropped) = said(&Chat { choices: Some(1), max_tokens: Some(1), ..asking() });
    assert_eq!((&body["max_output_tokens"], dropped.len()), (&json!(16), 0));
}

#[test]
fn calls_without_ids_get_them_and_results_the_same() {
    let mut chat = asking();
    chat.turns.push(turn(Role::Assistant, vec![call("", "f"), call("own", "g"), call("", "f")]));
    let results =
        vec![result("", vec![text("1")]), text("and"), result("own", vec![]), result("", vec![text("3")])];
    chat.turns.push(turn(Role::User, results));
    let (body, _) = said(&chat);
    let ids: Vec<_> =
        body["input"].as_array().unwrap().iter().filter_map(|item| item["call_id"].as_str()).collect();
    assert_eq!(ids, ["call_0", "own", "call_2", "call_0", "own", "call_2"]);
    assert_eq!(body["input"][1]["arguments"], "{}");
    assert_eq!((&body["input"][5]["content"], &body["input"][6]["output"]), (&json!("and"), &json!("")));
}

#[test]
fn media_are_said_in_their_places() {
    let parts = vec![
        media("", Source::Data("iVBORw0KGgo=".into())),
        media("image/png", Source::Url("https://a/b.png".into())),
        media("image/*", Source::File("file-1".into())),
        media("", Source::File("file-2".into())),
        media("application/pdf", Source::Data("JVBERi0=".into())),
        media("application/pdf", Source::Url("https://a/b.pdf".into())),
        media("audio/wav", Source::Data("UklGRg==".into())),
    ];
    let (body, _) = said(&Chat { turns: vec![turn(Role::User, parts)], ..asking() });
    let expected = json!([
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"},
        {"type": "input_image", "image_url": "https://a/b.png", "detail": "auto"},
        {"type": "input_image", "file_id": "file-1", "detail": "auto"},
        {"type": "input_file", "file_id": "file-2"},
        {"type": "input_file", "filename": "file", "file_data": "data:application/pdf;base64,JVBERi0="},
        {"type": "input_file", "file_url": "https://a/b.pdf"},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}]);
    assert_eq!(body["input"][0]["content"], expected);
}

#[test]
fn reasoning_is_asked_for_where_there_is_some() {
    let included = json!(["reasoning.encrypted_content"]);
    let cases = [
        (Some(Reasoning::Off), json!({"effort": "none"}), Value::Null, json!({"effort": "none"})),
        (Some(Reasoning::Auto), Value::Null, included.clone(), json!({"summary": "auto"})),
        (
            Some(Reasoning::Effort(Effort::Low)),
            json!({"effort": "low"}),
            included.clone(),
            json!({"effort": "low", "summary": "auto"}),
        ),
        (
            Some(Reasoning::Budget(9_000)),
            json!({"effort": "medium"}),
            included,
            json!({"effort": "medium", "summary": "auto"}),
        ),
        (None, Value::Null, Value::Null, Value::Null),
    ];
    for (reasoning, plain, include, summarised) in cases {
        let chat = Chat { reasoning, ..asking() };
        let (body, _) = said(&chat);
        assert_eq!((&body["reasoning"], &body["include"]), (&plain, &include), "{reasoning:?}");
        let (body, _) = said_with(&chat, &Settings { model: "own", summaries: true });
        assert_eq!((&body["reasoning"], &body["model"]), (&summarised, &json!("own")), "{reasoning:?}");
    }
}

#[test]
fn tools_and_forms_are_said() {
    let tool = Tool { name: "f".into(), description: None, parameters: None, strict: None, cached: None };
    let chat = Chat {
        tools: vec![tool],
        tool_choice: Some(ToolChoice::Required),
        parallel_tools: Some(true),
        format: Some(Format::Json),
        sampling: Sampling { logprobs: Some(true), ..Sampling::default() },
        reasoning: Some(Reasoning::Auto),
        ..asking()
    };
    let (body, _) = said(&chat);
    let tool = json!({"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": false});
    assert_eq!((&body["tools"][0], &body["tool_choice"]), (&tool, &json!("required")));
    assert_eq!(body["text"], json!({"format": {"type": "json_object"}}));
    assert_eq!(body["include"], json!(["reasoning.encrypted_content", "message.output_text.logprobs"]));
    let (body, _) = said(&Chat { tools: vec![], ..chat });
    assert_eq!((body.get("tool_choice"), body.get("parallel_tool_calls")), (None, None));
}

#[test]
fn what_only_this_provider_has_is_named_not_refused() {
    let body = json!({"model": "m", "store": true, "truncation": "auto", "metadata": {"a": "b"}, "max_tool_calls": 3,
        "background": false, "previous_response_id": null, "stream_options": {"include_obfuscation": false},
        "text": {"verbosity": "low"}, "include": ["web_search_call.action.sources"], "top_logprobs": 2,
        "safety_identifier": "u",
        "input": [{"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {}},
            {"type": "mcp_call", "id": "mcp_1", "arguments": {}, "name": "n", "output": 7},
            {"type": "web_search_call", "id": "ws_2"}, {"role": "user", "content": "a"}],
        "tools": [{"type": "web_search"}, {"type": "mcp", "name": 7}, {"type": "function", "name": "f"},
            {"type": "function", "name": "g"}],
        "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "g"}, {"type": "mcp"}]}})
    .to_string();
    let chat = decode(body.as_bytes()).unwrap();
    let mut unknown = chat.unknown.clone();
    unknown.sort();
    let expected = [
        "include.web_search_call.action.sources",
        "input.mcp_call",
        "input.web_search_call",
        "max_tool_calls",
        "metadata",
        "store",
        "text.verbosity",
        "tools.mcp",
        "tools.web_search",
        "truncation",
    ];
    assert_eq!(unknown, expected);
    assert_eq!((chat.turns.len(), chat.tools.len(), &*chat.tools[0].name), (1, 1, "g"));
    assert_eq!(chat.tool_choice, Some(ToolChoice::Required));
    assert_eq!((chat.sampling.logprobs, chat.user.as_deref()), (Some(true), Some("u")));
    assert!(chat.include_usage);
}

fn assert_refused(body: &str, code: &str, param: Option<&str>) {
    let refused = decode(body.as_bytes()).unwrap_err();
    assert_eq!((refused.code, refused.param.as_deref()), (code, param), "{body}: {}", refused.message);
    assert!(refused.message.ends_with('.'), "{}", refused.message);
}

#[test]
fn what_only_the_provider_keeps_is_refused() {
    for (name, value) in [
        ("previous_response_id", "\"resp_1\""),
        ("conversation", "{\"id\":\"conv_1\"}"),
        ("prompt", "{\"id\":\"pmpt_1\"}"),
        ("background", "true"),
    ] {
        let body = format!(r#"{{"model":"m","input":"a","{name}":{value}}}"#);
        assert_refused(&body, "unsupported_parameter", Some(name));
    }
    for kind in ["item_reference", "compaction"] {
        let body = format!(r#"{{"model":"m","input":["role",{{"type":"{kind}","id":"x"}}]}}"#);
        assert_refused(&body, "invalid_type", Some("input[0]"));
        let body = body.replace("\"role\",", "");
        assert_refused(&body, "unsupported_parameter", Some("input[0].type"));
    }
}

#[test]
fn wrong_requests_are_refused_where_they_are_wrong() {
    let missing = "missing_required_parameter";
    for (body, code, param) in [
        ("{", "invalid_json", None),
        ("", "invalid_json", None),
        ("[]", "invalid_type", None),
        (r#"{"model":"m","model":"n","input":"a"}"#, "invalid_value", Some("model")),
        (r#"{"input":"a"}"#, missing, Some("model")),
        (r#"{"model":"m"}"#, missing, Some("input")),
        (r#"{"model":"m","input":""}"#, missing, Some("input")),
        (r#"{"model":"m","input":[]}"#, missing, Some("input")),
        (r#"{"model":7,"input":"a"}"#, "invalid_type", Some("model")),
        (r#"{"model":"m","input":7}"#, "invalid_type", Some("input")),
    ] {
        assert_refused(body, code, param);
    }
    for (members, code, param) in [
        (r#""max_output_tokens":"9""#, "invalid_type", "max_output_tokens"),
        (r#""stream":"yes""#, "invalid_type", "stream"),
        (r#""store":1"#, "invalid_type", "store"),
        (r#""instructions":[]"#, "invalid_type", "instructions"),
        (r#""include":["a",7]"#, "invalid_type", "include[1]"),
        (r#""include":{}"#, "invalid_type", "include"),
        (r#""reasoning":"high""#, "invalid_type", "reasoning"),
        (r#""reasoning":{"effort":"huge"}"#, "invalid_value", "reasoning.effort"),
        (r#""text":{"format":{"type":"xml"}}"#, "invalid_value", "text.format.type"),
        (r#""text":{"format":{}}"#, missing, "text.format.type"),
        (r#""text":{"format":{"type":"json_schema"}}"#, missing, "text.format.schema"),
        (r#""text":{"format":{"type":"json_schema","schema":7}}"#, "invalid_type", "text.format.schema"),
        (r#""tools":{}"#, "invalid_type", "tools"),
        (r#""tools":[{"type":"function","name":"a"},7]"#, "invalid_type", "tools[1]"),
        (r#""tools":[{"name":"a"}]"#, missing, "tools[0].type"),
        (r#""tools":[{"type":"function","function":{"name":"a"}}]"#, missing, "tools[0].name"),
        (r#""tool_choice":"some""#, "invalid_value", "tool_choice"),
        (r#""tool_choice":7"#, "invalid_type", "tool_choice"),
        (r#""tool_choice":{"type":"function"}"#, missing, "tool_choice.name"),
        (r#""tool_choice":{"type":"web_search"}"#, "unsupported_parameter", "tool_choice.type"),
        (r#""tool_choice":{"type":"allowed_tools","mode":"auto"}"#, missing, "tool_choice.tools"),
    ] {
        assert_refused(&format!(r#"{{"model":"m","input":"a",{members}}}"#), code, Some(param));
    }
}

#[test]
fn wrong_items_are_refused_where_they_are_wrong() {
    let missing = "missing_required_parameter";
    for (item, code, path) in [
        ("7", "invalid_type", ""),
        ("{}", missing, ".type"),
        (r#"{"type":"mesage","role":"user"}"#, "invalid_value", ".type"),
        (r#"{"type":"message","content":"a"}"#, missing, ".role"),
        (r#"{"role":"tool","content":"a"}"#, "invalid_value", ".role"),
        (r#"{"role":"user"}"#, missing, ".content"),
        (r#"{"role":"user","content":7}"#, "invalid_type", ".content"),
        (r#"{"role":"user","content":[{"type":"text","text":"a"}]}"#, "invalid_value", ".content[0].type"),
        (r#"{"role":"user","content":["a"]}"#, "invalid_type", ".content[0]"),
        (r#"{"role":"user","content":[{"type":"input_text"}]}"#, missing, ".content[0].text"),
        (r#"{"role":"user","content":[{"type":"input_image"}]}"#, missing, ".content[0].image_url"),
        (
            r#"{"role":"user","content":[{"type":"input_image","image_url":"data:x"}]}"#,
            "invalid_value",
            ".content[0].image_url",
        ),
        (r#"{"role":"user","content":[{"type":"input_file"}]}"#, missing, ".content[0].file_data"),
        (
            r#"{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"a"}}]}"#,
            missing,
            ".content[0].input_audio.format",
        ),
        (r#"{"type":"function_call","call_id":"c","arguments":"{}"}"#, missing, ".name"),
        (r#"{"type":"function_call","name":"f","arguments":"{}"}"#, missing, ".call_id"),
        (
            r#"{"type":"function_call","call_id":"c","name":"f","arguments":"[1]"}"#,
            "invalid_value",
            ".arguments",
        ),
        (r#"{"type":"function_call_output","output":"a"}"#, missing, ".call_id"),
        (r#"{"type":"function_call_output","call_id":"c"}"#, missing, ".output"),
        (
            r#"{"type":"function_call_output","call_id":"c","output":[{"type":"input_image"}]}"#,
            missing,
            ".output[0].image_url",
        ),
        (r#"{"type":"reasoning","summary":"a"}"#, "invalid_type", ".summary"),
        (r#"{"type":"reasoning","summary":[{}]}"#, "invalid_type", ".summary[0]"),
    ] {
        let body = format!(r#"{{"model":"m","input":[{{"role":"user","content":"a"}},{item}]}}"#);
        assert_refused(&body, code, Some(&format!("input[1]{path}")));
    }
}

/// Turns as this dialect tells them apart: the model's turn is one answer, and no two of them touch.
fn conversations() -> impl Strategy<Value = Vec<Turn<'static>>> {
    let said = "[a-z\"\\\\\n\u{e9}]{1,8}";
    prop::collection::vec((0..5_u8, said, 0..3_usize), 1..8).prop_map(|steps| {
        let mut turns = vec![turn(Role::System, vec![text("s")])];
        for (at, (kind, said, more)) in steps.into_iter().enumerate() {
            let own = |at: usize| format!("c{at}");
            let part = |text: String| Part::Text { text: text.into(), cached: None };
            let next = match kind {
                0 => turn(Role::Developer, vec![part(said)]),
                1 => turn(Role::User, vec![part(said), media("image/png", Source::Data("iVBOR".into()))]),
                2 => turn(Role::User, vec![part(said)]),
                _ => {
                    let mut parts =
                        vec![Part::Thinking { text: said.clone().into(), signature: Some("x".into()) }];
                    parts.extend((0..=more).map(|call| Part::ToolCall {
                        id: format!("{}_{call}", own(at)).into(),
                        name: "f".into(),
                        arguments: "{\"a\":1}".into(),
                        signature: None,
                    }));
                    turns.push(turn(Role::Assistant, parts));
                    let results = (0..=more).map(|call| Part::ToolResult {
                        id: format!("{}_{call}", own(at)).into(),
                        name: None,
                        parts: vec![part(said.clone())],
                        failed: false,
                        cached: None,
                    });
                    turn(Role::User, results.collect())
                }
            };
            turns.push(next);
        }
        turns
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_conversation_is_read_as_it_was_said(turns in conversations()) {
        let chat = Chat { turns, ..asking() };
        let body = encode(&chat, &Settings::default(), &mut Dropped::default()).unwrap();
        let again = decode(&body).unwrap();
        let plain = |turns: &[Turn<'_>]| format!("{turns:?}").replace("detail: Some(\"auto\")", "detail: None");
        prop_assert_eq!(plain(&again.turns), plain(&chat.turns));
        prop_assert!(again.unknown.is_empty());
    }

    #[test]
    fn no_bytes_break_it(data in prop::collection::vec(any::<u8>(), 0..200), cut in any::<prop::sample::Index>()) {
        prop_assert!(decode(&data).is_err());
        let (_, body) = scenes().swap_remove(0);
        prop_assert!(decode(&body[..cut.index(body.len() - 2)]).is_err());
    }
}
