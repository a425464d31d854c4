//! Which proxies a plan needs: one per group and node, for the protocol that the group speaks.
//!
//! One proxy never carries two groups, so a fault on a group is a fault on its proxies and no connection needs to be
//! matched. Starting and stopping proxy servers is the topology's work.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use shakedown_model::plan::{Plan, Protocol, ProxyKind};
use shakedown_model::{GroupId, LinkId, NodeId};

use crate::fault::FaultError;
use crate::link;
use crate::toxiproxy::{ProxyConfig, ToxiproxyClient};

/// Where a server node is found by the proxy server, as `host:port`: a name may mean something only there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeAddress {
    /// Its HTTP address.
    pub http: String,
    /// Its gRPC address.
    pub grpc: String,
}

/// A proxy of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyAddress {
    /// Its name at the proxy server, unique within the run.
    pub name: String,
    /// The link that it is part of.
    pub link: LinkId,
    /// The group whose connections it carries.
    pub group: GroupId,
    /// The node that it leads to.
    pub node: NodeId,
    /// What is spoken through it.
    pub protocol: Protocol,
    /// Where watchers connect.
    pub listen: SocketAddr,
    /// Where the proxy server itself listens: the same, unless it runs in a container.
    pub binds: SocketAddr,
    /// The node's address, as the proxy server finds it.
    pub upstream: String,
}

/// The proxies of a plan, by group, then node. `allocate` gives a free address (below port 32768) to listen on.
///
/// # Errors
/// Whatever `allocate` fails with.
///
/// # Panics
/// When there are more than 65,536 groups or nodes, which no plan has.
pub fn proxies_for<E>(
    plan: &Plan,
    nodes: &[NodeAddress],
    mut allocate: impl FnMut() -> Result<SocketAddr, E>,
) -> Result<Vec<ProxyAddress>, E> {
    let mut proxies = Vec::with_capacity(plan.groups.len() * nodes.len());
    for (group, spec) in (0_u16..).map(GroupId).zip(&plan.groups) {
        for (node, address) in (0_u16..).map(NodeId).zip(nodes) {
            let protocol = spec.client.protocol;
            let (upstream, suffix) = match protocol {
                Protocol::NacosHttp => (&address.http, "http"),
                Protocol::NacosGrpc => (&address.grpc, "grpc"),
            };
            let listen = allocate()?;
            proxies.push(ProxyAddress {
                name: format!("g{group}-{}-n{node}-{suffix}", url_safe(&spec.name)),
                link: spec.link,
                group,
                node,
                protocol,
                listen,
                binds: listen,
                upstream: upstream.clone(),
            });
        }
    }
    Ok(proxies)
}

/// Creates the proxies at the proxy server and puts the toxics of their links in force.
///
/// # Errors
/// [`FaultError`] names the call that failed; what was created before it stays.
pub async fn populate(
    client: &ToxiproxyClient,
    kind: ProxyKind,
    plan: &Plan,
    proxies: &[ProxyAddress],
) -> Result<(), FaultError> {
    let toxics = link_toxics(kind, plan)?;
    let configs: Vec<ProxyConfig> = proxies
        .iter()
        .map(|proxy| ProxyConfig {
            name: proxy.name.clone(),
            listen: proxy.binds,
            upstream: proxy.upstream.clone(),
            enabled: true,
        })
        .collect();
    client.populate(&configs).await?;
    for proxy in proxies {
        for toxic in &toxics[&proxy.link] {
            client.add_toxic(&proxy.name, toxic).await?;
        }
    }
    Ok(())
}

type LinkToxics = BTreeMap<LinkId, Vec<crate::toxiproxy::ToxicConfig>>;

fn link_toxics(kind: ProxyKind, plan: &Plan) -> Result<LinkToxics, FaultError> {
    (0_u16..)
        .map(LinkId)
        .zip(&plan.links)
        .map(|(id, spec)| {
            let toxics = spec.toxics.iter().enumerate();
            let configs = toxics.map(|(n, toxic)| link::toxic_configs(&format!("link-{n}"), kind, *toxic));
            Ok((id, configs.collect::<Result<Vec<_>, _>>()?.concat()))
        })
        .collect()
}

/// Group names are free text, proxy names are parts of a URL path.
fn url_safe(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests;
