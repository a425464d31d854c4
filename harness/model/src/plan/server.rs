//! The servers of a run, the proxies in front of them and the paths to them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Protocol;
use super::cluster::ClusterSettings;
use super::tls::{TlsFrontSpec, TlsSpec};
use crate::fault::Toxic;
use crate::secrets::Secret;

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
    /// The official image, started on a container engine.
    Container,
    /// Servers that somebody else runs, at addresses that the user gives. Nothing but the run's own items is touched.
    External,
}

/// The servers of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// How the container backend starts its nodes.
    #[serde(default)]
    pub container: ContainerSettings,
    /// Where the servers of the external backend are, and how far the run may go there.
    #[serde(default)]
    pub external: Option<ExternalSpec>,
    /// TLS in front of the nodes that the run brings up; `None` is in the clear.
    #[serde(default)]
    pub tls: Option<TlsFrontSpec>,
    /// What an `upgrade` fault puts in the nodes' place.
    #[serde(default)]
    pub upgrade: Option<UpgradeSpec>,
    /// How long the servers may take until they are ready.
    pub ready_timeout: Duration,
    /// The account that the harness and its watchers log in with; `None` is a server without a login.
    pub login: Option<Login>,
    /// Settings of the embedded server.
    pub embedded: EmbeddedSettings,
}

impl Default for ServerSpec {
    /// One embedded node of the version that it imitates.
    fn default() -> Self {
        Self {
            product: Product::Nacos,
            version: "2.5.0".to_owned(),
            backend: Backend::Embedded,
            nodes: 1,
            home: None,
            container: ContainerSettings::default(),
            external: None,
            tls: None,
            upgrade: None,
            ready_timeout: Duration::from_secs(90),
            login: None,
            embedded: EmbeddedSettings::default(),
        }
    }
}

impl ServerSpec {
    /// Which generation of the protocol the version speaks.
    #[must_use]
    pub fn generation(&self) -> Generation {
        let major = self.version.trim_start_matches('v').split('.').next();
        if major == Some("3") { Generation::V3 } else { Generation::V2 }
    }

    /// Whether clients that speak `protocol` do so within TLS.
    #[must_use]
    pub fn has_tls(&self, protocol: Protocol) -> bool {
        let elsewhere = self.external.as_ref().and_then(|external| external.tls.as_ref()).map(|tls| tls.on);
        self.tls.map(|tls| tls.on).or(elsewhere).is_some_and(|on| on.has(protocol))
    }
}

/// How the container backend starts its nodes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ContainerSettings {
    /// The image with its tag; `None` is the official one of the version, `nacos/nacos-server:vVERSION`.
    pub image: Option<String>,
    /// Environment variables beside those that the harness sets; they win.
    pub env: BTreeMap<String, Secret>,
    /// The memory that each node may take, in bytes.
    pub memory_bytes: Option<u64>,
    /// The processors that each node may take.
    pub cpus: Option<f64>,
}

/// Servers that somebody else runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExternalSpec {
    /// Where each node is found.
    pub nodes: Vec<ExternalNode>,
    /// The namespace that the user chose; `None` is one that the run makes and removes.
    pub namespace: Option<String>,
    /// The most publishes per second that the run may make there, over all items.
    pub max_publishes_per_second: f64,
    /// How TLS is spoken there; `None` is in the clear.
    #[serde(default)]
    pub tls: Option<TlsSpec>,
}

/// A node that somebody else runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalNode {
    /// Its HTTP address, `host:port`.
    pub http: String,
    /// Its gRPC address; `None` is the HTTP port and 1,000.
    pub grpc: Option<String>,
}

impl ExternalNode {
    /// Its gRPC address, `host:port`: as it was given, or the HTTP port and 1,000 (nacos-facts.md §1.1). Where that is no
    /// port, the HTTP address.
    #[must_use]
    pub fn grpc_address(&self) -> String {
        let above = |(host, port): (&str, &str)| {
            Some(format!("{host}:{}", port.parse::<u16>().ok()?.checked_add(1_000)?))
        };
        self.grpc.clone().or_else(|| above(self.http.rsplit_once(':')?)).unwrap_or_else(|| self.http.clone())
    }
}

/// Another version of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeSpec {
    /// The version.
    pub version: String,
    /// Its home, for the process backend.
    pub home: Option<PathBuf>,
    /// Its image, for the container backend; `None` is the official one of the version.
    pub image: Option<String>,
}

/// A generation of Nacos: where its HTTP paths lie, and how it names the default namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Generation {
    /// 2.x: v1 and v2 HTTP, the default namespace is the empty one.
    V2,
    /// 3.x: v3 HTTP, v1 behind switches, the default namespace is `public`.
    V3,
}

/// An account at the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The user's name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// Settings of the embedded server, with the real server's values as defaults (nacos-facts.md §2.4, §2.5, §5.1, §1.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddedSettings {
    /// The period of the dump tick that makes a write visible; zero is at once (real: 100 ms).
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
    /// How long after it compared it registers at the soonest (real: as soon as the one thread for it comes to it).
    #[serde(default)]
    pub poll_gap: Duration,
    /// Registered gRPC connections and hanging polls that a node takes together; `None` is no limit (real: none, but
    /// for a plugin).
    pub max_connections: Option<u32>,
    /// How long a client may take to answer that it connects elsewhere (real: 3 s).
    pub reset_answer_timeout: Duration,
    /// In which processes its nodes are.
    #[serde(default)]
    pub processes: NodeProcesses,
    /// How nodes tell each other of writes.
    pub cluster: ClusterSettings,
    /// How long the dump of one config takes; meanwhile it cannot be read, and the next one waits (real: below 1 ms).
    pub dump_time: Duration,
    /// Every n-th dump fails and is tried again 1 s later; 0 is never (real: when the disk or the database fails).
    pub dump_fails_every: u32,
    /// Whether a dump ignores a row that is older than what is visible (real: yes).
    pub dump_ignores_outdated: bool,
    /// Every n-th write of the server gets the time of a clock that is 1 s behind, as when the writer paused or its
    /// clock differs; 0 is never.
    pub late_clock_every: u32,
    /// The step in which the times of writes are kept (real: 1 ms with Derby, 1 s with MySQL).
    pub time_step: Duration,
    /// Whether a publish is acked only once it is visible on its node (real: no, so a read right after may be old).
    pub publish_awaits_dump: bool,
    /// How long history is kept (real: 30 days).
    pub history_retention: Duration,
    /// The most history items that are kept; the oldest leave first (real: no such limit).
    pub history_max_items: u32,
    /// What needs a login, when the server has one at all.
    pub auth_scope: AuthScope,
    /// How long a token of a login is good (real: 18000 s).
    pub token_ttl: Duration,
    /// The access key whose signatures are verified; without one they are accepted unseen (real: without).
    pub access_key: Option<AccessKey>,
    /// Which of the old HTTP APIs a 3.x server still serves.
    pub old_apis: OldApis,
    /// The planted defect, if any.
    pub defect: Option<ServerDefect>,
}

/// In which processes the nodes of the embedded server are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeProcesses {
    /// Each in one of its own where the harness' own process could not have enough open files, else all in that.
    #[default]
    Auto,
    /// All in the harness' own.
    One,
    /// Each in one of its own.
    Each,
}

/// What needs a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthScope {
    /// The admin API of a 3.x server only (its real default).
    Admin,
    /// Everything but health and the login itself.
    Everything,
}

/// An access key and its secret, as Alibaba Cloud's clients sign with (nacos-facts.md §1.8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// The key that clients name.
    pub id: String,
    /// The secret that they sign with.
    pub secret: Secret,
}

/// The switches `nacos.core.api.compatibility.*.enabled` of 3.0 and 3.1 (nacos-facts.md §1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldApis {
    /// v1 publish, get, delete, listen (real: on).
    pub client: bool,
    /// v2, and what operators call (real: off).
    pub admin: bool,
    /// v1 search, details, history, listener queries (real: off).
    pub console: bool,
}

impl Default for OldApis {
    fn default() -> Self {
        Self { client: true, admin: false, console: false }
    }
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
            poll_gap: Duration::ZERO,
            max_connections: None,
            reset_answer_timeout: Duration::from_secs(3),
            processes: NodeProcesses::default(),
            cluster: ClusterSettings::default(),
            dump_time: Duration::ZERO,
            dump_fails_every: 0,
            dump_ignores_outdated: true,
            late_clock_every: 0,
            time_step: Duration::from_millis(1),
            publish_awaits_dump: false,
            history_retention: Duration::from_secs(30 * 24 * 60 * 60),
            history_max_items: 100_000,
            auth_scope: AuthScope::Everything,
            token_ttl: Duration::from_secs(18_000),
            access_key: None,
            old_apis: OldApis::default(),
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
    /// Every 17th gRPC query is answered with content of another item, md5 and all. Breaks: isolated.
    CrossItems,
    /// Over gRPC every client is told of and served a gray release, whomever it is for. Breaks: isolated.
    LeakGray,
    /// Every other push to a connection is not sent, and counts as acked: a later list finds the change. Breaks: converges, where
    /// the client does not list in time; else how late a change comes.
    DropPush,
    /// Every 9th gRPC query is answered with the MD5 of other content. Breaks: intact.
    WrongMd5,
    /// Every delete is acked, and the item stays. Breaks: nothing lost.
    KeepDeleted,
    /// The newest write of an item is in memory only until its next one comes: a node that starts again lacks it. Breaks: nothing lost,
    /// and monotonic for who had seen it.
    LoseAtRestart,
}

impl ServerDefect {
    /// Every defect.
    pub const ALL: [Self; 11] = [
        Self::LoseWrite,
        Self::ForgetWatcher,
        Self::AnswerOld,
        Self::TearContent,
        Self::InventVersion,
        Self::CrossItems,
        Self::LeakGray,
        Self::DropPush,
        Self::WrongMd5,
        Self::KeepDeleted,
        Self::LoseAtRestart,
    ];
}

/// Which proxies stand between watchers and servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyKind {
    /// The proxy built into the harness.
    Embedded,
    /// The real Toxiproxy, as a process.
    Toxiproxy,
    /// None: watchers go straight to the servers, and nothing befalls their connections.
    None,
}

/// The proxies of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxySpec {
    /// Which.
    pub kind: ProxyKind,
    /// Where the real Toxiproxy runs.
    #[serde(default)]
    pub place: ProxyPlace,
    /// The folder that holds `toxiproxy-server`, for a process.
    pub home: Option<PathBuf>,
    /// The image of a container; `None` is the official one, `ghcr.io/shopify/toxiproxy:2.12.0`.
    #[serde(default)]
    pub image: Option<String>,
}

/// Where the real Toxiproxy runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyPlace {
    /// On this machine.
    #[default]
    Process,
    /// In a container, in the network of the servers' containers.
    Container,
    /// Somebody else runs it.
    External(ExternalProxy),
}

/// A Toxiproxy that somebody else runs. Only proxies that bear the run's name are made there, and removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalProxy {
    /// Its API, `host:port`.
    pub api: String,
    /// The ports at which its proxies can be reached, on the API's host: the first and the last.
    pub ports: (u16, u16),
    /// The servers as it reaches them, in the nodes' order, where that is not as the harness does.
    pub upstreams: Vec<ExternalNode>,
}

impl Default for ProxySpec {
    /// The embedded proxy.
    fn default() -> Self {
        Self { kind: ProxyKind::Embedded, place: ProxyPlace::Process, home: None, image: None }
    }
}

/// A named path: per group on it and per server node, one proxy for HTTP and one for gRPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSpec {
    /// Its name.
    pub name: String,
    /// Toxics that are in force from the start to the end of the run.
    pub toxics: Vec<Toxic>,
}
