//! Token ids against those of js-tiktoken, and what a bad table does.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its files fails")]

use std::fs;
use std::path::{Path, PathBuf};

use headgate_core::tokens::table::HEADER_BYTES;
use headgate_core::tokens::{Encoding, TableError, Tokenizer};
use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_64;

const ENCODINGS: [(Encoding, &str); 2] = [(Encoding::O200k, "o200k"), (Encoding::Cl100k, "cl100k")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn table(name: &str) -> Vec<u8> {
    fs::read(root().join(format!("python/headgate/data/{name}.ranks"))).unwrap()
}

fn tokenizer(encoding: Encoding) -> Tokenizer<Vec<u8>> {
    let name = if encoding == Encoding::O200k { "o200k" } else { "cl100k" };
    let tokenizer = Tokenizer::load(table(name)).unwrap();
    assert_eq!(tokenizer.encoding(), encoding);
    tokenizer
}

fn ids<B: AsRef<[u8]> + Send + Sync>(tokenizer: &Tokenizer<B>, text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    tokenizer.encode(text, &mut ids);
    ids
}

#[test]
fn the_corpus_has_the_golden_ids() {
    let folder = root().join("tests/golden/tokens");
    let golden: Value = serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    for (encoding, name) in ENCODINGS {
        let tokenizer = tokenizer(encoding);
        for (file, expected) in golden.as_object().unwrap() {
            let text = fs::read_to_string(folder.join(file)).unwrap();
            let ids = ids(&tokenizer, &text);
            let stream: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
            let digest = format!("{:x}", Sha256::digest(&stream));
            assert_eq!(ids.len() as u64, expected[name]["tokens"].as_u64().unwrap(), "{name} {file}");
            assert_eq!(digest, expected[name]["sha256"].as_str().unwrap(), "{name} {file}");
            assert_eq!(tokenizer.count(&text), ids.len(), "{name} {file}");
        }
    }
}

#[test]
fn special_tokens_are_ordinary_text() {
    for (encoding, _) in ENCODINGS {
        let ids = ids(&tokenizer(encoding), "<|endoftext|>");
        assert!(ids.len() > 3 && ids.iter().all(|&id| id < 199_998), "{ids:?}");
    }
}

#[test]
fn a_long_run_costs_tokens_in_proportion() {
    for (encoding, _) in ENCODINGS {
        let tokenizer = tokenizer(encoding);
        let eighth = tokenizer.count(&"a".repeat(1 << 17));
        assert_eq!(tokenizer.count(&"a".repeat(1 << 20)), 8 * eighth, "{encoding:?}");
    }
}

#[test]
fn models_have_the_encoding_of_their_name() {
    let newer = [
        "gpt-4o-mini",
        "gpt-4.1",
        "gpt-4.5-preview",
        "gpt-5",
        "o1",
        "o3-mini",
        "o4-mini",
        "chatgpt-4o-latest",
    ];
    let others = ["claude-sonnet-4", "llama-3", "", "gpt-oss-120b", "ft:gpt-4o:acme::1", "openai/gpt-4o"];
    let older = ["gpt-4", "gpt-4-turbo", "gpt-3.5-turbo", "gpt-35-turbo", "text-embedding-3-small"];
    let oldest =
        ["text-embedding-ada-002", "ft:gpt-3.5-turbo:acme::1", "openai/gpt-4", "davinci-002", "babbage-002"];
    for name in newer.iter().chain(&others) {
        assert_eq!(Encoding::for_model(name), Encoding::O200k, "{name}");
    }
    for name in older.iter().chain(&oldest) {
        assert_eq!(Encoding::for_model(name), Encoding::Cl100k, "{name}");
    }
}

#[test]
fn a_cut_table_is_refused() {
    let file = table("cl100k");
    for length in [0, 7, 8, 15, 47, 48, 49, file.len() / 2, file.len() - 1] {
        assert_eq!(Tokenizer::load(&file[..length]).err(), Some(TableError::Size), "{length}");
    }
    let longer = [file.as_slice(), b"x"].concat();
    assert_eq!(Tokenizer::load(longer).err(), Some(TableError::Size));
}

#[test]
fn a_changed_table_is_refused() {
    let file = table("cl100k");
    let places = (0..HEADER_BYTES).chain((HEADER_BYTES..file.len()).step_by(99_991));
    for place in places {
        let mut changed = file.clone();
        changed[place] ^= 0x20;
        assert!(Tokenizer::load(changed).is_err(), "byte {place}");
    }
}

#[test]
fn headers_that_promise_too_much_are_refused() {
    for (field, value) in [(20, u32::MAX), (24, u32::MAX), (28, 256), (32, u32::MAX), (16, u32::MAX), (36, 1)]
    {
        let mut file = table("cl100k");
        file[field..field + 4].copy_from_slice(&value.to_le_bytes());
        seal(&mut file);
        assert!(Tokenizer::load(file).is_err(), "field at {field}");
    }
}

fn seal(file: &mut [u8]) {
    let sum = xxh3_64(&file[16..]);
    file[8..16].copy_from_slice(&sum.to_le_bytes());
}

/// A file that shrinks after it was checked, as a mapping could.
struct Shrinking(Vec<u8>, std::sync::atomic::AtomicUsize);

impl AsRef<[u8]> for Shrinking {
    fn as_ref(&self) -> &[u8] {
        let reads = self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if reads == 0 { &self.0 } else { &self.0[..self.0.len() / 3] }
    }
}

#[test]
fn a_file_that_shrinks_gives_a_count_and_no_panic() {
    let file = Shrinking(table("cl100k"), 0.into());
    let tokenizer = Tokenizer::load(file).unwrap();
    assert!(tokenizer.count("hello world, again and again") > 0);
}

#[test]
fn a_wrong_table_with_a_right_checksum_gives_numbers_and_no_panic() {
    let text = fs::read_to_string(root().join("tests/golden/tokens/shuffled.txt")).unwrap();
    let mut state = 1_u64;
    let mut file = table("cl100k");
    for byte in &mut file[HEADER_BYTES..] {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if state >> 61 == 0 {
            *byte = u8::try_from(state >> 32 & 0xff).unwrap();
        }
    }
    seal(&mut file);
    let tokenizer = Tokenizer::load(file).unwrap();
    assert!(tokenizer.count(&text) > 0);
    assert!(ids(&tokenizer, &text).len() <= text.len());
}

#[test]
fn any_text_is_counted_as_it_is_encoded() {
    let tokenizers = ENCODINGS.map(|(encoding, _)| tokenizer(encoding));
    proptest!(|(text in any::<String>(), words in "[a-zA-Z' \n]{0,300}")| {
        for tokenizer in &tokenizers {
            for text in [&text, &words] {
                let count = tokenizer.count(text);
                prop_assert_eq!(count, ids(tokenizer, text).len());
                prop_assert!(count <= text.len());
            }
        }
    });
}
