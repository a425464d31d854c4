//! Publish, propagation, end-to-end, and T50 to T-all per mutation.
//!
//! Decided here, where the definitions are silent:
//! - A mutation that was refused or is ambiguous has no ack to count from and may rightly never appear: it is left out
//!   of propagation, end-to-end and T50 to T-all, and counted. In `publish` it stays, as "later than the time-out",
//!   and so does a mutation that was due and never sent: a server that stalls does not look faster for it.
//! - What was not delivered within the time-out of its intended time is censored in end-to-end; within that of its ack,
//!   in propagation.
//! - In a run or a recording that did not come to its end, a mutation whose time-out had not passed yet is left out as a whole.

use std::collections::BTreeSet;

use shakedown_model::event::{Publish, PublishOutcome};
use shakedown_model::gate::{Measure, Scope};
use shakedown_model::time::nanos;
use shakedown_model::{GroupId, MutationId, Offset};

use super::Findings;
use crate::distribution::rank;
use crate::evidence::Evidence;
use crate::result::{GroupTimes, LatencyBucket, LatencySeries, MutationRow};

/// The chart of latency has about this many buckets at most.
const BUCKETS: u64 = 240;
/// And none narrower than this.
const BUCKET_MIN_NS: u64 = 250_000_000;
/// Stands for "later than the time-out" among latencies, above all of them.
const CENSORED: u64 = u64::MAX;
/// T50, T90, T99, T-all and the share of the watchers that each waits for.
const SHARES: [(Measure, f64); 4] =
    [(Measure::T50, 0.5), (Measure::T90, 0.9), (Measure::T99, 0.99), (Measure::TAll, 1.0)];

/// Takes the measures of every mutation.
pub(crate) fn take(evidence: &Evidence<'_>, findings: &mut Findings) {
    count_publishes(evidence, findings);
    let mut mutations: Vec<(MutationId, &Publish)> =
        evidence.index.publishes().iter().filter_map(|publish| Some((publish.mutation?, publish))).collect();
    mutations.sort_by_key(|(_, publish)| (publish.intended, publish.item, publish.version));
    let mut pass = Pass::new(evidence, findings);
    for (mutation, publish) in mutations {
        let Some(scope) =
            evidence.measured_scope(publish.intended).filter(|_| pass.is_judged(publish.intended))
        else {
            continue;
        };
        pass.publish(scope, publish);
        if publish.outcome == PublishOutcome::Acked {
            pass.mutation(scope, mutation, publish);
        }
    }
    pass.finish();
}

fn count_publishes(evidence: &Evidence<'_>, findings: &mut Findings) {
    let mut sent = BTreeSet::new();
    for publish in evidence.index.publishes() {
        sent.extend(publish.mutation);
        let counter = match publish.outcome {
            PublishOutcome::Acked => &mut findings.counts.acked,
            PublishOutcome::Refused => &mut findings.counts.refused,
            PublishOutcome::Ambiguous => &mut findings.counts.ambiguous,
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

struct Pass<'a> {
    evidence: &'a Evidence<'a>,
    findings: &'a mut Findings,
    timeout_ns: u64,
    /// Per slot, the place of the first delivery that may satisfy the item's next mutation.
    places: Vec<usize>,
    charts: Vec<Chart>,
    group_times: Vec<GroupTimes>,
    /// End-to-end latencies of one mutation: of one group, and of all.
    of_group: Vec<u64>,
    of_all: Vec<u64>,
}

impl<'a> Pass<'a> {
    fn new(evidence: &'a Evidence<'a>, findings: &'a mut Findings) -> Self {
        let width = (evidence.plan.end().0 / BUCKETS).max(BUCKET_MIN_NS);
        let timeout_ns = nanos(evidence.plan.delivery_timeout);
        Self {
            evidence,
            findings,
            timeout_ns,
            places: evidence.index.slots.all().map(|slot| evidence.index.held_range(slot).start).collect(),
            charts: evidence.groups().map(|(group, _)| Chart::new(group, width, timeout_ns)).collect(),
            group_times: evidence.groups().map(|(group, _)| GroupTimes { group, rows: Vec::new() }).collect(),
            of_group: Vec::new(),
            of_all: Vec::new(),
        }
    }

    /// Whether a mutation's time-out has passed within the record.
    fn is_judged(&self, intended: Offset) -> bool {
        self.evidence.reaches_the_end()
            || intended + self.evidence.plan.delivery_timeout <= self.evidence.horizon
    }

    fn publish(&mut self, scope: Scope, publish: &Publish) {
        let publishing = self.findings.figures.entry(Measure::Publish, scope, None);
        match publish.outcome {
            PublishOutcome::Acked => publishing.record(nanos(publish.done.since(publish.intended))),
            PublishOutcome::Refused | PublishOutcome::Ambiguous => publishing.censor(self.timeout_ns),
        }
        publishing.count_mutation();
    }

    fn mutation(&mut self, scope: Scope, mutation: MutationId, publish: &Publish) {
        let evidence = self.evidence;
        self.of_all.clear();
        for by_group in evidence.index.slots.of_item(publish.item).chunk_by(|a, b| {
            let group_of = |slot| evidence.index.slots.group_of(evidence.index.slots.watcher(slot));
            group_of(*a) == group_of(*b)
        }) {
            let group = evidence.index.slots.group_of(evidence.index.slots.watcher(by_group[0]));
            self.group(scope, group, publish, by_group);
        }
        self.of_all.sort_unstable();
        let row = self.row(mutation, publish);
        self.findings.series.mutations.push(row);
    }

    fn group(&mut self, scope: Scope, group: GroupId, publish: &Publish, slots: &[crate::index::Slot]) {
        self.of_group.clear();
        let index = &self.evidence.index;
        let counts = &mut self.findings.counts;
        let propagation = self.findings.figures.entry(Measure::Propagation, scope, Some(group));
        for slot in slots {
            if !index.lives[index.slots.watcher(*slot).index()].expects(publish.intended) {
                continue;
            }
            let place = &mut self.places[slot.index()];
            let until = index.held_range(*slot).end;
            while *place < until && index.held_at(*place).is_none_or(|held| held.version < publish.version) {
                *place += 1;
            }
            let held = (*place < until).then(|| index.held_at(*place)).flatten();
            counts.expected += 1;
            match held.map(|held| held.at.signed_since(publish.done)) {
                Some(ns) if u64::try_from(ns).is_ok_and(|ns| ns > self.timeout_ns) => {
                    propagation.censor(self.timeout_ns);
                }
                Some(ns) => propagation.record_signed(ns),
                None => propagation.censor(self.timeout_ns),
            }
            let latency = held.map(|held| nanos(held.at.since(publish.intended)));
            let in_time = latency.filter(|ns| *ns <= self.timeout_ns);
            counts.undelivered += u64::from(in_time.is_none());
            let is_newer = held.is_some_and(|held| held.version > publish.version);
            counts.coalesced += u64::from(in_time.is_some() && is_newer);
            self.of_group.push(in_time.unwrap_or(CENSORED));
        }
        self.conclude_group(scope, group, publish);
    }

    fn conclude_group(&mut self, scope: Scope, group: GroupId, publish: &Publish) {
        if self.of_group.is_empty() {
            return;
        }
        let (timeout, figures) = (self.timeout_ns, &mut self.findings.figures);
        figures.entry(Measure::Propagation, scope, Some(group)).count_mutation();
        let end_to_end = figures.entry(Measure::EndToEnd, scope, Some(group));
        end_to_end.count_mutation();
        for latency in &self.of_group {
            match *latency {
                CENSORED => end_to_end.censor(timeout),
                ns => end_to_end.record(ns),
            }
        }
        self.of_group.sort_unstable();
        for (measure, share) in SHARES {
            let distribution = figures.entry(measure, scope, Some(group));
            distribution.count_mutation();
            match at_share(&self.of_group, share) {
                Some(ns) => distribution.record(ns),
                None => distribution.censor(timeout),
            }
        }
        let times = SHARES.map(|(_, share)| at_share(&self.of_group, share));
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
            acked: Some(publish.done),
            reached: (small(self.of_all.len()), small(in_time)),
            times: SHARES.map(|(_, share)| at_share(&self.of_all, share)),
        }
    }

    fn finish(self) {
        let charts = self.charts.into_iter().map(Chart::finish);
        self.findings.series.group_times = self.group_times;
        self.findings.series.latency = charts.filter(|series| !series.buckets.is_empty()).collect();
    }
}

/// The time by which a share of the watchers held it; `None` when later than the time-out, or without any watcher.
fn at_share(sorted: &[u64], share: f64) -> Option<u64> {
    let nth = usize::try_from(rank(share, sorted.len() as u64)).ok()?;
    sorted.get(nth - 1).copied().filter(|latency| *latency != CENSORED)
}

/// Latency of one group over time, filled in the order of intended times.
struct Chart {
    series: LatencySeries,
    width: u64,
    timeout_ns: u64,
    bucket: u64,
    latencies: Vec<u64>,
}

impl Chart {
    fn new(group: GroupId, width: u64, timeout_ns: u64) -> Self {
        let series = LatencySeries { group, buckets: Vec::new() };
        Self { series, width, timeout_ns, bucket: 0, latencies: Vec::new() }
    }

    fn add(&mut self, intended: Offset, latencies: &[u64]) {
        let bucket = intended.0 / self.width;
        if bucket != self.bucket {
            self.close();
            self.bucket = bucket;
        }
        self.latencies.extend_from_slice(latencies);
    }

    fn close(&mut self) {
        if self.latencies.is_empty() {
            return;
        }
        self.latencies.sort_unstable();
        let at = |share| at_share(&self.latencies, share).unwrap_or(self.timeout_ns);
        let count = self.latencies.len() as u64;
        let known = self.latencies.partition_point(|latency| *latency != CENSORED) as u64;
        self.series.buckets.push(LatencyBucket {
            at: Offset(self.bucket * self.width + self.width / 2),
            count,
            censored: count - known,
            p50: at(0.5),
            p99: at(0.99),
            max: at(1.0),
        });
        self.latencies.clear();
    }

    fn finish(mut self) -> LatencySeries {
        self.close();
        self.series
    }
}

#[cfg(test)]
mod tests;
