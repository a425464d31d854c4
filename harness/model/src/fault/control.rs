//! What strangers do to the control plane beside the run's own mutator.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What strangers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlFault {
    /// Many of them call, each one call after the other.
    Overload(Overload),
    /// One of them writes what must not reach any watcher, again and again.
    StrayWrites {
        /// What.
        what: StrayWrite,
        /// From one to the next.
        every: Duration,
    },
}

/// A load profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overload {
    /// How many call.
    pub users: u32,
    /// How often each reads an item of the run, by weight.
    pub reads: u32,
    /// How often each publishes an item of the strangers' own, by weight.
    pub publishes: u32,
    /// How often each logs in, by weight.
    pub logins: u32,
    /// What each waits after an answer.
    pub pause: Duration,
}

/// A write that must not reach any watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrayWrite {
    /// To an item of the run, longer than the server takes: it must be refused.
    Oversize,
    /// To an item of the run, with the MD5 of something that is not there any more: it must be refused.
    LostRace,
    /// The data id of an item of the run in another group: it is stored there.
    WrongGroup,
    /// The data id of an item of the run in another namespace: it is stored there.
    WrongNamespace,
}

impl StrayWrite {
    /// The name in a scenario.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Oversize => "oversize",
            Self::LostRace => "lost_race",
            Self::WrongGroup => "wrong_group",
            Self::WrongNamespace => "wrong_namespace",
        }
    }

    /// Whether a server must refuse it; else it must store it.
    #[must_use]
    pub const fn must_be_refused(self) -> bool {
        matches!(self, Self::Oversize | Self::LostRace)
    }
}

impl ControlFault {
    /// The name in a scenario.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Overload(_) => "overload",
            Self::StrayWrites { what, .. } => what.name(),
        }
    }
}
