//! Turns a rank file as `js-tiktoken` carries it into a `.ranks` table.
//!
//! Usage: `cargo run --release -p headgate-core --example make_ranks -- \
//!     node_modules/js-tiktoken/dist/ranks/o200k_base.js python/headgate/data/o200k.ranks`
//!
//! The encoding is told by the name of the table, `o200k` or `cl100k`.
//!
//! The file holds lines `! <first rank> <base64> <base64> …`, ranks counting up.

use std::error::Error;
use std::{env, fs};

use headgate_core::tokens::Encoding;
use headgate_core::tokens::table::{
    HEADER_BYTES, LENGTH_SHIFT, MAGIC, OFFSET_SHIFT, first_slot, hash, tag_and_length,
};
use xxhash_rust::xxh3::xxh3_64;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [source, target] = arguments.as_slice() else {
        return Err("usage: make_ranks <rank file> <table>".into());
    };
    let tokens = parse(&fs::read_to_string(source)?)?;
    let encoding = if target.ends_with("/o200k.ranks") {
        Encoding::O200k
    } else if target.ends_with("/cl100k.ranks") {
        Encoding::Cl100k
    } else {
        return Err("the table is named neither o200k.ranks nor cl100k.ranks".into());
    };
    fs::write(target, build(encoding, &tokens)?)?;
    Ok(())
}

fn parse(source: &str) -> Outcome<Vec<(u32, Vec<u8>)>> {
    let (_, rest) = source.split_once("\"bpe_ranks\":\"").ok_or("no bpe_ranks in the file")?;
    let (ranks, _) = rest.split_once('"').ok_or("bpe_ranks does not end")?;
    let mut tokens = Vec::new();
    for line in ranks.split("\\n").filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let (Some("!"), Some(first)) = (words.next(), words.next()) else {
            return Err("a line does not start with ! and a rank".into());
        };
        for (rank, word) in (first.parse::<u32>()?..).zip(words) {
            tokens.push((rank, decode(word)?));
        }
    }
    Ok(tokens)
}

fn decode(word: &str) -> Outcome<Vec<u8>> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut held, mut bytes) = (0_u32, 0_u32, Vec::new());
    for digit in word.trim_end_matches('=').chars() {
        let value = u32::try_from(DIGITS.find(digit).ok_or("not base64")?)?;
        (bits, held) = ((bits << 6) | value, held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff)?);
        }
    }
    Ok(bytes)
}

/// Tokens fill three of five slots: short probes, and still small.
fn build(encoding: Encoding, tokens: &[(u32, Vec<u8>)]) -> Outcome<Vec<u8>> {
    let count = tokens.len() * 5 / 3;
    let (mut slots, mut texts) = (vec![0_u64; count], Vec::new());
    let (mut longest, mut probes) = (0, 0);
    for (rank, text) in tokens {
        if *rank >> OFFSET_SHIFT != 0 || texts.len() >> (LENGTH_SHIFT - OFFSET_SHIFT) != 0 || text.len() > 255
        {
            return Err("a token does not fit a slot".into());
        }
        let hash = hash(text);
        let slot = u64::from(*rank)
            | ((texts.len() as u64) << OFFSET_SHIFT)
            | (tag_and_length(hash, text.len()) << LENGTH_SHIFT);
        let (mut at, mut probe) = (first_slot(hash, count), 1);
        while slots[at] != 0 {
            (at, probe) = ((at + 1) % count, probe + 1);
        }
        slots[at] = slot;
        texts.extend_from_slice(text);
        (longest, probes) = (longest.max(text.len()), probes.max(probe));
    }
    // A search may stop at an empty slot just after the longest chain.
    let fields = [tokens.len(), count, texts.len(), longest, probes + 1, encoding.number(), 0, 0];
    let mut covered = Vec::new();
    for field in fields {
        covered.extend(u32::try_from(field)?.to_le_bytes());
    }
    covered.extend(slots.iter().flat_map(|slot| slot.to_le_bytes()));
    covered.extend(texts);
    let mut file = Vec::with_capacity(HEADER_BYTES + covered.len());
    file.extend(MAGIC);
    file.extend(xxh3_64(&covered).to_le_bytes());
    file.extend(covered);
    Ok(file)
}
