//! The nodes under test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use shakedown_embedded::{EmbeddedServer, RunningServer, ServerConfig, StartError};
use shakedown_model::NodeId;
use shakedown_model::plan::{Backend, ServerSpec};
use shakedown_nacos::admin::{AdminClient, ServerLine};
use tokio::time::Instant;

use crate::guard::Guard;
use crate::ports::{PortError, Ports};
use crate::process::{OwnProcess, ProcessError};

/// Nacos' gRPC port is the HTTP port plus this (nacos-facts.md §1.1).
const GRPC_OFFSET: u16 = 1000;
/// Ports that a Nacos node takes beside its HTTP port: gRPC, gRPC between servers, raft (nacos-facts.md §1.1).
const NODE_OFFSETS: [i32; 3] = [1000, 1001, -1000];

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
    /// There is no home for the process backend.
    #[error(
        "backend `process` needs a Nacos home: give --nacos-home, NACOS_HOME, or `server.home` in the scenario; it must hold `bin/start`"
    )]
    NoHome,
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
}

/// Where a node listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeAddress {
    /// The node.
    pub node: NodeId,
    /// HTTP.
    pub http: SocketAddr,
    /// gRPC for SDKs.
    pub grpc: SocketAddr,
}

/// The running nodes of a run.
#[derive(Debug)]
pub struct Servers {
    nodes: Vec<NodeAddress>,
    running: Vec<Running>,
    description: String,
}

#[derive(Debug)]
enum Running {
    Embedded(RunningServer),
    Process(OwnProcess),
}

/// What [`Servers::start`] needs beside the spec.
#[derive(Debug)]
pub struct ServerPlace<'a> {
    /// Where server data go.
    pub data: &'a Path,
    /// Where server logs go.
    pub logs: &'a Path,
    /// The guard, for the process backend.
    pub guard: Option<&'a Guard>,
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
        match spec.backend {
            Backend::Embedded => start_embedded(spec, ports),
            Backend::Process => start_process(spec, place, ports).await,
        }
    }

    /// Whether what the spec needs on this machine is there, before anything is started.
    ///
    /// # Errors
    /// [`ServersError::NoHome`] and [`ServersError::BadHome`].
    pub fn check_home(spec: &ServerSpec) -> Result<(), ServersError> {
        match spec.backend {
            Backend::Embedded => Ok(()),
            Backend::Process => start_script(spec).map(drop),
        }
    }

    /// Where the nodes listen.
    #[must_use]
    pub fn nodes(&self) -> &[NodeAddress] {
        &self.nodes
    }

    /// What the servers are, for the manifest.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Why a node is gone that should be there, if one is.
    pub fn failed(&mut self) -> Option<String> {
        self.running.iter_mut().find_map(|server| match server {
            Running::Embedded(server) => server.failed(),
            Running::Process(process) => process.failed(),
        })
    }

    /// Stops every node.
    pub async fn stop(self) {
        for server in self.running {
            match server {
                Running::Embedded(server) => server.stop(),
                Running::Process(process) => process.stop().await,
            }
        }
    }
}

fn start_embedded(spec: &ServerSpec, ports: &mut Ports) -> Result<Servers, ServersError> {
    let http = ports.with_offsets(&[i32::from(GRPC_OFFSET)])?;
    let grpc = SocketAddr::new(http.ip(), http.port() + GRPC_OFFSET);
    let server =
        EmbeddedServer::start(ServerConfig { http, grpc, data: None, settings: spec.embedded.clone() })?;
    Ok(Servers {
        nodes: vec![NodeAddress { node: NodeId(0), http, grpc }],
        running: vec![Running::Embedded(server)],
        description: format!("embedded Nacos {} imitation, in process, at {http}", spec.version),
    })
}

/// The home of the process backend, and the program in it that starts a node.
fn start_script(spec: &ServerSpec) -> Result<(&Path, PathBuf), ServersError> {
    let home = spec.home.as_deref().ok_or(ServersError::NoHome)?;
    let start = home.join("bin/start");
    if start.is_file() { Ok((home, start)) } else { Err(ServersError::BadHome { home: home.to_owned() }) }
}

async fn start_process(
    spec: &ServerSpec,
    place: &ServerPlace<'_>,
    ports: &mut Ports,
) -> Result<Servers, ServersError> {
    let (home, start) = start_script(spec)?;
    let http = ports.with_offsets(&NODE_OFFSETS)?;
    let grpc = SocketAddr::new(http.ip(), http.port() + GRPC_OFFSET);
    let mut command = Command::new(start);
    command.arg(http.port().to_string()).arg(place.data.join("node-0"));
    let guard = place.guard.expect("the engine starts a guard for every backend with processes");
    let log = place.logs.join("nacos-0.log");
    let mut process =
        OwnProcess::start("nacos node 0", command, &log, guard, "its home must hold a runnable `bin/start`")?;
    let node = NodeAddress { node: NodeId(0), http, grpc };
    wait_ready(node, spec, &mut process).await?;
    Ok(Servers {
        nodes: vec![node],
        running: vec![Running::Process(process)],
        description: format!("Nacos {}, a process from {}, at {http}", spec.version, home_name(home)),
    })
}

/// The last part of a home's path: the run directory may be shown to others, and names no machine's folders.
fn home_name(home: &Path) -> String {
    home.file_name().map_or_else(|| "its home".to_owned(), |name| format!("`{}`", name.to_string_lossy()))
}

async fn wait_ready(
    node: NodeAddress,
    spec: &ServerSpec,
    process: &mut OwnProcess,
) -> Result<(), ServersError> {
    let not_ready = |why| ServersError::NotReady { node: node.node.0, http: node.http, why };
    let admin =
        AdminClient::new(node.http, Duration::from_secs(2)).map_err(|error| not_ready(error.to_string()))?;
    let line = if spec.version.starts_with("3.") { ServerLine::V3 } else { ServerLine::V2 };
    let deadline = Instant::now() + spec.ready_timeout;
    loop {
        if let Some(why) = process.failed() {
            return Err(not_ready(why));
        }
        if admin.is_ready(line).await && is_listening(node.grpc).await {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let seconds = spec.ready_timeout.as_secs();
            return Err(not_ready(format!(
                "no answer within {seconds} s; if it needs longer, raise `server.ready-timeout`{}",
                process.log_tail()
            )));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn is_listening(address: SocketAddr) -> bool {
    tokio::net::TcpStream::connect(address).await.is_ok()
}
