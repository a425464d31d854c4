//! The run directory: clock, history, manifest. It is the contract between running, judging and showing.
//!
//! [`Clock`] gives every instant of a run as an offset from its start. [`Recorder`] writes [`Event`]s into
//! `history.bin` from any thread; [`HistoryReader`] reads them back and says where a damaged file ends.
//! [`RunDir`] knows the name and form of every file in a run directory. This crate judges nothing and draws nothing.
//!
//! [`Event`]: shakedown_model::event::Event

mod clock;
mod history;
mod recorder;
mod run_dir;

pub use clock::Clock;
pub use history::{HistoryError, HistoryReader};
pub use recorder::{HistoryWriter, MemoryHistory, Recorder, RecorderError};
pub use run_dir::{RunDir, RunDirError, write_atomically};
