//! Load: the open-loop mutator that changes config, and the fleet of watchers that follow it.
//!
//! It turns a plan into traffic and records what it saw; it starts no server, applies no fault and judges nothing.
//! Start at [`mutator`] and [`watchers`]; real clients beside the simulated ones are [`drivers`].

pub mod drivers;
pub mod mutator;
pub mod watchers;
