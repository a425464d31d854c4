//! What was judged, side by side: verdicts, guarantees, gates and faults of every run.

use shakedown_model::verdict::Outcome;

use crate::input::ReportInput;
use crate::quantity::{counted, plain, stat_value};

/// One thing that every run was judged by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    pub(crate) name: String,
    /// Per run its outcome and a word more; `None` where the run was not judged by it.
    pub(crate) sides: Vec<Option<(Outcome, String)>>,
}

/// Guarantees of all runs.
pub(crate) fn guarantees(runs: &[ReportInput<'_>]) -> Vec<Judged> {
    merged(runs, |run| {
        let results = run.judgement.guarantees.iter();
        let note = |is_required: bool| if is_required { String::new() } else { "not required".to_owned() };
        results
            .map(|result| (result.guarantee.name().to_owned(), (result.outcome, note(result.is_required))))
            .collect()
    })
}

/// Gates of all runs, a line per gate and group.
pub(crate) fn gates(runs: &[ReportInput<'_>]) -> Vec<Judged> {
    merged(runs, |run| {
        let rows = run.judgement.gates.iter().flat_map(|gate| gate.rows.iter().map(move |row| (gate, row)));
        rows.map(|(gate, row)| {
            let text = plain(&gate.text);
            let name = match row.group {
                Some(group) => format!("{text} · {}", run.group_name(group)),
                None => text,
            };
            (name, (row.outcome, format!("{} ({})", stat_value(row.value), counted(row.count, "sample"))))
        })
        .collect()
    })
}

/// Faults of all runs: whether each bit.
pub(crate) fn faults(runs: &[ReportInput<'_>]) -> Vec<Judged> {
    merged(runs, |run| {
        let faults = run.judgement.faults.iter();
        faults
            .map(|fault| {
                (
                    plain(&fault.name),
                    (fault.outcome, format!("{}, {}", plain(&fault.kind), run.in_force(fault))),
                )
            })
            .collect()
    })
}

/// Names in the order in which they first come, with each run's side of them.
fn merged(
    runs: &[ReportInput<'_>],
    of: impl Fn(&ReportInput<'_>) -> Vec<(String, (Outcome, String))>,
) -> Vec<Judged> {
    let mut lines: Vec<Judged> = Vec::new();
    for (nth, run) in runs.iter().enumerate() {
        for (name, side) in of(run) {
            let at = lines.iter().position(|line| line.name == name).unwrap_or_else(|| {
                lines.push(Judged { name, sides: vec![None; runs.len()] });
                lines.len() - 1
            });
            lines[at].sides[nth] = Some(side);
        }
    }
    lines
}

/// What a comparison may be about: server, proxy, seed, harness, and whether the plans are one.
pub(crate) fn subjects(runs: &[ReportInput<'_>]) -> Vec<(&'static str, Vec<String>)> {
    let of = |show: fn(&ReportInput<'_>) -> String| runs.iter().map(show).collect::<Vec<_>>();
    vec![
        ("verdict", of(|run| run.judgement.verdict.name().to_owned())),
        ("scenario", of(|run| plain(&run.manifest.scenario))),
        ("started", of(|run| plain(&run.manifest.started))),
        ("server", of(|run| plain(placeless(&run.manifest.server)))),
        ("proxy", of(|run| plain(&run.manifest.proxy))),
        ("seed", of(|run| run.manifest.seed.to_string())),
        ("harness", of(|run| plain(&run.manifest.harness))),
        ("plan", of(|run| shakedown_record::plan_digest(run.plan))),
    ]
}

/// A description without the port of this one run, which tells nothing about the server.
fn placeless(description: &str) -> &str {
    description.split_once(", at 127.").map_or(description, |(what, _)| what)
}
