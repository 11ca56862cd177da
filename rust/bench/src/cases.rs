//! The cases: each is what one request, one streamed event or one text costs the core.
//!
//! Invariant: inputs are fixed, time is counted up, and every answer is asserted.

#![expect(clippy::unnecessary_wraps, reason = "all setups have one type, and some can fail")]

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::{env, fs, process};

use crate::dialects;
use headgate_core::cache_key::cache_key;
use headgate_core::http1::{Limits as HttpLimits, ResponseReader};
use headgate_core::keys::KeyTable;
use headgate_core::record::{Facts, Identity, Labels};
use headgate_core::tokens::Tokenizer;
use headgate_core::usage::Usage;
use headgate_core::wire::endpoint;
use headgate_core::wire::openai::request::{Endpoint, rewrite, scan};
use headgate_core::wire::openai::response::read_answer;
use headgate_core::wire::openai::stream::{Framing, Settings, StreamRelay};
use headgate_ledger::{Admission, Layout, Ledger, Limits, Worker};

/// One run.
pub(crate) type Case = Box<dyn FnMut()>;
/// Makes what a case needs, once.
pub(crate) type Setup = fn() -> Result<Case, Box<dyn Error>>;

const REQUEST: &[u8] = br#"{"model":"gpt-4o-mini","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Explain in two sentences what a gateway does with a request."}],"temperature":0.2,"max_tokens":128}"#;
const ANSWER: &[u8] = br#"{"id":"chatcmpl-0123456789","object":"chat.completion","created":1800000000,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"A gateway takes one request from an application, checks who asks and what they may use, sends it to the provider that its route names, and gives the answer back as it arrives. It counts every token on the way, so that limits hold and the bill is right.","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":31,"completion_tokens":52,"total_tokens":83,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}},"service_tier":"default","system_fingerprint":"fp_0123456789"}"#;
/// With its blank line 280 bytes, the size of a provider's event.
pub(crate) const EVENT: &[u8] = br#"data: {"id":"chatcmpl-BVq0123456789abcdefghijklmnop","object":"chat.completion.chunk","created":1800000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":" brown"},"logprobs":null,"finish_reason":null}]}"#;
const PARAGRAPH: &str =
    "The gate at the head of a canal decides who gets water, how much, and it measures every drop. ";
const KEYS: u64 = 1_000;

/// Every case by its name in `benches/budgets.toml`.
pub(crate) fn all() -> Vec<(&'static str, Setup)> {
    let mut cases: Vec<(&'static str, Setup)> = vec![
        ("find_key", find_key),
        ("scan", scan_request),
        ("scan_100_kb", scan_long),
        ("rewrite", rewrite_request),
        ("cache_key", key_of_request),
        ("admit_settle", admit_and_settle),
        ("read_response", read_response),
        ("read_answer", usage_of_answer),
        ("relay_event", relay_event),
        ("count_tokens", count_tokens),
        ("record", render_record),
    ];
    cases.extend(dialects::ALL);
    cases
}

fn find_key() -> Result<Case, Box<dyn Error>> {
    let digests: Vec<String> = (0..KEYS - 1).map(|key| format!("{key:064x}")).collect();
    // SHA-256 of "abc", FIPS 180-2 appendix B.1.
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let all = digests.iter().map(String::as_str).chain([known]);
    let table = KeyTable::from_hex(all).ok_or("not digests")?;
    Ok(Box::new(move || assert_eq!(table.find(black_box(b"abc")), usize::try_from(KEYS - 1).ok())))
}

fn scan_request() -> Result<Case, Box<dyn Error>> {
    Ok(Box::new(|| {
        let found = scan(black_box(REQUEST), Endpoint::Chat);
        assert!(
            found.is_ok_and(|found| found.model == "gpt-4o-mini" && found.max_output_tokens == Some(128))
        );
    }))
}

fn long_request() -> Vec<u8> {
    let text = PARAGRAPH.repeat(1_100);
    format!(r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"{text}"}}]}}"#).into_bytes()
}

fn scan_long() -> Result<Case, Box<dyn Error>> {
    let (body, text_bytes) = (long_request(), 1_100 * PARAGRAPH.len() as u64);
    Ok(Box::new(move || {
        let found = scan(black_box(&body), Endpoint::Chat);
        assert!(found.is_ok_and(|found| (text_bytes..text_bytes + 16).contains(&found.text_bytes())));
    }))
}

fn rewrite_request() -> Result<Case, Box<dyn Error>> {
    let found = scan(REQUEST, Endpoint::Chat).map_err(|_| "not a request")?;
    Ok(Box::new(move || {
        let changed = rewrite(black_box(REQUEST), &found.edits, Some("gpt-4o"), true);
        assert!(changed.len() > REQUEST.len() - "-mini".len());
    }))
}

fn key_of_request() -> Result<Case, Box<dyn Error>> {
    let expected = cache_key(REQUEST, "tenant", endpoint::Endpoint::Chat, 7).map_err(|_| "not JSON")?;
    Ok(Box::new(move || {
        assert!(
            cache_key(black_box(REQUEST), "tenant", endpoint::Endpoint::Chat, 7)
                .is_ok_and(|key| key == expected)
        );
    }))
}

/// A worker of a ledger whose file has no name any more.
fn worker() -> Result<Worker, Box<dyn Error>> {
    let layout = Layout { workers: 1, slots_per_worker: 64, accounts: 16, counters: 4, histograms: 2 };
    let path = env::temp_dir().join(format!("headgate-bench-{}", process::id()));
    let ledger = Ledger::create(&path, layout, "bench", 1)?;
    let worker = ledger.worker(0)?;
    fs::remove_file(path)?;
    Ok(worker)
}

fn admit_and_settle() -> Result<Case, Box<dyn Error>> {
    let mut worker = worker()?;
    let limits = Limits { rpm: 1_000_000, tpm: 1_000_000_000, concurrency: 0 };
    let mut now_ns = 1_000_000_000;
    Ok(Box::new(move || {
        now_ns += 50_000;
        let admission = worker.admit(3, limits, 160, now_ns, 1_800_000_000_000);
        let Ok(Admission::Granted { slot, .. }) = admission else { unreachable!("{admission:?}") };
        assert!(worker.attempt(slot, 1, 0));
        assert!(worker.settle(slot, 83, now_ns + 10_000).is_ok_and(|closed| closed));
    }))
}

fn read_response() -> Result<Case, Box<dyn Error>> {
    let head = "HTTP/1.1 200 OK\r\ndate: Sat, 21 Nov 2026 12:00:00 GMT\r\ncontent-type: application/json\r\n\
                x-request-id: req_0123456789abcdef\r\nopenai-processing-ms: 412\r\nopenai-version: 2020-10-01\r\n";
    let mut answer = format!("{head}content-length: {}\r\n\r\n", ANSWER.len()).into_bytes();
    answer.extend_from_slice(ANSWER);
    let mut reader = ResponseReader::new(HttpLimits::default());
    Ok(Box::new(move || {
        let mut body_bytes = 0;
        reader.start(false);
        let fed = reader.feed(black_box(&answer), |_, piece| body_bytes += piece.len());
        assert!(fed.is_ok() && reader.is_done() && body_bytes == ANSWER.len());
    }))
}

fn usage_of_answer() -> Result<Case, Box<dyn Error>> {
    Ok(Box::new(|| {
        let usage = read_answer(black_box(ANSWER)).ok().and_then(|answer| answer.usage);
        assert!(usage.is_some_and(|usage| usage.prompt == 31 && usage.completion == 52));
    }))
}

fn relay_event() -> Result<Case, Box<dyn Error>> {
    let event = [EVENT, b"\n\n"].concat();
    let settings = Settings { framing: Framing::Chunked, client_wants_usage: false, done_required: true };
    let mut relay = StreamRelay::new(settings);
    let mut out = Vec::with_capacity(16 * 1024);
    Ok(Box::new(move || {
        out.clear();
        relay.feed(black_box(&event), &mut out);
        assert!(out.len() > event.len());
        // As the border does it: text of long streams is counted and let go.
        if relay.text().len() > 8 * 1024 {
            relay.take_text();
        }
    }))
}

fn count_tokens() -> Result<Case, Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python/headgate/data/o200k.ranks");
    let tokenizer = Tokenizer::load(fs::read(path)?)?;
    let text = PARAGRAPH.repeat(10);
    let expected = tokenizer.count(&text);
    assert_eq!(expected, 221, "as js-tiktoken counts it");
    Ok(Box::new(move || assert_eq!(tokenizer.count(black_box(&text)), expected)))
}

fn render_record() -> Result<Case, Box<dyn Error>> {
    let members =
        [("key", "website"), ("model", "gpt-4o-mini"), ("provider", "openai"), ("endpoint", "chat")];
    let labels = Labels::new(&members, false);
    let identity = Identity { segment: 1, worker: 0, slot: 7, sequence: 1_000_000, attempt: 1 };
    let facts = Facts {
        request_id: "0193e0a1-2b3c-7d4e-8f50-617283940a1b",
        started_ms: 1_800_000_000_000,
        status: 200,
        outcome: "ok",
        cache: "off",
        usage_source: "provider",
        usage: Usage { prompt: 31, completion: 52, total: 83, cached: 0, reasoning: 0, written: 0 },
        received_ns: 1_000_000,
        first_token_ns: 400_000_000,
        now_ns: 412_000_000,
    };
    Ok(Box::new(move || {
        let line = labels.line(black_box(identity), &facts);
        assert!(line.ends_with(b"}\n") && line.len() > 300);
    }))
}
