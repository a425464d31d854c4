//! The guarantees, one file each: a pure function from the evidence to pass, unknown or fail, with a witness.
//!
//! A violation that what is missing cannot explain stands. Without one, a recording that is cut short or corrupt makes
//! every guarantee unknown (what is missing may hold the violation), and so does a run that did not come to its end for
//! those that speak of the end: nothing lost and converges. Records may be missing anywhere in a recording that is not
//! whole, because a disk that does not keep up loses blocks in its middle.

mod converges;
mod intact;
mod isolated;
mod last_good;
mod monotonic;
mod nothing_invented;
mod nothing_lost;
mod once;
mod safe_failover;
pub(crate) mod within_policy;

use shakedown_model::WatcherId;
use shakedown_model::fault::FaultPlan;
use shakedown_model::verdict::{Guarantee, Outcome};

use crate::evidence::Evidence;
use crate::result::GuaranteeResult;

/// A witness has this many lines at most.
const WITNESS_LINES: usize = 10;

/// What a checker found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Judged {
    outcome: Outcome,
    text: String,
    witness: Vec<String>,
}

impl Judged {
    fn new(outcome: Outcome, text: impl Into<String>) -> Self {
        Self { outcome, text: text.into(), witness: Vec::new() }
    }
}

/// Violations while they are counted: all of them in number, the first few in words.
#[derive(Debug, Default)]
struct Violations {
    count: u64,
    witness: Vec<String>,
}

impl Violations {
    /// Counts one; the lines that prove it are only made while there is room for them.
    fn add<const N: usize>(&mut self, lines: impl FnOnce() -> [String; N]) {
        self.count += 1;
        if self.witness.len() + N <= WITNESS_LINES {
            self.witness.extend(lines());
        }
    }

    /// Fail with this text when there were any.
    fn failed(self, text: impl FnOnce(u64) -> String) -> Option<Judged> {
        (self.count > 0).then(|| Judged {
            outcome: Outcome::Fail,
            text: text(self.count),
            witness: self.witness,
        })
    }

    /// Unknown with this text when there were any.
    fn unknown(self, text: impl FnOnce(u64) -> String) -> Option<Judged> {
        (self.count > 0).then(|| Judged {
            outcome: Outcome::Unknown,
            text: text(self.count),
            witness: self.witness,
        })
    }
}

/// Whether the record of a watcher's crash on purpose may be missing, after which it may rightly hold any version.
fn may_lack_a_crash(evidence: &Evidence<'_>, watcher: WatcherId) -> bool {
    let group = evidence.index.slots.group_of(watcher);
    let crashes = |fault: &FaultPlan| fault.action.crashes() && fault.groups.contains(&group);
    !evidence.is_whole() && evidence.plan.faults.iter().any(crashes)
}

/// Judges every guarantee.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Vec<GuaranteeResult> {
    Guarantee::ALL
        .into_iter()
        .map(|guarantee| {
            let judged = judge_one(guarantee, evidence);
            GuaranteeResult {
                guarantee,
                is_required: evidence.plan.required.contains(&guarantee),
                outcome: judged.outcome,
                text: judged.text,
                witness: judged.witness,
            }
        })
        .collect()
}

fn judge_one(guarantee: Guarantee, evidence: &Evidence<'_>) -> Judged {
    let speaks_of_the_end = matches!(guarantee, Guarantee::NothingLost | Guarantee::Converges);
    if speaks_of_the_end && !evidence.is_complete() {
        return Judged::new(Outcome::Unknown, "the run did not come to its end, of which this speaks");
    }
    if speaks_of_the_end && !evidence.is_whole() {
        // A publish or a delivery that is missing from the record would look like one that was lost.
        return Judged::new(
            Outcome::Unknown,
            "the recording is not whole; what the run ended on is not known",
        );
    }
    let judged = match guarantee {
        Guarantee::NothingLost => nothing_lost::check(evidence),
        Guarantee::Converges => converges::check(evidence),
        Guarantee::Monotonic => monotonic::check(evidence),
        Guarantee::Intact => intact::check(evidence),
        Guarantee::NothingInvented => nothing_invented::check(evidence),
        Guarantee::Isolated => isolated::check(evidence),
        Guarantee::Once => once::check(evidence),
        Guarantee::LastGood => last_good::check(evidence),
        Guarantee::WithinPolicy => within_policy::check(evidence),
        Guarantee::SafeFailover => safe_failover::check(evidence),
    };
    if judged.outcome == Outcome::Pass && !evidence.is_whole() {
        return Judged::new(
            Outcome::Unknown,
            format!("{}, as far as recorded; the recording is not whole", judged.text),
        );
    }
    judged
}

#[cfg(test)]
mod tests;
