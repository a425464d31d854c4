//! Staleness: the age of the oldest acked version that a watcher is missing, per group over time.
//!
//! A version that a read settled counts from that read on: from then it is certain that whoever lacks it is behind.
//! Sampled on a grid for the chart and the percentiles (a percentile is over instants, of the group's stalest watcher);
//! the maximum is exact, between the grid's instants too. A watcher counts from its first subscription on, and not
//! from a crash on purpose to the next subscription. One that holds nothing yet in a life is stale from its
//! subscription at the earliest. The drain belongs to the last phase.

use shakedown_model::event::Publish;
use shakedown_model::gate::{Measure, Scope};
use shakedown_model::plan::Cache;
use shakedown_model::schedule::MutationKind;
use shakedown_model::{GroupId, Offset, PhaseId, Version, WatcherId};

use super::Findings;
use crate::evidence::Evidence;
use crate::index::Slot;
use crate::index::publishes::{concerns, is_stored};
use crate::result::StalenessSeries;

/// The grid's step in runs of up to two minutes, and in longer ones.
const STEPS_NS: [u64; 2] = [100_000_000, 250_000_000];
const SHORT_RUN: Offset = Offset::from_secs(120);

/// Takes the staleness of each group.
pub(crate) fn take(evidence: &Evidence<'_>, findings: &mut Findings) {
    if evidence.index.last == Offset::ZERO {
        return;
    }
    for (group, _) in evidence.groups() {
        let mut grid = Grid::new(evidence);
        for watcher in evidence.watchers_of(group) {
            for slot in evidence.index.slots.of_watcher(watcher) {
                slot_staleness(evidence, watcher, slot, &mut grid);
            }
        }
        grid.finish(evidence, group, findings);
    }
}

/// Walks what a slot held, life by life, and adds each stretch in which it missed an acked version.
fn slot_staleness(evidence: &Evidence<'_>, watcher: WatcherId, slot: Slot, grid: &mut Grid) {
    let life = &evidence.index.lives[watcher.index()];
    let keeps = evidence.group_spec(watcher).client.cache == Cache::Snapshot;
    let mut held = evidence.index.held_real(slot).peekable();
    let mut version: Option<Version> = None;
    for (from, until) in life.stretches() {
        let until = until.min(evidence.horizon);
        let crashed = life.last_crash(from);
        let mut at = from;
        if !keeps {
            version = None;
        }
        while let Some(next) = held.next_if(|held| held.at <= from) {
            // Without a snapshot, what was delivered before the crash is gone.
            if keeps || crashed.is_none_or(|crashed| next.at > crashed) {
                version = Some(next.version);
            }
        }
        while let Some(next) = held.next_if(|held| held.at < until) {
            missing(evidence, slot, version, (at, next.at, from), grid);
            (version, at) = (Some(next.version), next.at);
        }
        missing(evidence, slot, version, (at, until, from), grid);
    }
}

fn missing(
    evidence: &Evidence<'_>,
    slot: Slot,
    version: Option<Version>,
    (from, until, subscribed): (Offset, Offset, Offset),
    grid: &mut Grid,
) {
    let index = &evidence.index;
    let (watcher, item) = (index.slots.watcher(slot), index.slots.item(slot));
    let is_gray = index.is_gray(watcher);
    if version.is_none() {
        for (since, until_deleted) in existences(index.publishes.of(item), is_gray) {
            let since = since.max(subscribed);
            let (from, until) = (from.max(since), until.min(until_deleted));
            if from < until {
                grid.add(watcher, from, until, since);
            }
        }
        return;
    }
    let (mut version, mut from) = (version, from);
    while let Some(newer) = index.publishes.stored_after(item, version, is_gray) {
        // A gray release that was taken back is not missing from then on.
        let taken_back = index.publishes.taken_back(newer).filter(|at| *at < until);
        let end = taken_back.unwrap_or(until);
        let begin = from.max(newer.done);
        if begin < end {
            grid.add(watcher, begin, end, newer.done);
        }
        let Some(at) = taken_back else { return };
        (version, from) = (Some(newer.version), from.max(at));
    }
}

/// The stretches in which an item existed, by its acks: who holds nothing misses something in them alone.
fn existences(publishes: &[Publish], is_gray: bool) -> Vec<(Offset, Offset)> {
    let mut existences: Vec<(Offset, Offset)> = Vec::new();
    for publish in publishes.iter().filter(|publish| is_stored(publish) && concerns(publish, is_gray)) {
        let last = existences.last_mut().filter(|(_, until)| *until == Offset::NEVER);
        match (publish.kind, last) {
            (MutationKind::Delete, Some((_, until))) => *until = publish.done,
            (MutationKind::Delete, None) => {}
            (_, Some(_)) => {}
            (_, None) => existences.push((publish.done, Offset::NEVER)),
        }
    }
    existences
}

/// The staleness of one group on a grid of instants.
struct Grid {
    step: u64,
    /// Per instant: the oldest ack that a watcher misses.
    since: Vec<Offset>,
    stale: Vec<u32>,
    /// The last watcher counted in `stale`: slots come by watcher.
    counted: Vec<Option<WatcherId>>,
    /// Each measured phase, the last one with its drain, and the largest staleness in it.
    phases: Vec<(PhaseId, Offset, Offset, u64)>,
}

impl Grid {
    fn new(evidence: &Evidence<'_>) -> Self {
        let step = STEPS_NS[usize::from(evidence.horizon > SHORT_RUN)];
        let instants =
            usize::try_from(evidence.horizon.0 / step).expect("a run is far shorter than 2^64 steps") + 1;
        let phases = evidence.measured_phases().map(|(phase, from, until)| (phase, from, until, 0)).collect();
        Self {
            step,
            since: vec![Offset::NEVER; instants],
            stale: vec![0; instants],
            counted: vec![None; instants],
            phases,
        }
    }

    /// Adds that a watcher misses, from one instant to another, a version acked at `since`.
    fn add(&mut self, watcher: WatcherId, from: Offset, until: Offset, since: Offset) {
        for (_, begin, end, max) in &mut self.phases {
            if from < *end && *begin < until {
                *max = (*max).max(until.min(*end).0 - since.0);
            }
        }
        let nth = |at: Offset| usize::try_from(at.0.div_ceil(self.step)).expect("as above");
        for n in nth(from)..nth(until).min(self.since.len()) {
            self.since[n] = self.since[n].min(since);
            if self.counted[n] != Some(watcher) {
                self.counted[n] = Some(watcher);
                self.stale[n] += 1;
            }
        }
    }

    fn finish(self, evidence: &Evidence<'_>, group: GroupId, findings: &mut Findings) {
        let points: Vec<(Offset, u64, u32)> = (0_u64..)
            .map(|n| Offset(n * self.step))
            .zip(self.since.iter().zip(&self.stale))
            .map(|(at, (since, stale))| (at, at.0.saturating_sub(since.0), *stale))
            .collect();
        for (phase, begin, end, max) in &self.phases {
            let mut inside = points.iter().filter(|(at, _, _)| begin <= at && at < end).peekable();
            if inside.peek().is_none() || *begin >= evidence.horizon {
                continue;
            }
            let staleness = findings.figures.entry(Measure::Staleness, Scope::Phase(*phase), Some(group));
            for (_, value, _) in inside {
                staleness.record(*value);
            }
            staleness.raise_max(*max);
        }
        findings.series.staleness.push(StalenessSeries { group, points });
    }
}

#[cfg(test)]
mod tests;
