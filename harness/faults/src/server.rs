//! Faults of servers: what befalls the nodes themselves, whatever stands before them.
//!
//! What a node can suffer is the topology's ([`ServersHand`]); which nodes suffer it when, and what brings them back, is
//! decided here. Whether it bit, and when service was back, is seen by [`service`]: probes that go straight at each
//! node.

mod certificate;
mod halt;
mod leader_loss;
mod rolling;
pub mod service;
mod trouble;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use shakedown_model::fault::{CertificateTrouble, FaultPlan, NodeTrouble, ServerFault, TroubleCount};
use shakedown_model::{FaultId, NodeId};

use crate::fault::{Fault, FaultError};

use certificate::Certificate;
use halt::Halt;
use leader_loss::LeaderLoss;
use rolling::Rolling;
use trouble::Trouble;

/// What can be done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeMove {
    /// It is ended at once.
    Kill,
    /// It is asked to end.
    Stop,
    /// It is started again, and is ready.
    Start,
    /// It is started again as the version of `server.upgrade`, and is ready.
    StartUpgraded,
    /// It stands still.
    Pause,
    /// It goes on.
    Resume,
    /// It loses its network.
    Disconnect,
    /// It has its network back.
    Connect,
}

impl NodeMove {
    /// The move in words, as in "could not be killed".
    const fn done(self) -> &'static str {
        match self {
            Self::Kill => "killed",
            Self::Stop => "stopped",
            Self::Start => "started again",
            Self::StartUpgraded => "started as the new version",
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Disconnect => "disconnected",
            Self::Connect => "connected again",
        }
    }
}

/// Handshakes of TLS that are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Handshakes {
    /// All of them.
    pub all: u64,
    /// Those that came to no session.
    pub failed: u64,
}

/// Why no session came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoSession {
    /// Either side refused it because of a certificate.
    Refused(CertificateTrouble),
    /// Anything else.
    Other(String),
}

impl NoSession {
    fn words(&self) -> String {
        match self {
            Self::Refused(trouble) => format!("refused because of {}", trouble.words()),
            Self::Other(why) => why.clone(),
        }
    }
}

/// The servers, as far as faults act on them; the engine implements it.
pub trait ServersHand: Send + Sync + 'static {
    /// The nodes of the run.
    fn nodes(&self) -> Vec<NodeId>;
    /// Moves a node, and returns once that is done. Dropping the future leaves a node that can be moved again.
    fn take(&self, node: NodeId, what: NodeMove) -> BoxFuture<'_, Result<(), String>>;
    /// Lets a node do something wrong until [`ServersHand::end_trouble`] with the same number.
    fn begin_trouble(&self, node: NodeId, number: u64, trouble: NodeTrouble) -> Result<(), String>;
    /// No longer; how often it acted.
    fn end_trouble(&self, node: NodeId, number: u64) -> Result<TroubleCount, String>;
    /// Lets the TLS in front of a node be wrong for sessions that begin from now on, or right again. With `cuts` the
    /// connections that live are closed.
    fn set_certificate(
        &self,
        node: NodeId,
        trouble: Option<CertificateTrouble>,
        cuts: bool,
    ) -> Result<(), String>;
    /// The handshakes at a node so far.
    fn handshakes(&self, node: NodeId) -> Handshakes;
    /// Begins a session with a node as a careful client does, on a connection of its own, and ends it.
    fn shake_hands(&self, node: NodeId) -> BoxFuture<'_, Result<(), NoSession>>;
    /// The node that leads the cluster's store.
    fn leader(&self) -> BoxFuture<'_, Result<NodeId, String>>;
}

/// What the plan's fault does to the servers.
pub(crate) fn fault_of(
    servers: &Arc<dyn ServersHand>,
    (id, fault): (FaultId, ServerFault),
    plan: &FaultPlan,
) -> Box<dyn Fault> {
    let servers = Arc::clone(servers);
    let nodes = if plan.nodes.is_empty() { servers.nodes() } else { plan.nodes.clone() };
    let halt = |away, back| Halt::new(Arc::clone(&servers), nodes.clone(), (away, back));
    match fault {
        ServerFault::Kill => Box::new(halt(NodeMove::Kill, NodeMove::Start)),
        ServerFault::Stop => Box::new(halt(NodeMove::Stop, NodeMove::Start)),
        ServerFault::Pause => Box::new(halt(NodeMove::Pause, NodeMove::Resume)),
        ServerFault::Disconnect => Box::new(halt(NodeMove::Disconnect, NodeMove::Connect)),
        ServerFault::RollingRestart { pause } => {
            Box::new(Rolling::new(servers, nodes, (NodeMove::Start, pause)))
        }
        ServerFault::Upgrade { pause } => {
            Box::new(Rolling::new(servers, nodes, (NodeMove::StartUpgraded, pause)))
        }
        ServerFault::Certificate { trouble, cuts } => {
            Box::new(Certificate::new(servers, nodes, (trouble, cuts)))
        }
        ServerFault::Trouble { trouble } => Box::new(Trouble::new(servers, nodes, (id, trouble))),
        ServerFault::LeaderLoss => Box::new(LeaderLoss::new(servers)),
    }
}

async fn take(servers: &dyn ServersHand, node: NodeId, what: NodeMove) -> Result<(), FaultError> {
    let failed = |why| FaultError::Node { node: node.0, done: what.done(), why };
    servers.take(node, what).await.map_err(failed)
}

#[cfg(test)]
mod tests;
