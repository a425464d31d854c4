//! The fleet: every watcher of the plan, started on its ramp, stopped together.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shakedown_model::division::Share;
use shakedown_model::fault::{Befallen, SpoiledCache, WatcherFault};
use shakedown_model::payload::{self, Identity};
use shakedown_model::plan::{Failover, GroupSpec, LoginHabit, Protocol};
use shakedown_model::{GroupId, ItemId, Offset, Plan, Version, WatcherId};
use shakedown_nacos::Peer;
use shakedown_nacos::admin::AdminClient;
use shakedown_record::{Clock, Recorder};
use shakedown_watcher::{Rules, Watcher};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::board::{Board, Progress};
use super::credentials::{Credentials, Keeper};
use super::grpc::GrpcWire;
use super::life::GroupLife;
use super::long_poll::LongPollWire;
use super::names::Names;
use super::runner::{GroupContext, Runner, Sources};
use super::snapshots::{Harm, SnapshotThread, Snapshots, write_override};
use super::wire::{Wire, WireContext};
use crate::drivers::{Holder, RealClients, Shared};
use crate::mutator::Newest;

/// Handshakes that may be in flight at once, so that no listener's queue (4,096 here, less
/// on a real server) overflows.
const HANDSHAKES: usize = 1_000;

/// How long the tasks may take to end once told.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// How much longer they may take with processes among them: a question for the time, and 5 s to end.
const PROCESSES_STOP_WITHIN: Duration = Duration::from_secs(20);

/// Where the watchers of one group find the servers: its proxies, one per node, in the nodes' order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupAddresses {
    /// The proxies of the HTTP ports.
    pub http: Vec<Peer>,
    /// The proxies of the gRPC ports.
    pub grpc: Vec<Peer>,
}

/// What a fleet needs.
#[derive(Debug, Clone)]
pub struct FleetConfig {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The run's number, which payloads carry.
    pub run_id: u64,
    /// Which of its watchers this fleet has.
    pub share: Share,
    /// Where each group connects to; [`GroupId`] indexes it.
    pub addresses: Vec<GroupAddresses>,
    /// The run's clock.
    pub clock: Clock,
    /// When the ramps begin.
    pub from: Offset,
    /// Where events go.
    pub recorder: Recorder,
    /// The folder of the snapshots, made when it is needed.
    pub snapshots: PathBuf,
    /// Who logs in for the watchers, straight at a server; used when the plan has a login.
    pub login: Option<AdminClient>,
}

/// Why a fleet cannot start.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// A group has no address for its protocol.
    #[error("group `{0}` has no address to connect to: give one per server node")]
    NoAddress(String),
    /// The thread that writes snapshots could not be started.
    #[error("cannot start the thread that writes snapshots")]
    Snapshots(#[source] io::Error),
    /// The files by which an operator overrides the server could not be written.
    #[error("cannot write the failover files below the snapshots' folder")]
    Overrides(#[source] io::Error),
}

/// How a fleet ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetEnd {
    /// What happened over its life.
    pub progress: Progress,
    /// Watchers whose task panicked: a defect of the harness.
    pub panicked: u32,
    /// Watchers whose task did not end in time and was aborted: a defect of the harness.
    pub aborted: u32,
    /// What went wrong with a process of real clients, the first of all.
    pub trouble: Option<String>,
}

/// All watchers of a run. Dropping it aborts their tasks; [`Fleet::stop`] ends them in order.
#[derive(Debug)]
pub struct Fleet {
    control: FleetControl,
    tasks: JoinSet<()>,
    /// Keeps the token fresh; ends with the fleet.
    keepers: JoinSet<()>,
    snapshot_thread: SnapshotThread,
    /// How long the tasks may take to end.
    stop_within: Duration,
}

/// A handle to a fleet for whoever gives it orders or watches its progress. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FleetControl {
    groups: Arc<Vec<GroupLife>>,
    board: Arc<Board>,
    snapshots: Snapshots,
    trouble: Arc<Mutex<Option<String>>>,
    /// The plan, the run's number and the part of its watchers that this fleet has.
    of: (Arc<Plan>, u64, Share),
}

impl Fleet {
    /// Starts the simulated watchers of this share, each group at its own ramp. Must be called within a runtime.
    ///
    /// # Errors
    /// [`FleetError`]; nothing was started then.
    pub fn start(config: FleetConfig) -> Result<Self, FleetError> {
        Self::start_with(config, RealClients::default())
    }

    /// As [`Fleet::start`], with the real clients that the plan has beside the simulated ones.
    ///
    /// # Errors
    /// [`FleetError`]; nothing was started then, and the real clients' processes are ended.
    pub fn start_with(config: FleetConfig, real: RealClients) -> Result<Self, FleetError> {
        let FleetConfig { plan, run_id, share, addresses, clock, from, recorder, snapshots, login } = config;
        // Workers find them written.
        if matches!(share, Share::Whole | Share::Real) {
            write_overrides(&plan, run_id, &snapshots).map_err(FleetError::Overrides)?;
        }
        let (snapshots, snapshot_thread) = Snapshots::start(snapshots).map_err(FleetError::Snapshots)?;
        let board = Arc::new(Board::new(&plan, share));
        let (keeper, keepers) = log_in(&plan, login);
        let (names, handshakes) = (Arc::new(Names::of(&plan)), Arc::new(Semaphore::new(HANDSHAKES)));
        let compared: Vec<usize> = plan.twins().iter().map(|(_, twin)| twin.index()).collect();
        let mut launches = Vec::new();
        for (index, group) in simulated(&plan) {
            let nodes = addresses.get(index).map(|addresses| match group.client.protocol {
                Protocol::NacosHttp => addresses.http.clone(),
                Protocol::NacosGrpc => addresses.grpc.clone(),
            });
            let nodes = nodes.filter(|nodes| !nodes.is_empty());
            let context = GroupContext {
                clock,
                recorder: recorder.clone(),
                board: Arc::clone(&board),
                snapshots: snapshots.clone(),
                snapshot: group.client.habits.snapshot,
                nodes: nodes.ok_or_else(|| FleetError::NoAddress(group.name.clone()))?,
                sources: if compared.contains(&index) {
                    Sources::Own(Box::new(group.clone()))
                } else {
                    Sources::Shared(Box::new(group.clone()))
                },
            };
            let login = plan.server.login.as_ref();
            let wires = WireContext {
                names: Arc::clone(&names),
                clock,
                handshakes: Arc::clone(&handshakes),
                client: group.client.clone(),
                credentials: login.map_or(Credentials::Nobody, |login| {
                    Credentials::new(login, group.client.habits.login, &keeper)
                }),
            };
            launches.push(Launch {
                group: index,
                rules: Arc::new(rules(&plan, group, run_id, context.nodes.len())),
                context: Arc::new(context),
                wires: Arc::new(wires),
            });
        }
        let lives: Vec<GroupLife> = plan.groups.iter().map(|_| GroupLife::new()).collect();
        let mut tasks = JoinSet::new();
        for launch in &launches {
            launch.start(&plan, &lives[launch.group], (share, from), &mut tasks);
        }
        let trouble = Arc::<Mutex<Option<String>>>::default();
        let (shared_board, shared_trouble) = (Arc::clone(&board), Arc::clone(&trouble));
        let shared = Shared::new(clock, recorder, shared_board, shared_trouble);
        for held in real.into_held() {
            let life = lives[held.group.index()].watcher();
            tasks.spawn(Holder::new(held, &plan, (run_id, from), life, shared.clone()).run());
        }
        let has_processes = plan.groups.iter().any(|group| group.client.driver.is_some());
        let stop_within = if has_processes { PROCESSES_STOP_WITHIN } else { STOP_WITHIN };
        let of = (plan, run_id, share);
        let control = FleetControl { groups: Arc::new(lives), board, snapshots, trouble, of };
        Ok(Self { control, tasks, keepers, snapshot_thread, stop_within })
    }

    /// The handle for orders and progress, to be cloned and given away.
    #[must_use]
    pub fn control(&self) -> &FleetControl {
        &self.control
    }

    /// Stops every watcher and waits until each has ended, at most 5 s (20 s with processes of real clients), after which
    /// what is left is aborted. Snapshots that wait are written.
    pub async fn stop(mut self) -> FleetEnd {
        self.control.groups.iter().for_each(GroupLife::stop);
        self.keepers.abort_all();
        let mut panicked = 0;
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                panicked += u32::from(ended.is_err_and(|error| error.is_panic()));
            }
        };
        let is_late = timeout(self.stop_within, all).await.is_err();
        let aborted = if is_late { self.tasks.len() } else { 0 };
        self.tasks.shutdown().await;
        let thread = self.snapshot_thread;
        if tokio::task::spawn_blocking(move || drop(thread)).await.is_err() {
            tracing::error!("waiting for the snapshot thread panicked");
        }
        let aborted = u32::try_from(aborted).unwrap_or(u32::MAX);
        FleetEnd { progress: self.control.progress(), panicked, aborted, trouble: self.control.failed() }
    }
}

impl FleetEnd {
    /// Takes the end of another part of the same run's watchers in.
    pub fn add(&mut self, other: Self) {
        self.progress.add(&other.progress);
        self.panicked += other.panicked;
        self.aborted += other.aborted;
        self.trouble = self.trouble.take().or(other.trouble);
    }
}

impl FleetControl {
    /// Crashes every watcher of these groups: memory and connections are lost, snapshots stay.
    pub fn crash(&self, groups: &[GroupId]) {
        self.each(groups, GroupLife::crash);
    }

    /// Starts the watchers of these groups again.
    pub fn cold_start(&self, groups: &[GroupId]) {
        self.each(groups, GroupLife::cold_start);
    }

    /// Lets something befall a share of the watchers of these groups, in parts per million.
    pub fn suffer(&self, groups: &[GroupId], fault: WatcherFault, share_ppm: u32) {
        match fault {
            WatcherFault::SpoiledCache { .. } => self.crash(groups),
            _ => self.each(groups, |life| life.suffer(fault, share_ppm)),
        }
    }

    /// No longer.
    pub fn recover(&self, groups: &[GroupId], fault: WatcherFault) {
        match fault {
            WatcherFault::SpoiledCache { cache } => {
                self.spoil(groups, cache);
                self.cold_start(groups);
            }
            _ => self.each(groups, |life| life.suffer(fault, 0)),
        }
    }

    /// Lets every snapshot of these groups come to harm before anybody reads it.
    fn spoil(&self, groups: &[GroupId], how: SpoiledCache) {
        let (plan, run_id, share) = &self.of;
        for id in groups {
            let (Some(group), Some(count)) = (plan.groups.get(id.index()), self.board.spoiled(*id)) else {
                continue;
            };
            let watchers = (group.first.0..group.first.0 + group.count).map(WatcherId);
            for watcher in watchers.filter(|watcher| share.has(plan, *watcher)) {
                for item in plan.items_of(watcher) {
                    let harm = Harm { how, foreign: foreign(plan, *run_id, item), count: Arc::clone(&count) };
                    self.snapshots.spoil(watcher, item, harm);
                }
            }
        }
    }

    /// How many watchers are subscribed now.
    #[must_use]
    pub fn subscribed(&self) -> u32 {
        self.board.subscribed()
    }

    /// Whether every watcher of each of these items is up to date.
    #[must_use]
    pub fn converged(&self, newest: &[(ItemId, Newest)]) -> bool {
        self.board.has_converged(newest)
    }

    /// Why the fleet is of no use any more, if it is: a process of real clients ended by itself, or speaks nonsense.
    #[must_use]
    pub fn failed(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What happened so far.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            snapshots_dropped: self.snapshots.dropped(),
            snapshots_failed: self.snapshots.failed(),
            ..self.board.progress()
        }
    }

    /// What befell the watchers of each group so far.
    #[must_use]
    pub fn befallen(&self) -> Vec<Befallen> {
        self.board.befallen()
    }

    /// How many watchers these groups have, wherever they are.
    #[must_use]
    pub fn count(&self, groups: &[GroupId]) -> u64 {
        let of =
            |group: &GroupId| self.of.0.groups.get(group.index()).map_or(0, |group| u64::from(group.count));
        groups.iter().map(of).sum()
    }

    fn each(&self, groups: &[GroupId], order: impl Fn(&GroupLife)) {
        groups.iter().filter_map(|group| self.groups.get(group.index())).for_each(order);
    }
}

/// The first version of every item that a group with failover files listens to, as the operator's file.
fn write_overrides(plan: &Plan, run_id: u64, folder: &Path) -> io::Result<()> {
    let overridden = plan.groups.iter().filter(|group| group.client.failover == Failover::Initial);
    let watchers = overridden.flat_map(|group| (group.first.0..group.first.0 + group.count).map(WatcherId));
    let items: BTreeSet<ItemId> = watchers.flat_map(|watcher| plan.items_of(watcher)).collect();
    for item in items {
        let identity = Identity::new(run_id, item, Version::INITIAL);
        let bytes = plan.payload_bytes(item, Version::INITIAL);
        write_override(folder, item, &payload::encode(identity, bytes, plan.seed.child("payload")))?;
    }
    Ok(())
}

/// Starts to keep a token, when somebody logs in. The most eager of the groups says how a denial is taken.
fn log_in(plan: &Plan, login: Option<AdminClient>) -> (Arc<Keeper>, JoinSet<()>) {
    let keeper = Keeper::new();
    let mut keepers = JoinSet::new();
    if let Some(admin) = login.filter(|_| plan.server.login.is_some()) {
        let habits = plan.groups.iter().map(|group| group.client.habits.login);
        let after_denial = habits
            .filter_map(|habit| match habit {
                LoginHabit::Token { after_denial } => after_denial,
                LoginHabit::EachRequest => None,
            })
            .min();
        keepers.spawn(Arc::clone(&keeper).keep(admin, after_denial));
    }
    (keeper, keepers)
}

pub(super) fn rules(plan: &Plan, group: &GroupSpec, run_id: u64, nodes: usize) -> Rules {
    Rules {
        client: group.client.clone(),
        run_id,
        nodes: u16::try_from(nodes).unwrap_or(u16::MAX),
        may_be_absent: plan.mutator.kinds.delete > 0,
        reads_per_second: group.reads_per_second,
        seed: plan.seed.child("watchers"),
    }
}

/// Whole content of an item of the same name in another namespace, where another run has it.
fn foreign(plan: &Plan, run_id: u64, item: ItemId) -> String {
    let identity = Identity::new(!run_id, item, Version::INITIAL);
    payload::encode(identity, plan.payload_bytes(item, Version::INITIAL), plan.seed.child("foreign"))
}

/// The groups whose watchers are simulated, with their places in the plan.
fn simulated(plan: &Plan) -> impl Iterator<Item = (usize, &GroupSpec)> {
    plan.groups.iter().enumerate().filter(|(_, group)| group.client.driver.is_none())
}

/// A simulated group about to start.
struct Launch {
    /// Its place in the plan.
    group: usize,
    rules: Arc<Rules>,
    context: Arc<GroupContext>,
    wires: Arc<WireContext>,
}

impl Launch {
    fn start(&self, plan: &Plan, life: &GroupLife, (share, from): (Share, Offset), tasks: &mut JoinSet<()>) {
        let group = &plan.groups[self.group];
        for nth in 0..group.count {
            let id = WatcherId(group.first.0 + nth);
            if !share.has(plan, id) {
                continue;
            }
            let start = from + ramp_delay(nth, group.ramp_per_second);
            let wires = Arc::clone(&self.wires);
            let claimed_ip = plan.claimed_ip(id);
            let wire = match group.client.protocol {
                Protocol::NacosHttp => Wire::LongPoll(LongPollWire::new(wires, claimed_ip)),
                Protocol::NacosGrpc => Wire::Grpc(GrpcWire::new(wires, claimed_ip)),
            };
            let runner = Runner {
                watcher: Watcher::new(id, &plan.items_of(id), Arc::clone(&self.rules)),
                wire,
                life: life.watcher(),
                group: Arc::clone(&self.context),
            };
            tasks.spawn(runner.run(start));
        }
    }
}

/// How long after the ramp's beginning its nth watcher starts.
fn ramp_delay(nth: u32, per_second: f64) -> Duration {
    Duration::try_from_secs_f64(f64::from(nth) / per_second).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ramp_is_even_and_none_is_at_once() {
        assert_eq!(ramp_delay(0, 200.0), Duration::ZERO);
        assert_eq!(ramp_delay(100, 200.0), Duration::from_millis(500));
        assert_eq!(ramp_delay(7, 0.0), Duration::ZERO);
    }
}
