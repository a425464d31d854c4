//! What a canary must see for a fault to have bitten.

use std::time::Duration;

use shakedown_model::fault::Stream;

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
    /// There is nothing that a canary could see.
    Nothing,
}

impl Expectation {
    /// The delay of `latency ± jitter`, uniform and never below zero, once per direction of the stream.
    pub(crate) fn delay(stream: Stream, latency: Duration, jitter: Duration) -> Self {
        let directions = if stream == Stream::Both { 2 } else { 1 };
        let most = latency + jitter;
        let mean = if jitter > latency {
            // The part below zero is raised to zero: ∫ x dx from 0 to l+j over the width 2j.
            most.mul_f64(most.as_secs_f64() / (4.0 * jitter.as_secs_f64()))
        } else {
            latency
        };
        Self::Delay { added: mean * directions, most: most * directions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn both_directions_count() {
        assert_eq!(
            Expectation::delay(Stream::Both, 80 * MS, 40 * MS),
            Expectation::Delay { added: 160 * MS, most: 240 * MS }
        );
    }

    #[test]
    fn jitter_beyond_the_latency_raises_the_mean() {
        let Expectation::Delay { added, most } = Expectation::delay(Stream::Upstream, 50 * MS, 200 * MS)
        else {
            panic!("a latency is expected as a delay");
        };
        assert_eq!(most, 250 * MS);
        // 250² / 800 = 78.125 ms.
        assert!(added.abs_diff(Duration::from_micros(78_125)) < Duration::from_micros(1), "{added:?}");
    }

    #[test]
    fn no_latency_at_all_adds_nothing() {
        let nothing = Expectation::delay(Stream::Both, Duration::ZERO, Duration::ZERO);
        assert_eq!(nothing, Expectation::Delay { added: Duration::ZERO, most: Duration::ZERO });
    }
}
