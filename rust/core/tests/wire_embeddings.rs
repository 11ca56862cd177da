//! Embeddings: documented bytes told in every dialect, what is refused or dropped, and floats to the last bit.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic, its helpers too")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use headgate_core::wire::embeddings::{
    Answer, Content, Dialect, Embed, Format, Inbound, Input, Task, Vector, decode, encode, read, write,
};
use headgate_core::wire::model::{Dropped, Refused};
use proptest::prelude::*;
use serde_json::{Value, json};

const INBOUND: [Inbound; 4] = [Inbound::OpenAi, Inbound::GeminiSingle, Inbound::GeminiBatch, Inbound::Ollama];
const DIALECTS: [Dialect; 6] = [
    Dialect::OpenAi,
    Dialect::GeminiSingle,
    Dialect::GeminiBatch,
    Dialect::Ollama,
    Dialect::Titan,
    Dialect::Cohere,
];

/// Which of Gemini's two forms has room for a request.
fn gemini_dialect_for(embed: &Embed<'_>) -> Dialect {
    if embed.inputs.len() == 1 { Dialect::GeminiSingle } else { Dialect::GeminiBatch }
}

fn scenes() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/embeddings");
    let mut scenes: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    scenes.sort();
    scenes
}

fn dialect(scene: &Path) -> Dialect {
    match scene.file_name().unwrap().to_str().unwrap() {
        "gemini_single" => Dialect::GeminiSingle,
        "gemini_batch" => Dialect::GeminiBatch,
        name if name.starts_with("openai") => Dialect::OpenAi,
        name if name.starts_with("ollama") => Dialect::Ollama,
        name if name.starts_with("titan") => Dialect::Titan,
        name if name.starts_with("cohere") => Dialect::Cohere,
        name => panic!("no dialect has {name}"),
    }
}

fn inbound(dialect: Dialect) -> Inbound {
    INBOUND.into_iter().find(|&inbound| Dialect::from(inbound) == dialect).unwrap_or(Inbound::OpenAi)
}

/// What the caller sends; a dialect that no caller speaks is asked for in `OpenAI`'s.
fn caller(scene: &Path) -> Vec<u8> {
    fs::read(scene.join("caller.json")).or_else(|_| fs::read(scene.join("request.json"))).unwrap()
}

fn asked(body: &[u8], scene: &Path) -> Embed<'static> {
    let embed = decode(inbound(dialect(scene)), body.to_vec().leak(), None);
    embed.unwrap_or_else(|refused| panic!("{}: {refused:?}", scene.display()))
}

fn said(dialect: Dialect, embed: &Embed<'_>, model: &str) -> (Result<Value, Refused>, Vec<String>) {
    let mut dropped = Dropped::default();
    let body = encode(dialect, embed, model, &mut dropped);
    (body.map(|body| serde_json::from_slice(&body).unwrap()), dropped.0)
}

fn written(dialect: Dialect, embed: &Embed<'_>) -> Value {
    said(dialect, embed, "m").0.unwrap()
}

fn refused(inbound: Inbound, body: &Value) -> (&'static str, Option<String>) {
    let body = body.to_string();
    let refused = decode(inbound, body.as_bytes(), None).unwrap_err();
    assert!(!refused.message.is_empty());
    (refused.code, refused.param)
}

fn texts<'a>(texts: &[&'a str]) -> Embed<'a> {
    let inputs = texts.iter().map(|&text| Input::of(text)).collect();
    Embed { model: "m".into(), inputs, ..Embed::default() }
}

#[test]
fn documented_requests_are_asked_for_in_every_dialect() {
    for scene in scenes() {
        let body = caller(&scene);
        let embed = asked(&body, &scene);
        let mut seen = format!("tokens {}\n", embed.estimate_tokens());
        for (name, dialect, model) in [
            ("openai", Dialect::OpenAi, "text-embedding-3-small"),
            ("gemini", gemini_dialect_for(&embed), "gemini-embedding-001"),
            ("ollama", Dialect::Ollama, "nomic-embed-text"),
            ("titan", Dialect::Titan, "amazon.titan-embed-text-v2:0"),
            ("cohere", Dialect::Cohere, "cohere.embed-v4:0"),
        ] {
            let mut dropped = Dropped::default();
            match encode(dialect, &embed, model, &mut dropped) {
                Ok(body) => {
                    let body = String::from_utf8(body).unwrap();
                    writeln!(seen, "{name} {body} without {:?}", dropped.0).unwrap();
                }
                Err(Refused { code, param, message }) => {
                    writeln!(seen, "{name} refuses: {code} {param:?} {message}").unwrap();
                }
            }
        }
        compare(&scene, "asked.txt", seen.as_bytes());
    }
}

#[test]
fn documented_answers_are_told_in_every_dialect() {
    for scene in scenes() {
        let (request, body) = (caller(&scene), fs::read(scene.join("response.json")).unwrap());
        let mut embed = asked(&request, &scene);
        let answer = read(dialect(&scene), &body).unwrap();
        assert_eq!(answer.vectors.len(), embed.inputs.len(), "{}", scene.display());
        let gemini = inbound(gemini_dialect_for(&embed));
        for (name, inbound, format) in [
            ("openai.json", Inbound::OpenAi, Format::Float),
            ("openai_base64.json", Inbound::OpenAi, Format::Base64),
            ("gemini.json", gemini, Format::Float),
            ("ollama.json", Inbound::Ollama, Format::Float),
        ] {
            embed.format = format;
            let told = write(inbound, &answer, &embed);
            compare(&scene, name, &told);
            let again = read(inbound.into(), &told).unwrap();
            for (vector, again) in answer.vectors.iter().zip(&again.vectors) {
                assert_eq!(vector.floats(), again.floats(), "{} {name}", scene.display());
            }
        }
    }
}

fn compare(scene: &Path, name: &str, seen: &[u8]) {
    let expected = fs::read_to_string(scene.join(name)).unwrap();
    let seen = String::from_utf8_lossy(seen);
    assert_eq!(seen.trim_end(), expected.trim_end(), "{} {name}", scene.display());
}

#[test]
fn documented_requests_to_bedrock_are_what_is_written() {
    for scene in scenes().into_iter().filter(|scene| scene.join("caller.json").exists()) {
        let embed = asked(&caller(&scene), &scene);
        let mut dropped = Dropped::default();
        let body = encode(dialect(&scene), &embed, &embed.model, &mut dropped).unwrap();
        let documented = fs::read_to_string(scene.join("request.json")).unwrap();
        assert_eq!(String::from_utf8(body).unwrap(), documented.trim_end());
        assert!(dropped.0.is_empty());
    }
}

#[test]
fn usage_is_what_the_provider_counted() {
    for (body, dialect, tokens) in [
        (r#"{"data":[],"usage":{"prompt_tokens":8,"total_tokens":8}}"#, Dialect::OpenAi, Some(8)),
        (r#"{"data":[],"usage":"none"}"#, Dialect::OpenAi, None),
        (r#"{"embeddings":[],"usageMetadata":{"promptTokenCount":17}}"#, Dialect::GeminiBatch, Some(17)),
        (r#"{"embedding":{"values":[]}}"#, Dialect::GeminiSingle, None),
        (r#"{"embeddings":[],"prompt_eval_count":9}"#, Dialect::Ollama, Some(9)),
        (r#"{"embedding":[1],"inputTextTokenCount":10}"#, Dialect::Titan, Some(10)),
        (r#"{"embeddings":{"float":[[1]]}}"#, Dialect::Cohere, None),
    ] {
        let answer = read(dialect, body.as_bytes()).unwrap();
        assert_eq!(answer.prompt_tokens, tokens, "{body}");
        assert_eq!(answer.usage().map(|usage| (usage.prompt, usage.completion, usage.total)), {
            tokens.map(|tokens| (tokens, 0, tokens))
        });
    }
}

#[test]
fn a_wrong_request_of_openai_is_refused_by_its_place() {
    for (body, code, param) in [
        (json!([]), "invalid_type", None),
        (json!({"input": "a"}), "missing_required_parameter", Some("model")),
        (json!({"model": "m"}), "missing_required_parameter", Some("input")),
        (json!({"model": "m", "input": null}), "missing_required_parameter", Some("input")),
        (json!({"model": "m\n", "input": "a"}), "invalid_value", Some("model")),
        (json!({"model": "m", "input": {}}), "invalid_type", Some("input")),
        (json!({"model": "m", "input": ""}), "invalid_value", Some("input")),
        (json!({"model": "m", "input": []}), "invalid_value", Some("input")),
        (json!({"model": "m", "input": ["a", ""]}), "invalid_value", Some("input[1]")),
        (json!({"model": "m", "input": ["a", 1]}), "invalid_type", Some("input[1]")),
        (json!({"model": "m", "input": [true]}), "invalid_type", Some("input[0]")),
        (json!({"model": "m", "input": [1, -1]}), "invalid_value", Some("input[1]")),
        (json!({"model": "m", "input": [[1], []]}), "invalid_value", Some("input[1]")),
        (json!({"model": "m", "input": [[1, 1.5]]}), "invalid_value", Some("input[0][1]")),
        (json!({"model": "m", "input": [["a"]]}), "invalid_type", Some("input[0][0]")),
        (json!({"model": "m", "dimensions": 0}), "invalid_value", Some("dimensions")),
        (json!({"model": "m", "dimensions": "8"}), "invalid_type", Some("dimensions")),
        (json!({"encoding_format": "hex"}), "invalid_value", Some("encoding_format")),
        (json!({"user": 1}), "invalid_type", Some("user")),
    ] {
        assert_eq!(refused(Inbound::OpenAi, &body), (code, param.map(str::to_owned)), "{body}");
    }
}

#[test]
fn a_wrong_request_of_gemini_is_refused_by_its_place() {
    let part = |part: Value| json!({"model": "m", "content": {"parts": [part]}});
    let batch = |second: Value| {
        let first = json!({"model": "models/m", "content": {"parts": [{"text": "a"}]}});
        json!({"requests": [first, second]})
    };
    for (body, code, param) in [
        (json!({"model": "m"}), "missing_required_parameter", Some("content")),
        (part(json!("a")), "invalid_type", Some("content.parts[0]")),
        (part(json!({"text": 1})), "invalid_type", Some("content.parts[0].text")),
        (part(json!({"inlineData": {}})), "unsupported_parameter", Some("content.parts[0]")),
        (json!({"taskType": "POETRY"}), "invalid_value", Some("taskType")),
        (json!({"output_dimensionality": "1"}), "invalid_type", Some("output_dimensionality")),
    ] {
        assert_eq!(refused(Inbound::GeminiSingle, &body), (code, param.map(str::to_owned)), "{body}");
    }
    for (body, code, param) in [
        (json!({"requests": {}}), "invalid_type", Some("requests")),
        (json!({"requests": []}), "missing_required_parameter", Some("requests")),
        (batch(json!({"content": {}})), "missing_required_parameter", Some("requests[1].content.parts")),
        (batch(json!({"model": "n"})), "invalid_value", Some("requests[1].model")),
        (
            batch(json!({"content": {"parts": {"text": "b"}}, "outputDimensionality": 4})),
            "unsupported_parameter",
            Some("requests[1].outputDimensionality"),
        ),
    ] {
        assert_eq!(refused(Inbound::GeminiBatch, &body), (code, param.map(str::to_owned)), "{body}");
    }
    let twice =
        br#"{"model":"m","content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING","task_type":null}"#;
    assert_eq!(decode(Inbound::GeminiSingle, twice, None).unwrap_err().param.unwrap(), "task_type");
}

#[test]
fn a_wrong_request_of_ollama_is_refused_by_its_place() {
    for (body, code, param) in [
        (json!({"input": "a"}), "missing_required_parameter", Some("model")),
        (json!({"input": [1]}), "invalid_type", Some("input[0]")),
        (json!({"truncate": "yes"}), "invalid_type", Some("truncate")),
    ] {
        assert_eq!(refused(Inbound::Ollama, &body), (code, param.map(str::to_owned)), "{body}");
    }
    for body in [&b""[..], b"{", b"{\"model\":\xff}", b"{} {}"] {
        assert_eq!(decode(Inbound::Ollama, body, None).unwrap_err().code, "invalid_json");
    }
}

#[test]
fn a_model_in_the_path_is_the_model() {
    let openai = br#"{"model":"other","input":"a"}"#;
    assert_eq!(decode(Inbound::OpenAi, openai, Some("deployment")).unwrap().model, "deployment");
    assert_eq!(decode(Inbound::Ollama, br#"{"input":"a"}"#, Some("m")).unwrap().model, "m");
    let gemini = br#"{"content":{"parts":[{"text":"a"}]},"model":"models/m"}"#;
    for path in [None, Some("m"), Some("models/m")] {
        assert_eq!(decode(Inbound::GeminiSingle, gemini, path).unwrap().model, "m");
    }
    let refused = decode(Inbound::GeminiSingle, gemini, Some("n")).unwrap_err();
    assert_eq!((refused.code, refused.param.as_deref()), ("invalid_value", Some("model")));
    let batch = br#"{"requests":[{"content":{"parts":[{"text":"a"}]}},{"model":"models/m","content":{"parts":[{"text":"b"}]}}]}"#;
    let refused = decode(Inbound::GeminiBatch, batch, Some("n")).unwrap_err();
    assert_eq!(refused.param.as_deref(), Some("requests[1].model"));
    assert_eq!(decode(Inbound::GeminiBatch, batch, None).unwrap().model, "m");
    let nameless = br#"{"requests":[{"content":{"parts":[{"text":"a"}]}}]}"#;
    let refused = decode(Inbound::GeminiBatch, nameless, None).unwrap_err();
    assert_eq!(refused.param.as_deref(), Some("requests[0].model"));
}

#[test]
fn what_has_no_meaning_is_named() {
    let body = br#"{"model":"m","x":1,"content":{"parts":[{"text":"a","thought":true},{"text":"b"}],"y":2}}"#;
    let embed = decode(Inbound::GeminiSingle, body, None).unwrap();
    assert_eq!(embed.unknown, ["x", "content.y", "content.parts.thought"]);
    assert_eq!(embed.inputs, [Input::of("a\nb")]);
    let dropped = said(Dialect::OpenAi, &embed, "m").1;
    assert_eq!(dropped, ["x", "content.y", "content.parts.thought"]);
    let body = br#"{"model":"m","input":"a","input_type":"passage"}"#;
    assert_eq!(decode(Inbound::OpenAi, body, None).unwrap().unknown, ["input_type"]);
    let mut embed = texts(&["a"]);
    embed.truncate = Some(false);
    assert!(said(Dialect::OpenAi, &embed, "m").1.is_empty(), "it refuses long texts anyway");
    assert_eq!(said(Dialect::GeminiSingle, &embed, "m").1, ["truncate"]);
    embed.truncate = Some(true);
    assert_eq!(said(Dialect::Titan, &embed, "m").1, ["truncate"]);
}

#[test]
fn providers_are_not_asked_for_what_they_cannot_do() {
    let two = texts(&["a", "b"]);
    let mut tokens = texts(&["a"]);
    tokens.inputs.push(Input { content: Content::Tokens(vec![1, 2]), task: None, title: None });
    let mut sized = texts(&["a"]);
    sized.dimensions = Some(256);
    let mut mixed = texts(&["a", "b"]);
    mixed.inputs[1].task = Some(Task::RetrievalQuery);
    let g1 = "amazon.titan-embed-text-v1";
    for (dialect, embed, model, param) in [
        (Dialect::Titan, &two, "m", "input"),
        (Dialect::GeminiSingle, &two, "m", "input"),
        (Dialect::GeminiBatch, &tokens, "m", "input"),
        (Dialect::Ollama, &tokens, "m", "input"),
        (Dialect::Titan, &tokens, "m", "input"),
        (Dialect::Cohere, &tokens, "m", "input"),
        (Dialect::Titan, &sized, g1, "dimensions"),
        (Dialect::Cohere, &sized, "cohere.embed-english-v3", "dimensions"),
        (Dialect::Cohere, &mixed, "cohere.embed-v4:0", "taskType"),
    ] {
        let refused = said(dialect, embed, model).0.unwrap_err();
        assert_eq!(refused.code, "unsupported_parameter", "{dialect:?} {embed:?}");
        assert_eq!(refused.param.as_deref(), Some(param));
    }
    assert_eq!(written(Dialect::OpenAi, &tokens)["input"], json!(["a", [1, 2]]));
    sized.dimensions = Some(1_536);
    assert_eq!(said(Dialect::Titan, &sized, g1).0.unwrap(), json!({"inputText": "a"}));
    let nothing = decode(Inbound::Ollama, br#"{"model":"m","input":""}"#, None).unwrap();
    for dialect in DIALECTS {
        let asked = said(dialect, &nothing, "m").0;
        match dialect {
            Dialect::Ollama => assert_eq!(asked.unwrap(), json!({"model": "m", "input": []})),
            _ => assert_eq!(asked.unwrap_err().code, "missing_required_parameter"),
        }
    }
}

#[test]
fn cohere_is_told_the_purpose_and_where_to_cut() {
    let mut embed = texts(&["a"]);
    for (task, truncate, model, purpose, cut, lost) in [
        (None, None, "cohere.embed-v4:0", "search_document", json!(null), false),
        (Some(Task::RetrievalQuery), Some(true), "cohere.embed-v4:0", "search_query", json!("RIGHT"), false),
        (Some(Task::FactVerification), Some(true), "embed-english-v3", "search_query", json!("END"), false),
        (Some(Task::Clustering), Some(false), "embed-english-v3", "clustering", json!("NONE"), false),
        (Some(Task::SemanticSimilarity), None, "embed-english-v3", "search_document", json!(null), true),
    ] {
        embed.inputs[0].task = task;
        embed.truncate = truncate;
        let (body, dropped) = said(Dialect::Cohere, &embed, model);
        let body = body.unwrap();
        assert_eq!((&body["input_type"], &body["truncate"]), (&json!(purpose), &cut));
        assert_eq!(dropped.contains(&"taskType".to_owned()), lost);
    }
}

#[test]
fn tokens_are_estimated_as_the_scan_does() {
    use headgate_core::wire::openai::request::{Endpoint, scan};
    for input in [
        json!("Why is the sky blue?"),
        json!(["grün", "日本", "a\"b"]),
        json!([1, 2, 3]),
        json!([[1], [2, 3]]),
    ] {
        let body = json!({"model": "m", "input": input}).to_string();
        let embed = decode(Inbound::OpenAi, body.as_bytes(), None).unwrap();
        let scanned = scan(body.as_bytes(), Endpoint::Embeddings).unwrap();
        assert_eq!(embed.estimate_tokens(), scanned.estimate_tokens(), "{body}");
        assert_eq!(embed.inputs.len() as u64, scanned.items);
    }
}

#[test]
fn answers_that_cannot_be_trusted_are_malformed() {
    for (dialect, body) in [
        (Dialect::OpenAi, r#"{"error":{}}"#),
        (Dialect::OpenAi, r#"{"data":[{"embedding":[1,"a"]}]}"#),
        (Dialect::OpenAi, r#"{"data":[{"embedding":[[1]]}]}"#),
        (Dialect::OpenAi, r#"{"data":[{"embedding":"AAAA"}]}"#),
        (Dialect::OpenAi, r#"{"data":[{"embedding":"no base64!"}]}"#),
        (Dialect::OpenAi, r#"{"data":[{"embedding":"AADAfw=="}]}"#),
        (Dialect::OpenAi, r#"{"data":[{"embedding":[1],"index":1}]}"#),
        (Dialect::OpenAi, r#"{"data":[{"embedding":[1],"index":0},{"embedding":[1],"index":0}]}"#),
        (Dialect::GeminiSingle, r#"{"embeddings":[]}"#),
        (Dialect::GeminiBatch, r#"{"embeddings":[{}]}"#),
        (Dialect::Ollama, r#"{"error":"x"}"#),
        (Dialect::Titan, r#"{"embedding":null}"#),
        (Dialect::Cohere, r#"{"embeddings":{"int8":[[1]]}}"#),
        (Dialect::Cohere, r#"{"embeddings":7}"#),
    ] {
        assert!(read(dialect, body.as_bytes()).is_err(), "{dialect:?} {body}");
    }
    let unnumbered = br#"{"data":[{"embedding":[1]},{"embedding":[2]}]}"#;
    let answer = read(Dialect::OpenAi, unnumbered).unwrap();
    assert_eq!(answer.vectors, [Vector::Numbers("[1]"), Vector::Numbers("[2]")]);
}

#[test]
fn a_number_beyond_32_bits_stays_a_number() {
    let vector = Vector::Numbers("[1e300, -1e300, 1e-60]");
    assert_eq!(*vector.floats(), [f32::MAX, f32::MIN, 0.0]);
}

fn finite() -> impl Strategy<Value = f32> {
    any::<u32>().prop_map(f32::from_bits).prop_filter("JSON has no others", |float| float.is_finite())
}

fn bits(vector: &Vector<'_>) -> Vec<u32> {
    vector.floats().iter().map(|float| float.to_bits()).collect()
}

fn embeds() -> impl Strategy<Value = Embed<'static>> {
    let input = ("[^\u{0}]{1,20}", prop::option::of("[a-z\"]{1,8}")).prop_map(|(text, title)| Input {
        title: title.map(Into::into),
        task: Some(Task::RetrievalDocument),
        ..Input::of(text)
    });
    (prop::collection::vec(input, 1..4), prop::option::of(1..5_000_u64))
        .prop_map(|(inputs, dimensions)| Embed { model: "m".into(), inputs, dimensions, ..Embed::default() })
}

proptest! {
    #[test]
    fn floats_keep_every_bit(floats in prop::collection::vec(finite(), 0..40)) {
        let answer = Answer { vectors: vec![Vector::Floats(floats)], ..Answer::default() };
        let mut embed = texts(&["a"]);
        for (inbound, format) in [
            (Inbound::OpenAi, Format::Base64),
            (Inbound::OpenAi, Format::Float),
            (Inbound::GeminiSingle, Format::Float),
            (Inbound::GeminiBatch, Format::Float),
            (Inbound::Ollama, Format::Float),
        ] {
            embed.format = format;
            let body = write(inbound, &answer, &embed);
            let again = read(inbound.into(), &body).unwrap();
            prop_assert_eq!(bits(&again.vectors[0]), bits(&answer.vectors[0]));
            // And from numbers to base64 and back.
            embed.format = Format::Base64;
            let packed = write(Inbound::OpenAi, &again, &embed);
            let unpacked = read(Dialect::OpenAi, &packed).unwrap();
            prop_assert_eq!(bits(&unpacked.vectors[0]), bits(&answer.vectors[0]));
        }
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same(embed in embeds()) {
        for inbound in INBOUND {
            let mut dropped = Dropped::default();
            let Ok(body) = encode(inbound.into(), &embed, "m", &mut dropped) else {
                prop_assert!(inbound == Inbound::GeminiSingle && embed.inputs.len() > 1);
                continue;
            };
            let again = decode(inbound, &body, Some("m")).unwrap();
            prop_assert_eq!(again.dimensions, embed.dimensions);
            prop_assert_eq!(again.inputs.len(), embed.inputs.len());
            for (again, input) in again.inputs.iter().zip(&embed.inputs) {
                prop_assert_eq!(&again.content, &input.content);
                let gemini = matches!(inbound, Inbound::GeminiSingle | Inbound::GeminiBatch);
                prop_assert!(!gemini || again == input, "{:?}", again);
            }
        }
    }

    #[test]
    fn no_body_panics(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        everything(&bytes);
    }

    #[test]
    fn no_mutation_panics(scene in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let scenes = scenes();
        let scene = &scenes[scene.index(scenes.len())];
        for name in ["request.json", "response.json"] {
            let mut body = fs::read(scene.join(name)).unwrap();
            let at = at.index(body.len());
            body[at] = byte;
            if cut {
                body.truncate(at);
            }
            everything(&body);
        }
    }
}

/// Reads a body as every request and every answer, and says what it says in every dialect.
fn everything(body: &[u8]) {
    for inbound in INBOUND {
        let Ok(embed) = decode(inbound, body, None) else { continue };
        for dialect in DIALECTS {
            let told = said(dialect, &embed, "m").0;
            assert!(told.is_err() || told.is_ok_and(|told| told.is_object()));
        }
    }
    for dialect in DIALECTS {
        let Ok(answer) = read(dialect, body) else { continue };
        for inbound in INBOUND {
            for format in [Format::Float, Format::Base64] {
                let embed = Embed { format, ..texts(&["a"]) };
                let told: Value = serde_json::from_slice(&write(inbound, &answer, &embed)).unwrap();
                assert!(told.is_object());
            }
        }
    }
}
