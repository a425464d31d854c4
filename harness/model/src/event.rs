//! What happened: the records of a run's history.
//!
//! A record is written once, by whoever saw it, with instants taken as early as can be. Records of one watcher are in
//! order; records of different writers interleave in any order.

use serde::{Deserialize, Serialize};

use crate::payload::PayloadError;
use crate::schedule::MutationKind;
use crate::{ItemId, MutationId, NodeId, Offset, Version, WatcherId};

/// One record of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A publish, once it has ended.
    Publish(Publish),
    /// A watcher now holds other verified content than before, and called its listener with it.
    Delivery(Delivery),
    /// A watcher learned that an item does not exist, though it held content of it or knew nothing yet in this life, and
    /// called its listener so.
    Absent(Absence),
    /// A watcher received content that it could not verify, and kept what it held.
    Corrupt(Corrupt),
    /// An application read an item through a watcher.
    Read(Read),
    /// A watcher noticed that its connection was gone.
    Lost(Lost),
    /// A watcher tried to connect; attempt 1 is the first after a loss, 0 the first of its life.
    Attempt(Attempt),
    /// A watcher is subscribed to all its items, confirmed by the server.
    Subscribed {
        /// When.
        at: Offset,
        /// Who.
        watcher: WatcherId,
    },
    /// A watcher crashed on purpose: its memory is gone.
    Crash {
        /// When.
        at: Offset,
        /// Who.
        watcher: WatcherId,
    },
    /// A crashed watcher started again.
    ColdStart {
        /// When.
        at: Offset,
        /// Who.
        watcher: WatcherId,
    },
    /// A fresh read of an item from one node after the drain, not through a proxy.
    FinalRead {
        /// When the answer came.
        at: Offset,
        /// Which node.
        node: NodeId,
        /// Which item.
        item: ItemId,
        /// What the node answered.
        found: Found,
    },
    /// How late a task of the harness ran that was due at `due`: the scheduler's lag.
    Lag {
        /// When the task was due.
        due: Offset,
        /// How late it ran, in nanoseconds.
        late_ns: u64,
    },
    /// How long bytes that the harness sent to itself over loopback lay until a task of the watchers' runtime had read
    /// them: the receive queue's lag.
    ReceiveLag {
        /// When they were sent.
        sent: Offset,
        /// How much later they were read, in nanoseconds.
        late_ns: u64,
    },
    /// What the harness itself took for one of its deliveries, of which some are timed.
    OwnTime(OwnTime),
    /// A watcher got the very content from the server that it held already, and called nobody.
    FetchedAgain {
        /// When.
        at: Offset,
        /// Who.
        watcher: WatcherId,
        /// Which item.
        item: ItemId,
    },
    /// An application was given content that is whole and that it cannot use. Simulated ones tell; it follows the delivery.
    Invalid(Invalid),
}

/// What the harness itself took for a delivery behind its receive stamp, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnTime {
    /// The receive stamp.
    pub received: Offset,
    /// From there until the answer was read out of its bytes: the transport, its frames, and what lay before it in the
    /// same read.
    pub decode_ns: u64,
    /// Until its checksum and MD5 were found right and the watcher held it.
    pub verify_ns: u64,
    /// What handing it to the recorder took.
    pub record_ns: u64,
}

impl OwnTime {
    /// Of this many deliveries one is timed.
    pub const ONE_IN: u64 = 64;

    /// Whether the delivery received at an instant is timed: by the last digits of its stamp, so that nothing is counted
    /// and none is preferred.
    #[must_use]
    pub const fn is_timed(received: Offset) -> bool {
        received.0.is_multiple_of(Self::ONE_IN)
    }
}

/// What a fresh read found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// An intact payload of this item and run.
    Version(Version),
    /// The item does not exist.
    Absent,
    /// Content that is no intact payload of this item and run.
    Unfit,
}

impl Found {
    /// The version that was found, if one was.
    #[must_use]
    pub const fn version(self) -> Option<Version> {
        match self {
            Self::Version(version) => Some(version),
            Self::Absent | Self::Unfit => None,
        }
    }
}

/// How a publish ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PublishOutcome {
    /// The server said that it stored it.
    Acked,
    /// The server said that it did not (an error answer that excludes storing).
    Refused,
    /// No answer, or one that says neither: it may appear at any time to the run's end.
    Ambiguous,
    /// Its own answer was lost or unclear, and a later read showed that it is stored: since some instant between `sent`
    /// and `done`, which nobody knows. Only writes under compare-and-set are settled so.
    Settled,
}

/// A publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// Which mutation; `None` for the set-up's initial version.
    pub mutation: Option<MutationId>,
    /// Which item.
    pub item: ItemId,
    /// The version that it wrote. A delete writes a version too: from then on, absent is what that version looks like.
    pub version: Version,
    /// What it did to the item.
    pub kind: MutationKind,
    /// When it was due.
    pub intended: Offset,
    /// When the mutator could have sent it: due and the item's previous publish ended. Lateness is `sent − ready`.
    pub ready: Offset,
    /// When it was sent.
    pub sent: Offset,
    /// When it ended: the ack, if it was acked; the read's answer, if that settled it.
    pub done: Offset,
    /// How it ended.
    pub outcome: PublishOutcome,
}

/// How a watcher came by content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Path {
    /// The first fetch of its life.
    Initial,
    /// A push from the server, at its first try as far as time tells.
    Push,
    /// A push that the server repeated. No watcher can tell, so `check` infers it from the time since the ack.
    PushRetry,
    /// A list after a reconnect.
    Relist,
    /// A periodic list.
    Resync,
    /// A long poll that the server answered with a change while it hung.
    PollWake,
    /// A change that a hanging poll missed: the poll ended by its time-out, and the next one was answered at once.
    PollTimeout,
    /// The snapshot on disk, at a cold start.
    Cache,
}

impl Path {
    /// Every path, in the order in which reports show them.
    pub const ALL: [Self; 8] = [
        Self::Initial,
        Self::Push,
        Self::PushRetry,
        Self::Relist,
        Self::Resync,
        Self::PollWake,
        Self::PollTimeout,
        Self::Cache,
    ];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Push => "push",
            Self::PushRetry => "push-retry",
            Self::Relist => "relist",
            Self::Resync => "resync",
            Self::PollWake => "poll-wake",
            Self::PollTimeout => "poll-timeout",
            Self::Cache => "cache",
        }
    }
}

/// A delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// When the bytes that completed the content were received.
    pub at: Offset,
    /// Who.
    pub watcher: WatcherId,
    /// Which item.
    pub item: ItemId,
    /// The version that the content proves.
    pub version: Version,
    /// When the change signal that led to this fetch was received.
    pub signal: Option<Offset>,
    /// How.
    pub path: Path,
}

/// An item that a watcher held is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// When the answer that says so was received.
    pub at: Offset,
    /// Who.
    pub watcher: WatcherId,
    /// Which item.
    pub item: ItemId,
    /// When the change signal that led to this fetch was received.
    pub signal: Option<Offset>,
    /// How.
    pub path: Path,
}

/// An application was given content that is invalid on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalid {
    /// When its watcher received it.
    pub at: Offset,
    /// Through which watcher.
    pub watcher: WatcherId,
    /// Which item.
    pub item: ItemId,
    /// The invalid version.
    pub version: Version,
    /// What the application works with from then on; `None` is nothing.
    pub uses: Option<Version>,
}

/// What is wrong with content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Corruption {
    /// The payload does not verify.
    Payload(PayloadError),
    /// The MD5 that the server sent is not that of the content.
    Md5,
    /// An intact payload of another item or another run.
    Misplaced,
    /// The item is absent though it was published.
    Absent,
}

/// Content that could not be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrupt {
    /// When it was received.
    pub at: Offset,
    /// Who received it.
    pub watcher: WatcherId,
    /// For which item.
    pub item: ItemId,
    /// What is wrong.
    pub corruption: Corruption,
    /// The item and version that it claims to be, when it says.
    pub claims: Option<(ItemId, Version)>,
}

/// Where an answer to a read came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadSource {
    /// The watcher's memory, kept current by the server.
    Live,
    /// The watcher's memory while the server could not be reached.
    Memory,
    /// The snapshot on disk.
    Snapshot,
    /// The file by which an operator overrides the server.
    Failover,
    /// There was no answer before the time-out.
    Nothing,
}

/// A read by an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// When it was due.
    pub intended: Offset,
    /// When it was answered, or given up.
    pub answered: Offset,
    /// Who.
    pub watcher: WatcherId,
    /// Which item.
    pub item: ItemId,
    /// Where the answer came from.
    pub source: ReadSource,
    /// The version that the answer's intact payload proves; `None` when there was none or it was not intact.
    pub version: Option<Version>,
    /// Whether the answer says that it may be stale.
    pub says_stale: bool,
    /// Whether the watcher had lost its memory and had not heard from the server since (a cold start).
    pub is_cold: bool,
}

/// Why a watcher held its connection to be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossCause {
    /// The connection was reset.
    Reset,
    /// The connection ended in order.
    Closed,
    /// A request timed out.
    RequestTimeout,
    /// The health check failed on all its tries.
    HealthCheck,
    /// The server said that it does not know the connection.
    Unregistered,
    /// An answer could not be understood.
    Protocol,
}

/// A loss of connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// When it was noticed.
    pub at: Offset,
    /// Who.
    pub watcher: WatcherId,
    /// Why.
    pub cause: LossCause,
}

/// How an attempt to connect ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptOutcome {
    /// Connected and through the handshake.
    Connected,
    /// Refused by the peer.
    Refused,
    /// Reset or closed by the peer during the handshake.
    Broken,
    /// Not through within the time allowed.
    TimedOut,
    /// This machine could not (no port, no file): the harness is at fault.
    Local,
}

/// An attempt to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Who.
    pub watcher: WatcherId,
    /// 1 for the first after a loss; 0 for the first of a life.
    pub number: u32,
    /// When the pause before it began: the loss, or the end of the attempt before.
    pub waited_from: Offset,
    /// When it started.
    pub started: Offset,
    /// When it ended.
    pub ended: Offset,
    /// How it ended.
    pub outcome: AttemptOutcome,
}
