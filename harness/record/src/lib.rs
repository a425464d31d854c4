//! The run directory: clock, history, manifest. It is the contract between running, judging and showing.
//!
//! [`Clock`] gives every instant of a run as an offset from its start. [`Recorder`] writes [`Event`]s into
//! `history.bin` from any thread; [`HistoryReader`] reads them back and says where a damaged file ends.
//! [`RunDir`] knows the name and form of every file in a run directory, [`remove_old_runs`] which old ones go. This crate
//! judges nothing and draws nothing.
//!
//! [`Event`]: shakedown_model::event::Event

mod baseline_file;
mod clock;
mod history;
mod recorder;
mod retention;
mod run_dir;

pub use baseline_file::{BaselineError, plan_digest, read_baseline, write as write_baseline};
pub use clock::Clock;
pub use history::{Block, DamagedBlock, HistoryError, HistoryReader};
pub use recorder::{BlockSink, HistoryWriter, MemoryHistory, Recorder, RecorderError};
pub use retention::{Keep, Removed, remove_old_runs, size_of};
pub use run_dir::{RunDir, RunDirError, redacted, write_atomically};
