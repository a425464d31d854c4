//! The nouns of shakedown: ids, time, seeds, the plan, what is recorded and how a payload proves itself.
//!
//! This crate owns the vocabulary that every other crate speaks. It does no I/O, knows no runtime and no protocol,
//! and never draws randomness that a [`Seed`] does not fix. Start at [`plan`] (what shall happen) and
//! [`event`] (what did happen).

pub mod backoff;
pub mod baseline;
pub mod division;
pub mod event;
pub mod fault;
pub mod floor;
pub mod gate;
pub mod ids;
pub mod log;
pub mod manifest;
pub mod needs;
pub mod payload;
pub mod plan;
pub mod schedule;
pub mod secrets;
pub mod seed;
pub mod stretch;
pub mod time;
pub mod verdict;

#[cfg(test)]
mod testing;

pub use ids::{FaultId, GroupId, ItemId, LinkId, MutationId, NodeId, PhaseId, Version, WatcherId};
pub use plan::Plan;
pub use secrets::Secret;
pub use seed::Seed;
pub use time::Offset;
