//! Before a run: drivers are built, their processes started, and each client's folder made.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use shakedown_drivers::protocol::{Command, Key};
use shakedown_drivers::{
    BuildError, Cache, Catalogue, DriverError, DriverProcess, Launch, Place, ProcessGuard,
};
use shakedown_model::plan::{DriverSpec, GroupSpec};
use shakedown_model::{GroupId, ItemId, Plan, WatcherId};
use tokio::sync::mpsc;

use super::sights::{Sight, SightSender, channels};

/// Processes that are started at the same time: a Java machine keeps a processor busy for a second.
const AT_ONCE: usize = 4;

/// The drivers of a plan cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DriversError {
    /// One cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// One that the plan names does not come with this harness.
    #[error("this shakedown has no driver `{0}`; `shakedown doctor` lists those that it has")]
    Unknown(String),
    /// One does not start, or does not speak as it should.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// A folder.
    #[error("cannot make the folder `{path}` of a driver")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What the drivers of a run are given.
#[derive(Debug, Clone)]
pub struct DriversPlace {
    /// Where working directories and clients' caches are made.
    pub scratch: PathBuf,
    /// Where their standard error goes.
    pub logs: PathBuf,
    /// Who ends them when the harness is gone.
    pub guard: Option<Arc<dyn ProcessGuard>>,
    /// Where each real client finds the servers' HTTP, by node.
    pub servers: BTreeMap<WatcherId, Vec<SocketAddr>>,
}

/// One process with the clients that it is to hold.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) group: GroupId,
    pub(super) launch: Launch,
    pub(super) place: Place,
    pub(super) process: DriverProcess,
    /// By the client's number.
    pub(super) clients: Vec<HeldClient>,
    pub(super) sights: mpsc::Receiver<Sight>,
}

/// A client that a process is to hold.
#[derive(Debug, Clone)]
pub(super) struct HeldClient {
    pub(super) watcher: WatcherId,
    pub(super) items: Vec<(ItemId, Key)>,
    pub(super) start: Command,
}

/// The real clients of a run: their processes run, and hold nothing yet.
#[derive(Debug, Default)]
pub struct RealClients {
    held: Vec<Held>,
    sights: SightSender,
    described: Vec<String>,
}

impl RealClients {
    /// Finds or builds the drivers that a plan needs. `progress` is told of it in lines.
    ///
    /// # Errors
    /// [`DriversError`]; a missing toolchain is one of the builds' errors.
    pub async fn build(
        plan: &Plan,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<BTreeMap<GroupId, Launch>, DriversError> {
        let catalogue = Catalogue::built_in();
        let mut launches = BTreeMap::new();
        for (group, driver) in groups(plan).map(|(id, _, driver)| (id, driver)) {
            let launch = match &driver.command {
                Some(command) => Launch::own(&driver.name, command),
                None => {
                    let unknown = || DriversError::Unknown(driver.name.clone());
                    let built_in = catalogue.find(&driver.name).ok_or_else(unknown)?;
                    Cache::of_user()?.launch(built_in, progress).await?
                }
            };
            launches.insert(group, launch);
        }
        Ok(launches)
    }

    /// Starts a process for every so many clients, and compares its clock.
    ///
    /// # Errors
    /// [`DriversError`]; what was started is ended again.
    pub async fn start(
        plan: &Plan,
        launches: &BTreeMap<GroupId, Launch>,
        place: &DriversPlace,
    ) -> Result<Self, DriversError> {
        let mut planned = Vec::new();
        for (id, group, driver) in groups(plan) {
            let Some(launch) = launches.get(&id) else { continue };
            let watchers: Vec<WatcherId> =
                (group.first.0..group.first.0 + group.count).map(WatcherId).collect();
            let per_process = usize::try_from(driver.clients_per_process.max(1)).unwrap_or(usize::MAX);
            for (nth, watchers) in watchers.chunks(per_process).enumerate() {
                planned.push(Planned::new(plan, (id, group, nth), launch, (watchers, place))?);
            }
        }
        let watchers: Vec<_> = planned.iter().map(Planned::watchers).collect();
        let (sights, receivers) = channels(plan, &watchers);
        let starting =
            planned.iter().map(|planned| DriverProcess::start(&planned.launch, planned.place.clone()));
        let starting: Vec<_> = starting.collect();
        let processes: Vec<DriverProcess> = stream::iter(starting).buffered(AT_ONCE).try_collect().await?;
        let mut held = Vec::new();
        let mut described: Vec<String> = Vec::new();
        for ((planned, process), sights) in planned.into_iter().zip(processes).zip(receivers) {
            let hello = process.hello();
            let line =
                format!("{}: {} {} on {}", planned.group_name, hello.sdk, hello.sdk_version, hello.runtime);
            if !described.contains(&line) {
                described.push(line);
            }
            let Planned { group, launch, place, clients, .. } = planned;
            held.push(Held { group, launch, place, process, clients, sights });
        }
        Ok(Self { held, sights, described })
    }

    /// Tells of connections that the proxy sees.
    #[must_use]
    pub const fn sights(&self) -> &SightSender {
        &self.sights
    }

    pub(crate) fn into_held(self) -> Vec<Held> {
        self.held
    }

    /// What each group's clients are, by their own word.
    #[must_use]
    pub fn described(&self) -> &[String] {
        &self.described
    }
}

fn groups(plan: &Plan) -> impl Iterator<Item = (GroupId, &GroupSpec, &DriverSpec)> {
    let numbered = (0_u16..).map(GroupId).zip(&plan.groups);
    numbered.filter_map(|(id, group)| Some((id, group, group.client.driver.as_ref()?)))
}

/// A process about to start.
struct Planned {
    group: GroupId,
    group_name: String,
    launch: Launch,
    place: Place,
    clients: Vec<HeldClient>,
}

impl Planned {
    fn new(
        plan: &Plan,
        (id, group, nth): (GroupId, &GroupSpec, usize),
        launch: &Launch,
        (watchers, place): (&[WatcherId], &DriversPlace),
    ) -> Result<Self, DriversError> {
        let label = format!("{}-{nth}", group.name);
        let scratch = place.scratch.join(&label);
        let mut clients = Vec::with_capacity(watchers.len());
        for (client, watcher) in (0_u32..).zip(watchers) {
            let cache = scratch.join(format!("cache-{client}"));
            make(&cache)?;
            clients.push(held_client(plan, (client, *watcher), cache, place));
        }
        let log = place.logs.join(format!("driver-{label}.log"));
        let guard = place.guard.clone();
        let launch = launch.clone();
        let place = Place { label, scratch, log, guard };
        Ok(Self { group: id, group_name: group.name.clone(), launch, place, clients })
    }

    fn watchers(&self) -> Vec<WatcherId> {
        self.clients.iter().map(|client| client.watcher).collect()
    }
}

fn held_client(
    plan: &Plan,
    (client, watcher): (u32, WatcherId),
    cache: PathBuf,
    place: &DriversPlace,
) -> HeldClient {
    let items = plan.items_of(watcher);
    // All items of a real client lie in one namespace: a plan has no other.
    let namespace = items.first().map_or_else(String::new, |item| plan.key_of(*item).namespace);
    let key = |item: ItemId| {
        let key = plan.key_of(item);
        (item, Key { data_id: key.data_id, group: key.group })
    };
    let servers = place.servers.get(&watcher).map(Vec::as_slice).unwrap_or_default();
    let login = plan.server.login.as_ref();
    let start = Command::Start {
        client,
        servers: servers.iter().map(SocketAddr::to_string).collect(),
        namespace,
        cache: std::path::absolute(&cache).unwrap_or(cache),
        username: login.map(|login| login.username.clone()),
        password: login.map(|login| login.password.reveal().to_owned()),
    };
    HeldClient { watcher, items: items.into_iter().map(key).collect(), start }
}

fn make(path: &Path) -> Result<(), DriversError> {
    std::fs::create_dir_all(path).map_err(|source| DriversError::Folder { path: path.to_owned(), source })
}
