//! Streams of events that are almost alike, made of the golden ones.

use std::fs;
use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop};
use serde_json::Value;

const ODD: [&str; 13] = [
    "null",
    "true",
    "7",
    "42",
    "-1",
    "7.0",
    "\"x\"",
    "\"y z\"",
    "\"\"",
    "\"a\\u00e9\\n\"",
    "{}",
    "[]",
    "\"stop\"",
];

/// An event of a dialect's golden streams, and others that differ from it in a value or a byte.
pub(in crate::wire) fn streams(dialect: &str) -> impl Strategy<Value = Vec<Vec<u8>>> {
    let index = any::<prop::sample::Index>;
    let changes = vec((0_u8..8, index(), index(), prop::sample::select(ODD.to_vec()), any::<u8>()), 1..8);
    (prop::sample::select(golden(dialect)), changes).prop_map(|(event, changes)| {
        let mut stream = vec![event.to_string().into_bytes(); 2];
        for (how, one, other, odd, byte) in changes {
            let mut next = event.to_string().into_bytes();
            let (one, other) = (one.index(next.len()), other.index(next.len()));
            match how {
                0 => next[one] = byte,
                1 => next.truncate(one),
                2 => {
                    let piece = next[one.min(other)..one.max(other)].to_vec();
                    next.splice(one..one, piece);
                }
                _ => next = replaced(&event, one, odd).into_bytes(),
            }
            stream.push(next);
        }
        stream
    })
}

fn golden(dialect: &str) -> Vec<Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(dialect);
    let streams = fs::read_dir(folder)
        .unwrap()
        .flatten()
        .filter_map(|scene| fs::read_to_string(scene.path().join("stream.txt")).ok());
    let mut events = Vec::new();
    for stream in streams {
        let lines = stream.lines().map(|line| line.trim_start_matches("data:").trim());
        events.extend(
            lines.filter_map(|line| serde_json::from_str::<Value>(line).ok()).filter(Value::is_object),
        );
    }
    assert!(events.len() > 5, "{dialect} has golden streams");
    events
}

fn replaced(event: &Value, which: usize, odd: &str) -> String {
    let (mut event, mut places) = (event.clone(), Vec::new());
    pointers(&event, "", &mut places);
    let place = &places[which % places.len()];
    if let Some(value) = event.pointer_mut(place) {
        *value = Value::from("<odd>");
    }
    event.to_string().replace("\"<odd>\"", odd)
}

fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| pointers(value, &format!("{at}/{name}"), out));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| pointers(item, &format!("{at}/{index}"), out));
        }
        _ => out.push(at.to_owned()),
    }
}
