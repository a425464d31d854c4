//! Several nodes over one database, as Nacos nodes share MySQL (nacos-facts.md §5.2).
//!
//! Every node has a thread, a core, watchers and a dump of its own. A write is stored once: under one lock it is judged
//! against everything stored before, written down, and handed to the other nodes' cores as what their reads of the
//! database will find. That alone changes nothing that their clients see: they dump it when they are told of it
//! ([`broadcasts`]), or when they look by themselves.
//!
//! A node may be in a process of its own (ADR 32): `host` is the side of the process with the database, `guest` the
//! node's, `wire` what they say to each other.

pub(crate) mod broadcasts;
pub(crate) mod guest;
mod host;
mod wire;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use shakedown_model::Seed;
use shakedown_model::plan::{EmbeddedSettings, Generation, Login};
use shakedown_nacos::ConfigKey;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use self::broadcasts::Broadcasts;
use self::guest::{Away, Grant};
pub use self::guest::{GuestError, node_main};
pub use self::host::NodeProcess;
use self::wire::ToNode;
use crate::core::{Change, Core, DumpTask, Redirect};
use crate::journal::{Journal, JournalError, Record};
use crate::service::{Counts, RunningServer, StartError, start_node};
use crate::trouble::Active;

/// What a cluster is opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// Where its nodes listen; at least one.
    pub nodes: Vec<NodePorts>,
    /// The directory in which the database survives a restart; without one it lives in memory, as long as this does.
    pub data: Option<PathBuf>,
    /// Which generation of Nacos it imitates.
    pub generation: Generation,
    /// The administrator; without one no call needs a login.
    pub login: Option<Login>,
    /// How the nodes behave.
    pub settings: EmbeddedSettings,
    /// What losses and the first instants of periods are drawn from.
    pub seed: Seed,
}

/// Where a node listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePorts {
    /// Where HTTP listens; port 0 takes a free one at each start.
    pub http: SocketAddr,
    /// Where gRPC listens. Clients look for it 1000 above the HTTP port.
    pub grpc: SocketAddr,
}

/// Embedded nodes over one database, each started and stopped alone. Clones are the same cluster.
///
/// The database lives as long as the last clone or running node.
#[derive(Debug, Clone)]
pub struct EmbeddedCluster(Arc<Cluster>);

impl EmbeddedCluster {
    /// Opens the database; no node runs yet.
    ///
    /// # Errors
    /// [`StartError::Data`] when the data directory cannot be used.
    pub fn open(config: ClusterConfig) -> Result<Self, StartError> {
        Cluster::open(config).map(|cluster| Self(Arc::new(cluster))).map_err(StartError::Data)
    }

    /// Starts a node; when this returns, it accepts connections and serves all that is stored.
    ///
    /// # Errors
    /// [`StartError`] says what could not be had and what to do.
    ///
    /// # Panics
    /// When there is no node of this number, or it runs already.
    pub fn start(&self, node: usize) -> Result<RunningServer, StartError> {
        start_node(&self.0, node)
    }
}

/// A cluster of one 2.x node, for tests.
#[cfg(test)]
pub(crate) fn one_node(settings: EmbeddedSettings, data: Option<&std::path::Path>) -> EmbeddedCluster {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = ClusterConfig {
        nodes: vec![NodePorts { http: any, grpc: any }],
        data: data.map(PathBuf::from),
        generation: Generation::V2,
        login: None,
        settings,
        seed: Seed(1),
    };
    EmbeddedCluster::open(config).unwrap()
}

#[cfg(test)]
impl EmbeddedCluster {
    /// The first node, without sockets or a thread.
    pub(crate) fn node_in_place(&self) -> Joined {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        self.0.join(0, nowhere, &Arc::default())
    }

    /// From here on every write fails as on a full disk.
    pub(crate) fn fill_disk(&self) {
        let Home::Here(shared) = &self.0.home else { panic!("the disk is not this node's") };
        lock(shared).journal.as_mut().unwrap().fill_disk();
    }
}

/// What the nodes share.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<NodePorts>,
    generation: Generation,
    login: Option<Login>,
    settings: EmbeddedSettings,
    seed: Seed,
    home: Home,
}

/// Where the database is.
#[derive(Debug)]
enum Home {
    /// In this process.
    Here(Mutex<Shared>),
    /// In the process at the other end of a stream.
    Away(Away),
}

/// The database, and who is to learn of writes.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Holds all that is stored, and serves nobody: nodes are started from it.
    archive: Core,
    /// The newest write of each config while a planted defect keeps them from the archive.
    unkept: BTreeMap<ConfigKey, Change>,
    journal: Option<Journal>,
    members: Vec<Option<Member>>,
}

/// A running node, for the others.
#[derive(Debug)]
struct Member {
    address: SocketAddr,
    mailbox: Mailbox,
    counts: Arc<Counts>,
}

/// The way to a node.
#[derive(Debug)]
enum Mailbox {
    /// Emptied at each of the node's inputs, so it holds what is written during one of them.
    Here(UnboundedSender<Message>),
    /// What is to be said over the stream to its process.
    Away(UnboundedSender<ToNode>),
}

impl Mailbox {
    /// A node that is going down has no use for it: it starts from the archive again.
    fn send(&self, message: Message) {
        match self {
            Self::Here(mailbox) => drop(mailbox.send(message)),
            Self::Away(mailbox) => drop(mailbox.send(ToNode::Message(message))),
        }
    }
}

/// The database, held for one write.
#[derive(Debug)]
pub(crate) enum Writing<'a> {
    Here(MutexGuard<'a, Shared>),
    Away(Grant<'a>),
}

impl Writing<'_> {
    /// Stores what node `by` writes; after an error nothing is stored, and the write must not be acked.
    pub(crate) fn store(&mut self, by: usize, change: &Change) -> io::Result<()> {
        match self {
            Self::Here(shared) => shared.store(by, change),
            Self::Away(grant) => grant.store(change),
        }
    }
}

/// What nodes send each other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Message {
    /// The database now has this.
    Stored(Box<Change>),
    /// Dump this: a broadcast.
    Changed(DumpTask),
    /// Keep so many connections and send the rest elsewhere.
    Reload(usize, Option<Redirect>),
    /// A trouble begins, or ends; it is told to nodes of this process alone.
    #[serde(skip)]
    Trouble(Arc<Active>, bool),
}

/// How many connections a running node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemberLoad {
    pub(crate) node: usize,
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
}

/// A node as it enters the cluster.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) core: Core,
    pub(crate) mailbox: UnboundedReceiver<Message>,
    pub(crate) broadcasts: Broadcasts,
    pub(crate) membership: Membership,
}

/// A node's place in the cluster; it leaves when this is dropped.
#[derive(Debug)]
pub(crate) struct Membership {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) node: usize,
}

impl Drop for Membership {
    fn drop(&mut self) {
        // One in a process of its own ends with it, and the other side notices.
        if let Home::Here(shared) = &self.cluster.home {
            lock(shared).members[self.node] = None;
        }
    }
}

impl Cluster {
    fn open(config: ClusterConfig) -> Result<Self, JournalError> {
        let ClusterConfig { nodes, data, generation, login, settings, seed } = config;
        let mut archive = Core::new(settings.clone(), generation, login.as_ref(), wall_ms());
        let mut journal = None;
        if let Some(dir) = data {
            let mut log = Journal::open(&dir, |record| match record {
                Record::Committed(change) => archive.restore(change),
                Record::Stored(change) => archive.restore_stored(change),
            })?;
            if let Some(login) = &login {
                archive.appoint(login);
            }
            if log.wants_compaction() {
                log.compact(archive.stored())?;
            }
            journal = Some(log);
        }
        let members = nodes.iter().map(|_| None).collect();
        let shared = Shared { archive, unkept: BTreeMap::new(), journal, members };
        Ok(Self { nodes, generation, login, settings, seed, home: Home::Here(Mutex::new(shared)) })
    }

    /// Lets a node in that listens at `address`: it holds all that is stored, and learns of what comes.
    pub(crate) fn join(self: &Arc<Self>, node: usize, address: SocketAddr, counts: &Arc<Counts>) -> Joined {
        let (core, mailbox) = match &self.home {
            Home::Here(shared) => {
                let (sender, mailbox) = unbounded_channel();
                let mut shared = lock(shared);
                let core = shared.archive.fork(wall_ms());
                shared.enter(
                    node,
                    Member { address, mailbox: Mailbox::Here(sender), counts: Arc::clone(counts) },
                );
                (core, mailbox)
            }
            Home::Away(away) => away.take_state(),
        };
        let broadcasts = Broadcasts::new(self.settings.cluster.clone(), self.seed, node, self.nodes.len());
        let membership = Membership { cluster: Arc::clone(self), node };
        Joined { core, mailbox, broadcasts, membership }
    }

    /// The database, for one write at a time. A node in a process of its own stands still until it has it, some ten
    /// microseconds when nobody else writes.
    pub(crate) fn lock(&self) -> Writing<'_> {
        match &self.home {
            Home::Here(shared) => Writing::Here(lock(shared)),
            Home::Away(away) => Writing::Away(away.ask()),
        }
    }

    /// What the nodes draw from.
    pub(crate) const fn seed(&self) -> Seed {
        self.seed
    }

    /// Whether a node runs, as far as this process knows: what is sent to another's that does not is dropped there.
    pub(crate) fn is_up(&self, node: usize) -> bool {
        match &self.home {
            Home::Here(shared) => lock(shared).members.get(node).is_some_and(Option::is_some),
            Home::Away(_) => true,
        }
    }

    /// Sends a node something, if it runs.
    pub(crate) fn send(&self, to: usize, message: Message) {
        match &self.home {
            Home::Here(shared) => lock(shared).send(to, message),
            Home::Away(away) => away.send(to, message),
        }
    }

    /// The running nodes by address, each with its registered connections.
    pub(crate) fn loads(&self) -> Vec<MemberLoad> {
        match &self.home {
            Home::Here(shared) => lock(shared).loads(),
            Home::Away(away) => away.loads(),
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Lets a node in that was started from the archive; what is not kept there is lost with that.
    fn enter(&mut self, node: usize, member: Member) {
        self.unkept.clear();
        let before = self.members[node].replace(member);
        assert!(before.is_none(), "node {node} runs already");
    }

    fn send(&self, to: usize, message: Message) {
        if let Some(Some(member)) = self.members.get(to) {
            member.mailbox.send(message);
        }
    }

    fn loads(&self) -> Vec<MemberLoad> {
        let members = self.members.iter().enumerate();
        let mut loads: Vec<_> = members
            .filter_map(|(node, member)| {
                let Member { address, counts, .. } = member.as_ref()?;
                Some(MemberLoad { node, address: *address, connections: counts.registered() })
            })
            .collect();
        loads.sort_by_key(|load| load.address.to_string());
        loads
    }

    /// Stores what node `by` writes; after an error nothing is stored, and the write must not be acked.
    pub(crate) fn store(&mut self, by: usize, change: &Change) -> io::Result<()> {
        self.keep(change)?;
        let others = self.members.iter().enumerate().filter(|(node, _)| *node != by);
        for member in others.filter_map(|(_, member)| member.as_ref()) {
            member.mailbox.send(Message::Stored(Box::new(change.clone())));
        }
        if let Some(journal) = &mut self.journal
            && journal.wants_compaction()
            && let Err(error) = journal.compact(self.archive.stored())
        {
            // The long log is still whole and in use.
            tracing::warn!(%error, "cannot rewrite the data directory's log");
        }
        Ok(())
    }

    /// Holds a write for nodes that start later; after an error it is not held.
    fn keep(&mut self, change: &Change) -> io::Result<()> {
        let late;
        let kept = match change.key().filter(|_| self.archive.keeps_late()) {
            Some(key) => {
                late = self.unkept.insert(key.clone(), change.clone());
                late.as_ref()
            }
            None => Some(change),
        };
        let Some(kept) = kept else { return Ok(()) };
        if let Some(journal) = &mut self.journal {
            journal.append(kept)?;
        }
        self.archive.restore(kept.clone());
        Ok(())
    }
}

fn wall_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
