//! Gates: a figure against a bound, in one group or in every group.
//!
//! A bound that follows a baseline is that of the same measure, statistic, scope and group; where the baseline is of
//! another machine or experiment, or has no such value, the gate is unknown and says why.

use std::cmp::Ordering;

use shakedown_model::GroupId;
use shakedown_model::gate::{Gate, Measure, Op, Scope, Threshold};
use shakedown_model::time::nanos;
use shakedown_model::verdict::Outcome;

use self::bound::Bound;
use crate::distribution::as_f64;
use crate::evidence::Evidence;
use crate::result::{Figure, GateResult, GateRow, StatValue};
use crate::words;

mod bound;

/// Judges every gate of the plan.
pub(crate) fn judge(evidence: &Evidence<'_>, figures: &[Figure]) -> Vec<GateResult> {
    evidence.plan.gates.iter().map(|gate| judge_one(evidence, gate, figures)).collect()
}

/// Every time that a gate bounds, in nanoseconds; those that follow a baseline, too.
pub(crate) fn time_bounds<'a>(evidence: &'a Evidence<'_>) -> impl Iterator<Item = u64> + 'a {
    let gates = evidence.plan.gates.iter();
    let bounds = gates.flat_map(move |gate| {
        groups(evidence, gate).into_iter().map(move |group| bound::of(evidence, gate, group))
    });
    bounds.filter_map(|bound| match bound {
        Ok(Bound { threshold: Threshold::Time(time), .. }) => Some(nanos(time)),
        Ok(_) | Err(_) => None,
    })
}

fn judge_one(evidence: &Evidence<'_>, gate: &Gate, figures: &[Figure]) -> GateResult {
    let groups = groups(evidence, gate).into_iter();
    let rows: Vec<_> = groups.map(|group| row(evidence, gate, group, figures)).collect();
    // A gate without a group that it could be judged for proves nothing.
    let outcome = rows.iter().map(|row| row.outcome).max().unwrap_or(Outcome::Unknown);
    GateResult { text: gate.text.clone(), outcome, rows }
}

/// The groups that a gate is about. After a fault, those that it touched: the others have nothing to show.
fn groups(evidence: &Evidence<'_>, gate: &Gate) -> Vec<Option<GroupId>> {
    if !gate.measure.has_group() {
        return vec![None];
    }
    if gate.group.is_some() {
        return vec![gate.group];
    }
    let cut = evidence.plan.faults_by_id().filter(|(_, fault)| fault.action.cuts());
    let touched: Vec<GroupId> = match gate.scope {
        Scope::Fault(fault) => evidence.plan.faults[fault.index()].groups.clone(),
        Scope::Run if gate.measure.belongs_to_fault() => {
            cut.flat_map(|(_, fault)| fault.groups.clone()).collect()
        }
        Scope::Run | Scope::Phase(_) => evidence.groups().map(|(group, _)| group).collect(),
    };
    evidence.groups().map(|(group, _)| group).filter(|group| touched.contains(group)).map(Some).collect()
}

fn row(evidence: &Evidence<'_>, gate: &Gate, group: Option<GroupId>, figures: &[Figure]) -> GateRow {
    let found =
        figures.iter().find(|f| f.measure == gate.measure && f.scope == gate.scope && f.group == group);
    let (value, count) =
        found.map_or((StatValue::TooFew, 0), |figure| (figure.stat(gate.stat), figure.count));
    let (outcome, note) = match bound::of(evidence, gate, group) {
        Ok(bound) => match compare(value, gate.op, bound.threshold) {
            Outcome::Unknown => (Outcome::Unknown, why_unknown(gate, found, value)),
            told => (told, bound.words),
        },
        Err(why) => (Outcome::Unknown, why),
    };
    GateRow { group, outcome, value, count, note }
}

/// Holds a value against a bound.
fn compare(value: StatValue, op: Op, threshold: Threshold) -> Outcome {
    let wants_small = matches!(op, Op::Below | Op::AtMost);
    let order = match (value, threshold) {
        (StatValue::Time(ns), Threshold::Time(bound)) => ns.cmp(&nanos(bound)),
        // Something that lies beyond its bound may lie anywhere there.
        (StatValue::LaterThan(ns), Threshold::Time(bound)) if ns >= nanos(bound) => Ordering::Greater,
        (StatValue::Count(count), Threshold::Count(bound)) => as_f64(count).total_cmp(&bound),
        (StatValue::Share(share), Threshold::Share(bound)) => share.total_cmp(&bound),
        _ => return Outcome::Unknown,
    };
    let holds = match order {
        Ordering::Equal => matches!(op, Op::AtMost | Op::AtLeast),
        Ordering::Less => wants_small,
        Ordering::Greater => !wants_small,
    };
    if holds { Outcome::Pass } else { Outcome::Fail }
}

fn why_unknown(gate: &Gate, found: Option<&Figure>, value: StatValue) -> String {
    let Some(figure) = found.filter(|figure| figure.count > 0) else { return "no samples".into() };
    match value {
        StatValue::LaterThan(ns) => format!("all that is known is later than {}", words::time(ns)),
        StatValue::TooFew if gate.measure == Measure::Propagation && figure.negative * 100 > figure.count => {
            format!(
                "{} of {} were seen before their ack; with more than 1 % it means nothing, see end-to-end",
                words::count(figure.negative),
                words::counted(figure.count, "sample")
            )
        }
        StatValue::TooFew => {
            let mutations = match figure.mutations {
                0 => String::new(),
                n => format!(" from {}", words::counted(n, "mutation")),
            };
            format!("n too small: {}{mutations}", words::counted(figure.count, "sample"))
        }
        StatValue::Time(_) | StatValue::Share(_) | StatValue::Count(_) => {
            format!("{} cannot be compared with the bound", words::stat(value))
        }
    }
}

#[cfg(test)]
mod tests;
