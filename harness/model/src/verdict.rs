//! Guarantees, outcomes and exit codes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A guarantee (GLOSSARY).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guarantee {
    /// After recovery a fresh read from every node returns the last acked value, or a later ambiguous one.
    NothingLost,
    /// Every watcher ends on what that read returns.
    Converges,
    /// No watcher goes from a newer to an older version.
    Monotonic,
    /// No torn, truncated or mixed content; checksum and MD5 agree.
    Intact,
    /// Every value seen was published, acked or ambiguous.
    NothingInvented,
    /// Nothing crosses namespace, group, data id, or the watchers that a gray release is for.
    Isolated,
    /// At most one callback per version per listener.
    Once,
    /// Invalid content never displaces the last good one in an application.
    LastGood,
    /// Attempt gaps stay within the declared backoff.
    WithinPolicy,
    /// A cold start without a server serves the last snapshot, whole, and says that it is stale.
    SafeFailover,
}

impl Guarantee {
    /// Every guarantee, in the order in which reports show them.
    pub const ALL: [Self; 10] = [
        Self::NothingLost,
        Self::Converges,
        Self::Monotonic,
        Self::Intact,
        Self::NothingInvented,
        Self::Isolated,
        Self::Once,
        Self::LastGood,
        Self::WithinPolicy,
        Self::SafeFailover,
    ];

    /// The name in scenarios and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NothingLost => "nothing-lost",
            Self::Converges => "converges",
            Self::Monotonic => "monotonic",
            Self::Intact => "intact",
            Self::NothingInvented => "nothing-invented",
            Self::Isolated => "isolated",
            Self::Once => "once",
            Self::LastGood => "last-good",
            Self::WithinPolicy => "within-policy",
            Self::SafeFailover => "safe-failover",
        }
    }

    /// Whether a witnessed violation stands even in an invalid run: what was seen cannot be unseen.
    #[must_use]
    pub const fn is_safety(self) -> bool {
        matches!(self, Self::Monotonic | Self::Intact | Self::NothingInvented | Self::Isolated)
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The outcome of one guarantee or gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It holds.
    Pass,
    /// It cannot be told.
    Unknown,
    /// It does not hold.
    Fail,
}

/// The verdict on a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every required guarantee and every gate holds.
    Pass,
    /// A gate failed.
    GateFailed,
    /// A guarantee was violated.
    Violated,
    /// Something could not be told.
    Unknown,
    /// The harness did not keep up, or the recording is not whole.
    Invalid,
    /// The run was interrupted.
    Interrupted,
}

impl Verdict {
    /// The exit code of `run` and `check`.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::GateFailed => 1,
            Self::Violated => 2,
            Self::Unknown | Self::Invalid => 3,
            Self::Interrupted => 130,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::GateFailed => "gate failed",
            Self::Violated => "violated",
            Self::Unknown => "unknown",
            Self::Invalid => "invalid",
            Self::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
