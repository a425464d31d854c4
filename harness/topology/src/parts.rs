//! What runs beside the watchers, as a sampler finds it in `/proc`.

use std::net::SocketAddr;

use shakedown_nacos::Peer;

use crate::containers::LiveUsage;

/// A part of the bench.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name, such as `nacos-0` or `toxiproxy`.
    pub name: String,
    /// Where its processor time and memory are found.
    pub place: PartPlace,
    /// Its connections.
    pub connections: PartConnections,
    /// The HTTP address of a server that may tell metrics of itself.
    pub tells_at: Option<Peer>,
}

/// Where a part runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartPlace {
    /// In a process group of its own.
    Group(u32),
    /// On threads of this process whose names begin so.
    Threads(String),
    /// In a container whose processes cannot be seen; the engine tells what it uses, once a second.
    Told(LiveUsage),
    /// Where it cannot be looked at: only what it tells of itself is known.
    Elsewhere,
}

/// How many connections a part has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartConnections {
    /// It tells.
    Known(u64),
    /// Those that are established at these addresses.
    At(Vec<SocketAddr>),
    /// Those that are established at these ports in the network of this process, which is a container's.
    In(u32, Vec<u16>),
    /// Nobody knows.
    Unknown,
}
