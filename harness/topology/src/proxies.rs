//! The proxy service in front of the servers: embedded, or the real Toxiproxy as a process or in a container.

mod container;
mod external;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use shakedown_model::Seed;
use shakedown_model::plan::{ExternalProxy, ProxyKind, ProxyPlace, ProxySpec};
use shakedown_proxy::{ProxyConfig, ProxyServer, RunningProxyServer, StartError, Tap};
use tokio::time::Instant;

use crate::containers::{ContainerError, Containers, OwnContainer, Progress};
use crate::guard::Guard;
use crate::parts::{Part, PartConnections, PartPlace};
use crate::ports::{PortError, Ports};
use crate::process::{OwnProcess, ProcessError};

/// How long a proxy's process may take until its API answers.
const READY_TIMEOUT: Duration = Duration::from_secs(10);

/// The proxy service could not be brought up.
#[derive(Debug, thiserror::Error)]
pub enum ProxiesError {
    /// No ports.
    #[error(transparent)]
    Ports(#[from] PortError),
    /// The embedded proxy did not start.
    #[error(transparent)]
    Embedded(#[from] StartError),
    /// Toxiproxy did not start.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Something about containers.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// There is no home for Toxiproxy.
    #[error(
        "proxy `toxiproxy` needs a Toxiproxy home: give --toxiproxy-home, TOXIPROXY_HOME, or `proxy.home` in the scenario; it must hold `toxiproxy-server`"
    )]
    NoHome,
    /// The home holds no `toxiproxy-server`.
    #[error("`{home}` is no Toxiproxy home: it has no `toxiproxy-server`")]
    BadHome {
        /// The home.
        home: PathBuf,
    },
    /// A Toxiproxy that somebody else runs cannot be used.
    #[error("the toxiproxy of `proxy.external` at `{api}` cannot be used: {why}")]
    Unreachable {
        /// Its API, as it was given.
        api: String,
        /// What was tried, and what came of it.
        why: String,
    },
    /// Its API did not answer in time.
    #[error("the proxy's API at {api} was not ready: {why}")]
    NotReady {
        /// The API's address.
        api: SocketAddr,
        /// Why.
        why: String,
    },
}

/// The running proxy service.
#[derive(Debug)]
pub struct Proxies {
    /// At least one, unless there are no proxies.
    apis: Vec<SocketAddr>,
    running: Running,
    description: String,
}

#[derive(Debug)]
enum Running {
    Embedded(RunningProxyServer),
    /// Embedded proxies in processes of their own.
    Spread(Vec<OwnProcess>),
    Process(OwnProcess),
    Container(OwnContainer),
    /// Somebody else's.
    External,
    /// There are none.
    None,
}

/// What [`Proxies::start`] needs beside the spec.
#[derive(Clone, Copy)]
pub struct ProxyHost<'a> {
    /// What the embedded proxy draws from.
    pub seed: Seed,
    /// Where its log goes.
    pub logs: &'a Path,
    /// The guard, for a process.
    pub guard: Option<&'a Guard>,
    /// The run's share of the container engine, for a container.
    pub containers: Option<&'a Containers>,
    /// Who is told how far it is.
    pub progress: Progress<'a>,
    /// This program, which has the command `serve proxy`.
    pub program: &'a Path,
    /// In how many processes of their own embedded proxies are; 0 for this one.
    pub spread: u32,
    /// Who is told of the embedded proxy's connections.
    pub tap: Option<&'a Arc<dyn Tap>>,
}

impl Proxies {
    /// Starts the proxy service and waits until its API answers. `listens` are the addresses at which its proxies will
    /// be connected to: a container's ports are mapped when it is made.
    ///
    /// # Errors
    /// [`ProxiesError`]; what was started is stopped again.
    pub async fn start(
        spec: &ProxySpec,
        host: &ProxyHost<'_>,
        listens: &[SocketAddr],
        ports: &mut Ports,
    ) -> Result<Self, ProxiesError> {
        let api = ports.one()?;
        match (spec.kind, &spec.place) {
            (ProxyKind::None, _) => {
                let description = "none: watchers go straight to the servers".to_owned();
                Ok(Self { apis: Vec::new(), running: Running::None, description })
            }
            (ProxyKind::Embedded, _) if host.spread > 0 => start_spread(host, api, ports).await,
            (ProxyKind::Embedded, _) => {
                let seed = host.seed.child("proxy");
                let config = ProxyConfig { api, shards: 1, seed };
                let server = match host.tap {
                    Some(tap) => ProxyServer::start_tapped(config, tap)?,
                    None => ProxyServer::start(config)?,
                };
                let description = "embedded proxy, in process".to_owned();
                Ok(Self { apis: vec![api], running: Running::Embedded(server), description })
            }
            (ProxyKind::Toxiproxy, ProxyPlace::Container) => container::start(spec, host, api, listens).await,
            (ProxyKind::Toxiproxy, ProxyPlace::External(external)) => {
                let (api, running) = (external::find(external).await?, Running::External);
                let description = format!("Toxiproxy, somebody else's, at {}", external.api);
                Ok(Self { apis: vec![api], running, description })
            }
            (ProxyKind::Toxiproxy, ProxyPlace::Process) => {
                start_toxiproxy(spec, api, host.logs, host.guard).await
            }
        }
    }

    /// Where the API of a Toxiproxy is that somebody else runs, once it answers.
    ///
    /// # Errors
    /// [`ProxiesError::Unreachable`].
    pub async fn find(external: &ExternalProxy) -> Result<SocketAddr, ProxiesError> {
        external::find(external).await
    }

    /// Whether what the spec needs on this machine is there, before anything is started.
    ///
    /// # Errors
    /// [`ProxiesError::NoHome`] and [`ProxiesError::BadHome`].
    pub fn check_home(spec: &ProxySpec) -> Result<(), ProxiesError> {
        match (spec.kind, &spec.place) {
            (ProxyKind::Embedded | ProxyKind::None, _)
            | (ProxyKind::Toxiproxy, ProxyPlace::Container | ProxyPlace::External(_)) => Ok(()),
            (ProxyKind::Toxiproxy, ProxyPlace::Process) => toxiproxy_program(spec).map(drop),
        }
    }

    /// Where each API listens: one, unless embedded proxies are in processes of their own, or there are none.
    #[must_use]
    pub fn apis(&self) -> &[SocketAddr] {
        &self.apis
    }

    /// What the proxies are, for the manifest.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The service as parts of the bench; a process' connections are those at its proxies' addresses, which the caller
    /// knows by the process' number.
    #[must_use]
    pub fn parts(&self, listens: impl Fn(usize) -> Vec<SocketAddr>) -> Vec<Part> {
        let process = |name: String, process: &OwnProcess, nth| Part {
            name,
            place: PartPlace::Group(process.group()),
            connections: PartConnections::At(listens(nth)),
            tells_at: None,
        };
        match &self.running {
            Running::Spread(processes) => {
                let named = processes.iter().enumerate();
                named.map(|(nth, one)| process(format!("proxy-{nth}"), one, nth)).collect()
            }
            Running::Process(one) => vec![process("toxiproxy".to_owned(), one, 0)],
            Running::None => Vec::new(),
            _ => vec![self.part()],
        }
    }

    fn part(&self) -> Part {
        match &self.running {
            Running::Embedded(server) => Part {
                name: "proxy".to_owned(),
                place: PartPlace::Threads("proxy-".to_owned()),
                connections: PartConnections::Known(server.stats().total.connections_open),
                tells_at: None,
            },
            Running::Container(container) => Part {
                name: "toxiproxy".to_owned(),
                place: container.place(),
                connections: container.connections(),
                tells_at: None,
            },
            Running::External | Running::Process(_) | Running::Spread(_) | Running::None => Part {
                name: "toxiproxy".to_owned(),
                place: PartPlace::Elsewhere,
                connections: PartConnections::Unknown,
                tells_at: None,
            },
        }
    }

    /// Why the service is gone that should be there, if it is.
    pub fn failed(&mut self) -> Option<String> {
        match &mut self.running {
            Running::Embedded(server) => server.failed(),
            Running::Process(process) => process.failed(),
            Running::Spread(processes) => processes.iter_mut().find_map(OwnProcess::failed),
            Running::Container(container) => container.failed(),
            Running::External | Running::None => None,
        }
    }

    /// Where it must be told to listen for a proxy that is connected to at `listen`: in a container on every address.
    #[must_use]
    pub fn binds(&self, listen: SocketAddr) -> SocketAddr {
        match self.running {
            Running::Embedded(_) | Running::Process(_) | Running::Spread(_) | Running::None => listen,
            Running::Container(_) | Running::External => SocketAddr::from(([0, 0, 0, 0], listen.port())),
        }
    }

    /// Stops the service.
    pub async fn stop(self) {
        match self.running {
            Running::Embedded(server) => server.stop(),
            Running::Process(process) => process.stop().await,
            Running::Spread(processes) => {
                futures_util::future::join_all(processes.into_iter().map(OwnProcess::stop)).await;
            }
            // A container is removed with everything else that the run has on the engine.
            Running::Container(_) | Running::External | Running::None => {}
        }
    }
}

fn toxiproxy_program(spec: &ProxySpec) -> Result<PathBuf, ProxiesError> {
    let home = spec.home.as_ref().ok_or(ProxiesError::NoHome)?;
    let program = home.join("toxiproxy-server");
    if program.is_file() { Ok(program) } else { Err(ProxiesError::BadHome { home: home.clone() }) }
}

async fn start_toxiproxy(
    spec: &ProxySpec,
    api: SocketAddr,
    logs: &Path,
    guard: Option<&Guard>,
) -> Result<Proxies, ProxiesError> {
    let mut command = Command::new(toxiproxy_program(spec)?);
    command.args(["-host", &api.ip().to_string(), "-port", &api.port().to_string()]);
    let guard = guard.expect("the engine starts a guard for every backend with processes");
    let log = logs.join("toxiproxy.log");
    let mut process = OwnProcess::start(
        "toxiproxy",
        command,
        &log,
        guard,
        "its home must hold a runnable `toxiproxy-server`",
    )?;
    wait_ready(&mut process, api).await?;
    let description = "Toxiproxy, a process".to_owned();
    Ok(Proxies { apis: vec![api], running: Running::Process(process), description })
}

/// Starts embedded proxies as processes of this same program, the first with its API at `first`.
async fn start_spread(
    host: &ProxyHost<'_>,
    first: SocketAddr,
    ports: &mut Ports,
) -> Result<Proxies, ProxiesError> {
    let guard = host.guard.expect("the engine starts a guard for every backend with processes");
    let seed = host.seed.child("proxy");
    let (mut apis, mut processes) = (vec![first], Vec::new());
    for nth in 0..host.spread {
        if nth > 0 {
            apis.push(ports.one()?);
        }
        let api = apis[apis.len() - 1];
        let mut command = Command::new(host.program);
        command.args(["serve", "proxy", "--api", &api.to_string(), "--seed", &seed.0.to_string()]);
        let (what, log) = (format!("proxy {nth}"), host.logs.join(format!("proxy-{nth}.log")));
        processes.push(OwnProcess::start(&what, command, &log, guard, "it is this program itself")?);
    }
    for (process, api) in processes.iter_mut().zip(&apis) {
        wait_ready(process, *api).await?;
    }
    let description = format!("embedded proxy, {} processes", processes.len());
    Ok(Proxies { apis, running: Running::Spread(processes), description })
}

/// Waits until a process answers at `api`.
async fn wait_ready(process: &mut OwnProcess, api: SocketAddr) -> Result<(), ProxiesError> {
    let deadline = Instant::now() + READY_TIMEOUT;
    while tokio::net::TcpStream::connect(api).await.is_err() {
        if let Some(why) = process.failed() {
            return Err(ProxiesError::NotReady { api, why });
        }
        if Instant::now() >= deadline {
            let why = format!("no answer within {} s{}", READY_TIMEOUT.as_secs(), process.log_tail());
            return Err(ProxiesError::NotReady { api, why });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
