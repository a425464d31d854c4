//! `latency`: every chunk is delayed from its own arrival.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shakedown_model::Seed;
use shakedown_model::time::nanos;

use super::chain::Parcel;
use super::wire::whole;

/// How delays spread; Toxiproxy has `uniform` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Distribution {
    /// Between `latency − jitter` and `latency + jitter`, each as likely.
    #[default]
    Uniform,
    /// Around `latency` with the standard deviation `jitter`.
    Normal,
    /// From `latency` on, with a long tail whose mean is `jitter`: Pareto II (Lomax) of shape 3.
    Pareto,
}

impl Distribution {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    fn is_toxiproxys(&self) -> bool {
        *self == Self::Uniform
    }
}

/// A delay of `latency` milliseconds with some jitter, drawn in nanoseconds, never below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Latency {
    /// The middle of the delay in milliseconds; its least with `pareto`.
    #[serde(deserialize_with = "whole")]
    pub(crate) latency: u64,
    /// How far delays spread, in milliseconds.
    #[serde(deserialize_with = "whole")]
    pub(crate) jitter: u64,
    /// How they spread.
    #[serde(skip_serializing_if = "Distribution::is_toxiproxys")]
    pub(crate) distribution: Distribution,
}

/// The shape of the Pareto tail: its variance is finite, 3 times the square of its mean.
const PARETO_SHAPE: f64 = 3.0;
/// A Pareto draw is cut off at so many times its mean, where one in 130,000 lies beyond.
const PARETO_MOST: f64 = 100.0;

impl Latency {
    /// Delays a parcel from its arrival and from the latencies that it has had.
    pub(super) fn pass(self, draws: Seed, parcel: &mut Parcel) {
        parcel.since = parcel.since + self.delay(draws, parcel.offset);
        parcel.at = parcel.at.max(parcel.since);
    }

    /// The delay of the chunk that begins at `offset` of its direction, whose draws come from `draws`.
    pub(crate) fn delay(self, draws: Seed, offset: u64) -> Duration {
        let middle = Duration::from_millis(self.latency);
        let jitter = Duration::from_millis(self.jitter);
        if jitter.is_zero() {
            return middle;
        }
        let factor = match self.distribution {
            Distribution::Uniform => return uniform(middle, jitter, draws, offset),
            Distribution::Normal => normal(draws, offset),
            Distribution::Pareto => pareto(draws, offset),
        };
        let distance =
            Duration::try_from_secs_f64(jitter.as_secs_f64() * factor.abs()).unwrap_or(Duration::MAX);
        if factor < 0.0 { middle.saturating_sub(distance) } else { middle.saturating_add(distance) }
    }
}

fn uniform(middle: Duration, jitter: Duration, draws: Seed, offset: u64) -> Duration {
    let width = nanos(jitter).saturating_mul(2).saturating_add(1);
    let drawn = Duration::from_nanos(draws.below(offset, width));
    middle.saturating_add(drawn).saturating_sub(jitter)
}

/// A draw of mean 0 and deviation 1, by Box and Muller.
fn normal(draws: Seed, offset: u64) -> f64 {
    // 1 − u lies within (0, 1], where the logarithm is finite.
    let radius = (-2.0 * (1.0 - draws.unit(offset)).ln()).sqrt();
    radius * (std::f64::consts::TAU * draws.child("angle").unit(offset)).cos()
}

/// A draw of mean 1, least 0 and a tail that falls with the cube, by inversion.
fn pareto(draws: Seed, offset: u64) -> f64 {
    let excess = (1.0 - draws.unit(offset)).powf(-1.0 / PARETO_SHAPE) - 1.0;
    (excess * (PARETO_SHAPE - 1.0)).min(PARETO_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(latency: Latency) -> Vec<Duration> {
        let mut delays: Vec<_> = (0..20_000).map(|offset| latency.delay(Seed(5), offset)).collect();
        delays.sort_unstable();
        delays
    }

    fn mean_ms(delays: &[Duration]) -> f64 {
        delays.iter().map(Duration::as_secs_f64).sum::<f64>() * 1e3 / 20_000.0
    }

    fn ms(delay: Duration) -> f64 {
        delay.as_secs_f64() * 1e3
    }

    #[test]
    fn jitter_is_uniform_finer_than_milliseconds_and_within_bounds() {
        let delays = delays(Latency { latency: 80, jitter: 40, ..Latency::default() });
        assert!(delays[0].as_millis() >= 40 && delays[19_999] <= Duration::from_millis(120));
        assert!((mean_ms(&delays) - 80.0).abs() < 1.0, "mean {}", mean_ms(&delays));
        assert!(delays.iter().filter(|d| d.subsec_nanos() % 1_000_000 != 0).count() > 19_000);
        let tenths = delays.iter().filter(|d| d.as_millis() < 48).count();
        assert!((1_800..2_200).contains(&tenths), "a tenth of the delays lies in the lowest tenth: {tenths}");
    }

    #[test]
    fn normal_jitter_has_its_deviation_and_its_quantiles() {
        let delays = delays(Latency { latency: 500, jitter: 50, distribution: Distribution::Normal });
        assert!((mean_ms(&delays) - 500.0).abs() < 1.5, "mean {}", mean_ms(&delays));
        let quantile = |share: usize| ms(delays[share * 20_000 / 1_000]);
        for (share, wanted) in [(23, 400.0), (159, 450.0), (500, 500.0), (841, 550.0), (977, 600.0)] {
            assert!((quantile(share) - wanted).abs() < 4.0, "{share}: {} for {wanted}", quantile(share));
        }
    }

    #[test]
    fn pareto_jitter_begins_at_the_latency_and_has_a_long_tail() {
        let delays = delays(Latency { latency: 20, jitter: 10, distribution: Distribution::Pareto });
        assert!(delays[0] >= Duration::from_millis(20));
        assert!((mean_ms(&delays) - 30.0).abs() < 0.6, "mean {}", mean_ms(&delays));
        // The quantile of a Lomax with mean 10: 20 × (share beyond ^ (−1/3) − 1).
        for (place, wanted) in [(10_000, 5.2), (18_000, 23.1), (19_800, 72.8)] {
            let excess = ms(delays[place]) - 20.0;
            assert!((excess - wanted).abs() < wanted * 0.08, "{place}: {excess} for {wanted}");
        }
        assert!(delays[19_999] <= Duration::from_millis(20 + 1_000));
    }

    #[test]
    fn jitter_wider_than_the_latency_stops_at_zero() {
        for distribution in [Distribution::Uniform, Distribution::Normal] {
            let delays = delays(Latency { latency: 1, jitter: 100, distribution });
            let zero = delays.iter().filter(|delay| delay.is_zero()).count();
            assert!((8_000..12_000).contains(&zero), "{zero}");
        }
    }

    #[test]
    fn the_longest_latency_does_not_overflow() {
        for distribution in [Distribution::Uniform, Distribution::Normal, Distribution::Pareto] {
            let latency = Latency { latency: u64::MAX, jitter: u64::MAX, distribution };
            assert!((0..100).any(|offset| latency.delay(Seed(1), offset) > Duration::from_secs(1)));
        }
    }
}
