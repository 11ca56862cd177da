//! Pieces of response heads, written straight into the buffer that goes out.
//!
//! Invariant: every piece is whole header lines, each ended by CRLF, of ASCII digits, letters and points.

use crate::json::push_u64;

const NS_PER_MS: u64 = 1_000_000;
const MS_PER_SECOND: u64 = 1_000;
const MS_PER_MINUTE: u64 = 60 * MS_PER_SECOND;
const MS_PER_HOUR: u64 = 60 * MS_PER_MINUTE;

/// One bucket as a caller sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Capacity; 0 means that there is no limit.
    pub limit: u64,
    /// What could be spent at once.
    pub remaining: u64,
    /// Time until the bucket is full again.
    pub reset_ns: u64,
}

/// Where the time of one request went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// From accept to the head of the answer.
    pub total_ns: u64,
    /// Waiting before the first of our own work.
    pub queue_ns: u64,
    /// Identifying and admitting.
    pub admit_ns: u64,
    /// Waiting for the upstream.
    pub upstream_ns: u64,
    /// Our own share, queueing included.
    pub gateway_ns: u64,
}

/// Appends the `x-ratelimit-*` lines; an unlimited bucket has none.
///
/// Source: platform.openai.com/docs/guides/rate-limits, "Rate limits in headers".
pub fn rate_limit_headers(out: &mut Vec<u8>, requests: Bucket, tokens: Bucket) {
    for (bucket, unit) in [(requests, &b"requests: "[..]), (tokens, b"tokens: ")] {
        if bucket.limit == 0 {
            continue;
        }
        out.extend_from_slice(b"x-ratelimit-limit-");
        out.extend_from_slice(unit);
        push_u64(out, bucket.limit);
        out.extend_from_slice(b"\r\nx-ratelimit-remaining-");
        out.extend_from_slice(unit);
        push_u64(out, bucket.remaining);
        out.extend_from_slice(b"\r\nx-ratelimit-reset-");
        out.extend_from_slice(unit);
        push_duration(out, bucket.reset_ns);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the `server-timing` line, in milliseconds. Source: W3C Server Timing.
pub fn server_timing(out: &mut Vec<u8>, timing: &Timing) {
    let metrics = [
        (&b"server-timing: total;dur="[..], timing.total_ns),
        (b", queue;dur=", timing.queue_ns),
        (b", admit;dur=", timing.admit_ns),
        (b", upstream;dur=", timing.upstream_ns),
        (b", gateway;dur=", timing.gateway_ns),
    ];
    for (name, value_ns) in metrics {
        out.extend_from_slice(name);
        push_u64(out, value_ns / NS_PER_MS);
        out.push(b'.');
        push_three(out, value_ns % NS_PER_MS / 1_000);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a duration in `OpenAI`'s form (`17ms`, `1.2s`, `6m0s`), rounded up so that nobody comes too early.
pub fn push_duration(out: &mut Vec<u8>, duration_ns: u64) {
    let total_ms = duration_ns.div_ceil(NS_PER_MS);
    if total_ms > 0 && total_ms < MS_PER_SECOND {
        push_u64(out, total_ms);
        out.extend_from_slice(b"ms");
        return;
    }
    if total_ms >= MS_PER_HOUR {
        push_u64(out, total_ms / MS_PER_HOUR);
        out.push(b'h');
    }
    if total_ms >= MS_PER_MINUTE {
        push_u64(out, total_ms % MS_PER_HOUR / MS_PER_MINUTE);
        out.push(b'm');
    }
    push_u64(out, total_ms % MS_PER_MINUTE / MS_PER_SECOND);
    let fraction = total_ms % MS_PER_SECOND;
    if fraction > 0 {
        out.push(b'.');
        push_three(out, fraction);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
    out.push(b's');
}

fn push_three(out: &mut Vec<u8>, value: u64) {
    // Four digits with a leading one keep the zeros that belong to the fraction.
    let at = out.len();
    push_u64(out, 1_000 + value % 1_000);
    out.remove(at);
}

#[cfg(test)]
mod tests {
    use super::{Bucket, Timing, push_duration, rate_limit_headers, server_timing};

    fn duration(ns: u64) -> String {
        let mut out = Vec::new();
        push_duration(&mut out, ns);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn durations_have_the_providers_form() {
        let cases = [
            (0, "0s"),
            (1, "1ms"),
            (17_000_000, "17ms"),
            (999_000_001, "1s"),
            (1_200_000_000, "1.2s"),
            (8_640_000_000, "8.64s"),
            (59_999_000_001, "1m0s"),
            (360_000_000_000, "6m0s"),
            (90_951_000_000, "1m30.951s"),
            (3_600_000_000_000, "1h0m0s"),
            (86_400_000_000_000, "24h0m0s"),
            (1_005_000_000, "1.005s"),
        ];
        for (ns, text) in cases {
            assert_eq!(duration(ns), text);
        }
        assert_eq!(duration(u64::MAX), "5124095h34m33.71s");
    }

    #[test]
    fn a_line_per_fact_and_none_without_a_limit() {
        let mut out = Vec::new();
        rate_limit_headers(
            &mut out,
            Bucket { limit: 100, remaining: 99, reset_ns: 600_000_000 },
            Bucket::default(),
        );
        assert_eq!(
            out,
            b"x-ratelimit-limit-requests: 100\r\nx-ratelimit-remaining-requests: 99\r\nx-ratelimit-reset-requests: 600ms\r\n"
        );
        out.clear();
        rate_limit_headers(&mut out, Bucket::default(), Bucket { limit: 5, remaining: 0, reset_ns: 0 });
        assert_eq!(
            out,
            b"x-ratelimit-limit-tokens: 5\r\nx-ratelimit-remaining-tokens: 0\r\nx-ratelimit-reset-tokens: 0s\r\n"
        );
    }

    #[test]
    fn timing_is_in_milliseconds() {
        let mut out = Vec::new();
        let timing = Timing {
            total_ns: 1_234_567,
            queue_ns: 0,
            admit_ns: 999,
            upstream_ns: 1_005_000,
            gateway_ns: 50_000,
        };
        server_timing(&mut out, &timing);
        assert_eq!(
            out,
            b"server-timing: total;dur=1.234, queue;dur=0.000, admit;dur=0.000, upstream;dur=1.005, gateway;dur=0.050\r\n"
        );
    }
}
