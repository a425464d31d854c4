//! The JSON of Toxiproxy's API as types; units are whole milliseconds there, `Duration` here.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shakedown_model::fault::{ALL_PPM, Distribution, PathTrouble, Stream};

use crate::calls;

/// A direction of a proxy as a toxic takes it: there is no "both" on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the watcher to the server.
    Upstream,
    /// From the server to the watcher.
    Downstream,
}

impl Direction {
    /// The directions of a stream.
    #[must_use]
    pub const fn of(stream: Stream) -> &'static [Self] {
        match stream {
            Stream::Upstream => &[Self::Upstream],
            Stream::Downstream => &[Self::Downstream],
            Stream::Both => &[Self::Upstream, Self::Downstream],
        }
    }

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }
}

/// A proxy to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyConfig {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it connects, `host:port`.
    pub upstream: String,
    /// Whether it accepts connections.
    pub enabled: bool,
    /// The address that its connections to there come from; the embedded proxy alone knows this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    /// Whether HTTP is followed on it, for toxics that act on calls and streams; the embedded proxy alone knows this key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follow: bool,
}

/// A proxy as the API shows it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ProxyState {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub listen: String,
    /// Where it connects.
    pub upstream: String,
    /// Whether it accepts connections.
    pub enabled: bool,
    /// The toxics in force.
    #[serde(default)]
    pub toxics: Vec<ToxicState>,
}

/// A toxic as the API shows it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ToxicState {
    /// Its name, unique within the proxy.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its direction.
    pub stream: Direction,
    /// The share of connections that it acts on.
    pub toxicity: f64,
    /// Its attributes by name.
    #[serde(default)]
    pub attributes: Value,
    /// How often it acted, where it counts that.
    #[serde(default)]
    pub acted: Option<u64>,
    /// How often it could have.
    #[serde(default)]
    pub of: Option<u64>,
}

/// A toxic to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToxicConfig {
    /// Its name, unique within the proxy.
    pub name: String,
    /// Its direction.
    pub stream: Direction,
    /// The share of the connections that it acts on, in parts per million.
    pub toxicity_ppm: u32,
    /// What it does.
    pub kind: ToxicKind,
}

/// What a toxic does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToxicKind {
    /// `latency`: delays by `latency_ms` and some jitter.
    Latency {
        /// The middle of the delay; its least with a Pareto distribution.
        latency_ms: u64,
        /// How far delays spread.
        jitter_ms: u64,
        /// How they spread; Toxiproxy knows `Uniform` only.
        distribution: Distribution,
    },
    /// `bandwidth`: lets bytes pass at a rate.
    Bandwidth {
        /// In 1,000 bytes per second.
        rate: u64,
    },
    /// `slow_close`: holds the end of a connection back.
    SlowClose {
        /// For this long.
        delay_ms: u64,
    },
    /// `slicer`: cuts chunks into smaller ones.
    Slicer {
        /// Their average size in bytes.
        average_size: u64,
        /// How far sizes spread, in bytes.
        size_variation: u64,
        /// The pause after each, in microseconds.
        delay_us: u64,
    },
    /// `limit_data`: closes a connection once so many bytes passed.
    LimitData {
        /// So many.
        bytes: u64,
    },
    /// `reset_peer`: resets after a time.
    ResetPeer {
        /// The time.
        timeout_ms: u64,
    },
    /// `timeout`: drops every byte, and ends the connection after a time or, with 0, when the toxic is removed.
    Timeout {
        /// The time.
        timeout_ms: u64,
    },
    /// `blackhole`, of the embedded proxy alone: holds every byte until the toxic is removed.
    Blackhole {
        /// What then becomes of the connections.
        heal: BlackholeHeal,
    },
    /// `half_open`, of the embedded proxy alone: live connections lose their upstream, and their clients are not told.
    HalfOpen,
    /// `silence`, of the embedded proxy alone: new connections are accepted and held, live ones go on.
    Silence {
        /// What becomes of the held ones when the toxic is removed.
        heal: BlackholeHeal,
    },
    /// `refuse`, of the embedded proxy alone: new connections are refused, live ones go on.
    Refuse,
    /// `flap`, of the embedded proxy alone: connections are reset for a while, then not, and so on.
    Flap {
        /// How long connections work.
        up_ms: u64,
        /// How long they are reset; this comes first.
        down_ms: u64,
    },
    /// What the embedded proxy alone does to calls and streams, on a proxy that follows HTTP.
    Path {
        /// What.
        trouble: PathTrouble,
    },
}

/// What becomes of held connections when a blackhole heals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BlackholeHeal {
    /// They are reset.
    Reset,
    /// The held bytes are delivered.
    Release,
}

impl ToxicKind {
    /// The type on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Bandwidth { .. } => "bandwidth",
            Self::SlowClose { .. } => "slow_close",
            Self::Slicer { .. } => "slicer",
            Self::LimitData { .. } => "limit_data",
            Self::ResetPeer { .. } => "reset_peer",
            Self::Timeout { .. } => "timeout",
            Self::Blackhole { .. } => "blackhole",
            Self::HalfOpen => "half_open",
            Self::Silence { .. } => "silence",
            Self::Refuse => "refuse",
            Self::Flap { .. } => "flap",
            Self::Path { trouble } => calls::toxic(trouble),
        }
    }

    pub(super) fn attributes(self) -> Value {
        match self {
            Self::Latency { latency_ms, jitter_ms, distribution: Distribution::Uniform } => {
                json!({"latency": latency_ms, "jitter": jitter_ms})
            }
            Self::Latency { latency_ms, jitter_ms, distribution } => {
                json!({"latency": latency_ms, "jitter": jitter_ms, "distribution": distribution})
            }
            Self::Bandwidth { rate } => json!({"rate": rate}),
            Self::SlowClose { delay_ms } => json!({"delay": delay_ms}),
            Self::Slicer { average_size, size_variation, delay_us } => {
                json!({"average_size": average_size, "size_variation": size_variation, "delay": delay_us})
            }
            Self::LimitData { bytes } => json!({"bytes": bytes}),
            Self::ResetPeer { timeout_ms } | Self::Timeout { timeout_ms } => json!({"timeout": timeout_ms}),
            Self::Blackhole { heal } | Self::Silence { heal } => json!({"heal": heal}),
            Self::HalfOpen | Self::Refuse => json!({}),
            Self::Flap { up_ms, down_ms } => json!({"up": up_ms, "down": down_ms}),
            Self::Path { trouble } => calls::attributes(trouble),
        }
    }
}

impl ToxicConfig {
    pub(super) fn body(&self) -> Value {
        json!({
            "name": self.name,
            "type": self.kind.name(),
            "stream": self.stream.name(),
            "toxicity": f64::from(self.toxicity_ppm) / f64::from(ALL_PPM),
            "attributes": self.kind.attributes(),
        })
    }
}
