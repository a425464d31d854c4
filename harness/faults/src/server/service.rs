//! Service as each node gives it: probes that go straight at the nodes while something befalls them.
//!
//! Each node is written to, read from and listened to, on connections of the harness' own and on items of its own. What
//! came of each probe goes to a [`board::Board`], which finds the stretches without service: writes refused, reads
//! refused, pushes silent, three different times.

mod board;
mod verdict;
mod watch;

use futures_util::future::BoxFuture;
use shakedown_model::NodeId;

use crate::canary::ProbeError;

pub(crate) use verdict::bite;
pub use watch::PATIENCE;
pub(crate) use watch::ServiceWatch;

/// A way to ask each node straight for its service; the engine implements it. Each node has a canary item of its own.
pub trait ServiceProbe: Send + Sync + 'static {
    /// Writes new content of a node's canary item through that node. `nth` tells contents apart.
    fn write(&self, node: NodeId, nth: u64) -> BoxFuture<'_, Result<(), ProbeError>>;
    /// Reads a node's canary item from that node; that there is none is an answer.
    fn read(&self, node: NodeId) -> BoxFuture<'_, Result<(), ProbeError>>;
    /// Listens at a node for the canary items of all nodes, on a new connection.
    fn listen(&self, node: NodeId) -> BoxFuture<'_, Result<Box<dyn Listener>, ProbeError>>;
}

/// A connection that listens.
pub trait Listener: Send {
    /// Waits until the node says that a canary item changed, and names the node whose item it is. An error once the
    /// connection is gone, or the node does not answer on it any more.
    fn heard(&mut self) -> BoxFuture<'_, Result<NodeId, ProbeError>>;
}
