//! Streams that stay in their dialect: every byte as it came, and what they told.

use std::fs;
use std::path::PathBuf;

use headgate_core::wire::conversation::decoder;
use headgate_core::wire::endpoint::{Dialect, Shape};
use headgate_core::wire::openai::stream::{Framing, Outcome, Stop};
use headgate_core::wire::passing::Passing;
use proptest::prelude::*;

const DIALECTS: [Dialect; 4] = [Dialect::Anthropic, Dialect::Gemini, Dialect::Ollama, Dialect::Responses];

/// The streams of a dialect's golden scenes, with the names of the scenes.
fn scenes(dialect: Dialect) -> Vec<(String, Vec<u8>)> {
    let home = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(dialect.name());
    let mut found: Vec<(String, Vec<u8>)> = fs::read_dir(home)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|scene| {
            let name = scene.file_name().to_string_lossy().into_owned();
            fs::read(scene.path().join("stream.txt")).ok().map(|stream| (name, stream))
        })
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{}", dialect.name());
    found
}

struct Told {
    out: Vec<u8>,
    outcome: Outcome,
    stop: Option<Stop>,
    text: Vec<u8>,
    usage: Option<(u64, u64)>,
}

fn passed(dialect: Dialect, shape: Shape, pieces: &[&[u8]], clean: bool) -> Told {
    let mut passing = Passing::new(own_shape(dialect), decoder(dialect, None), shape, Framing::Raw);
    let mut out = Vec::new();
    for piece in pieces {
        passing.feed(piece, &mut out);
    }
    let outcome = passing.finish(clean, &mut out);
    let facts = passing.facts();
    let usage = facts.usage().map(|usage| (usage.prompt, usage.completion));
    Told { out, outcome, stop: facts.stop(), text: facts.text().to_vec(), usage }
}

fn own_shape(dialect: Dialect) -> Shape {
    if dialect == Dialect::Ollama { Shape::Lines } else { Shape::Sse }
}

fn pieces<'a>(stream: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
    at.sort_unstable();
    let mut pieces = Vec::new();
    let mut rest = stream;
    for cut in at.iter().rev() {
        let (head, tail) = rest.split_at(*cut);
        pieces.push(tail);
        rest = head;
    }
    pieces.push(rest);
    pieces.reverse();
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_byte_passes_however_it_is_cut(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        for dialect in DIALECTS {
            for (name, stream) in scenes(dialect) {
                let told = passed(dialect, own_shape(dialect), &pieces(&stream, &cuts), true);
                if name.starts_with("error") {
                    prop_assert_eq!(told.stop, Some(Stop::ErrorEvent), "{}", name);
                    prop_assert!(stream.starts_with(&told.out), "{}", name);
                } else {
                    prop_assert_eq!(told.outcome, Outcome::Complete, "{}", name);
                    // Nothing leaves behind the end, and proxies put something there.
                    let stream = stream.strip_suffix(b"data: [DONE]\n\n").unwrap_or(&stream);
                    prop_assert_eq!(&told.out, stream, "{}", name);
                    prop_assert!(told.usage.is_some_and(|(prompt, _)| prompt > 0), "{}", name);
                }
            }
        }
    }

    #[test]
    fn a_split_array_is_the_same_array(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        for (name, stream) in scenes(Dialect::Gemini) {
            let whole = passed(Dialect::Gemini, Shape::Array, &[&stream], true);
            let cut = passed(Dialect::Gemini, Shape::Array, &pieces(&stream, &cuts), true);
            prop_assert_eq!(&cut.out, &whole.out, "{}", name);
        }
    }
}

#[test]
fn a_stream_s_line_ends_are_its_own() {
    let stream: &[u8] = b"\xef\xbb\xbf: hello\r\n\r\ndata: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"x\":1}]}\r\n\r\ndata: {\"candidates\":[{\"finishReason\":\"STOP\"}],\r\ndata: \"usageMetadata\":{\"promptTokenCount\":3}}\r\n\r\n";
    for at in 0..stream.len() {
        let (head, tail) = stream.split_at(at);
        let told = passed(Dialect::Gemini, Shape::Sse, &[head, tail], true);
        assert_eq!((&told.out[..], told.outcome), (stream, Outcome::Complete), "cut at {at}");
        assert_eq!((&told.text[..], told.usage), (&b"a"[..], Some((3, 0))));
    }
}

#[test]
fn a_last_event_without_its_empty_line_passes_when_the_body_is_whole() {
    let line: &[u8] = br#"{"model":"m","message":{"role":"assistant","content":"a"},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}"#;
    let told = passed(Dialect::Ollama, Shape::Lines, &[line], true);
    assert_eq!((&told.out[..], told.outcome), (line, Outcome::Complete));
    let told = passed(Dialect::Ollama, Shape::Lines, &[line], false);
    assert_eq!((told.out.len(), told.outcome), (0, Outcome::Truncated));
}

#[test]
fn nothing_leaves_before_content_nor_after_an_error() {
    let start: &[u8] = b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":3}}}\n\n";
    let error: &[u8] = b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let told = passed(Dialect::Anthropic, Shape::Sse, &[start], true);
    assert_eq!((told.out.len(), told.outcome, told.stop), (0, Outcome::Truncated, None));
    let told = passed(Dialect::Anthropic, Shape::Sse, &[start, error, start], true);
    assert_eq!((told.out.len(), told.stop), (0, Some(Stop::ErrorEvent)));
    let told = passed(Dialect::Anthropic, Shape::Sse, &[b"data: {]\n\n"], true);
    assert_eq!((told.out.len(), told.stop), (0, Some(Stop::Garbage)));
}

#[test]
fn what_no_other_dialect_has_is_content_too() {
    let anthropic: [&[u8]; 3] = [
        b"data: {\"type\":\"message_start\",\"message\":{}}\n\n",
        b"data: {\"type\":\"ping\"}\n\n",
        b"data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}}}\n\n",
    ];
    let responses: [&[u8]; 3] = [
        b"data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n",
        b"data: {\"type\":\"response.in_progress\",\"response\":{\"id\":\"r\"}}\n\n",
        b"data: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"web_search_call\",\"id\":\"w\",\"status\":\"in_progress\"}}\n\n",
    ];
    for (dialect, events) in [(Dialect::Anthropic, anthropic), (Dialect::Responses, responses)] {
        assert_eq!(passed(dialect, Shape::Sse, &events[..2], true).out, b"");
        assert_eq!(passed(dialect, Shape::Sse, &events, true).out, events.concat());
    }
}
