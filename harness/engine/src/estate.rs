//! What a run has at servers and proxies that somebody else runs, so that nothing of it stays there: items under a
//! prefix of the run's own, perhaps a namespace, proxies that bear the run's name (ADR 24).
//!
//! What was claimed is cleared at the end of every run, however it ended. Nothing else there is ever touched.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shakedown_faults::proxies::{self, NodeAddress as UpstreamNode, ProxyAddress};
use shakedown_faults::toxiproxy::{ProxyApiError, ToxiproxyClient};
use shakedown_model::ItemId;
use shakedown_model::plan::{
    Backend, ExternalNode, ExternalProxy, ExternalSpec, Plan, ProxyKind, ProxyPlace,
};
use shakedown_nacos::admin::{AdminClient, AdminError, NamespaceList, PublishAnswer};
use shakedown_topology::{NodeAddress, Ports, Proxies};

use crate::publisher::{Ceiling, admin, config_key};
use crate::run::EngineError;

/// A call of the clearing may take this long.
const PATIENCE: Duration = Duration::from_secs(5);
/// So often a call of the clearing is tried.
const TRIES: u32 = 3;

/// A run's belongings elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Estate {
    claims: Mutex<Claims>,
}

#[derive(Debug, Default, Clone)]
struct Claims {
    items: Option<Items>,
    proxies: Option<OwnProxies>,
}

#[derive(Debug, Clone)]
struct Items {
    plan: Arc<Plan>,
    admin: AdminClient,
    ceiling: Option<Arc<Ceiling>>,
    /// The namespace, if the run made it.
    made: Option<String>,
}

#[derive(Debug, Clone)]
struct OwnProxies {
    api: SocketAddr,
    /// What every proxy of the run is called before the rest of its name.
    prefix: String,
}

/// The run cannot have there what it needs.
#[derive(Debug, thiserror::Error)]
pub enum EstateError {
    /// The namespace cannot be made.
    #[error("namespace `{id}` cannot be made there; choose one by `server.external.namespace`")]
    Namespace {
        /// Its id.
        id: String,
        /// Why.
        source: AdminError,
    },
    /// Toxiproxy's ports are not enough.
    #[error(
        "the ports {} to {} of `proxy.external` are not enough for this run's proxies; {taken} of them are taken", ports.0, ports.1
    )]
    Ports {
        /// The first and the last.
        ports: (u16, u16),
        /// Those that other proxies have.
        taken: usize,
    },
    /// Toxiproxy's API.
    #[error(transparent)]
    ProxyApi(#[from] ProxyApiError),
}

/// The spec of servers that somebody else runs, if they are.
fn external(plan: &Plan) -> Option<&ExternalSpec> {
    plan.server.external.as_ref().filter(|_| plan.server.backend == Backend::External)
}

/// The proxy service that somebody else runs, if one does.
pub(crate) fn external_proxy(plan: &Plan) -> Option<&ExternalProxy> {
    match &plan.proxy.place {
        ProxyPlace::External(external) if plan.proxy.kind == ProxyKind::Toxiproxy => Some(external),
        _ => None,
    }
}

/// Gives the items of a run at external servers names of its own: its number in every data id, and one namespace, the
/// user's or the run's.
pub(crate) fn name_items(plan: &mut Plan, run_id: u64) {
    let Some(external) = external(plan) else { return };
    let namespace = external.namespace.clone().unwrap_or_else(|| format!("shakedown-{run_id:016x}"));
    plan.items.namespaces = vec![if namespace == "public" { String::new() } else { namespace }];
    plan.items.prefix = format!("{}{run_id:016x}.", plan.items.prefix);
}

/// What keeps the run's publishes below the user's ceiling, if there is one.
pub(crate) fn ceiling(plan: &Plan) -> Option<Arc<Ceiling>> {
    external(plan).map(|external| Arc::new(Ceiling::new(external.max_publishes_per_second)))
}

impl Estate {
    /// Claims the items of a plan, before any is published, and makes the namespace if the run is to make one.
    pub(crate) async fn claim_items(
        &self,
        plan: &Arc<Plan>,
        nodes: &[NodeAddress],
        ceiling: Option<&Arc<Ceiling>>,
    ) -> Result<(), EstateError> {
        let (Some(external), Some(node)) = (external(plan), nodes.first()) else { return Ok(()) };
        let admin = admin(&plan.server, node, PATIENCE);
        let made = external.namespace.is_none().then(|| plan.items.namespaces[0].clone());
        self.claims().items = Some(Items {
            plan: Arc::clone(plan),
            admin: admin.clone(),
            ceiling: ceiling.cloned(),
            made: made.clone(),
        });
        if let Some(id) = made {
            let about = "made by a run of shakedown, which removes it at its end";
            let made = admin.make_namespace(&id, about).await;
            if made.map_err(|source| EstateError::Namespace { id, source })? == NamespaceList::Absent {
                tracing::info!(
                    "the server keeps no list of namespaces at this address: the run's is on none"
                );
            }
        }
        Ok(())
    }

    /// The proxies of a plan in front of `nodes`. At a service that somebody else runs they bear the run's name, lie at
    /// ports that are published there, and are claimed.
    pub(crate) async fn proxies_for(
        &self,
        plan: &Plan,
        run: &str,
        (nodes, shares): (&[UpstreamNode], u32),
        ports: &mut Ports,
    ) -> Result<Vec<ProxyAddress>, EngineError> {
        if plan.proxy.kind == ProxyKind::None {
            return Ok(Vec::new());
        }
        let Some(external) = external_proxy(plan) else {
            let shares = u16::try_from(shares).expect("a run has fewer workers");
            return Ok(proxies::proxies_for(plan, (nodes, shares), |offsets| ports.with_offsets(offsets))?);
        };
        let api = Proxies::find(external).await?;
        let mut published = PublishedPorts::of(external, api).await?;
        let there: Vec<UpstreamNode> = external.upstreams.iter().map(upstream).collect();
        let nodes = if there.is_empty() { nodes } else { &there };
        let mut addresses = proxies::proxies_for(plan, (nodes, 1), |offsets| published.next(offsets))?;
        for address in &mut addresses {
            address.name = format!("{run}-{}", address.name);
        }
        self.claims().proxies = Some(OwnProxies { api, prefix: format!("{run}-") });
        Ok(addresses)
    }

    /// Clears everything that was claimed, and says in words what could not be.
    pub(crate) async fn clear(&self) -> Vec<String> {
        let Claims { items, proxies } = std::mem::take(&mut *self.claims());
        let mut trouble = Vec::new();
        if let Some(proxies) = proxies
            && let Err(error) = proxies.clear().await
        {
            trouble.push(format!(
                "proxies whose names begin with `{}` may be left at {}: {error}",
                proxies.prefix, proxies.api
            ));
        }
        if let Some(items) = items {
            trouble.extend(items.clear().await);
        }
        trouble
    }

    fn claims(&self) -> std::sync::MutexGuard<'_, Claims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Items {
    async fn clear(&self) -> Option<String> {
        let mut left = 0_usize;
        let mut why = None;
        for item in (0..self.plan.item_count()).map(ItemId) {
            if let Err(error) = self.delete(item).await {
                left += 1;
                why.get_or_insert(error);
            }
        }
        if let (Some(id), 0) = (&self.made, left)
            && let Err(error) = self.admin.remove_namespace(id).await
        {
            return Some(format!("namespace `{id}` may be left at {}: {error}", self.admin.server()));
        }
        let prefix = &self.plan.items.prefix;
        why.map(|why| {
            format!(
                "{left} items whose data ids begin with `{prefix}` may be left at {}: {why}",
                self.admin.server()
            )
        })
    }

    /// Deletes an item, and first its gray release where there may be one.
    async fn delete(&self, item: ItemId) -> Result<(), String> {
        let key = config_key(&self.plan.key_of(item));
        if self.plan.mutator.kinds.gray > 0 {
            self.until_acked(|| self.admin.stop_beta(&key)).await?;
        }
        self.until_acked(|| self.admin.delete(&key)).await
    }

    async fn until_acked<Trial>(&self, call: impl Fn() -> Trial) -> Result<(), String>
    where
        Trial: Future<Output = PublishAnswer>,
    {
        let mut last = String::new();
        for _ in 0..TRIES {
            if let Some(ceiling) = &self.ceiling {
                ceiling.turn().await;
            }
            match call().await {
                PublishAnswer::Acked => return Ok(()),
                PublishAnswer::Conflict { text }
                | PublishAnswer::Refused { text, .. }
                | PublishAnswer::Ambiguous { text } => last = text,
            }
        }
        Err(last)
    }
}

impl OwnProxies {
    async fn clear(&self) -> Result<(), ProxyApiError> {
        let client = ToxiproxyClient::new(self.api)?;
        for proxy in client.proxies().await? {
            if proxy.name.starts_with(&self.prefix) {
                client.delete(&proxy.name).await?;
            }
        }
        Ok(())
    }
}

/// A node as somebody else's Toxiproxy finds it.
fn upstream(node: &ExternalNode) -> UpstreamNode {
    UpstreamNode { http: node.http.clone(), grpc: node.grpc_address() }
}

/// The port of `host:port`.
fn port_of(address: &str) -> Option<u16> {
    address.rsplit_once(':')?.1.parse().ok()
}

/// The ports at which proxies of somebody else's Toxiproxy can be reached.
#[derive(Debug)]
pub(crate) struct PublishedPorts {
    ip: IpAddr,
    ports: (u16, u16),
    next: u16,
    taken: Vec<u16>,
    others: usize,
}

impl PublishedPorts {
    /// Those of `external`, whose API was found at `api`, but for what other proxies there listen at.
    pub(crate) async fn of(external: &ExternalProxy, api: SocketAddr) -> Result<Self, EstateError> {
        let proxies = ToxiproxyClient::new(api)?.proxies().await?;
        let ports = external.ports;
        let is_published = |port: &u16| (ports.0..=ports.1).contains(port);
        let taken: Vec<u16> =
            proxies.iter().filter_map(|proxy| port_of(&proxy.listen)).filter(is_published).collect();
        Ok(Self { ip: api.ip(), ports, next: ports.0, others: taken.len(), taken })
    }

    /// The next one that is free, with those at `offsets` above it.
    pub(crate) fn next(&mut self, offsets: &[i32]) -> Result<SocketAddr, EstateError> {
        while self.next <= self.ports.1 {
            let port = self.next;
            self.next += 1;
            let with =
                offsets.iter().filter_map(|offset| port.checked_add_signed(i16::try_from(*offset).ok()?));
            let all: Vec<u16> = std::iter::once(port).chain(with).collect();
            let is_free = |port: &u16| *port <= self.ports.1 && !self.taken.contains(port);
            if all.len() == offsets.len() + 1 && all.iter().all(is_free) {
                self.taken.extend(all);
                return Ok(SocketAddr::new(self.ip, port));
            }
        }
        Err(EstateError::Ports { ports: self.ports, taken: self.others })
    }
}
