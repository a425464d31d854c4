//! The object that `compare --json` prints. Values are as in `run --json`.

use serde_json::{Value, json};
use shakedown_check::result::StatValue;
use shakedown_model::baseline::ScopeName;

use super::noise::Noise;
use super::rows::Row;
use super::sides::{self, Judged};
use super::{Comparison, letter};
use crate::json::value;

/// The version of the object's form.
const COMPARE_FORMAT: u32 = 1;

/// The object, as one line.
pub(super) fn object(comparison: &Comparison<'_>) -> String {
    let runs = &comparison.runs;
    let described: Vec<Value> = runs
        .iter()
        .enumerate()
        .map(|(nth, run)| {
            let mut run_object = json!({
                "letter": letter(nth).to_string(),
                "run_directory": run.dir,
                "exit_code": run.judgement.exit_code,
            });
            for (name, values) in sides::subjects(runs) {
                run_object[name] = json!(values[nth]);
            }
            run_object
        })
        .collect();
    let differences: Vec<Value> = comparison
        .rows
        .iter()
        .zip(1..)
        .flat_map(|(rows, nth)| rows.iter().filter(|row| row.is_told()).map(move |row| difference(row, nth)))
        .collect();
    let object = json!({
        "format": COMPARE_FORMAT,
        "runs": described,
        "differences": differences,
        "guarantees": judged(&sides::guarantees(runs)),
        "gates": judged(&sides::gates(runs)),
        "faults": judged(&sides::faults(runs)),
    });
    object.to_string()
}

fn difference(row: &Row, nth: usize) -> Value {
    let (kind, name) = match &row.key.scope {
        ScopeName::Run => ("scope", "run"),
        ScopeName::Phase(name) => ("phase", name.as_str()),
        ScopeName::Fault(name) => ("fault", name.as_str()),
    };
    let side = |side: Option<(StatValue, u64)>| {
        side.filter(|(_, n)| *n > 0)
            .map_or(Value::Null, |(stat, n)| json!({ "value": value(stat), "count": n }))
    };
    let (noise, interval) = match row.noise {
        Noise::Within => ("within", Value::Null),
        Noise::Beyond(low, high) => ("beyond", json!([low, high])),
        Noise::TooFew => ("too_few", Value::Null),
        Noise::NotJudged => ("not_judged", Value::Null),
    };
    let mut object = json!({
        "of": letter(nth).to_string(),
        "measure": row.key.measure.name(),
        "group": row.key.group,
        "stat": row.stat.name(),
        "reference": side(row.reference),
        "other": side(row.other),
        "difference": row.difference(),
        "percent": row.percent(),
        "noise": noise,
        "interval_ns": interval,
    });
    object[kind] = json!(name);
    object
}

fn judged(lines: &[Judged]) -> Vec<Value> {
    let side = |side: &Option<(shakedown_model::verdict::Outcome, String)>| match side {
        Some((outcome, note)) => json!({ "outcome": outcome, "note": note }),
        None => Value::Null,
    };
    lines
        .iter()
        .map(|line| json!({ "name": line.name, "runs": line.sides.iter().map(side).collect::<Vec<_>>() }))
        .collect()
}
