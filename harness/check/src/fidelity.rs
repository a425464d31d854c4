//! Fidelity: real SDKs and the simulated clients that imitate them, set side by side (docs/adr/0021).
//!
//! Both are judged by the same definitions, from without: by what the proxy saw of their connections, and by what the
//! application was given. What a simulated watcher says of itself (its losses and attempts) counts for nothing here,
//! since no real client says it.
//!
//! Decided here:
//! - A pair is a driver's group and the first simulated group that is `like` the same SDK on the same link.
//! - A client over HTTP that reads opens connections for its reads: its attempts are not told from them, so nothing is
//!   said of them.
//! - Attempts are judged one by one, each number apart, up to [`GAPS`]; the chart shows all.
//! - A row without a sample on either side is left out.

mod history;
mod outages;
mod sides;

use std::collections::BTreeMap;

use shakedown_model::fault::{FaultPlan, FaultWindow};
use shakedown_model::manifest::ConnectionRecord;
use shakedown_model::plan::Protocol;
use shakedown_model::time::nanos;
use shakedown_model::{FaultId, GroupId, Offset, WatcherId};

use crate::evidence::Evidence;
use crate::result::{FidelityAttempt, FidelityMeasure, FidelityPair, FidelityRow, Figure};
use outages::{Cut, Outage};
use sides::{Share, Times};

/// Attempts that are judged each for itself.
const GAPS: u32 = 12;
/// Lengths of attempts that are judged each for itself.
const LENGTHS: u32 = 4;
/// Attempts of one side and fault that the chart shows.
const DOTS: usize = 2_000;

/// The connections of each watcher, in the order of their opening.
type Connections<'a> = BTreeMap<WatcherId, Vec<&'a ConnectionRecord>>;

/// Compares every pair of the plan, and gives what the chart of attempts draws.
pub(crate) fn judge(
    evidence: &Evidence<'_>,
    figures: &[Figure],
    connections: &[ConnectionRecord],
) -> (Vec<FidelityPair>, Vec<FidelityAttempt>) {
    let by_watcher = by_watcher(evidence, connections);
    let mut dots = Vec::new();
    let pairs = (0_u16..).zip(evidence.plan.twins()).map(|(number, (real, simulated))| {
        let sides = [Side::new(evidence, &by_watcher, real), Side::new(evidence, &by_watcher, simulated)];
        dots.extend(sides.iter().flat_map(|side| side.dots(number)));
        FidelityPair {
            real,
            simulated,
            like: evidence.plan.groups[real.index()].client.like.clone().unwrap_or_default(),
            rows: rows(evidence, figures, &sides),
            notes: notes(evidence, &sides),
        }
    });
    let pairs = pairs.collect();
    (pairs, dots)
}

fn by_watcher<'a>(evidence: &Evidence<'_>, connections: &'a [ConnectionRecord]) -> Connections<'a> {
    let mut by_watcher: Connections<'a> = BTreeMap::new();
    for connection in connections {
        let group = evidence.plan.groups.get(connection.group.index());
        let only = group.filter(|group| group.count == 1).map(|group| group.first);
        if let Some(watcher) = connection.watcher.or(only) {
            by_watcher.entry(watcher).or_default().push(connection);
        }
    }
    for connections in by_watcher.values_mut() {
        connections.sort_by_key(|connection| connection.opened);
    }
    by_watcher
}

/// What became of a client under one fault; `None` when it lost nothing.
type Fate = (WatcherId, Option<Outage>);

/// One group and what was seen of it.
struct Side {
    group: GroupId,
    is_real: bool,
    watchers: u64,
    /// Whether each client's connections are known.
    is_seen: bool,
    /// Whether its attempts are told from its reads.
    has_attempts: bool,
    /// For each fault: its clients that were connected, and what became of them.
    faults: Vec<(FaultId, Vec<Fate>)>,
}

impl Side {
    fn new(evidence: &Evidence<'_>, connections: &Connections<'_>, group: GroupId) -> Self {
        let spec = &evidence.plan.groups[group.index()];
        let has_attempts = spec.client.protocol == Protocol::NacosGrpc || spec.reads_per_second <= 0.0;
        let watchers: Vec<WatcherId> = evidence.watchers_of(group).collect();
        let is_seen = watchers.iter().all(|watcher| connections.contains_key(watcher));
        let mut faults = Vec::new();
        if is_seen && has_attempts {
            for (id, cut) in cuts(evidence, group, spec.client.protocol) {
                let outages = watchers.iter().map(|watcher| (*watcher, cut.outage_of(&connections[watcher])));
                faults.push((id, outages.collect()));
            }
        }
        Self {
            group,
            is_real: spec.client.driver.is_some(),
            watchers: watchers.len() as u64,
            is_seen,
            has_attempts,
            faults,
        }
    }

    fn outages(&self, fault: FaultId) -> impl Iterator<Item = &Outage> {
        let known = self.faults.iter().filter(move |(id, _)| *id == fault);
        known.flat_map(|(_, outages)| outages).filter_map(|(_, outage)| outage.as_ref())
    }

    fn times(&self, fault: FaultId, of: impl Fn(&Outage) -> Option<u64>) -> Times {
        self.outages(fault).filter_map(of).collect()
    }

    fn dots(&self, pair: u16) -> impl Iterator<Item = FidelityAttempt> {
        self.faults.iter().flat_map(move |(fault, outages)| {
            let of_each = outages.iter().filter_map(|(watcher, outage)| Some((*watcher, outage.as_ref()?)));
            let all = of_each.flat_map(move |(watcher, outage)| {
                (1_u32..).zip(&outage.attempts).map(move |(number, attempt)| FidelityAttempt {
                    pair,
                    is_real: self.is_real,
                    fault: *fault,
                    watcher,
                    number,
                    gap_ns: nanos(attempt.gap),
                    length_ns: attempt.length.map(nanos),
                })
            });
            all.take(DOTS)
        })
    }
}

/// The faults that were in force on a group, each as its clients' connections are to be read.
fn cuts<'e>(
    evidence: &'e Evidence<'_>,
    group: GroupId,
    protocol: Protocol,
) -> impl Iterator<Item = (FaultId, Cut)> + use<'e> {
    let horizon = evidence.horizon;
    faults_on(evidence, group).map(move |(id, fault, window)| {
        let is_crash = fault.action.crashes();
        let healed = window.healed.unwrap_or(horizon);
        let from = if is_crash { window.healing.unwrap_or(healed) } else { window.applying };
        (id, Cut { protocol, is_crash, from, healed, horizon })
    })
}

fn faults_on<'e>(
    evidence: &'e Evidence<'_>,
    group: GroupId,
) -> impl Iterator<Item = (FaultId, &'e FaultPlan, &'e FaultWindow)> {
    evidence
        .plan
        .faults_by_id()
        .filter(move |(_, fault)| fault.groups.is_empty() || fault.groups.contains(&group))
        .filter_map(|(id, fault)| Some((id, fault, evidence.window(id)?)))
        .filter(|(.., window)| window.applied.is_some())
}

fn rows(evidence: &Evidence<'_>, figures: &[Figure], sides: &[Side; 2]) -> Vec<FidelityRow> {
    let mut rows = Vec::new();
    let [real, simulated] = sides;
    for (fault, ..) in faults_on(evidence, real.group) {
        let fault_rows = &mut |measure, [real, simulated]: [Times; 2]| {
            rows.extend(real.beside(&simulated, measure, fault));
        };
        let both = |of: &dyn Fn(&Outage) -> Option<u64>| [real.times(fault, of), simulated.times(fault, of)];
        fault_rows(FidelityMeasure::Detect, both(&|outage| outage.detect.map(nanos)));
        for number in 1..=GAPS {
            fault_rows(FidelityMeasure::AttemptGap(number), both(&|outage| outage.gap(number)));
        }
        for number in 2..=GAPS {
            fault_rows(FidelityMeasure::AttemptInterval(number), both(&|outage| outage.interval(number)));
        }
        for number in 1..=LENGTHS {
            fault_rows(FidelityMeasure::AttemptLength(number), both(&|outage| outage.length(number)));
        }
        fault_rows(FidelityMeasure::Reconnect, both(&|outage| outage.reconnect.map(nanos)));
        let of_each = [real.group, simulated.group];
        fault_rows(FidelityMeasure::CatchUp, of_each.map(|group| history::catch_up(evidence, fault, group)));
        let reads = of_each.map(|group| history::reads(evidence, fault, group));
        fault_rows(FidelityMeasure::ReadTime, [reads[0].times.clone(), reads[1].times.clone()]);
        rows.extend(losses(fault, sides));
        rows.extend(history::sources(fault, &reads));
    }
    rows.extend(history::late(figures, [real.group, simulated.group]));
    rows.extend(history::duplicates(evidence, [real.group, simulated.group]));
    rows.extend(history::paths(evidence, [real.group, simulated.group]));
    rows.sort_by_key(|row| (row.fault.is_none(), row.fault, row.measure));
    rows
}

fn losses(fault: FaultId, sides: &[Side; 2]) -> Option<FidelityRow> {
    let [real, simulated] = sides.each_ref().map(|side| {
        let known = side.faults.iter().any(|(id, _)| *id == fault);
        Share { count: side.outages(fault).count() as u64, of: if known { side.watchers } else { 0 } }
    });
    // Where nobody lost anything there is nothing to compare.
    (real.count + simulated.count > 0)
        .then(|| real.beside(simulated, FidelityMeasure::Losses, Some(fault)))
        .flatten()
}

fn notes(evidence: &Evidence<'_>, sides: &[Side; 2]) -> Vec<String> {
    let mut notes = Vec::new();
    for side in sides {
        let name = &evidence.plan.groups[side.group.index()].name;
        if !side.is_seen {
            notes.push(format!(
                "the connections of `{name}` were not seen one by one, so nothing is said of its attempts"
            ));
        } else if !side.has_attempts {
            notes.push(format!(
                "`{name}` reads over HTTP, and a read opens a connection as an attempt does: nothing is said of its attempts"
            ));
        }
    }
    notes
}

/// A time between two instants in nanoseconds.
fn between(from: Offset, until: Offset) -> u64 {
    nanos(until.since(from))
}

#[cfg(test)]
mod tests;
