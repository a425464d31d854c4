//! Faults: what a scenario declares, and the window in which one was really in force.

mod certificate;
mod control;
mod ramp;
mod trouble;
mod watcher;

use std::num::NonZeroU16;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use certificate::CertificateTrouble;
pub use control::{ControlFault, Overload, StrayWrite};
pub use trouble::{
    AnswerTrouble, BadAnswer, CallKind, Calls, NodeTrouble, PathTrouble, StreamTrouble, TroubleCount,
};
pub use watcher::{Befallen, SpoiledCache, WatcherFault, befalls_watcher};

use crate::{FaultId, GroupId, NodeId, Offset, PhaseId};

/// A direction of a link, by Toxiproxy's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// From the watcher to the server.
    Upstream,
    /// From the server to the watcher.
    Downstream,
    /// Both directions.
    Both,
}

/// How the delays of a latency spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Between `latency − jitter` and `latency + jitter`, each as likely; the only one of the real Toxiproxy.
    #[default]
    Uniform,
    /// Around `latency` with the standard deviation `jitter`.
    Normal,
    /// From `latency` on, with a long tail whose mean is `jitter`.
    Pareto,
}

/// The whole of a share in parts per million.
pub const ALL_PPM: u32 = 1_000_000;

/// A toxic: what it does, to which direction, and to how many of the connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toxic {
    /// The direction that it acts on. A `reset_peer` ends both, whatever it says.
    pub stream: Stream,
    /// The share of the connections that it acts on, in parts per million; [`ALL_PPM`] is every one.
    pub toxicity_ppm: u32,
    /// What it does.
    pub kind: ToxicKind,
}

impl Toxic {
    /// A toxic that acts on every connection.
    #[must_use]
    pub const fn new(stream: Stream, kind: ToxicKind) -> Self {
        Self { stream, toxicity_ppm: ALL_PPM, kind }
    }
}

/// What a toxic does, by Toxiproxy's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToxicKind {
    /// Delays every chunk, from the chunk's own arrival; never by less than nothing.
    Latency {
        /// The middle of the delay; its least with [`Distribution::Pareto`].
        latency: Duration,
        /// How far delays spread.
        jitter: Duration,
        /// How they spread.
        distribution: Distribution,
    },
    /// Lets bytes pass at a rate.
    Bandwidth {
        /// 1,000 bytes per second, above zero.
        kilobytes_per_second: u64,
    },
    /// Holds the end of a connection back.
    SlowClose {
        /// For this long.
        delay: Duration,
    },
    /// Drops every byte, and closes connections on which none came for a while.
    Timeout {
        /// That while; zero is never, until the toxic is gone.
        timeout: Duration,
    },
    /// Resets connections `timeout` after they begin or, where they were alive already, after the toxic was set.
    ResetPeer {
        /// The time until the reset.
        timeout: Duration,
    },
    /// Cuts chunks into smaller ones.
    Slicer {
        /// Their average size in bytes, above zero.
        average_size: u64,
        /// How far sizes spread, in bytes.
        size_variation: u64,
        /// The pause after each, in whole microseconds.
        delay: Duration,
    },
    /// Closes a connection once so many bytes passed.
    LimitData {
        /// So many, above zero.
        bytes: u64,
    },
}

impl ToxicKind {
    /// Toxiproxy's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Bandwidth { .. } => "bandwidth",
            Self::SlowClose { .. } => "slow_close",
            Self::Timeout { .. } => "timeout",
            Self::ResetPeer { .. } => "reset_peer",
            Self::Slicer { .. } => "slicer",
            Self::LimitData { .. } => "limit_data",
        }
    }

    /// Whether it ends connections or keeps bytes from passing.
    #[must_use]
    pub const fn cuts(self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::ResetPeer { .. } | Self::LimitData { .. })
    }
}

/// What a fault does while it is in force, to the connections of its groups with its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultAction {
    /// A toxic.
    Toxic {
        /// Which.
        toxic: Toxic,
    },
    /// A toxic that grows to its whole in equal steps, each as long as the others; the last one lasts to the end.
    Ramp {
        /// The whole.
        toxic: Toxic,
        /// How many steps.
        steps: NonZeroU16,
    },
    /// Connections are reset, and every new one is reset too until the fault heals.
    Reset,
    /// Bytes are held, with TCP still answering, until the fault heals.
    ///
    /// New connections are accepted and held as well. Healing resets what was held.
    Blackhole {
        /// The direction that is held.
        stream: Stream,
    },
    /// Bytes of one direction are held until the fault heals, and delivered then: no connection is lost by it.
    OneWay {
        /// The direction; not both.
        stream: Stream,
    },
    /// The server's end of every live connection is gone, as after its crash, and the watcher is not told: it hears
    /// nothing, and what it sends next is answered by a reset. New connections work.
    HalfOpen,
    /// New connections are accepted and never answered; live ones go on. Healing resets the silent ones.
    Silence,
    /// New connections are refused; live ones go on, but on the real Toxiproxy, where they end.
    Refuse,
    /// The link is down, where every connection is reset, and comes back, over and over; down comes first.
    Flap {
        /// How long connections work.
        up: Duration,
        /// How long they are reset.
        down: Duration,
    },
    /// Calls are answered badly, or gRPC connections treated badly, by the proxies on the way.
    Path {
        /// How.
        trouble: PathTrouble,
    },
    /// The watchers crash at the onset (memory lost, cache on disk kept) and start cold at the end.
    Crash,
    /// Something befalls the watchers themselves.
    Watcher {
        /// What.
        fault: WatcherFault,
        /// The share of the groups' watchers, in parts per million.
        share_ppm: u32,
    },
    /// Strangers call the control plane beside the mutator.
    Control {
        /// What they do.
        fault: ControlFault,
    },
    /// Something befalls the servers themselves, whatever stands before them.
    Server {
        /// What.
        fault: ServerFault,
    },
    /// The run's own mutator writes content that is whole and that no application can use. The schedule has it
    /// ([`MutationKind::Invalid`](crate::schedule::MutationKind::Invalid)), by the planned times.
    InvalidContent {
        /// The share of the writes, in parts per million.
        share_ppm: u32,
    },
}

/// What befalls servers. The fault's `nodes` are those that it befalls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerFault {
    /// Nodes are killed (SIGKILL) at the onset and started again at the end.
    Kill,
    /// Nodes are asked to end at the onset, and started again at the end.
    Stop,
    /// Nodes stand still (SIGSTOP, or the engine's pause) from the onset to the end, as in a long collection of garbage.
    Pause,
    /// One node after another is stopped and started again, with a pause between; the fault lasts until the last serves.
    RollingRestart {
        /// From one node's readiness to the next one's stop.
        pause: Duration,
    },
    /// The node that leads the cluster's store is found and killed at the onset, and started again at the end.
    LeaderLoss,
    /// Nodes lose their network, to clients and to each other (containers only).
    Disconnect,
    /// One node after another is stopped and started again as the version of `server.upgrade`, over the same data. It
    /// stays.
    Upgrade {
        /// From one node's readiness to the next one's stop.
        pause: Duration,
    },
    /// The TLS in front of nodes is wrong from the onset to the end, for sessions that begin meanwhile.
    Certificate {
        /// What is wrong with it.
        trouble: CertificateTrouble,
        /// Whether connections that live at the onset are closed, as by a restart; else they go on.
        cuts: bool,
    },
    /// Nodes stay up and do something wrong from the onset to the end (embedded servers only).
    Trouble {
        /// What.
        trouble: NodeTrouble,
    },
}

impl ServerFault {
    /// The name in a scenario.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::RollingRestart { .. } => "rolling_restart",
            Self::LeaderLoss => "leader_loss",
            Self::Disconnect => "disconnect",
            Self::Upgrade { .. } => "upgrade",
            Self::Certificate { trouble: CertificateTrouble::ClientsUntrusted, .. } => "clients_untrusted",
            Self::Certificate { .. } => "certificate",
            Self::Trouble { trouble: NodeTrouble::Stream { what, .. } } => what.name(),
            Self::Trouble { trouble } => trouble.name(),
        }
    }
}

impl FaultAction {
    /// The fault's kind as a scenario names it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Toxic { toxic } => toxic.kind.name(),
            Self::Ramp { .. } => "ramp",
            Self::Reset => "reset",
            Self::Blackhole { .. } => "blackhole",
            Self::OneWay { .. } => "one_way",
            Self::HalfOpen => "half_open",
            Self::Silence => "silence",
            Self::Refuse => "refuse",
            Self::Flap { .. } => "flap",
            Self::Path { trouble } => trouble.name(),
            Self::Crash => "crash",
            Self::Watcher { fault, .. } => fault.name(),
            Self::Control { fault } => fault.name(),
            Self::Server { fault } => fault.name(),
            Self::InvalidContent { .. } => "invalid_content",
        }
    }

    /// Whether the fault ends connections or keeps bytes from passing: reconnect and catch-up belong to it.
    #[must_use]
    pub const fn cuts(&self) -> bool {
        match self {
            Self::Toxic { toxic } | Self::Ramp { toxic, .. } => toxic.kind.cuts(),
            Self::Reset
            | Self::Blackhole { .. }
            | Self::OneWay { .. }
            | Self::HalfOpen
            | Self::Silence
            | Self::Refuse
            | Self::Flap { .. }
            | Self::Path { .. }
            | Self::Crash => true,
            Self::Server { fault } => !matches!(fault, ServerFault::Certificate { cuts: false, .. }),
            Self::Watcher { fault, .. } => fault.crashes(),
            Self::Control { .. } | Self::InvalidContent { .. } => false,
        }
    }

    /// Whether watchers lose their memory by it, and start cold.
    #[must_use]
    pub const fn crashes(&self) -> bool {
        match self {
            Self::Crash => true,
            Self::Watcher { fault, .. } => fault.crashes(),
            _ => false,
        }
    }

    /// Whether connections that watchers gave up stay open at the proxy while the fault is in force.
    #[must_use]
    pub const fn holds(&self) -> bool {
        match self {
            Self::Toxic { toxic } | Self::Ramp { toxic, .. } => {
                matches!(toxic.kind, ToxicKind::Timeout { .. } | ToxicKind::SlowClose { .. })
            }
            Self::Blackhole { .. } | Self::OneWay { .. } | Self::HalfOpen | Self::Silence => true,
            // A node that stands still, or is cut off, keeps what is connected to it.
            Self::Server { fault } => matches!(fault, ServerFault::Pause | ServerFault::Disconnect),
            Self::Reset
            | Self::Refuse
            | Self::Flap { .. }
            | Self::Path { .. }
            | Self::Crash
            | Self::Watcher { .. }
            | Self::Control { .. }
            | Self::InvalidContent { .. } => false,
        }
    }
}

/// A fault as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultPlan {
    /// Its name in the scenario.
    pub name: String,
    /// The phase that it belongs to.
    pub phase: PhaseId,
    /// The planned onset.
    pub from: Offset,
    /// The planned end.
    pub until: Offset,
    /// What it does.
    pub action: FaultAction,
    /// The groups that it touches, resolved.
    pub groups: Vec<GroupId>,
    /// The nodes from which it keeps them; none named is every one.
    pub nodes: Vec<NodeId>,
    /// What is wrong with it, so that this is seen to be found out.
    #[serde(default)]
    pub defect: Option<FaultDefect>,
}

/// What is wrong with a fault when it is told so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultDefect {
    /// It says that it was applied and healed, and does nothing.
    Toothless,
}

impl FaultPlan {
    /// Whether it acts on the connections of this group with this node.
    #[must_use]
    pub fn touches(&self, group: GroupId, node: NodeId) -> bool {
        self.groups.contains(&group) && (self.nodes.is_empty() || self.nodes.contains(&node))
    }
}

/// A fault as it happened, one line of `faults.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultWindow {
    /// Which fault of the plan.
    pub fault: FaultId,
    /// Applying began here; detect counts from it.
    pub applying: Offset,
    /// The fault was in force on every proxy from here.
    pub applied: Option<Offset>,
    /// Healing began here.
    pub healing: Option<Offset>,
    /// The fault was gone from every proxy from here.
    pub healed: Option<Offset>,
    /// What the canaries saw.
    pub bite: Bite,
    /// What went wrong while applying or healing, if anything.
    pub trouble: Option<String>,
    /// What each node did not do because of it, for faults of servers.
    #[serde(default)]
    pub service: Vec<NodeService>,
}

/// What a node did not do, by probes that go straight at it: three different times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeService {
    /// The node.
    pub node: NodeId,
    /// Stretches in which writes were refused or not answered, ascending.
    pub write: Vec<Outage>,
    /// Stretches in which reads were refused or not answered.
    pub read: Vec<Outage>,
    /// Stretches in which changes were not pushed, or nobody could listen.
    pub push: Vec<Outage>,
}

/// A time without service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// When the first probe that failed was sent; for pushes, the ack of the first write that was not pushed in time, or
    /// the loss of the connection that listened.
    pub from: Offset,
    /// When the first probe after it that was served was answered; `None` is not before the run's end.
    pub until: Option<Offset>,
    /// Probes that failed.
    pub failed: u32,
}

/// Whether a fault bit, by the canary on each faulted proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bite {
    /// It bit; the text says how hard, with numbers.
    Bit(String),
    /// It did not bite: the run is unknown. The text says what the canary saw.
    Missed(String),
    /// Nothing could tell, or it was never applied. Says which.
    NotMeasured(String),
}
