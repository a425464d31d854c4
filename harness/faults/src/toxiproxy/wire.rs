//! The JSON of Toxiproxy's API as types; units are whole milliseconds there, `Duration` here.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shakedown_model::fault::Stream;

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
    /// Where watchers connect.
    pub listen: SocketAddr,
    /// Where it connects.
    pub upstream: SocketAddr,
    /// Whether it accepts connections.
    pub enabled: bool,
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
}

/// A toxic to add; it acts on every connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToxicConfig {
    /// Its name, unique within the proxy.
    pub name: String,
    /// Its direction.
    pub stream: Direction,
    /// What it does.
    pub kind: ToxicKind,
}

/// What a toxic does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToxicKind {
    /// `latency`: delays by `latency_ms ± jitter_ms`.
    Latency {
        /// The middle of the delay.
        latency_ms: u64,
        /// Half the width of the delay.
        jitter_ms: u64,
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
            Self::ResetPeer { .. } => "reset_peer",
            Self::Timeout { .. } => "timeout",
            Self::Blackhole { .. } => "blackhole",
        }
    }

    pub(super) fn attributes(self) -> Value {
        match self {
            Self::Latency { latency_ms, jitter_ms } => json!({"latency": latency_ms, "jitter": jitter_ms}),
            Self::ResetPeer { timeout_ms } | Self::Timeout { timeout_ms } => json!({"timeout": timeout_ms}),
            Self::Blackhole { heal } => json!({"heal": heal}),
        }
    }
}

impl ToxicConfig {
    pub(super) fn body(&self) -> Value {
        json!({
            "name": self.name,
            "type": self.kind.name(),
            "stream": self.stream.name(),
            "toxicity": 1.0,
            "attributes": self.kind.attributes(),
        })
    }
}
