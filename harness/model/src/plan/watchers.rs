//! The clients that are simulated and the groups that they come in.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::habits::Habits;
use super::pace::Pace;
use crate::backoff::Backoff;
use crate::{ItemId, LinkId, WatcherId};

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
    /// The last good content of each item, served at a cold start while the server cannot be reached.
    Snapshot,
    /// The last good content of each item, written and never served while the server cannot be reached: Rust and Python 3
    /// unless told otherwise (nacos-facts.md §3.4).
    WriteOnly,
}

/// The files with which an operator overrides the server, read before anything else; while an item has one, the
/// server is ignored for it (nacos-facts.md §3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failover {
    /// There are none.
    None,
    /// Every item of every watcher has one, from the start: the content of its first version.
    Initial,
}

/// How often an application registers its listener for an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Registers {
    /// Once, as it should be.
    #[default]
    Once,
    /// Not at all: it reads each item when it starts, and believes that it will hear of changes.
    Never,
    /// Twice: it is called twice for each content.
    Twice,
}

/// A planted defect of simulated clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientDefect {
    /// Reconnects without any pause, whatever the backoff says. Breaks: within policy.
    NoBackoff,
    /// Serves snapshots torn in half, and says that they are fresh. Breaks: safe failover.
    TornSnapshot,
    /// Calls its listener twice with each content. Breaks: once.
    CallTwice,
    /// Takes the listeners of a lost connection for standing on the next one, and lists nothing (gRPC). Breaks: converges.
    KeepStaleListener,
    /// Makes three attempts to reconnect, and then no more. Breaks: converges.
    GiveUp,
    /// Every watcher draws the same pauses, so that all come back at once. Breaks no guarantee: the pauses are those of the
    /// policy. The herd share shows it.
    NoJitter,
    /// Does not take a deletion for a change. Breaks: converges.
    IgnoreDeletes,
    /// Writes the first snapshot of each item and none after it. Breaks: safe failover.
    StaleSnapshot,
    /// Serves snapshots as if the server had just answered. Breaks: safe failover.
    SilentSnapshot,
    /// Takes its connection for alive whatever befalls it: its end, a failed check, the word that it is not registered, the
    /// wish that it goes elsewhere (gRPC). Breaks: converges.
    BelieveConnected,
    /// Takes the answer to a list for the answer to every push that came meanwhile, also of items that were not in that list
    /// (gRPC). Breaks: converges.
    ForgetNotify,
    /// Its listener fails each time, and is called again with every round of the listen loop (gRPC). Breaks: once.
    CallAgain,
    /// Its application takes over whatever it is given, also what it cannot use. Breaks: last good.
    TakeInvalid,
    /// Stands still for ever when a notification comes while a list or a query is in flight: who handles pushes and who lists
    /// wait for each other. Health checks go on (gRPC). Breaks: converges.
    DeadlockOnNotify,
}

impl ClientDefect {
    /// Every defect.
    pub const ALL: [Self; 14] = [
        Self::NoBackoff,
        Self::TornSnapshot,
        Self::CallTwice,
        Self::KeepStaleListener,
        Self::GiveUp,
        Self::NoJitter,
        Self::IgnoreDeletes,
        Self::StaleSnapshot,
        Self::SilentSnapshot,
        Self::BelieveConnected,
        Self::ForgetNotify,
        Self::CallAgain,
        Self::TakeInvalid,
        Self::DeadlockOnNotify,
    ];
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

impl Default for HealthCheck {
    /// As often as every SDK checks, and one try, as Go and Python have it (nacos-facts.md §3.1).
    fn default() -> Self {
        Self { every: Duration::from_secs(5), timeout: Duration::from_secs(3), tries: 1 }
    }
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
    /// What an operator left on its disk.
    pub failover: Failover,
    /// How long one request may take (a long poll: its hang plus `poll_grace`), and a read by an application.
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
    /// What sets it apart beside all that.
    pub habits: Habits,
    /// How often the application registers its listener.
    #[serde(default)]
    pub registers: Registers,
    /// How it holds its own requests back.
    #[serde(default)]
    pub pace: Pace,
    /// Whether it looks at the certificates that servers show, where TLS is spoken.
    #[serde(default = "yes")]
    pub checks_certificates: bool,
    /// A planted defect, if any.
    pub defect: Option<ClientDefect>,
    /// The program that stands in for the simulation, if one does: a real SDK, or a client of the user's own. What is
    /// said above is then what it is expected to do, where `like` says so; else nothing is known of it.
    #[serde(default)]
    pub driver: Option<DriverSpec>,
}

/// A program that speaks the driver protocol (`docs/driver-protocol.md`) and holds real clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverSpec {
    /// One that comes with the harness, such as `go`, or the name of the user's own.
    pub name: String,
    /// The user's own program with its arguments; `None` for one that comes with the harness.
    pub command: Option<Vec<String>>,
    /// Clients that one process holds; the stock Go and Java SDKs limit themselves per process (nacos-facts.md §3.3).
    pub clients_per_process: u32,
}

impl ClientSpec {
    /// A client with a backoff of its own, no cache, and for the rest what the SDKs of its protocol agree on
    /// (nacos-facts.md §3.1 and §3.2).
    #[must_use]
    pub fn new(protocol: Protocol, backoff: Backoff) -> Self {
        let is_grpc = protocol == Protocol::NacosGrpc;
        Self {
            like: None,
            protocol,
            backoff,
            cache: Cache::None,
            failover: Failover::None,
            request_timeout: Duration::from_secs(if is_grpc { 3 } else { 5 }),
            // gRPC: 3 s for the server check and 5 s for the set-up's ack.
            connect_timeout: Duration::from_secs(if is_grpc { 8 } else { 5 }),
            poll_timeout: Duration::from_secs(30),
            poll_grace: Duration::from_secs(10),
            health_check: is_grpc.then(HealthCheck::default),
            resync: is_grpc.then_some(Duration::from_secs(180)),
            lists_around_query: false,
            habits: Habits {
                // The listen loop of the gRPC SDKs, and the pause of Node's poll loop (nacos-facts.md §3.2).
                retry: Duration::from_secs(if is_grpc { 5 } else { 2 }),
                ..Habits::default()
            },
            registers: Registers::Once,
            pace: Pace::default(),
            checks_certificates: true,
            defect: None,
            driver: None,
        }
    }
}

/// A plan from before there was a choice has clients that look.
const fn yes() -> bool {
    true
}

/// Connections of one source address to one destination up to which connecting stays quick: past 14,000 the kernel
/// searches for a free port, and `connect` goes from 10 to 400 µs (measured on Linux).
pub const CONNECTIONS_PER_SOURCE: u32 = 12_000;

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
    /// The source address of the group's connections; see [`GroupSpec::source_of`].
    pub source: Ipv4Addr,
}

impl ClientSpec {
    /// Whether the next request goes over the connection of the last.
    #[must_use]
    pub const fn keeps_its_connection(&self) -> bool {
        matches!(self.protocol, Protocol::NacosGrpc) || self.habits.keeps_alive
    }
}

impl GroupSpec {
    /// The source address of a watcher's connections: the group's, and one further for every 12,000 watchers.
    #[must_use]
    pub const fn source_of(&self, watcher: WatcherId) -> Ipv4Addr {
        let nth = watcher.0.wrapping_sub(self.first.0);
        Ipv4Addr::from_bits(self.source.to_bits().wrapping_add(nth / CONNECTIONS_PER_SOURCE))
    }

    /// The source addresses of its connections, with how many watchers each has.
    pub fn sources(&self) -> impl Iterator<Item = (Ipv4Addr, u32)> {
        let firsts = (0..self.count).step_by(CONNECTIONS_PER_SOURCE as usize);
        firsts.map(|nth| {
            (self.source_of(WatcherId(self.first.0 + nth)), CONNECTIONS_PER_SOURCE.min(self.count - nth))
        })
    }

    /// The source address that a watcher has to itself where watchers must be told apart by it: those behind the group's.
    #[must_use]
    pub const fn own_source(&self, watcher: WatcherId) -> Ipv4Addr {
        let nth = watcher.0.wrapping_sub(self.first.0);
        Ipv4Addr::from_bits(self.source.to_bits().wrapping_add(nth).wrapping_add(1))
    }

    /// The watcher that has a source address to itself, if one of the group has it.
    #[must_use]
    pub const fn watcher_at(&self, source: Ipv4Addr) -> Option<WatcherId> {
        let behind = source.to_bits().wrapping_sub(self.source.to_bits());
        if behind >= 1 && behind <= self.count { Some(WatcherId(self.first.0 + behind - 1)) } else { None }
    }
}
