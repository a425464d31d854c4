//! Failover: how long an application's read takes while its watcher is cut off, time-outs included.
//!
//! A watcher is cut off from the onset of the fault that it notices later (or from its loss, when no fault explains it)
//! to the next subscription; under a fault that hits every connection and that it never notices, until the fault is healed; after a crash on purpose,
//! from its cold start. A read without an answer is censored at the time that it was given. Reads intended in a phase
//! that is not measured are left out. The series has the answers alone, whatever the phase, each with its age.

use shakedown_model::event::{Read, ReadSource};
use shakedown_model::gate::Measure;
use shakedown_model::time::nanos;
use shakedown_model::{GroupId, Offset, Version};

use super::Findings;
use crate::evidence::Evidence;
use crate::index::Held;
use crate::outage;
use crate::result::FailoverPoint;

/// The series has this many points per group at most.
const POINTS: usize = 20_000;

/// Takes every read of a watcher that was cut off.
pub(crate) fn take(evidence: &Evidence<'_>, findings: &mut Findings) {
    let cut_off = stretches(evidence);
    let mut answers: Vec<Vec<&Read>> = evidence.groups().map(|_| Vec::new()).collect();
    for read in &evidence.index.reads {
        findings.counts.reads += 1;
        let is_cut_off = cut_off[read.watcher.index()]
            .iter()
            .any(|(from, until)| *from <= read.intended && read.intended < *until);
        let group = evidence.index.slots.group_of(read.watcher);
        if is_cut_off && read.source != ReadSource::Nothing {
            answers[group.index()].push(read);
        }
        let Some(scope) = evidence.measured_scope(read.intended).filter(|_| is_cut_off) else { continue };
        let failover = findings.figures.entry(Measure::Failover, scope, Some(group));
        let took = nanos(read.answered.since(read.intended));
        if read.source == ReadSource::Nothing { failover.censor(took) } else { failover.record(took) }
    }
    for ((group, _), mut answers) in evidence.groups().zip(answers) {
        answers.sort_by_key(|read| read.intended);
        let step = answers.len().div_ceil(POINTS).max(1);
        let points = answers.into_iter().step_by(step).map(|read| point(evidence, group, read));
        findings.series.failover.extend(points);
    }
}

fn point(evidence: &Evidence<'_>, group: GroupId, read: &Read) -> FailoverPoint {
    let index = &evidence.index;
    let is_gray = index.is_gray(read.watcher);
    let missed = index.publishes.stored_after(read.item, read.version, is_gray);
    // How old an answer is that is no version cannot be told.
    let since = missed.filter(|_| read.version.is_some()).map(|missed| missed.done);
    FailoverPoint {
        group,
        at: read.intended,
        age_ns: since.map_or(0, |since| nanos(read.answered.since(since))),
        is_right: is_right(evidence, read),
        says_stale: read.says_stale,
    }
}

/// Whether an answer is something that its watcher had held: a version, or the absence that it held last; of an
/// operator's failover file, what that has.
fn is_right(evidence: &Evidence<'_>, read: &Read) -> bool {
    let index = &evidence.index;
    if read.source == ReadSource::Failover {
        return read.version == Some(Version::INITIAL);
    }
    let Some(slot) = index.slots.slot(read.watcher, read.item) else { return false };
    let held = index.held(slot);
    let mut held = held[..held.partition_point(|held| held.at <= read.answered)].iter().rev();
    match read.version {
        Some(version) => held.any(|held| held.is_real() && !held.is_absent() && held.version == version),
        None => held.next().is_some_and(Held::is_absent),
    }
}

/// Per watcher, the stretches in which it was cut off.
fn stretches(evidence: &Evidence<'_>) -> Vec<Vec<(Offset, Offset)>> {
    let mut stretches = vec![Vec::new(); evidence.index.slots.watchers()];
    for outage in &evidence.outages {
        if let Some(from) = outage.reconnects_from() {
            stretches[outage.watcher.index()].push((from, outage.end()));
        }
    }
    for onset in outage::onsets(evidence).into_iter().filter(|onset| onset.is_hit) {
        let healed = evidence.window(onset.fault).and_then(|window| window.healed).unwrap_or(Offset::NEVER);
        stretches[onset.watcher.index()].push((onset.applied, onset.noticed.unwrap_or(healed)));
    }
    stretches
}

#[cfg(test)]
mod tests;
