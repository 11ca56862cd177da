//! Requests for vectors and answers with them, in every dialect: what is read is said, as JSON.
//!
//! The first byte chooses the endpoint; the rest is the body.
#![no_main]

use headgate_fuzz::properties;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((endpoint, body)) = data.split_first() else { return };
    let endpoints = properties::EMBEDDERS;
    properties::vectors(endpoints[usize::from(*endpoint) % endpoints.len()], body);
});
