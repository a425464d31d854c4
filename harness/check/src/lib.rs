//! Judging: measures, guarantees and gates, pure over a run directory.

pub mod result;
