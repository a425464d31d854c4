//! Whether each fault did what it was to do: applied, bitten by what the canaries saw, and without trouble.

use shakedown_model::FaultId;
use shakedown_model::fault::Bite;
use shakedown_model::verdict::Outcome;

use super::finding;
use crate::evidence::Evidence;
use crate::result::{FaultResult, Finding};
use crate::words::counted;

pub(super) fn fault_bites(faults: &[FaultResult]) -> Finding {
    let toothless: Vec<_> = faults
        .iter()
        .filter(|fault| fault.outcome != Outcome::Pass)
        .map(|fault| fault.name.as_str())
        .collect();
    match toothless.as_slice() {
        [] => finding(
            "fault-bites",
            Outcome::Pass,
            format!("{} in force as planned", counted(faults.len() as u64, "fault")),
        ),
        names => finding(
            "fault-bites",
            Outcome::Unknown,
            format!(
                "{} of {} did not bite or had trouble: {}",
                names.len(),
                counted(faults.len() as u64, "fault"),
                names.join(", ")
            ),
        ),
    }
}

/// What each planned fault did.
pub(crate) fn fault_results(evidence: &Evidence<'_>) -> Vec<FaultResult> {
    evidence.plan.faults_by_id().map(|(id, _)| fault_result(evidence, id)).collect()
}

fn fault_result(evidence: &Evidence<'_>, id: FaultId) -> FaultResult {
    let fault = &evidence.plan.faults[id.index()];
    let window = evidence.window(id);
    let applied = window.and_then(|window| window.applied);
    let was_due = evidence.is_complete() || fault.from < evidence.horizon;
    let (outcome, text) = match (window.map(|window| &window.bite), applied) {
        (None, _) if !was_due => (Outcome::Unknown, "the run ended before it was due".to_owned()),
        (None, _) => (Outcome::Unknown, "never applied".to_owned()),
        (Some(Bite::Missed(saw)), _) => (Outcome::Unknown, format!("did not bite: {saw}")),
        (Some(Bite::Bit(saw) | Bite::NotMeasured(saw)), None) => {
            (Outcome::Unknown, format!("never wholly applied: {saw}"))
        }
        (Some(Bite::Bit(saw)), Some(_)) => (Outcome::Pass, saw.clone()),
        (Some(Bite::NotMeasured(why)), Some(_)) => (Outcome::Pass, format!("not measured: {why}")),
    };
    let (outcome, text) = match window.and_then(|window| window.trouble.as_ref()) {
        Some(trouble) => (Outcome::Unknown, format!("{text}; trouble: {trouble}")),
        None => (outcome, text),
    };
    FaultResult {
        fault: id,
        name: fault.name.clone(),
        kind: fault.action.kind().into(),
        from: applied.unwrap_or(fault.from),
        until: match (applied, window.and_then(|window| window.healed)) {
            (_, Some(healed)) => healed,
            (Some(_), None) if fault.until > evidence.horizon => evidence.horizon,
            _ => fault.until,
        },
        outcome,
        text,
        groups: fault.groups.clone(),
        service: window.map(|window| window.service.clone()).unwrap_or_default(),
    }
}
