//! The usage record of one finished attempt, as one line of the spool.
//!
//! Invariant: a line is the CRC-32 of its JSON in 8 hex digits, a space, the JSON and a line feed, so that a
//! torn write is seen; the id is made of the ledger's own numbers and names one attempt for all time.

use crate::json::{push_string, push_u64};
use crate::usage::Usage;

/// The part of a record that is the same for all requests of a key to a model: JSON members, ready to be copied.
#[derive(Debug)]
pub struct Labels {
    members: Vec<u8>,
}

/// What names an attempt: the parts of its record id.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// The ledger segment's id.
    pub segment: u64,
    /// The worker's index.
    pub worker: u64,
    /// The journal slot's ticket.
    pub slot: u64,
    /// The worker's sequence number.
    pub sequence: u64,
    /// The attempt's number within the request, from 1; 0 when no provider was asked.
    pub attempt: u64,
}

/// What became of an attempt; times are monotonic nanoseconds, 0 where a point was not reached.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The caller's or our request id.
    pub request_id: &'a str,
    /// Unix milliseconds of the request's start.
    pub started_ms: u64,
    /// HTTP status told to the caller.
    pub status: u64,
    /// `ok`, `cached`, or the code of the failure.
    pub outcome: &'a str,
    /// `off`, `miss` or `hit`.
    pub cache: &'a str,
    /// Where the numbers of `usage` came from.
    pub usage_source: &'a str,
    /// Tokens.
    pub usage: Usage,
    /// First byte of the request.
    pub received_ns: u64,
    /// First token of the answer.
    pub first_token_ns: u64,
    /// End.
    pub now_ns: u64,
}

impl Labels {
    /// Members `names` with their values; an empty value is null.
    #[must_use]
    pub fn new(members: &[(&str, &str)], stream: bool) -> Self {
        let mut out = Vec::with_capacity(128);
        for (name, value) in members {
            out.push(b',');
            push_string(&mut out, name);
            out.push(b':');
            if value.is_empty() {
                out.extend_from_slice(b"null");
            } else {
                push_string(&mut out, value);
            }
        }
        out.extend_from_slice(if stream { b",\"stream\":true" } else { b",\"stream\":false" });
        Self { members: out }
    }

    /// One spool line.
    #[must_use]
    pub fn line(&self, identity: Identity, facts: &Facts<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(448 + self.members.len());
        out.extend_from_slice(b"00000000 {\"id\":\"");
        push_identity(&mut out, identity);
        out.push(b'"');
        push_text(&mut out, b",\"request_id\":", facts.request_id);
        push_number(&mut out, b",\"started_ms\":", facts.started_ms);
        out.extend_from_slice(&self.members);
        push_number(&mut out, b",\"status\":", facts.status);
        push_text(&mut out, b",\"outcome\":", facts.outcome);
        push_text(&mut out, b",\"cache\":", facts.cache);
        push_number(&mut out, b",\"prompt_tokens\":", facts.usage.prompt);
        push_number(&mut out, b",\"completion_tokens\":", facts.usage.completion);
        push_number(&mut out, b",\"cached_tokens\":", facts.usage.cached);
        push_number(&mut out, b",\"reasoning_tokens\":", facts.usage.reasoning);
        push_text(&mut out, b",\"usage_source\":", facts.usage_source);
        push_number(&mut out, b",\"duration_us\":", facts.now_ns.saturating_sub(facts.received_ns) / 1_000);
        if facts.first_token_ns == 0 {
            out.extend_from_slice(b",\"ttft_us\":null");
        } else {
            let first = facts.first_token_ns.saturating_sub(facts.received_ns) / 1_000;
            push_number(&mut out, b",\"ttft_us\":", first);
        }
        out.push(b'}');
        let frame = checksum(&out[9..]);
        out[..9].copy_from_slice(&frame);
        out.push(b'\n');
        out
    }
}

/// The whole lines of a spool's block, read back.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unframed<'a> {
    /// The JSON of every good line, each followed by a line feed.
    pub payload: Vec<u8>,
    /// How many there are.
    pub records: u64,
    /// Lines that are torn or changed.
    pub corrupt: Vec<&'a [u8]>,
}

/// Reads a block of whole lines; empty lines count for nothing.
#[must_use]
pub fn unframe(block: &[u8]) -> Unframed<'_> {
    let mut read = Unframed { payload: Vec::with_capacity(block.len()), ..Unframed::default() };
    for line in block.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        match line.split_at_checked(9) {
            Some((frame, json)) if frame == checksum(json) => {
                read.payload.extend_from_slice(json);
                read.payload.push(b'\n');
                read.records += 1;
            }
            _ => read.corrupt.push(line),
        }
    }
    read
}

/// The CRC-32 in 8 hex digits and a space.
fn checksum(json: &[u8]) -> [u8; 9] {
    let crc = crc32fast::hash(json);
    let mut frame = [b' '; 9];
    for (at, digit) in frame[..8].iter_mut().enumerate() {
        *digit = hex_digit(crc >> (28 - 4 * at));
    }
    frame
}

fn push_text(out: &mut Vec<u8>, name: &[u8], value: &str) {
    out.extend_from_slice(name);
    push_string(out, value);
}

fn push_number(out: &mut Vec<u8>, name: &[u8], value: u64) {
    out.extend_from_slice(name);
    push_u64(out, value);
}

/// The same text as `headgate.record.Attempt.record_id()`.
fn push_identity(out: &mut Vec<u8>, identity: Identity) {
    push_hex(out, identity.segment, 16);
    for part in [identity.worker, identity.slot, identity.sequence, identity.attempt] {
        out.push(b'-');
        push_hex(out, part, 1);
    }
}

fn push_hex(out: &mut Vec<u8>, value: u64, least_digits: u32) {
    let digits = (64 - value.leading_zeros()).div_ceil(4).max(least_digits);
    for place in (0..digits).rev() {
        out.push(hex_digit(u32::try_from(value >> (4 * place) & 15).unwrap_or(0)));
    }
}

fn hex_digit(value: u32) -> u8 {
    b"0123456789abcdef"[(value & 15) as usize]
}

#[cfg(test)]
mod tests {
    use super::{Facts, Identity, Labels};
    use crate::usage::Usage;

    fn line() -> Vec<u8> {
        let labels = Labels::new(&[("key", "a \"quoted\" key"), ("provider", "")], true);
        let identity = Identity { segment: 0xAB, worker: 3, slot: 0x2_0001, sequence: 2, attempt: 1 };
        let facts = Facts {
            request_id: "r-1",
            started_ms: 1_700_000_000_000,
            status: 200,
            outcome: "ok",
            cache: "off",
            usage_source: "provider",
            usage: Usage { prompt: 19, completion: 34, total: 53, cached: 7, reasoning: 5, written: 0 },
            received_ns: 1_000_000,
            first_token_ns: 3_000_000,
            now_ns: 9_000_000,
        };
        labels.line(identity, &facts)
    }

    #[test]
    fn a_line_is_json_behind_its_checksum() {
        let line = line();
        let (crc, json) = line.strip_suffix(b"\n").unwrap().split_at(9);
        assert_eq!(crc, format!("{:08x} ", crc32fast::hash(json)).as_bytes());
        let record: serde_json::Value = serde_json::from_slice(json).unwrap();
        assert_eq!(record["id"], "00000000000000ab-3-20001-2-1");
        assert_eq!(record["key"], "a \"quoted\" key");
        assert_eq!(record["provider"], serde_json::Value::Null);
        assert_eq!(record["duration_us"], 8_000);
        assert_eq!(record["ttft_us"], 2_000);
        assert_eq!(record["stream"], true);
        assert_eq!(record["completion_tokens"], 34);
    }

    #[test]
    fn whole_lines_are_read_back_and_others_kept_aside() {
        let good = line();
        let mut changed = good.clone();
        changed[20] ^= 1;
        let block = [&good[..], b"torn\n", &changed[..], b"\n", &good[..]].concat();
        let read = super::unframe(&block);
        assert_eq!(read.records, 2);
        assert_eq!(read.payload, [&good[9..], &good[9..]].concat());
        assert_eq!(read.corrupt, [&b"torn"[..], &changed[..changed.len() - 1]]);
    }

    #[test]
    fn no_line_holds_a_line_feed_inside() {
        let labels = Labels::new(&[("model", "a\nb")], false);
        let identity = Identity { segment: 0, worker: 0, slot: 0, sequence: 0, attempt: 0 };
        let facts = Facts {
            request_id: "",
            started_ms: 0,
            status: 0,
            outcome: "",
            cache: "",
            usage_source: "",
            usage: Usage::default(),
            received_ns: 0,
            first_token_ns: 0,
            now_ns: 0,
        };
        let line = labels.line(identity, &facts);
        assert_eq!(memchr::memchr(b'\n', &line), Some(line.len() - 1));
    }
}
