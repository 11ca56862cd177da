//! The golden bodies, changed at random, against what must hold of any bytes; the same every time.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

#[path = "support/properties.rs"]
mod properties;
#[path = "support/scenes.rs"]
mod scenes;

use std::fs;

use headgate_core::wire::endpoint::Dialect;
use properties::EMBEDDERS;
use scenes::{Scene, root, scenes};

/// Changed bodies of each kind, for each dialect.
const CASES: usize = 1_200;
/// The same of streams, each of which is told to every caller twice.
const STREAMS: usize = 200;

/// `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    /// A range of some bytes of a body.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length);
        start..(start + self.below(24)).min(length)
    }
}

/// What breaks readers: ends of numbers, depth, escapes, half a character, types that were not meant.
const PIECES: [&[u8]; 16] = [
    b"null",
    b"[]",
    b"{}",
    b"\"\"",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"0.5",
    b"true",
    b"\\ud800",
    b"\\u0000",
    b"[[[[[[[[",
    b"\xff",
    b",",
    b"\n",
    b"\"type\":",
];

/// Changes a body in one to four places.
fn changed(body: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut body = body.to_vec();
    for _ in 0..=random.below(4) {
        let range = random.range(body.len());
        match random.below(8) {
            0 => {
                if let Some(byte) = body.get_mut(range.start) {
                    *byte ^= 1 << random.below(8);
                }
            }
            1 => drop(body.drain(range)),
            2 => {
                let again = body[range.clone()].to_vec();
                drop(body.splice(range.end..range.end, again));
            }
            3 => drop(body.splice(range, other[random.range(other.len())].to_vec())),
            4 => body.truncate(range.end),
            5 => value(&mut body, random),
            _ => drop(body.splice(range.start..range.start, PIECES[random.below(PIECES.len())].to_vec())),
        }
    }
    body
}

/// Puts another value where one stands behind a colon: JSON still, of a type that was not meant.
fn value(body: &mut Vec<u8>, random: &mut Random) {
    let colons: Vec<usize> = (0..body.len()).filter(|&at| body[at] == b':').collect();
    let Some(&colon) = colons.get(random.below(colons.len())) else { return };
    let mut end = colon + 1;
    let (mut quoted, mut depth) = (false, 0);
    while let Some(&byte) = body.get(end) {
        match byte {
            b'"' if body[end - 1] != b'\\' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b',' | b']' | b'}' if !quoted && depth == 0 => break,
            b']' | b'}' if !quoted => depth -= 1,
            _ => {}
        }
        end += 1;
    }
    drop(body.splice(colon + 1..end, PIECES[random.below(10)].to_vec()));
}

/// Gives `each` the changed files of that name of a dialect's scenes.
fn mutations(dialect: Dialect, file: &str, cases: usize, mut each: impl FnMut(&Scene, &[u8], &mut Random)) {
    let found: Vec<(Scene, Vec<u8>)> = scenes()
        .into_iter()
        .filter(|scene| scene.dialect == dialect)
        .filter_map(|scene| scene.read(file).map(|body| (scene, body)))
        .collect();
    let mut random = Random(found.len() as u64);
    for (scene, body) in &found {
        each(scene, body, &mut random);
    }
    for _ in 0..if found.is_empty() { 0 } else { cases } {
        let (scene, body) = &found[random.below(found.len())];
        let other = &found[random.below(found.len())].1;
        let body = changed(body, other, &mut random);
        each(scene, &body, &mut random);
    }
}

const DIALECTS: [Dialect; 6] = [
    Dialect::OpenAi,
    Dialect::Responses,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Ollama,
    Dialect::Bedrock,
];

#[test]
fn requests_are_said_or_refused() {
    for dialect in DIALECTS {
        mutations(dialect, "request.json", CASES, |scene, body, random| {
            if let Some(endpoint) = scene.endpoint() {
                properties::request(endpoint, body, random.next().to_le_bytes()[0]);
            }
        });
    }
}

#[test]
fn answers_are_told_or_unreadable() {
    for dialect in DIALECTS {
        mutations(dialect, "response.json", CASES, |_, body, _| properties::answer(dialect, body));
    }
}

#[test]
fn streams_tell_the_same_however_they_are_cut() {
    for dialect in DIALECTS {
        mutations(dialect, "stream.txt", STREAMS, |_, stream, random| {
            if dialect == Dialect::Bedrock {
                properties::frames(stream);
            } else {
                properties::stream(dialect, stream, 1 + random.below(64));
            }
        });
    }
}

#[test]
fn vectors_are_told_or_unreadable() {
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    for scene in fs::read_dir(root().join("tests/golden/embeddings")).unwrap() {
        let path = scene.unwrap().path();
        bodies.extend(
            ["caller.json", "request.json", "response.json"]
                .iter()
                .filter_map(|file| fs::read(path.join(file)).ok()),
        );
    }
    bodies.sort();
    assert!(bodies.len() > 12, "{}", bodies.len());
    let mut random = Random(1);
    for at in 0..2 * CASES {
        let other = &bodies[random.below(bodies.len())];
        let body = changed(&bodies[at % bodies.len()], other, &mut random);
        for endpoint in EMBEDDERS {
            properties::vectors(endpoint, &body);
        }
    }
}
