//! Every dialect's streams, told in every other: any split tells the same, and an end is an end.

use std::fs;
use std::path::PathBuf;

use headgate_core::wire::openai::stream::{Framing, Outcome, Stop};
use headgate_core::wire::openai_chat::response::Reply;
use headgate_core::wire::translate::{Decode, Encode, Form, Translation};
use headgate_core::wire::{anthropic, bedrock, gemini, ollama, openai_chat, responses};
use proptest::prelude::*;

mod support;

/// What providers speak: the dialects, Converse, and Anthropic's events in Bedrock's chunks.
const SOURCES: [&str; 7] = ["anthropic", "gemini", "ollama", "openai_chat", "responses", "bedrock", "chunks"];
const DIALECTS: [&str; 5] = ["anthropic", "gemini", "ollama", "openai_chat", "responses"];

fn form(dialect: &str) -> Form {
    match dialect {
        "ollama" => Form::Lines,
        "bedrock" | "chunks" => Form::Frames,
        _ => Form::Sse,
    }
}

fn decoder(dialect: &str) -> Box<dyn Decode> {
    match dialect {
        "anthropic" => Box::new(anthropic::stream::Decoder::default()),
        "bedrock" => Box::new(bedrock::stream::Decoder::default()),
        "chunks" => Box::new(anthropic::stream::Chunks::default()),
        "gemini" => Box::new(gemini::stream::Decoder::default()),
        "ollama" => Box::new(ollama::stream::Decoder::default()),
        "responses" => Box::new(responses::stream::Decoder::default()),
        _ => Box::new(openai_chat::stream::Decoder::default()),
    }
}

fn encoder(dialect: &str) -> Box<dyn Encode> {
    match dialect {
        "anthropic" => Box::new(anthropic::stream::Encoder::default()),
        "gemini" => Box::new(gemini::stream::Encoder::new(gemini::stream::Form::Sse)),
        "ollama" => Box::new(ollama::stream::Encoder::new(ollama::Endpoint::Chat)),
        "responses" => Box::new(responses::stream::Encoder::new(&responses::response::Reply::default())),
        _ => Box::new(openai_chat::stream::Encoder::new(&Reply { include_usage: true, ..Reply::default() })),
    }
}

/// The streams of a dialect's golden scenes, with the names of the scenes.
fn scenes(dialect: &str) -> Vec<(String, Vec<u8>)> {
    let folder = if dialect == "chunks" { "anthropic" } else { dialect };
    let home = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(folder);
    let mut found: Vec<(String, Vec<u8>)> = fs::read_dir(home)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|scene| {
            let name = scene.file_name().to_string_lossy().into_owned();
            let stream = fs::read_to_string(scene.path().join("stream.txt")).ok()?;
            let bytes = match dialect {
                "bedrock" => support::frames::converse(&stream),
                "chunks" => support::frames::chunks(&stream),
                _ => stream.into_bytes(),
            };
            Some((name, bytes))
        })
        .collect();
    found.sort();
    found
}

fn told(from: &str, to: &str, pieces: &[&[u8]]) -> (Vec<u8>, Outcome, Option<Stop>) {
    let mut translation = Translation::new(form(from), decoder(from), encoder(to), Framing::Raw);
    let mut out = Vec::new();
    for piece in pieces {
        translation.feed(piece, &mut out);
    }
    let outcome = translation.finish(true, &mut out);
    (out, outcome, translation.facts().stop())
}

/// The text of a stream, thoughts and arguments included.
fn text(dialect: &str, stream: &[u8]) -> String {
    let mut translation = Translation::new(form(dialect), decoder(dialect), encoder(dialect), Framing::Raw);
    translation.feed(stream, &mut Vec::new());
    String::from_utf8_lossy(translation.facts().text()).into_owned()
}

#[test]
fn whole_streams_end_in_every_dialect_and_broken_ones_in_none() {
    let mut streams = 0;
    for from in SOURCES {
        for (name, stream) in scenes(from) {
            for to in DIALECTS {
                let (out, outcome, stop) = told(from, to, &[&stream]);
                let broken = name.starts_with("error");
                assert_eq!(outcome == Outcome::Truncated, broken, "{from}/{name} in {to}");
                assert_eq!(stop == Some(Stop::ErrorEvent), broken, "{from}/{name} in {to}");
                assert!(!out.is_empty() || broken, "{from}/{name} in {to}");
                streams += 1;
            }
        }
    }
    assert!(streams >= 7 * 5 * 3, "{streams}");
}

#[test]
fn chunks_tell_what_the_events_in_them_do() {
    for (plain, chunked) in scenes("anthropic").into_iter().zip(scenes("chunks")) {
        for to in DIALECTS {
            let expected = told("anthropic", to, &[&plain.1]);
            assert_eq!(told("chunks", to, &[&chunked.1]), expected, "{} in {to}", plain.0);
        }
    }
}

#[test]
fn frames_that_fail_or_break_off_are_no_quiet_end() {
    let (_, stream) =
        scenes("bedrock").into_iter().find(|(name, _)| name == "text_stream").unwrap_or_default();
    let error = [(":message-type", "error"), (":error-code", "InternalFailure"), (":error-message", "oh")];
    let failed = [support::frames::frame(&error, b""), stream.clone()].concat();
    assert_eq!(told("bedrock", "anthropic", &[&failed]).2, Some(Stop::ErrorEvent));
    assert_eq!(told("bedrock", "anthropic", &[&stream]).1, Outcome::Complete);
    assert_eq!(told("bedrock", "anthropic", &[&stream[..stream.len() - 1]]).1, Outcome::Truncated);
    let garbage = [&stream[..], b"HTTP/1.1 500 what is this"].concat();
    assert_eq!(told("bedrock", "anthropic", &[&garbage]).2, Some(Stop::Garbage));
}

#[test]
fn what_was_told_is_told_back_the_same() {
    for from in DIALECTS {
        for (name, stream) in scenes(from).into_iter().filter(|(name, _)| name.starts_with("text")) {
            for by in DIALECTS {
                let (there, ..) = told(from, by, &[&stream]);
                let (back, outcome, _) = told(by, from, &[&there]);
                assert_eq!(outcome, Outcome::Complete, "{from}/{name} by {by}");
                assert_eq!(text(from, &back), text(from, &stream), "{from}/{name} by {by}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_split_tells_the_same(cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..6)) {
        for from in SOURCES {
            for (name, stream) in scenes(from) {
                let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
                at.sort_unstable();
                let mut pieces = Vec::new();
                let mut rest = &stream[..];
                for cut in at.iter().rev() {
                    let (head, tail) = rest.split_at(*cut);
                    pieces.push(tail);
                    rest = head;
                }
                pieces.push(rest);
                pieces.reverse();
                for to in DIALECTS {
                    prop_assert_eq!(told(from, to, &pieces), told(from, to, &[&stream]), "{}/{} in {}", from, name, to);
                }
            }
        }
    }
}
