//! `latency`: every chunk is delayed from its own arrival.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shakedown_model::Seed;
use shakedown_model::time::nanos;

use super::wire::millis;

/// A delay between `latency − jitter` and `latency + jitter` milliseconds, uniform in nanoseconds, never below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Latency {
    /// The middle of the delay in milliseconds.
    #[serde(deserialize_with = "millis")]
    pub(crate) latency: u64,
    /// The largest distance from it in milliseconds.
    #[serde(deserialize_with = "millis")]
    pub(crate) jitter: u64,
}

impl Latency {
    /// The delay of the chunk that begins at `offset` of its direction, whose draws come from `draws`.
    pub(crate) fn delay(self, draws: Seed, offset: u64) -> Duration {
        let middle = Duration::from_millis(self.latency);
        if self.jitter == 0 {
            return middle;
        }
        let jitter = Duration::from_millis(self.jitter);
        let width = nanos(jitter).saturating_mul(2).saturating_add(1);
        let drawn = Duration::from_nanos(draws.below(offset, width));
        middle.saturating_add(drawn).saturating_sub(jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_uniform_finer_than_milliseconds_and_within_bounds() {
        let latency = Latency { latency: 80, jitter: 40 };
        let delays: Vec<_> = (0..20_000).map(|offset| latency.delay(Seed(5), offset)).collect();
        assert!(
            delays.iter().all(|d| (40..=120).contains(&d.as_millis()) && *d <= Duration::from_millis(120))
        );
        let mean = delays.iter().sum::<Duration>() / 20_000;
        assert!(mean.abs_diff(Duration::from_millis(80)) < Duration::from_millis(1), "mean {mean:?}");
        assert!(delays.iter().filter(|d| d.subsec_nanos() % 1_000_000 != 0).count() > 19_000);
        let tenths = delays.iter().filter(|d| d.as_millis() < 48).count();
        assert!((1_800..2_200).contains(&tenths), "a tenth of the delays lies in the lowest tenth: {tenths}");
    }

    #[test]
    fn jitter_wider_than_the_latency_stops_at_zero() {
        let latency = Latency { latency: 1, jitter: 100 };
        let zero = (0..1000).filter(|offset| latency.delay(Seed(5), *offset).is_zero()).count();
        assert!((400..600).contains(&zero), "{zero}");
    }

    #[test]
    fn the_longest_latency_does_not_overflow() {
        let latency = Latency { latency: u64::MAX, jitter: u64::MAX };
        assert!(latency.delay(Seed(1), 1) > Duration::from_secs(1));
    }
}
