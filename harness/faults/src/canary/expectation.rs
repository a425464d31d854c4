//! What a canary must see for a fault to have bitten.

use std::time::Duration;

use shakedown_model::fault::{Distribution, Stream};

/// What a canary must see.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Expectation {
    /// Round trips are longer.
    Delay {
        /// By this much on average.
        added: Duration,
        /// By this much at most.
        most: Duration,
    },
    /// Live connections break at once, new ones within this time.
    Cut {
        /// The time.
        new_within: Duration,
    },
    /// No answer comes, and connections live.
    Silence,
    /// New connections are accepted and have no answer, live ones go on.
    SilenceOnNew,
    /// New connections are refused or end before an answer.
    RefusedNew {
        /// Whether live ones go on; else they end.
        spares_live: bool,
    },
    /// A live connection breaks once it is used, and new ones work.
    LiveLost,
    /// The end of a connection comes later by this much.
    LateEnd {
        /// The time.
        added: Duration,
    },
    /// There is nothing that a canary could see, for this reason.
    Nothing(&'static str),
}

impl Expectation {
    /// The delay of a latency toxic, never below zero, once per direction of the stream.
    pub(crate) fn delay(
        stream: Stream,
        latency: Duration,
        jitter: Duration,
        distribution: Distribution,
    ) -> Self {
        let (mean, most) = match distribution {
            Distribution::Uniform => (uniform_mean(latency, jitter), latency + jitter),
            // Below zero is raised to zero, which only adds: the mean is at least this.
            Distribution::Normal => (latency.max(jitter.mul_f64(HALF_NORMAL_MEAN)), latency + jitter * 4),
            // One draw in 200 is longer.
            Distribution::Pareto => (latency + jitter, latency + jitter * 10),
        };
        let directions = directions(stream);
        Self::Delay { added: mean * directions, most: most * directions }
    }

    /// A delay that bytes meet on a line, if it is long enough to be told from a machine's own.
    pub(crate) fn slower(stream: Stream, least: Duration, most: Duration) -> Self {
        let added = least * directions(stream);
        if added < VISIBLE {
            return Self::Nothing("what the canary sends is too little to be held up visibly");
        }
        Self::Delay { added, most: (most * directions(stream)).max(added) }
    }
}

/// The bytes of a probe's request, and of its answer, are at least these.
pub(crate) const ASK_BYTES: u64 = 60;
/// And at most these.
pub(crate) const MOST_ASK_BYTES: u64 = 2_000;
/// A shorter delay is lost in what a busy machine adds by itself.
const VISIBLE: Duration = Duration::from_millis(5);
/// The mean of a normal draw around zero whose part below zero is raised to it, per deviation: 1 / √(2π).
const HALF_NORMAL_MEAN: f64 = 0.3989;

pub(crate) fn directions(stream: Stream) -> u32 {
    if stream == Stream::Both { 2 } else { 1 }
}

fn uniform_mean(latency: Duration, jitter: Duration) -> Duration {
    let most = latency + jitter;
    if jitter > latency {
        // The part below zero is raised to zero: ∫ x dx from 0 to l+j over the width 2j.
        most.mul_f64(most.as_secs_f64() / (4.0 * jitter.as_secs_f64()))
    } else {
        latency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn both_directions_count() {
        assert_eq!(
            Expectation::delay(Stream::Both, 80 * MS, 40 * MS, Distribution::Uniform),
            Expectation::Delay { added: 160 * MS, most: 240 * MS }
        );
    }

    #[test]
    fn jitter_beyond_the_latency_raises_the_mean() {
        let Expectation::Delay { added, most } =
            Expectation::delay(Stream::Upstream, 50 * MS, 200 * MS, Distribution::Uniform)
        else {
            panic!("a latency is expected as a delay");
        };
        assert_eq!(most, 250 * MS);
        // 250² / 800 = 78.125 ms.
        assert!(added.abs_diff(Duration::from_micros(78_125)) < Duration::from_micros(1), "{added:?}");
    }

    #[test]
    fn no_latency_at_all_adds_nothing() {
        let nothing = Expectation::delay(Stream::Both, Duration::ZERO, Duration::ZERO, Distribution::Uniform);
        assert_eq!(nothing, Expectation::Delay { added: Duration::ZERO, most: Duration::ZERO });
    }

    #[test]
    fn other_distributions_have_their_own_means() {
        let delay = |distribution| Expectation::delay(Stream::Upstream, 100 * MS, 20 * MS, distribution);
        assert_eq!(delay(Distribution::Normal), Expectation::Delay { added: 100 * MS, most: 180 * MS });
        assert_eq!(delay(Distribution::Pareto), Expectation::Delay { added: 120 * MS, most: 300 * MS });
    }

    #[test]
    fn what_cannot_be_told_from_noise_is_not_expected() {
        let slower = |least| Expectation::slower(Stream::Both, least, 100 * MS);
        assert_eq!(slower(3 * MS), Expectation::Delay { added: 6 * MS, most: 200 * MS });
        assert!(matches!(slower(MS), Expectation::Nothing(_)));
    }
}
