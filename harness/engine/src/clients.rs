//! Real clients in a run: drivers built before anything is started, processes started before the first phase.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use shakedown_drivers::{Launch, ProcessGuard};
use shakedown_faults::proxies::ProxyAddress;
use shakedown_load::drivers::{DriversError, DriversPlace, RealClients, SightSender};
use shakedown_model::plan::Protocol;
use shakedown_model::{GroupId, Plan, WatcherId};
use shakedown_record::RunDir;
use shakedown_topology::Guard;

use crate::observer::{Observer, RunEvent};

/// Whether a plan has real clients.
pub(crate) fn has_any(plan: &Plan) -> bool {
    plan.groups.iter().any(|group| group.client.driver.is_some())
}

/// Finds or builds the drivers.
pub(crate) async fn build(
    plan: &Plan,
    observer: &dyn Observer,
) -> Result<BTreeMap<GroupId, Launch>, DriversError> {
    let progress = |line: String| observer.on(&RunEvent::SettingUp(line));
    RealClients::build(plan, &progress).await
}

/// Starts their processes, which hold nothing yet.
pub(crate) async fn start(
    plan: &Plan,
    launches: &BTreeMap<GroupId, Launch>,
    dir: &RunDir,
    guard: Option<&Guard>,
    addresses: &[ProxyAddress],
) -> Result<RealClients, DriversError> {
    let guard = guard.map(|guard| Arc::new(RunGuard(guard.clone())) as Arc<dyn ProcessGuard>);
    let place = DriversPlace {
        scratch: dir.snapshots_dir().join("drivers"),
        logs: dir.logs_dir(),
        guard,
        servers: servers(addresses),
    };
    RealClients::start(plan, launches, &place).await
}

/// Where each real client finds the servers' HTTP, by node; the proxies come in the nodes' order.
fn servers(addresses: &[ProxyAddress]) -> BTreeMap<WatcherId, Vec<SocketAddr>> {
    let mut servers: BTreeMap<WatcherId, Vec<SocketAddr>> = BTreeMap::new();
    for proxy in addresses.iter().filter(|proxy| proxy.protocol == Protocol::NacosHttp) {
        if let Some(watcher) = proxy.watcher {
            servers.entry(watcher).or_default().push(proxy.listen);
        }
    }
    servers
}

/// The run's guard, as drivers know one.
#[derive(Debug)]
struct RunGuard(Guard);

impl ProcessGuard for RunGuard {
    fn watch(&self, group: u32) -> io::Result<()> {
        self.0.watch(group).map_err(io::Error::other)
    }

    fn forget(&self, group: u32) {
        if let Err(error) = self.0.forget(group) {
            tracing::warn!(%error, "the guard is gone");
        }
    }
}

/// What the run must know if sights found no room.
pub(crate) fn remark(holders: &SightSender) -> Option<String> {
    let lost = holders.lost();
    (lost > 0).then(|| {
        format!("{lost} sights of real clients' connections found no room: losses and attempts of theirs may be missing")
    })
}
