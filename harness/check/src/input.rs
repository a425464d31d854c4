//! What is judged: the files of a run directory, or the same things in memory.

use std::path::PathBuf;

use shakedown_model::Plan;
use shakedown_model::baseline::Baseline;
use shakedown_model::event::Event;
use shakedown_model::fault::FaultWindow;
use shakedown_model::manifest::{ConnectionRecord, Manifest, SelfSample};
use shakedown_record::{HistoryError, RunDirError};

/// Why a run directory could not be judged at all.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A file of the run directory is missing, damaged or could not be written; the cause names it.
    #[error(transparent)]
    RunDir(#[from] RunDirError),
    /// The history cannot be opened or read; the cause names it.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The plan was written in another form.
    #[error(
        "`{path}` has form {found}, and this version reads form {expected}; judge it with the version that made it"
    )]
    PlanVersion {
        /// The plan.
        path: PathBuf,
        /// The form found.
        found: u32,
        /// The form that can be read.
        expected: u32,
    },
    /// The plan or the manifest contradicts itself, such as a gate on a phase that the plan does not have.
    #[error(
        "`{path}` contradicts itself: {what}; it was changed by hand or damaged, so restore it or run the scenario again"
    )]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// How the recording ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryEnd {
    /// With its end marker: every record is there.
    Whole,
    /// Without one: the harness was killed or the disk was full.
    CutShort {
        /// The block that is missing or not whole, from 0.
        block: u64,
        /// Where it begins in the file.
        byte: u64,
    },
    /// In a damaged block; nothing behind it was read.
    Corrupt {
        /// The block, from 0.
        block: u64,
        /// Where it begins in the file.
        byte: u64,
    },
}

/// A run in memory.
#[derive(Debug, Clone)]
pub struct RunInput {
    /// What should have happened.
    pub plan: Plan,
    /// What ran, and how it ended.
    pub manifest: Manifest,
    /// What happened; records of one watcher in order.
    pub events: Vec<Event>,
    /// How the recording ends.
    pub history_end: HistoryEnd,
    /// The faults as they happened.
    pub faults: Vec<FaultWindow>,
    /// Connections as the proxy saw them, where it was tapped.
    pub connections: Vec<ConnectionRecord>,
    /// The harness about itself.
    pub self_samples: Vec<SelfSample>,
    /// The accepted figures that gates such as `T-all.p90 <= baseline + 10%` compare with, if there are any.
    pub baseline: Option<Baseline>,
}
