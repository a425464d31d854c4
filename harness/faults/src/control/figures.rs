//! What calls came to: how many, how many failed, how long they took.

use std::time::Duration;

/// The smallest time that is told apart, and by how much the steps grow: 2 % from 1 µs to 100 s takes 931 of them.
const SMALLEST: f64 = 1e-6;
const GROWTH: f64 = 1.02;
const STEPS: usize = 932;

/// Calls of one kind.
#[derive(Debug, Clone)]
pub(super) struct Calls {
    counts: Vec<u64>,
    longest: Duration,
    pub(super) failed: u64,
    /// Why the first failed that did.
    pub(super) why: Option<String>,
}

impl Default for Calls {
    fn default() -> Self {
        Self { counts: vec![0; STEPS], longest: Duration::ZERO, failed: 0, why: None }
    }
}

impl Calls {
    pub(super) fn take(&mut self, took: Duration, result: Result<(), String>) {
        match result {
            Ok(()) => {
                self.counts[step(took)] += 1;
                self.longest = self.longest.max(took);
            }
            Err(why) => {
                self.failed += 1;
                self.why.get_or_insert(why);
            }
        }
    }

    pub(super) fn answered(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The time within which this share of the answers came, to 2 %.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count lies between zero and the count"
    )]
    pub(super) fn quantile(&self, share: f64) -> Duration {
        let answered = self.answered();
        let mut left = (answered as f64 * share).ceil() as u64;
        for (step, count) in self.counts.iter().enumerate() {
            if *count >= left {
                return upper(step).min(self.longest);
            }
            left -= count;
        }
        self.longest
    }

    /// As `4,012 reads (401/s, p50 2.1 ms, p99 9.0 ms, max 15.2 ms, 3 failed: ...)`.
    pub(super) fn words(&self, what: &str, within: Duration) -> Option<String> {
        let answered = self.answered();
        if answered == 0 && self.failed == 0 {
            return None;
        }
        let rate = answered as f64 / within.as_secs_f64().max(1e-3);
        let failed = match &self.why {
            None => "none failed".to_owned(),
            Some(why) => format!("{} failed, the first with: {why}", self.failed),
        };
        if answered == 0 {
            return Some(format!("no {what} answered, {failed}"));
        }
        let ms = |share| format!("{:.1} ms", self.quantile(share).as_secs_f64() * 1e3);
        let (p50, p99) = (ms(0.5), ms(0.99));
        let max = self.longest.as_secs_f64() * 1e3;
        Some(format!("{answered} {what} ({rate:.0}/s, p50 {p50}, p99 {p99}, max {max:.1} ms, {failed})"))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the logarithm of something above one, cut to the last step"
)]
fn step(took: Duration) -> usize {
    let steps = (took.as_secs_f64() / SMALLEST).max(1.0).ln() / GROWTH.ln();
    (steps as usize).min(STEPS - 1)
}

fn upper(step: usize) -> Duration {
    Duration::from_secs_f64(SMALLEST * GROWTH.powf(step as f64 + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_true_to_two_percent() {
        let mut calls = Calls::default();
        for millis in 1..=1000 {
            calls.take(Duration::from_millis(millis), Ok(()));
        }
        for (share, expected) in [(0.5, 0.5), (0.9, 0.9), (0.99, 0.99)] {
            let seen = calls.quantile(share).as_secs_f64();
            assert!((seen / expected - 1.0).abs() < 0.021, "{share}: {seen}");
        }
        assert_eq!(calls.quantile(1.0), Duration::from_secs(1));
        assert_eq!(
            calls.words("reads", Duration::from_secs(10)).unwrap().split(',').next(),
            Some("1000 reads (100/s")
        );
    }

    #[test]
    fn calls_that_fail_are_no_times() {
        let mut calls = Calls::default();
        assert_eq!(calls.words("reads", Duration::from_secs(1)), None);
        calls.take(Duration::from_secs(9), Err("refused".into()));
        let words = calls.words("reads", Duration::from_secs(1)).unwrap();
        assert_eq!(words, "no reads answered, 1 failed, the first with: refused");
    }
}
