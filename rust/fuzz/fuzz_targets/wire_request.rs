//! Requests of every dialect: what is read is said in every other, as JSON that is read again.
//!
//! The first byte chooses the dialect, the second the provider's model; the rest is the body.
#![no_main]

use headgate_fuzz::properties;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [dialect, model, body @ ..] = data else { return };
    let callers = properties::CALLERS;
    properties::request(callers[usize::from(*dialect) % callers.len()], body, *model);
});
