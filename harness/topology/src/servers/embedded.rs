//! Nodes in this process, over one database.

use shakedown_embedded::{ClusterConfig, EmbeddedCluster, NodePorts};
use shakedown_model::plan::ServerSpec;

use super::control::{Running, Starter};
use super::{GRPC_OFFSET, ServerPlace, Servers, ServersControl, ServersError, described, node_addresses};
use crate::ports::Ports;

pub(super) fn start(
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
    let running = nodes.iter().map(|node| cluster.start(node.node.index()).map(Running::Embedded));
    let running = running.collect::<Result<Vec<_>, _>>()?;
    let description = format!("embedded Nacos {} imitation, in process, {}", spec.version, described(&nodes));
    let control = ServersControl::new(spec, nodes.clone(), Starter::Embedded(cluster), running);
    Ok(Servers { nodes, control, description })
}
