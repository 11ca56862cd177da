//! What must hold of any bytes that come to the codecs; fuzz targets and `wire_mutations` give them.

use headgate_core::cache_key::cache_key;
use headgate_core::json::Cursor;
use headgate_core::sse::EventParser;
use headgate_core::wire::anthropic::hosted::{self, Host};
use headgate_core::wire::conversation::{
    self, Asked, Fault, Speech, Voice, decoder, encoder, error_body, gatherer, push_stream_error, read_error,
    say,
};
use headgate_core::wire::embeddings::{self, Embed, Inbound, exchange};
use headgate_core::wire::endpoint::{Dialect, Endpoint, Purpose, Shape};
use headgate_core::wire::kept;
use headgate_core::wire::manner::{Manner, Traits};
use headgate_core::wire::model::{Event, Refused};
use headgate_core::wire::openai::quirks::Quirks;
use headgate_core::wire::openai::stream::{Framing, Outcome, Stop};
use headgate_core::wire::passing::Passing;
use headgate_core::wire::translate::Translation;
use headgate_core::wire::{bedrock, count, scan};
use serde_json::value::RawValue;

/// Where callers of each dialect ask.
pub const CALLERS: [Endpoint; 7] = [
    Endpoint::Chat,
    Endpoint::Responses,
    Endpoint::Messages,
    Endpoint::Generate,
    Endpoint::StreamGenerateArray,
    Endpoint::OllamaChat,
    Endpoint::OllamaGenerate,
];

const VOICE: Voice<'_> = Voice { id: "1", model: "m", created_s: 1, include_usage: true, source: None };

/// JSON by its grammar: a number may be larger than a float holds, an escape half a character, if the other
/// side said so and it is passed on as it stands.
fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(body).is_ok()
}

/// JSON that the gateway lets in.
fn is_sound(body: &[u8]) -> bool {
    let read = |mut cursor: Cursor<'_>| {
        cursor.skip()?;
        cursor.finish()
    };
    Cursor::new(body).and_then(read).is_ok()
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A request: what is read is said in every dialect, and what is said is JSON that is read again.
pub fn request(endpoint: Endpoint, body: &[u8], choice: u8) {
    scanned(endpoint, body);
    let manner = Manner {
        model: ["m", "anthropic.claude-x", "us.amazon.nova-pro-v1:0", "gpt-oss"][usize::from(choice % 4)]
            .to_owned(),
        max_output_tokens: Some(u64::from(choice) << 8),
        traits: traits(choice),
        quirks: quirks(choice),
    };
    for to in Dialect::ALL {
        let asked = Asked { endpoint, body, model: "m" };
        let Ok(said) = say(&asked, to, &manner) else { continue };
        assert!(is_json(&said.body), "{endpoint:?} {to:?} {}", shown(&said.body));
        if !is_sound(body) {
            continue;
        }
        if let Some(own) = CALLERS.into_iter().find(|caller| caller.dialect() == spoken(to)) {
            let again = say(&Asked { endpoint: own, body: &said.body, model: "m" }, to, &manner);
            let left = again.as_ref().is_err_and(is_left_to_the_provider);
            assert!(
                again.is_ok() || left,
                "{endpoint:?} {to:?} {again:?} {} {}",
                shown(body),
                shown(&said.body)
            );
        }
        if to == Dialect::Anthropic {
            for host in [Host::Bedrock, Host::Vertex] {
                assert!(hosted::body(&said.body, host, &["b"]).is_ok_and(|body| is_json(&body)));
            }
        }
        if matches!(to, Dialect::Anthropic | Dialect::Gemini | Dialect::Bedrock) {
            assert!(count::put(&asked, to, &manner).is_ok_and(|body| is_json(&body)));
        }
    }
}

/// What passes although it cannot be: an empty name or conversation, the choice of a tool that is not on offer,
/// data that are no base64. The provider refuses it in its own words.
fn is_left_to_the_provider(refused: &Refused) -> bool {
    let param = refused.param.as_deref().unwrap_or_default();
    let named = ["allowedFunctionNames", ".images"].iter().any(|name| param.ends_with(name));
    refused.code == "missing_required_parameter" || named
}

/// Ollama is asked at `/api/chat` alone.
fn spoken(to: Dialect) -> Dialect {
    if to == Dialect::OllamaGenerate { Dialect::Ollama } else { to }
}

fn traits(choice: u8) -> Traits {
    let chosen = Traits::NAMES.iter().enumerate().filter(|(at, _)| (choice >> (at % 8)) & 1 == 1);
    chosen.fold(Traits::default(), |all, (_, (_, one))| all.with(*one))
}

fn quirks(choice: u8) -> Quirks {
    let all = ["max_tokens", "system_only", "no_stream_options", "no_parallel_tool_calls", "alternate"];
    let chosen = all.iter().enumerate().filter(|(at, _)| (choice >> at) & 1 == 1);
    chosen.fold(Quirks::default(), |set, (_, name)| set | Quirks::named(name).unwrap())
}

/// What is decided by a request without reading all of it.
fn scanned(endpoint: Endpoint, body: &[u8]) {
    assert_eq!(cache_key(body, "t", endpoint, 1).is_ok(), is_sound(body), "{}", shown(body));
    let facts = scan::facts(body, endpoint, Some("m"));
    if facts.is_ok() && endpoint.openai().is_none() {
        assert!(scan::prompt_text(body, endpoint, |_| ()).is_ok(), "{endpoint:?} {}", shown(body));
    }
}

/// An answer: what is told is JSON in every dialect, and is told again.
pub fn answer(dialect: Dialect, body: &[u8]) {
    if let Some(error) = read_error(dialect, body) {
        for to in CALLERS {
            failed(to, &error.message, error.kind.as_deref().unwrap_or("e"), error.code.as_deref());
        }
    }
    for to in CALLERS {
        let mut gathered = gatherer(to.dialect(), VOICE);
        let mut broken = false;
        let read = conversation::tell(dialect, body, None, &mut |event| {
            broken |= matches!(event, Event::Error { .. });
            gathered.event(&event);
        });
        if read.is_err() {
            return;
        }
        let told = gathered.finish();
        assert!(is_json(&told), "{dialect:?} {to:?} {}", shown(&told));
        if !broken {
            let again = conversation::tell(to.dialect(), &told, None, &mut |_| ());
            assert!(again.is_ok(), "{dialect:?} {to:?} {}", shown(&told));
            let _ = kept::stream_from_answer(to, &told, true);
        }
    }
}

fn failed(to: Endpoint, message: &str, kind: &str, code: Option<&str>) {
    let fault = Fault { status: 400, message, kind, param: None, code };
    assert!(is_json(&error_body(to.dialect(), &fault)));
    push_stream_error(to, &fault, true, &mut Vec::new());
}

type Told = (Vec<u8>, Outcome, Option<Stop>, Vec<u8>, u64);

fn translated(dialect: Dialect, to: Endpoint, stream: &[u8], piece_bytes: usize) -> Told {
    let (speech, encoder) = (Speech { dialect, host: None }, encoder(to.dialect(), to.shape(), VOICE));
    let mut translation = Translation::new(speech.form(), speech.decoder(None), encoder, Framing::Raw);
    let mut out = Vec::new();
    for piece in stream.chunks(piece_bytes) {
        translation.feed(piece, &mut out);
    }
    let outcome = translation.finish(true, &mut out);
    let facts = translation.facts();
    (out, outcome, facts.stop(), facts.text().to_vec(), facts.text_bytes())
}

fn passed(dialect: Dialect, to: Endpoint, stream: &[u8], piece_bytes: usize) -> Told {
    let lines = matches!(dialect, Dialect::Ollama | Dialect::OllamaGenerate);
    let own = if lines { Shape::Lines } else { Shape::Sse };
    let mut passing = Passing::new(own, decoder(dialect, None), to.shape(), Framing::Raw);
    let mut out = Vec::new();
    for piece in stream.chunks(piece_bytes) {
        passing.feed(piece, &mut out);
    }
    let outcome = passing.finish(true, &mut out);
    let facts = passing.facts();
    (out, outcome, facts.stop(), facts.text().to_vec(), facts.text_bytes())
}

/// A stream: cut anywhere it tells the same, and what is told are whole events of JSON.
pub fn stream(dialect: Dialect, stream: &[u8], piece_bytes: usize) {
    let (whole, piece_bytes) = (stream.len().max(1), piece_bytes.max(1));
    for to in CALLERS {
        let told = translated(dialect, to, stream, whole);
        assert_eq!(translated(dialect, to, stream, piece_bytes), told, "{dialect:?} {to:?}");
        if to.shape() != Shape::Array {
            events(to, &told.0);
        } else if told.1 == Outcome::Complete {
            assert!(is_json(&told.0), "{dialect:?} {}", shown(&told.0));
        }
        if to.dialect() == dialect && dialect != Dialect::OpenAi {
            assert_eq!(passed(dialect, to, stream, piece_bytes), passed(dialect, to, stream, whole));
        }
    }
}

fn events(to: Endpoint, out: &[u8]) {
    if to.shape() == Shape::Lines {
        assert!(
            out.split(|byte| *byte == b'\n').all(|line| line.is_empty() || is_json(line)),
            "{}",
            shown(out)
        );
        return;
    }
    let fed = EventParser::default().feed(out, |event| {
        assert!(event.data == b"[DONE]" || is_json(event.data), "{to:?} {}", shown(event.data));
    });
    assert!(fed.is_ok());
}

/// Bedrock's events, a name and its data a line, as the golden files have them.
pub fn frames(stream: &[u8]) {
    for to in CALLERS {
        let mut decoder = bedrock::stream::Decoder::default();
        let mut encoder = encoder(to.dialect(), to.shape(), VOICE);
        let mut out = Vec::new();
        for line in stream.split(|byte| *byte == b'\n') {
            let at = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
            let (name, data) = line.split_at(at);
            let name = String::from_utf8_lossy(name);
            if decoder.event(&name, data, &mut |event| encoder.event(&event, &mut out)).is_err() {
                break;
            }
        }
        decoder.end(&mut |event| encoder.event(&event, &mut out));
        if to.shape() != Shape::Array {
            events(to, &out);
        }
    }
}

/// Where embeddings are asked for.
pub const EMBEDDERS: [Endpoint; 4] =
    [Endpoint::Embeddings, Endpoint::EmbedContent, Endpoint::BatchEmbedContents, Endpoint::OllamaEmbed];

const INBOUND: [Inbound; 4] = [Inbound::OpenAi, Inbound::GeminiSingle, Inbound::GeminiBatch, Inbound::Ollama];

/// A request for vectors, its answer, or a count: what is read is said, and is JSON.
pub fn vectors(endpoint: Endpoint, body: &[u8]) {
    assert_eq!(endpoint.purpose(), Purpose::Embedding);
    let _ = exchange::usage(endpoint, body);
    let _ = count::read(body);
    for to in [Dialect::OpenAi, Dialect::Gemini, Dialect::Ollama, Dialect::Bedrock] {
        for model in ["cohere.embed-v4:0", "amazon.titan-embed-text-v2:0"] {
            let Ok(put) = exchange::put(&Asked { endpoint, body, model: "" }, to, model) else { continue };
            assert!(is_json(&put.body), "{endpoint:?} {to:?} {}", shown(&put.body));
            let _ = put.wish.tell(body);
        }
    }
    let asked = Embed::default();
    for dialect in [
        embeddings::Dialect::OpenAi,
        embeddings::Dialect::GeminiSingle,
        embeddings::Dialect::GeminiBatch,
        embeddings::Dialect::Ollama,
        embeddings::Dialect::Titan,
        embeddings::Dialect::Cohere,
    ] {
        let Ok(answer) = embeddings::read(dialect, body) else { continue };
        for inbound in INBOUND {
            let told = embeddings::write(inbound, &answer, &asked);
            assert!(is_json(&told), "{dialect:?} {inbound:?} {}", shown(&told));
        }
    }
}
