//! Failover: how long an application's read takes while its watcher is cut off, time-outs included.
//!
//! A watcher is cut off from the onset of the fault that it notices later (or from its loss, when no fault explains it)
//! to the next subscription; under a fault that it never notices, until the fault is healed; after a crash on purpose,
//! from its cold start. A read without an answer is censored at the time that it was given. Reads intended in a phase
//! that is not measured are left out.

use shakedown_model::Offset;
use shakedown_model::event::ReadSource;
use shakedown_model::gate::Measure;
use shakedown_model::time::nanos;

use super::Findings;
use crate::evidence::Evidence;
use crate::outage;

/// Takes every read of a watcher that was cut off.
pub(crate) fn take(evidence: &Evidence<'_>, findings: &mut Findings) {
    let cut_off = stretches(evidence);
    for read in &evidence.index.reads {
        findings.counts.reads += 1;
        let is_cut_off = cut_off[read.watcher.index()]
            .iter()
            .any(|(from, until)| *from <= read.intended && read.intended < *until);
        let Some(scope) = evidence.measured_scope(read.intended).filter(|_| is_cut_off) else { continue };
        let group = evidence.index.slots.group_of(read.watcher);
        let failover = findings.figures.entry(Measure::Failover, scope, Some(group));
        let took = nanos(read.answered.since(read.intended));
        if read.source == ReadSource::Nothing { failover.censor(took) } else { failover.record(took) }
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
    for onset in outage::onsets(evidence) {
        let healed = evidence.window(onset.fault).and_then(|window| window.healed).unwrap_or(Offset::NEVER);
        stretches[onset.watcher.index()].push((onset.applied, onset.noticed.unwrap_or(healed)));
    }
    stretches
}

#[cfg(test)]
mod tests;
