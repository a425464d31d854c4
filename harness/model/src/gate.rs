//! Measures and gates: `MEASURE[.STAT] OP VALUE [in PHASE | after FAULT] [for GROUP]`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{FaultId, GroupId, PhaseId};

/// A quantile with fewer samples beyond it is "n too small".
pub const SAMPLES_BEYOND: u8 = 10;
/// A quantile of a measure that [pools bursts](Measure::pools_bursts) is "n too small" from fewer mutations.
pub const MUTATIONS_NEEDED: u16 = 30;

/// What is measured (GLOSSARY has the definitions).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Intended time of a mutation → the server's ack.
    Publish,
    /// Ack of version k → the watcher holds verified content of version ≥ k.
    Propagation,
    /// Intended time of k → the watcher holds verified content of version ≥ k.
    EndToEnd,
    /// Ack of the version fetched → the first change signal since the previous fetch.
    Notify,
    /// Change signal → verified content.
    Fetch,
    /// Per mutation: intended time until half of its watchers held it.
    T50,
    /// Per mutation: intended time until 90 % of its watchers held it.
    T90,
    /// Per mutation: intended time until 99 % of its watchers held it.
    T99,
    /// Per mutation: intended time until all of its watchers held it.
    #[serde(rename = "T-all")]
    TAll,
    /// Fault onset, as applied → the watcher notices that its connection is gone.
    Detect,
    /// End of attempt i → start of attempt i+1.
    AttemptGap,
    /// Connection noticed lost → subscribed again and confirmed.
    Reconnect,
    /// Fault healed → the watcher holds the newest version.
    CatchUp,
    /// Intended time of a read while the server cannot be reached → answer from cache.
    Failover,
    /// Ack of the oldest version that a watcher is missing → now.
    Staleness,
    /// Last ack of a phase → every watcher of the group holds it.
    Convergence,
    /// Attempts to connect that a cut watcher made until it was subscribed again.
    AttemptsPerWatcher,
    /// The largest share of a group's cut watchers that attempt within any 100 ms.
    HerdShare,
    /// Contents that the watchers of a group got from the server in a second.
    FetchRate,
    /// The longest time in which no node took a write, around a fault of servers.
    WriteOutage,
    /// The longest time in which no node answered a read, around a fault of servers.
    ReadOutage,
    /// The longest time in which no node pushed a change, around a fault of servers.
    PushOutage,
}

impl Measure {
    /// Every measure, in the order in which reports show them.
    pub const ALL: [Self; 22] = [
        Self::Publish,
        Self::Propagation,
        Self::EndToEnd,
        Self::Notify,
        Self::Fetch,
        Self::T50,
        Self::T90,
        Self::T99,
        Self::TAll,
        Self::Detect,
        Self::AttemptGap,
        Self::Reconnect,
        Self::CatchUp,
        Self::Failover,
        Self::Staleness,
        Self::Convergence,
        Self::AttemptsPerWatcher,
        Self::HerdShare,
        Self::FetchRate,
        Self::WriteOutage,
        Self::ReadOutage,
        Self::PushOutage,
    ];

    /// The name as a gate writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Propagation => "propagation",
            Self::EndToEnd => "end-to-end",
            Self::Notify => "notify",
            Self::Fetch => "fetch",
            Self::T50 => "T50",
            Self::T90 => "T90",
            Self::T99 => "T99",
            Self::TAll => "T-all",
            Self::Detect => "detect",
            Self::AttemptGap => "attempt-gap",
            Self::Reconnect => "reconnect",
            Self::CatchUp => "catch-up",
            Self::Failover => "failover",
            Self::Staleness => "staleness",
            Self::Convergence => "convergence",
            Self::AttemptsPerWatcher => "attempts-per-watcher",
            Self::HerdShare => "herd-share",
            Self::FetchRate => "fetch-rate",
            Self::WriteOutage => "write-outage",
            Self::ReadOutage => "read-outage",
            Self::PushOutage => "push-outage",
        }
    }

    /// Whether the measure belongs to the fault that cut the connection (gates say `after FAULT`), not to a phase.
    #[must_use]
    pub const fn belongs_to_fault(self) -> bool {
        matches!(
            self,
            Self::Detect
                | Self::AttemptGap
                | Self::Reconnect
                | Self::CatchUp
                | Self::AttemptsPerWatcher
                | Self::HerdShare
        ) || self.is_of_service()
    }

    /// Whether the measure is of what servers did, not of watchers: one value per fault of servers.
    #[must_use]
    pub const fn is_of_service(self) -> bool {
        matches!(self, Self::WriteOutage | Self::ReadOutage | Self::PushOutage)
    }

    /// Whether values are shares (percent) instead of times.
    #[must_use]
    pub const fn is_share(self) -> bool {
        matches!(self, Self::HerdShare)
    }

    /// Whether values are counts instead of times.
    #[must_use]
    pub const fn is_count(self) -> bool {
        matches!(self, Self::AttemptsPerWatcher | Self::FetchRate)
    }

    /// Whether the measure is one value per mutation, over the watchers of that mutation.
    #[must_use]
    pub const fn is_per_mutation(self) -> bool {
        matches!(self, Self::T50 | Self::T90 | Self::T99 | Self::TAll)
    }

    /// Whether its samples come in bursts, one burst per mutation, which is why their number alone says little.
    #[must_use]
    pub const fn pools_bursts(self) -> bool {
        matches!(self, Self::Propagation | Self::EndToEnd | Self::Notify | Self::Fetch)
    }

    /// Whether a watcher group is part of the measure's key; a publish has no group, nor has what servers did.
    #[must_use]
    pub const fn has_group(self) -> bool {
        !matches!(self, Self::Publish) && !self.is_of_service()
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which value of a distribution a gate or a table takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stat {
    /// The median.
    P50,
    /// The 90th percentile.
    P90,
    /// The 99th percentile.
    P99,
    /// The 99.9th percentile.
    P999,
    /// The largest value.
    Max,
}

impl Stat {
    /// Every statistic, ascending.
    pub const ALL: [Self; 5] = [Self::P50, Self::P90, Self::P99, Self::P999, Self::Max];

    /// The name as a gate writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p999",
            Self::Max => "max",
        }
    }

    /// The share of samples at or below the value.
    #[must_use]
    pub const fn quantile(self) -> f64 {
        match self {
            Self::P50 => 0.5,
            Self::P90 => 0.9,
            Self::P99 => 0.99,
            Self::P999 => 0.999,
            Self::Max => 1.0,
        }
    }

    /// Its place in [`ALL`](Self::ALL).
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// The rank, from 1, of a quantile among `n` samples: the smallest with at least that share at or below it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a quantile of a count is within the count, and counts stay below 2^53"
)]
#[must_use]
pub fn rank(quantile: f64, n: u64) -> u64 {
    // A billionth less, so that 0.9 · 100 is rank 90 whatever its last binary digit.
    ((quantile * n as f64 - 1e-9).ceil() as u64).clamp(1, n.max(1))
}

impl fmt::Display for Stat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a gate compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// `<`
    #[serde(rename = "<")]
    Below,
    /// `<=`
    #[serde(rename = "<=")]
    AtMost,
    /// `>`
    #[serde(rename = ">")]
    Above,
    /// `>=`
    #[serde(rename = ">=")]
    AtLeast,
}

/// What a gate compares with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Threshold {
    /// A time.
    Time(Duration),
    /// A share between 0 and 1.
    Share(f64),
    /// A count.
    Count(f64),
    /// The accepted baseline's value of the same figure, and a margin.
    Baseline(Margin),
}

/// How far from the baseline's value a gate's bound lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Margin {
    /// A share of the baseline's value: 0.1 is `baseline + 10%`, -0.1 is `baseline - 10%`.
    Relative(f64),
    /// A time in nanoseconds, added to the baseline's value; may be negative.
    Nanos(i64),
    /// Added to a baseline's share or count: 0.05 is five points of a hundred.
    Absolute(f64),
}

/// The part of a run that a figure or a gate is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Every measured phase, or every fault.
    Run,
    /// One phase.
    Phase(PhaseId),
    /// One fault.
    Fault(FaultId),
}

/// A gate, resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// As the scenario has it.
    pub text: String,
    /// What is measured.
    pub measure: Measure,
    /// Which value of it.
    pub stat: Stat,
    /// How it is compared.
    pub op: Op,
    /// With what.
    pub threshold: Threshold,
    /// Where in the run.
    pub scope: Scope,
    /// For which group; `None` means that it must hold in every group.
    pub group: Option<GroupId>,
}
