//! Nodes leave at the onset and come back at the end: kill, stop, pause, disconnect.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, join_all};
use shakedown_model::NodeId;

use super::{NodeMove, ServersHand, take};
use crate::fault::{Fault, FaultError};

/// Nodes that leave together and come back together: nodes of a cluster that all went need each other to start.
pub(super) struct Halt {
    servers: Arc<dyn ServersHand>,
    nodes: Vec<NodeId>,
    away: NodeMove,
    back: NodeMove,
    /// Those that left and are not back.
    gone: Mutex<BTreeSet<NodeId>>,
}

impl Halt {
    pub(super) fn new(
        servers: Arc<dyn ServersHand>,
        nodes: Vec<NodeId>,
        (away, back): (NodeMove, NodeMove),
    ) -> Self {
        Self { servers, nodes, away, back, gone: Mutex::default() }
    }
}

impl Fault for Halt {
    fn apply(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            let leaving = self.nodes.iter().map(|node| async {
                take(&*self.servers, *node, self.away).await?;
                self.gone.lock().unwrap_or_else(PoisonError::into_inner).insert(*node);
                Ok(())
            });
            join_all(leaving).await.into_iter().collect()
        })
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            let gone = std::mem::take(&mut *self.gone.lock().unwrap_or_else(PoisonError::into_inner));
            let coming = gone.into_iter().map(|node| take(&*self.servers, node, self.back));
            join_all(coming).await.into_iter().collect()
        })
    }

    fn befell(&self) -> Vec<NodeId> {
        self.nodes.clone()
    }
}
