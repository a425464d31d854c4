//! What the harness itself took of a delivery.

use serde::{Deserialize, Serialize};

/// A part of the harness that a delivery passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnShare {
    /// Bytes that have come wait until a task has read them. It lies before the receive stamp: every delivery's time has
    /// it in it.
    ReceiveQueue,
    /// From the receive stamp until the answer was read out of its bytes.
    Decode,
    /// Checksum and MD5.
    Verify,
    /// Handing it to the recorder.
    Record,
    /// Decode, verify and record of one delivery together.
    BehindTheStamp,
}

impl OwnShare {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReceiveQueue => "receive queue",
            Self::Decode => "decode",
            Self::Verify => "verify",
            Self::Record => "record",
            Self::BehindTheStamp => "decode to record",
        }
    }
}

/// One part over the measured phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnShareRow {
    /// Which.
    pub share: OwnShare,
    /// How many samples.
    pub count: u64,
    /// The median in nanoseconds.
    pub p50_ns: u64,
    /// The 99th percentile in nanoseconds.
    pub p99_ns: u64,
    /// The largest in nanoseconds.
    pub max_ns: u64,
}
