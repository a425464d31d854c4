//! Everything before offset zero: servers, first versions, proxies.

use std::sync::Arc;

use shakedown_faults::fault::FaultError;
use shakedown_faults::proxies::{self, ProxyAddress};
use shakedown_faults::toxiproxy::ProxyApis;
use shakedown_load::drivers::RealClients;
use shakedown_load::mutator::publish_initial;
use shakedown_model::Plan;
use shakedown_model::manifest::Manifest;
use shakedown_model::needs::Needs;
use shakedown_model::plan::{Backend, ProxyKind, ProxyPlace, ServerSpec};
use shakedown_record::{HistoryWriter, RunDir};
use shakedown_topology::{
    Containers, Guard, NodeAddress, Ports, Proxies, ProxyHost, ServerPlace, Servers, TlsFront,
};
use tokio::time::Instant;

use crate::clients;
use crate::connections::Connections;
use crate::estate::{self, Estate};
use crate::node_reads::NodeReads;
use crate::observer::{Observer, RunEvent};
use crate::publisher::{Ceiling, NacosPublisher};
use crate::run::{EngineError, RunOptions};
use crate::workers::{Crew, CrewPlace};
use crate::{machine, timeline};

/// What was brought up, before anything is measured.
pub(crate) struct Setup {
    pub(crate) plan: Arc<Plan>,
    pub(crate) servers: Servers,
    pub(crate) proxies: Proxies,
    pub(crate) addresses: Arc<[ProxyAddress]>,
    /// What is seen of connections, where real clients are among the watchers.
    pub(crate) connections: Option<Connections>,
    /// The workers with their tasks, until the timeline has them.
    pub(crate) crew: Crew,
    /// The processes of real clients, until the fleet has them.
    pub(crate) real: RealClients,
    pub(crate) driver: ProxyApis,
    /// What keeps publishes below a user's rate.
    pub(crate) ceiling: Option<Arc<Ceiling>>,
    pub(crate) history: HistoryWriter,
    /// What the run has on a container engine; dropping it removes that, and blocks.
    pub(crate) containers: Option<Containers>,
    /// Dropped last: it ends what is left of the processes.
    pub(crate) guard: Option<Guard>,
}

impl Setup {
    /// Brings everything up. Dropping the future stops what was started.
    pub(crate) async fn bring_up(
        plan: Plan,
        dir: &RunDir,
        options: &RunOptions,
        (observer, estate): (&dyn Observer, &Estate),
        manifest: &mut Manifest,
    ) -> Result<Self, EngineError> {
        let began = Instant::now();
        let launches = clients::build(&plan, observer).await?;
        let history = dir.create_history()?;
        let mut ports = Ports::new();
        let needs = Needs::of(&plan, machine::raise_open_files());
        let guard = needs_guard(&plan, &needs).then(|| Guard::start(&options.program)).transpose()?;
        let (data, logs) = (dir.server_data_dir(), dir.logs_dir());
        let progress = |text: String| observer.on(&RunEvent::SettingUp(text));
        let containers = match &guard {
            Some(guard) if needs_containers(&plan) => {
                Some(Containers::open(&manifest.run, &logs, guard).await?)
            }
            _ => None,
        };
        let place = ServerPlace {
            data: &data,
            logs: &logs,
            guard: guard.as_ref(),
            seed: plan.seed,
            containers: containers.as_ref(),
            progress: &progress,
            program: &options.program,
            is_spread: needs.servers > 0,
        };
        progress(beginning(&plan.server));
        let servers = Servers::start(&plan.server, &place, &mut ports).await?;
        manifest.server = servers.description().to_owned();
        progress(format!("publishing the first version of {} items", plan.item_count()));
        let plan = Arc::new(plan);
        let ceiling = publish_first(&plan, &servers, (estate, &history), manifest.run_id).await?;
        progress("starting the proxies".into());
        let nodes = upstreams(&plan, &servers, containers.as_ref());
        let mut addresses =
            estate.proxies_for(&plan, &manifest.run, (&nodes, needs.proxies), &mut ports).await?;
        let connections = is_compared(&plan).then(Connections::new);
        let tap = connections.as_ref().map(Connections::tap);
        let host = ProxyHost { tap: tap.as_ref(), ..proxy_host(&place, options, &needs) };
        let (proxies, driver) = start_proxies(&plan, &host, &mut addresses, &mut ports).await?;
        manifest.proxy = proxies.description().to_owned();
        connections.iter().for_each(|connections| connections.know(&addresses));
        let real = clients::start(&plan, &launches, dir, guard.as_ref(), &addresses).await?;
        manifest.clients = real.described().to_vec();
        (manifest.workers, manifest.processes) = (needs.workers, needs.processes());
        let crew = start_workers(&needs, (&plan, &servers, &addresses), (dir, options), (&history, manifest))
            .await?;
        observer.on(&RunEvent::Started { setup: began.elapsed() });
        Ok(Self {
            plan,
            servers,
            proxies,
            addresses: addresses.into(),
            connections,
            crew,
            real,
            driver,
            ceiling,
            history,
            containers,
            guard,
        })
    }
}

/// Publishes the first version of every item and waits until each node serves it; gives what keeps publishes below a
/// user's rate from then on.
async fn publish_first(
    plan: &Arc<Plan>,
    servers: &Servers,
    (estate, history): (&Estate, &HistoryWriter),
    run_id: u64,
) -> Result<Option<Arc<Ceiling>>, EngineError> {
    let ceiling = estate::ceiling(plan);
    estate.claim_items(plan, servers.nodes(), ceiling.as_ref()).await?;
    let publisher = NacosPublisher::new(plan, servers.nodes()).below(ceiling.clone());
    publish_initial(plan, run_id, &publisher, &history.recorder()).await?;
    NodeReads { plan, run_id }.wait_for_initial(servers.nodes()).await?;
    Ok(ceiling)
}

/// Says where the proxies really are, now that their server runs.
fn settle(addresses: &mut [ProxyAddress], proxies: &Proxies) {
    for address in addresses {
        address.binds = proxies.binds(address.listen);
        address.listen.set_ip(proxies.apis()[0].ip());
    }
}

/// Where proxies are to run, which is where servers are.
fn proxy_host<'a>(place: &ServerPlace<'a>, options: &'a RunOptions, needs: &Needs) -> ProxyHost<'a> {
    let ServerPlace { logs, guard, seed, containers, progress, .. } = *place;
    let (program, spread) = (options.program.as_path(), needs.proxies);
    ProxyHost { seed, logs, guard, containers, progress, program, spread, tap: None }
}

/// Starts the proxies' servers and creates the proxies there; nobody connects to them yet.
async fn start_proxies(
    plan: &Plan,
    host: &ProxyHost<'_>,
    addresses: &mut [ProxyAddress],
    ports: &mut Ports,
) -> Result<(Proxies, ProxyApis), EngineError> {
    let listens: Vec<_> = addresses.iter().map(|proxy| proxy.listen).collect();
    let proxies = Proxies::start(&plan.proxy, host, &listens, ports).await?;
    settle(addresses, &proxies);
    let driver = ProxyApis::new(proxies.apis(), addresses)?;
    populate(&driver, plan, addresses).await?;
    Ok((proxies, driver))
}

/// Creates the proxies, each at the server that is to have it.
async fn populate(driver: &ProxyApis, plan: &Plan, addresses: &[ProxyAddress]) -> Result<(), FaultError> {
    for (share, client) in driver.clients().iter().enumerate() {
        let of_share = addresses.iter().filter(|proxy| usize::from(proxy.share) == share);
        let of_share: Vec<ProxyAddress> = of_share.cloned().collect();
        proxies::populate(client, plan.proxy.kind, plan, &of_share).await?;
    }
    Ok(())
}

/// Starts as many workers as the plan and this machine's limit of open files demand.
async fn start_workers(
    needs: &Needs,
    (plan, servers, addresses): (&Plan, &Servers, &[ProxyAddress]),
    (dir, options): (&RunDir, &RunOptions),
    (history, manifest): (&HistoryWriter, &Manifest),
) -> Result<Crew, EngineError> {
    let place = CrewPlace {
        program: &options.program,
        logs: &dir.logs_dir(),
        snapshots: &dir.snapshots_dir(),
        recorder: &history.recorder(),
    };
    let nodes = servers.for_clients();
    let groups = |worker: u32| {
        let share = if needs.proxies > 1 { worker } else { 0 };
        timeline::group_addresses(plan, nodes, addresses, share)
    };
    let login_at = timeline::watchers_login(plan, servers.nodes());
    let tls = servers.front().map(TlsFront::material);
    Ok(Crew::start(needs.workers, (plan, manifest.run_id), &groups, (login_at, tls), place).await?)
}

/// What is about to be started.
fn beginning(server: &ServerSpec) -> String {
    let (version, nodes) = (&server.version, nodes(server.nodes));
    match server.backend {
        Backend::Embedded => format!("starting the embedded server, {nodes} of it"),
        Backend::Process => format!("starting Nacos {version} as a process, {nodes} of it"),
        Backend::Container => format!("starting Nacos {version} in containers, {nodes} of it"),
        Backend::External => format!("looking for Nacos {version} at its address"),
    }
}

/// The nodes as the proxies find them.
fn upstreams(plan: &Plan, servers: &Servers, containers: Option<&Containers>) -> Vec<proxies::NodeAddress> {
    if plan.proxy.kind == ProxyKind::Toxiproxy
        && plan.proxy.place == ProxyPlace::Container
        && let Some(inside) = containers.and_then(|containers| servers.inside(&plan.server, containers))
    {
        return inside.into_iter().map(|(http, grpc)| proxies::NodeAddress { http, grpc }).collect();
    }
    let address = |node: &NodeAddress| proxies::NodeAddress {
        http: node.http.to_string(),
        grpc: node.grpc.to_string(),
    };
    servers.for_clients().iter().map(address).collect()
}

fn nodes(count: u16) -> String {
    if count == 1 { "one node".to_owned() } else { format!("{count} nodes") }
}

/// Whether connections are to be seen one by one: only where real clients are among the watchers.
fn is_compared(plan: &Plan) -> bool {
    plan.proxy.kind == ProxyKind::Embedded && clients::has_any(plan)
}

fn needs_guard(plan: &Plan, needs: &Needs) -> bool {
    needs.proxies > 0
        || needs.servers > 0
        || matches!(plan.server.backend, Backend::Process | Backend::Container)
        || plan.proxy.kind == ProxyKind::Toxiproxy
        || clients::has_any(plan)
}

/// Whether anything of the run is to be on a container engine.
pub(crate) fn needs_containers(plan: &Plan) -> bool {
    plan.server.backend == Backend::Container
        || (plan.proxy.kind == ProxyKind::Toxiproxy && plan.proxy.place == ProxyPlace::Container)
}
