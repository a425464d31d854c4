//! The plan: a scenario with every default visible and every instant absolute.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backoff::Backoff;
use crate::fault::{FaultPlan, Toxic};
use crate::gate::Gate;
use crate::verdict::Guarantee;
use crate::{FaultId, GroupId, ItemId, LinkId, Offset, PhaseId, Seed, WatcherId};

/// The version of the plan's form in `plan.json`.
pub const PLAN_FORMAT: u32 = 1;

/// What shall happen in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_FORMAT`].
    pub format: u32,
    /// The scenario's name.
    pub name: String,
    /// What the scenario is about, in a sentence.
    pub about: String,
    /// The seed from which every choice is drawn.
    pub seed: Seed,
    /// What is delivered later than this counts as "later than the time-out".
    pub delivery_timeout: Duration,
    /// The servers.
    pub server: ServerSpec,
    /// The proxies.
    pub proxy: ProxySpec,
    /// The named paths; [`LinkId`] indexes them.
    pub links: Vec<LinkSpec>,
    /// The config items.
    pub items: ItemsSpec,
    /// The groups of watchers; [`GroupId`] indexes them.
    pub groups: Vec<GroupSpec>,
    /// When mutations arrive.
    pub arrivals: Arrivals,
    /// The phases, back to back from zero; [`PhaseId`] indexes them.
    pub phases: Vec<Phase>,
    /// The faults by onset; [`FaultId`] indexes them.
    pub faults: Vec<FaultPlan>,
    /// The gates.
    pub gates: Vec<Gate>,
    /// The guarantees that must hold; the others are judged and shown, but do not decide.
    pub required: Vec<Guarantee>,
}

/// The product that is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// Nacos' config service.
    Nacos,
}

/// Where servers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// The server built into the harness.
    Embedded,
    /// A server home on this machine, started as a process.
    Process,
}

/// The servers of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSpec {
    /// The product.
    pub product: Product,
    /// Its version.
    pub version: String,
    /// Where it comes from.
    pub backend: Backend,
    /// How many nodes.
    pub nodes: u16,
    /// The server home of the process backend (it holds `bin/start`).
    pub home: Option<PathBuf>,
    /// How long the servers may take until they are ready.
    pub ready_timeout: Duration,
    /// Settings of the embedded server.
    pub embedded: EmbeddedSettings,
}

/// Settings of the embedded server, with the real server's values as defaults (nacos-facts.md §2.4, §2.5, §5.1, §1.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddedSettings {
    /// The period of the dump tick that makes a write visible (real: 100 ms).
    pub dump_tick: Duration,
    /// How long a push waits for its ack (real: 3 s).
    pub push_ack_timeout: Duration,
    /// Attempt n of a push waits `n ·` this after a failure (real: 2 s).
    pub push_retry_step: Duration,
    /// Pushes of one notification before the connection is dropped (real: 50).
    pub push_max_tries: u32,
    /// A connection idle for this long is asked whether it lives (real: 20 s).
    pub idle_after: Duration,
    /// The period of the idle scan (real: 3 s).
    pub idle_scan: Duration,
    /// How long an idle connection may take to answer (real: 5 s).
    pub idle_answer_timeout: Duration,
    /// What a long poll's hang is shorter than its declared time-out (real: 500 ms).
    pub poll_margin: Duration,
    /// The shortest hang of a long poll (real: 10 s).
    pub poll_min_hang: Duration,
    /// Whether a long poll compares before it registers, so that a change in between is seen only at its end (real: yes).
    pub poll_registers_late: bool,
    /// The planted defect, if any.
    pub defect: Option<ServerDefect>,
}

impl Default for EmbeddedSettings {
    fn default() -> Self {
        Self {
            dump_tick: Duration::from_millis(100),
            push_ack_timeout: Duration::from_secs(3),
            push_retry_step: Duration::from_secs(2),
            push_max_tries: 50,
            idle_after: Duration::from_secs(20),
            idle_scan: Duration::from_secs(3),
            idle_answer_timeout: Duration::from_secs(5),
            poll_margin: Duration::from_millis(500),
            poll_min_hang: Duration::from_secs(10),
            poll_registers_late: true,
            defect: None,
        }
    }
}

/// A way in which the embedded server can be told to misbehave, so that a guarantee can be seen to catch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerDefect {
    /// Every 5th publish of an item is acked but not stored. Breaks: nothing lost.
    LoseWrite,
    /// The first listening connection is never told of a change, and its re-lists are answered with "no change".
    /// Breaks: converges.
    ForgetWatcher,
    /// Every 7th gRPC query is answered with the content two versions before the current one, md5 and all. Breaks:
    /// monotonic.
    AnswerOld,
    /// Every 11th gRPC query is answered with its second half cut off (md5 of the whole). Breaks: intact.
    TearContent,
    /// Every 13th gRPC query is answered with a well-formed payload of a version that was never published. Breaks:
    /// nothing invented.
    InventVersion,
}

/// Which proxies stand between watchers and servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyKind {
    /// The proxy built into the harness.
    Embedded,
    /// The real Toxiproxy, as a process.
    Toxiproxy,
}

/// The proxies of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxySpec {
    /// Which.
    pub kind: ProxyKind,
    /// The folder that holds `toxiproxy-server`.
    pub home: Option<PathBuf>,
}

/// A named path: per group on it and per server node, one proxy for HTTP and one for gRPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSpec {
    /// Its name.
    pub name: String,
    /// Toxics that are in force from the start to the end of the run.
    pub toxics: Vec<Toxic>,
}

/// The config items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemsSpec {
    /// How many items are shared; `ItemId(0..shared)`.
    pub shared: u32,
    /// The size of a payload in bytes.
    pub payload_bytes: usize,
    /// The data id of item i is `{prefix}{i}`.
    pub prefix: String,
    /// The Nacos group of every item.
    pub group: String,
    /// The Nacos namespace of every item; empty is the default one.
    pub namespace: String,
}

/// How watchers speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// HTTP v1 with long polls.
    NacosHttp,
    /// gRPC with pushes.
    NacosGrpc,
}

/// What a watcher keeps on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cache {
    /// Nothing.
    None,
    /// The last good content of each item, replaced atomically, read at a cold start and while the server cannot be reached.
    Snapshot,
}

/// A planted defect of simulated clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientDefect {
    /// Reconnects without any pause, whatever the backoff says. Breaks: within policy.
    NoBackoff,
    /// Serves snapshots torn in half, and says that they are fresh. Breaks: safe failover.
    TornSnapshot,
}

/// A health check of a gRPC client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// A check is sent this often, on the watcher's own phase.
    pub every: Duration,
    /// How long one try may take.
    pub timeout: Duration,
    /// Tries before the connection counts as lost.
    pub tries: u32,
}

/// A client: its transport, and how it behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSpec {
    /// The SDK that is imitated, if one is.
    pub like: Option<String>,
    /// How it speaks.
    pub protocol: Protocol,
    /// The pause before each reconnect attempt.
    pub backoff: Backoff,
    /// What it keeps on disk.
    pub cache: Cache,
    /// How long one request may take (a long poll: its hang plus `poll_grace`).
    pub request_timeout: Duration,
    /// How long one connection attempt may take, handshake included.
    pub connect_timeout: Duration,
    /// The `Long-Pulling-Timeout` that a long poll declares (HTTP only).
    pub poll_timeout: Duration,
    /// What the client waits beyond the declared time-out before it gives a long poll up (HTTP only).
    pub poll_grace: Duration,
    /// The health check (gRPC only).
    pub health_check: Option<HealthCheck>,
    /// Every listened item is listed again this often (gRPC only).
    pub resync: Option<Duration>,
    /// Whether a gRPC watcher lists before and after each query, as the Java SDK does (nacos-facts.md §3.4), or queries only.
    pub lists_around_query: bool,
    /// A planted defect, if any.
    pub defect: Option<ClientDefect>,
}

/// A group of watchers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupSpec {
    /// Its name.
    pub name: String,
    /// How many watchers.
    pub count: u32,
    /// The first watcher's id; the group is `first..first + count`.
    pub first: WatcherId,
    /// The client.
    pub client: ClientSpec,
    /// The path that the group takes.
    pub link: LinkId,
    /// How many shared items each watcher listens to.
    pub shared: u32,
    /// How many items each watcher has to itself.
    pub own: u32,
    /// The first own item of the group's first watcher; watcher w has `first_own + w·own ..`.
    pub first_own: ItemId,
    /// Watchers started per second.
    pub ramp_per_second: f64,
    /// Reads of a listened item per second and watcher, as an application makes them.
    pub reads_per_second: f64,
    /// The source address of the group's connections.
    pub source: Ipv4Addr,
}

/// When mutations arrive, over all items together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// Evenly spaced.
    Constant {
        /// Mutations per second.
        per_second: f64,
    },
    /// Exponentially distributed gaps.
    Poisson {
        /// Mutations per second, on average.
        per_second: f64,
    },
}

/// A phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Its start.
    pub from: Offset,
    /// Its end, exclusive.
    pub until: Offset,
    /// Whether its mutations count: warm-up is outside every figure.
    pub is_measured: bool,
    /// Whether mutations are scheduled in the last second before a fault's onset in this phase.
    pub mutates_before_faults: bool,
}

impl Plan {
    /// The end of the last phase; the drain follows.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.phases.last().map_or(Offset::ZERO, |phase| phase.until)
    }

    /// The phase that contains `at`, if any.
    #[must_use]
    pub fn phase_at(&self, at: Offset) -> Option<PhaseId> {
        let index = self.phases.iter().position(|phase| phase.from <= at && at < phase.until)?;
        u16::try_from(index).ok().map(PhaseId)
    }

    /// How many watchers there are.
    #[must_use]
    pub fn watcher_count(&self) -> u32 {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// How many items there are, shared and own.
    #[must_use]
    pub fn item_count(&self) -> u32 {
        self.items.shared + self.groups.iter().map(|group| group.count * group.own).sum::<u32>()
    }

    /// The group of a watcher.
    ///
    /// # Panics
    /// When the id is not one of this plan.
    #[must_use]
    pub fn group_of(&self, watcher: WatcherId) -> GroupId {
        let index = self
            .groups
            .iter()
            .position(|group| watcher.0 >= group.first.0 && watcher.0 - group.first.0 < group.count)
            .expect("a watcher id of this plan lies in one group");
        GroupId(u16::try_from(index).expect("a plan has at most 65,536 groups"))
    }

    /// The items that a watcher listens to, ascending: its share of the shared ones, then its own.
    ///
    /// Shared items are dealt in turn, so that each has the same number of watchers, give or take one.
    #[must_use]
    pub fn items_of(&self, watcher: WatcherId) -> Vec<ItemId> {
        let group = &self.groups[self.group_of(watcher).index()];
        let nth = watcher.0 - group.first.0;
        let mut items: Vec<ItemId> = (0..group.shared)
            .map(|k| {
                let dealt = u64::from(nth) * u64::from(group.shared) + u64::from(k);
                let item = dealt % u64::from(self.items.shared.max(1));
                ItemId(u32::try_from(item).expect("below the u32 count of shared items"))
            })
            .collect();
        items.sort_unstable();
        items.dedup();
        items.extend((0..group.own).map(|k| ItemId(group.first_own.0 + nth * group.own + k)));
        items
    }

    /// The watchers of each item, by item id.
    #[must_use]
    pub fn watchers_by_item(&self) -> BTreeMap<ItemId, Vec<WatcherId>> {
        let mut watchers: BTreeMap<ItemId, Vec<WatcherId>> = BTreeMap::new();
        for watcher in (0..self.watcher_count()).map(WatcherId) {
            for item in self.items_of(watcher) {
                watchers.entry(item).or_default().push(watcher);
            }
        }
        watchers
    }

    /// The data id of an item.
    #[must_use]
    pub fn data_id(&self, item: ItemId) -> String {
        format!("{}{}", self.items.prefix, item)
    }

    /// The group with this name.
    #[must_use]
    pub fn group_named(&self, name: &str) -> Option<GroupId> {
        let index = self.groups.iter().position(|group| group.name == name)?;
        u16::try_from(index).ok().map(GroupId)
    }

    /// The faults with their ids.
    pub fn faults_by_id(&self) -> impl Iterator<Item = (FaultId, &FaultPlan)> {
        (0_u16..).map(FaultId).zip(&self.faults)
    }
}
