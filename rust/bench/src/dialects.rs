//! The cases of translation between dialects, and of a stream that needs none.

#![expect(clippy::unnecessary_wraps, reason = "all setups have one type, and some can fail")]

use std::error::Error;
use std::hint::black_box;

use headgate_core::wire::conversation::{Asked, Speech, Voice, decoder, encoder, say};
use headgate_core::wire::endpoint::{Dialect, Endpoint, Shape};
use headgate_core::wire::facts::Facts;
use headgate_core::wire::manner::Manner;
use headgate_core::wire::openai::stream::Framing;
use headgate_core::wire::passing::Passing;
use headgate_core::wire::translate::Translation;

use crate::cases::{Case, EVENT, Setup};

const TURNS: usize = 20;
const TOOLS: usize = 10;
const ANTHROPIC_BEGIN: &[u8] = b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_01\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
const ANTHROPIC: &[u8] = b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" brown\"}}\n\n";
const GEMINI: &[u8] = b"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" brown\"}],\"role\":\"model\"},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":25,\"totalTokenCount\":25},\"modelVersion\":\"gemini-2.5-flash\",\"responseId\":\"r-0123456789\"}\r\n\r\n";
const OLLAMA: &[u8] = b"{\"model\":\"llama3.2\",\"created_at\":\"2026-11-21T08:52:19.385406455Z\",\"message\":{\"role\":\"assistant\",\"content\":\" brown\"},\"done\":false}\n";

/// The cases by their names in `benches/budgets.toml`.
pub(crate) const ALL: [(&str, Setup); 10] = [
    ("say_to_openai", || say_case(Dialect::OpenAi)),
    ("say_to_responses", || say_case(Dialect::Responses)),
    ("say_to_anthropic", || say_case(Dialect::Anthropic)),
    ("say_to_gemini", || say_case(Dialect::Gemini)),
    ("say_to_bedrock", || say_case(Dialect::Bedrock)),
    ("tell_anthropic", || tell_case(Dialect::Anthropic, Dialect::OpenAi, (ANTHROPIC_BEGIN, ANTHROPIC))),
    ("tell_gemini", || tell_case(Dialect::Gemini, Dialect::OpenAi, (b"", GEMINI))),
    ("tell_ollama", || tell_case(Dialect::Ollama, Dialect::OpenAi, (b"", OLLAMA))),
    ("tell_openai", || {
        let event = [EVENT, b"\n\n"].concat();
        tell_case(Dialect::OpenAi, Dialect::Anthropic, (b"", &event))
    }),
    ("pass_anthropic", pass_event),
];

/// A conversation of twenty turns with ten tools on offer, two of them called.
fn conversation() -> Vec<u8> {
    let text = "The gate at the head of a canal decides who gets water, how much, and measures every drop.";
    let turns = (0..TURNS).map(|turn| match turn % 5 {
        0 | 1 => format!(r#"{{"role":"user","content":"{text}"}}"#),
        2 => format!(r#"{{"role":"assistant","content":"{text}"}}"#),
        3 => format!(
            r#"{{"role":"assistant","tool_calls":[{{"id":"call_{turn}","type":"function","function":{{"name":"tool_1","arguments":"{{\"city\":\"Oslo\"}}"}}}}]}}"#
        ),
        _ => format!(r#"{{"role":"tool","tool_call_id":"call_{}","content":"{text}"}}"#, turn - 1),
    });
    let tools = (0..TOOLS).map(|tool| {
        format!(
            r#"{{"type":"function","function":{{"name":"tool_{tool}","description":"{text}","parameters":{{"type":"object","properties":{{"city":{{"type":"string","description":"A city."}}}},"required":["city"]}}}}}}"#
        )
    });
    let (turns, tools): (Vec<String>, Vec<String>) = (turns.collect(), tools.collect());
    let (turns, tools) = (turns.join(","), tools.join(","));
    format!(r#"{{"model":"m","messages":[{turns}],"tools":[{tools}],"max_tokens":512,"temperature":0.2}}"#)
        .into_bytes()
}

fn say_case(to: Dialect) -> Result<Case, Box<dyn Error>> {
    let body = conversation();
    let manner = Manner { model: "there".to_owned(), ..Manner::default() };
    Ok(Box::new(move || {
        let asked = Asked { endpoint: Endpoint::Chat, body: black_box(&body), model: "" };
        let said = say(&asked, to, &manner);
        assert!(said.is_ok_and(|said| said.body.len() > 4_000 && said.dropped.0.is_empty()));
    }))
}

fn tell_case(from: Dialect, to: Dialect, stream: (&[u8], &[u8])) -> Result<Case, Box<dyn Error>> {
    let (begin, event) = (stream.0, stream.1.to_vec());
    let speech = Speech { dialect: from, host: None };
    let encoder = encoder(to, Shape::Sse, Voice::default());
    let mut translation = Translation::new(speech.form(), speech.decoder(None), encoder, Framing::Chunked);
    let mut out = Vec::with_capacity(16 * 1024);
    translation.feed(begin, &mut out);
    Ok(Box::new(move || {
        out.clear();
        translation.feed(black_box(&event), &mut out);
        assert!(out.len() > 60);
        let_go(translation.facts_mut());
    }))
}

fn pass_event() -> Result<Case, Box<dyn Error>> {
    let decoder = decoder(Dialect::Anthropic, None);
    let mut passing = Passing::new(Shape::Sse, decoder, Shape::Sse, Framing::Chunked);
    let mut out = Vec::with_capacity(16 * 1024);
    passing.feed(ANTHROPIC_BEGIN, &mut out);
    Ok(Box::new(move || {
        out.clear();
        passing.feed(black_box(ANTHROPIC), &mut out);
        assert!(out.len() > ANTHROPIC.len());
        let_go(passing.facts_mut());
    }))
}

/// As the border does it: text of long streams is counted and let go.
fn let_go(facts: &mut Facts) {
    if facts.text().len() > 8 * 1024 {
        facts.take_text();
    }
}
