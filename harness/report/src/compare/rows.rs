//! Two runs' figures side by side, matched by the names of phases, faults and groups.

use std::collections::BTreeSet;

use shakedown_check::result::{Figure, StatValue};
use shakedown_model::Offset;
use shakedown_model::baseline::ScopeName;
use shakedown_model::gate::{Measure, Scope, Stat};

use super::noise::{self, Noise};
use crate::input::ReportInput;
use crate::quantity::as_f64;

/// Where a figure belongs, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) measure: Measure,
    pub(crate) scope: ScopeName,
    pub(crate) group: Option<String>,
}

/// One statistic of one figure in both runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) key: Key,
    pub(crate) stat: Stat,
    /// The value and from how many samples; `None` where the run has no such figure.
    pub(crate) reference: Option<(StatValue, u64)>,
    /// The same of the other run.
    pub(crate) other: Option<(StatValue, u64)>,
    pub(crate) noise: Noise,
}

impl Row {
    /// The difference in nanoseconds, in the share or in the count, where both are known.
    pub(crate) fn difference(&self) -> Option<f64> {
        match (self.reference?.0, self.other?.0) {
            (StatValue::Time(a), StatValue::Time(b)) => Some(as_f64(b) - as_f64(a)),
            (StatValue::Share(a), StatValue::Share(b)) => Some(b - a),
            (StatValue::Count(a), StatValue::Count(b)) => Some(as_f64(b) - as_f64(a)),
            _ => None,
        }
    }

    /// The difference in percent of the reference.
    pub(crate) fn percent(&self) -> Option<f64> {
        let reference = match self.reference?.0 {
            StatValue::Time(value) | StatValue::Count(value) => as_f64(value),
            StatValue::Share(share) => share,
            StatValue::LaterThan(_) | StatValue::TooFew => return None,
        };
        (reference > 0.0).then(|| self.difference().map(|difference| 100.0 * difference / reference))?
    }

    /// Whether there is anything to say: a value in at least one of the runs.
    pub(crate) fn is_told(&self) -> bool {
        [self.reference, self.other].iter().flatten().any(|(value, n)| *n > 0 && *value != StatValue::TooFew)
    }
}

/// Every statistic of every figure that one of the runs has, in the order of measure, then of the reference's plan.
pub(crate) fn rows(reference: ReportInput<'_>, other: ReportInput<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for key in keys(reference, other) {
        let (a, b) = (find(reference, &key), find(other, &key));
        let samples = key.measure.is_per_mutation().then(|| (values(reference, &key), values(other, &key)));
        for stat in Stat::ALL {
            let value = |figure: &Figure| (figure.stat(stat), figure.count);
            let noise = match &samples {
                Some((Some(a), Some(b))) => noise::judge(a, b, stat),
                _ => Noise::NotJudged,
            };
            rows.push(Row { key: key.clone(), stat, reference: a.map(value), other: b.map(value), noise });
        }
    }
    rows
}

/// The statistics that tables show of a measure; `--json` has all.
pub(crate) const fn shown(measure: Measure) -> &'static [Stat] {
    if measure.is_per_mutation() {
        return &[Stat::P50, Stat::P90];
    }
    if measure.is_share() {
        return &[Stat::Max];
    }
    match measure {
        Measure::Staleness => &[Stat::Max],
        _ if measure.belongs_to_fault() => &[Stat::P50, Stat::P99, Stat::Max],
        _ => &[Stat::P50, Stat::P99],
    }
}

/// The keys of both runs, each once.
fn keys(reference: ReportInput<'_>, other: ReportInput<'_>) -> Vec<Key> {
    let mut seen = BTreeSet::new();
    let mut keys = Vec::new();
    for input in [reference, other] {
        for measure in Measure::ALL {
            for figure in input.figures(measure).into_iter().filter(|figure| figure.count > 0) {
                let key = key(input, figure);
                if seen.insert(key.clone()) {
                    keys.push(key);
                }
            }
        }
    }
    // Stable, so that within a measure the order of the plan stays.
    keys.sort_by_key(|key| key.measure);
    keys
}

fn key(input: ReportInput<'_>, figure: &Figure) -> Key {
    let scope = match figure.scope {
        Scope::Run => ScopeName::Run,
        Scope::Phase(phase) => ScopeName::Phase(input.phase_name(phase)),
        Scope::Fault(fault) => ScopeName::Fault(input.fault_name(fault)),
    };
    Key { measure: figure.measure, scope, group: figure.group.map(|group| input.group_name(group)) }
}

fn find<'a>(input: ReportInput<'a>, wanted: &Key) -> Option<&'a Figure> {
    input.figures(wanted.measure).into_iter().find(|figure| key(input, figure) == *wanted)
}

/// A per-mutation measure's values in the order of the mutations; `None` where the run did not keep them (it was
/// judged by an older version), or where the scope is no single phase: a mix of phases is no sample of anything.
fn values(input: ReportInput<'_>, key: &Key) -> Option<Vec<f64>> {
    let nth = [Measure::T50, Measure::T90, Measure::T99, Measure::TAll]
        .iter()
        .position(|measure| *measure == key.measure)?;
    let is_within = |at: Offset| match &key.scope {
        ScopeName::Phase(name) => {
            input.plan.phase_at(at).is_some_and(|phase| input.phase_name(phase) == *name)
        }
        ScopeName::Run | ScopeName::Fault(_) => false,
    };
    let group = key.group.as_ref().filter(|_| matches!(key.scope, ScopeName::Phase(_)))?;
    let times = input.series.group_times.iter().find(|times| input.group_name(times.group) == *group)?;
    let rows = times.rows.iter().filter(|(at, _)| is_within(*at));
    Some(rows.map(|(_, times)| times[nth].map_or(f64::INFINITY, as_f64)).collect())
}
