//! One run from plan to run directory: wires the parts together and owns the order of a run.
//!
//! [`run`] starts servers and proxies, publishes the first version of every item, lets watchers, mutator and nemesis
//! work through the phases, drains, reads everything once more, and stops what it started. It judges nothing, shows
//! nothing and prints nothing: an [`Observer`] is told of what happens, and the run directory holds what was measured.

mod clients;
mod connections;
mod control;
mod estate;
mod floor;
mod health;
mod machine;
mod node_reads;
mod observer;
mod parts;
mod preflight;
mod probe;
mod publisher;
mod run;
mod service;
mod setup;
mod timeline;
mod workers;

pub use estate::EstateError;
pub use health::ReceiveProbeError;
pub use machine::raise_open_files;
pub use observer::{Observer, Progress, RunEvent};
pub use preflight::PreflightError;
pub use run::{EngineError, RunOptions, run};
pub use workers::{CrewError, WorkerError, worker_main};
