//! The watcher fleet: the machines of `shakedown-watcher` over real sockets, one task each.
//!
//! This module owns tasks, sockets, timers and snapshot files. It decides nothing: what a watcher does next is the
//! machine's choice, and what it means is the history's. Start at [`Fleet`]; one watcher's loop is in `runner`, what
//! the two protocols look like in `long_poll` and `grpc`.

mod board;
mod credentials;
mod fleet;
mod grpc;
mod life;
mod long_poll;
mod names;
mod runner;
mod snapshots;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use board::Board;
pub use board::Progress;
pub use fleet::{Fleet, FleetConfig, FleetControl, FleetEnd, FleetError, GroupAddresses};
pub(crate) use life::WatcherLife;
