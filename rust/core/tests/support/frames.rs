//! Frames as AWS writes them.
#![expect(clippy::unwrap_used, dead_code, reason = "a test may panic, and each suite uses its part")]

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};

/// A frame with these headers, all of them texts.
pub fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut message = Message::new(payload.to_vec());
    for (name, value) in headers {
        let value = HeaderValue::String((*value).to_owned().into());
        message = message.add_header(Header::new((*name).to_owned(), value));
    }
    let mut out = Vec::new();
    write_message_to(&message, &mut out).unwrap();
    out
}

/// A frame whose headers may be anything, with the right checksums.
pub fn raw(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = u32::try_from(16 + headers.len() + payload.len()).unwrap();
    let mut out = [total, u32::try_from(headers.len()).unwrap()].map(u32::to_be_bytes).concat();
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

/// A golden stream of Converse, a line of type and data each, in the frames that carry it.
pub fn converse(lines: &str) -> Vec<u8> {
    lines
        .lines()
        .flat_map(|line| {
            let (name, data) = line.split_once(' ').unwrap();
            let kind = if name.ends_with("Exception") { "exception" } else { "event" };
            frame(
                &[
                    (&format!(":{kind}-type"), name),
                    (":content-type", "application/json"),
                    (":message-type", kind),
                ],
                data.as_bytes(),
            )
        })
        .collect()
}

/// A stream of server-sent events, in the chunks that `InvokeModelWithResponseStream` makes of them.
pub fn chunks(events: &str) -> Vec<u8> {
    let data = events.lines().filter_map(|line| line.strip_prefix("data: "));
    data.flat_map(|data| {
        let payload = format!("{{\"bytes\":\"{}\",\"p\":\"abcd\"}}", base64(data.as_bytes()));
        frame(&[(":event-type", "chunk"), (":message-type", "event")], payload.as_bytes())
    })
    .collect()
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let word =
            three.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            out.push(char::from(ALPHABET[(word >> (18 - 6 * place) & 63) as usize]));
        }
        out.push_str(&"=="[..3 - three.len()]);
    }
    out
}
