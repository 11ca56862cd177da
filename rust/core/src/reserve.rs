//! How many tokens a request sets aside before anybody knows what its answer will have.
//!
//! Invariant: a prompt alone never reserves more than it is, and a mean never more than the bucket holds
//! (SPEC E, RULINGS 10).

/// Tokens of an answer that are expected of a route that has given none yet.
const FIRST_OUTPUT_TOKENS: f64 = 1024.0;
/// How much of the mean each answer replaces.
const LEARNING_RATE: f64 = 0.1;

/// The mean of what a route produces.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutputMean(Option<f64>);

impl OutputMean {
    /// Takes one answer in.
    pub fn learn(&mut self, completion_tokens: u64) {
        let tokens = to_f64(completion_tokens);
        self.0 = Some(self.0.map_or(tokens, |mean| mean + LEARNING_RATE * (tokens - mean)));
    }

    /// Tokens that the next answer may have.
    #[must_use]
    pub fn expected(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean of small counts")]
        let tokens = self.0.unwrap_or(FIRST_OUTPUT_TOKENS) as u64;
        tokens
    }
}

fn to_f64(tokens: u64) -> f64 {
    f64::from(u32::try_from(tokens).unwrap_or(u32::MAX))
}

/// Tokens to reserve: the prompt and its `ceiling`, or the route's mean where there is none, but then at most
/// the `bucket` (0: unlimited).
#[must_use]
pub fn tokens(prompt: u64, ceiling: Option<u64>, mean: &OutputMean, bucket: u64) -> u64 {
    match ceiling {
        Some(ceiling) => prompt.saturating_add(ceiling),
        None if bucket == 0 => prompt + mean.expected(),
        None => (prompt + mean.expected()).min(bucket.max(prompt)),
    }
}

#[cfg(test)]
mod tests {
    use super::{OutputMean, tokens};

    #[test]
    fn a_ceiling_is_reserved_as_it_stands() {
        assert_eq!(tokens(10, Some(5), &OutputMean::default(), 12), 15);
        assert_eq!(tokens(10, Some(u64::MAX), &OutputMean::default(), 0), u64::MAX);
    }

    #[test]
    fn without_one_the_mean_is_but_never_more_than_the_bucket() {
        let mut mean = OutputMean::default();
        assert_eq!(tokens(10, None, &mean, 0), 1034);
        assert_eq!(tokens(10, None, &mean, 500), 500);
        assert_eq!(tokens(600, None, &mean, 500), 600);
        mean.learn(100);
        assert_eq!(mean.expected(), 100);
        mean.learn(200);
        assert_eq!(mean.expected(), 110);
        assert_eq!(tokens(10, None, &mean, 500), 120);
    }

    #[test]
    fn an_absurd_answer_does_not_break_the_mean() {
        let mut mean = OutputMean::default();
        mean.learn(u64::MAX);
        assert_eq!(mean.expected(), u64::from(u32::MAX));
    }
}
