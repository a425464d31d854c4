//! The object that `--json` prints. Its names are stable; units are in the names.

use serde::Serialize;
use serde_json::{Map, Value, json};
use shakedown_check::result::{Counts, Figure, GateRow, PathFigure, StatValue};
use shakedown_model::gate::{Scope, Stat};
use shakedown_model::manifest::RunStatus;
use shakedown_model::{GroupId, verdict::Outcome};

use crate::input::ReportInput;

/// The version of the object's form.
pub const JSON_FORMAT: u32 = 1;

/// The `--json` object.
#[derive(Debug, Serialize)]
struct Object<'a> {
    format: u32,
    verdict: Value,
    exit_code: u8,
    reason: &'a str,
    run_directory: &'a str,
    report: String,
    scenario: &'a str,
    seed: u64,
    started: &'a str,
    status: Value,
    ended_ns: Option<u64>,
    server: &'a str,
    proxy: &'a str,
    counts: Counts,
    measures: Vec<Value>,
    paths: Vec<Value>,
    floors: Value,
    own_share: Value,
    guarantees: Vec<Value>,
    gates: Vec<Value>,
    faults: Vec<Value>,
    validity: Value,
}

/// The object, as one line of JSON without a line break at its end.
///
/// A value of a distribution is an object with one key: `{"ns": 71200000}`, `{"later_than_ns": 20000000000}`,
/// `{"share": 0.12}`, `{"count": 3}` or `{"too_few": true}`; a figure without samples has none.
#[must_use]
pub fn object(input: ReportInput<'_>) -> String {
    let ReportInput { dir, manifest, judgement, .. } = input;
    let object = Object {
        format: JSON_FORMAT,
        verdict: json!(judgement.verdict),
        exit_code: judgement.exit_code,
        reason: &judgement.reason,
        run_directory: dir,
        report: format!("{dir}/report.html"),
        scenario: &manifest.scenario,
        seed: manifest.seed.0,
        started: &manifest.started,
        status: status(&manifest.status),
        ended_ns: manifest.ended.map(|ended| ended.0),
        server: &manifest.server,
        proxy: &manifest.proxy,
        counts: judgement.counts,
        measures: judgement.figures.iter().map(|figure| measure(input, figure)).collect(),
        paths: input.paths().into_iter().map(|figure| path(input, figure)).collect(),
        floors: json!(manifest.floors),
        own_share: json!(judgement.own_share),
        guarantees: guarantees(input),
        gates: gates(input),
        faults: faults(input),
        validity: json!({
            "is_valid": judgement.validity.is_valid,
            "findings": judgement.validity.findings,
        }),
    };
    serde_json::to_string(&object).expect("string keys and numbers always serialize")
}

fn status(status: &RunStatus) -> Value {
    match status {
        RunStatus::Running => json!("running"),
        RunStatus::Complete => json!("complete"),
        RunStatus::Interrupted => json!("interrupted"),
        RunStatus::Failed(why) => json!({ "failed": why }),
    }
}

/// `"phase": "steady"`, `"fault": "cut"` or `"scope": "run"`.
fn scope(input: ReportInput<'_>, scope: Scope) -> (String, Value) {
    let (key, name) = match scope {
        Scope::Run => ("scope", "run".to_owned()),
        Scope::Phase(phase) => ("phase", input.phase_name(phase)),
        Scope::Fault(fault) => ("fault", input.fault_name(fault)),
    };
    (key.to_owned(), json!(name))
}

fn path(input: ReportInput<'_>, figure: &PathFigure) -> Value {
    let mut row = Map::new();
    row.insert("path".to_owned(), json!(figure.path));
    row.extend([scope(input, figure.scope)]);
    row.insert("group".to_owned(), json!(input.group_name(figure.group)));
    row.insert("is_inferred".to_owned(), json!(figure.is_inferred));
    row.insert("count".to_owned(), json!(figure.count));
    for (stat, found) in Stat::ALL.into_iter().zip(figure.stats) {
        row.insert(stat.name().to_owned(), value(found));
    }
    Value::Object(row)
}

fn measure(input: ReportInput<'_>, figure: &Figure) -> Value {
    let mut row = Map::new();
    row.insert("measure".to_owned(), json!(figure.measure.name()));
    row.extend([scope(input, figure.scope)]);
    row.insert("group".to_owned(), group_name(input, figure.group));
    for (key, count) in [
        ("count", figure.count),
        ("censored", figure.censored),
        ("negative", figure.negative),
        ("mutations", figure.mutations),
    ] {
        row.insert(key.to_owned(), json!(count));
    }
    if figure.count > 0 {
        for stat in Stat::ALL {
            row.insert(stat.name().to_owned(), value(figure.stat(stat)));
        }
    }
    Value::Object(row)
}

fn group_name(input: ReportInput<'_>, group: Option<GroupId>) -> Value {
    group.map_or(Value::Null, |group| json!(input.group_name(group)))
}

pub(crate) fn value(value: StatValue) -> Value {
    match value {
        StatValue::Time(ns) => json!({ "ns": ns }),
        StatValue::LaterThan(ns) => json!({ "later_than_ns": ns }),
        StatValue::Share(share) => json!({ "share": share }),
        StatValue::Count(count) => json!({ "count": count }),
        StatValue::TooFew => json!({ "too_few": true }),
    }
}

fn guarantees(input: ReportInput<'_>) -> Vec<Value> {
    let rows = input.judgement.guarantees.iter();
    rows.map(|result| {
        json!({
            "name": result.guarantee.name(),
            "is_required": result.is_required,
            "outcome": outcome(result.outcome),
            "text": result.text,
            "witness": result.witness,
        })
    })
    .collect()
}

fn gates(input: ReportInput<'_>) -> Vec<Value> {
    let row = |row: &GateRow| {
        json!({
            "group": group_name(input, row.group),
            "outcome": outcome(row.outcome),
            "value": if row.count == 0 { Value::Null } else { value(row.value) },
            "count": row.count,
            "note": row.note,
        })
    };
    let gates = input.judgement.gates.iter();
    gates
        .map(|gate| {
            json!({
                "text": gate.text,
                "outcome": outcome(gate.outcome),
                "rows": gate.rows.iter().map(row).collect::<Vec<_>>(),
            })
        })
        .collect()
}

fn faults(input: ReportInput<'_>) -> Vec<Value> {
    let faults = input.judgement.faults.iter();
    faults
        .map(|fault| {
            json!({
                "name": fault.name,
                "kind": fault.kind,
                "from_ns": fault.from.0,
                "until_ns": fault.until.0,
                "outcome": outcome(fault.outcome),
                "text": fault.text,
                "groups": fault.groups.iter().map(|group| input.group_name(*group)).collect::<Vec<_>>(),
            })
        })
        .collect()
}

fn outcome(outcome: Outcome) -> Value {
    json!(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    fn parsed(fixture: &Fixture) -> Value {
        serde_json::from_str(&object(fixture.input())).unwrap()
    }

    #[test]
    fn the_object_is_one_line_with_the_promised_keys() {
        let fixture = Fixture::rough_run();
        assert!(!object(fixture.input()).contains('\n'));
        let object = parsed(&fixture);
        assert_eq!(object["verdict"], "violated");
        assert_eq!(object["exit_code"], 2);
        assert_eq!(object["run_directory"], "reports/runs/rough");
        assert_eq!(object["guarantees"].as_array().unwrap().len(), 7);
    }

    #[test]
    fn values_say_what_they_are() {
        let object = parsed(&Fixture::rough_run());
        let find = |measure: &str, key: &str, scope: &str, group: &str| {
            let mut rows = object["measures"].as_array().unwrap().iter();
            rows.find(|row| row["measure"] == measure && row[key] == scope && row["group"] == group)
                .unwrap_or_else(|| panic!("{measure} {scope} {group}"))
        };
        let cut = find("end-to-end", "phase", "cut", "modern");
        assert_eq!(cut["max"]["later_than_ns"], 20_000_000_000_u64);
        assert!(cut["p50"]["ns"].is_u64());
        let careful = find("end-to-end", "phase", "steady", "careful");
        assert_eq!(careful["p999"]["too_few"], true);
        let retry =
            object["paths"].as_array().unwrap().iter().find(|row| row["path"] == "push-retry").unwrap();
        assert_eq!((&retry["phase"], &retry["is_inferred"]), (&json!("steady"), &json!(true)));
        assert!(find("herd-share", "fault", "split", "careful")["max"]["share"].is_f64());
    }

    #[test]
    fn an_empty_run_is_an_object_too() {
        let object = parsed(&Fixture::empty_run());
        assert_eq!(object["verdict"], "unknown");
        assert_eq!(object["measures"], json!([]));
    }
}
