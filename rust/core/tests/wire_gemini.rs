//! Gemini's answers: the golden scenes, what is written of them, and every split of a stream.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic, its helpers too")]

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use headgate_core::sse::EventParser;
use headgate_core::usage::Usage;
use headgate_core::wire::gemini::stream::{Decoder, Encoder, Form};
use headgate_core::wire::gemini::{error, response};
use headgate_core::wire::model::{Event, Finish};
use proptest::prelude::*;
use serde_json::{Value, json};

const WHOLE: [&str; 6] = ["text", "parallel_tools", "thinking", "safety", "blocked_prompt", "choices"];
const STREAMS: [&str; 3] = ["text_stream", "parallel_tools_stream", "thinking_stream"];

fn golden(scene: &str, file: &str) -> Vec<u8> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/gemini").join(scene).join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Events as lines.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, event: &Event<'_>) {
        writeln!(self.0, "{event:?}").unwrap();
    }
}

fn whole(body: &[u8]) -> String {
    let mut lines = Lines::default();
    response::decode(body, &mut |event| lines.add(&event)).unwrap();
    lines.0
}

fn streamed(pieces: &[&[u8]]) -> String {
    let mut lines = Lines::default();
    each_streamed(pieces, &mut |event| lines.add(&event));
    lines.0
}

fn each_streamed(pieces: &[&[u8]], each: &mut dyn FnMut(Event<'_>)) {
    let mut parser = EventParser::default();
    let mut decoder = Decoder::new();
    for piece in pieces {
        parser.feed(piece, |event| decoder.event(event.data, each).unwrap()).unwrap();
    }
    decoder.end(each);
}

fn encoded(form: Form, events: &[Event<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(form);
    for event in events {
        encoder.event(event, &mut out);
    }
    out
}

fn written(events: &[Event<'_>]) -> Value {
    let mut writer = response::Writer::new();
    for event in events {
        writer.event(event);
    }
    serde_json::from_slice(&writer.finish()).unwrap()
}

/// The data of every event of a stream.
fn chunks(stream: &[u8]) -> Vec<Value> {
    let mut chunks = Vec::new();
    let mut parser = EventParser::default();
    parser.feed(stream, |event| chunks.push(serde_json::from_slice(event.data).unwrap())).unwrap();
    chunks
}

fn text(text: &str) -> Event<'_> {
    Event::Text { choice: 0, text: Cow::Borrowed(text) }
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

fn start() -> Event<'static> {
    Event::Start { id: "r1".into(), model: "gemini-2.5-pro".into(), created_s: 0 }
}

/// Without the counts that a stream tells on its way.
fn without_early_usage(lines: &str) -> String {
    let last = lines.lines().rfind(|line| line.starts_with("Usage")).map(str::to_owned);
    let mut kept: Vec<&str> = lines.lines().filter(|line| !line.starts_with("Usage")).collect();
    let at = kept.len() - 1;
    if let Some(last) = &last {
        kept.insert(at, last);
    }
    kept.join("\n")
}

#[test]
fn whole_answers_are_read_as_the_scenes_say() {
    for scene in WHOLE {
        let expected = String::from_utf8(golden(scene, "events.txt")).unwrap();
        assert_eq!(whole(&golden(scene, "response.json")), expected, "{scene}");
    }
}

#[test]
fn streams_are_read_as_the_scenes_say() {
    for scene in STREAMS {
        let expected = String::from_utf8(golden(scene, "events.txt")).unwrap();
        assert_eq!(streamed(&[&golden(scene, "stream.txt")]), expected, "{scene}");
    }
}

#[test]
fn a_whole_answer_written_and_read_again_is_the_same() {
    for scene in WHOLE {
        let body = golden(scene, "response.json");
        let mut writer = response::Writer::new();
        response::decode(&body, &mut |event| writer.event(&event)).unwrap();
        assert_eq!(whole(&writer.finish()), whole(&body), "{scene}");
    }
}

#[test]
fn a_stream_written_and_read_again_is_the_same() {
    for scene in STREAMS {
        let stream = golden(scene, "stream.txt");
        let mut encoder = Encoder::new(Form::Sse);
        let mut out = Vec::new();
        each_streamed(&[&stream], &mut |event| encoder.event(&event, &mut out));
        let (got, expected) = (streamed(&[&out]), streamed(&[&stream]));
        assert_eq!(without_early_usage(&got), without_early_usage(&expected), "{scene}");
    }
}

#[test]
fn a_stream_without_sse_is_one_array_of_the_same_pieces() {
    for scene in STREAMS {
        let stream = golden(scene, "stream.txt");
        let mut sse = (Encoder::new(Form::Sse), Vec::new());
        let mut array = (Encoder::new(Form::Array), Vec::new());
        each_streamed(&[&stream], &mut |event| {
            sse.0.event(&event, &mut sse.1);
            array.0.event(&event, &mut array.1);
        });
        let list: Vec<Value> = serde_json::from_slice(&array.1).unwrap();
        assert_eq!(list, chunks(&sse.1), "{scene}");
        assert!(list.len() > 1, "{scene}");
    }
}

#[test]
fn a_stream_without_a_reason_to_finish_is_cut() {
    let stream = golden("text_stream", "stream.txt");
    let stream = String::from_utf8(stream).unwrap();
    let cut = stream.rfind("data: ").unwrap();
    let lines = streamed(&[&stream.as_bytes()[..cut]]);
    assert!(lines.contains("attic"), "{lines}");
    assert!(!lines.contains("End") && !lines.contains("Finish"), "{lines}");
}

#[test]
fn a_reason_with_every_piece_finishes_once() {
    let piece = |text: &str| {
        json!({"candidates":[{"content":{"parts":[{"text":text}],"role":"model"},"finishReason":"STOP"}]})
            .to_string()
    };
    let stream = format!("data: {}\n\ndata: {}\n\n", piece("a"), piece("b"));
    let lines = streamed(&[stream.as_bytes()]);
    assert_eq!(lines.matches("Finish").count(), 1, "{lines}");
    assert!(lines.ends_with("End\n"), "{lines}");
}

#[test]
fn fragments_that_interleave_become_whole_calls() {
    let events = [
        start(),
        call(0, "a", "f"),
        call(1, "b", "g"),
        arguments(1, "{\"y\":"),
        arguments(0, "{\"x\":\n\"}\r\""),
        arguments(1, "[1, 2]}"),
        arguments(0, "}"),
        finish(Finish::Tools),
        Event::End,
    ];
    // A raw carriage return inside of a text is no JSON: that call cannot be said.
    let broken = written(&events);
    assert_eq!(broken["candidates"][0]["finishReason"], "MALFORMED_FUNCTION_CALL");
    assert_eq!(broken["candidates"][0]["content"]["parts"].as_array().unwrap().len(), 1);

    let mut events = events.to_vec();
    events[4] = arguments(0, "{\"x\":\n\"}\"");
    let expected = json!([
        {"functionCall":{"id":"a","name":"f","args":{"x":"}"}}},
        {"functionCall":{"id":"b","name":"g","args":{"y":[1,2]}}},
    ]);
    let whole = written(&events);
    assert_eq!(whole["candidates"][0]["content"]["parts"], expected);
    assert_eq!(whole["candidates"][0]["finishReason"], "STOP");

    let parts: Vec<Value> = chunks(&encoded(Form::Sse, &events))
        .iter()
        .map(|chunk| chunk["candidates"][0]["content"]["parts"][0].clone())
        .collect();
    assert_eq!(parts[..2], *expected.as_array().unwrap());
    assert_eq!(parts[2], json!({"text":""}));
}

#[test]
fn a_call_leaves_as_soon_as_it_is_whole_and_something_follows() {
    let mut encoder = Encoder::new(Form::Sse);
    let mut out = Vec::new();
    for event in [start(), call(0, "", "f"), arguments(0, "{\"a\":1}")] {
        encoder.event(&event, &mut out);
    }
    assert!(out.is_empty(), "whether it is whole is not known yet");
    encoder.event(&call(1, "", "g"), &mut out);
    assert_eq!(chunks(&out)[0]["candidates"][0]["content"]["parts"][0]["functionCall"]["name"], "f");
    encoder.event(&text("so"), &mut out);
    encoder.event(&finish(Finish::Tools), &mut out);
    let names: Vec<Value> =
        chunks(&out)[1..].iter().map(|chunk| chunk["candidates"][0]["content"]["parts"][0].clone()).collect();
    assert_eq!(names, [json!({"text":"so"}), json!({"functionCall":{"name":"g","args":{}}})]);
}

#[test]
fn the_last_piece_has_reason_and_tokens_in_whatever_order_they_came() {
    let usage = Usage { prompt: 10, completion: 7, total: 17, cached: 4, written: 0, reasoning: 5 };
    let expected = json!({"promptTokenCount":10,"cachedContentTokenCount":4,"candidatesTokenCount":2,
        "thoughtsTokenCount":5,"totalTokenCount":17});
    for order in
        [[finish(Finish::Length), Event::Usage(usage)], [Event::Usage(usage), finish(Finish::Length)]]
    {
        let [first, second] = order;
        let events = [start(), text("a"), first, second, Event::End, text("late")];
        let chunks = chunks(&encoded(Form::Sse, &events));
        assert_eq!(chunks.len(), 2);
        assert_eq!(chunks[1]["usageMetadata"], expected);
        assert_eq!(chunks[1]["candidates"][0]["finishReason"], "MAX_TOKENS");
        assert_eq!(chunks[1]["responseId"], "r1");
        assert_eq!(written(&events[..5])["usageMetadata"], expected);
    }
}

#[test]
fn an_error_in_a_stream_is_told_and_ends_it() {
    let key = "sk-abcdefgh12345678";
    let message = format!("overloaded {key}");
    let error = Event::Error { kind: "overloaded_error".into(), message: message.into() };
    let events = [start(), text("a"), error, text("b"), Event::End];
    for form in [Form::Sse, Form::Array] {
        let out = encoded(form, &events);
        let list = if form == Form::Sse { chunks(&out) } else { serde_json::from_slice(&out).unwrap() };
        assert_eq!(list.len(), 2);
        assert_eq!(list[1]["error"]["status"], "UNAVAILABLE");
        assert_eq!(list[1]["error"]["code"], 503);
        assert!(!String::from_utf8(out).unwrap().contains(key));
    }
    assert_eq!(written(&events)["error"]["status"], "UNAVAILABLE");
    let mut out = Vec::new();
    error::stream_event("m", "rate_limit_error", None, &mut out);
    let lines = streamed(&[&out]);
    assert!(lines.ends_with("Error { kind: \"RESOURCE_EXHAUSTED\", message: \"m\" }\n"), "{lines}");
}

#[test]
fn errors_are_read_and_written_in_googles_shape() {
    let body = golden("error", "response.json");
    let read = error::decode(&body).unwrap();
    assert_eq!(read.message, "API key not valid. Please pass a valid API key.");
    assert_eq!(read.kind.as_deref(), Some("invalid_request_error"));
    assert_eq!(read.code.as_deref(), Some("API_KEY_INVALID"));
    let list = [b"[".as_slice(), &body, b"]"].concat();
    assert_eq!(error::decode(&list), Some(read));
    assert_eq!(error::decode(b"<html>"), None);
    let expected = String::from_utf8(golden("error", "events.txt")).unwrap();
    assert_eq!(whole(&body), expected);

    let ours: Value =
        serde_json::from_slice(&error::encode("No.", "rate_limit_error", Some("key_limit"), 429)).unwrap();
    assert_eq!(
        ours,
        json!({"error":{"code":429,"message":"No.","status":"RESOURCE_EXHAUSTED","details":[
            {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"KEY_LIMIT","domain":"headgate"}]}})
    );
}

#[test]
fn every_reason_has_a_meaning() {
    let cases = [
        ("STOP", Finish::Stop),
        ("MAX_TOKENS", Finish::Length),
        ("SAFETY", Finish::Filtered),
        ("RECITATION", Finish::Filtered),
        ("PROHIBITED_CONTENT", Finish::Filtered),
        ("BLOCKLIST", Finish::Filtered),
        ("SPII", Finish::Filtered),
        ("MALFORMED_FUNCTION_CALL", Finish::Other),
        ("OTHER", Finish::Other),
        ("SOMETHING_NEW", Finish::Other),
    ];
    for (name, expected) in cases {
        let body = json!({"candidates":[{"finishReason":name}]}).to_string();
        let mut got = None;
        response::decode(body.as_bytes(), &mut |event| {
            if let Event::Finish { reason, .. } = event {
                got = Some(reason);
            }
        })
        .unwrap();
        assert_eq!(got, Some(expected), "{name}");
    }
}

#[test]
fn what_is_no_answer_is_malformed() {
    for body in ["", "{}", "[]", "null", "<html>", r#"{"candidates":7}"#, r#"{"candidates":[{"index":-1}]}"#]
    {
        assert!(response::decode(body.as_bytes(), &mut |_| {}).is_err(), "{body}");
    }
    let wrong = "{\n\"candidates\": [\n{\"index\": \"x\"}]}";
    let error = response::decode(wrong.as_bytes(), &mut |_| {}).unwrap_err();
    assert_eq!(&wrong[error.offset - 3..error.offset], "\"x\"");
}

fn event() -> impl Strategy<Value = Event<'static>> {
    let fragment = || "[a-z\"\\\\\n\r{}é🎉]{0,6}";
    prop_oneof![
        fragment().prop_map(|text| Event::Text { choice: 0, text: text.into() }),
        fragment().prop_map(|text| Event::Thinking { choice: 1, text: text.into() }),
        fragment().prop_map(|text| Event::Refusal { choice: 1, text: text.into() }),
        "[A-Z]{1,4}".prop_map(|signature| Event::Signature { choice: 0, signature: signature.into() }),
        (0..2_u32, 0..3_u32, fragment()).prop_map(|(choice, call, name)| Event::ToolStart {
            choice,
            call,
            id: "".into(),
            name: name.into(),
            signature: None,
        }),
        (0..2_u32, 0..3_u32, "[\\[\\]{}\": \n1a]{0,6}")
            .prop_map(|(choice, call, json)| Event::ToolArguments { choice, call, json: json.into() }),
        (0..2_u32).prop_map(|choice| Event::Finish { choice, reason: Finish::Stop, stop: None }),
        Just(Event::Usage(Usage::default())),
        "[\\[\\]{}\":a,]{0,9}".prop_map(|content| Event::Logprobs { choice: 0, content: content.into() }),
    ]
}

proptest! {
    #[test]
    fn any_split_of_a_stream_gives_the_same_events(
        scene in prop::sample::select(STREAMS.to_vec()),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let stream = golden(scene, "stream.txt");
        let mut points: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        points.extend([0, stream.len()]);
        points.sort_unstable();
        let pieces: Vec<&[u8]> = points.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(streamed(&pieces), streamed(&[&stream]));
    }

    #[test]
    fn whatever_is_told_is_written_as_json(events in prop::collection::vec(event(), 0..12)) {
        let events = [vec![start()], events, vec![Event::End]].concat();
        let list: Vec<Value> = serde_json::from_slice(&encoded(Form::Array, &events)).unwrap();
        prop_assert_eq!(chunks(&encoded(Form::Sse, &events)), list);
        written(&events);
    }

    #[test]
    fn texts_arrive_as_they_were(texts in prop::collection::vec("\\PC{0,8}|[\r\n\"\\\\]", 1..6)) {
        let events: Vec<Event<'_>> = texts.iter().map(|fragment| text(fragment)).collect();
        let events = [vec![start()], events, vec![finish(Finish::Stop), Event::End]].concat();
        let mut got = String::new();
        each_streamed(&[&encoded(Form::Sse, &events)], &mut |event| {
            if let Event::Text { text, .. } = event {
                got.push_str(&text);
            }
        });
        prop_assert_eq!(got, texts.concat());
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = response::decode(&bytes, &mut |_| {});
        let mut decoder = Decoder::new();
        let _ = decoder.event(&bytes, &mut |_| {});
        decoder.end(&mut |_| {});
        let _ = error::decode(&bytes);
    }

    #[test]
    fn a_damaged_answer_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = golden("parallel_tools", "response.json");
        let at = at.index(body.len());
        body[at] = byte;
        let _ = response::decode(&body, &mut |_| {});
    }
}
