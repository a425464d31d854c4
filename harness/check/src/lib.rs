//! Judging: measures, guarantees and gates, pure over a run directory.
//!
//! [`check`] reads a run directory and yields its [`Judgement`] and the [`Series`] that charts draw; [`judge()`] does the
//! same over events in memory; [`write()`] puts both beside the run. Nothing here reads a clock, opens a socket or knows
//! how a run is made, so that an old run can be judged again. [`result`] is the agreement with reporters, [`words`] how both write
//! numbers; the rules that the definitions leave open are written down in the module that applies them.
//!
//! [`Judgement`]: result::Judgement
//! [`Series`]: result::Series

mod contradiction;
mod distribution;
mod evidence;
mod fidelity;
mod figures;
mod gates;
mod guarantees;
mod index;
mod input;
mod judge;
mod measures;
mod outage;
pub mod result;
#[cfg(test)]
mod testing;
mod validity;
mod verdict;
pub mod words;

pub use input::{CheckError, HistoryEnd, RunInput};
pub use judge::{check, judge, write};
