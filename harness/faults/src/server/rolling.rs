//! One node after another is stopped and started again, as it was or as another version.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use shakedown_model::NodeId;
use tokio::time::sleep;

use super::{NodeMove, ServersHand, take};
use crate::fault::{Fault, FaultError};

/// A round over nodes. The onset is the first one's stop; the rest happens while the fault is in force, however long.
pub(super) struct Rolling {
    servers: Arc<dyn ServersHand>,
    nodes: Vec<NodeId>,
    back: NodeMove,
    /// From one node's readiness to the next one's stop.
    pause: Duration,
    /// The node that is down now.
    down: Mutex<Option<NodeId>>,
}

impl Rolling {
    pub(super) fn new(
        servers: Arc<dyn ServersHand>,
        nodes: Vec<NodeId>,
        (back, pause): (NodeMove, Duration),
    ) -> Self {
        Self { servers, nodes, back, pause, down: Mutex::default() }
    }

    async fn stop(&self, node: NodeId) -> Result<(), FaultError> {
        // Before the stop: one that is given up halfway leaves the node down.
        self.set_down(Some(node));
        let stopped = take(&*self.servers, node, NodeMove::Stop).await;
        if stopped.is_err() {
            self.set_down(None);
        }
        stopped
    }

    async fn start(&self, node: NodeId) -> Result<(), FaultError> {
        take(&*self.servers, node, self.back).await?;
        self.set_down(None);
        Ok(())
    }

    fn set_down(&self, node: Option<NodeId>) {
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = node;
    }
}

impl Fault for Rolling {
    fn apply(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            match self.nodes.first() {
                Some(first) => self.stop(*first).await,
                None => Ok(()),
            }
        })
    }

    fn go_on(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            for (nth, node) in self.nodes.iter().enumerate() {
                if nth > 0 {
                    sleep(self.pause).await;
                    self.stop(*node).await?;
                }
                self.start(*node).await?;
            }
            Ok(())
        })
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            let down = *self.down.lock().unwrap_or_else(PoisonError::into_inner);
            match down {
                Some(node) => self.start(node).await,
                None => Ok(()),
            }
        })
    }

    fn befell(&self) -> Vec<NodeId> {
        self.nodes.clone()
    }
}
