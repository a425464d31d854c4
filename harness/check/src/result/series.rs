//! `series.json`: what charts draw, in the order of time, and every distribution as a histogram.

use serde::{Deserialize, Serialize};
use shakedown_model::event::Path;
use shakedown_model::gate::{Measure, Scope};
use shakedown_model::{GroupId, ItemId, MutationId, Offset, Version, WatcherId};

use super::FidelityAttempt;

/// What charts draw.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Series {
    /// [`RESULT_FORMAT`](super::RESULT_FORMAT).
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
    /// Attempts of real clients and of those that imitate them.
    #[serde(default)]
    pub fidelity: Vec<FidelityAttempt>,
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
