//! Any bytes: the reader agrees with `serde_json`, and whatever is read or rewritten stays readable.
#![no_main]

use headgate_core::cache_key::cache_key;
use headgate_core::json::Cursor;
use headgate_core::wire::endpoint;
use headgate_core::wire::openai::error::read_error;
use headgate_core::wire::openai::replay::{answer_from_events, stream_from_answer};
use headgate_core::wire::openai::request::{Endpoint, prompt_text, rewrite, scan};
use headgate_core::wire::openai::response::read_answer;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let ours = Cursor::new(body).and_then(|mut cursor| {
        cursor.skip()?;
        cursor.finish()
    });
    let theirs = serde_json::from_slice::<Value>(body);
    assert_eq!(ours.is_ok(), theirs.is_ok(), "{ours:?} {theirs:?}");
    assert_eq!(read_answer(body).is_ok(), theirs.is_ok_and(|value| value.is_object()));
    assert_eq!(cache_key(body, "t", endpoint::Endpoint::Chat, 1).is_ok(), ours.is_ok());
    let _ = read_error(body);
    let _ = answer_from_events(body);
    if let Some(stream) = stream_from_answer(body, true) {
        let _ = answer_from_events(&stream);
    }
    for endpoint in [Endpoint::Chat, Endpoint::Completions, Endpoint::Embeddings] {
        let Ok(found) = scan(body, endpoint) else { continue };
        let mut bytes = 0;
        let read = prompt_text(body, endpoint, |piece| bytes += piece.map_or(0, str::len) as u64);
        assert!(read == Ok(found.framing_tokens()) && bytes == found.text_bytes());
        let changed = rewrite(body, &found.edits, Some("other/\"model\""), true);
        let again = scan(&changed, endpoint);
        assert!(again.is_ok_and(|again| again.model == "other/\"model\"" && again.text == found.text));
    }
});
