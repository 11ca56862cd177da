//! Promises exact token buckets (GCRA): capacity = limit per minute, refilled continuously.
//!
//! Invariant: from any instant on, no more than capacity + elapsed × rate is admitted, and
//! never less for want of a rounded nanosecond. A token is worth `WINDOW_NS` ticks and one nanosecond
//! restores `limit` ticks, so every amount is a whole number of ticks whatever the limit; a [`Tat`]
//! keeps the part of a nanosecond that is left over. The decisions equal those of the plain model in
//! the tests, tick for tick.

/// The window that a limit is spread over: one minute.
pub const WINDOW_NS: u64 = 60_000_000_000;

/// A bucket: its theoretical arrival time, the instant at which it will be full again.
///
/// The value is `ns + part / over` nanoseconds. `Tat::default()` is a full bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tat {
    ns: u64,
    part: u32,
    over: u32,
}

impl Tat {
    /// The two words under which shared memory keeps the bucket.
    #[must_use]
    pub fn to_words(self) -> [u64; 2] {
        [self.ns, u64::from(self.part) << 32 | u64::from(self.over)]
    }

    /// The bucket kept as `words` by [`Tat::to_words`].
    #[must_use]
    pub fn from_words(words: [u64; 2]) -> Self {
        let [high, low] = [words[1] >> 32, words[1] & u64::from(u32::MAX)].map(narrow);
        Self { ns: words[0], part: high, over: low }
    }

    /// Ticks that are missing from a full bucket at `now_ns`.
    fn used(self, now_ns: u64, limit: u32) -> u128 {
        if self.ns < now_ns {
            return 0;
        }
        // Under another limit the part is rounded up to the next nanosecond: never in the caller's favour.
        let part = match self.part {
            0 => 0,
            part if self.over == limit => part,
            _ => limit,
        };
        u128::from(self.ns - now_ns) * u128::from(limit) + u128::from(part)
    }

    fn from_used(now_ns: u64, used: u128, limit: u32) -> Self {
        let (whole, part) = divide(used, u64::from(limit));
        Self { ns: now_ns.saturating_add(whole), part: narrow(part), over: limit }
    }
}

/// The answer to one ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Admitted: the bucket after it, whole tokens left, time until it is full again.
    Allow {
        /// The bucket to store.
        tat: Tat,
        /// Whole tokens left; `u64::MAX` without a limit.
        remaining: u64,
        /// Nanoseconds until the bucket is full.
        reset_ns: u64,
    },
    /// Not now: the same ask is admitted after this time if nobody else comes first.
    Wait {
        /// Shortest sufficient wait in nanoseconds.
        retry_after_ns: u64,
    },
    /// Never: the ask is larger than the capacity.
    TooLarge,
}

/// Asks `cost` tokens of a bucket that holds `limit_per_min`; 0 means no limit.
#[must_use]
pub fn check(tat: Tat, now_ns: u64, cost: u64, limit_per_min: u32) -> Decision {
    if limit_per_min == 0 {
        return Decision::Allow { tat, remaining: u64::MAX, reset_ns: 0 };
    }
    if cost > u64::from(limit_per_min) {
        return Decision::TooLarge;
    }
    let capacity = ticks(u64::from(limit_per_min));
    let used = tat.used(now_ns, limit_per_min) + ticks(cost);
    if used > capacity {
        return Decision::Wait { retry_after_ns: ns_of(used - capacity, limit_per_min) };
    }
    Decision::Allow {
        tat: Tat::from_used(now_ns, used, limit_per_min),
        remaining: divide(capacity - used, WINDOW_NS).0,
        reset_ns: ns_of(used, limit_per_min),
    }
}

/// Gives back `refund_tokens` of a reservation made at `reserved_at_ns`.
///
/// Restores max(0, refund − elapsed × rate): while the reservation was held, the bucket may have stood
/// full and let that much refill go by. So the bucket never holds more than one that had known the true
/// cost from the beginning.
#[must_use]
pub fn refund(tat: Tat, reserved_at_ns: u64, now_ns: u64, refund_tokens: u64, limit_per_min: u32) -> Tat {
    if limit_per_min == 0 {
        return tat;
    }
    let elapsed = u128::from(now_ns.saturating_sub(reserved_at_ns)) * u128::from(limit_per_min);
    let restored = ticks(refund_tokens).saturating_sub(elapsed);
    let used = tat.used(now_ns, limit_per_min).saturating_sub(restored);
    Tat::from_used(now_ns, used, limit_per_min)
}

/// Takes `extra_tokens` beyond a reservation, whether or not the bucket holds them: the rest is debt.
#[must_use]
pub fn charge(tat: Tat, now_ns: u64, extra_tokens: u64, limit_per_min: u32) -> Tat {
    if limit_per_min == 0 {
        return tat;
    }
    Tat::from_used(now_ns, tat.used(now_ns, limit_per_min) + ticks(extra_tokens), limit_per_min)
}

/// Whole tokens left at `now_ns` and the nanoseconds until the bucket is full.
#[must_use]
pub fn remaining(tat: Tat, now_ns: u64, limit_per_min: u32) -> (u64, u64) {
    if limit_per_min == 0 {
        return (u64::MAX, 0);
    }
    let used = tat.used(now_ns, limit_per_min);
    let left = ticks(u64::from(limit_per_min)).saturating_sub(used);
    (divide(left, WINDOW_NS).0, ns_of(used, limit_per_min))
}

fn ticks(tokens: u64) -> u128 {
    u128::from(tokens) * u128::from(WINDOW_NS)
}

/// Nanoseconds that restore `ticks`, rounded up.
fn ns_of(ticks: u128, limit: u32) -> u64 {
    let (whole, part) = divide(ticks, u64::from(limit));
    whole.saturating_add(u64::from(part > 0))
}

/// Quotient (saturating) and remainder; the common case stays in one machine word.
fn divide(value: u128, by: u64) -> (u64, u64) {
    if let Ok(small) = u64::try_from(value) {
        return (small / by, small % by);
    }
    let by = u128::from(by);
    (u64::try_from(value / by).unwrap_or(u64::MAX), u64::try_from(value % by).unwrap_or(0))
}

/// The low half of a value known to fit 32 bits (a remainder below a limit, or a masked half word).
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The plain model: ticks missing from a full bucket, in one large integer.
    struct Model {
        used: u128,
        at_ns: u64,
        limit: u32,
    }

    impl Model {
        fn advance(&mut self, now_ns: u64) {
            let refill = u128::from(now_ns - self.at_ns) * u128::from(self.limit);
            self.used = self.used.saturating_sub(refill);
            self.at_ns = now_ns;
        }

        fn ask(&mut self, cost: u64) -> bool {
            let fits = self.used + ticks(cost) <= ticks(u64::from(self.limit));
            if fits {
                self.used += ticks(cost);
            }
            fits
        }
    }

    fn limits() -> impl Strategy<Value = u32> {
        prop_oneof![1..200u32, 1_000..2_000_000u32, Just(u32::MAX)]
    }

    fn pauses() -> impl Strategy<Value = u64> {
        prop_oneof![Just(0), 0..5u64, 0..2_000_000_000u64, 0..90_000_000_000u64]
    }

    proptest! {
        #[test]
        fn decides_as_the_plain_model(
            limit in limits(),
            steps in prop::collection::vec((pauses(), 0.0..1.2f64, any::<bool>()), 1..200),
        ) {
            let (mut now, mut tat) = (1_000, Tat::default());
            let mut model = Model { used: 0, at_ns: now, limit };
            for (pause, share, unit) in steps {
                now += pause;
                model.advance(now);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a limit")]
                let cost = if unit { 1 } else { (share * f64::from(limit)) as u64 };
                match check(tat, now, cost, limit) {
                    Decision::Allow { tat: next, remaining: left, reset_ns } => {
                        prop_assert!(model.ask(cost));
                        tat = Tat::from_words(next.to_words());
                        let free = ticks(u64::from(limit)) - model.used;
                        prop_assert_eq!(u128::from(left), free / u128::from(WINDOW_NS));
                        prop_assert_eq!(u128::from(reset_ns), model.used.div_ceil(u128::from(limit)));
                        prop_assert_eq!(remaining(tat, now, limit), (left, reset_ns));
                    }
                    Decision::Wait { retry_after_ns } => {
                        prop_assert!(!model.ask(cost));
                        let early = check(tat, now + retry_after_ns - 1, cost, limit);
                        let late = check(tat, now + retry_after_ns, cost, limit);
                        prop_assert!(!matches!(early, Decision::Allow { .. }), "{early:?}");
                        prop_assert!(matches!(late, Decision::Allow { .. }), "{late:?}");
                    }
                    Decision::TooLarge => prop_assert!(cost > u64::from(limit)),
                }
            }
        }

        #[test]
        fn a_refund_never_holds_more_than_knowing_the_cost_at_first(
            limit in limits(),
            steps in prop::collection::vec((pauses(), 0.0..1.0f64, 0.0..1.0f64, 0..6usize), 1..60),
        ) {
            let (mut now, mut tat) = (1_000, Tat::default());
            // (taken at, reserved, used, steps until it is settled; 0 once it is)
            let mut taken: Vec<(u64, u64, u64, usize)> = Vec::new();
            for (pause, share, used_share, delay) in steps {
                now += pause;
                for entry in &mut taken {
                    if entry.3 == 1 {
                        tat = refund(tat, entry.0, now, entry.1 - entry.2, limit);
                    }
                    entry.3 = entry.3.saturating_sub(1);
                }
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a limit")]
                let [cost, used] = [share, share * used_share].map(|part| (part * f64::from(limit)) as u64);
                if let Decision::Allow { tat: next, .. } = check(tat, now, cost, limit) {
                    tat = next;
                    taken.push((now, cost, used, delay + 1));
                }
                let mut knowing = Model { used: 0, at_ns: 0, limit };
                for &(at, reserved, used, wait) in &taken {
                    knowing.advance(at);
                    knowing.used += ticks(if wait == 0 { used } else { reserved });
                }
                knowing.advance(now);
                prop_assert!(tat.used(now, limit) >= knowing.used);
            }
        }

        #[test]
        fn debt_is_paid_before_the_next_admission(limit in limits(), extra in 1..10_000_000u64) {
            let Decision::Allow { tat, .. } = check(Tat::default(), 5, u64::from(limit), limit) else {
                return Err(TestCaseError::fail("a full bucket refused its capacity"));
            };
            let owed = ns_of(ticks(extra + 1), limit);
            let tat = charge(tat, 5, extra, limit);
            prop_assert_eq!(check(tat, 5, 1, limit), Decision::Wait { retry_after_ns: owed });
            let paid = check(tat, 5 + owed, 1, limit);
            prop_assert!(matches!(paid, Decision::Allow { .. }), "{paid:?}");
        }
    }

    /// Admissions of unit asks made every `step_ns` for `span_ns`, the first at time 0 of a full bucket.
    fn greedy(limit: u32, span_ns: u64, step_ns: u64) -> u64 {
        let (mut tat, mut admitted, mut now) = (Tat::default(), 0, 0);
        while now <= span_ns {
            while let Decision::Allow { tat: next, .. } = check(tat, 7 + now, 1, limit) {
                tat = next;
                admitted += 1;
            }
            now += step_ns;
        }
        admitted
    }

    #[test]
    fn rpm_100_admits_exactly_100_plus_one_per_600_ms() {
        for span_ms in [0, 599, 600, 1_000, 1_199, 1_200, 30_000, 61_234] {
            let expected = 100 + span_ms / 600;
            assert_eq!(greedy(100, span_ms * 1_000_000, 1_000_000), expected, "after {span_ms} ms");
        }
    }

    #[test]
    fn every_limit_admits_its_whole_capacity_and_then_its_rate() {
        for limit in (1..=100).chain([999, 1_001, 7_777]) {
            assert_eq!(greedy(limit, 0, 1), u64::from(limit));
            assert_eq!(greedy(limit, WINDOW_NS, WINDOW_NS / 4), 2 * u64::from(limit));
        }
    }

    #[test]
    fn a_changed_limit_never_gains_a_part_of_a_nanosecond() {
        let Decision::Allow { tat, .. } = check(Tat::default(), 100, 1, 7) else {
            panic!("a full bucket refused one token");
        };
        assert!(tat.part > 0);
        assert_eq!(tat.used(100, 11), u128::from(WINDOW_NS / 7 + 1) * 11);
    }

    #[test]
    fn extremes_saturate() {
        assert_eq!(check(Tat::default(), u64::MAX, 2, 1), Decision::TooLarge);
        assert_eq!(
            check(Tat::default(), 3, u64::MAX, 0),
            Decision::Allow { tat: Tat::default(), remaining: u64::MAX, reset_ns: 0 }
        );
        let broke = charge(Tat::default(), u64::MAX - 1, u64::MAX, 1);
        assert_eq!(remaining(broke, 0, 1).0, 0);
        assert_eq!(refund(broke, u64::MAX, 0, u64::MAX, 0), broke);
    }
}
