//! Reconnect backoff: what a client declares, what a watcher draws, and the bounds it is judged by.

mod python;
mod rust;

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
    /// Uniform between half of the computed delay and all of it.
    Equal,
    /// Uniform between the base and three times the pause before, capped; it takes the place of the growth. The pause
    /// before the first attempt is drawn as if the base had come before it.
    Decorrelated,
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
    /// `min(cap, base + step · (n−1))` before attempt n, then jitter.
    Linear {
        /// The pause before the first attempt.
        base: Duration,
        /// What each further attempt adds.
        step: Duration,
        /// The longest pause.
        cap: Duration,
        /// How the pause is spread.
        jitter: Jitter,
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
    /// No pause before attempt 1, then `min(cap, (t + lead) · step)`, where t counts the times that the attempts went
    /// round the whole list of servers: t = (n−2) / nodes before attempt n, rounded down.
    ///
    /// The gRPC SDKs for Java and Go (`RpcClient.reconnect`; nacos-facts.md §3.1).
    Turns {
        /// What each turn adds.
        step: Duration,
        /// The longest pause.
        cap: Duration,
        /// How many servers the list has, at least 1.
        nodes: u16,
        /// The pause of the first turn, in steps: 1 in Java, 0 in Go.
        lead: u16,
    },
    /// Every server of the list once without a pause, then one pause, and again. The loss counts as the first.
    ///
    /// The Python SDK 1.0 (`_do_sync_req`, `_do_pulling`; nacos-facts.md §3.1).
    Rounds {
        /// The pause after a round.
        pause: Duration,
        /// How many servers the list has, at least 1.
        nodes: u16,
    },
    /// Attempts back to back for `spin`, then one pause of `pause`, and again.
    ///
    /// The Node SDK 2.6.3: a request retries inside without a pause until its own time-out (nacos-facts.md §3.1).
    NacosNode {
        /// How long one request keeps retrying.
        spin: Duration,
        /// The pause after the request gave up.
        pause: Duration,
    },
    /// The dials of two loops of attempts side by side, each attempt a channel of gRPC that dials by itself.
    ///
    /// The Python SDK 3.2.0 (`RpcClient.reconnect`, `GrpcClient._create_new_managed_channel`; nacos-facts.md §3.1).
    NacosPython {
        /// The period of the health check, which begins the second loop.
        probe: Duration,
        /// How many servers the list has, at least 1.
        nodes: u16,
    },
    /// Rounds of up to five dials 0.3, 0.6, 1.2 and 2.4 s apart, each a handshake that tries on; 2 s before the first
    /// round, then 4, 8 ... 64 s. Attempt n is dial (n−1) mod 5 of round (n−1) / 5; a dial that got further in the
    /// handshake stands for those that it saved.
    ///
    /// The Rust SDK 0.8.3 (`NacosGrpcConnection::{poll_ready, init_connection}`; nacos-facts.md §3.1).
    NacosRust {
        /// The period of the health check, without which the SDK does not move.
        probe: Duration,
    },
}

/// The dials of a round of [`Backoff::NacosRust`].
pub const RUST_DIALS: u32 = rust::DIALS;

/// The gap that [`Backoff::NacosNode`] leaves between attempts while it spins. The SDK leaves none: it tries again as fast as its
/// process runs, every 2 to 15 ms as measured (`reports/samples/fidelity`).
pub const NODE_SPIN_GAP: Duration = Duration::from_millis(5);

impl Backoff {
    /// The Java SDK on a list of one server: none, then 100 ms, 200 ms ... 5 s.
    pub const NACOS_JAVA: Self =
        Self::Turns { step: Duration::from_millis(100), cap: Duration::from_secs(5), nodes: 1, lead: 1 };

    /// The same policy on a list of `nodes` servers.
    #[must_use]
    pub fn on_nodes(self, nodes: u16) -> Self {
        let nodes = nodes.max(1);
        match self {
            Self::Turns { step, cap, lead, .. } => Self::Turns { step, cap, nodes, lead },
            Self::Rounds { pause, .. } => Self::Rounds { pause, nodes },
            Self::NacosPython { probe, .. } => Self::NacosPython { probe, nodes },
            Self::Constant { .. }
            | Self::Linear { .. }
            | Self::Exponential { .. }
            | Self::NacosNode { .. }
            | Self::NacosRust { .. } => self,
        }
    }

    /// The shortest and the longest pause that the policy allows before attempt `attempt` (from 1).
    ///
    /// Decorrelated jitter depends on `previous_gap`, the pause before the attempt before; without it the bounds are
    /// those over every pause that can have come before.
    #[must_use]
    pub fn bounds(&self, attempt: u32, previous_gap: Option<Duration>) -> (Duration, Duration) {
        match self.jitter() {
            Some(Jitter::Full) => (Duration::ZERO, self.computed(attempt)),
            Some(Jitter::Equal) => (self.computed(attempt) / 2, self.computed(attempt)),
            Some(Jitter::Decorrelated) => {
                let (base, cap) = self.base_and_cap();
                let widest = match previous_gap {
                    _ if attempt <= 1 => base.saturating_mul(3),
                    Some(previous) => previous.max(base).saturating_mul(3),
                    None => cap,
                };
                (base.min(cap), widest.min(cap))
            }
            Some(Jitter::None) | None => {
                let least = match self {
                    Self::NacosNode { .. } | Self::NacosPython { .. } | Self::NacosRust { .. } => {
                        Duration::ZERO
                    }
                    _ => self.computed(attempt),
                };
                (least, self.computed(attempt))
            }
        }
    }

    /// The pause before attempt `attempt` (from 1), `since_lost` after the loss. `draws` is the watcher's own seed
    /// for this outage.
    #[must_use]
    pub fn delay(&self, attempt: u32, since_lost: Duration, draws: Seed) -> Duration {
        match *self {
            Self::NacosNode { spin, pause } => {
                let round = nanos(spin + pause).max(1);
                let into_round = nanos(since_lost) % round;
                if into_round < nanos(spin) {
                    if attempt == 1 { Duration::ZERO } else { NODE_SPIN_GAP }
                } else {
                    Duration::from_nanos(round - into_round)
                }
            }
            Self::NacosPython { .. } if attempt <= 1 => Duration::ZERO,
            Self::NacosPython { probe, nodes } => python::delay(since_lost, probe, nodes, draws),
            Self::NacosRust { probe } => rust::delay(attempt, since_lost, probe, draws),
            _ if self.jitter() == Some(Jitter::Decorrelated) => self.decorrelated(attempt, draws),
            _ => between(self.bounds(attempt, None), attempt, draws),
        }
    }

    /// The same where it was a health check that found the connection gone: what else would notice the loss does not.
    #[must_use]
    pub fn delay_after_check(&self, attempt: u32, since_lost: Duration, draws: Seed) -> Duration {
        match *self {
            Self::NacosPython { nodes, .. } if attempt > 1 => python::delay_alone(since_lost, nodes, draws),
            _ => self.delay(attempt, since_lost, draws),
        }
    }

    /// Draws the pauses from the first attempt on: each depends on the one before. Once a pause may be the cap, the
    /// draws further back no longer matter much, but they are cheap: an outage has few attempts at such pauses.
    fn decorrelated(&self, attempt: u32, draws: Seed) -> Duration {
        (1..=attempt)
            .fold(self.base_and_cap().0, |previous, n| between(self.bounds(n, Some(previous)), n, draws))
    }

    const fn jitter(&self) -> Option<Jitter> {
        match *self {
            Self::Linear { jitter, .. } | Self::Exponential { jitter, .. } => Some(jitter),
            Self::Constant { .. }
            | Self::Turns { .. }
            | Self::Rounds { .. }
            | Self::NacosNode { .. }
            | Self::NacosPython { .. }
            | Self::NacosRust { .. } => None,
        }
    }

    const fn base_and_cap(&self) -> (Duration, Duration) {
        match *self {
            Self::Linear { base, cap, .. } | Self::Exponential { base, cap, .. } => (base, cap),
            Self::Constant { delay } => (delay, delay),
            Self::Turns { cap, .. } => (Duration::ZERO, cap),
            Self::Rounds { pause, .. } | Self::NacosNode { pause, .. } => (Duration::ZERO, pause),
            Self::NacosPython { .. } => (Duration::ZERO, python::CAP),
            Self::NacosRust { .. } => (Duration::ZERO, rust::CAP),
        }
    }

    /// The pause before jitter.
    fn computed(&self, attempt: u32) -> Duration {
        match *self {
            Self::Constant { delay } => delay,
            Self::Linear { base, step, cap, .. } => {
                base.saturating_add(step.saturating_mul(attempt.saturating_sub(1))).min(cap)
            }
            Self::Exponential { base, cap, .. } => {
                let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
                base.checked_mul(factor).unwrap_or(cap).min(cap)
            }
            Self::Turns { .. } if attempt <= 1 => Duration::ZERO,
            Self::Turns { step, cap, nodes, lead } => {
                let turns = (attempt - 2) / u32::from(nodes.max(1));
                step.saturating_mul(turns.saturating_add(u32::from(lead))).min(cap)
            }
            Self::Rounds { pause, nodes } => {
                if attempt.is_multiple_of(u32::from(nodes.max(1))) {
                    pause
                } else {
                    Duration::ZERO
                }
            }
            Self::NacosNode { pause, .. } => pause,
            Self::NacosPython { .. } => python::longest(attempt),
            Self::NacosRust { probe } => rust::longest(attempt, probe),
        }
    }
}

/// The `n`th draw between two bounds, both included.
fn between((least, most): (Duration, Duration), n: u32, draws: Seed) -> Duration {
    let room = nanos(most.saturating_sub(least));
    if room == 0 {
        most
    } else {
        least + Duration::from_nanos(draws.below(u64::from(n), room.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests;
