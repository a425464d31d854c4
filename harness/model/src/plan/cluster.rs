//! How the embedded server's nodes tell each other of writes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How nodes over one database learn of each other's writes, with the real server's values as defaults
/// (nacos-facts.md §5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSettings {
    /// From a write to the arrival of its broadcast at each other node (real: the network, below 1 ms on one machine).
    pub broadcast_delay: Duration,
    /// Broadcasts that are lost, of a million; a loss is noticed after the time-out, and the broadcast is sent again
    /// (real: none on a sound network).
    pub broadcast_loss_ppm: u32,
    /// How long a node waits for the answer to a broadcast (real: 1 s).
    pub broadcast_timeout: Duration,
    /// How long a failed broadcast waits at least before it is sent again (real: 500 ms).
    pub broadcast_retry: Duration,
    /// After failure n, counted from 0, it waits `n²` times this in addition, n being 7 at most (real: 1 s).
    pub broadcast_retry_step: Duration,
    /// The period in which each node looks for changes in the database that nobody told it of; zero is never
    /// (real: 30 s).
    pub change_scan: Duration,
    /// The period in which each node dumps everything again; zero is never (real: 6 h).
    pub full_dump: Duration,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self {
            broadcast_delay: Duration::from_millis(1),
            broadcast_loss_ppm: 0,
            broadcast_timeout: Duration::from_secs(1),
            broadcast_retry: Duration::from_millis(500),
            broadcast_retry_step: Duration::from_secs(1),
            change_scan: Duration::from_secs(30),
            full_dump: Duration::from_secs(6 * 60 * 60),
        }
    }
}
