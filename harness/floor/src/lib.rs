//! The floor: what the same fan-out costs over bare sockets, measured between two processes of one thread each.
//!
//! [`measure`] is the servers' side: it starts the [`peer`] in a process of its own, which opens the connections, and
//! then sends a chain of messages down each of them, round after round. Both stamp with `CLOCK_MONOTONIC`, which all
//! processes of a host share. Nothing is parsed and nothing is checked: that is what makes it a floor.

mod clock;
mod crowd;
mod measure;
mod peer;
mod turns;

pub use measure::{FloorError, ROUNDS, measure};
pub use peer::{PEER, PeerError, peer};
