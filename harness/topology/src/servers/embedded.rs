//! Embedded nodes over one database, which is in this process: on threads of it, or each in a process of its own.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use shakedown_embedded::{ClusterConfig, EmbeddedCluster, NodePorts, NodeProcess};
use shakedown_model::NodeId;
use shakedown_model::plan::ServerSpec;

use super::control::{Running, Starter};
use super::{
    GRPC_OFFSET, NodeAddress, ServerPlace, Servers, ServersControl, ServersError, described, node_addresses,
};
use crate::guard::Guard;
use crate::ports::Ports;
use crate::process::OwnProcess;

pub(super) async fn start(
    spec: &ServerSpec,
    place: &ServerPlace<'_>,
    ports: &mut Ports,
) -> Result<Servers, ServersError> {
    let nodes = node_addresses(spec, &[i32::from(GRPC_OFFSET)], ports)?;
    let cluster = EmbeddedCluster::open(ClusterConfig {
        nodes: nodes.iter().map(|node| NodePorts { http: node.http, grpc: node.grpc }).collect(),
        data: None,
        generation: spec.generation(),
        login: spec.login.clone(),
        settings: spec.embedded.clone(),
        seed: place.seed.child("cluster"),
    })?;
    let (starter, running, how) = if place.is_spread {
        let starter = EmbeddedNodes {
            cluster,
            program: place.program.to_owned(),
            logs: place.logs.to_owned(),
            guard: place.guard.expect("the engine starts a guard for every backend with processes").clone(),
        };
        let mut running = Vec::with_capacity(nodes.len());
        for node in &nodes {
            running.push(Running::Spread(starter.launch(node).await?));
        }
        (Starter::Spread(Box::new(starter)), running, "a process each")
    } else {
        let running = nodes.iter().map(|node| cluster.start(node.node.index()).map(Running::Embedded));
        let running = running.collect::<Result<Vec<_>, _>>()?;
        (Starter::Embedded(cluster), running, "in process")
    };
    let description = format!("embedded Nacos {} imitation, {how}, {}", spec.version, described(&nodes));
    let control = ServersControl::new(spec, nodes.clone(), starter, running);
    Ok(Servers { nodes, control, description, front: None })
}

/// How embedded nodes are started in processes of their own.
#[derive(Debug)]
pub(super) struct EmbeddedNodes {
    cluster: EmbeddedCluster,
    program: PathBuf,
    logs: PathBuf,
    guard: Guard,
}

/// An embedded node in a process of its own.
#[derive(Debug)]
pub(super) struct SpreadNode {
    node: NodeId,
    process: OwnProcess,
    tie: NodeProcess,
}

impl EmbeddedNodes {
    /// Starts the process of a node, and waits until it serves.
    pub(super) async fn launch(&self, address: &NodeAddress) -> Result<SpreadNode, ServersError> {
        let node = address.node;
        let no_stream = |source| ServersError::Stream { node: node.0, source };
        let (own, its) = UnixStream::pair().map_err(no_stream)?;
        let mut command = Command::new(&self.program);
        command.arg("nacos-node").stdin(Stdio::from(OwnedFd::from(its)));
        let (what, log) = (format!("nacos node {node}"), self.logs.join(format!("nacos-{node}.log")));
        let process =
            OwnProcess::start_hearing(&what, command, &log, &self.guard, "it is this program itself")?;
        let tie = Arc::new(self.cluster.attend(node.index(), own)?);
        let waiting = Arc::clone(&tie);
        let ready = tokio::task::spawn_blocking(move || waiting.wait_ready()).await;
        let ready = ready.unwrap_or_else(|_| Err("could not be waited for".to_owned()));
        let tie = Arc::into_inner(tie).expect("who waited has ended");
        let spread = SpreadNode { node, process, tie };
        match ready {
            Ok(()) => Ok(spread),
            Err(why) => {
                let why = format!("its process {why}{}", spread.process.log_tail());
                Err(ServersError::NotReady { node: node.0, http: address.http, why })
            }
        }
    }
}

impl SpreadNode {
    /// Why the node is gone that should be there, if it is.
    pub(super) fn failed(&mut self) -> Option<String> {
        let ended = self.process.status().map(|status| format!("ended by itself with {status}"));
        let why = ended.or_else(|| self.tie.failed())?;
        let (node, process) = (self.node, self.process.group());
        Some(format!("nacos node {node} (process {process}) {why}{}", self.process.log_tail()))
    }

    pub(super) const fn group(&self) -> u32 {
        self.process.group()
    }

    pub(super) fn open_count(&self) -> usize {
        self.tie.open_count()
    }

    /// Lets it stand still; false when it does not in time.
    pub(super) fn pause(&self) -> bool {
        self.tie.pause()
    }

    /// Lets it go on; false when it does not in time.
    pub(super) fn resume(&self) -> bool {
        self.tie.resume()
    }

    /// Ends it in order.
    pub(super) async fn stop(self) {
        self.process.stop().await;
    }
}
