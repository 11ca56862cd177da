//! Writes `rust/core/src/tokens/classes.bin` from the Unicode data of `regex-syntax`.
//!
//! Usage: `cargo run --manifest-path rust/oracle/Cargo.toml -- rust/core/src/tokens/classes.bin`
//!
//! Two stages: 4,352 bytes of block numbers (code point >> 8), then blocks of
//! 256 classes, equal blocks once.

use std::error::Error;
use std::{env, fs};

use regex_syntax::hir::{Class, HirKind};

/// Class numbers in the order in which they are tried.
const CLASSES: [(u8, &str); 7] = [
    (7, r"[\r\n]"),
    (6, r"\s"),
    (5, r"\p{N}"),
    (1, r"[\p{Lu}\p{Lt}]"),
    (2, r"\p{Ll}"),
    (3, r"[\p{Lm}\p{Lo}]"),
    (4, r"\p{M}"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let target = env::args().nth(1).ok_or("usage: headgate-oracle <classes.bin>")?;
    let mut classes = vec![0_u8; 0x11_0000];
    for (number, pattern) in CLASSES.into_iter().rev() {
        let parsed = regex_syntax::parse(pattern)?;
        let HirKind::Class(Class::Unicode(set)) = parsed.kind() else { return Err(pattern.into()) };
        for range in set.ranges() {
            classes[range.start() as usize..=range.end() as usize].fill(number);
        }
    }
    let (mut index, mut blocks) = (Vec::new(), Vec::<&[u8]>::new());
    for block in classes.chunks(256) {
        let number = blocks.iter().position(|known| *known == block).unwrap_or_else(|| {
            blocks.push(block);
            blocks.len() - 1
        });
        index.push(u8::try_from(number)?);
    }
    index.extend(blocks.concat());
    fs::write(target, index)?;
    Ok(())
}
