//! Nodes from a server home on this machine, each a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use shakedown_model::plan::ServerSpec;
use shakedown_nacos::admin::{AdminClient, METRICS_ENV};
use tokio::time::Instant;

use super::control::{Running, Starter};
use super::first_user::make_first_user;
use super::home_logs;
use super::{
    NodeAddress, ServerPlace, Servers, ServersControl, ServersError, as_started, described, may_start_again,
    node_addresses,
};
use crate::guard::Guard;
use crate::ports::Ports;
use crate::process::OwnProcess;

/// Ports that a Nacos node takes beside its HTTP port: gRPC, gRPC between servers, raft (nacos-facts.md §1.1).
const NODE_OFFSETS: [i32; 3] = [1000, 1001, -1000];

/// What tells a home to ask for a login.
const AUTH_ENV: (&str, &str) = ("NACOS_AUTH", "on");

/// How nodes are started, the first time and again.
#[derive(Debug)]
pub(super) struct ProcessNodes {
    spec: ServerSpec,
    start: PathBuf,
    /// What starts a node as the version of `server.upgrade`.
    start_upgraded: Option<PathBuf>,
    data: PathBuf,
    logs: PathBuf,
    guard: Guard,
    /// The HTTP addresses of all nodes with commas between; empty for a single one.
    members: String,
}

impl ProcessNodes {
    /// Starts a node's process, of the version that it has or of that of the upgrade.
    pub(super) fn launch(&self, node: &NodeAddress, is_upgraded: bool) -> Result<OwnProcess, ServersError> {
        let upgraded = self.start_upgraded.as_ref().filter(|_| is_upgraded);
        let mut command = Command::new(upgraded.unwrap_or(&self.start));
        command.arg(node.http.port().to_string()).arg(self.data_of(node));
        if !self.members.is_empty() {
            command.arg(&self.members);
        }
        command.env(METRICS_ENV.0, METRICS_ENV.1);
        if self.spec.login.is_some() {
            command.env(AUTH_ENV.0, AUTH_ENV.1);
        }
        let log = self.logs.join(format!("nacos-{}.log", node.node));
        let what = format!("nacos node {}", node.node);
        let advice = "its home must hold a runnable `bin/start`";
        Ok(OwnProcess::start(&what, command, &log, &self.guard, advice)?)
    }

    fn data_of(&self, node: &NodeAddress) -> PathBuf {
        self.data.join(format!("node-{}", node.node))
    }

    /// What a node that could not be started wrote itself, as a text to append to a message.
    fn keep_logs(&self, node: &NodeAddress) -> String {
        home_logs::keep(&self.data_of(node), &self.logs.join(format!("nacos-{}", node.node)))
    }

    /// Waits until a node says that it is ready and listens for gRPC.
    pub(super) async fn wait_ready(
        &self,
        node: &NodeAddress,
        process: &mut OwnProcess,
        is_upgraded: bool,
    ) -> Result<(), ServersError> {
        let not_ready = |why| ServersError::NotReady { node: node.node.0, http: node.http, why };
        let admin = AdminClient::new(node.http, Duration::from_secs(2))
            .speaking(as_started(&self.spec, is_upgraded).generation());
        let mut launched = Instant::now();
        let deadline = launched + self.spec.ready_timeout;
        loop {
            if let Some(why) = process.failed() {
                if !may_start_again(&self.spec, Instant::now(), (launched, deadline)) {
                    return Err(not_ready(why + &self.keep_logs(node)));
                }
                tracing::info!(%why, "a node of a cluster ended before it was ready, and is started again");
                *process = self.launch(node, is_upgraded)?;
                launched = Instant::now();
            }
            if admin.is_ready().await && is_listening(node).await {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let seconds = self.spec.ready_timeout.as_secs();
                return Err(not_ready(format!(
                    "no answer within {seconds} s; if it needs longer, raise `server.ready-timeout`{}{}",
                    process.log_tail(),
                    self.keep_logs(node)
                )));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

pub(super) async fn start(
    spec: &ServerSpec,
    place: &ServerPlace<'_>,
    ports: &mut Ports,
) -> Result<Servers, ServersError> {
    let (home, start) = start_script(spec)?;
    let start_upgraded = upgraded_script(spec)?;
    let nodes = node_addresses(spec, &NODE_OFFSETS, ports)?;
    let members: Vec<_> = nodes.iter().map(|node| node.http.to_string()).collect();
    let starter = ProcessNodes {
        spec: spec.clone(),
        start,
        start_upgraded,
        data: place.data.to_owned(),
        logs: place.logs.to_owned(),
        guard: place.guard.expect("the engine starts a guard for every backend with processes").clone(),
        members: if members.len() == 1 { String::new() } else { members.join(",") },
    };
    // A cluster's nodes wait for each other, so all are started before any is waited for.
    let mut processes =
        nodes.iter().map(|node| starter.launch(node, false)).collect::<Result<Vec<_>, _>>()?;
    for (node, process) in nodes.iter().zip(&mut processes) {
        starter.wait_ready(node, process, false).await?;
    }
    if let Some(login) = &spec.login {
        let http: Vec<_> = nodes.iter().map(|node| node.http).collect();
        make_first_user(spec.generation(), login, &http).await?;
    }
    let description = format!("Nacos {}, from {}, {}", spec.version, home_name(home), process_count(&nodes));
    let running = processes.into_iter().map(Running::Process).collect();
    let control = ServersControl::new(spec, nodes.clone(), Starter::Process(Box::new(starter)), running);
    Ok(Servers { nodes, control, description, front: None })
}

fn process_count(nodes: &[NodeAddress]) -> String {
    let kind =
        if nodes.len() == 1 { "a process" } else { "a cluster with embedded storage, a process each," };
    format!("{kind} {}", described(nodes))
}

/// The home of the process backend, and the program in it that starts a node.
pub(super) fn start_script(spec: &ServerSpec) -> Result<(&Path, PathBuf), ServersError> {
    let home = spec.home.as_deref().ok_or(ServersError::NoHome)?;
    Ok((home, script_in(home)?))
}

/// The program that starts a node as the version of `server.upgrade`, if there is one.
pub(super) fn upgraded_script(spec: &ServerSpec) -> Result<Option<PathBuf>, ServersError> {
    let Some(upgrade) = &spec.upgrade else { return Ok(None) };
    script_in(upgrade.home.as_deref().ok_or(ServersError::NoNextHome)?).map(Some)
}

fn script_in(home: &Path) -> Result<PathBuf, ServersError> {
    let start = home.join("bin/start");
    if start.is_file() { Ok(start) } else { Err(ServersError::BadHome { home: home.to_owned() }) }
}

/// The last part of a home's path: the run directory may be shown to others, and names no machine's folders.
fn home_name(home: &Path) -> String {
    home.file_name().map_or_else(|| "its home".to_owned(), |name| format!("`{}`", name.to_string_lossy()))
}

async fn is_listening(node: &NodeAddress) -> bool {
    tokio::net::TcpStream::connect(node.grpc).await.is_ok()
}
