//! The cases of translation between two dialects.

#![expect(clippy::unnecessary_wraps, reason = "all setups have one type, and some can fail")]

use std::error::Error;
use std::hint::black_box;

use headgate_core::wire::anthropic;
use headgate_core::wire::model::Dropped;
use headgate_core::wire::openai::stream::Framing;
use headgate_core::wire::openai_chat;
use headgate_core::wire::openai_chat::response::Reply;
use headgate_core::wire::translate::{Form, Translation};

use crate::cases::{Case, Setup};

const TURNS: usize = 20;
const TOOLS: usize = 10;
const DELTA: &[u8] = b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" brown\"}}\n\n";
const BEGIN: &[u8] = b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_01\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";

/// The cases by their names in `benches/budgets.toml`.
pub(crate) const ALL: [(&str, Setup); 2] =
    [("say_to_anthropic", say_to_anthropic), ("tell_event", tell_event)];

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

fn say_to_anthropic() -> Result<Case, Box<dyn Error>> {
    let body = conversation();
    Ok(Box::new(move || {
        let settings = anthropic::request::Settings { model: "claude-sonnet-4-5", ..Default::default() };
        let mut dropped = Dropped::default();
        let said = openai_chat::request::decode(black_box(&body))
            .and_then(|chat| anthropic::request::encode(&chat, &settings, &mut dropped));
        assert!(said.is_ok_and(|said| said.len() > 4_000) && dropped.0.is_empty());
    }))
}

fn tell_event() -> Result<Case, Box<dyn Error>> {
    let decoder = anthropic::stream::Decoder::default();
    let encoder = openai_chat::stream::Encoder::new(&Reply::default());
    let mut translation = Translation::new(Form::Sse, Box::new(decoder), Box::new(encoder), Framing::Chunked);
    let mut out = Vec::with_capacity(16 * 1024);
    translation.feed(BEGIN, &mut out);
    Ok(Box::new(move || {
        out.clear();
        translation.feed(black_box(DELTA), &mut out);
        assert!(out.windows(6).any(|piece| piece == b" brown"));
        if translation.text().len() > 8 * 1024 {
            translation.take_text();
        }
    }))
}
