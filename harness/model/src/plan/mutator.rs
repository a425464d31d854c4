//! How config changes: when mutations arrive, what they do and how they travel.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ItemId, Offset};

/// How config changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MutatorSpec {
    /// When mutations arrive, over all items together.
    pub arrivals: Arrivals,
    /// What they do, by weight.
    pub kinds: Kinds,
    /// How a gray release goes.
    pub gray: GraySpec,
    /// Whether a write names the MD5 of the version that it replaces, so that the server refuses it when another came
    /// between (`casMd5`, nacos-facts.md §1.3).
    pub cas: bool,
    /// How publishes travel.
    pub by: PublishBy,
}

impl MutatorSpec {
    /// Writes alone, by HTTP, without CAS.
    #[must_use]
    pub fn writes(arrivals: Arrivals) -> Self {
        Self { arrivals, kinds: Kinds::default(), gray: GraySpec::default(), cas: false, by: PublishBy::Http }
    }
}

/// When mutations arrive, over all items together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// `count` mutations spread evenly over `over`, every `every`, the first after `every`. Each burst changes other
    /// items as long as there are enough.
    Burst {
        /// Mutations of one burst.
        count: u32,
        /// From the start of one burst to that of the next.
        every: Duration,
        /// From a burst's first mutation to its last.
        over: Duration,
    },
    /// At the recorded instants.
    Trace(Vec<TracePoint>),
}

/// One recorded arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracePoint {
    /// When, from the run's start.
    pub at: Offset,
    /// Which item; `None` is drawn from the seed.
    pub item: Option<ItemId>,
}

/// How often mutations are of each kind, by weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kinds {
    /// Content is replaced, or created where it was deleted.
    pub write: u32,
    /// The item is deleted; a later write creates it again.
    pub delete: u32,
    /// A gray release begins; its promotion follows by itself.
    pub gray: u32,
}

impl Default for Kinds {
    /// Writes alone.
    fn default() -> Self {
        Self { write: 1, delete: 0, gray: 0 }
    }
}

/// How a gray (beta) release goes: published to some watchers, held, then promoted to all or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraySpec {
    /// To how many of the [`COHORTS`](crate::plan::COHORTS) it goes.
    pub cohorts: u8,
    /// From the gray publish to its end.
    pub hold: Duration,
    /// The share of the releases that are taken back instead of promoted, in parts per million.
    #[serde(default)]
    pub rollback_ppm: u32,
}

impl Default for GraySpec {
    /// A fifth of the watchers, 5 s.
    fn default() -> Self {
        Self { cohorts: 10, hold: Duration::from_secs(5), rollback_ppm: 0 }
    }
}

/// How publishes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishBy {
    /// By HTTP: v1 on a 2.x server, the v3 admin API on a 3.x one.
    Http,
    /// By gRPC, as the SDKs publish.
    Grpc,
}
