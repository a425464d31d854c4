//! Real clients beside the simulated ones: the processes that hold them, and what their events mean in the history.
//!
//! A process has a task of its own (`holder`), which passes on what is to be done and records what is told. What an
//! event means is decided without I/O: `client` turns a listener's calls and an application's reads into records,
//! `connections` turns what the proxy saw into losses and attempts. Start at [`RealClients`].

mod client;
mod connections;
mod holder;
mod prepare;
mod reads;
mod sights;

pub use prepare::{DriversError, DriversPlace, RealClients};
pub use sights::{Seen, Sight, SightSender};

pub(crate) use holder::{Holder, Shared};
