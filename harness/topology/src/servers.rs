//! The nodes under test.

mod container;
mod control;
mod embedded;
mod external;
mod first_user;
mod home_logs;
mod process;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use shakedown_embedded::StartError;
use shakedown_model::plan::{Backend, ServerSpec};
use shakedown_model::{NodeId, Seed};
use shakedown_nacos::Peer;
use shakedown_nacos::tls::{TlsError, TlsPeer};
use tokio::time::Instant;

pub use self::control::ServersControl;
use crate::containers::{ContainerError, Containers, Progress};
use crate::guard::Guard;
use crate::ports::{PortError, Ports};
use crate::process::ProcessError;
use crate::tls::{FrontError, TlsFront};

/// Nacos' gRPC port is the HTTP port plus this (nacos-facts.md §1.1).
const GRPC_OFFSET: u16 = 1000;
/// A node that ended sooner than this after its launch did not wait for any leader: a virtual machine alone takes a second
/// or two, and an election 5 s.
const GAVE_UP_AFTER: Duration = Duration::from_secs(4);

/// The servers could not be brought up.
#[derive(Debug, thiserror::Error)]
pub enum ServersError {
    /// No ports.
    #[error(transparent)]
    Ports(#[from] PortError),
    /// The embedded server did not start.
    #[error(transparent)]
    Embedded(#[from] StartError),
    /// A process did not start.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// No stream to an embedded node's process.
    #[error("cannot make a stream to the process of nacos node {node}; look at the limit of open files")]
    Stream {
        /// The node.
        node: u16,
        /// Why.
        source: std::io::Error,
    },
    /// Something about containers.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// There is no home for the process backend.
    #[error(
        "backend `process` needs a Nacos home: give --nacos-home, NACOS_HOME, or `server.home` in the scenario; it must hold `bin/start`"
    )]
    NoHome,
    /// There is no home of the version to upgrade to.
    #[error(
        "an upgrade needs the Nacos home of the next version: give --nacos-home-next, NACOS_HOME_NEXT, or `server.upgrade.home` in the scenario; it must hold `bin/start`"
    )]
    NoNextHome,
    /// The home holds no `bin/start`.
    #[error("`{home}` is no Nacos home: it has no `bin/start`")]
    BadHome {
        /// The home.
        home: PathBuf,
    },
    /// A node was not ready in time, or ended while it started.
    #[error("nacos node {node} at {http} was not ready: {why}")]
    NotReady {
        /// The node.
        node: u16,
        /// Its HTTP address.
        http: SocketAddr,
        /// Why.
        why: String,
    },
    /// Nobody leads the cluster.
    #[error(
        "no node leads the cluster's store: {answered} of {asked} nodes said something within {seconds} s, and none that is up was named; has it several nodes with embedded storage?"
    )]
    NoLeader {
        /// Nodes that were asked.
        asked: usize,
        /// Nodes that answered the last time.
        answered: usize,
        /// For how long they were asked.
        seconds: u64,
    },
    /// TLS cannot be spoken as `server.external.tls` says.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// TLS cannot be put in front of the nodes.
    #[error(transparent)]
    Front(#[from] FrontError),
    /// A node that somebody else runs cannot be used.
    #[error("nacos node {node} of `server.external` at `{address}` cannot be used: {why}")]
    Unreachable {
        /// The node.
        node: u16,
        /// Its HTTP address, as it was given.
        address: String,
        /// What was tried, and what came of it.
        why: String,
    },
    /// The scenario's account cannot log in at a server that was just made.
    #[error("the account of `server.login` cannot log in at nacos {http}: {why}")]
    NoLogin {
        /// The node's HTTP address.
        http: SocketAddr,
        /// Why.
        why: String,
    },
    /// A node was to be stopped that does not run, or started that does, or there is none of this number.
    #[error("nacos node {node} cannot be {wish}: {why}")]
    WrongState {
        /// The node.
        node: u16,
        /// What was to be done, as in "cannot be stopped".
        wish: &'static str,
        /// Why not.
        why: &'static str,
    },
}

/// Where a node listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAddress {
    /// The node.
    pub node: NodeId,
    /// HTTP.
    pub http: SocketAddr,
    /// gRPC for SDKs.
    pub grpc: SocketAddr,
    /// Where TLS is spoken.
    pub tls: NodeTls,
}

/// Whom TLS expects at a node's ports; `None` where a port is spoken to in the clear.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeTls {
    /// At the HTTP port.
    pub http: Option<TlsPeer>,
    /// At the gRPC port.
    pub grpc: Option<TlsPeer>,
}

impl NodeAddress {
    /// A node that is spoken to in the clear.
    #[must_use]
    pub fn new(node: NodeId, http: SocketAddr, grpc: SocketAddr) -> Self {
        Self { node, http, grpc, tls: NodeTls::default() }
    }

    /// The same for a client that looks at no certificate.
    #[must_use]
    pub fn unchecked(&self) -> Self {
        let unchecked = |peer: &Option<TlsPeer>| peer.as_ref().map(TlsPeer::unchecked);
        let tls = NodeTls { http: unchecked(&self.tls.http), grpc: unchecked(&self.tls.grpc) };
        Self { tls, ..self.clone() }
    }

    /// Its HTTP port, as a client finds it.
    #[must_use]
    pub fn http_peer(&self) -> Peer {
        Peer { addr: self.http, tls: self.tls.http.clone() }
    }

    /// Its gRPC port, as a client finds it.
    #[must_use]
    pub fn grpc_peer(&self) -> Peer {
        Peer { addr: self.grpc, tls: self.tls.grpc.clone() }
    }
}

/// The nodes of a run.
#[derive(Debug)]
pub struct Servers {
    nodes: Vec<NodeAddress>,
    control: ServersControl,
    description: String,
    /// What terminates TLS in front of the nodes.
    front: Option<TlsFront>,
}

/// What [`Servers::start`] needs beside the spec.
#[derive(Clone, Copy)]
pub struct ServerPlace<'a> {
    /// Where server data go.
    pub data: &'a Path,
    /// Where server logs go.
    pub logs: &'a Path,
    /// The guard, for the process backend.
    pub guard: Option<&'a Guard>,
    /// What the embedded nodes, and the secrets of containers, are drawn from.
    pub seed: Seed,
    /// The run's share of the container engine, for the container backend.
    pub containers: Option<&'a Containers>,
    /// Who is told how far the nodes are.
    pub progress: Progress<'a>,
    /// This program, which has the command `nacos-node`.
    pub program: &'a Path,
    /// Whether each embedded node is in a process of its own.
    pub is_spread: bool,
}

impl Servers {
    /// Starts the nodes and waits until each is ready.
    ///
    /// # Errors
    /// [`ServersError`]; what was started is stopped again.
    pub async fn start(
        spec: &ServerSpec,
        place: &ServerPlace<'_>,
        ports: &mut Ports,
    ) -> Result<Self, ServersError> {
        let started = match spec.backend {
            Backend::Embedded => embedded::start(spec, place, ports).await?,
            Backend::Process => process::start(spec, place, ports).await?,
            Backend::Container => container::start(spec, place, ports).await?,
            Backend::External => external::start(spec).await?,
        };
        let Some(tls) = spec.tls else { return Ok(started) };
        let front = TlsFront::start(tls, &started.nodes, ports).await?;
        let description = format!("{}; TLS is terminated before them", started.description);
        Ok(Self { front: Some(front), description, ..started })
    }

    /// Whether what the spec needs on this machine is there, before anything is started.
    ///
    /// # Errors
    /// [`ServersError::NoHome`] and [`ServersError::BadHome`].
    pub fn check_home(spec: &ServerSpec) -> Result<(), ServersError> {
        match spec.backend {
            Backend::Embedded => Ok(()),
            Backend::Process => process::start_script(spec).and(process::upgraded_script(spec)).map(drop),
            Backend::Container | Backend::External => Ok(()),
        }
    }

    /// Where the nodes listen, also while one is stopped. What the run puts in front of them is not in the way there.
    #[must_use]
    pub fn nodes(&self) -> &[NodeAddress] {
        &self.nodes
    }

    /// Where clients find the nodes: what the run puts in front of them, or the nodes themselves.
    #[must_use]
    pub fn for_clients(&self) -> &[NodeAddress] {
        self.front.as_ref().map_or(&self.nodes, |front| front.nodes())
    }

    /// What terminates TLS in front of the nodes, if anything does.
    #[must_use]
    pub fn front(&self) -> Option<&TlsFront> {
        self.front.as_ref()
    }

    /// How a proxy server in the run's network finds the nodes, HTTP and gRPC each; `None` where they are not in it.
    #[must_use]
    pub fn inside(&self, spec: &ServerSpec, containers: &Containers) -> Option<Vec<(String, String)>> {
        let nodes = self.nodes.iter().map(|address| container::inside(containers, address.node));
        (spec.backend == Backend::Container).then(|| nodes.collect())
    }

    /// What the servers are, for the manifest.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What stops and starts single nodes; clones work on the same nodes.
    #[must_use]
    pub fn control(&self) -> &ServersControl {
        &self.control
    }

    /// Why a node is gone that should be there, if one is. One that was stopped on purpose should not.
    #[must_use]
    pub fn failed(&self) -> Option<String> {
        self.control.failed().or_else(|| self.front.as_ref()?.failed())
    }

    /// Stops every node.
    pub async fn stop(self) {
        self.control.stop_all().await;
    }
}

/// The addresses of `count` nodes, each with the ports free that it needs.
fn node_addresses(
    spec: &ServerSpec,
    offsets: &[i32],
    ports: &mut Ports,
) -> Result<Vec<NodeAddress>, PortError> {
    let address = |node| {
        let http = ports.with_offsets(offsets)?;
        let grpc = SocketAddr::new(http.ip(), http.port() + GRPC_OFFSET);
        Ok(NodeAddress::new(NodeId(node), http, grpc))
    };
    (0..spec.nodes).map(address).collect()
}

/// The spec with the version that a node has, or is upgraded to.
fn as_started(spec: &ServerSpec, is_upgraded: bool) -> ServerSpec {
    let mut spec = spec.clone();
    if let Some(upgrade) = spec.upgrade.as_ref().filter(|_| is_upgraded) {
        spec.version.clone_from(&upgrade.version);
    }
    spec
}

/// Whether a node that ended before it was ready is started again, until `deadline`: one of a cluster gives up when it wants
/// its configs before it has found the leader, and the official compose files say `restart: always`. One that ended at
/// once cannot be started at all.
fn may_start_again(spec: &ServerSpec, now: Instant, (launched, deadline): (Instant, Instant)) -> bool {
    spec.nodes > 1 && now < deadline && now.duration_since(launched) >= GAVE_UP_AFTER
}

/// `A`, or `3 nodes A, B, C`.
fn described(nodes: &[NodeAddress]) -> String {
    let at: Vec<_> = nodes.iter().map(|node| node.http.to_string()).collect();
    let count = if nodes.len() == 1 { String::new() } else { format!("{} nodes ", nodes.len()) };
    format!("{count}at {}", at.join(", "))
}
