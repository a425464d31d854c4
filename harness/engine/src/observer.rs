//! What a run tells while it goes: events out, reporters listening.

use std::path::PathBuf;
use std::time::Duration;

use shakedown_model::fault::FaultWindow;
use shakedown_model::{FaultId, Offset, PhaseId};

/// An event of a run, for progress. Measures never come from here.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// The run directory was made.
    Created {
        /// Where.
        path: PathBuf,
    },
    /// A step of the set-up began, in words.
    SettingUp(String),
    /// The set-up ended; offset zero is now.
    Started {
        /// How long the set-up took.
        setup: Duration,
    },
    /// A phase began.
    Phase(PhaseId),
    /// A fault came into force, or could not.
    FaultApplied(FaultWindow),
    /// A fault healed, or could not.
    FaultHealed(FaultWindow),
    /// How things stand, once a second.
    Tick(Progress),
    /// The drain began.
    Draining,
    /// Something went wrong that ends the run early.
    Trouble(String),
    /// Stopping what was started.
    TearingDown,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Now.
    pub now: Offset,
    /// The end of the last phase.
    pub end: Offset,
    /// Watchers that are subscribed now.
    pub subscribed: u32,
    /// Watchers of the plan.
    pub watchers: u32,
    /// Deliveries so far.
    pub deliveries: u64,
    /// Losses of connection so far.
    pub losses: u64,
    /// Publishes that ended so far.
    pub published: u64,
    /// The fault in force, the latest one if there are several.
    pub fault: Option<FaultId>,
}

/// Listens to a run. Called from the run's own task: it must return quickly and never wait.
pub trait Observer: Send + Sync {
    /// An event happened.
    fn on(&self, event: &RunEvent);
}
