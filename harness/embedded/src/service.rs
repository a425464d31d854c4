//! The service around the core: sockets, one thread, one runtime.
//!
//! Each node runs on an operating system thread of its own with a single-threaded runtime, so the core needs no
//! lock and shares no scheduler with anything that watches it.

mod accept;
mod access;
mod grpc;
mod http;
mod node;
mod params;
mod stillness;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shakedown_model::Seed;
use shakedown_model::fault::{NodeTrouble, TroubleCount};
use shakedown_model::plan::{EmbeddedSettings, Generation, Login};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use self::node::Node;
use self::stillness::Stillness;
use crate::cluster::{Cluster, ClusterConfig, EmbeddedCluster, Message, NodePorts};
use crate::core::Core;
pub use crate::journal::JournalError;
use crate::trouble::Troubles;

/// A node's thread shows this often that it does its work.
pub(crate) const BEAT: Duration = Duration::from_millis(200);

/// What a server is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Where HTTP listens; port 0 takes a free one.
    pub http: SocketAddr,
    /// Where gRPC listens. Clients look for it 1000 above the HTTP port.
    pub grpc: SocketAddr,
    /// The directory in which configs survive a restart; without one they live in memory only.
    pub data: Option<PathBuf>,
    /// Which generation of Nacos it imitates.
    pub generation: Generation,
    /// The administrator; without one no call needs a login.
    pub login: Option<Login>,
    /// How the server behaves.
    pub settings: EmbeddedSettings,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be had.
    #[error("cannot listen on {address} for {protocol}: {}; {}", reason(source), advice(source))]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// For what.
        protocol: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] JournalError),
    /// The thread or its runtime cannot be had.
    #[error("cannot start the server's thread; close other programs or raise the limits")]
    Thread(#[source] io::Error),
}

/// The embedded server.
#[derive(Debug)]
pub struct EmbeddedServer;

/// A server that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct RunningServer {
    http: SocketAddr,
    grpc: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    failure: Arc<Mutex<Option<String>>>,
    counts: Arc<Counts>,
    /// The cluster, and which of its nodes this is.
    place: (Arc<Cluster>, usize),
}

/// How much a server has to do with, kept for those outside its thread.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    registered: AtomicUsize,
    hanging: AtomicUsize,
    open: AtomicUsize,
    /// What it is told to do wrong.
    pub(crate) troubles: Troubles,
    /// Grows while the thread does its work.
    pulse: AtomicUsize,
    stillness: Stillness,
}

/// The same at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) registered: usize,
    pub(crate) hanging: usize,
    pub(crate) open: usize,
}

impl Counts {
    fn take(&self, core: &Core) {
        self.registered.store(core.registered_count(), Ordering::Relaxed);
        self.hanging.store(core.hanging_count(), Ordering::Relaxed);
        self.open.store(core.open_count(), Ordering::Relaxed);
    }

    /// Takes over what another process counted.
    pub(crate) fn set(&self, load: Load) {
        self.registered.store(load.registered, Ordering::Relaxed);
        self.hanging.store(load.hanging, Ordering::Relaxed);
        self.open.store(load.open, Ordering::Relaxed);
    }

    pub(crate) fn load(&self) -> Load {
        Load {
            registered: self.registered(),
            hanging: self.hanging.load(Ordering::Relaxed),
            open: self.open.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn registered(&self) -> usize {
        self.registered.load(Ordering::Relaxed)
    }
}

impl EmbeddedServer {
    /// Starts a server; when this returns, it accepts connections and knows what `data` holds.
    ///
    /// # Errors
    /// [`StartError`] says what could not be had and what to do.
    pub fn start(config: ServerConfig) -> Result<RunningServer, StartError> {
        let ServerConfig { http, grpc, data, generation, login, settings } = config;
        let nodes = vec![NodePorts { http, grpc }];
        let cluster = ClusterConfig { nodes, data, generation, login, settings, seed: Seed(0) };
        EmbeddedCluster::open(cluster)?.start(0)
    }
}

/// Starts one node of a cluster on a thread of its own.
pub(crate) fn start_node(cluster: &Arc<Cluster>, node: usize) -> Result<RunningServer, StartError> {
    let ports = cluster.nodes[node];
    let http = accept::listen(ports.http, "HTTP")?;
    let grpc = accept::listen(ports.grpc, "gRPC")?;
    let (http_addr, grpc_addr) = (local_addr(&http, ports.http)?, local_addr(&grpc, ports.grpc)?);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
    let (stop, stopped) = oneshot::channel();
    let failure = Arc::new(Mutex::new(None));
    let failed = Arc::clone(&failure);
    let counts = Arc::new(Counts::default());
    let counted = Arc::clone(&counts);
    let beating = Arc::clone(&counts);
    let joined = cluster.join(node, http_addr, &counts);
    let serve = move || {
        let tasks = LocalSet::new();
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.block_on(tasks.run_until(async move {
                let node = Rc::new(Node::new(joined, counted));
                tokio::select! {
                    ended = serve(node, http, grpc, stopped) => ended,
                    never = beat(&beating) => match never {},
                    never = beating.stillness.stand() => match never {},
                }
            }))
        }));
        let failure = match ended {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("the embedded server ended: {error}")),
            Err(_) => {
                Some("the embedded server's thread panicked; this is a defect of the harness".to_owned())
            }
        };
        *failed.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    };
    let thread =
        thread::Builder::new().name(format!("nacos-{node}")).spawn(serve).map_err(StartError::Thread)?;
    Ok(RunningServer {
        http: http_addr,
        grpc: grpc_addr,
        stop: Some(stop),
        thread: Some(thread),
        failure,
        counts,
        place: (Arc::clone(cluster), node),
    })
}

impl RunningServer {
    /// Where HTTP listens.
    #[must_use]
    pub const fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// Where gRPC listens.
    #[must_use]
    pub const fn grpc_addr(&self) -> SocketAddr {
        self.grpc
    }

    /// How many gRPC connections are registered.
    #[must_use]
    pub fn registered_count(&self) -> usize {
        self.counts.registered()
    }

    /// How many TCP connections are open, of either protocol.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.counts.open.load(Ordering::Relaxed)
    }

    /// How many long polls hang.
    #[must_use]
    pub fn hanging_count(&self) -> usize {
        self.counts.hanging.load(Ordering::Relaxed)
    }

    /// Lets the server do something wrong until [`Self::end_trouble`] with the same number. A restart forgets it.
    pub fn begin_trouble(&self, number: u64, trouble: NodeTrouble) {
        let active = self.counts.troubles.begin(number, trouble);
        let (cluster, node) = &self.place;
        cluster.send(*node, Message::Trouble(active, true));
    }

    /// No longer; how often it acted. Zero when there is none of this number.
    pub fn end_trouble(&self, number: u64) -> TroubleCount {
        let Some((active, count)) = self.counts.troubles.end(number) else { return TroubleCount::default() };
        let (cluster, node) = &self.place;
        cluster.send(*node, Message::Trouble(active, false));
        count
    }

    /// Lets the server stand still, as in a long collection of garbage, until [`Self::resume`]: it reads, writes and ticks
    /// nothing. Its sockets stay open, and the kernel goes on to accept for it. Blocks until it stands; false when it
    /// does not within 5 s.
    #[must_use]
    pub fn pause(&self) -> bool {
        self.counts.stillness.begin()
    }

    /// Lets it go on where it was; harmless for one that does not stand still.
    pub fn resume(&self) {
        self.counts.stillness.end();
    }

    pub(crate) fn stands(&self) -> bool {
        self.counts.stillness.stands()
    }

    pub(crate) fn load(&self) -> Load {
        self.counts.load()
    }

    /// Grows several times a second while the thread does its work.
    pub(crate) fn pulse(&self) -> usize {
        self.counts.pulse.load(Ordering::Relaxed)
    }

    /// Closes every connection and both ports, and waits for the thread.
    pub fn stop(mut self) {
        self.end();
    }

    /// Why the server is not running any more, although nobody stopped it.
    #[must_use]
    pub fn failed(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn end(&mut self) {
        drop(self.stop.take());
        // One that stands still does not hear that.
        self.resume();
        if let Some(thread) = self.thread.take() {
            // A panic was caught and told by `failed`.
            thread.join().ok();
        }
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.end();
    }
}

/// Shows that the thread does its work.
async fn beat(counts: &Counts) -> Infallible {
    let mut beats = tokio::time::interval(BEAT);
    loop {
        beats.tick().await;
        counts.pulse.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs until `stopped` is dropped; then every task goes with the thread, and every socket with its task.
async fn serve(
    node: Rc<Node>,
    http: TcpListener,
    grpc: TcpListener,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let http = tokio::net::TcpListener::from_std(http)?;
    let grpc = tokio::net::TcpListener::from_std(grpc)?;
    tokio::select! {
        _ = stopped => Ok(()),
        () = node.drive() => Ok(()),
        () = accept::accept(http, |stream, peer| drop(tokio::task::spawn_local(http::serve(Rc::clone(&node), stream, peer)))) => Ok(()),
        () = accept::accept(grpc, |stream, peer| drop(tokio::task::spawn_local(grpc::serve(Rc::clone(&node), stream, peer)))) => Ok(()),
    }
}

fn local_addr(listener: &TcpListener, address: SocketAddr) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|source| StartError::Listen { address, protocol: "TCP", source })
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is taken".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have the address".to_owned(),
        io::ErrorKind::PermissionDenied => "the system forbids it".to_owned(),
        _ => error.to_string(),
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "stop what uses it or choose another port (gRPC takes the HTTP port plus 1000)"
        }
        io::ErrorKind::PermissionDenied => "choose a port above 1023",
        _ => "choose another address",
    }
}
