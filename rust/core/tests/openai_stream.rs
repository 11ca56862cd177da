//! The stream relay against every split: payload, chunks, facts.
#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::time::Instant;

use headgate_core::http1::{Limits, ResponseReader};
use headgate_core::usage::Usage;
use headgate_core::wire::openai::stream::{
    Framing, MAX_TEXT_BYTES, Outcome, Settings, Stop, StreamRelay, comment, end,
};
use proptest::prelude::*;

const ROLE: &str = r#"data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}"#;
const WORD: &str = r#"data: {"id":"c","choices":[{"index":0,"delta":{"content":" wörd \"\n\u00e9\ud83c\udf89"},"finish_reason":null}],"usage":null}"#;
const STOP: &str =
    r#"data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#;
const USAGE: &str =
    r#"data: {"id":"c","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#;
const DONE: &str = "data: [DONE]";
const PING: &str = ": PROCESSING";

fn raw() -> Settings {
    Settings { framing: Framing::Raw, client_wants_usage: true, done_required: true }
}

fn chunked() -> Settings {
    Settings { framing: Framing::Chunked, ..raw() }
}

/// Everything an owner sees of a stream.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    payload: Vec<u8>,
    outcome: Outcome,
    stop: Option<Stop>,
    events: u64,
    committed: bool,
    finished: bool,
    usage: Option<Usage>,
    error: Option<Vec<u8>>,
    text: Vec<u8>,
    text_bytes: u64,
}

fn relay(relay: &mut StreamRelay, framing: Framing, pieces: &[&[u8]]) -> Seen {
    let mut payload = Vec::new();
    let mut take = |out: &mut Vec<u8>| {
        payload.extend_from_slice(&match framing {
            Framing::Raw => out.clone(),
            Framing::Chunked => dechunk(out),
        });
        out.clear();
    };
    let mut out = Vec::new();
    for piece in pieces {
        relay.feed(piece, &mut out);
        take(&mut out);
    }
    let outcome = relay.finish(true, &mut out);
    take(&mut out);
    Seen {
        payload,
        outcome,
        stop: relay.stop(),
        events: relay.events(),
        committed: relay.committed(),
        finished: relay.finish_reason_seen(),
        usage: relay.usage(),
        error: relay.error_event().map(<[u8]>::to_vec),
        text: relay.text().to_vec(),
        text_bytes: relay.text_bytes(),
    }
}

fn run(settings: Settings, input: &str) -> Seen {
    relay(&mut StreamRelay::new(settings), settings.framing, &[input.as_bytes()])
}

/// Decodes at most one whole chunk, by the reader that is tested elsewhere.
fn dechunk(out: &[u8]) -> Vec<u8> {
    let mut reader = ResponseReader::new(Limits::default());
    reader.feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", |_, _| {}).unwrap();
    let (mut body, mut pieces) = (Vec::new(), 0);
    let mut sink = |bytes: &[u8]| {
        body.extend_from_slice(bytes);
        pieces += 1;
    };
    reader.feed(out, |_, bytes| sink(bytes)).unwrap();
    assert!(pieces <= 1 && !reader.is_done(), "one read is one chunk");
    reader.feed(b"0\r\n\r\n", |_, _| {}).unwrap();
    assert!(reader.is_done());
    body
}

fn cut<'a>(input: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut points: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
    points.extend([0, input.len()]);
    points.sort_unstable();
    points.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect()
}

fn block() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(WORD.to_owned()),
        1 => prop::sample::select(vec![ROLE, STOP, USAGE, PING, "", "event: x", "data: {\"a\":\nid: 1\ndata: 1}"])
            .prop_map(str::to_owned),
        1 => "\\PC{0,60}".prop_map(|text| format!(
            "data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"function\":{{\"arguments\":{}}}}}]}}}}]}}",
            serde_json::to_string(&text).unwrap()
        )),
    ]
}

prop_compose! {
    fn stream()(
        bom in any::<bool>(),
        blocks in prop::collection::vec(block(), 0..12),
        last in prop::sample::select(vec![
            "data: [DONE]", "data: [DONE]\n\n", "data: {\"error\":{\"message\":\"m\"}}\n\n", "data: oops\n\n", "", "data: {\"cut",
        ]),
        after in prop::sample::select(vec!["", "data: {}\n\n"]),
        line_end in prop::sample::select(vec!["\n", "\r", "\r\n"]),
    ) -> String {
        let mut text = if bom { "\u{feff}".to_owned() } else { String::new() };
        for block in blocks {
            text += &block;
            text += "\n\n";
        }
        if last.ends_with('\n') {
            text += last;
            text += after;
        } else {
            text += last;
        }
        text.replace('\n', line_end)
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        input in stream(),
        cuts in prop::collection::vec(any::<usize>(), 0..30),
        client_wants_usage: bool,
    ) {
        let settings = Settings { client_wants_usage, ..raw() };
        let whole = run(settings, &input);
        for settings in [settings, Settings { framing: Framing::Chunked, ..settings }] {
            for pieces in [cut(input.as_bytes(), &cuts), input.as_bytes().chunks(1).collect()] {
                let seen = relay(&mut StreamRelay::new(settings), settings.framing, &pieces);
                prop_assert_eq!(&seen, &whole);
            }
        }
    }

    #[test]
    fn payload_is_the_upstreams_up_to_the_end(input in stream(), cuts in prop::collection::vec(any::<usize>(), 0..30)) {
        let seen = relay(&mut StreamRelay::new(chunked()), Framing::Chunked, &cut(input.as_bytes(), &cuts));
        let lenient = seen.payload.strip_suffix(b"\n\n").unwrap_or(&seen.payload);
        prop_assert!(input.as_bytes().starts_with(&seen.payload) || input.as_bytes() == lenient);
        if seen.stop.is_none() {
            let held = &input.as_bytes()[seen.payload.len()..];
            let unfinished = held.is_empty() || held.ends_with(b"data: {\"cut") || held == b"\xef\xbb\xbf";
            prop_assert!(unfinished, "only an unfinished event is held");
        }
    }

    #[test]
    fn events_that_pass_in_parts_give_the_same(
        blocks in prop::collection::vec(prop::sample::select(vec![WORD, STOP, USAGE]), 1..6),
        cuts in prop::collection::vec(any::<usize>(), 0..30),
        max_held in 40_usize..200,
    ) {
        let input = blocks.join("\n\n") + "\n\n" + DONE + "\n\n";
        let whole = run(raw(), &input);
        let mut parts = StreamRelay::holding(chunked(), max_held);
        let seen = relay(&mut parts, Framing::Chunked, &cut(input.as_bytes(), &cuts));
        prop_assert_eq!(std::str::from_utf8(&seen.payload).unwrap(), input);
        prop_assert_eq!((seen.outcome, seen.events, seen.finished, seen.usage),
            (whole.outcome, whole.events, whole.finished, whole.usage));
        prop_assert!(!parts.mid_event());
    }

    #[test]
    fn what_is_remembered_of_events_changes_nothing(
        picks in prop::collection::vec((0..5_usize, 0..3_usize, "[a-z]{0,3}", prop::sample::select(vec![
            "", ",\"usage\":null", ",\"usage\":{\"prompt_tokens\":4}", ",\"finish_reason\":\"stop\"", ",\"pad\":\"x\"",
        ])), 1..12),
    ) {
        let before = ["", "\"id\":1,", "\"finish_reason\":null,", "\"usage\":{\"prompt_tokens\":7},", "\"finish_reason\":\"length\","];
        let events: Vec<String> = picks.iter().map(|(head, kind, word, tail)| {
            let body = match kind {
                0 => format!("\"delta\":{{\"content\":\"{word}\"}}"),
                1 => format!("\"text\":\"{word}\""),
                _ => format!("\"delta\":{{\"content\":\"{word}\"}},\"more\":{{\"delta\":{{\"content\":\"+\"}}}}"),
            };
            format!("data: {{{}{body}{tail}}}\n\n", before[*head])
        }).collect();
        let mut together = StreamRelay::new(raw());
        let (mut text, mut usage, mut committed, mut finished) = (Vec::new(), None, false, false);
        for event in &events {
            let alone = run(raw(), event);
            text.extend(alone.text);
            usage = alone.usage.or(usage);
            committed |= alone.committed;
            finished |= alone.finished;
            together.feed(event.as_bytes(), &mut Vec::new());
            prop_assert_eq!(together.text(), &text);
            prop_assert_eq!((together.usage(), together.committed(), together.finish_reason_seen()), (usage, committed, finished));
        }
    }

    #[test]
    fn noise_never_breaks_it(noise in prop::collection::vec(prop::sample::select(b"data: {}[]\",\\u\n\r:delta".to_vec()), 0..200)) {
        for text in [noise.clone(), [b"data: {\"delta\":{\"content\":", noise.as_slice(), b"}\n\n"].concat()] {
            let whole = relay(&mut StreamRelay::new(raw()), Framing::Raw, &[&text]);
            let bytes: Vec<&[u8]> = text.chunks(1).collect();
            prop_assert_eq!(relay(&mut StreamRelay::new(raw()), Framing::Raw, &bytes), whole);
        }
    }
}

#[test]
fn a_usual_stream_passes_whole() {
    let input = [ROLE, WORD, PING, WORD, STOP, USAGE, DONE, ""].join("\n\n");
    let seen = run(chunked(), &input);
    let word = " wörd \"\né🎉";
    assert_eq!(
        seen,
        Seen {
            payload: input.into_bytes(),
            outcome: Outcome::Complete,
            stop: Some(Stop::Done),
            events: 5,
            committed: true,
            finished: true,
            usage: Some(Usage { prompt: 9, completion: 3, total: 12, ..Usage::default() }),
            error: None,
            text: word.repeat(2).into_bytes(),
            text_bytes: 2 * word.len() as u64,
        }
    );
}

#[test]
fn only_the_unasked_usage_chunk_is_dropped() {
    let settings = Settings { client_wants_usage: false, ..raw() };
    let with_choice = WORD.replace("null}", r#"{"prompt_tokens":1,"completion_tokens":1}}"#);
    let input = [ROLE, &with_choice, STOP, USAGE, DONE, ""].join("\n\n");
    let seen = run(settings, &input);
    assert_eq!(std::str::from_utf8(&seen.payload).unwrap(), input.replace(&format!("{USAGE}\n\n"), ""));
    assert_eq!(seen.usage.unwrap().total, 12);
    let filters = "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
    assert_eq!(run(settings, filters).payload, filters.as_bytes());
}

#[test]
fn whole_events_leave_in_the_pass_of_their_last_byte() {
    let mut relay = StreamRelay::new(raw());
    let event = format!("{WORD}\n\n");
    let (held, last) = event.as_bytes().split_at(event.len() - 1);
    let mut out = Vec::new();
    relay.feed(held, &mut out);
    assert!(out.is_empty() && relay.events() == 0);
    relay.feed(last, &mut out);
    assert_eq!(out, event.as_bytes());
}

#[test]
fn one_pass_leaves_as_one_chunk() {
    let mut relay = StreamRelay::new(chunked());
    let events = [ROLE, WORD, ""].join("\n\n");
    let mut out = b"head".to_vec();
    relay.begin(events.len() + WORD.len());
    relay.push(events.as_bytes(), &mut out);
    relay.push(WORD.as_bytes(), &mut out);
    relay.flush(&mut out);
    assert_eq!(out, format!("head{:x}\r\n{events}\r\n", events.len()).as_bytes());
    out.clear();
    relay.begin(1);
    relay.push(b"\n", &mut out);
    relay.flush(&mut out);
    assert!(out.is_empty(), "no empty chunk, which would end the body");
}

#[test]
fn a_wrong_bound_costs_time_not_truth() {
    let mut relay = StreamRelay::new(chunked());
    let events = format!("{WORD}\n\n");
    let mut out = Vec::new();
    relay.begin(1);
    relay.push(events.as_bytes(), &mut out);
    relay.flush(&mut out);
    assert_eq!(out, format!("{:x}\r\n{events}\r\n", events.len()).as_bytes());
}

#[test]
fn content_commits_and_silence_does_not() {
    let delta = |delta: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n");
    let table = [
        (r#"{"role":"assistant","content":""}"#, false, ""),
        (r#"{"role":"assistant","content":null,"tool_calls":[]}"#, false, ""),
        (r"{}", false, ""),
        (r#"{"unknown":"content"}"#, false, ""),
        (r#"{"unknown":{"content":"x"}}"#, false, ""),
        (r#"{ "content" : "a" }"#, true, "a"),
        (r#"{"role":"assistant","reasoning_content":"b"}"#, true, "b"),
        (r#"{"reasoning":"c","content":null}"#, true, "c"),
        (r#"{"refusal":"d"}"#, true, "d"),
        (
            r#"{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}"#,
            true,
            "f",
        ),
        (r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"q\":1}"}}]}"#, true, r#"{"q":1}"#),
        (r#"{"audio":{"id":"a","data":"AAAA","transcript":"hi"}}"#, true, "hi"),
        (r#"{"content":[{"type":"text","text":"part"}]}"#, true, "part"),
        (r#"{"content":"\ud83c\udf89\u00e9\/\\\ud83cx"}"#, true, "🎉é/\\\u{fffd}x"),
        (r#"{"a":[1,2,{"b":[]}],"content":"z"}"#, true, "z"),
    ];
    for (text, committed, produced) in table {
        let seen = run(raw(), &delta(text));
        assert_eq!((seen.committed, seen.events), (committed, 1), "{text}");
        assert_eq!(std::str::from_utf8(&seen.text).unwrap(), produced, "{text}");
        assert_eq!(seen.text_bytes, produced.len() as u64, "{text}");
    }
    let completion = |text: &str| run(raw(), &format!("data: {{\"choices\":[{{\"text\":{text}}}]}}\n\n"));
    assert!(!completion("\"\"").committed);
    assert_eq!(completion("\"legacy\"").text, b"legacy");
    let two = r#"data: {"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}"#;
    assert_eq!(run(raw(), &format!("{two}\n\n")).text, b"ab");
    assert!(run(raw(), &format!("{STOP}\n\n")).committed);
}

#[test]
fn what_is_no_chat_event_ends_the_stream() {
    let error = r#"{"error":{"message":"overloaded","code":529}}"#;
    let before = format!("{ROLE}\n\n");
    let table = [
        (format!("data: {error}"), Stop::ErrorEvent),
        (format!("event: error\ndata: {error}"), Stop::ErrorEvent),
        ("event: error\ndata: {\"message\":\"no\"}".to_owned(), Stop::ErrorEvent),
        ("data: {\"error\":\"plain\"}".to_owned(), Stop::ErrorEvent),
        ("data: <html>".to_owned(), Stop::Garbage),
        ("data: {\"cut\":".to_owned(), Stop::Garbage),
        ("data: []".to_owned(), Stop::Garbage),
        ("data:".to_owned(), Stop::Garbage),
    ];
    for (event, stop) in table {
        let seen = run(raw(), &format!("{before}{event}\n\n{WORD}\n\n{DONE}\n\n"));
        assert_eq!((seen.stop, seen.outcome), (Some(stop), Outcome::Truncated), "{event}");
        assert_eq!(seen.payload, before.as_bytes(), "{event}");
        assert_eq!(seen.error.is_some(), stop == Stop::ErrorEvent, "{event}");
        assert!(!seen.committed, "{event}");
    }
    for event in [r#"data: {"error":null,"choices":[]}"#, r#"data: {"choices":[{"error":{"a":1}}]}"#] {
        assert_eq!(run(raw(), &format!("{event}\n\n")).stop, None, "{event}");
    }
    let long = format!("data: {{\"error\":{{\"message\":\"{}\"}}}}\n\n", "x".repeat(9000));
    assert_eq!(run(raw(), &long).error.unwrap().len(), 8192);
}

#[test]
fn a_stream_without_its_terminal_event_is_cut() {
    let open = [ROLE, WORD, STOP, ""].join("\n\n");
    assert_eq!(run(raw(), &open).outcome, Outcome::Truncated);
    let excused = Settings { done_required: false, ..raw() };
    assert_eq!(run(excused, &open).outcome, Outcome::Complete);
    assert_eq!(run(excused, &[ROLE, WORD, ""].join("\n\n")).outcome, Outcome::Truncated);
    assert_eq!(StreamRelay::new(excused).finish(false, &mut Vec::new()), Outcome::Truncated);
    assert_eq!(run(raw(), "").outcome, Outcome::Truncated);
}

#[test]
fn a_last_done_without_its_empty_line_counts() {
    for end in ["data: [DONE]", "data: [DONE]\n", "data: [DONE]\r\n"] {
        let seen = run(chunked(), &format!("{WORD}\n\n{end}"));
        assert_eq!(seen.outcome, Outcome::Complete, "{end:?}");
        assert_eq!(seen.payload, format!("{WORD}\n\n{end}\n\n").as_bytes(), "{end:?}");
    }
    let mut relay = StreamRelay::new(raw());
    relay.feed(b"data: [DONE]", &mut Vec::new());
    assert_eq!(relay.finish(false, &mut Vec::new()), Outcome::Truncated, "the connection broke");
}

#[test]
fn comments_and_ends_are_framed() {
    let mut out = Vec::new();
    comment(Framing::Chunked, &mut out);
    end(Framing::Chunked, &mut out);
    assert_eq!(out, b"e\r\n: keep-alive\n\n\r\n0\r\n\r\n");
    out.clear();
    comment(Framing::Raw, &mut out);
    end(Framing::Raw, &mut out);
    assert_eq!(out, b": keep-alive\n\n");
}

fn long_event(bytes: usize) -> String {
    format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}},\"finish_reason\":\"stop\"}}],\"usage\":{{\"prompt_tokens\":1,\"completion_tokens\":2}}}}\n\n",
        "x".repeat(bytes)
    )
}

#[test]
fn a_long_event_passes_in_parts() {
    let event = long_event(200_000);
    let mut relay = StreamRelay::new(raw());
    let mut out = Vec::new();
    for piece in event.as_bytes()[..100_000].chunks(1000) {
        relay.feed(piece, &mut out);
    }
    assert_eq!(out.len(), 100_000, "what came is passed");
    assert!(relay.mid_event() && relay.committed());
    relay.feed(&event.as_bytes()[100_000..], &mut out);
    assert!(!relay.mid_event());
    assert_eq!(out, event.as_bytes());
    assert_eq!((relay.events(), relay.finish_reason_seen()), (1, true));
    assert_eq!(relay.usage().map(|usage| usage.total), Some(3));
    assert_eq!((relay.text().len(), relay.text_bytes()), (MAX_TEXT_BYTES, 200_000));
}

#[test]
fn long_events_are_judged_too() {
    let error = format!("data: {{\"error\":{{\"message\":\"{}\"}}}}\n\n", "x".repeat(100_000));
    for (event, stop) in
        [(error.as_str(), Stop::ErrorEvent), (&error.replace("{\"error", "x"), Stop::Garbage)]
    {
        let mut one = StreamRelay::new(raw());
        let seen = relay(&mut one, Framing::Raw, &event.as_bytes().chunks(4096).collect::<Vec<_>>());
        assert_eq!((seen.stop, seen.payload.len()), (Some(stop), 0));
    }
    let unclosed = long_event(100_000).replace("}\n\n", "\n\n") + WORD + "\n\n";
    let seen = relay(
        &mut StreamRelay::new(raw()),
        Framing::Raw,
        &unclosed.as_bytes().chunks(4096).collect::<Vec<_>>(),
    );
    assert!(seen.stop.is_none(), "one brace less still ends in a brace: JSON is the client's to judge");
    let broken = long_event(100_000).replace("}}\n\n", "\n\n").replace("2\n\n", "2,\n\n") + WORD + "\n\n";
    let seen = relay(
        &mut StreamRelay::new(raw()),
        Framing::Raw,
        &broken.as_bytes().chunks(4096).collect::<Vec<_>>(),
    );
    assert_eq!(seen.stop, Some(Stop::Garbage));
}

#[test]
fn an_event_beyond_the_limit_ends_the_stream() {
    let event = long_event(17 << 20);
    for size in [1 << 16, event.len()] {
        let mut one = StreamRelay::new(raw());
        let mut out = Vec::new();
        for piece in event.as_bytes().chunks(size) {
            one.feed(piece, &mut out);
        }
        assert_eq!(one.stop(), Some(Stop::TooLarge));
        assert!(out.len() <= 16 << 20);
        assert_eq!(one.mid_event(), !out.is_empty());
    }
}

#[test]
fn a_long_event_takes_linear_time() {
    let elapsed = |bytes: usize| {
        let event = long_event(bytes);
        let mut relay = StreamRelay::new(raw());
        let mut out = Vec::with_capacity(event.len());
        let start = Instant::now();
        for piece in event.as_bytes().chunks(256) {
            relay.feed(piece, &mut out);
        }
        assert_eq!(out.len(), event.len());
        start.elapsed()
    };
    let small = (0..3).map(|_| elapsed(1 << 20)).min().unwrap();
    let large = (0..3).map(|_| elapsed(15 << 20)).min().unwrap();
    assert!(large < small * 15 * 6, "{small:?} for 1 MiB, {large:?} for 15 MiB");
}

#[test]
fn text_is_bounded_and_ends_between_characters() {
    let event = WORD.replace(r#" wörd \"\n\u00e9\ud83c\udf89"#, &"aé".repeat(3000)) + "\n\n";
    let mut relay = StreamRelay::new(raw());
    let mut out = Vec::new();
    for _ in 0..4 {
        relay.feed(event.as_bytes(), &mut out);
    }
    assert_eq!(relay.text_bytes(), 4 * 9000);
    assert!(relay.text().len() <= MAX_TEXT_BYTES && relay.text().len() > MAX_TEXT_BYTES - 4);
    assert!(std::str::from_utf8(relay.text()).is_ok());
    assert!(relay.take_text().is_some());
    assert_eq!(relay.take_text(), None);
    relay.feed(event.as_bytes(), &mut out);
    assert_eq!(relay.text().len(), 9000);
}
