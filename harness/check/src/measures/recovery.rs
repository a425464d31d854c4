//! Detect, attempt gap, reconnect and catch-up: how watchers come back after a fault cut them.
//!
//! Decided here, where the definitions are silent:
//! - Detect and reconnect are known beyond the delivery time-out, so they are recorded as they are; what never happened
//!   is censored at what the record shows.
//! - Detect counts from when applying began, because a watcher may notice before the last proxy has answered
//!   (docs/adr/0008).
//! - A fault that does not hit every live connection (a toxicity, some nodes of several) censors nobody in detect: who
//!   noticed nothing may not have been hit.
//! - Reconnect after a crash on purpose counts from the cold start, and a crash drops an outage that it interrupts.
//! - A crash on purpose forgets: that watcher has caught up once it holds the newest again, not before.
//! - Catch-up is of those that missed something when the fault healed; who missed nothing has nothing to catch up with.
//! - Outages that belong to no fault are counted as losses and are in no figure.

use std::collections::BTreeMap;

use shakedown_model::event::AttemptOutcome;
use shakedown_model::gate::{Measure, Scope};
use shakedown_model::time::nanos;
use shakedown_model::{FaultId, GroupId, ItemId, Offset, WatcherId};

use super::Findings;
use crate::evidence::Evidence;
use crate::guarantees::within_policy::{is_within, previous_gap};
use crate::outage::{self, Outage, of_watcher};
use crate::result::{AttemptSeries, GapPoint};

/// The chart of attempts has buckets this wide.
const ATTEMPT_BUCKET_NS: u64 = 100_000_000;
/// The chart of gaps shows this many per group at most.
const GAP_POINTS: usize = 20_000;

/// Takes the measures of every outage.
pub(crate) fn take(evidence: &Evidence<'_>, findings: &mut Findings) {
    detect(evidence, findings);
    for outage in &evidence.outages {
        findings.counts.losses += u64::from(!outage.is_crash);
        if let Some(fault) = outage.fault {
            reconnect(evidence, outage, fault, findings);
            attempt_gaps(evidence, outage, fault, findings);
        }
    }
    catch_up(evidence, findings);
    for (group, _) in evidence.groups() {
        findings.series.attempts.extend(attempt_series(evidence, group));
        findings.series.gaps.extend(gap_points(evidence, group));
    }
}

fn detect(evidence: &Evidence<'_>, findings: &mut Findings) {
    for onset in outage::onsets(evidence).into_iter().filter(|onset| onset.is_hit) {
        let detect = findings.figures.entry(Measure::Detect, Scope::Fault(onset.fault), Some(onset.group));
        match onset.noticed {
            Some(noticed) => detect.record(nanos(noticed.since(onset.applying))),
            None => detect.censor(nanos(onset.watched_until.since(onset.applying))),
        }
    }
}

fn reconnect(evidence: &Evidence<'_>, outage: &Outage, fault: FaultId, findings: &mut Findings) {
    let Some(from) = outage.reconnects_from().filter(|_| outage.crashed.is_none()) else { return };
    let reconnect = findings.figures.entry(Measure::Reconnect, Scope::Fault(fault), Some(outage.group));
    match outage.until {
        Some(until) => reconnect.record(nanos(until.since(from))),
        None => reconnect.censor(nanos(evidence.horizon.since(from))),
    }
}

fn attempt_gaps(evidence: &Evidence<'_>, outage: &Outage, fault: FaultId, findings: &mut Findings) {
    let attempts = &evidence.index.attempts_of(outage.watcher)[outage.attempts.clone()];
    for attempt in attempts.iter().filter(|attempt| attempt.number >= 2) {
        let gap = nanos(attempt.started.since(attempt.waited_from));
        findings.figures.entry(Measure::AttemptGap, Scope::Fault(fault), Some(outage.group)).record(gap);
    }
}

fn catch_up(evidence: &Evidence<'_>, findings: &mut Findings) {
    for (id, fault, window) in evidence.cuts() {
        let Some(healed) = window.healed else { continue };
        let forgets = fault.action.crashes();
        for group in &fault.groups {
            for watcher in evidence.watchers_of(*group) {
                let outages = of_watcher(&evidence.outages, watcher);
                let Some(cut) = outages.iter().find(|outage| outage.fault == Some(id)) else { continue };
                let since = if forgets { cut.from } else { Offset::ZERO };
                let caught_up = caught_up(evidence, watcher, since, healed);
                let crashes_later =
                    evidence.index.lives[watcher.index()].last_crash(Offset::NEVER) > Some(healed);
                if caught_up == CaughtUp::MissedNothing || caught_up == CaughtUp::Never && crashes_later {
                    continue;
                }
                let figure = findings.figures.entry(Measure::CatchUp, Scope::Fault(id), Some(*group));
                match caught_up {
                    CaughtUp::At(at) => figure.record(nanos(at.since(healed))),
                    CaughtUp::Never | CaughtUp::MissedNothing => {
                        figure.censor(nanos(evidence.horizon.since(healed)));
                    }
                }
            }
        }
    }
}

/// When a watcher held the newest versions of all its items as acked before a fault healed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CaughtUp {
    MissedNothing,
    At(Offset),
    Never,
}

pub(crate) fn caught_up(
    evidence: &Evidence<'_>,
    watcher: WatcherId,
    since: Offset,
    healed: Offset,
) -> CaughtUp {
    let mut caught_up = CaughtUp::MissedNothing;
    let is_gray = evidence.index.is_gray(watcher);
    for slot in evidence.index.slots.of_watcher(watcher) {
        let item: ItemId = evidence.index.slots.item(slot);
        let Some(newest) = evidence.index.publishes.newest_stored(item, healed, is_gray) else { continue };
        let held = evidence
            .index
            .held_real(slot)
            .find(|held| held.at >= since && held.version >= newest.version)
            .map(|held| held.at);
        caught_up = match (held, caught_up) {
            (None, _) => return CaughtUp::Never,
            (Some(at), so_far) if at <= healed => so_far,
            (Some(at), CaughtUp::At(before)) => CaughtUp::At(at.max(before)),
            (Some(at), CaughtUp::MissedNothing | CaughtUp::Never) => CaughtUp::At(at),
        };
    }
    caught_up
}

fn attempt_series(evidence: &Evidence<'_>, group: GroupId) -> Option<AttemptSeries> {
    let mut buckets: BTreeMap<u64, (u32, u32)> = BTreeMap::new();
    for watcher in evidence.watchers_of(group) {
        for attempt in evidence.index.attempts_of(watcher) {
            let (attempts, connected) = buckets.entry(attempt.started.0 / ATTEMPT_BUCKET_NS).or_default();
            *attempts += 1;
            *connected += u32::from(attempt.outcome == AttemptOutcome::Connected);
        }
    }
    let buckets: Vec<_> = buckets
        .into_iter()
        .map(|(nth, (all, connected))| (Offset(nth * ATTEMPT_BUCKET_NS), all, connected))
        .collect();
    (!buckets.is_empty()).then_some(AttemptSeries { group, bucket_ns: ATTEMPT_BUCKET_NS, buckets })
}

/// The gaps of a group, evenly thinned by attempt, each beside what the policy allows.
fn gap_points(evidence: &Evidence<'_>, group: GroupId) -> Vec<GapPoint> {
    let backoff = evidence.plan.groups[group.index()].client.backoff;
    let gaps = || {
        evidence
            .watchers_of(group)
            .flat_map(|watcher| evidence.index.attempts_of(watcher).windows(2))
            .filter(|pair| pair[1].number >= 2)
    };
    let step = gaps().count().div_ceil(GAP_POINTS).max(1);
    let late = crate::validity::lag_p99(evidence).unwrap_or_default();
    gaps()
        .step_by(step)
        .map(|pair| {
            let (before, attempt) = (&pair[0], &pair[1]);
            let gap = attempt.started.since(attempt.waited_from);
            let (least, most) = backoff.bounds(attempt.number, previous_gap(Some(before), attempt));
            GapPoint {
                group,
                attempt: attempt.number,
                gap_ns: nanos(gap),
                allowed_ns: (nanos(least), nanos(most)),
                is_within: is_within(gap, (least, most), late),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
