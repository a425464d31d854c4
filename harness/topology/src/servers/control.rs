//! Single nodes of a run: stopped, killed and started again where they were.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shakedown_embedded::{EmbeddedCluster, RunningServer};
use shakedown_model::NodeId;

use super::process::ProcessNodes;
use super::{NodeAddress, ServersError};
use crate::parts::{Part, PartConnections, PartPlace};
use crate::process::OwnProcess;

/// What stops and starts single nodes. Clones work on the same nodes.
///
/// Two callers must not move one node at the same time: the second is refused.
#[derive(Debug, Clone)]
pub struct ServersControl {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    nodes: Vec<NodeAddress>,
    starter: Starter,
    slots: Mutex<Vec<Slot>>,
}

/// How a node is started again.
#[derive(Debug)]
pub(super) enum Starter {
    Embedded(EmbeddedCluster),
    Process(Box<ProcessNodes>),
}

#[derive(Debug)]
enum Slot {
    Up(Running),
    Down,
    /// Being started or stopped.
    Moving,
}

#[derive(Debug)]
pub(super) enum Running {
    Embedded(RunningServer),
    Process(OwnProcess),
}

impl ServersControl {
    pub(super) fn new(nodes: Vec<NodeAddress>, starter: Starter, running: Vec<Running>) -> Self {
        let slots = Mutex::new(running.into_iter().map(Slot::Up).collect());
        Self { inner: Arc::new(Inner { nodes, starter, slots }) }
    }

    /// Ends a node as a person would: a process is asked to end, and killed if it does not within 10 s.
    ///
    /// # Errors
    /// [`ServersError::WrongState`] when it does not run.
    pub async fn stop(&self, node: NodeId) -> Result<(), ServersError> {
        let running = self.take(node, "stopped")?;
        end(running).await;
        self.put(node, Slot::Down);
        Ok(())
    }

    /// Ends a node at once: a process gets SIGKILL, an embedded node's sockets are closed.
    ///
    /// # Errors
    /// [`ServersError::WrongState`] when it does not run.
    pub async fn kill(&self, node: NodeId) -> Result<(), ServersError> {
        let running = self.take(node, "killed")?;
        // Dropping kills; both kinds wait for the end, which is short.
        drop(running);
        self.put(node, Slot::Down);
        Ok(())
    }

    /// Starts a node again at its address, over what was stored, and waits until it is ready.
    ///
    /// # Errors
    /// [`ServersError::WrongState`] when it runs, and what the start fails with.
    pub async fn start(&self, node: NodeId) -> Result<(), ServersError> {
        {
            let mut slots = self.slots();
            let slot = slots.get_mut(node.index()).ok_or(wrong(node, "started", "there is no such node"))?;
            match slot {
                Slot::Down => *slot = Slot::Moving,
                Slot::Up(_) => return Err(wrong(node, "started", "it runs")),
                Slot::Moving => return Err(wrong(node, "started", "it is being started or stopped")),
            }
        }
        let started = self.start_at(node).await;
        match started {
            Ok(running) => {
                self.put(node, Slot::Up(running));
                Ok(())
            }
            Err(error) => {
                self.put(node, Slot::Down);
                Err(error)
            }
        }
    }

    async fn start_at(&self, node: NodeId) -> Result<Running, ServersError> {
        match &self.inner.starter {
            Starter::Embedded(cluster) => Ok(Running::Embedded(cluster.start(node.index())?)),
            Starter::Process(nodes) => {
                let address = self.inner.nodes[node.index()];
                let mut process = nodes.launch(address)?;
                nodes.wait_ready(address, &mut process).await?;
                Ok(Running::Process(process))
            }
        }
    }

    /// The running nodes as parts of the bench.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let slots = self.slots();
        let parts = self.inner.nodes.iter().zip(slots.iter()).filter_map(|(address, slot)| {
            let name = format!("nacos-{}", address.node);
            match slot {
                Slot::Up(Running::Embedded(server)) => Some(Part {
                    place: PartPlace::Threads(name.clone()),
                    name,
                    connections: PartConnections::Known(server.open_count() as u64),
                }),
                Slot::Up(Running::Process(process)) => Some(Part {
                    name,
                    place: PartPlace::Group(process.group()),
                    connections: PartConnections::At(vec![address.http, address.grpc]),
                }),
                Slot::Down | Slot::Moving => None,
            }
        });
        parts.collect()
    }

    pub(super) fn failed(&self) -> Option<String> {
        self.slots().iter_mut().find_map(|slot| match slot {
            Slot::Up(Running::Embedded(server)) => server.failed(),
            Slot::Up(Running::Process(process)) => process.failed(),
            Slot::Down | Slot::Moving => None,
        })
    }

    /// Stops every node, all at once.
    pub(super) async fn stop_all(&self) {
        let slots: Vec<_> = self.slots().iter_mut().map(|slot| std::mem::replace(slot, Slot::Down)).collect();
        let ends = slots.into_iter().filter_map(|slot| match slot {
            Slot::Up(running) => Some(end(running)),
            Slot::Down | Slot::Moving => None,
        });
        futures_util::future::join_all(ends).await;
    }

    fn take(&self, node: NodeId, wish: &'static str) -> Result<Running, ServersError> {
        let mut slots = self.slots();
        let slot = slots.get_mut(node.index()).ok_or(wrong(node, wish, "there is no such node"))?;
        match std::mem::replace(slot, Slot::Moving) {
            Slot::Up(running) => Ok(running),
            Slot::Down => {
                *slot = Slot::Down;
                Err(wrong(node, wish, "it does not run"))
            }
            Slot::Moving => Err(wrong(node, wish, "it is being started or stopped")),
        }
    }

    fn put(&self, node: NodeId, slot: Slot) {
        self.slots()[node.index()] = slot;
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn end(running: Running) {
    match running {
        Running::Embedded(server) => server.stop(),
        Running::Process(process) => process.stop().await,
    }
}

const fn wrong(node: NodeId, wish: &'static str, why: &'static str) -> ServersError {
    ServersError::WrongState { node: node.0, wish, why }
}
