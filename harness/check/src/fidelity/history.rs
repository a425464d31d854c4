//! What the application was given, by either side: catch-up, reads while cut off, calls of the listener, paths.

use std::collections::{BTreeMap, BTreeSet};

use shakedown_model::event::{Path, ReadSource};
use shakedown_model::gate::{Measure, Scope};
use shakedown_model::{FaultId, GroupId, Offset};

use super::between;
use super::sides::{Share, Times};
use crate::evidence::Evidence;
use crate::index::Held;
use crate::measures::recovery::{CaughtUp, caught_up};
use crate::result::{FidelityMeasure, FidelityRow, Figure};

/// From a fault's end until each client that had missed something held the newest version of everything.
pub(super) fn catch_up(evidence: &Evidence<'_>, fault: FaultId, group: GroupId) -> Times {
    let Some(window) = evidence.window(fault) else { return Times::default() };
    let Some(healed) = window.healed else { return Times::default() };
    // A crash forgets: what was held before it does not count.
    let is_crash = evidence.plan.faults[fault.index()].action.crashes();
    let since = if is_crash { window.applying } else { Offset::ZERO };
    let watchers = evidence.watchers_of(group);
    watchers
        .filter_map(|watcher| match caught_up(evidence, watcher, since, healed) {
            CaughtUp::At(at) => Some(between(healed, at)),
            CaughtUp::MissedNothing | CaughtUp::Never => None,
        })
        .collect()
}

/// The reads of one group under a fault.
#[derive(Debug, Clone, Default)]
pub(super) struct Reads {
    pub(super) times: Times,
    sources: BTreeMap<ReadSource, u64>,
    count: u64,
}

/// The reads that were due while a fault was in force.
pub(super) fn reads(evidence: &Evidence<'_>, fault: FaultId, group: GroupId) -> Reads {
    let Some(window) = evidence.window(fault) else { return Reads::default() };
    let from = window.applied.unwrap_or(window.applying);
    let until = window.healing.or(window.healed).unwrap_or(evidence.horizon);
    let is_one = |at: Offset| from <= at && at < until;
    let of_group = evidence
        .index
        .reads
        .iter()
        .filter(|read| is_one(read.intended) && evidence.index.slots.group_of(read.watcher) == group);
    let mut reads = Reads::default();
    let mut times = Vec::new();
    for read in of_group {
        times.push(between(read.intended, read.answered));
        *reads.sources.entry(read.source).or_default() += 1;
        reads.count += 1;
    }
    reads.times = times.into_iter().collect();
    reads
}

/// Where answers came from, one row for each source that either side had.
pub(super) fn sources(fault: FaultId, sides: &[Reads; 2]) -> Vec<FidelityRow> {
    let [real, simulated] = sides;
    let known: BTreeSet<ReadSource> = real.sources.keys().chain(simulated.sources.keys()).copied().collect();
    let rows = known.into_iter().filter_map(|source| {
        let [real, simulated] = [real, simulated].map(|side| Share {
            count: side.sources.get(&source).copied().unwrap_or_default(),
            of: side.count,
        });
        real.beside(simulated, FidelityMeasure::ReadSource(source), Some(fault))
    });
    rows.collect()
}

/// Changes that came later than the time-out, or never, over all phases.
pub(super) fn late(figures: &[Figure], groups: [GroupId; 2]) -> Option<FidelityRow> {
    let [real, simulated] = groups.map(|group| {
        let of_group = figures.iter().filter(|figure| {
            figure.measure == Measure::EndToEnd
                && matches!(figure.scope, Scope::Phase(_))
                && figure.group == Some(group)
        });
        of_group.fold(Share::default(), |share, figure| Share {
            count: share.count + figure.censored,
            of: share.of + figure.count,
        })
    });
    real.beside(simulated, FidelityMeasure::Late, None)
}

/// Calls of listeners that brought the version of the call before once more.
pub(super) fn duplicates(evidence: &Evidence<'_>, groups: [GroupId; 2]) -> Option<FidelityRow> {
    let [real, simulated] = groups.map(|group| {
        let mut share = Share::default();
        for watcher in evidence.watchers_of(group) {
            for slot in evidence.index.slots.of_watcher(watcher) {
                let mut calls = evidence.index.held(slot).iter().filter(|held| held.is_callback());
                let Some(mut before) = calls.next() else { continue };
                share.of += 1;
                for call in calls {
                    share.of += 1;
                    let is_same = call.version == before.version && call.is_absent() == before.is_absent();
                    // A client that crashed in between has forgotten, and is right to call.
                    let life = &evidence.index.lives[watcher.index()];
                    let forgot = life.last_crash(call.at) > Some(before.at);
                    share.count += u64::from(is_same && !forgot);
                    before = call;
                }
            }
        }
        share
    });
    real.beside(simulated, FidelityMeasure::Duplicates, None)
}

/// By which paths content came, one row for each that either side had.
pub(super) fn paths(evidence: &Evidence<'_>, groups: [GroupId; 2]) -> Vec<FidelityRow> {
    let counts = groups.map(|group| {
        let mut counts: BTreeMap<Path, u64> = BTreeMap::new();
        for watcher in evidence.watchers_of(group) {
            for slot in evidence.index.slots.of_watcher(watcher) {
                for held in evidence.index.held_real(slot).filter(Held::is_callback) {
                    *counts.entry(held.path()).or_default() += 1;
                }
            }
        }
        counts
    });
    let rows = Path::ALL.iter().filter_map(|path| {
        let [real, simulated] = counts.each_ref().map(|counts| Share {
            count: counts.get(path).copied().unwrap_or_default(),
            of: counts.values().sum(),
        });
        if real.count + simulated.count == 0 {
            return None;
        }
        real.beside(simulated, FidelityMeasure::Path(*path), None)
    });
    rows.collect()
}
