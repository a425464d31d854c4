//! Real SDKs beside the simulated clients that imitate them, by what is seen of both from without.

use serde::{Deserialize, Serialize};
use shakedown_model::event::{Path, ReadSource};
use shakedown_model::{FaultId, GroupId, WatcherId};

/// A group of real clients and the simulated group that imitates their SDK, on the same link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FidelityPair {
    /// The group of real clients.
    pub real: GroupId,
    /// The group that imitates them.
    pub simulated: GroupId,
    /// The SDK, as `like` names it.
    pub like: String,
    /// What was compared, fault by fault.
    pub rows: Vec<FidelityRow>,
    /// What could not be compared, and why; empty when all could.
    pub notes: Vec<String>,
}

/// One measure of both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FidelityRow {
    /// What is compared.
    pub measure: FidelityMeasure,
    /// Under which fault; `None` for what counts over the whole run.
    pub fault: Option<FaultId>,
    /// What the real clients did.
    pub real: FidelitySide,
    /// What the simulated ones did.
    pub simulated: FidelitySide,
    /// Of times, (simulated − real) / real, by their medians; of shares, simulated − real. `None` where one has too few.
    pub difference: Option<f64>,
    /// What that comes to.
    pub verdict: FidelityVerdict,
}

/// What is compared. All of it is seen from without: at the proxy, and in what the application is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FidelityMeasure {
    /// The share of the clients that lost their connection.
    Losses,
    /// From the fault's onset until the client ends its connection or opens the next one beside it; nothing where another
    /// ended it.
    Detect,
    /// The pause before attempt n: from the loss (n = 1) or the end of the attempt before, to its opening.
    AttemptGap(u32),
    /// From the opening of attempt n − 1 to that of attempt n: the same as the pause where attempts fail at once, and told
    /// apart from it where one begins before the last has ended.
    AttemptInterval(u32),
    /// From the opening of attempt n to its end, where it failed.
    AttemptLength(u32),
    /// From the loss to the first bytes of the server on the connection that stays.
    Reconnect,
    /// From the heal until the client holds the newest version of everything.
    CatchUp,
    /// How long an application waited for the answer to a read while the fault was in force.
    ReadTime,
    /// The share of those answers that came from this source.
    ReadSource(ReadSource),
    /// The share of the changes due to the clients that came later than the delivery time-out, or never.
    Late,
    /// The share of the listener's calls that brought the same version again.
    Duplicates,
    /// The share of deliveries that came by this path.
    Path(Path),
}

/// What one side did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FidelitySide {
    /// Times, in nanoseconds.
    Times {
        /// How many.
        count: u64,
        /// Their median; 0 without any.
        median_ns: u64,
        /// The shortest.
        least_ns: u64,
        /// The longest.
        most_ns: u64,
    },
    /// So many of so many.
    Share {
        /// How many.
        count: u64,
        /// Of how many.
        of: u64,
    },
}

/// What a comparison comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FidelityVerdict {
    /// Medians differ by 10 % at most, or by no more than this bench can tell apart; shares by ten points at most.
    Within,
    /// They differ by more.
    Differs,
    /// They differ by more, but the real clients among themselves do too, and the simulated median lies within what they did.
    Irregular,
    /// One side has fewer than three samples.
    TooFew,
}

/// An attempt to connect of either side, for the chart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FidelityAttempt {
    /// The pair, as a place in [`Judgement::fidelity`](super::Judgement::fidelity).
    pub pair: u16,
    /// Whether a real client made it.
    pub is_real: bool,
    /// Under which fault.
    pub fault: FaultId,
    /// Who.
    pub watcher: WatcherId,
    /// 1 for the first after the loss.
    pub number: u32,
    /// The pause before it.
    pub gap_ns: u64,
    /// How long it took; `None` for the one that stayed.
    pub length_ns: Option<u64>,
}
