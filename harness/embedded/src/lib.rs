//! An embedded Nacos config server: one 2.x node, small enough to be started for every run.
//!
//! Not a Nacos: no naming, no cluster, no console, no users, no gray publishes. What it has behaves as the real one
//! does on the wire and in time, faults of the real one included. Start at [`core`], which decides everything and
//! does no I/O; planted defects are decorators at its seams. [`EmbeddedServer`] is the core on sockets.
//!
//! Two differences are deliberate: beta and tag publishes are refused, and a data directory that is full refuses
//! publishes where the real server exits.

mod cluster;
pub mod core;
mod defects;
mod journal;
mod service;

pub use cluster::{ClusterConfig, EmbeddedCluster, NodePorts};
pub use service::{EmbeddedServer, JournalError, RunningServer, ServerConfig, StartError};
