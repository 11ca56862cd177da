//! The Responses codec's answers and streams against golden scenes, every split, and bytes of any kind.
#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use headgate_core::sse::EventParser;
use headgate_core::usage::Usage;
use headgate_core::wire::model::{Event, Finish};
use headgate_core::wire::responses::response::{self, Reply, Writer};
use headgate_core::wire::responses::stream::{Decoder, Encoder};
use proptest::prelude::*;
use serde_json::{Value, json};

fn scenes(file: &str) -> Vec<(String, Vec<u8>)> {
    let home = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/responses");
    let mut found: Vec<_> = fs::read_dir(home)
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

fn each_of<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, each: &mut dyn FnMut(Event<'_>)) {
    let mut decoder = Decoder::default();
    let mut parser = EventParser::default();
    for piece in pieces {
        parser.feed(piece, |event| decoder.event(event.data, each).unwrap()).unwrap();
    }
    decoder.end(each);
}

fn streamed<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> String {
    let mut events = String::new();
    each_of(pieces, &mut |event| events += &line(&event));
    events
}

fn written(reply: &Reply<'_>, events: &[Event<'_>]) -> String {
    let mut encoder = Encoder::new(reply);
    let mut out = Vec::new();
    for event in events {
        encoder.event(event, &mut out);
    }
    String::from_utf8(out).unwrap()
}

/// The data of a stream's events; each has the name of its type and its number.
fn parsed(stream: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for (at, event) in stream.split_terminator("\n\n").enumerate() {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
        assert_eq!(data["sequence_number"], at, "{stream}");
        all.push(data);
    }
    all
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
        let mut writer = Writer::new(&Reply::default());
        response::decode(&body, &mut |event| writer.event(&event)).unwrap();
        // Paragraphs of thoughts become one.
        let joined = |events: String| {
            events.replace(
                "\" }\nThinking { choice: 0, text: \"\\n\\n\" }\nThinking { choice: 0, text: \"",
                "\\n\\n",
            )
        };
        assert_eq!(whole(&writer.finish()), joined(whole(&body)), "{scene}");
    }
}

#[test]
fn streams_written_again_give_the_same_events() {
    for (scene, body) in scenes("stream.txt") {
        let mut encoder = Encoder::new(&Reply::default());
        let mut out = Vec::new();
        each_of([&body[..]], &mut |event| encoder.event(&event, &mut out));
        parsed(std::str::from_utf8(&out).unwrap());
        assert_eq!(streamed([&out[..]]), streamed([&body[..]]), "{scene}");
    }
}

/// What a client of the dialect gathers from a stream's fragments is what the events with whole texts, whole
/// items and the whole response say.
#[test]
fn fragments_items_and_the_response_agree() {
    for (scene, body) in scenes("stream.txt").into_iter().filter(|(scene, _)| !scene.contains("error")) {
        let mut encoder = Encoder::new(&Reply::default());
        let mut writer = Writer::new(&Reply::default());
        let mut out = Vec::new();
        each_of([&body[..]], &mut |event| {
            encoder.event(&event, &mut out);
            writer.event(&event);
        });
        let events = parsed(std::str::from_utf8(&out).unwrap());
        let mut items: Vec<Value> = Vec::new();
        let mut fragments = std::collections::BTreeMap::<String, String>::new();
        for event in &events {
            let kind = event["type"].as_str().unwrap();
            let place =
                || format!("{}{}{}", event["item_id"], event["content_index"], event["summary_index"]);
            if kind == "response.output_item.added" {
                assert_eq!(event["output_index"], items.len(), "{scene}");
                items.push(Value::Null);
            } else if kind == "response.output_item.done" {
                let index = usize::try_from(event["output_index"].as_u64().unwrap()).unwrap();
                items[index] = event["item"].clone();
            } else if let Some(delta) = event["delta"].as_str() {
                fragments.entry(place()).or_default().push_str(delta);
            } else if let Some(text) =
                ["text", "refusal", "arguments"].iter().find_map(|name| event[name].as_str())
            {
                assert_eq!(fragments[&place()], text, "{scene}");
            }
        }
        let last = &events.last().unwrap()["response"];
        assert_eq!(last["output"], Value::Array(items), "{scene}");
        assert_eq!(*last, serde_json::from_slice::<Value>(&writer.finish()).unwrap(), "{scene}");
    }
}

const WRITTEN: &str = r#"event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"rs_7_0","type":"reasoning","status":"in_progress","summary":[]}}

event: response.reasoning_summary_part.added
data: {"type":"response.reasoning_summary_part.added","sequence_number":3,"item_id":"rs_7_0","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}

event: response.reasoning_summary_text.delta
data: {"type":"response.reasoning_summary_text.delta","sequence_number":4,"item_id":"rs_7_0","output_index":0,"summary_index":0,"delta":"hm"}

event: response.reasoning_summary_text.done
data: {"type":"response.reasoning_summary_text.done","sequence_number":5,"item_id":"rs_7_0","output_index":0,"summary_index":0,"text":"hm"}

event: response.reasoning_summary_part.done
data: {"type":"response.reasoning_summary_part.done","sequence_number":6,"item_id":"rs_7_0","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":"hm"}}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":7,"output_index":0,"item":{"id":"rs_7_0","type":"reasoning","status":"completed","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"sig"}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":8,"output_index":1,"item":{"id":"msg_7_1","type":"message","status":"in_progress","content":[],"role":"assistant"}}

event: response.content_part.added
data: {"type":"response.content_part.added","sequence_number":9,"item_id":"msg_7_1","output_index":1,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":10,"item_id":"msg_7_1","output_index":1,"content_index":0,"delta":"a\n","logprobs":[]}

event: response.output_text.done
data: {"type":"response.output_text.done","sequence_number":11,"item_id":"msg_7_1","output_index":1,"content_index":0,"text":"a\n","logprobs":[]}

event: response.content_part.done
data: {"type":"response.content_part.done","sequence_number":12,"item_id":"msg_7_1","output_index":1,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":"a\n"}}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":13,"output_index":1,"item":{"id":"msg_7_1","type":"message","status":"completed","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"a\n"}],"role":"assistant"}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":14,"output_index":2,"item":{"id":"fc_7_2","type":"function_call","status":"in_progress","arguments":"","call_id":"call_7_2","name":"f"}}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","sequence_number":15,"item_id":"fc_7_2","output_index":2,"delta":"{}"}

event: response.function_call_arguments.done
data: {"type":"response.function_call_arguments.done","sequence_number":16,"item_id":"fc_7_2","output_index":2,"name":"f","arguments":"{}"}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":17,"output_index":2,"item":{"id":"fc_7_2","type":"function_call","status":"completed","arguments":"{}","call_id":"call_7_2","name":"f"}}

"#;

fn start(id: &'static str) -> Event<'static> {
    Event::Start { id: id.into(), model: "theirs".into(), created_s: 7 }
}

fn text(text: &str) -> Event<'_> {
    Event::Text { choice: 0, text: text.into() }
}

fn thought(text: &str) -> Event<'_> {
    Event::Thinking { choice: 0, text: text.into() }
}

fn signature(text: &str) -> Event<'_> {
    Event::Signature { choice: 0, signature: text.into() }
}

fn call<'a>(call: u32, id: &'a str, name: &'a str) -> Event<'a> {
    Event::ToolStart { choice: 0, call, id: id.into(), name: name.into(), signature: None }
}

fn arguments(call: u32, json: &str) -> Event<'_> {
    Event::ToolArguments { choice: 0, call, json: json.into() }
}

fn finish(reason: Finish) -> Event<'static> {
    Event::Finish { choice: 0, reason, stop: None }
}

#[test]
fn the_encoder_s_bytes_are_the_dialect_s() {
    let usage = Usage { prompt: 9, completion: 4, total: 13, cached: 2, written: 3, reasoning: 1 };
    let events = [
        start("7"),
        Event::Usage(usage),
        thought("hm"),
        signature("sig"),
        text("a\n"),
        call(0, "", "f"),
        finish(Finish::Tools),
        Event::End,
        text("late"),
    ];
    let out = written(&Reply { model: "mine", ..Reply::default() }, &events);
    let response = |status: &str, output: &str, usage: &str| {
        format!(
            "\"response\":{{\"id\":\"resp_7\",\"object\":\"response\",\"created_at\":7,\"status\":\"{status}\",\"background\":false,\"error\":null,\"incomplete_details\":null,\"instructions\":null,\"max_output_tokens\":null,\"model\":\"mine\",\"output\":[{output}],\"parallel_tool_calls\":true,\"previous_response_id\":null,\"reasoning\":{{\"effort\":null,\"summary\":null}},\"store\":false,\"temperature\":null,\"text\":{{\"format\":{{\"type\":\"text\"}}}},\"tool_choice\":\"auto\",\"tools\":[],\"top_p\":null,\"truncation\":\"disabled\",\"usage\":{usage},\"user\":null,\"metadata\":{{}}}}}}\n\n"
        )
    };
    let begun = response("in_progress", "", "null");
    let mut expected = String::new();
    for (at, kind) in ["response.created", "response.in_progress"].iter().enumerate() {
        write!(expected, "event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{at},{begun}")
            .unwrap();
    }
    let done = WRITTEN
        .lines()
        .filter(|line| line.contains("output_item.done\","))
        .map(|line| line.split_once("\"item\":").and_then(|(_, item)| item.strip_suffix('}')).unwrap());
    let done = response(
        "completed",
        &done.collect::<Vec<_>>().join(","),
        "{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":2,\"cache_write_tokens\":3},\"output_tokens\":4,\"output_tokens_details\":{\"reasoning_tokens\":1},\"total_tokens\":13}",
    );
    expected += WRITTEN;
    expected += "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":18,";
    expected += &done;
    assert_eq!(out, expected);
}

#[test]
fn calls_that_interleave_are_kept_apart() {
    let events = [
        start("1"),
        call(0, "a", "f"),
        arguments(0, "{\"x\":"),
        call(1, "b", "g"),
        arguments(1, "{\"y\""),
        arguments(0, "1}"),
        text("between"),
        arguments(1, ":2}"),
        arguments(5, "of no call"),
        finish(Finish::Tools),
        Event::End,
    ];
    let told = parsed(&written(&Reply::default(), &events));
    let deltas: Vec<_> = told
        .iter()
        .filter(|event| event["type"] == "response.function_call_arguments.delta")
        .map(|event| (event["item_id"].as_str().unwrap(), event["output_index"].as_u64().unwrap()))
        .collect();
    assert_eq!(deltas, [("fc_1_0", 0), ("fc_1_1", 1), ("fc_1_0", 0), ("fc_1_1", 1)]);
    let output = &told.last().unwrap()["response"]["output"];
    let said: Vec<_> = output.as_array().unwrap().iter().map(|item| &item["arguments"]).collect();
    assert_eq!(said, [&json!("{\"x\":1}"), &json!("{\"y\":2}"), &Value::Null]);
    assert_eq!(output[2]["content"][0]["text"], "between");
}

#[test]
fn ends_have_their_status() {
    let refusal = || Event::Refusal { choice: 0, text: "no".into() };
    let cases = [
        (vec![text("a")], Finish::Length, "response.incomplete", json!("max_output_tokens"), "incomplete"),
        (vec![text("a")], Finish::Filtered, "response.incomplete", json!("content_filter"), "incomplete"),
        (vec![text("a")], Finish::Refused, "response.incomplete", json!("content_filter"), "incomplete"),
        (vec![refusal()], Finish::Refused, "response.completed", Value::Null, "completed"),
        (vec![text("a")], Finish::Paused, "response.completed", Value::Null, "completed"),
    ];
    for (said, reason, kind, details, status) in cases {
        let events: Vec<_> = said.into_iter().chain([finish(reason), Event::End]).collect();
        let told = parsed(&written(&Reply::default(), &events));
        let last = told.last().unwrap();
        assert_eq!(last["type"], kind, "{reason:?}");
        assert_eq!(last["response"]["incomplete_details"]["reason"], details);
        assert_eq!(last["response"]["output"][0]["status"], status);
    }
}

#[test]
fn texts_and_refusals_are_parts_of_one_message() {
    let refusal = Event::Refusal { choice: 0, text: "no".into() };
    let events = [start("1"), text("a"), refusal.clone(), text("b"), finish(Finish::Stop), Event::End];
    let told = parsed(&written(&Reply::default(), &events));
    let output = &told.last().unwrap()["response"]["output"];
    assert_eq!(output.as_array().unwrap().len(), 1);
    let kinds: Vec<_> = output[0]["content"].as_array().unwrap().iter().map(|part| &part["type"]).collect();
    assert_eq!(kinds, ["output_text", "refusal", "output_text"]);
    let second = Event::Text { choice: 1, text: "x".into() };
    assert_eq!(written(&Reply::default(), &[second, thought("")]), "");
}

#[test]
fn a_signature_ends_its_thoughts_and_may_stand_alone() {
    let events = [
        start("resp_1"),
        thought("one"),
        signature("1"),
        signature("2"),
        Event::Redacted { choice: 0, data: "3".into() },
        thought("four"),
        text("said"),
        finish(Finish::Stop),
        Event::End,
    ];
    let out = written(&Reply::default(), &events);
    // The provider's mark goes with the id of its item.
    let expected = events.iter().map(line).collect::<String>();
    let expected = expected.replace("\"1\"", "\"rs_1_0:1\"").replace("\"2\"", "\"rs_1_1:2\"");
    assert_eq!(streamed([out.as_bytes()]), expected.replace("\"3\"", "\"rs_1_2:3\""));
}

#[test]
fn an_error_ends_a_stream_and_is_all_of_an_answer() {
    let error = Event::Error { kind: "overloaded".into(), message: "Too \"busy\"".into() };
    let out = written(&Reply::default(), &[start("1"), error.clone(), text("late"), Event::End]);
    let told = parsed(&out);
    let expected = json!({"type": "error", "code": "overloaded", "message": "Too \"busy\"", "param": null, "sequence_number": 2});
    assert_eq!((told.len(), &told[2]), (3, &expected));
    let mut writer = Writer::new(&Reply::default());
    for event in [start("1"), text("a"), error] {
        writer.event(&event);
    }
    let body: Value = serde_json::from_slice(&writer.finish()).unwrap();
    assert_eq!(body["error"]["message"], "Too \"busy\"");
}

#[test]
fn an_answer_without_a_finish_is_whole_json() {
    let mut writer = Writer::new(&Reply { id: "r", model: "m", created_s: 5 });
    for event in [text("a"), call(0, "c", "f"), arguments(0, "{")] {
        writer.event(&event);
    }
    let body: Value = serde_json::from_slice(&writer.finish()).unwrap();
    assert_eq!(
        (&body["id"], &body["model"], &body["created_at"]),
        (&json!("resp_r"), &json!("m"), &json!(5))
    );
    assert_eq!((&body["output"][1]["arguments"], &body["usage"]), (&json!("{"), &Value::Null));
}

#[test]
fn what_follows_a_finish_is_whole_too() {
    let events = [
        start("7"),
        text("a"),
        finish(Finish::Length),
        thought("b"),
        call(0, "c", "f"),
        text("d"),
        Event::End,
    ];
    let told = parsed(&written(&Reply::default(), &events));
    let response = &told.last().unwrap()["response"];
    let kinds: Vec<_> = response["output"].as_array().unwrap().iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["message", "reasoning", "function_call", "message"]);
    assert_eq!(response["status"], "incomplete");
}

#[test]
fn a_cut_stream_has_no_end_and_nothing_follows_one() {
    let stream = |scene: &str| {
        let found = scenes("stream.txt").into_iter().find(|(name, _)| name.ends_with(scene));
        String::from_utf8(found.unwrap().1).unwrap()
    };
    let body = stream("/text_stream");
    let cut = body.find("event: response.completed").unwrap();
    let events = streamed([&body.as_bytes()[..cut]]);
    assert!(events.contains("Text") && !events.contains("End") && !events.contains("Finish"), "{events}");
    let twice = format!("{body}{}", stream("/error_stream"));
    assert_eq!(streamed([twice.as_bytes()]), streamed([body.as_bytes()]));
}

#[test]
fn unknown_events_are_passed_over_and_broken_ones_are_not() {
    let mut decoder = Decoder::default();
    let mut events = String::new();
    for data in [
        r#"{"type":"response.web_search_call.searching","output_index":0,"item_id":"ws_1"}"#,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"web_search_call","name":7}}"#,
        r#"{"type":"response.news","delta":{"a":1},"response":[]}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":4,"delta":"of no call"}"#,
        "[DONE]",
        "",
    ] {
        decoder.event(data.as_bytes(), &mut |event| events += &line(&event)).unwrap();
    }
    assert_eq!(events, "Start { id: \"\", model: \"\", created_s: 0 }\nForeign\n");
    for data in [
        "{}",
        "7",
        r#"{"type":"response.output_text.delta","delta":7}"#,
        r#"{"type":"response.completed","response":7}"#,
    ] {
        assert!(decoder.event(data.as_bytes(), &mut |event| panic!("{event:?}")).is_err(), "{data}");
    }
}

#[test]
fn errors_of_every_shape_are_told() {
    let cases = [
        (
            r#"{"type":"error","error":{"type":"invalid_request_error","code":"context_length_exceeded","message":"m"},"sequence_number":2}"#,
            "invalid_request_error",
        ),
        (r#"{"type":"error","code":"c","message":"m","param":null,"sequence_number":2}"#, "c"),
        (r#"{"type":"error","code":null,"message":"m","param":null,"sequence_number":2}"#, "server_error"),
        (r#"{"error":{"message":"m","type":"t"}}"#, "t"),
    ];
    for (data, kind) in cases {
        let mut decoder = Decoder::default();
        let mut events = String::new();
        decoder.event(data.as_bytes(), &mut |event| events += &line(&event)).unwrap();
        assert_eq!(events, format!("Error {{ kind: \"{kind}\", message: \"m\" }}\n"), "{data}");
    }
    assert_eq!(whole(br#"{"error":{"message":"m","type":"t"}}"#), "Error { kind: \"t\", message: \"m\" }\n");
    for body in [
        "",
        "[]",
        "{}",
        r#"{"output":[],"status":"in_progress"}"#,
        r#"{"output":[{"type":"message","content":7}]}"#,
    ] {
        assert!(response::decode(body.as_bytes(), &mut |_| ()).is_err(), "{body}");
    }
}

#[test]
fn a_call_s_mark_goes_through() {
    let call = Event::ToolStart {
        choice: 0,
        call: 0,
        id: "c".into(),
        name: "f".into(),
        signature: Some("mark".into()),
    };
    let out = written(&Reply::default(), &[start("1"), call.clone(), finish(Finish::Tools), Event::End]);
    assert!(streamed([out.as_bytes()]).contains(&line(&call)));
}

/// Answers as a provider of any dialect may give them.
fn answers() -> impl Strategy<Value = Vec<Event<'static>>> {
    let step = (0..6_u8, "[a-z\"\\\\\n\u{e9}]{1,6}");
    (prop::collection::vec(step, 0..12), any::<bool>()).prop_map(|(steps, cut)| {
        let mut events = vec![start("resp_1")];
        let mut calls = 0;
        for (kind, said) in steps {
            events.push(match kind {
                0 => Event::Text { choice: 0, text: said.into() },
                1 => Event::Thinking { choice: 0, text: said.into() },
                2 => Event::Signature { choice: 0, signature: format!("rs_1:{said}").into() },
                3 => Event::Redacted { choice: 0, data: format!("rs_2:{said}").into() },
                4 if calls > 0 => Event::ToolArguments { choice: 0, call: calls - 1, json: said.into() },
                _ => {
                    calls += 1;
                    let id = format!("c{calls}").into();
                    Event::ToolStart { choice: 0, call: calls - 1, id, name: said.into(), signature: None }
                }
            });
        }
        let reason = if calls > 0 { Finish::Tools } else { Finish::Stop };
        events.push(finish(if cut { Finish::Length } else { reason }));
        events.push(Event::Usage(Usage { prompt: 3, completion: 4, total: 7, ..Usage::default() }));
        events.push(Event::End);
        events
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_told_is_told_back(events in answers()) {
        let out = written(&Reply::default(), &events);
        parsed(&out);
        // A call without arguments has an empty object of them.
        let told = |stream: String| -> Vec<String> {
            stream.lines().filter(|line| !line.starts_with("ToolArguments")).map(str::to_owned).collect()
        };
        prop_assert_eq!(told(streamed([out.as_bytes()])), told(events.iter().map(line).collect()));
        let mut writer = Writer::new(&Reply::default());
        for event in &events {
            writer.event(event);
        }
        let body = writer.finish();
        let last = parsed(&out).pop().unwrap();
        prop_assert_eq!(&serde_json::from_slice::<Value>(&body).unwrap(), &last["response"]);
    }

    #[test]
    fn any_split_gives_the_same(cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..6)) {
        for (scene, body) in scenes("stream.txt") {
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len())).collect();
            at.extend([0, body.len()]);
            at.sort_unstable();
            let pieces = at.windows(2).map(|pair| &body[pair[0]..pair[1]]);
            prop_assert_eq!(streamed(pieces), streamed([&body[..]]), "{}", scene);
        }
    }

    #[test]
    fn no_bytes_break_it(data in prop::collection::vec(any::<u8>(), 0..200), cut in any::<prop::sample::Index>()) {
        let mut decoder = Decoder::default();
        let (_, body) = scenes("stream.txt").swap_remove(0);
        for bytes in [&data[..], &body[cut.index(body.len())..]] {
            let _ = response::decode(bytes, &mut |_| ());
            let _ = decoder.event(bytes, &mut |_| ());
        }
    }
}
