//! Which proxies a plan needs: one per group and node, for the protocol that the group speaks; for real clients a pair
//! per watcher and node, since an SDK is given one HTTP port and takes gRPC's to be 1,000 above it.
//!
//! One proxy never carries two groups, so a fault on a group is a fault on its proxies and no connection needs to be
//! matched. Starting and stopping proxy servers is the topology's work.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use shakedown_model::fault::FaultAction;
use shakedown_model::plan::{GroupSpec, Plan, Protocol, ProxyKind};
use shakedown_model::{GroupId, LinkId, NodeId, WatcherId};

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
    /// The watcher that has it to itself: a real client's, whose connections nothing else would tell apart.
    pub watcher: Option<WatcherId>,
    /// Which proxy server has it, where there are several; worker `n` connects to those of share `n`.
    pub share: u16,
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
    /// From where it connects there, where several proxy servers would else come from one address: a pair of addresses
    /// carries some 12,000 connections.
    pub source: Option<Ipv4Addr>,
}

/// What gRPC's port is above HTTP's (nacos-facts.md §2.1).
const GRPC_OFFSET: u16 = 1000;

/// The proxies of a plan, by group, then watcher where each has its own, then share, then node. Those of simulated
/// watchers are there once for each of `shares` (at least one). `allocate` gives a free address
/// (below port 32768) to listen on, at which the ports above it by the given offsets are free too.
///
/// # Errors
/// Whatever `allocate` fails with.
///
/// # Panics
/// When there are more than 65,536 groups or nodes, which no plan has, or when `allocate` gives a port whose offsets
/// are no ports.
pub fn proxies_for<E>(
    plan: &Plan,
    (nodes, shares): (&[NodeAddress], u16),
    mut allocate: impl FnMut(&[i32]) -> Result<SocketAddr, E>,
) -> Result<Vec<ProxyAddress>, E> {
    let mut proxies = Vec::with_capacity(plan.groups.len() * nodes.len());
    for (group, spec) in (0_u16..).map(GroupId).zip(&plan.groups) {
        let watchers = spec.first.0..spec.first.0 + spec.count;
        let owners: Vec<_> = match spec.client.driver {
            Some(_) => watchers.map(|watcher| (Some(WatcherId(watcher)), 0)).collect(),
            None => (0..shares.max(1)).map(|share| (None, share)).collect(),
        };
        for (watcher, share) in owners {
            for (node, address) in (0_u16..).map(NodeId).zip(nodes) {
                let source = (shares > 1 && watcher.is_none()).then(|| source_of(share));
                let place = Place { group, watcher, share, node, source };
                if watcher.is_some() {
                    let http = allocate(&[i32::from(GRPC_OFFSET)])?;
                    let grpc = http.port().checked_add(GRPC_OFFSET).expect("the offset was allocated too");
                    proxies.push(proxy(spec, &place, Protocol::NacosHttp, (http, address)));
                    let grpc = SocketAddr::new(http.ip(), grpc);
                    proxies.push(proxy(spec, &place, Protocol::NacosGrpc, (grpc, address)));
                } else {
                    proxies.push(proxy(spec, &place, spec.client.protocol, (allocate(&[])?, address)));
                }
            }
        }
    }
    Ok(proxies)
}

/// Whose a proxy is, and where it leads.
struct Place {
    group: GroupId,
    watcher: Option<WatcherId>,
    share: u16,
    node: NodeId,
    source: Option<Ipv4Addr>,
}

/// From where the proxies of a share connect: behind the addresses of watchers, which begin at 127.0.0.1.
fn source_of(share: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + u32::from(share))
}

/// Whether a source within this machine reaches it.
fn is_loopback(upstream: &str) -> bool {
    upstream.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}

fn proxy(
    spec: &GroupSpec,
    place: &Place,
    protocol: Protocol,
    (listen, address): (SocketAddr, &NodeAddress),
) -> ProxyAddress {
    let Place { group, watcher, share, node, source } = *place;
    let (upstream, suffix) = match protocol {
        Protocol::NacosHttp => (&address.http, "http"),
        Protocol::NacosGrpc => (&address.grpc, "grpc"),
    };
    let own = match (watcher, share) {
        (Some(watcher), _) => format!("-w{watcher}"),
        (None, 0) => String::new(),
        (None, share) => format!("-p{share}"),
    };
    ProxyAddress {
        name: format!("g{group}-{}{own}-n{node}-{suffix}", url_safe(&spec.name)),
        link: spec.link,
        group,
        watcher,
        share,
        node,
        protocol,
        listen,
        binds: listen,
        upstream: upstream.clone(),
        source: source.filter(|_| is_loopback(upstream)),
    }
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
            source: proxy.source.map(IpAddr::V4),
            follow: is_followed(plan, proxy),
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

/// Whether a fault will act on what only a proxy sees that follows HTTP.
fn is_followed(plan: &Plan, proxy: &ProxyAddress) -> bool {
    plan.faults.iter().any(|fault| match fault.action {
        FaultAction::Path { trouble } => {
            fault.touches(proxy.group, proxy.node) && link::concerns(trouble, proxy)
        }
        _ => false,
    })
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

/// So many proxies, in words.
pub(crate) fn in_words(count: usize) -> String {
    if count == 1 { "1 proxy".into() } else { format!("{count} proxies") }
}

#[cfg(test)]
mod tests;
