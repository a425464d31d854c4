//! The self-test: each planted defect must break exactly the guarantees and gates that it declares, and clean runs none.
//!
//! The [`matrix`] says what is planted and what it must break; a [`Plan`] is the choice of rows and of clean seeds;
//! [`run`] makes the runs, several side by side, each a process of its own, and compares what broke with what was
//! declared; [`Verdict`] holds the comparison, and [`show`] writes it as a table. Runs side by side disturb each other,
//! so that nothing here depends on whether a run was valid: bounds lie far from what a healthy run shows.

mod compare;
mod lane;
pub mod matrix;
pub mod show;
mod stage;

pub use compare::{Broken, Clean, Outcome, RowResult, Verdict};
pub use lane::{Plan, SelftestError, run};
pub use stage::Stage;
