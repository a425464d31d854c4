//! The tap: what is told of each connection while it lives, to whoever runs the proxy in process.
//!
//! Every client looks the same from here, whatever it is written in: this is where real SDKs and simulated ones can be
//! judged by the same definitions. It costs one branch where there is none.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Instant;

/// Who is told. It is called on the thread that moves the bytes: it must not block, and be done within microseconds.
pub trait Tap: Debug + Send + Sync {
    /// Something was seen of a connection. What is told of one connection comes in order; connections of several shards
    /// are told by several threads.
    fn see(&self, sight: &Sight<'_>);
}

/// Something seen of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// The proxy's name.
    pub proxy: &'a str,
    /// The connection's number at this proxy, from 0 in the order of acceptance; it goes on when the proxy is disabled
    /// and enabled again.
    pub connection: u64,
    /// When (CLOCK_MONOTONIC).
    pub at: Instant,
    /// What.
    pub seen: Seen,
}

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The connection was accepted. A refused one never is, so nothing is seen of it.
    Accepted {
        /// Where the client connects from; `None` when it was gone again at once.
        from: Option<SocketAddr>,
    },
    /// The first bytes of the upstream were passed to the client.
    Answered,
    /// One side ended it, in order or by a reset; nothing more is told of it. What was under way may still be delivered.
    Ended {
        /// Whose end was seen first. A client that leaves while its bytes are held is seen within
        /// [`LOOK_AT_HELD`].
        by: Ender,
        /// Bytes passed to the upstream.
        up_bytes: u64,
        /// Bytes passed to the client.
        down_bytes: u64,
    },
}

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ender {
    /// The client.
    Client,
    /// The upstream, or it could not be reached.
    Upstream,
    /// The proxy: a toxic, or its own stop.
    Proxy,
}

/// How often connections whose bytes are held are looked at, to see whether their client has left: nothing is read of
/// them that would tell. Only where there is a tap.
pub const LOOK_AT_HELD: std::time::Duration = std::time::Duration::from_millis(2);
