//! The verdict: which of guarantees, gates and validity decides, and the one line that says so.
//!
//! In a valid run a violated guarantee comes before a failed gate, and that before what could not be told. In an invalid
//! run only a witnessed safety violation counts. An interrupted run says so, whatever else was seen.

use shakedown_model::manifest::RunStatus;
use shakedown_model::verdict::{Outcome, Verdict};

use crate::evidence::Evidence;
use crate::result::{Finding, GateResult, GuaranteeResult, StatValue, Validity};
use crate::words;

/// Decides.
pub(crate) fn decide(
    evidence: &Evidence<'_>,
    validity: &Validity,
    guarantees: &[GuaranteeResult],
    gates: &[GateResult],
) -> (Verdict, String) {
    let required = |outcome| guarantees.iter().find(move |g| g.is_required && g.outcome == outcome);
    let is_witnessed =
        |g: &&GuaranteeResult| g.guarantee.is_safety() && g.outcome == Outcome::Fail && g.is_required;
    let witnessed = guarantees.iter().find(is_witnessed);
    let finding = |outcome| validity.findings.iter().find(move |finding| finding.outcome == outcome);
    if evidence.manifest.status == RunStatus::Interrupted {
        let seen = witnessed.map_or_else(String::new, |seen| format!("; before that, {}", broken(seen)));
        return (Verdict::Interrupted, format!("interrupted at {}{seen}", evidence.horizon));
    }
    if !validity.is_valid {
        return match (witnessed, finding(Outcome::Fail)) {
            (Some(seen), _) => {
                (Verdict::Violated, format!("{} (seen, though the run is invalid)", broken(seen)))
            }
            (None, Some(why)) => (Verdict::Invalid, harness("the run is invalid", why)),
            (None, None) => (Verdict::Invalid, "the run is invalid".into()),
        };
    }
    if let Some(violated) = required(Outcome::Fail) {
        return (Verdict::Violated, broken(violated));
    }
    if let Some(failed) = gates.iter().find(|gate| gate.outcome == Outcome::Fail) {
        return (Verdict::GateFailed, gate_line(evidence, failed, "failed"));
    }
    if let Some(unknown) = finding(Outcome::Unknown) {
        return (Verdict::Unknown, harness("no verdict", unknown));
    }
    if let Some(unknown) = required(Outcome::Unknown) {
        return (Verdict::Unknown, format!("guarantee `{}` is unknown: {}", unknown.guarantee, unknown.text));
    }
    if let Some(unknown) = gates.iter().find(|gate| gate.outcome == Outcome::Unknown) {
        return (Verdict::Unknown, gate_line(evidence, unknown, "is unknown"));
    }
    (Verdict::Pass, held(guarantees, gates))
}

fn broken(guarantee: &GuaranteeResult) -> String {
    format!("guarantee `{}` was violated: {}", guarantee.guarantee, guarantee.text)
}

fn harness(what: &str, finding: &Finding) -> String {
    format!("{what}: {}: {}", finding.name, finding.text)
}

fn gate_line(evidence: &Evidence<'_>, gate: &GateResult, what: &str) -> String {
    let Some(row) = gate.rows.iter().find(|row| row.outcome == gate.outcome) else {
        return format!("gate `{}` {what}: no group that it could be judged for", gate.text);
    };
    let names = row.group.map(|group| evidence.plan.groups[group.index()].name.as_str());
    let group = names.map_or_else(String::new, |name| format!(" for {name}"));
    let value = match row.value {
        StatValue::TooFew => row.note.clone(),
        value if row.note.is_empty() => format!("{} (n={})", words::stat(value), words::count(row.count)),
        value => format!("{} (n={}): {}", words::stat(value), words::count(row.count), row.note),
    };
    format!("gate `{}` {what}{group}: {value}", gate.text)
}

fn held(guarantees: &[GuaranteeResult], gates: &[GateResult]) -> String {
    let required = guarantees.iter().filter(|guarantee| guarantee.is_required).count() as u64;
    match (required, gates.len() as u64) {
        (0, 0) => "nothing was required and there was no gate".into(),
        (0, gates) => format!("{} held", words::counted(gates, "gate")),
        (required, 0) => format!("{} held", words::counted(required, "guarantee")),
        (required, gates) => {
            format!("{} and {} held", words::counted(required, "guarantee"), words::counted(gates, "gate"))
        }
    }
}

#[cfg(test)]
mod tests;
