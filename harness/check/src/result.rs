//! What judging a run yields: `verdict.json` (the [`Judgement`]) and `series.json` (the [`Series`]).
//!
//! Reporters read these and nothing else; they never judge.

mod fidelity;
mod own_share;
mod series;

use serde::{Deserialize, Serialize};
use shakedown_model::event::Path;
use shakedown_model::fault::NodeService;
use shakedown_model::gate::{Measure, Scope, Stat};
use shakedown_model::verdict::{Guarantee, Outcome, Verdict};
use shakedown_model::{FaultId, GroupId, Offset};

pub use fidelity::{
    FidelityAttempt, FidelityMeasure, FidelityPair, FidelityRow, FidelitySide, FidelityVerdict,
};
pub use own_share::{OwnShare, OwnShareRow};
pub use series::{
    AttemptSeries, FailoverPoint, GapPoint, GroupTimes, HistogramRow, LatencyBucket, LatencySeries,
    MutationRow, Raster, RasterRow, Series, StalenessSeries,
};

/// The version of `verdict.json` and `series.json`.
pub const RESULT_FORMAT: u32 = 2;

/// The judgement of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// [`RESULT_FORMAT`].
    pub format: u32,
    /// The verdict.
    pub verdict: Verdict,
    /// Its exit code.
    pub exit_code: u8,
    /// One line: why the verdict is what it is.
    pub reason: String,
    /// Whether the harness kept up and the recording is whole.
    pub validity: Validity,
    /// Every figure, by measure, scope and group.
    pub figures: Vec<Figure>,
    /// By which path content came, by scope, group and path.
    pub paths: Vec<PathFigure>,
    /// Every guarantee.
    pub guarantees: Vec<GuaranteeResult>,
    /// Every gate.
    pub gates: Vec<GateResult>,
    /// Every fault.
    pub faults: Vec<FaultResult>,
    /// Real SDKs beside the simulated clients that imitate them.
    #[serde(default)]
    pub fidelity: Vec<FidelityPair>,
    /// What the harness itself took of a delivery; empty where none was timed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_share: Vec<OwnShareRow>,
    /// What was counted over the run.
    pub counts: Counts,
}

/// Whether the run can be judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// False makes the run invalid.
    pub is_valid: bool,
    /// Each check of the harness itself, held or not, with its numbers.
    pub findings: Vec<Finding>,
}

/// A check of the harness itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What was checked, such as `scheduler-lag`.
    pub name: String,
    /// Pass, unknown or fail.
    pub outcome: Outcome,
    /// The numbers, in words.
    pub text: String,
}

/// One distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What is measured.
    pub measure: Measure,
    /// Where in the run.
    pub scope: Scope,
    /// For which group; `None` for measures without one.
    pub group: Option<GroupId>,
    /// How many samples, the censored ones included.
    pub count: u64,
    /// How many of them are known only to be later than the time-out.
    pub censored: u64,
    /// How many were negative (seen before the ack); they count as the smallest value.
    pub negative: u64,
    /// From how many mutations the samples come (0 where that means nothing).
    pub mutations: u64,
    /// p50, p90, p99, p999 and max, in [`Stat::ALL`]'s order.
    pub stats: [StatValue; 5],
    /// The percentile spectrum for charts: (quantile, value in nanoseconds or millionths of a share), ascending.
    pub spectrum: Vec<(f64, u64)>,
}

impl Figure {
    /// The value of one statistic.
    #[must_use]
    pub fn stat(&self, stat: Stat) -> StatValue {
        self.stats[stat.index()]
    }
}

/// A value of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatValue {
    /// Nanoseconds.
    Time(u64),
    /// Later than this many nanoseconds, the time-out.
    LaterThan(u64),
    /// A share between 0 and 1.
    Share(f64),
    /// A count.
    Count(u64),
    /// Too few samples to say.
    TooFew,
}

/// The (mutation, watcher) pairs of one group that were satisfied by deliveries of one path. Paths add up to end-to-end,
/// but for what was never delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PathFigure {
    /// Where in the run: a phase, or the run.
    pub scope: Scope,
    /// The group.
    pub group: GroupId,
    /// The path.
    pub path: Path,
    /// Whether the path is inferred from times, and not told by what was received.
    pub is_inferred: bool,
    /// How many pairs.
    pub count: u64,
    /// End-to-end p50, p90, p99, p999 and max, in [`Stat::ALL`]'s order.
    pub stats: [StatValue; 5],
}

/// The result for one guarantee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuaranteeResult {
    /// Which.
    pub guarantee: Guarantee,
    /// Whether the scenario requires it.
    pub is_required: bool,
    /// Pass, unknown or fail.
    pub outcome: Outcome,
    /// One line with counts: what was checked, or what was violated.
    pub text: String,
    /// The events that prove a violation, at most 10, each a line with instants, watcher and item.
    pub witness: Vec<String>,
}

/// The result for one gate, and within it for each group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    /// As the scenario has it.
    pub text: String,
    /// The worst of its groups.
    pub outcome: Outcome,
    /// One row per group that it was judged for.
    pub rows: Vec<GateRow>,
}

/// A gate in one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateRow {
    /// The group; `None` for measures without one.
    pub group: Option<GroupId>,
    /// Pass, unknown or fail.
    pub outcome: Outcome,
    /// What was found.
    pub value: StatValue,
    /// From how many samples.
    pub count: u64,
    /// Why it is unknown, if it is; otherwise what the bound came to, where it follows a baseline.
    pub note: String,
}

/// What a fault did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultResult {
    /// Which.
    pub fault: FaultId,
    /// Its name.
    pub name: String,
    /// Its kind, such as `blackhole`.
    pub kind: String,
    /// In force from here (as applied; as planned when it was never applied).
    pub from: Offset,
    /// In force until here.
    pub until: Offset,
    /// Whether it bit.
    pub outcome: Outcome,
    /// What the canaries saw, and any trouble.
    pub text: String,
    /// The groups that it touched.
    pub groups: Vec<GroupId>,
    /// What each node did not do because of it, for faults of servers.
    #[serde(default)]
    pub service: Vec<NodeService>,
}

/// Counts over the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Watchers of the plan.
    pub watchers: u64,
    /// Watchers that were subscribed at least once.
    pub subscribed: u64,
    /// Publishes that were acked.
    pub acked: u64,
    /// Publishes that were refused.
    pub refused: u64,
    /// Publishes without a clear answer.
    pub ambiguous: u64,
    /// Publishes whose answer was lost and that a read showed to be stored.
    #[serde(default)]
    pub settled: u64,
    /// Planned mutations that were never sent (a run cut short, or a server that stalled).
    pub unsent: u64,
    /// Deliveries.
    pub deliveries: u64,
    /// (mutation, watcher) pairs in the denominator.
    pub expected: u64,
    /// Of them, not delivered within the time-out.
    pub undelivered: u64,
    /// Of them, satisfied by a newer version.
    pub coalesced: u64,
    /// Connections lost.
    pub losses: u64,
    /// Attempts to connect.
    pub attempts: u64,
    /// Reads by applications.
    pub reads: u64,
}
