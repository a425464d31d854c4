//! Worker processes: watchers of a run outside of the harness' own process (ADR 29, `docs/worker-protocol.md`).
//!
//! `frame` is how bytes are cut, `message` what is said, `crew` the harness' side, `worker` the other. A worker is this same
//! program; its standard input is one end of a socket whose other end the harness holds.

mod crew;
mod frame;
mod message;
mod worker;

#[cfg(test)]
mod tests;

pub use self::crew::CrewError;
pub(crate) use self::crew::{Crew, CrewControl, CrewPlace};
pub use self::worker::{WorkerError, worker_main};
