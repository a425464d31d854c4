//! The node that leads the cluster's store is found and killed, and started again at the end.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use shakedown_model::NodeId;

use super::{NodeMove, ServersHand, take};
use crate::fault::{Fault, FaultError};

/// The loss of whichever node leads.
pub(super) struct LeaderLoss {
    servers: Arc<dyn ServersHand>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    leader: Option<NodeId>,
    is_gone: bool,
}

impl LeaderLoss {
    pub(super) fn new(servers: Arc<dyn ServersHand>) -> Self {
        Self { servers, state: Mutex::default() }
    }

    fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn find(&self) -> Result<NodeId, FaultError> {
        let leader = self.servers.leader().await.map_err(|why| FaultError::Leader { why })?;
        self.state(|state| state.leader = Some(leader));
        Ok(leader)
    }
}

impl Fault for LeaderLoss {
    /// Asking takes a while on a busy server, and the onset is the kill.
    fn prepare(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Err(error) = self.find().await {
                tracing::info!(%error, "the leader is looked for again at the onset");
            }
        })
    }

    fn apply(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            let leader = match self.state(|state| state.leader) {
                Some(leader) => leader,
                None => self.find().await?,
            };
            take(&*self.servers, leader, NodeMove::Kill).await?;
            self.state(|state| state.is_gone = true);
            Ok(())
        })
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async {
            match self.state(|state| state.leader.filter(|_| std::mem::take(&mut state.is_gone))) {
                Some(leader) => take(&*self.servers, leader, NodeMove::Start).await,
                None => Ok(()),
            }
        })
    }

    fn befell(&self) -> Vec<NodeId> {
        self.state(|state| state.leader).into_iter().collect()
    }
}
