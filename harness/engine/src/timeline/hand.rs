//! The servers as faults move them.

use futures_util::future::BoxFuture;
use shakedown_faults::server::{NodeMove, ServersHand};
use shakedown_model::NodeId;
use shakedown_model::fault::{NodeTrouble, TroubleCount};
use shakedown_topology::ServersControl;

/// The run's servers.
pub(super) struct Hand(pub(super) ServersControl);

impl ServersHand for Hand {
    fn nodes(&self) -> Vec<NodeId> {
        self.0.ids()
    }

    fn take(&self, node: NodeId, what: NodeMove) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let moved = match what {
                NodeMove::Kill => self.0.kill(node).await,
                NodeMove::Stop => self.0.stop(node).await,
                NodeMove::Start => self.0.start(node).await,
                NodeMove::StartUpgraded => self.0.start_upgraded(node).await,
                NodeMove::Pause => self.0.pause(node).await,
                NodeMove::Resume => self.0.resume(node).await,
                NodeMove::Disconnect => self.0.disconnect(node).await,
                NodeMove::Connect => self.0.connect(node).await,
            };
            moved.map_err(|error| error.to_string())
        })
    }

    fn begin_trouble(&self, node: NodeId, number: u64, trouble: NodeTrouble) -> Result<(), String> {
        self.0.begin_trouble(node, number, trouble).map_err(|error| error.to_string())
    }

    fn end_trouble(&self, node: NodeId, number: u64) -> Result<TroubleCount, String> {
        self.0.end_trouble(node, number).map_err(|error| error.to_string())
    }

    fn leader(&self) -> BoxFuture<'_, Result<NodeId, String>> {
        Box::pin(async { self.0.leader().await.map_err(|error| error.to_string()) })
    }
}
