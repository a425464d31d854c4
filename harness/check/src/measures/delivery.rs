//! Publish, propagation, end-to-end, notify, fetch, T50 to T-all per mutation, convergence, and paths.
//!
//! Decided here, where the definitions are silent:
//! - A mutation that was refused or is ambiguous has no ack to count from and may rightly never appear: it is left out
//!   of all but `publish`, and counted. There it stays, as "later than the time-out", and so does a mutation that was
//!   due and never sent: a server that stalls does not look faster for it.
//! - A mutation that a read settled was stored, so that its watchers are due: it is in end-to-end and all that counts
//!   from the intended time, and in fetch. It has no ack: it is left out of propagation and notify, and is "later than
//!   the time-out" in `publish`.
//! - What was not delivered within the time-out of its intended time is censored in end-to-end; within that of its ack,
//!   in propagation and notify.
//! - A gray release is for its gray watchers alone. Its promotion is acked when the gray content is taken away, after the
//!   others could see the new one, so that propagation and notify of it are those of gray watchers, too.
//! - Notify and fetch are of the very version that was fetched, if a signal led to it: a coalesced version was not.
//! - In a run or a recording that did not come to its end, a mutation whose time-out had not passed yet is left out as a whole.

use std::collections::BTreeSet;

use shakedown_model::event::{Publish, PublishOutcome};
use shakedown_model::gate::{Measure, Scope, rank};
use shakedown_model::schedule::MutationKind;
use shakedown_model::time::nanos;
use shakedown_model::{GroupId, MutationId, WatcherId};

use self::chart::Chart;
use super::convergence::Convergence;
use super::raster::Rastering;
use super::{Findings, paths};
use crate::distribution::Distribution;
use crate::evidence::Evidence;
use crate::index::publishes::{concerns, is_stored};
use crate::index::{Held, Slot};
use crate::result::{GroupTimes, MutationRow};

mod chart;

/// Stands for "later than the time-out" among latencies, above all of them.
const CENSORED: u64 = u64::MAX;
/// T50, T90, T99, T-all and the share of the watchers that each waits for.
const SHARES: [(Measure, f64); 4] =
    [(Measure::T50, 0.5), (Measure::T90, 0.9), (Measure::T99, 0.99), (Measure::TAll, 1.0)];

/// Takes the measures of every mutation.
pub(crate) fn take(evidence: &Evidence<'_>, findings: &mut Findings) {
    count_publishes(evidence, findings);
    let publishes = evidence.index.publishes.all();
    let mut mutations: Vec<(MutationId, &Publish, Scope)> = publishes
        .iter()
        .filter_map(|publish| Some((publish.mutation?, publish, evidence.measured_scope(publish.intended)?)))
        .collect();
    mutations.sort_by_key(|(_, publish, _)| (publish.intended, publish.item, publish.version));
    let stored: Vec<(MutationId, &Publish)> = mutations
        .iter()
        .filter(|(_, publish, _)| is_stored(publish) && is_judged(evidence, publish))
        .map(|(mutation, publish, _)| (*mutation, *publish))
        .collect();
    let mut pass = Pass::new(evidence, findings, &stored);
    for (mutation, publish, scope) in mutations {
        if is_judged(evidence, publish) {
            pass.publish(scope, publish);
            if is_stored(publish) {
                pass.mutation(scope, mutation, publish);
            }
        } else if is_stored(publish) {
            pass.convergence.leave_out(scope);
        }
    }
    pass.finish();
}

/// Whether a mutation's time-out has passed within the record.
fn is_judged(evidence: &Evidence<'_>, publish: &Publish) -> bool {
    evidence.reaches_the_end() || publish.intended + evidence.plan.delivery_timeout <= evidence.horizon
}

fn count_publishes(evidence: &Evidence<'_>, findings: &mut Findings) {
    let mut sent = BTreeSet::new();
    for publish in evidence.index.publishes.all() {
        sent.extend(publish.mutation);
        let counter = match publish.outcome {
            PublishOutcome::Acked => &mut findings.counts.acked,
            PublishOutcome::Refused => &mut findings.counts.refused,
            PublishOutcome::Ambiguous => &mut findings.counts.ambiguous,
            PublishOutcome::Settled => &mut findings.counts.settled,
        };
        *counter += 1;
    }
    let timeout = evidence.plan.delivery_timeout;
    for planned in evidence.plan.mutations().filter(|planned| !sent.contains(&planned.id)) {
        findings.counts.unsent += 1;
        let was_due = planned.intended + timeout <= evidence.horizon || evidence.reaches_the_end();
        if let Some(scope) = evidence.measured_scope(planned.intended).filter(|_| was_due) {
            findings.figures.entry(Measure::Publish, scope, None).censor(nanos(timeout));
        }
    }
}

/// A watcher that a mutation was to reach.
#[derive(Debug, Clone, Copy)]
struct Reached {
    watcher: WatcherId,
    /// What satisfied it, however late.
    held: Option<Held>,
    /// End-to-end latency, or [`CENSORED`].
    latency: u64,
}

struct Pass<'a> {
    evidence: &'a Evidence<'a>,
    findings: &'a mut Findings,
    timeout_ns: u64,
    /// Per slot, the place of the first delivery that may satisfy the item's next mutation.
    places: Vec<usize>,
    charts: Vec<Chart>,
    group_times: Vec<GroupTimes>,
    convergence: Convergence,
    raster: Rastering,
    /// The watchers of one mutation in one group.
    reached: Vec<Reached>,
    /// Their end-to-end latencies, and those over all groups.
    of_group: Vec<u64>,
    of_all: Vec<u64>,
}

impl<'a> Pass<'a> {
    fn new(
        evidence: &'a Evidence<'a>,
        findings: &'a mut Findings,
        mutations: &[(MutationId, &Publish)],
    ) -> Self {
        let timeout_ns = nanos(evidence.plan.delivery_timeout);
        let end = evidence.plan.end();
        Self {
            evidence,
            findings,
            timeout_ns,
            places: evidence.index.slots.all().map(|slot| evidence.index.held_range(slot).start).collect(),
            charts: evidence.groups().map(|(group, _)| Chart::new(group, end, timeout_ns)).collect(),
            group_times: evidence.groups().map(|(group, _)| GroupTimes { group, rows: Vec::new() }).collect(),
            convergence: Convergence::default(),
            raster: Rastering::new(evidence, mutations),
            reached: Vec::new(),
            of_group: Vec::new(),
            of_all: Vec::new(),
        }
    }

    fn publish(&mut self, scope: Scope, publish: &Publish) {
        let publishing = self.findings.figures.entry(Measure::Publish, scope, None);
        match publish.outcome {
            PublishOutcome::Acked => publishing.record(nanos(publish.done.since(publish.intended))),
            PublishOutcome::Refused | PublishOutcome::Ambiguous | PublishOutcome::Settled => {
                publishing.censor(self.timeout_ns);
            }
        }
        publishing.count_mutation();
    }

    fn mutation(&mut self, scope: Scope, mutation: MutationId, publish: &Publish) {
        let evidence = self.evidence;
        let column = self.raster.column(mutation);
        self.of_all.clear();
        for by_group in evidence.index.slots.of_item(publish.item).chunk_by(|a, b| {
            let group_of = |slot| evidence.index.slots.group_of(evidence.index.slots.watcher(slot));
            group_of(*a) == group_of(*b)
        }) {
            let group = evidence.index.slots.group_of(evidence.index.slots.watcher(by_group[0]));
            self.reach(publish, by_group);
            if self.reached.is_empty() {
                continue;
            }
            self.propagation(scope, group, publish);
            self.signals(scope, group, publish);
            self.paths(scope, group, column);
            let held = self.reached.iter().map(|reached| Some(reached.held?.at)).collect::<Option<Vec<_>>>();
            let latest = held.and_then(|held| held.into_iter().max());
            self.convergence.add((scope, group), publish, latest);
            self.end_to_end(scope, group, publish);
        }
        self.of_all.sort_unstable();
        let row = self.row(mutation, publish);
        self.findings.series.mutations.push(row);
    }

    /// Finds who was to be reached in one group, and when each was.
    fn reach(&mut self, publish: &Publish, slots: &[Slot]) {
        self.reached.clear();
        let index = &self.evidence.index;
        let counts = &mut self.findings.counts;
        for slot in slots {
            let watcher = index.slots.watcher(*slot);
            let is_expected = index.lives[watcher.index()].expects(publish.intended);
            if !is_expected || !concerns(publish, index.is_gray(watcher)) {
                continue;
            }
            let place = &mut self.places[slot.index()];
            let until = index.held_range(*slot).end;
            while *place < until && index.held_at(*place).is_none_or(|held| held.version < publish.version) {
                *place += 1;
            }
            let held = (*place < until).then(|| index.held_at(*place)).flatten();
            let latency = held.map(|held| nanos(held.at.since(publish.intended)));
            let in_time = latency.filter(|ns| *ns <= self.timeout_ns);
            counts.expected += 1;
            counts.undelivered += u64::from(in_time.is_none());
            let is_newer = held.is_some_and(|held| held.version > publish.version);
            counts.coalesced += u64::from(in_time.is_some() && is_newer);
            self.reached.push(Reached { watcher, held, latency: in_time.unwrap_or(CENSORED) });
        }
    }

    /// Those for whom the ack, if there was one, says when the mutation could be seen.
    fn with_ack(&self, publish: &Publish) -> impl Iterator<Item = Reached> {
        let is_acked = publish.outcome == PublishOutcome::Acked;
        self.told_of(publish).filter(move |_| is_acked)
    }

    /// Those whose change signal is of this mutation: of a promotion, the gray ones alone; of a rollback, the others, for
    /// the gray ones are told of what is taken away before.
    fn told_of(&self, publish: &Publish) -> impl Iterator<Item = Reached> {
        let index = &self.evidence.index;
        let kind = publish.kind;
        self.reached.iter().copied().filter(move |reached| match kind {
            MutationKind::Promote => index.is_gray(reached.watcher),
            MutationKind::Rollback => !index.is_gray(reached.watcher),
            MutationKind::Write | MutationKind::Delete | MutationKind::Gray | MutationKind::Invalid => true,
        })
    }

    fn propagation(&mut self, scope: Scope, group: GroupId, publish: &Publish) {
        let time = |reached: Reached| Some(reached.held?.at.signed_since(publish.done));
        let times: Vec<_> = self.with_ack(publish).map(time).collect();
        if times.is_empty() {
            return;
        }
        let propagation = self.findings.figures.entry(Measure::Propagation, scope, Some(group));
        propagation.count_mutation();
        times.into_iter().for_each(|time| record_within(propagation, time, self.timeout_ns));
    }

    fn signals(&mut self, scope: Scope, group: GroupId, publish: &Publish) {
        let (mut notifies, mut fetches) = (Vec::new(), Vec::new());
        let is_acked = publish.outcome == PublishOutcome::Acked;
        for reached in self.told_of(publish) {
            let Some(held) = reached.held else {
                notifies.extend(is_acked.then_some(None));
                continue;
            };
            if let Some(signal) = held.signal().filter(|_| held.version == publish.version) {
                notifies.extend(is_acked.then(|| Some(signal.signed_since(publish.done))));
                fetches.push(nanos(held.at.since(signal)));
            }
        }
        if !notifies.is_empty() {
            let notify = self.findings.figures.entry(Measure::Notify, scope, Some(group));
            notify.count_mutation();
            notifies.into_iter().for_each(|time| record_within(notify, time, self.timeout_ns));
        }
        if !fetches.is_empty() {
            let fetch = self.findings.figures.entry(Measure::Fetch, scope, Some(group));
            fetch.count_mutation();
            fetches.into_iter().for_each(|time| fetch.record(time));
        }
    }

    fn paths(&mut self, scope: Scope, group: GroupId, column: Option<usize>) {
        let Self { evidence, findings, raster, reached, timeout_ns, .. } = self;
        let came = |reached: &Reached| {
            let path = paths::of(evidence, reached.watcher, reached.held?);
            Some((path, (reached.latency != CENSORED).then_some(reached.latency)))
        };
        findings.paths.add(evidence, (scope, group), *timeout_ns, reached.iter().filter_map(came));
        if let Some(column) = column {
            for one in reached.iter() {
                let in_time = came(one).and_then(|(path, latency)| Some((path, latency?)));
                raster.add(column, one.watcher, in_time);
            }
        }
    }

    fn end_to_end(&mut self, scope: Scope, group: GroupId, publish: &Publish) {
        self.of_group.clear();
        self.of_group.extend(self.reached.iter().map(|reached| reached.latency));
        let (timeout, figures) = (self.timeout_ns, &mut self.findings.figures);
        let end_to_end = figures.entry(Measure::EndToEnd, scope, Some(group));
        end_to_end.count_mutation();
        for latency in &self.of_group {
            match *latency {
                CENSORED => end_to_end.censor(timeout),
                ns => end_to_end.record(ns),
            }
        }
        self.of_group.sort_unstable();
        let times = SHARES.map(|(_, share)| at_share(&self.of_group, share));
        for ((measure, _), time) in SHARES.into_iter().zip(times) {
            let distribution = figures.entry(measure, scope, Some(group));
            distribution.count_mutation();
            match time {
                Some(ns) => distribution.record(ns),
                None => distribution.censor(timeout),
            }
        }
        self.group_times[group.index()].rows.push((publish.intended, times));
        self.charts[group.index()].add(publish.intended, &self.of_group);
        self.of_all.append(&mut self.of_group);
    }

    fn row(&self, mutation: MutationId, publish: &Publish) -> MutationRow {
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let in_time = self.of_all.partition_point(|latency| *latency != CENSORED);
        MutationRow {
            mutation,
            item: publish.item,
            version: publish.version,
            intended: publish.intended,
            acked: (publish.outcome == PublishOutcome::Acked).then_some(publish.done),
            reached: (small(self.of_all.len()), small(in_time)),
            times: SHARES.map(|(_, share)| at_share(&self.of_all, share)),
        }
    }

    fn finish(self) {
        let Findings { series, figures, .. } = self.findings;
        self.convergence.finish(self.timeout_ns, figures);
        let charts = self.charts.into_iter().map(Chart::finish);
        series.group_times = self.group_times;
        series.latency = charts.filter(|series| !series.buckets.is_empty()).collect();
        series.raster = self.raster.finish();
    }
}

/// Adds a signed time; `None`, and what is beyond the time-out, is later than that.
pub(super) fn record_within(distribution: &mut Distribution, time: Option<i64>, timeout_ns: u64) {
    match time {
        Some(ns) if u64::try_from(ns).is_ok_and(|ns| ns > timeout_ns) => distribution.censor(timeout_ns),
        Some(ns) => distribution.record_signed(ns),
        None => distribution.censor(timeout_ns),
    }
}

/// The time by which a share of the watchers held it; `None` when later than the time-out, or without any watcher.
fn at_share(sorted: &[u64], share: f64) -> Option<u64> {
    let nth = usize::try_from(rank(share, sorted.len() as u64)).ok()?;
    sorted.get(nth - 1).copied().filter(|latency| *latency != CENSORED)
}

#[cfg(test)]
mod tests;
