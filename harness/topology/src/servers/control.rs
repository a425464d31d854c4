//! Single nodes of a run: stopped, killed, paused, cut off, and started again where they were.
//!
//! A node that is being moved is out of its slot; [`Taken`] puts it back however the move ends, so that a move that is
//! given up halfway (the run was stopped) leaves a node that can be moved again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shakedown_embedded::{EmbeddedCluster, RunningServer};
use shakedown_model::NodeId;
use shakedown_model::fault::{NodeTrouble, TroubleCount};
use shakedown_model::plan::ServerSpec;
use shakedown_nacos::admin::{AdminClient, RaftView};
use tokio::time::Instant;

use super::container::ContainerNodes;
use super::embedded::{EmbeddedNodes, SpreadNode};
use super::process::ProcessNodes;
use super::{NodeAddress, ServersError};
use crate::containers::OwnContainer;
use crate::parts::{Part, PartConnections, PartPlace};
use crate::process::OwnProcess;

/// How long a cluster may take to say who leads it: longer than an election (5 to 6 s, nacos-facts.md §5.4).
const LEADER_WITHIN: Duration = Duration::from_secs(10);
/// While nobody leads, the nodes are asked this often.
const LEADER_PERIOD: Duration = Duration::from_millis(200);
/// A node that is asked who leads may take this long.
const LEADER_PATIENCE: Duration = Duration::from_secs(2);

/// What moves single nodes. Clones work on the same nodes.
///
/// Two callers must not move one node at the same time: the second is refused.
#[derive(Debug, Clone)]
pub struct ServersControl {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    spec: ServerSpec,
    nodes: Vec<NodeAddress>,
    starter: Starter,
    slots: Mutex<Vec<Slot>>,
    /// The nodes that were started as the version of `server.upgrade`; they stay it.
    upgraded: Mutex<BTreeSet<NodeId>>,
}

/// How a node is started again.
#[derive(Debug)]
pub(super) enum Starter {
    Embedded(EmbeddedCluster),
    /// Embedded nodes, each in a process of its own.
    Spread(Box<EmbeddedNodes>),
    Process(Box<ProcessNodes>),
    Container(Box<ContainerNodes>),
    /// Not at all: somebody else does.
    External,
}

#[derive(Debug)]
enum Slot {
    Up(Running),
    Down,
    /// Being moved.
    Moving,
}

#[derive(Debug)]
pub(super) enum Running {
    Embedded(RunningServer),
    Spread(SpreadNode),
    Process(OwnProcess),
    Container(OwnContainer),
    /// Somebody else's, which the run does not move.
    External,
}

/// A node out of its slot; dropping it puts back what is there then.
struct Taken<'a> {
    control: &'a ServersControl,
    node: NodeId,
    /// What the node is about to be, for the error when it cannot be.
    wish: &'static str,
    running: Option<Running>,
}

/// A node that can stand still.
enum Pausable<'a> {
    Embedded(&'a RunningServer),
    Spread(&'a SpreadNode),
    Process(&'a OwnProcess),
    Container(&'a OwnContainer),
}

impl Taken<'_> {
    fn pausable(&self) -> Result<Pausable<'_>, ServersError> {
        match &self.running {
            Some(Running::Process(process)) => Ok(Pausable::Process(process)),
            Some(Running::Container(container)) => Ok(Pausable::Container(container)),
            Some(Running::Embedded(server)) => Ok(Pausable::Embedded(server)),
            Some(Running::Spread(node)) => Ok(Pausable::Spread(node)),
            Some(Running::External) | None => Err(wrong(self.node, self.wish, EXTERNAL)),
        }
    }

    /// The container of a node that has a network of its own.
    fn container(&self) -> Result<&OwnContainer, ServersError> {
        match &self.running {
            Some(Running::Container(container)) => Ok(container),
            Some(Running::Process(_) | Running::Embedded(_) | Running::Spread(_) | Running::External)
            | None => Err(wrong(self.node, self.wish, NO_NETWORK)),
        }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let slot = self.running.take().map_or(Slot::Down, Slot::Up);
        self.control.slots()[self.node.index()] = slot;
    }
}

impl ServersControl {
    /// The control of `running`, one per node of `nodes`, that are all up.
    pub(super) fn new(
        spec: &ServerSpec,
        nodes: Vec<NodeAddress>,
        starter: Starter,
        running: Vec<Running>,
    ) -> Self {
        let slots = Mutex::new(running.into_iter().map(Slot::Up).collect());
        let spec = spec.clone();
        Self { inner: Arc::new(Inner { spec, nodes, starter, slots, upgraded: Mutex::default() }) }
    }

    /// Ends a node as a person would: a process is asked to end, and killed if it does not within 10 s. A paused node
    /// goes on for that.
    ///
    /// # Errors
    /// [`ServersError::WrongState`] when it does not run.
    pub async fn stop(&self, node: NodeId) -> Result<(), ServersError> {
        let mut taken = self.take(node, "stopped")?;
        match taken.running.take() {
            Some(running) => end(running).await,
            None => Ok(()),
        }
    }

    /// Ends a node at once: a process gets SIGKILL, an embedded node's sockets are closed.
    ///
    /// # Errors
    /// [`ServersError::WrongState`] when it does not run.
    pub async fn kill(&self, node: NodeId) -> Result<(), ServersError> {
        let mut taken = self.take(node, "killed")?;
        match taken.running.take() {
            Some(Running::Container(container)) => container.kill().await?,
            // Dropping kills; both kinds wait for the end, which is short.
            running => drop(running),
        }
        Ok(())
    }

    /// Lets a node stand still as in a long collection of garbage: its process group gets SIGSTOP, an embedded node's
    /// thread waits where it is. Its sockets stay open, and the kernel goes on to accept connections and bytes for it.
    ///
    /// # Errors
    /// [`ServersError::WrongState`] when it does not run, or does not stand still within some seconds.
    pub async fn pause(&self, node: NodeId) -> Result<(), ServersError> {
        match self.take(node, "paused")?.pausable()? {
            Pausable::Embedded(server) => is_done(server.pause(), wrong(node, "paused", BUSY))?,
            Pausable::Spread(spread) => is_done(spread.pause(), wrong(node, "paused", BUSY))?,
            Pausable::Process(process) => process.pause(),
            Pausable::Container(container) => container.pause().await?,
        }
        Ok(())
    }

    /// Lets a paused node go on; harmless for one that is not paused.
    ///
    /// # Errors
    /// [`ServersError::WrongState`] when it does not run, or does not go on within some seconds.
    pub async fn resume(&self, node: NodeId) -> Result<(), ServersError> {
        match self.take(node, "resumed")?.pausable()? {
            Pausable::Embedded(server) => server.resume(),
            Pausable::Spread(spread) => is_done(spread.resume(), wrong(node, "resumed", BUSY))?,
            Pausable::Process(process) => process.resume(),
            Pausable::Container(container) => container.resume().await?,
        }
        Ok(())
    }

    /// Takes a node's network away, to clients and to other nodes.
    ///
    /// # Errors
    /// [`ServersError::WrongState`] when it does not run, or is no container.
    pub async fn disconnect(&self, node: NodeId) -> Result<(), ServersError> {
        Ok(self.take(node, "disconnected")?.container()?.disconnect().await?)
    }

    /// Gives a node its network back.
    ///
    /// # Errors
    /// [`ServersError::WrongState`] when it does not run, or is no container.
    pub async fn connect(&self, node: NodeId) -> Result<(), ServersError> {
        Ok(self.take(node, "connected")?.container()?.connect().await?)
    }

    /// Starts a node again at its address, over what was stored, and waits until it is ready. Dropping the future ends
    /// what was started.
    ///
    /// # Errors
    /// [`ServersError::WrongState`] when it runs, and what the start fails with.
    pub async fn start(&self, node: NodeId) -> Result<(), ServersError> {
        let mut taken = {
            let mut slots = self.slots();
            let slot = slots.get_mut(node.index()).ok_or(wrong(node, "started", "there is no such node"))?;
            match slot {
                Slot::Down => *slot = Slot::Moving,
                Slot::Up(_) => return Err(wrong(node, "started", "it runs")),
                Slot::Moving => return Err(wrong(node, "started", "it is being moved")),
            }
            Taken { control: self, node, wish: "started", running: None }
        };
        let started = self.start_at(node).await?;
        taken.running = Some(started);
        Ok(())
    }

    /// Starts a node that is down as the version of `server.upgrade`, over the same data; it stays that version.
    ///
    /// # Errors
    /// As [`Self::start`], and [`ServersError::WrongState`] without an upgrade in the spec.
    pub async fn start_upgraded(&self, node: NodeId) -> Result<(), ServersError> {
        if self.inner.spec.upgrade.is_none() {
            return Err(wrong(node, "upgraded", "there is no `server.upgrade`"));
        }
        self.upgraded().insert(node);
        self.start(node).await
    }

    /// Lets a running node do something wrong until [`Self::end_trouble`] with the same number.
    ///
    /// # Errors
    /// [`ServersError::WrongState`] when it does not run, or is not embedded.
    pub fn begin_trouble(&self, node: NodeId, number: u64, trouble: NodeTrouble) -> Result<(), ServersError> {
        self.embedded(node, |server| server.begin_trouble(number, trouble))
    }

    /// No longer; how often it acted.
    ///
    /// # Errors
    /// [`ServersError::WrongState`] when it does not run, or is not embedded.
    pub fn end_trouble(&self, node: NodeId, number: u64) -> Result<TroubleCount, ServersError> {
        self.embedded(node, |server| server.end_trouble(number))
    }

    fn embedded<T>(&self, node: NodeId, order: impl FnOnce(&RunningServer) -> T) -> Result<T, ServersError> {
        match self.slots().get(node.index()) {
            Some(Slot::Up(Running::Embedded(server))) => Ok(order(server)),
            Some(Slot::Up(_)) => Err(wrong(node, TROUBLED, NOT_EMBEDDED)),
            Some(Slot::Down | Slot::Moving) | None => Err(wrong(node, TROUBLED, "it does not run")),
        }
    }

    /// The nodes of the run.
    #[must_use]
    pub fn ids(&self) -> Vec<NodeId> {
        self.inner.nodes.iter().map(|address| address.node).collect()
    }

    /// In words, which nodes became which version by an upgrade; `None` while none did.
    #[must_use]
    pub fn upgrades(&self) -> Option<String> {
        let next = self.inner.spec.upgrade.as_ref()?;
        let nodes: Vec<_> = self.upgraded().iter().map(ToString::to_string).collect();
        let (from, to) = (&self.inner.spec.version, &next.version);
        (!nodes.is_empty())
            .then(|| format!("upgraded from {from} to {to} during the run: node {}", nodes.join(", ")))
    }

    /// The node that leads the cluster's store of configs, by the word of the nodes that are up.
    ///
    /// # Errors
    /// [`ServersError::NoLeader`] when none is named within 10 s.
    pub async fn leader(&self) -> Result<NodeId, ServersError> {
        let deadline = Instant::now() + LEADER_WITHIN;
        loop {
            let views = futures_util::future::join_all(self.asked()).await;
            let views: Vec<_> = views.into_iter().flatten().collect();
            if let Some(leader) = named_leader(&views) {
                return Ok(leader);
            }
            if Instant::now() >= deadline {
                let seconds = LEADER_WITHIN.as_secs();
                return Err(ServersError::NoLeader {
                    asked: self.up().len(),
                    answered: views.len(),
                    seconds,
                });
            }
            tokio::time::sleep(LEADER_PERIOD).await;
        }
    }

    /// What each node that is up says of the cluster's store.
    fn asked(&self) -> impl Iterator<Item = impl Future<Output = Option<(NodeId, RaftView)>>> {
        let spec = &self.inner.spec;
        self.up().into_iter().map(move |address| async move {
            let admin = AdminClient::new(address.http_peer(), LEADER_PATIENCE);
            let admin = admin.speaking(spec.generation()).logging_in(spec.login.as_ref());
            Some((address.node, admin.raft().await.ok()?))
        })
    }

    fn up(&self) -> Vec<NodeAddress> {
        let slots = self.slots();
        let up = self.inner.nodes.iter().zip(slots.iter()).filter(|(_, slot)| matches!(slot, Slot::Up(_)));
        up.map(|(address, _)| address.clone()).collect()
    }

    async fn start_at(&self, node: NodeId) -> Result<Running, ServersError> {
        let is_upgraded = self.upgraded().contains(&node);
        match &self.inner.starter {
            Starter::Embedded(cluster) => Ok(Running::Embedded(cluster.start(node.index())?)),
            Starter::Spread(nodes) => {
                Ok(Running::Spread(nodes.launch(&self.inner.nodes[node.index()]).await?))
            }
            Starter::Process(nodes) => {
                let address = &self.inner.nodes[node.index()];
                let mut process = nodes.launch(address, is_upgraded)?;
                nodes.wait_ready(address, &mut process, is_upgraded).await?;
                Ok(Running::Process(process))
            }
            Starter::Container(nodes) => {
                let address = &self.inner.nodes[node.index()];
                let container = nodes.launch(address, is_upgraded).await?;
                if let Err(error) = nodes.wait_ready(address, &container, is_upgraded, &|_| {}).await {
                    container.kill().await?;
                    return Err(error);
                }
                Ok(Running::Container(container))
            }
            Starter::External => Err(wrong(node, "started", EXTERNAL)),
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
                    tells_at: None,
                }),
                Slot::Up(Running::Spread(node)) => Some(Part {
                    name,
                    place: PartPlace::Group(node.group()),
                    connections: PartConnections::Known(node.open_count() as u64),
                    tells_at: None,
                }),
                Slot::Up(Running::Process(process)) => Some(Part {
                    name,
                    place: PartPlace::Group(process.group()),
                    connections: PartConnections::At(vec![address.http, address.grpc]),
                    tells_at: Some(address.http_peer()),
                }),
                Slot::Up(Running::Container(container)) => Some(Part {
                    name,
                    place: container.place(),
                    connections: container.connections(),
                    tells_at: Some(address.http_peer()),
                }),
                Slot::Up(Running::External) => Some(Part {
                    name,
                    place: PartPlace::Elsewhere,
                    connections: PartConnections::Unknown,
                    tells_at: Some(address.http_peer()),
                }),
                Slot::Down | Slot::Moving => None,
            }
        });
        parts.collect()
    }

    pub(super) fn failed(&self) -> Option<String> {
        self.slots().iter_mut().find_map(|slot| match slot {
            Slot::Up(Running::Embedded(server)) => server.failed(),
            Slot::Up(Running::Spread(node)) => node.failed(),
            Slot::Up(Running::Process(process)) => process.failed(),
            Slot::Up(Running::Container(container)) => container.failed(),
            Slot::Up(Running::External) | Slot::Down | Slot::Moving => None,
        })
    }

    /// Stops every node, all at once; containers are removed with everything else that the run has on the engine.
    pub(super) async fn stop_all(&self) {
        let slots: Vec<_> = self.slots().iter_mut().map(|slot| std::mem::replace(slot, Slot::Down)).collect();
        let ends = slots.into_iter().filter_map(|slot| match slot {
            Slot::Up(Running::Container(_) | Running::External) | Slot::Down | Slot::Moving => None,
            Slot::Up(running) => Some(end(running)),
        });
        for error in futures_util::future::join_all(ends).await.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "a node could not be stopped");
        }
    }

    fn take(&self, node: NodeId, wish: &'static str) -> Result<Taken<'_>, ServersError> {
        let mut slots = self.slots();
        let slot = slots.get_mut(node.index()).ok_or(wrong(node, wish, "there is no such node"))?;
        match std::mem::replace(slot, Slot::Moving) {
            Slot::Up(Running::External) => {
                *slot = Slot::Up(Running::External);
                Err(wrong(node, wish, EXTERNAL))
            }
            Slot::Up(running) => Ok(Taken { control: self, node, wish, running: Some(running) }),
            Slot::Down => {
                *slot = Slot::Down;
                Err(wrong(node, wish, "it does not run"))
            }
            Slot::Moving => Err(wrong(node, wish, "it is being moved")),
        }
    }

    fn upgraded(&self) -> MutexGuard<'_, BTreeSet<NodeId>> {
        self.inner.upgraded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn end(running: Running) -> Result<(), ServersError> {
    match running {
        Running::Embedded(server) => server.stop(),
        Running::Spread(node) => node.stop().await,
        Running::Process(process) => process.stop().await,
        Running::Container(container) => container.stop().await?,
        Running::External => {}
    }
    Ok(())
}

const TROUBLED: &str = "told to do wrong";
/// Why a node cannot be told to do wrong.
const NOT_EMBEDDED: &str = "it is a real server; choose `backend: embedded`";
/// Why an embedded node was not paused.
const BUSY: &str = "its thread did not take notice in time";
/// Why a node of somebody else's is left alone.
const EXTERNAL: &str = "somebody else runs it; choose `backend: process` or `container`";
/// Why a node has no network of its own.
const NO_NETWORK: &str = "it has no network of its own; choose `backend: container`";

/// The leader of the newest term that a node names, if it is one of those that answered.
fn named_leader(views: &[(NodeId, RaftView)]) -> Option<NodeId> {
    let newest = views.iter().filter(|(_, view)| view.leader.is_some()).max_by_key(|(_, view)| view.term)?;
    let leader = newest.1.leader.as_deref();
    views.iter().find(|(_, view)| Some(view.own.as_str()) == leader).map(|(node, _)| *node)
}

fn is_done(is_done: bool, otherwise: ServersError) -> Result<(), ServersError> {
    if is_done { Ok(()) } else { Err(otherwise) }
}

const fn wrong(node: NodeId, wish: &'static str, why: &'static str) -> ServersError {
    ServersError::WrongState { node: node.0, wish, why }
}
