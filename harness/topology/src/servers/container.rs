//! Nodes of the official image, each a container of its own in the run's network.

mod environment;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shakedown_model::plan::ServerSpec;
use shakedown_model::secrets::Secret;
use shakedown_model::{NodeId, Seed};
use shakedown_nacos::admin::AdminClient;
use tokio::time::Instant;

use self::environment::environment;
use super::control::{Running, Starter};
use super::first_user::make_first_user;
use super::{
    GRPC_OFFSET, NodeAddress, ServerPlace, Servers, ServersControl, ServersError, as_started, described,
    may_start_again, node_addresses,
};
use crate::containers::{ContainerRequest, Containers, Mapped, OwnContainer, Progress};
use crate::ports::Ports;

/// The HTTP port in the image (nacos-facts.md §1.1).
const HTTP_PORT: u16 = 8848;
/// What a node keeps: Derby, raft's log, snapshots of configs.
const DATA: &str = "/home/nacos/data";
/// A node that is not ready is asked this often.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// How long it takes is told this often.
const TELL_EVERY: Duration = Duration::from_secs(4);

/// How nodes are started, the first time and again.
#[derive(Debug)]
pub(super) struct ContainerNodes {
    spec: ServerSpec,
    seed: Seed,
    containers: Containers,
    made: Mutex<BTreeMap<NodeId, OwnContainer>>,
}

impl ContainerNodes {
    /// Starts a node: a new container the first time, and then the same one, unless it is to be of the version of
    /// `server.upgrade`, which takes its place over the same data.
    pub(super) async fn launch(
        &self,
        node: &NodeAddress,
        is_upgraded: bool,
    ) -> Result<OwnContainer, ServersError> {
        let upgraded = self.spec.upgraded_image().filter(|_| is_upgraded);
        let image = upgraded.unwrap_or_else(|| self.spec.image());
        let made = self.made().get(&node.node).cloned();
        let Some(container) = made else {
            let container = OwnContainer::start_new(&self.containers, self.request(node, image)).await?;
            self.made().insert(node.node, container.clone());
            return Ok(container);
        };
        if container.image() == image {
            container.start().await?;
        } else {
            container.replace(&image, self.environment(is_upgraded)).await?;
        }
        Ok(container)
    }

    fn request(&self, node: &NodeAddress, image: String) -> ContainerRequest {
        let settings = &self.spec.container;
        let mapped = |inside, outside| Mapped { inside, outside };
        ContainerRequest {
            part: part(node.node),
            image,
            env: self.environment(false),
            command: Vec::new(),
            ports: vec![mapped(HTTP_PORT, node.http), mapped(HTTP_PORT + GRPC_OFFSET, node.grpc)],
            data: Some(DATA),
            memory_bytes: settings.memory_bytes,
            cpus: settings.cpus,
        }
    }

    fn environment(&self, is_upgraded: bool) -> BTreeMap<String, Secret> {
        let members: Vec<_> =
            (0..self.spec.nodes).map(|node| inside(&self.containers, NodeId(node)).0).collect();
        environment(&as_started(&self.spec, is_upgraded), &members, self.seed)
    }

    /// Waits until a node says that it is ready.
    pub(super) async fn wait_ready(
        &self,
        node: &NodeAddress,
        container: &OwnContainer,
        is_upgraded: bool,
        progress: Progress<'_>,
    ) -> Result<(), ServersError> {
        let not_ready = |why| ServersError::NotReady { node: node.node.0, http: node.http, why };
        let admin = AdminClient::new(node.http, Duration::from_secs(2))
            .speaking(as_started(&self.spec, is_upgraded).generation());
        let (began, mut told) = (Instant::now(), Instant::now());
        let (mut launched, deadline) = (began, began + self.spec.ready_timeout);
        loop {
            if let Some(why) = container.failed() {
                if !may_start_again(&self.spec, Instant::now(), (launched, deadline)) {
                    return Err(not_ready(why));
                }
                progress(format!(
                    "{}: it ended before it had found a leader; started again",
                    part(node.node)
                ));
                container.start().await?;
                launched = Instant::now();
            }
            if admin.is_ready().await {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let seconds = self.spec.ready_timeout.as_secs();
                let tail = container.log_tail().await;
                return Err(not_ready(format!(
                    "no answer within {seconds} s; if it needs longer, raise `server.ready-timeout`{tail}"
                )));
            }
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                progress(format!("{}: waiting, {} s", part(node.node), began.elapsed().as_secs()));
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<NodeId, OwnContainer>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) async fn start(
    spec: &ServerSpec,
    place: &ServerPlace<'_>,
    ports: &mut Ports,
) -> Result<Servers, ServersError> {
    let containers = place.containers.expect("the engine opens its share for every plan with containers");
    for image in std::iter::once(spec.image()).chain(spec.upgraded_image()) {
        containers.provide(&image, place.progress).await?;
    }
    let on_host = |address: SocketAddr| SocketAddr::new(containers.host(), address.port());
    let nodes: Vec<_> = node_addresses(spec, &[i32::from(GRPC_OFFSET)], ports)?
        .into_iter()
        .map(|node| NodeAddress { http: on_host(node.http), grpc: on_host(node.grpc), ..node })
        .collect();
    let starter = ContainerNodes {
        spec: spec.clone(),
        seed: place.seed,
        containers: containers.clone(),
        made: Mutex::default(),
    };
    // A cluster's nodes wait for each other, so all are started before any is waited for.
    let mut running = Vec::with_capacity(nodes.len());
    for node in &nodes {
        running.push(starter.launch(node, false).await?);
    }
    for (node, container) in nodes.iter().zip(&running) {
        starter.wait_ready(node, container, false, place.progress).await?;
    }
    if let Some(login) = &spec.login {
        (place.progress)("making the first user".to_owned());
        let http: Vec<_> = nodes.iter().map(|node| node.http).collect();
        make_first_user(spec.generation(), login, &http).await?;
    }
    let kind =
        if nodes.len() == 1 { "a container" } else { "a cluster with embedded storage, a container each," };
    let description = format!("Nacos {}, `{}`, {kind} {}", spec.version, spec.image(), described(&nodes));
    let running = running.into_iter().map(Running::Container).collect();
    let control = ServersControl::new(spec, nodes.clone(), Starter::Container(Box::new(starter)), running);
    Ok(Servers { nodes, control, description, front: None })
}

/// What a node is within the run.
fn part(node: NodeId) -> String {
    format!("nacos-{node}")
}

/// How a node is found within the run's network: HTTP and gRPC.
pub(super) fn inside(containers: &Containers, node: NodeId) -> (String, String) {
    let name = containers.owner().name(&part(node));
    (format!("{name}:{HTTP_PORT}"), format!("{name}:{}", HTTP_PORT + GRPC_OFFSET))
}
