//! What judging a run yields: `verdict.json` (the [`Judgement`]) and `series.json` (the [`Series`]).
//!
//! Reporters read these and nothing else; they never judge.

use serde::{Deserialize, Serialize};
use shakedown_model::event::Path;
use shakedown_model::gate::{Measure, Scope, Stat};
use shakedown_model::verdict::{Guarantee, Outcome, Verdict};
use shakedown_model::{FaultId, GroupId, ItemId, MutationId, Offset, Version, WatcherId};

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
        let index = Stat::ALL.iter().position(|s| *s == stat).expect("Stat::ALL has every statistic");
        self.stats[index]
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

/// What charts draw.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Series {
    /// [`RESULT_FORMAT`].
    pub format: u32,
    /// End-to-end latency per group in buckets of the intended time.
    pub latency: Vec<LatencySeries>,
    /// One row per mutation.
    pub mutations: Vec<MutationRow>,
    /// Attempts to connect per group, in buckets of their start.
    pub attempts: Vec<AttemptSeries>,
    /// Single attempt gaps, at most 20,000 per group (evenly thinned), for the policy chart.
    pub gaps: Vec<GapPoint>,
    /// The largest staleness per group over time.
    pub staleness: Vec<StalenessSeries>,
    /// T50 to T-all of every mutation within each group: what runs are compared by.
    #[serde(default)]
    pub group_times: Vec<GroupTimes>,
    /// Which watcher got which mutation by which path, if there were any.
    pub raster: Option<Raster>,
    /// Answers from cache, at most 20,000 per group (evenly thinned), with their age.
    pub failover: Vec<FailoverPoint>,
    /// Every distribution of a phase or fault as an HDR histogram, for exports.
    #[serde(default)]
    pub histograms: Vec<HistogramRow>,
}

/// One distribution as an HDR histogram that other tools read.
///
/// Samples that are known only to be later than the time-out are in it as `censored_as`, so that every quantile below
/// them is the one of the figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistogramRow {
    /// What is measured.
    pub measure: Measure,
    /// A phase or a fault; in [`Scope::Run`] only where phases do not add up to the run.
    pub scope: Scope,
    /// For which group; `None` for measures without one.
    pub group: Option<GroupId>,
    /// How many samples are known only to be later than the time-out.
    pub censored: u64,
    /// The value that stands for each of them: the time-out, or the largest known value if that is later.
    pub censored_as: u64,
    /// The histogram, 3 significant digits, in nanoseconds, millionths of a share or counts: HdrHistogram's compressed
    /// V2 form in base64, as its logs hold it.
    pub v2: String,
}

/// The mutations that a group's watchers were to receive, by intended time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupTimes {
    /// The group.
    pub group: GroupId,
    /// (when it was due; T50, T90, T99 and T-all in nanoseconds from then, `None` when later than the time-out).
    pub rows: Vec<(Offset, [Option<u64>; 4])>,
}

/// Watchers by mutations: how each came to hold each. Rows and columns are thinned evenly, which is stated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Raster {
    /// The mutations, ascending by intended time: (which, its intended time).
    pub columns: Vec<(MutationId, Offset)>,
    /// The watchers, by group, then id.
    pub rows: Vec<RasterRow>,
    /// Of how many mutations the columns are taken.
    pub mutations: u64,
    /// Of how many watchers the rows are taken.
    pub watchers: u64,
}

/// One watcher's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RasterRow {
    /// Who.
    pub watcher: WatcherId,
    /// In which group.
    pub group: GroupId,
    /// One character a column: [`Raster::letter`] of the path, `.` where the watcher was not in the denominator, `!`
    /// where it was not delivered within the time-out.
    pub paths: String,
    /// End-to-end latency a column in microseconds; 0 where there is none.
    pub micros: Vec<u64>,
}

impl Raster {
    /// The character of a path.
    #[must_use]
    pub const fn letter(path: Path) -> char {
        match path {
            Path::Initial => 'i',
            Path::Push => 'p',
            Path::PushRetry => 'r',
            Path::Relist => 'l',
            Path::Resync => 's',
            Path::PollWake => 'w',
            Path::PollTimeout => 't',
            Path::Cache => 'c',
        }
    }
}

/// One answer from cache.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FailoverPoint {
    /// The group.
    pub group: GroupId,
    /// When it was due.
    pub at: Offset,
    /// The age of the answer in nanoseconds: the answer less the ack of the oldest version that it misses; 0 when it
    /// was the newest.
    pub age_ns: u64,
    /// Whether it was a version that this watcher had held, whole.
    pub is_right: bool,
    /// Whether it said that it may be stale.
    pub says_stale: bool,
}

/// End-to-end latency of one group over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencySeries {
    /// The group.
    pub group: GroupId,
    /// The buckets that hold samples, ascending.
    pub buckets: Vec<LatencyBucket>,
}

/// Latency in one bucket of intended time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatencyBucket {
    /// The bucket's middle.
    pub at: Offset,
    /// How many samples.
    pub count: u64,
    /// How many of them are later than the time-out.
    pub censored: u64,
    /// Nanoseconds; censored samples count as the time-out.
    pub p50: u64,
    /// Nanoseconds, likewise.
    pub p99: u64,
    /// Nanoseconds, likewise.
    pub max: u64,
}

/// The watchers of one mutation, over all groups.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MutationRow {
    /// Which.
    pub mutation: MutationId,
    /// Of which item.
    pub item: ItemId,
    /// The version that it wrote.
    pub version: Version,
    /// When it was due.
    pub intended: Offset,
    /// When it was acked, if it was.
    pub acked: Option<Offset>,
    /// (watchers in the denominator, of them delivered in time).
    pub reached: (u32, u32),
    /// T50, T90, T99, T-all in nanoseconds from the intended time; `None` is later than the time-out.
    pub times: [Option<u64>; 4],
}

/// Attempts to connect of one group over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptSeries {
    /// The group.
    pub group: GroupId,
    /// The width of a bucket in nanoseconds.
    pub bucket_ns: u64,
    /// (start of the bucket, attempts in it, of them connected), only buckets with attempts, ascending.
    pub buckets: Vec<(Offset, u32, u32)>,
}

/// One attempt gap beside what the policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GapPoint {
    /// The group.
    pub group: GroupId,
    /// The attempt that ended the gap (2 or more).
    pub attempt: u32,
    /// The gap in nanoseconds.
    pub gap_ns: u64,
    /// What the policy allows, in nanoseconds, tolerance excluded.
    pub allowed_ns: (u64, u64),
    /// Whether it is within the policy, tolerance included.
    pub is_within: bool,
}

/// Staleness of one group over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StalenessSeries {
    /// The group.
    pub group: GroupId,
    /// (when, the largest staleness of any watcher in nanoseconds, how many watchers are stale).
    pub points: Vec<(Offset, u64, u32)>,
}
