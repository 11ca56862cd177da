//! Counts and ids of `headgate-core` against `bpe-openai`, an implementation of
//! its own with ranks of its own, on text made to hit every edge of the patterns.

use std::fs;
use std::path::{Path, PathBuf};

use headgate_core::tokens::Tokenizer;
use headgate_core::tokens::classes::{Class, class_of};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use regex_syntax::hir::{Class as HirClass, HirKind};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn ours(name: &str) -> Tokenizer<Vec<u8>> {
    let file = fs::read(root().join("python/headgate/data").join(name)).expect("table");
    Tokenizer::load(file).expect("sound table")
}

fn check(text: &str, o200k: &Tokenizer<Vec<u8>>, cl100k: &Tokenizer<Vec<u8>>) {
    for (ours, theirs) in [(o200k, bpe_openai::o200k_base()), (cl100k, bpe_openai::cl100k_base())] {
        let mut ids = Vec::new();
        ours.encode(text, &mut ids);
        assert_eq!(ids, theirs.encode(text), "{:?} of {text:?}", ours.encoding());
        assert_eq!(ours.count(text), ids.len(), "{:?} of {text:?}", ours.encoding());
    }
}

/// Characters around which the patterns turn, and any others.
fn edgy_text() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        6 => prop::sample::select(vec![
            " ", "  ", "\n", "\r\n", "\t", "'", "'s", "'S", "'ll", "'Re", "'\u{17f}", "/", "//\n", "a", "B", "Ab",
            "é", "\u{301}", "日", "ǅ", "ª", "٣", "½", "1", "234", "!", "_", "-", "\u{85}", "\u{a0}", "\u{3000}",
            "\u{feff}", "\u{200d}", "🙂", "👩🏽‍🚀", "हिन्दी", "العربية", "the", " the", "ing", "<|endoftext|>", "\0",
            "\u{10ffff}", "ß", "İ", "ſ", "Σ", "ไทย", "한국어", "====", "        ",
        ]).prop_map(str::to_owned),
        2 => any::<char>().prop_map(String::from),
        1 => "[a-zA-Z]{1,12}",
        1 => "\\p{Lo}{1,6}",
        1 => "[ -~]{1,20}",
    ];
    prop::collection::vec(atom, 0..40).prop_map(|atoms| atoms.concat())
}

#[test]
fn random_text_has_the_same_ids() {
    let (o200k, cl100k) = (ours("o200k.ranks"), ours("cl100k.ranks"));
    let cases = std::env::var("ORACLE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&edgy_text(), |text| {
        check(&text, &o200k, &cl100k);
        Ok(())
    });
    outcome.expect("same ids");
}

#[test]
fn long_pieces_have_the_same_ids() {
    let (o200k, cl100k) = (ours("o200k.ranks"), ours("cl100k.ranks"));
    let units = [
        "a",
        "ab",
        "abc",
        "=",
        "-=",
        " ",
        "\n",
        "日",
        "日本語文字",
        "thequickbrown",
        "ё",
        "🙂",
        "ACGTTGCA",
        "न",
    ];
    for unit in units {
        for bytes in [90, 97, 300, 8_191, 8_193, 30_000, 100_001] {
            check(&unit.repeat(bytes / unit.len()), &o200k, &cl100k);
        }
    }
    let mut state = 7_u32;
    for alphabet in ["abcdefghijklmnopqrstuvwxyz", "aeiostnr", "ACGT", "=-_*#", "的一是不了人我在有他"]
    {
        let letters: Vec<char> = alphabet.chars().collect();
        let mut next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            letters[(state >> 16) as usize % letters.len()]
        };
        let text: String = (0..60_000).map(&mut next).collect();
        check(&text, &o200k, &cl100k);
    }
}

#[test]
fn the_corpus_has_the_same_ids() {
    let (o200k, cl100k) = (ours("o200k.ranks"), ours("cl100k.ranks"));
    let folder = fs::read_dir(root().join("tests/golden/tokens")).expect("corpus");
    let texts = folder
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension() == Some("txt".as_ref()));
    let mut files = 0;
    for path in texts {
        check(&fs::read_to_string(path).expect("UTF-8"), &o200k, &cl100k);
        files += 1;
    }
    assert!(files > 0);
}

#[test]
fn every_code_point_has_the_class_of_the_regex_engine() {
    let classes = [
        (Class::Upper, r"[\p{Lu}\p{Lt}]"),
        (Class::Lower, r"\p{Ll}"),
        (Class::Caseless, r"[\p{Lm}\p{Lo}]"),
        (Class::Mark, r"\p{M}"),
        (Class::Number, r"\p{N}"),
        (Class::Space, r"[\s&&[^\r\n]]"),
        (Class::Newline, r"[\r\n]"),
        (Class::Other, r"[^\s\p{L}\p{M}\p{N}]"),
    ];
    let mut seen = 0;
    for (class, pattern) in classes {
        let parsed = regex_syntax::parse(pattern).expect("pattern");
        let HirKind::Class(HirClass::Unicode(set)) = parsed.kind() else { panic!("{pattern}") };
        for point in set.ranges().iter().flat_map(|range| range.start()..=range.end()) {
            assert_eq!(class_of(point), class, "{point:?}");
            seen += 1;
        }
    }
    assert_eq!(seen, 0x11_0000 - 0x800);
}
