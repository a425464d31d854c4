//! What moves during a run, beside servers and proxies: watchers, mutator, nemesis, and the samplers of lateness.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shakedown_faults::fault::{Mutator, Site};
use shakedown_faults::nemesis::{self, NemesisConfig, NemesisHandle};
use shakedown_faults::proxies::ProxyAddress;
use shakedown_load::drivers::RealClients;
use shakedown_load::mutator::{self, MutatorConfig, MutatorHandle, MutatorReport};
use shakedown_load::watchers::{Fleet, FleetConfig, FleetEnd, GroupAddresses};
use shakedown_model::division::Share;
use shakedown_model::event::{Publish, PublishOutcome};
use shakedown_model::manifest::RunStatus;
use shakedown_model::plan::{GroupSpec, Protocol, ProxyKind};
use shakedown_model::schedule::MutationKind;
use shakedown_model::{ItemId, Plan};
use shakedown_nacos::Peer;
use shakedown_record::{Clock, RunDir};
use shakedown_topology::{NodeAddress, Servers};
use tokio::task::JoinSet;

use super::fail;
use super::fault_log::FaultLog;
use super::hand::Hand;
use super::stage::Live;
use super::watchers::Watchers;
use crate::control::Strangers;
use crate::health;
use crate::probe::{NacosProbe, through};
use crate::publisher::{self, NacosPublisher, PUBLISH_TIMEOUT, config_key};
use crate::run::EngineError;
use crate::service::NodeProbes;
use crate::setup::Setup;
use crate::workers::Crew;

/// Publishes in flight at once, over all items: as many as a busy control plane sees, far below a pool's limits.
const MAX_IN_FLIGHT: usize = 256;

/// Watchers, mutator and nemesis at work. Dropping them stops them; the `end_` functions end each in order.
pub(super) struct Movers {
    pub(super) fleet: Fleet,
    pub(super) crew: Crew,
    pub(super) mutator: MutatorHandle,
    pub(super) nemesis: NemesisHandle,
    pub(super) lateness: JoinSet<()>,
    watchers: Watchers,
    published: Arc<Published>,
}

/// What came of the mutator's publishes, as far as anybody asks during the run.
#[derive(Debug, Default)]
pub(super) struct Published {
    ended: AtomicU64,
    /// Stored, with content that no application can use.
    invalid: AtomicU64,
}

impl Published {
    fn note(&self, publish: &Publish) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        let is_stored = matches!(publish.outcome, PublishOutcome::Acked | PublishOutcome::Settled);
        if is_stored && publish.kind == MutationKind::Invalid {
            self.invalid.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many ended.
    pub(super) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }
}

impl Mutator for Published {
    fn invalid_stored(&self) -> u64 {
        self.invalid.load(Ordering::Relaxed)
    }
}

impl Movers {
    /// Starts everything that moves at once.
    pub(super) fn start(
        setup: &Setup,
        (real, crew): (RealClients, Crew),
        (dir, run_id): (&RunDir, u64),
        clock: Clock,
        faults: &Arc<FaultLog>,
    ) -> Result<Self, EngineError> {
        let recorder = setup.history.recorder();
        let login = watchers_login(&setup.plan, setup.servers.nodes());
        let from = clock.now();
        let config = FleetConfig {
            plan: Arc::clone(&setup.plan),
            run_id,
            share: if crew.control().count() == 0 { Share::Whole } else { Share::Real },
            addresses: group_addresses(&setup.plan, setup.servers.for_clients(), &setup.addresses, 0),
            clock,
            from,
            recorder: recorder.clone(),
            snapshots: dir.snapshots_dir(),
            login: login.map(|peer| publisher::admin_at(&setup.plan.server, peer, PUBLISH_TIMEOUT)),
        };
        let fleet = Fleet::start_with(config, real)?;
        crew.begin(clock, from);
        let watchers = Watchers { own: fleet.control().clone(), crew: crew.control().clone() };
        let published = Arc::new(Published::default());
        let publisher = NacosPublisher::new(&setup.plan, setup.servers.nodes());
        let publisher = publisher.below(setup.ceiling.clone());
        let mutator = mutator::start(MutatorConfig {
            plan: Arc::clone(&setup.plan),
            run_id,
            clock,
            recorder: recorder.clone(),
            publisher: Arc::new(publisher),
            on_publish: {
                let published = Arc::clone(&published);
                Arc::new(move |publish| published.note(publish))
            },
            max_in_flight: MAX_IN_FLIGHT,
            publish_timeout: PUBLISH_TIMEOUT,
            drain: PUBLISH_TIMEOUT,
        })?;
        let site = Site {
            api: Arc::new(setup.driver.clone()),
            kind: setup.plan.proxy.kind,
            proxies: Arc::clone(&setup.addresses),
            watchers: Arc::new(watchers.clone()),
            servers: Arc::new(Hand {
                control: setup.servers.control().clone(),
                front: setup.servers.front().cloned(),
            }),
            control: Arc::new(Strangers::new(&setup.plan, setup.servers.nodes())),
            mutator: Arc::<Published>::clone(&published),
        };
        let mut key = config_key(&setup.plan.key_of(ItemId(0)));
        key.data_id = format!("{}canary", setup.plan.items.prefix);
        let probe = Arc::new(NacosProbe { key, nodes: canary_nodes(&setup.servers) });
        let service = Arc::new(NodeProbes::new(&setup.plan, setup.servers.nodes()));
        // Servers that are not embedded have the real tick, which is the default.
        let dump_tick = setup.plan.server.embedded.dump_tick;
        let config = NemesisConfig { clock, site, probe, service, dump_tick, sink: faults.sink() };
        let nemesis = nemesis::start(&setup.plan, config)?;
        let lateness = health::sample_lateness(clock, recorder)?;
        Ok(Self { fleet, crew, watchers, mutator, nemesis, lateness, published })
    }

    /// What progress and the drain look at.
    pub(super) fn live(&self) -> Live {
        Live {
            watchers: self.watchers.clone(),
            published: Arc::clone(&self.published),
            newest: self.mutator.newest_acked(),
        }
    }
}

/// The nodes as canaries of links find them: what is wrong with a certificate that the run itself made is a fault of its own,
/// and says nothing of a link.
fn canary_nodes(servers: &Servers) -> Vec<NodeAddress> {
    let nodes = servers.for_clients().iter();
    match servers.front() {
        Some(_) => nodes.map(NodeAddress::unchecked).collect(),
        None => nodes.cloned().collect(),
    }
}

/// Where somebody logs in for the watchers, if they must: straight at the first node.
pub(crate) fn watchers_login(plan: &Plan, nodes: &[NodeAddress]) -> Option<Peer> {
    nodes.first().filter(|_| plan.server.login.is_some()).map(NodeAddress::http_peer)
}

/// Where the simulated watchers of each group connect to: the proxies of a share, or the nodes where there are none.
pub(crate) fn group_addresses(
    plan: &Plan,
    nodes: &[NodeAddress],
    proxies: &[ProxyAddress],
    share: u32,
) -> Vec<GroupAddresses> {
    if plan.proxy.kind == ProxyKind::None {
        let all = |group: &GroupSpec, peer: fn(&NodeAddress) -> Peer| {
            nodes.iter().map(|node| as_seen_by(group, peer(node))).collect()
        };
        let of_group = |group: &GroupSpec| GroupAddresses {
            http: all(group, NodeAddress::http_peer),
            grpc: all(group, NodeAddress::grpc_peer),
        };
        return plan.groups.iter().map(of_group).collect();
    }
    let mut addresses = vec![GroupAddresses::default(); plan.groups.len()];
    for proxy in proxies.iter().filter(|proxy| proxy.watcher.is_none() && u32::from(proxy.share) == share) {
        let group = &mut addresses[proxy.group.index()];
        let peer = as_seen_by(&plan.groups[proxy.group.index()], through(nodes, proxy));
        match proxy.protocol {
            Protocol::NacosHttp => group.http.push(peer),
            Protocol::NacosGrpc => group.grpc.push(peer),
        }
    }
    addresses
}

/// A careless group takes whoever answers for the one it looks for.
fn as_seen_by(group: &GroupSpec, peer: Peer) -> Peer {
    if group.client.checks_certificates { peer } else { peer.unchecked() }
}

/// Lets the mutator send what is due and wait for its answers, for `limit` at most, and stops it.
pub(super) async fn end_mutator(
    mutator: MutatorHandle,
    limit: Duration,
    status: &mut RunStatus,
) -> Vec<String> {
    match mutator.join_within(limit).await {
        Ok(report) => remarks(&report),
        Err(error) => {
            fail(status, error.to_string());
            Vec::new()
        }
    }
}

/// What keeps a run from telling anything. What a server refused is no such thing: the history has it, the log says why.
fn remarks(report: &MutatorReport) -> Vec<String> {
    if let Some(first) = &report.first_failure {
        let MutatorReport { sent, refused, conflicts, ambiguous, settled, .. } = report;
        tracing::info!(sent, refused, conflicts, ambiguous, settled, %first, "not every mutation was acked");
    }
    if report.dropped == 0 {
        return Vec::new();
    }
    vec![format!("{} mutations had no room to wait and were not sent", report.dropped)]
}

/// Waits for the planned end of every fault, or heals what is in force when the run was cut short.
pub(super) async fn end_nemesis(nemesis: NemesisHandle, status: &RunStatus) -> Vec<String> {
    let healed = if *status == RunStatus::Complete { nemesis.join().await } else { nemesis.stop().await };
    healed.errors.iter().map(|(fault, error)| format!("fault {fault}: {error}")).collect()
}

/// Stops the watchers, here and in workers.
pub(super) async fn end_watchers((fleet, crew): (Fleet, Crew), status: &mut RunStatus) -> Vec<String> {
    let (mut end, parts) = tokio::join!(fleet.stop(), crew.stop());
    for part in parts {
        match part {
            Ok(part) => end.add(part),
            Err(why) => fail(status, why),
        }
    }
    let FleetEnd { progress, panicked, aborted, trouble } = end;
    if panicked > 0 || aborted > 0 {
        fail(
            status,
            format!("{panicked} watchers panicked and {aborted} did not end: a defect of shakedown"),
        );
    }
    if let Some(trouble) = trouble {
        fail(status, trouble.lines().next().unwrap_or_default().to_owned());
    }
    let (dropped, failed) = (progress.snapshots_dropped, progress.snapshots_failed);
    if dropped == 0 && failed == 0 {
        return Vec::new();
    }
    vec![format!(
        "{dropped} snapshots were dropped because the disk did not keep up, and {failed} could not be written"
    )]
}
