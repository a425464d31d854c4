//! Everything before offset zero: servers, first versions, proxies.

use std::sync::Arc;

use shakedown_faults::proxies::{self, ProxyAddress};
use shakedown_faults::toxiproxy::ToxiproxyClient;
use shakedown_load::mutator::publish_initial;
use shakedown_model::Plan;
use shakedown_model::manifest::Manifest;
use shakedown_model::plan::{Backend, ProxyKind};
use shakedown_record::{HistoryWriter, RunDir};
use shakedown_topology::{Guard, Ports, Proxies, ServerPlace, Servers};
use tokio::time::Instant;

use crate::node_reads::NodeReads;
use crate::observer::{Observer, RunEvent};
use crate::publisher::NacosPublisher;
use crate::run::{EngineError, RunOptions};

/// What was brought up, before anything is measured.
pub(crate) struct Setup {
    pub(crate) plan: Arc<Plan>,
    pub(crate) servers: Servers,
    pub(crate) proxies: Proxies,
    pub(crate) addresses: Arc<[ProxyAddress]>,
    pub(crate) driver: ToxiproxyClient,
    pub(crate) history: HistoryWriter,
    /// Dropped last: it ends what is left of the processes.
    pub(crate) guard: Option<Guard>,
}

impl Setup {
    /// Brings everything up. Dropping the future stops what was started.
    pub(crate) async fn bring_up(
        plan: Plan,
        dir: &RunDir,
        options: &RunOptions,
        observer: &dyn Observer,
        manifest: &mut Manifest,
    ) -> Result<Self, EngineError> {
        let began = Instant::now();
        let history = dir.create_history()?;
        let mut ports = Ports::new();
        let guard = needs_guard(&plan).then(|| Guard::start(&options.guard_program)).transpose()?;
        let (data, logs) = (dir.server_data_dir(), dir.logs_dir());
        let seed = plan.seed;
        let place = ServerPlace { data: &data, logs: &logs, guard: guard.as_ref(), seed };
        observer.on(&RunEvent::SettingUp(match plan.server.backend {
            Backend::Embedded => format!("starting the embedded server, {} of it", nodes(plan.server.nodes)),
            Backend::Process | Backend::Container | Backend::External => {
                format!(
                    "starting Nacos {} as a process, {} of it",
                    plan.server.version,
                    nodes(plan.server.nodes)
                )
            }
        }));
        let servers = Servers::start(&plan.server, &place, &mut ports).await?;
        manifest.server = servers.description().to_owned();
        observer
            .on(&RunEvent::SettingUp(format!("publishing the first version of {} items", plan.item_count())));
        let plan = Arc::new(plan);
        let publisher = NacosPublisher::new(&plan, servers.nodes())?;
        publish_initial(&plan, manifest.run_id, &publisher, &history.recorder()).await?;
        let reads = NodeReads { plan: &plan, run_id: manifest.run_id };
        reads.wait_for_initial(servers.nodes()).await?;
        observer.on(&RunEvent::SettingUp("starting the proxies".into()));
        let proxies = Proxies::start(&plan.proxy, seed, &logs, guard.as_ref(), &mut ports).await?;
        manifest.proxy = proxies.description().to_owned();
        let nodes: Vec<proxies::NodeAddress> = servers
            .nodes()
            .iter()
            .map(|node| proxies::NodeAddress { http: node.http.to_string(), grpc: node.grpc.to_string() })
            .collect();
        let addresses = proxies::proxies_for(&plan, &nodes, |offsets| ports.with_offsets(offsets))?;
        let driver = ToxiproxyClient::new(proxies.api())?;
        proxies::populate(&driver, plan.proxy.kind, &plan, &addresses).await?;
        observer.on(&RunEvent::Started { setup: began.elapsed() });
        Ok(Self { plan, servers, proxies, addresses: addresses.into(), driver, history, guard })
    }
}

fn nodes(count: u16) -> String {
    if count == 1 { "one node".to_owned() } else { format!("{count} nodes") }
}

fn needs_guard(plan: &Plan) -> bool {
    plan.server.backend == Backend::Process || plan.proxy.kind == ProxyKind::Toxiproxy
}
