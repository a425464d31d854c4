//! What sets one client apart from another beside its transport and its times: the habits of an SDK, as data.
//!
//! Each value is one that some SDK has (nacos-facts.md §2.3, §3); which SDK has which is in the scenario crate's
//! table of clients. The machine of `shakedown-watcher` and the wires of `shakedown-load` act by them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The habits of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Habits {
    /// What it says of itself.
    pub identity: Identity,
    /// How a gRPC connection is set up.
    pub handshake: Handshake,
    /// How long after its start a client connects for the first time, unless an application reads before: the first
    /// round of Go's loop (gRPC only).
    pub idle_start: Duration,
    /// How long connecting and the server check may take together; `None` for as long as the attempt (gRPC only).
    pub check_timeout: Option<Duration>,
    /// Where a read by an application is answered from.
    #[serde(default)]
    pub reads: ReadHabit,
    /// How long a read tries for a connection, when there is none, before it is answered from what the client has. A
    /// client over HTTP tries again and again for so long.
    pub offline_read: Duration,
    /// Attempts without a pause at the start of a life, all counted as attempt 0; at least 1.
    pub startup_tries: u8,
    /// Which server an attempt goes to.
    pub node_order: NodeOrder,
    /// When the end of a connection is noticed (gRPC only).
    pub noticing: Noticing,
    /// When what was given up is closed (gRPC only).
    #[serde(default)]
    pub leaving: Leaving,
    /// When health checks are sent (gRPC only).
    pub probing: Probing,
    /// Whether a push counts as traffic that makes a health check needless, as in Rust; else only an answer does (gRPC only).
    #[serde(default)]
    pub pushes_prove_life: bool,
    /// Whether a health check that is answered with a code from 300 to 399 counts as healthy, as in Go and Python
    /// (gRPC only).
    pub takes_3xx_for_health: bool,
    /// Whether a request that is not answered in time is given up, and the connection with it.
    pub requests_time_out: bool,
    /// Whether, before it gives the connection up for that, it asks by a health check with all its tries whether the server
    /// lives: Java, Go (gRPC only).
    #[serde(default)]
    pub checks_before_leaving: bool,
    /// Whether a request that was not answered in time is all that it gives up: the connection stays, as in Python 3, whose
    /// `request` does not expect gRPC's own error (gRPC only).
    #[serde(default)]
    pub stays_after_timeout: bool,
    /// After trouble with an answer the client asks again this much later: the period of a gRPC client's listen loop,
    /// the pause of an HTTP client's poll loop.
    pub retry: Duration,
    /// What the first contact of a life asks (gRPC only).
    pub first_contact: FirstContact,
    /// Whether every item is listed as soon as a connection is there again; else with the next resync (gRPC only).
    pub relists_on_reconnect: bool,
    /// Whether an item that was listed and had not changed is listed again with every round of the loop, as in Python
    /// 3 (gRPC only).
    pub relists_quiet: bool,
    /// The most queries of one item per second, with a burst of as many.
    pub queries_per_second: Option<u8>,
    /// Whether the listener is called when an item is gone; else what was held stays, as in Rust.
    pub hears_deletes: bool,
    /// Whether a connection carries more than one request (HTTP only).
    pub keeps_alive: bool,
    /// Whether each request asks the server to close the connection, as Python 1 does (HTTP only).
    #[serde(default)]
    pub asks_to_close: bool,
    /// Whether the default namespace is named `public` on the wire, as Java 3 does; else it is left empty.
    pub names_public: bool,
    /// How it shows who it is to a server with a login.
    pub login: LoginHabit,
    /// What its snapshots are like.
    pub snapshot: SnapshotHabit,
}

impl Default for Habits {
    /// What most SDKs agree on, and the Java SDK's name: for clients of the user's own making.
    fn default() -> Self {
        Self {
            identity: Identity::grpc("Nacos-Java-Client:v2.5.1"),
            handshake: Handshake::CheckThenAck,
            idle_start: Duration::ZERO,
            check_timeout: None,
            reads: ReadHabit::Memory,
            offline_read: Duration::ZERO,
            startup_tries: 1,
            node_order: NodeOrder::RandomStart,
            noticing: Noticing::AtOnce,
            leaving: Leaving::AtOnce,
            probing: Probing::Always,
            pushes_prove_life: false,
            takes_3xx_for_health: false,
            requests_time_out: true,
            checks_before_leaving: false,
            stays_after_timeout: false,
            retry: Duration::from_secs(5),
            first_contact: FirstContact::List,
            relists_on_reconnect: true,
            relists_quiet: false,
            queries_per_second: None,
            hears_deletes: true,
            keeps_alive: true,
            asks_to_close: false,
            names_public: false,
            login: LoginHabit::Token { after_denial: Some(Duration::from_secs(60)) },
            snapshot: SnapshotHabit::default(),
        }
    }
}

/// What a client says of itself (nacos-facts.md §2.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// gRPC: the set-up's `clientVersion`. HTTP: the value of `header`.
    pub version: String,
    /// HTTP: the header that carries the version, lower-case.
    pub header: String,
    /// gRPC: the set-up's labels.
    pub labels: BTreeMap<String, String>,
    /// gRPC: how the set-up tells what the client can do.
    pub abilities: Abilities,
}

impl Identity {
    /// A gRPC client of this version, with the labels that every SDK sends.
    #[must_use]
    pub fn grpc(version: &str) -> Self {
        let labels = [("source", "sdk"), ("module", "config"), ("taskId", "0"), ("AppName", "shakedown")];
        Self {
            version: version.to_owned(),
            header: "client-version".to_owned(),
            labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            abilities: Abilities::Table(Vec::new()),
        }
    }

    /// An HTTP client that names its version in `header`.
    #[must_use]
    pub fn http(header: &str, version: &str) -> Self {
        Self { version: version.to_owned(), header: header.to_owned(), ..Self::grpc(version) }
    }
}

/// How a set-up tells what the client can do. Only a table makes the server answer with a `SetupAckRequest`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Abilities {
    /// `abilityTable` with these set: Java from 2.3, Python 3.
    Table(Vec<String>),
    /// `clientAbilities`: Go.
    Client,
    /// `abilities`: Rust, and Java before 2.3.
    Old,
}

/// The order of a gRPC handshake (nacos-facts.md §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Handshake {
    /// Server check, stream, then the server's ack if it promised one, else 100 ms: Java.
    CheckThenAck,
    /// As Java, and 100 ms after the ack as well: Python 3.
    CheckThenAckAndPause,
    /// Server check, stream, then 100 ms: Go.
    CheckThenPause,
    /// Stream, up to four health checks with growing pauses after each that fails, server check: Rust.
    StreamThenCheck,
}

/// Which server an attempt goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeOrder {
    /// The list's order from its first on: Python 1, Node.
    Listed,
    /// The list's order from a random place on: Go, Rust, Python 3.
    RandomStart,
    /// Shuffled, and shuffled again each time the list is through: Java.
    Shuffled,
}

/// When a gRPC client notices that its connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noticing {
    /// When it ends: Java, Go.
    AtOnce,
    /// The end of the stream alone, in order, with the next health check or request; any other at once: Python 3.
    CleanEndLate,
    /// With the next health check or request, and that a health check failed as well: Rust.
    Late,
}

/// When a gRPC client closes what it has given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leaving {
    /// When it gives it up: Java, Go.
    #[default]
    AtOnce,
    /// A lost connection when the next attempt begins: Rust.
    WithNextAttempt,
    /// An attempt that was never answered when its first answer comes, or so long after it began: Python 3.
    OnceAnswered {
        /// The longest that it stays open.
        at_most: Duration,
    },
}

/// When health checks are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probing {
    /// At every tick.
    Always,
    /// At a tick, if no request was answered (nor pushed, where that counts) since the tick before: every gRPC SDK.
    WhenIdle,
    /// At ticks whose period follows the link's quality; the health check's own period and tries are those of a good
    /// link.
    ByQuality,
}

/// What the first contact of a life asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirstContact {
    /// A list of everything, then a query of each item that it names: Java, Go, Python 3.
    List,
    /// A query of every item, then a list: Rust.
    Query,
}

/// Where a read by an application is answered from. An operator's failover file comes before all else, and what a client
/// serves from disk is its cache's to say (nacos-facts.md §3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadHabit {
    /// From memory, where a listener keeps it: Rust, and clients of the user's own making.
    #[default]
    Memory,
    /// From the server, each time; if that comes to nothing from the snapshot: Java, Go, Python, Node.
    Server,
}

/// How a client shows who it is to a server with a login (nacos-facts.md §1.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginHabit {
    /// It logs in, sends the token with each request, and logs in again before the token expires.
    Token {
        /// How often at most it also logs in again because it was denied; `None` never does.
        after_denial: Option<Duration>,
    },
    /// It sends the user's name and password with each request: Node.
    EachRequest,
}

/// What a client's snapshots are like (nacos-facts.md §3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SnapshotHabit {
    /// How one is written.
    pub write: SnapshotWrite,
    /// What becomes of one when its item is gone.
    pub on_delete: SnapshotOnDelete,
    /// Whether the first list of a life carries the snapshot's MD5, so that a server which still has the same content
    /// does not send it again: Java, Go, Python.
    pub is_listed: bool,
}

/// How a snapshot is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotWrite {
    /// Beside the old one, then put in its place: Rust. A crash leaves one or the other.
    #[default]
    Atomic,
    /// The old one is emptied and written over: every other SDK. A crash in between leaves a part of it, or nothing.
    InPlace,
}

/// What becomes of a snapshot whose item is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotOnDelete {
    /// It is removed.
    #[default]
    Removed,
    /// It is emptied: Go, Python 3.
    Emptied,
}
