//! Requests share a cache key if, and only if, they mean the same.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use headgate_core::cache_key::{cache_key, cache_key_sha256};
use headgate_core::wire::endpoint::Endpoint;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const SEED: u64 = 7;
const IGNORED: [&str; 7] =
    ["stream", "stream_options", "user", "metadata", "store", "safety_identifier", "prompt_cache_key"];

type Keys = ((u128, u64), [u8; 32]);

fn keys(body: &[u8]) -> Keys {
    (
        cache_key(body, "acme", Endpoint::Chat, SEED).unwrap(),
        cache_key_sha256(body, "acme", Endpoint::Chat).unwrap(),
    )
}

fn differ(left: &Keys, right: &Keys) -> bool {
    left.0.0 != right.0.0 && left.0.1 != right.0.1 && left.1 != right.1
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-999_i64..999).prop_map(Value::from),
        "[a-c\"\\\\é😀/]{0,9}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec(("[a-c]{0,2}", inner), 0..5).prop_map(|members| Value::from(Map::from_iter(members))),
        ]
    })
}

fn document() -> impl Strategy<Value = Value> {
    vec(("[a-d]{1,2}", value()), 0..5).prop_map(|members| Value::from(Map::from_iter(members)))
}

/// Another spelling of the same document, steered by `dice`.
fn respell(value: &Value, dice: &mut u64) -> String {
    *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let roll = *dice >> 60;
    let gap = [" ", "", "\n\t", "\r"][usize::try_from(roll % 4).unwrap()];
    match value {
        Value::Number(number) => match roll % 4 {
            0 => format!("{number}.00"),
            1 => format!("{number}e0"),
            // Of a zero this would be two, which no number begins with.
            2 if number.as_i64() != Some(0) => format!("{number}0E-1"),
            _ => number.to_string(),
        },
        Value::String(text) if roll.is_multiple_of(2) => {
            let units: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
            format!("\"{}\"", units.concat())
        }
        Value::String(_) => value.to_string().replace('/', "\\/"),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| respell(item, dice)).collect();
            format!("[{gap}{}{gap}]", items.join(&format!("{gap},")))
        }
        Value::Object(members) => {
            let mut parts: Vec<String> = members
                .iter()
                .map(|(name, value)| {
                    format!("{}{gap}:{gap}{}", respell(&json!(name), dice), respell(value, dice))
                })
                .collect();
            let len = parts.len().max(1);
            parts.rotate_left(usize::try_from(roll).unwrap() % len);
            format!("{{{gap}{}{gap}}}", parts.join(","))
        }
        _ => value.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn spelling_does_not_matter(document in document(), mut dice: u64) {
        let body = document.to_string();
        let other = respell(&document, &mut dice);
        prop_assert_eq!(keys(body.as_bytes()), keys(other.as_bytes()), "{} {}", body, other);
    }

    #[test]
    fn other_documents_have_other_keys(left in document(), right in document()) {
        let (one, two) = (keys(left.to_string().as_bytes()), keys(right.to_string().as_bytes()));
        prop_assert_eq!(left == right, one == two);
        prop_assert_eq!(left != right, differ(&one, &two));
    }

    #[test]
    fn ignored_members_do_not_matter_at_the_top_and_do_below(
        document in document(),
        at in 0..IGNORED.len(),
        extra in value(),
    ) {
        let plain = keys(document.to_string().as_bytes());
        let mut with = document.clone();
        with[IGNORED[at]] = extra.clone();
        prop_assert_eq!(keys(with.to_string().as_bytes()), plain);
        let mut below = document;
        below["inner"] = json!({IGNORED[at]: extra});
        let mut without = below.clone();
        without["inner"] = json!({});
        prop_assert!(differ(&keys(below.to_string().as_bytes()), &keys(without.to_string().as_bytes())));
    }

    #[test]
    fn a_long_body_is_keyed_as_a_short_one(tail in "[a-z]{0,40}", pad in 15_000_usize..18_000) {
        // The spelling decides which way the body is hashed, so both ways must agree.
        let text = "x".repeat(pad / 2) + &tail;
        let short = json!({"p": text}).to_string();
        let long = format!("{}{short}{}", " ".repeat(9_000), " ".repeat(9_000));
        prop_assert_eq!(keys(short.as_bytes()), keys(long.as_bytes()));
    }

    #[test]
    fn integers_are_exact(left: u128, right: u128, zeros in 0_usize..9) {
        let body = |number: &str| format!("{{\"a\":{number}}}");
        let (one, two) = (keys(body(&left.to_string()).as_bytes()), keys(body(&right.to_string()).as_bytes()));
        prop_assert_eq!(left == right, one == two);
        let shifted = format!("{left}{}e-{zeros}", "0".repeat(zeros));
        prop_assert_eq!(keys(body(&shifted).as_bytes()), one);
    }
}

#[test]
fn numbers_are_compared_by_value() {
    let key = |number: &str| keys(format!("{{\"a\":{number}}}").as_bytes());
    for group in [
        &["1", "1.0", "1e0", "10e-1", "0.1E+1", "100.00e-2"][..],
        &["0", "-0", "0.0", "-0e7", "0e999999999999999999999"],
        &["-1.5", "-15e-1", "-0.0015e3"],
        &["120", "12e1", "1.2e2", "120.0"],
    ] {
        for spelling in group {
            assert_eq!(key(spelling), key(group[0]), "{spelling}");
        }
    }
    let all = [
        "1",
        "-1",
        "10",
        "0.1",
        "0",
        "1.01",
        "101",
        "1e2",
        "9007199254740993",
        "9007199254740992",
        "null",
        "\"1\"",
    ];
    for (at, left) in all.iter().enumerate() {
        for right in &all[at + 1..] {
            assert!(differ(&key(left), &key(right)), "{left} {right}");
        }
    }
}

#[test]
fn tenant_endpoint_and_seed_are_part_of_the_key() {
    let body = br#"{"model":"m"}"#;
    let key = |tenant, endpoint, seed| cache_key(body, tenant, endpoint, seed).unwrap();
    let all = [
        key("a", Endpoint::Chat, 1),
        key("b", Endpoint::Chat, 1),
        key("", Endpoint::Chat, 1),
        key("a", Endpoint::Completions, 1),
        key("a", Endpoint::Embeddings, 1),
        key("a", Endpoint::Chat, 2),
    ];
    for (at, left) in all.iter().enumerate() {
        assert!(all[at + 1..].iter().all(|right| left.0 != right.0 && left.1 != right.1));
    }
    let shared = |tenant, endpoint| cache_key_sha256(body, tenant, endpoint).unwrap();
    assert_ne!(shared("a", Endpoint::Chat), shared("b", Endpoint::Chat));
    assert_ne!(shared("a", Endpoint::Chat), shared("a", Endpoint::Embeddings));
}

#[test]
fn what_is_not_json_has_no_key() {
    for body in ["", "{", "{}x", "{\"a\":\u{1}}"] {
        assert!(cache_key(body.as_bytes(), "a", Endpoint::Chat, 1).is_err());
    }
}
