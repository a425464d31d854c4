//! From offset zero to the end: phases, drain, final reads, tear-down.

mod stage;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shakedown_faults::fault::{Site, Watchers, WindowSink};
use shakedown_faults::nemesis::{self, NemesisConfig, NemesisHandle};
use shakedown_load::mutator::{self, MutatorConfig, MutatorHandle};
use shakedown_load::watchers::{Fleet, FleetConfig, FleetControl, FleetEnd, GroupAddresses};
use shakedown_model::fault::FaultWindow;
use shakedown_model::manifest::{Manifest, RunStatus};
use shakedown_model::{FaultId, GroupId, ItemId, Plan};
use shakedown_record::{Clock, RunDir};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::node_reads::NodeReads;
use crate::observer::{Observer, RunEvent};
use crate::probe::NacosProbe;
use crate::publisher::{NacosPublisher, PUBLISH_TIMEOUT, config_key};
use crate::run::EngineError;
use crate::setup::Setup;
use crate::{health, machine};
use stage::{Live, Stage};

/// Publishes in flight at once, over all items: as many as a busy control plane sees, far below a pool's limits.
const MAX_IN_FLIGHT: usize = 256;

/// What moves during a run, beside servers and proxies.
struct Movers {
    fleet: Fleet,
    mutator: MutatorHandle,
    nemesis: NemesisHandle,
    lag: AbortHandle,
    /// Publishes that ended, for progress.
    published: Arc<AtomicU64>,
}

/// Works through the phases of what was set up, then drains and takes everything down again.
pub(crate) async fn work_through(
    setup: Setup,
    dir: &RunDir,
    manifest: &mut Manifest,
    observer: Arc<dyn Observer>,
    stop: watch::Receiver<bool>,
) -> Result<(), EngineError> {
    let overflows = machine::listen_overflows();
    let clock = Clock::start();
    manifest.started = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    dir.write_manifest(manifest)?;
    let faults = Arc::new(FaultLog::new(dir.clone(), Arc::clone(&observer)));
    let movers = start_movers(&setup, dir, manifest.run_id, clock, &faults)?;
    let newest = movers.mutator.newest_acked();

    let live = Live { fleet: movers.fleet.control(), published: Arc::clone(&movers.published) };
    let mut stage = Stage::new(setup, live, dir, clock, observer).stopped_by(stop);
    let mut status = stage.phases(&faults).await;
    let last_publishes =
        if status == RunStatus::Complete { stage.setup.plan.delivery_timeout } else { Duration::ZERO };
    let mut remarks = end_mutator(movers.mutator, last_publishes, &mut status).await;
    if status == RunStatus::Complete {
        let plan = Arc::clone(&stage.setup.plan);
        let newest = move || (0..plan.item_count()).map(|n| (ItemId(n), newest.newest(ItemId(n)))).collect();
        status = stage.drain(newest).await;
    }
    remarks.extend(end_nemesis(movers.nemesis).await);
    remarks.extend(end_fleet(movers.fleet, &mut status).await);
    movers.lag.abort();
    manifest.remarks.append(&mut remarks);
    manifest.ended = Some(clock.now());
    let Stage { setup, observer, .. } = stage;
    if status == RunStatus::Complete {
        let recorder = setup.history.recorder();
        let reads = NodeReads { plan: &setup.plan, run_id: manifest.run_id };
        manifest.remarks.extend(reads.record_all(setup.servers.nodes(), clock, &recorder).await);
    }
    manifest.remarks.extend(overflow_remark(overflows));
    observer.on(&RunEvent::TearingDown);
    manifest.remarks.extend(faults.trouble());
    take_down(setup, dir, &mut status).await;
    manifest.status = status;
    if let Err(error) = dir.write_manifest(manifest) {
        // A full disk: the manifest on disk still says that the run goes on, which is judged as no verdict.
        observer.on(&RunEvent::Trouble(error.to_string()));
    }
    Ok(())
}

fn start_movers(
    setup: &Setup,
    dir: &RunDir,
    run_id: u64,
    clock: Clock,
    faults: &Arc<FaultLog>,
) -> Result<Movers, EngineError> {
    let recorder = setup.history.recorder();
    let fleet = Fleet::start(FleetConfig {
        plan: Arc::clone(&setup.plan),
        run_id,
        addresses: group_addresses(setup),
        clock,
        recorder: recorder.clone(),
        snapshots: dir.snapshots_dir(),
    })?;
    let published = Arc::new(AtomicU64::new(0));
    let publisher = NacosPublisher::new(setup.servers.nodes()[0].http, &setup.plan)?;
    let mutator = mutator::start(MutatorConfig {
        plan: Arc::clone(&setup.plan),
        run_id,
        clock,
        recorder: recorder.clone(),
        publisher: Arc::new(publisher),
        on_publish: {
            let published = Arc::clone(&published);
            Arc::new(move |_| {
                published.fetch_add(1, Ordering::Relaxed);
            })
        },
        max_in_flight: MAX_IN_FLIGHT,
        publish_timeout: PUBLISH_TIMEOUT,
        drain: PUBLISH_TIMEOUT,
    })?;
    let site = Site {
        api: Arc::new(setup.driver.clone()),
        kind: setup.plan.proxy.kind,
        proxies: Arc::clone(&setup.addresses),
        watchers: Arc::new(FleetWatchers(fleet.control())),
    };
    let key = config_key(&setup.plan.items, &format!("{}canary", setup.plan.items.prefix));
    let probe = Arc::new(NacosProbe { key });
    let config = NemesisConfig { clock, site, probe, sink: faults.sink() };
    let nemesis = nemesis::start(&setup.plan, config)?;
    let lag = tokio::spawn(health::sample_lag(clock, recorder)).abort_handle();
    Ok(Movers { fleet, mutator, nemesis, lag, published })
}

fn group_addresses(setup: &Setup) -> Vec<GroupAddresses> {
    let mut addresses = vec![GroupAddresses::default(); setup.plan.groups.len()];
    for proxy in setup.addresses.iter() {
        let group = &mut addresses[proxy.group.index()];
        match proxy.protocol {
            shakedown_model::plan::Protocol::NacosHttp => group.http.push(proxy.listen),
            shakedown_model::plan::Protocol::NacosGrpc => group.grpc.push(proxy.listen),
        }
    }
    addresses
}

/// Lets the mutator send what is due and wait for its answers, for `limit` at most, and stops it.
async fn end_mutator(mutator: MutatorHandle, limit: Duration, status: &mut RunStatus) -> Vec<String> {
    match mutator.join_within(limit).await {
        Ok(report) if report.dropped > 0 => {
            vec![format!("{} mutations had no room to wait and were not sent", report.dropped)]
        }
        Ok(_) => Vec::new(),
        Err(error) => {
            fail(status, error.to_string());
            Vec::new()
        }
    }
}

/// Heals what is in force.
async fn end_nemesis(nemesis: NemesisHandle) -> Vec<String> {
    let healed = nemesis.stop().await;
    healed.errors.iter().map(|(fault, error)| format!("fault {fault}: {error}")).collect()
}

/// Stops the watchers.
async fn end_fleet(fleet: Fleet, status: &mut RunStatus) -> Vec<String> {
    let FleetEnd { progress, panicked, aborted } = fleet.stop().await;
    if panicked > 0 || aborted > 0 {
        fail(
            status,
            format!("{panicked} watchers panicked and {aborted} did not end: a defect of shakedown"),
        );
    }
    let (dropped, failed) = (progress.snapshots_dropped, progress.snapshots_failed);
    if dropped == 0 && failed == 0 {
        return Vec::new();
    }
    vec![format!("{dropped} snapshots were dropped because the disk did not keep up, and {failed} failed")]
}

/// Stops servers and proxies, closes the history, and removes what only the run itself needed.
async fn take_down(setup: Setup, dir: &RunDir, status: &mut RunStatus) {
    let Setup { servers, proxies, history, guard, .. } = setup;
    proxies.stop().await;
    servers.stop().await;
    drop(guard);
    if let Err(error) = history.finish() {
        fail(status, error.to_string());
    }
    remove(&dir.snapshots_dir());
    if *status == RunStatus::Complete {
        // After trouble the servers' own logs and data may tell why.
        remove(&dir.server_data_dir());
    }
}

fn remove(path: &std::path::Path) {
    if let Err(error) = std::fs::remove_dir_all(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a folder of the run could not be removed");
    }
}

/// The first trouble counts, and an interrupt is no trouble.
pub(crate) fn fail(status: &mut RunStatus, why: String) {
    if *status == RunStatus::Complete {
        *status = RunStatus::Failed(why);
    }
}

fn overflow_remark(before: Option<u64>) -> Option<String> {
    let grown = machine::listen_overflows()?.checked_sub(before?)?;
    (grown > 0).then(|| format!("a listener's queue overflowed {grown} times on this machine during the run"))
}

/// The fleet as faults see it.
struct FleetWatchers(FleetControl);

impl Watchers for FleetWatchers {
    fn crash<'a>(&'a self, groups: &'a [GroupId]) -> futures_util::future::BoxFuture<'a, ()> {
        Box::pin(async { self.0.crash(groups) })
    }

    fn cold_start<'a>(&'a self, groups: &'a [GroupId]) -> futures_util::future::BoxFuture<'a, ()> {
        Box::pin(async { self.0.cold_start(groups) })
    }
}

/// Fault windows as they happen: into the run directory, and to the observer.
pub(crate) struct FaultLog {
    dir: RunDir,
    observer: Arc<dyn Observer>,
    state: Mutex<FaultState>,
}

#[derive(Default)]
struct FaultState {
    in_force: Vec<FaultId>,
    trouble: Option<String>,
}

impl FaultLog {
    fn new(dir: RunDir, observer: Arc<dyn Observer>) -> Self {
        Self { dir, observer, state: Mutex::default() }
    }

    fn sink(self: &Arc<Self>) -> WindowSink {
        let log = Arc::clone(self);
        Arc::new(move |window: &FaultWindow| log.take(window))
    }

    /// The fault that came into force last and still is.
    pub(crate) fn in_force(&self) -> Option<FaultId> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).in_force.last().copied()
    }

    fn trouble(&self) -> Option<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).trouble.take()
    }

    fn take(&self, window: &FaultWindow) {
        let written = self.dir.append_fault(window);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = written {
            state.trouble.get_or_insert(error.to_string());
        }
        let was_in_force = state.in_force.contains(&window.fault);
        let is_in_force = window.applied.is_some() && window.healed.is_none();
        if is_in_force && !was_in_force {
            state.in_force.push(window.fault);
            self.observer.on(&RunEvent::FaultApplied(window.clone()));
        } else if was_in_force && !is_in_force {
            state.in_force.retain(|fault| *fault != window.fault);
            self.observer.on(&RunEvent::FaultHealed(window.clone()));
        } else if window.applied.is_none() && window.trouble.is_some() {
            self.observer.on(&RunEvent::FaultApplied(window.clone()));
        }
    }
}

/// How long the drain lasts at most.
pub(crate) fn drain_limit(plan: &Plan) -> Duration {
    plan.delivery_timeout
}
