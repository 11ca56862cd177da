//! Every golden scene in every other dialect, byte for byte: what the provider's answer is told as, and what its
//! request is asked as.
//!
//! `make golden` writes the files anew; then the diff is read.
#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

#[path = "support/scenes.rs"]
mod scenes;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use headgate_core::sse::EventParser;
use headgate_core::wire::bedrock;
use headgate_core::wire::conversation::{
    self, Asked, Fault, Speech, Voice, decoder, encoder, gatherer, push_stream_error, read_error,
};
use headgate_core::wire::endpoint::{Dialect, Endpoint};
use headgate_core::wire::lines::Lines;
use headgate_core::wire::manner::Manner;
use headgate_core::wire::model::Event;
use headgate_core::wire::translate::Form;
use scenes::{Scene, scenes};

/// Who asks: the name of their files, and where they ask.
const CALLERS: [(&str, Endpoint); 5] = [
    ("openai_chat", Endpoint::Chat),
    ("responses", Endpoint::Responses),
    ("anthropic", Endpoint::Messages),
    ("gemini", Endpoint::StreamGenerate),
    ("ollama", Endpoint::OllamaChat),
];

/// Who is asked: the name of their files, their dialect, a model of theirs.
const PROVIDERS: [(&str, Dialect, &str); 6] = [
    ("openai_chat", Dialect::OpenAi, "gpt-5.1"),
    ("responses", Dialect::Responses, "gpt-5.1"),
    ("anthropic", Dialect::Anthropic, "claude-sonnet-4-5"),
    ("gemini", Dialect::Gemini, "gemini-2.5-flash"),
    ("ollama", Dialect::Ollama, "qwen3"),
    ("bedrock", Dialect::Bedrock, "eu.anthropic.claude-sonnet-4-20250514-v1:0"),
];

const VOICE: Voice<'_> = Voice {
    id: "0193a1b2c3d4",
    model: "asked-for",
    created_s: 1_700_000_000,
    include_usage: true,
    source: None,
};

/// The files that a scene must have, and no others beside them.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The provider's error as the gateway answers it: its own words where the request is to blame.
fn fault<'a>(scene: &Scene, message: &'a str, kind: Option<&'a str>, code: Option<&'a str>) -> Fault<'a> {
    let (status, kind, code) = match scene.dialect {
        Dialect::Anthropic => {
            (404, kind.unwrap_or("invalid_request_error"), code.or(Some("upstream_refused")))
        }
        Dialect::Gemini => (400, kind.unwrap_or("invalid_request_error"), code.or(Some("upstream_refused"))),
        Dialect::Bedrock => (429, "rate_limit_error", Some("upstream_rate_limited")),
        _ => (502, "upstream_error", Some("upstream_server_error")),
    };
    Fault { status, message, kind, param: None, code }
}

fn whole(scene: &Scene, body: &[u8], to: Endpoint) -> Vec<u8> {
    let mut gathered = gatherer(to.dialect(), Voice { source: Some(scene.dialect), ..VOICE });
    let mut failed = false;
    let read = conversation::tell(scene.dialect, body, None, &mut |event| {
        failed |= matches!(event, Event::Error { .. });
        gathered.event(&event);
    });
    assert!(read.is_ok(), "{}", scene.name);
    if !failed {
        return gathered.finish();
    }
    let error = read_error(scene.dialect, body).unwrap();
    let fault = fault(scene, &error.message, error.kind.as_deref(), error.code.as_deref());
    conversation::error_body(to.dialect(), &fault)
}

/// Tells a stream; what comes behind an error is not told, as the gateway does it.
fn streamed(scene: &Scene, stream: &[u8], to: Endpoint) -> Vec<u8> {
    let mut encoder = encoder(to.dialect(), to.shape(), Voice { source: Some(scene.dialect), ..VOICE });
    let (mut out, mut error) = (Vec::new(), None);
    let mut each = |event: Event<'_>| match event {
        Event::Error { message, .. } => error = Some(message.into_owned()),
        event => encoder.event(&event, &mut out),
    };
    if scene.dialect == Dialect::Bedrock {
        let mut decoder = bedrock::stream::Decoder::default();
        for line in String::from_utf8_lossy(stream).lines() {
            let (name, data) = line.split_once(' ').unwrap();
            decoder.event(name, data.as_bytes(), &mut each).unwrap();
        }
        decoder.end(&mut each);
    } else {
        let mut decoder = decoder(scene.dialect, None);
        let mut one = |data: &[u8]| decoder.event(data, &mut each).unwrap();
        if (Speech { dialect: scene.dialect, host: None }).form() == Form::Lines {
            Lines::default().feed(stream, &mut one).unwrap();
        } else {
            EventParser::default().feed(stream, |event| one(event.data)).unwrap();
        }
        decoder.end(&mut each);
    }
    if let Some(message) = error {
        let (kind, code) = ("upstream_error", Some("upstream_server_error"));
        let fault = Fault { status: 0, message: &message, kind, param: None, code };
        let begun = !out.is_empty();
        push_stream_error(to, &fault, begun, &mut out);
    }
    out
}

fn told(scene: &Scene, files: &mut Files) {
    for (name, to) in CALLERS {
        if to.dialect() == scene.dialect {
            continue;
        }
        if let Some(stream) = scene.read("stream.txt") {
            files.insert(PathBuf::from(format!("told/{name}.txt")), streamed(scene, &stream, to));
        }
        if let Some(body) = scene.read("response.json") {
            files.insert(PathBuf::from(format!("told/{name}.json")), whole(scene, &body, to));
        }
    }
}

fn asked(scene: &Scene, files: &mut Files) {
    let Some((endpoint, body)) = scene.endpoint().zip(scene.read("request.json")) else { return };
    for (name, to, model) in PROVIDERS {
        if to == scene.dialect {
            continue;
        }
        let manner = Manner { model: model.to_owned(), ..Manner::default() };
        match conversation::say(&Asked { endpoint, body: &body, model: "gemini-2.5-flash" }, to, &manner) {
            Ok(said) => {
                files.insert(PathBuf::from(format!("asked/{name}.json")), said.body);
                if !said.dropped.0.is_empty() {
                    let lines = said.dropped.0.join("\n") + "\n";
                    files.insert(PathBuf::from(format!("asked/{name}.dropped")), lines.into_bytes());
                }
            }
            Err(refused) => {
                let param = refused.param.unwrap_or_default();
                let text = format!("{} {param}\n{}\n", refused.code, refused.message);
                files.insert(PathBuf::from(format!("asked/{name}.refused")), text.into_bytes());
            }
        }
    }
}

/// The files that are there.
fn present(scene: &Path) -> Files {
    let mut files = Files::new();
    for folder in ["told", "asked"] {
        for entry in fs::read_dir(scene.join(folder)).into_iter().flatten() {
            let path = entry.unwrap().path();
            files.insert(path.strip_prefix(scene).unwrap().to_owned(), fs::read(&path).unwrap());
        }
    }
    files
}

fn rewrite(scene: &Path, had: &Files, wanted: &Files) {
    for file in had.keys().filter(|file| !wanted.contains_key(*file)) {
        fs::remove_file(scene.join(file)).unwrap();
    }
    for (file, bytes) in wanted {
        let path = scene.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn every_scene_is_told_and_asked_in_every_other_dialect_as_it_is_written() {
    let rewriting = std::env::var_os("HEADGATE_REWRITE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    let mut total = 0;
    for scene in scenes() {
        let mut wanted = Files::new();
        told(&scene, &mut wanted);
        asked(&scene, &mut wanted);
        total += wanted.len();
        let had = present(&scene.path);
        if rewriting {
            rewrite(&scene.path, &had, &wanted);
            continue;
        }
        for file in wanted.keys().chain(had.keys().filter(|file| !wanted.contains_key(*file))) {
            let what = match (wanted.get(file), had.get(file)) {
                (Some(now), Some(then)) if now == then => continue,
                (Some(_), Some(_)) => "is not what is said now",
                (Some(_), None) => "is missing",
                (None, _) => "belongs to no dialect",
            };
            wrong.push(format!("{}/{} {what}", scene.name, file.display()));
        }
    }
    assert!(wrong.is_empty(), "make golden, then read the diff:\n{}", wrong.join("\n"));
    assert!(total > 400, "{total}");
}
