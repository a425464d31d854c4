//! Reconnect backoff: what a client declares, what a watcher draws, and the bounds it is judged by.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Seed;
use crate::time::nanos;

/// How jitter spreads a delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Jitter {
    /// The computed delay itself.
    None,
    /// Uniform between zero and the computed delay.
    Full,
}

/// The pause before each reconnect attempt, counted from 1 after a connection was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backoff {
    /// The same pause before every attempt.
    Constant {
        /// The pause.
        delay: Duration,
    },
    /// `min(cap, base · 2^(n−1))` before attempt n, then jitter.
    Exponential {
        /// The pause before the first attempt.
        base: Duration,
        /// The longest pause.
        cap: Duration,
        /// How the pause is spread.
        jitter: Jitter,
    },
    /// No pause before attempt 1, then `min(n−1, 50) · 100 ms` before attempt n.
    ///
    /// The Java SDK 2.5.1 on a list of one server (`RpcClient.reconnect`; nacos-facts.md §3.1).
    NacosJava,
    /// Attempts back to back for `spin`, then one pause of `pause`, and again.
    ///
    /// The Node SDK 2.6.3: a request retries inside without a pause until its own time-out (nacos-facts.md §3.1).
    NacosNode {
        /// How long one request keeps retrying.
        spin: Duration,
        /// The pause after the request gave up.
        pause: Duration,
    },
}

/// The shortest gap that [`Backoff::NacosNode`] leaves between attempts while it spins, so that one watcher cannot
/// take a core for itself.
pub const NODE_SPIN_GAP: Duration = Duration::from_millis(20);

impl Backoff {
    /// The shortest and the longest pause that the policy allows before attempt `attempt` (from 1).
    #[must_use]
    pub fn bounds(&self, attempt: u32) -> (Duration, Duration) {
        match *self {
            Self::Constant { delay } => (delay, delay),
            Self::Exponential { base, cap, jitter } => {
                let full = exponential(base, cap, attempt);
                match jitter {
                    Jitter::None => (full, full),
                    Jitter::Full => (Duration::ZERO, full),
                }
            }
            Self::NacosJava => {
                let pause = Duration::from_millis(100) * attempt.saturating_sub(1).min(50);
                (pause, pause)
            }
            Self::NacosNode { pause, .. } => (Duration::ZERO, pause),
        }
    }

    /// The pause before attempt `attempt` (from 1), `since_lost` after the loss. `draws` is the watcher's own seed
    /// for this outage.
    #[must_use]
    pub fn delay(&self, attempt: u32, since_lost: Duration, draws: Seed) -> Duration {
        match *self {
            Self::Exponential { jitter: Jitter::Full, .. } => {
                let (_, full) = self.bounds(attempt);
                Duration::from_nanos(draws.below(u64::from(attempt), nanos(full).saturating_add(1)))
            }
            Self::NacosNode { spin, pause } => {
                let round = nanos(spin + pause).max(1);
                let into_round = nanos(since_lost) % round;
                if into_round < nanos(spin) {
                    if attempt == 1 { Duration::ZERO } else { NODE_SPIN_GAP }
                } else {
                    Duration::from_nanos(round - into_round)
                }
            }
            Self::Constant { .. } | Self::Exponential { .. } | Self::NacosJava => self.bounds(attempt).1,
        }
    }
}

fn exponential(base: Duration, cap: Duration, attempt: u32) -> Duration {
    let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    base.checked_mul(factor).unwrap_or(cap).min(cap)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Seed = Seed(11);

    #[test]
    fn java_pauses_grow_by_100_ms_up_to_5_s() {
        let pauses: Vec<_> =
            (1..=4).map(|n| Backoff::NacosJava.delay(n, Duration::ZERO, SEED).as_millis()).collect();
        assert_eq!(pauses, [0, 100, 200, 300]);
        assert_eq!(Backoff::NacosJava.bounds(80).1, Duration::from_secs(5));
    }

    #[test]
    fn exponential_doubles_and_is_capped() {
        let policy = Backoff::Exponential {
            base: Duration::from_secs(1),
            cap: Duration::from_secs(60),
            jitter: Jitter::None,
        };
        let pauses: Vec<_> = (1..=8).map(|n| policy.bounds(n).1.as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(policy.bounds(200).1, Duration::from_secs(60));
    }

    #[test]
    fn full_jitter_stays_within_bounds_and_differs_by_attempt() {
        let policy = Backoff::Exponential {
            base: Duration::from_secs(1),
            cap: Duration::from_secs(60),
            jitter: Jitter::Full,
        };
        let pauses: Vec<_> = (1..=20).map(|n| policy.delay(n, Duration::ZERO, SEED)).collect();
        for (n, pause) in (1..).zip(&pauses) {
            assert!(*pause <= policy.bounds(n).1);
        }
        assert_ne!(pauses[10], pauses[11]);
    }

    #[test]
    fn node_spins_then_pauses() {
        let policy = Backoff::NacosNode { spin: Duration::from_secs(40), pause: Duration::from_secs(2) };
        assert_eq!(policy.delay(1, Duration::ZERO, SEED), Duration::ZERO);
        assert_eq!(policy.delay(2, Duration::from_secs(1), SEED), NODE_SPIN_GAP);
        assert_eq!(policy.delay(3, Duration::from_secs(41), SEED), Duration::from_secs(1));
    }
}
