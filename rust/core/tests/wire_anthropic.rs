//! The Anthropic codec against recorded scenes, every split of streams, and bytes of any kind.
#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use headgate_core::sse::EventParser;
use headgate_core::usage::Usage;
use headgate_core::wire::anthropic::{request, response, stream};
use headgate_core::wire::model::{Dropped, Event, Finish};
use proptest::prelude::*;
use serde_json::{Value, json};

const WHOLE: [&str; 5] = ["text", "parallel_tools", "thinking", "stop_sequence", "error"];
const STREAMS: [&str; 5] =
    ["text_stream", "parallel_tools_stream", "thinking_stream", "refusal_stream", "error_stream"];

fn path(scene: &str, file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/anthropic").join(scene).join(file)
}

fn golden(scene: &str, file: &str) -> Vec<u8> {
    fs::read(path(scene, file)).unwrap()
}

/// An event without what it borrows, one line of `events.txt`.
fn line(event: &Event<'_>) -> String {
    format!("{event:?}\n")
}

fn read_whole(body: &[u8]) -> String {
    let mut events = String::new();
    response::decode(body, &mut |event| events.push_str(&line(&event))).unwrap();
    events
}

fn rewrite_whole(body: &[u8]) -> Vec<u8> {
    let mut writer = response::Writer::default();
    response::decode(body, &mut |event| writer.event(&event)).unwrap();
    writer.finish()
}

fn each_of_stream(pieces: &[&[u8]], each: &mut dyn FnMut(Event<'_>)) {
    let mut parser = EventParser::default();
    let mut decoder = stream::Decoder::default();
    for piece in pieces {
        parser.feed(piece, |event| decoder.event(event.data, each).unwrap()).unwrap();
    }
    decoder.end(each);
}

fn read_stream(pieces: &[&[u8]]) -> String {
    let mut events = String::new();
    each_of_stream(pieces, &mut |event| events.push_str(&line(&event)));
    events
}

fn write_stream(events: &[Event<'_>]) -> Vec<u8> {
    let mut encoder = stream::Encoder::default();
    let mut out = Vec::new();
    for event in events {
        encoder.event(event, &mut out);
    }
    out
}

#[test]
fn whole_answers_are_read_as_recorded() {
    for scene in WHOLE {
        let expected = String::from_utf8(golden(scene, "events.txt")).unwrap();
        assert_eq!(read_whole(&golden(scene, "response.json")), expected, "{scene}");
    }
}

#[test]
fn streams_are_read_as_recorded() {
    for scene in STREAMS {
        let expected = String::from_utf8(golden(scene, "events.txt")).unwrap();
        assert_eq!(read_stream(&[&golden(scene, "stream.txt")]), expected, "{scene}");
    }
}

#[test]
fn what_is_written_reads_the_same() {
    for scene in WHOLE {
        let body = golden(scene, "response.json");
        assert_eq!(read_whole(&rewrite_whole(&body)), read_whole(&body), "{scene}");
    }
    for scene in STREAMS {
        let body = golden(scene, "stream.txt");
        let mut encoder = stream::Encoder::default();
        let mut out = Vec::new();
        each_of_stream(&[&body], &mut |event| encoder.event(&event, &mut out));
        assert_eq!(read_stream(&[&out]), read_stream(&[&body]), "{scene}");
    }
}

const WRITTEN: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":6,"cache_creation_input_tokens":4,"cache_read_input_tokens":20,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi\n"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_msg_1_0","name":"f","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":6,"cache_creation_input_tokens":4,"cache_read_input_tokens":20,"output_tokens":9,"output_tokens_details":{"thinking_tokens":2}}}

event: message_stop
data: {"type":"message_stop"}

"#;

#[test]
fn a_stream_is_written_to_the_byte() {
    let events = [
        Event::Start { id: "msg_1".into(), model: "claude".into(), created_s: 0 },
        Event::Usage(Usage { prompt: 30, completion: 1, total: 31, cached: 20, written: 4, reasoning: 0 }),
        Event::Text { choice: 0, text: "Hi\n".into() },
        Event::ToolStart { choice: 0, call: 0, id: "".into(), name: "f".into(), signature: None },
        Event::ToolArguments { choice: 0, call: 0, json: "{}".into() },
        Event::Usage(Usage { prompt: 30, completion: 9, total: 39, cached: 20, written: 4, reasoning: 2 }),
        Event::Finish { choice: 0, reason: Finish::Tools, stop: None },
        Event::End,
        Event::Text { choice: 0, text: "late".into() },
    ];
    assert_eq!(String::from_utf8(write_stream(&events)).unwrap(), WRITTEN);
}

#[test]
fn a_cut_stream_has_no_end_and_nothing_follows_one() {
    let body = String::from_utf8(golden("text_stream", "stream.txt")).unwrap();
    let cut = body.strip_suffix("event: message_stop\ndata: {\"type\": \"message_stop\"}\n\n").unwrap();
    assert!(!read_stream(&[cut.as_bytes()]).contains("End"));
    let twice = format!("{body}{body}");
    assert_eq!(read_stream(&[twice.as_bytes()]), read_stream(&[body.as_bytes()]));
}

#[test]
fn unknown_events_are_passed_over_and_broken_ones_are_not() {
    let mut decoder = stream::Decoder::default();
    let mut none = |event: Event<'_>| panic!("{event:?}");
    for data in [r#"{"type":"news","delta":"text","message":[1]}"#, r#"{"type":"ping"}"#] {
        decoder.event(data.as_bytes(), &mut none).unwrap();
    }
    for data in ["", "[DONE]", r#"{"type":"content_block_delta","delta":7}"#, r#"{"index":0}"#] {
        assert!(decoder.event(data.as_bytes(), &mut none).is_err(), "{data}");
    }
}

#[test]
fn blocks_that_are_open_at_a_time_are_told_apart() {
    let mut decoder = stream::Decoder::default();
    let mut said = Said::default();
    for data in [
        r#"{"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"b","name":"g","input":{}}}"#,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"c","name":"h","input":{"whole":1}}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"b\":"}}"#,
        r#"{"type":"content_block_delta","index":4,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}"#,
        r#"{"type":"content_block_stop","index":4}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"2}"}}"#,
        r#"{"type":"content_block_delta","index":4,"delta":{"type":"input_json_delta","partial_json":"late"}}"#,
    ] {
        decoder.event(data.as_bytes(), &mut |event| said.event(&event)).unwrap();
    }
    let arguments: Vec<&str> = said.calls.values().map(|(_, arguments)| &**arguments).collect();
    assert_eq!(arguments, ["{\"a\":1}", "{\"b\":2}", "{\"whole\":1}"]);
}

#[test]
fn a_signature_ends_its_thoughts_and_may_stand_alone() {
    let thought = |text: &'static str| Event::Thinking { choice: 0, text: text.into() };
    let signature = |text: &'static str| Event::Signature { choice: 0, signature: text.into() };
    let events = [
        Event::Start { id: "m".into(), model: "c".into(), created_s: 0 },
        thought("one"),
        signature("1"),
        thought("two"),
        signature("2"),
        signature("3"),
        thought("four"),
    ];
    let expected: String = events.iter().map(line).collect();
    // The open run is written, too; the stream is cut behind it.
    let out = write_stream(&events);
    assert_eq!(String::from_utf8_lossy(&out).matches("event: content_block_start").count(), 4);
    let read = read_stream(&[&out]);
    let read: String = read.split_inclusive('\n').filter(|line| !line.starts_with("Usage")).collect();
    assert_eq!(read, expected);
    let mut writer = response::Writer::default();
    for event in &events {
        writer.event(event);
    }
    assert!(read_whole(&writer.finish()).starts_with(&expected));
}

#[test]
fn an_error_in_a_stream_is_written_in_this_dialects_words() {
    let events = [Event::Error { kind: "server_error".into(), message: "Too \"busy\"".into() }, Event::End];
    let expected = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"Too \\\"busy\\\"\"}}\n\n";
    assert_eq!(write_stream(&events), expected.as_bytes());
}

#[test]
fn the_tool_that_stands_for_the_answer_is_its_text() {
    let body = br#"{"type":"message","id":"m","model":"c","content":[{"type":"tool_use","id":"t","name":"json_output","input":{"a":1}}],"stop_reason":"tool_use"}"#;
    let mut events = String::new();
    response::decode_with(body, Some("json_output"), &mut |event| events.push_str(&line(&event))).unwrap();
    assert!(events.contains(r#"Text { choice: 0, text: "{\"a\":1}" }"#), "{events}");
    assert!(events.contains("reason: Stop") && !events.contains("Tool"), "{events}");

    let call =
        Event::ToolStart { choice: 0, call: 0, id: "t".into(), name: "json_output".into(), signature: None };
    let arguments = Event::ToolArguments { choice: 0, call: 0, json: "{\"a\":1}".into() };
    let finish = Event::Finish { choice: 0, reason: Finish::Tools, stop: None };
    for (events, text) in [
        (vec![call.clone(), arguments, finish.clone(), Event::End], "{\"a\":1}"),
        (vec![call, finish, Event::End], "{}"),
    ] {
        let out = write_stream(&events);
        let mut decoder = stream::Decoder::with_json_tool(Some("json_output"));
        let mut seen = Vec::new();
        EventParser::default()
            .feed(&out, |event| decoder.event(event.data, &mut |event| seen.push(owned(&event))).unwrap())
            .unwrap();
        assert!(seen.contains(&Event::Text { choice: 0, text: text.into() }), "{seen:?}");
        assert!(seen.contains(&Event::Finish { choice: 0, reason: Finish::Stop, stop: None }), "{seen:?}");
    }
}

fn owned(event: &Event<'_>) -> Event<'static> {
    match event {
        Event::Text { choice, text } => Event::Text { choice: *choice, text: text.to_string().into() },
        Event::Finish { choice, reason, stop } => Event::Finish {
            choice: *choice,
            reason: *reason,
            stop: stop.as_ref().map(|s| s.to_string().into()),
        },
        Event::ToolStart { choice, call, id, name, signature } => Event::ToolStart {
            choice: *choice,
            call: *call,
            id: id.to_string().into(),
            name: name.to_string().into(),
            signature: signature.as_ref().map(|s| s.to_string().into()),
        },
        Event::ToolArguments { choice, call, json } => {
            Event::ToolArguments { choice: *choice, call: *call, json: json.to_string().into() }
        }
        _ => Event::End,
    }
}

/// Answers of fragments that interleave: text, thoughts, and calls whose arguments come in pieces.
fn interleaved() -> impl Strategy<Value = Vec<Event<'static>>> {
    let fragments = prop::collection::vec((0_u32..5, any::<bool>()), 0..24);
    fragments.prop_map(|steps| {
        let mut events = vec![Event::Start { id: "m".into(), model: "c".into(), created_s: 0 }];
        let mut sent = [0_usize; 4];
        let pieces = ["{\"a\":\"\\\"}", "{", "\",\"b\":[{}", "]}"];
        for (at, (who, thinks)) in steps.iter().enumerate() {
            let Some(count) = sent.get_mut(*who as usize) else {
                let text = || format!("t{at}").into();
                let thought = Event::Thinking { choice: 0, text: text() };
                events.push(if *thinks { thought } else { Event::Text { choice: 0, text: text() } });
                continue;
            };
            if *count == 0 {
                let (id, name) = (format!("id{who}").into(), format!("f{who}").into());
                events.push(Event::ToolStart { choice: 0, call: *who, id, name, signature: None });
            } else if let Some(piece) = pieces.get(*count - 1) {
                events.push(Event::ToolArguments { choice: 0, call: *who, json: (*piece).into() });
            }
            *count += 1;
        }
        events.extend([Event::Finish { choice: 0, reason: Finish::Tools, stop: None }, Event::End]);
        events
    })
}

/// What was said, however it was cut: texts and thoughts joined, names and arguments by the call's id.
#[derive(Debug, Default, PartialEq)]
struct Said {
    text: String,
    thoughts: String,
    calls: BTreeMap<String, (String, String)>,
    ids: BTreeMap<u32, String>,
}

impl Said {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Text { text, .. } => self.text.push_str(text),
            Event::Thinking { text, .. } => self.thoughts.push_str(text),
            Event::ToolStart { call, id, name, .. } => {
                assert_eq!(self.ids.insert(*call, id.to_string()), None);
                self.calls.insert(id.to_string(), (name.to_string(), String::new()));
            }
            Event::ToolArguments { call, json, .. } => {
                self.calls.get_mut(&self.ids[call]).unwrap().1.push_str(json);
            }
            _ => {}
        }
    }

    /// Indices count the calls in the order of their beginning.
    fn without_indices(mut self) -> Self {
        self.ids.clear();
        self
    }

    /// Arguments as a whole answer has them.
    fn in_whole_answer(mut self) -> Self {
        for (_, arguments) in self.calls.values_mut() {
            if arguments.is_empty() {
                "{}".clone_into(arguments);
            } else if serde_json::from_str::<Value>(arguments).is_err() {
                *arguments = json!({"INVALID_JSON": &arguments}).to_string();
            }
        }
        self
    }
}

proptest! {
    #[test]
    fn any_split_of_a_stream_reads_the_same(cuts in prop::collection::vec(0_usize..4_000, 0..9)) {
        for scene in STREAMS {
            let body = golden(scene, "stream.txt");
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % body.len()).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|ends| &body[ends[0]..ends[1]]).collect();
            prop_assert_eq!(read_stream(&pieces), read_stream(&[&body]));
        }
    }

    #[test]
    fn fragments_that_interleave_stay_with_their_call(events in interleaved()) {
        let (mut wanted, mut read, mut whole) = (Said::default(), Said::default(), Said::default());
        let mut writer = response::Writer::default();
        for event in &events {
            wanted.event(event);
            writer.event(event);
        }
        let out = write_stream(&events);
        each_of_stream(&[&out], &mut |event| read.event(&event));
        let wanted = wanted.without_indices();
        prop_assert_eq!(&read.without_indices(), &wanted);
        response::decode(&writer.finish(), &mut |event| whole.event(&event)).unwrap();
        prop_assert_eq!(whole.without_indices(), wanted.in_whole_answer());
        let mut open = None;
        for data in String::from_utf8(out).unwrap().lines().filter_map(|line| line.strip_prefix("data: ")) {
            let event: Value = serde_json::from_str(data).unwrap();
            match event["type"].as_str().unwrap() {
                "content_block_start" => prop_assert_eq!(open.replace(event["index"].clone()), None),
                "content_block_delta" => prop_assert_eq!(open.as_ref(), Some(&event["index"])),
                "content_block_stop" => prop_assert_eq!(open.take(), Some(event["index"].clone())),
                _ => prop_assert_eq!(&open, &None),
            }
        }
    }

    #[test]
    fn usage_is_told_to_the_token(fresh in 0_u64..1 << 40, cached in 0_u64..1 << 40, written in 0_u64..1 << 40, completion in any::<u32>()) {
        let completion = u64::from(completion);
        let told = json!({"input_tokens": fresh, "cache_creation_input_tokens": written,
            "cache_read_input_tokens": cached, "output_tokens": completion});
        let body = json!({"content": [], "usage": told}).to_string();
        let mut usage = None;
        response::decode(body.as_bytes(), &mut |event| if let Event::Usage(told) = event { usage = Some(told) }).unwrap();
        let prompt = fresh + cached + written;
        let expected = Usage { prompt, completion, total: prompt + completion, cached, written, reasoning: 0 };
        prop_assert_eq!(usage, Some(expected));
        let back: Value = serde_json::from_slice(&rewrite_whole(body.as_bytes())).unwrap();
        prop_assert_eq!(&back["usage"], &told);
    }

    #[test]
    fn bytes_of_any_kind_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..64), at in 0_usize..3_000, scene in 0_usize..5) {
        let spoilt = |file: &str, scene: &str| {
            let mut body = golden(scene, file);
            let at = at % body.len();
            let end = (at + bytes.len() / 4).min(body.len());
            body.splice(at..end, bytes.iter().copied());
            body
        };
        let mut seen = 0_usize;
        for body in [bytes.clone(), spoilt("response.json", WHOLE[scene]), spoilt("request.json", STREAMS[scene])] {
            let _ = response::decode(&body, &mut |_| seen += 1);
            if let Ok(chat) = request::decode(&body) {
                let mut dropped = Dropped::default();
                let _ = request::encode(&chat, &request::Settings::default(), &mut dropped);
            }
            let _ = headgate_core::wire::anthropic::error::decode(&body);
        }
        let mut decoder = stream::Decoder::default();
        let mut encoder = stream::Encoder::default();
        let mut out = Vec::new();
        let _ = decoder.event(&bytes, &mut |_| {});
        let body = spoilt("stream.txt", STREAMS[scene]);
        EventParser::default().feed(&body, |event| {
            let _ = decoder.event(event.data, &mut |event| encoder.event(&event, &mut out));
        }).unwrap();
    }
}
