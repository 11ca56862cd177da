//! Answers of every dialect: what is told is JSON in every other, and is told again.
//!
//! The first byte chooses the dialect; the rest is the body.
#![no_main]

use headgate_core::wire::endpoint::Dialect;
use headgate_fuzz::properties;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((dialect, body)) = data.split_first() else { return };
    properties::answer(Dialect::ALL[usize::from(*dialect) % Dialect::ALL.len()], body);
});
