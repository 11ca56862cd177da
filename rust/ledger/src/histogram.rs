//! Promises base-2 exponential buckets of schema 3 (eight per octave), exact to the nanosecond.
//!
//! Invariant: bucket `i` counts values in (2^((i−1)/8), 2^(i/8)] seconds, as Prometheus native
//! histograms of schema 3 and OpenTelemetry exponential histograms of scale 3 do. The bounds are
//! computed by integers at compile time.

/// Native-histogram schema: 2^3 buckets per octave.
pub const SCHEMA: i32 = 3;
/// Values up to 2^-20 s (0.95 µs) count as zero.
pub const LOWEST_OCTAVE: i32 = -20;
/// Values over 2^10 s (17 min) overflow.
pub const HIGHEST_OCTAVE: i32 = 10;

const PER_OCTAVE: usize = 8;
const OCTAVES: usize = 30;
/// Regular buckets.
pub const BUCKETS: usize = OCTAVES * PER_OCTAVE;
/// Stored cells: underflow, the buckets, overflow.
pub(crate) const CELLS: usize = BUCKETS + 2;

/// Upper bounds in whole nanoseconds, from 2^-20 s to 2^10 s.
const BOUNDS_NS: [u64; BUCKETS + 1] = bounds_ns();

/// 2^(k/8) × 2^63 for k in 0..8, by repeated integer square roots.
const fn roots() -> [u128; PER_OCTAVE] {
    let one = 1_u128 << 63;
    let half = (1_u128 << 127).isqrt();
    let quarter = (half << 63).isqrt();
    let eighth = (quarter << 63).isqrt();
    let mut table = [one; PER_OCTAVE];
    let mut k = 1;
    while k < PER_OCTAVE {
        if k & 1 != 0 {
            table[k] = (table[k] * eighth) >> 63;
        }
        if k & 2 != 0 {
            table[k] = (table[k] * quarter) >> 63;
        }
        if k & 4 != 0 {
            table[k] = (table[k] * half) >> 63;
        }
        k += 1;
    }
    table
}

const fn bounds_ns() -> [u64; BUCKETS + 1] {
    let roots = roots();
    let mut bounds = [0; BUCKETS + 1];
    let mut i = 0;
    while i <= BUCKETS {
        // 10^9 × 2^(octave − 20) × root / 2^63
        let ns = (1_000_000_000 * roots[i % PER_OCTAVE]) >> (63 + 20 - i / PER_OCTAVE);
        bounds[i] = low_word(ns);
        i += 1;
    }
    bounds
}

#[expect(clippy::cast_possible_truncation, reason = "bounds end at 2^10 s, far below 2^64 ns")]
const fn low_word(value: u128) -> u64 {
    value as u64
}

/// Cell of a value: 0 underflow, 1..=240 the buckets, 241 overflow.
pub(crate) fn cell_of(value_ns: u64) -> usize {
    BOUNDS_NS.partition_point(|&bound| bound < value_ns)
}

/// One histogram, read at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistogramSnapshot {
    /// Series name with labels.
    pub name: String,
    /// Observations: the sum of all cells, so that it never disagrees with them.
    pub count: u64,
    /// Sum of observations in nanoseconds; wraps at 2^64.
    pub sum_ns: u64,
    /// Observations up to 2^-20 s: the zero bucket.
    pub underflow: u64,
    /// Regular buckets; element `n` is native-histogram index `n − 159`.
    pub buckets: Vec<u64>,
    /// Observations over 2^10 s.
    pub overflow: u64,
}

impl HistogramSnapshot {
    pub(crate) fn new(name: String, sum_ns: u64, cells: &[u64]) -> Self {
        let [underflow, buckets @ .., overflow] = cells else {
            return Self { name, count: 0, sum_ns, underflow: 0, buckets: Vec::new(), overflow: 0 };
        };
        let count = cells.iter().sum();
        Self { name, count, sum_ns, underflow: *underflow, buckets: buckets.to_vec(), overflow: *overflow }
    }

    /// Native-histogram index of `buckets[position]`; its upper bound is 2^(index/8) seconds.
    #[must_use]
    pub fn index_of(position: usize) -> i32 {
        i32::try_from(position).unwrap_or(i32::MAX).saturating_add(LOWEST_OCTAVE * 8 + 1)
    }

    /// Cumulative counts for `le` = 2^-20 … 2^10 seconds, the classic form; `+Inf` is `count`.
    #[must_use]
    pub fn cumulative(&self) -> Vec<(f64, u64)> {
        let mut below = self.underflow;
        let mut rows = vec![(f64::from(LOWEST_OCTAVE).exp2(), below)];
        for (octave, cells) in (LOWEST_OCTAVE + 1..).zip(self.buckets.chunks(PER_OCTAVE)) {
            below += cells.iter().sum::<u64>();
            rows.push((f64::from(octave).exp2(), below));
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cell by floating point, unless the value is too near a bound for it to tell.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "the oracle is floating point"
    )]
    fn oracle(value_ns: u64) -> Option<usize> {
        let scaled = (value_ns as f64 / 1e9).log2() * 8.0;
        if (scaled - scaled.round()).abs() < 1e-11 {
            return None;
        }
        Some(usize::try_from((scaled.ceil() as i64 + 160).clamp(0, 241)).unwrap())
    }

    #[test]
    fn cells_agree_with_log2_on_both_sides_of_every_bound() {
        let mut told = 0;
        for bound in BOUNDS_NS {
            for value in bound.saturating_sub(3)..bound + 4 {
                if let Some(cell) = oracle(value) {
                    assert_eq!(cell_of(value), cell, "{value} ns");
                    told += 1;
                }
            }
        }
        assert!(told > 1_500, "the oracle told only {told}");
    }

    #[test]
    fn whole_octaves_are_exact_and_inclusive() {
        for (octave, seconds) in [(0, 1_u64), (1, 2), (5, 32), (10, 1024)] {
            let cell = (octave + 20) * PER_OCTAVE;
            assert_eq!(cell_of(seconds * 1_000_000_000), cell);
            assert_eq!(cell_of(seconds * 1_000_000_000 + 1), cell + 1);
        }
        assert_eq!([cell_of(0), cell_of(953), cell_of(954)], [0, 0, 1]);
        assert_eq!([cell_of(1_024_000_000_001), cell_of(u64::MAX)], [CELLS - 1; 2]);
    }

    #[test]
    fn cumulative_counts_end_at_all_but_the_overflow() {
        let mut cells = vec![0; CELLS];
        for value in [1, 1_000, 1_000_000_000, 1_000_000_001, u64::MAX] {
            cells[cell_of(value)] += 1;
        }
        let read = HistogramSnapshot::new("h".into(), 0, &cells);
        let rows = read.cumulative();
        assert_eq!(rows.len(), 31);
        assert_eq!((read.count, rows[30]), (5, (1024.0, 4)));
        assert_eq!((rows[0].1, rows[20], rows[21]), (1, (1.0, 3), (2.0, 4)));
        assert_eq!([HistogramSnapshot::index_of(0), HistogramSnapshot::index_of(159)], [-159, 0]);
    }
}
