//! Nodes stay up and do something wrong: they are told so at the onset, and count how often they did.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, ready};
use shakedown_model::fault::{Bite, NodeTrouble, StreamTrouble, TroubleCount};
use shakedown_model::{FaultId, NodeId};

use super::ServersHand;
use crate::fault::{Fault, FaultError};

/// Something that nodes do wrong.
pub(super) struct Trouble {
    servers: Arc<dyn ServersHand>,
    nodes: Vec<NodeId>,
    number: u64,
    trouble: NodeTrouble,
    /// The nodes that were told; with a count once they were told that it is over.
    told: Mutex<BTreeMap<NodeId, Option<TroubleCount>>>,
}

impl Trouble {
    pub(super) fn new(
        servers: Arc<dyn ServersHand>,
        nodes: Vec<NodeId>,
        (id, trouble): (FaultId, NodeTrouble),
    ) -> Self {
        Self { servers, nodes, number: u64::from(id.0), trouble, told: Mutex::default() }
    }

    fn told(&self) -> MutexGuard<'_, BTreeMap<NodeId, Option<TroubleCount>>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> Result<(), FaultError> {
        for node in &self.nodes {
            self.servers
                .begin_trouble(*node, self.number, self.trouble)
                .map_err(failed(*node, "told to do wrong"))?;
            self.told().insert(*node, None);
        }
        Ok(())
    }

    fn end(&self) -> Result<(), FaultError> {
        let mut result = Ok(());
        for (node, count) in self.told().iter_mut().filter(|(_, count)| count.is_none()) {
            match self.servers.end_trouble(*node, self.number) {
                Ok(counted) => *count = Some(counted),
                Err(why) => result = result.and(Err(failed(*node, "told to do right again")(why))),
            }
        }
        result
    }

    /// What is counted.
    const fn what(&self) -> &'static str {
        match self.trouble {
            NodeTrouble::Answers(_) => "calls",
            NodeTrouble::Stream { what: StreamTrouble::SwallowedAck, .. } => "acknowledgements",
            NodeTrouble::Stream { .. } | NodeTrouble::Evict { .. } => "connections",
            NodeTrouble::ExpireTokens => "tokens",
            NodeTrouble::DriftedMd5 { .. } => "comparisons",
        }
    }
}

fn failed(node: NodeId, done: &'static str) -> impl FnOnce(String) -> FaultError {
    move |why| FaultError::Node { node: node.0, done, why }
}

impl Fault for Trouble {
    fn apply(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(ready(self.begin()))
    }

    fn heal(&self) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(ready(self.end()))
    }

    fn befell(&self) -> Vec<NodeId> {
        self.nodes.clone()
    }

    fn seen(&self) -> BoxFuture<'_, Option<Bite>> {
        let told = self.told();
        let what = self.what();
        let words: Vec<String> = told
            .iter()
            .filter_map(|(node, count)| {
                let TroubleCount { acted, of } = (*count)?;
                Some(format!("node {node}: {acted} of {of} {what}"))
            })
            .collect();
        let hit = told.values().all(|count| count.is_some_and(|count| count.acted > 0));
        let words = words.join(", ");
        Box::pin(ready(Some(if hit && !told.is_empty() { Bite::Bit(words) } else { Bite::Missed(words) })))
    }
}
