//! Faults: what a scenario declares, and the window in which one was really in force.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{FaultId, GroupId, LinkId, Offset, PhaseId};

/// A direction of a link, by Toxiproxy's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// From the watcher to the server.
    Upstream,
    /// From the server to the watcher.
    Downstream,
    /// Both directions.
    Both,
}

/// A toxic, by Toxiproxy's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Toxic {
    /// Delays every chunk by `latency ± jitter` (uniform), from the chunk's own arrival.
    Latency {
        /// The direction that is delayed.
        stream: Stream,
        /// The middle of the delay.
        latency: Duration,
        /// The delay lies between `latency − jitter` and `latency + jitter`, never below zero.
        jitter: Duration,
    },
    /// Resets connections `timeout` after they begin or, where they were alive already, after the toxic was set.
    ResetPeer {
        /// The time until the reset.
        timeout: Duration,
    },
}

/// What a fault does while it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultAction {
    /// A toxic on every proxy of a link, for all groups on it.
    Toxic {
        /// The link.
        link: LinkId,
        /// The toxic.
        toxic: Toxic,
    },
    /// The connections of these groups are reset, and every new one is reset too until the fault heals.
    Reset {
        /// The groups that are cut.
        groups: Vec<GroupId>,
    },
    /// Bytes of these groups' connections are held, with TCP still answering, until the fault heals.
    ///
    /// New connections are accepted and held as well. Healing resets what was held.
    Blackhole {
        /// The groups that are cut off.
        groups: Vec<GroupId>,
        /// The direction that is held.
        stream: Stream,
    },
    /// The watchers of these groups crash at the onset (memory lost, cache on disk kept) and start cold at the end.
    Crash {
        /// The groups that crash.
        groups: Vec<GroupId>,
    },
}

impl FaultAction {
    /// The fault's kind as a scenario names it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Toxic { toxic: Toxic::Latency { .. }, .. } => "latency",
            Self::Toxic { toxic: Toxic::ResetPeer { .. }, .. } => "reset_peer",
            Self::Reset { .. } => "reset",
            Self::Blackhole { .. } => "blackhole",
            Self::Crash { .. } => "crash",
        }
    }

    /// Whether the fault ends connections or keeps bytes from passing: reconnect and catch-up belong to it.
    #[must_use]
    pub const fn cuts(&self) -> bool {
        !matches!(self, Self::Toxic { toxic: Toxic::Latency { .. }, .. })
    }
}

/// A fault as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultPlan {
    /// Its name in the scenario.
    pub name: String,
    /// The phase that it belongs to.
    pub phase: PhaseId,
    /// The planned onset.
    pub from: Offset,
    /// The planned end.
    pub until: Offset,
    /// What it does.
    pub action: FaultAction,
    /// The groups that it touches, resolved (all groups of the link for a toxic).
    pub groups: Vec<GroupId>,
}

/// A fault as it happened, one line of `faults.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultWindow {
    /// Which fault of the plan.
    pub fault: FaultId,
    /// Applying began here; detect counts from it.
    pub applying: Offset,
    /// The fault was in force on every proxy from here.
    pub applied: Option<Offset>,
    /// Healing began here.
    pub healing: Option<Offset>,
    /// The fault was gone from every proxy from here.
    pub healed: Option<Offset>,
    /// What the canaries saw.
    pub bite: Bite,
    /// What went wrong while applying or healing, if anything.
    pub trouble: Option<String>,
}

/// Whether a fault bit, by the canary on each faulted proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bite {
    /// It bit; the text says how hard, with numbers.
    Bit(String),
    /// It did not bite: the run is unknown. The text says what the canary saw.
    Missed(String),
    /// The fault needs no canary (a crash is done by the harness itself), or it was never applied. Says which.
    NotMeasured(String),
}
