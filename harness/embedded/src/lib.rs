//! An embedded Nacos config server, 2.x or 3.x, one node or several, small enough to be started for every run.
//!
//! It has the whole config service: v1, v2 and v3 HTTP and gRPC, gray releases, history, namespaces, users and tokens.
//! Not a Nacos: no naming, no console pages, no import and export. What it has behaves as the real one does on the
//! wire and in time, races and faults of the real one included. Start at [`core`], which decides everything and does
//! no I/O; planted defects are decorators at its seams. [`EmbeddedServer`] is the core on sockets.
//!
//! Deliberate differences: a data directory that is full refuses publishes where the real server exits; history has a
//! greatest number of items; passwords have a quick hash; where a real server breaks off an answer (a status of 0 or a
//! 500 for a wrong parameter of history, logins or users), this one says what is wrong with 400 or 403.

mod cluster;
pub mod core;
mod defects;
mod journal;
mod service;
mod trouble;

pub use cluster::{ClusterConfig, EmbeddedCluster, GuestError, NodePorts, NodeProcess, node_main};
pub use service::{EmbeddedServer, JournalError, RunningServer, ServerConfig, StartError};
