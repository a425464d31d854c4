//! From a run to its judgement, and onto the disk.

use shakedown_model::Plan;
use shakedown_model::baseline::Baseline;
use shakedown_model::fault::FaultWindow;
use shakedown_model::manifest::{ConnectionRecord, Manifest, SelfSample};
use shakedown_model::plan::PLAN_FORMAT;
use shakedown_record::{HistoryError, RunDir};

use crate::evidence::Evidence;
use crate::index::{Index, IndexBuilder};
use crate::input::{CheckError, HistoryEnd, RunInput};
use crate::measures::{self, Findings};
use crate::result::{Judgement, RESULT_FORMAT, Series};
use crate::{contradiction, fidelity, gates, guarantees, validity, verdict};

/// Judges a run directory. Reads it only; [`write()`] puts the result there.
///
/// # Errors
/// When a file that the judgement needs is missing or damaged. A history that ends early is none: the run is judged as
/// far as it was recorded, and is invalid.
pub fn check(run: &RunDir) -> Result<(Judgement, Series), CheckError> {
    let manifest = run.manifest()?;
    let plan = run.plan()?;
    let path = run.path().join("plan.json");
    if plan.format != PLAN_FORMAT {
        return Err(CheckError::PlanVersion { path, found: plan.format, expected: PLAN_FORMAT });
    }
    if let Some(what) = contradiction::in_plan(&plan) {
        return Err(CheckError::Contradiction { path, what });
    }
    if let Some(what) = contradiction::in_manifest(&manifest, &plan) {
        return Err(CheckError::Contradiction { path: run.path().join("manifest.json"), what });
    }
    let (faults, self_samples, baseline) = (run.faults()?, run.self_samples()?, run.baseline()?);
    let connections = run.connections()?;
    let mut builder = IndexBuilder::new(&plan);
    let mut end = HistoryEnd::Whole;
    for event in run.history()? {
        match event {
            Ok(event) => builder.push(event),
            Err(HistoryError::CutShort { block, byte }) => end = HistoryEnd::CutShort { block, byte },
            Err(HistoryError::Corrupt { block, byte }) => end = HistoryEnd::Corrupt { block, byte },
            Err(error) => return Err(error.into()),
        }
    }
    let beside = Beside {
        faults: &faults,
        self_samples: &self_samples,
        connections: &connections,
        baseline: baseline.as_ref(),
    };
    Ok(conclude((&plan, &manifest), end, beside, builder.finish()))
}

/// Judges a run in memory. The plan must be consistent, as one from a scenario is.
#[must_use]
pub fn judge(input: &RunInput) -> (Judgement, Series) {
    let mut builder = IndexBuilder::new(&input.plan);
    for event in &input.events {
        builder.push(*event);
    }
    let RunInput { plan, manifest, history_end, faults, self_samples, connections, baseline, .. } = input;
    let beside = Beside { faults, self_samples, connections, baseline: baseline.as_ref() };
    conclude((plan, manifest), *history_end, beside, builder.finish())
}

/// Writes `verdict.json` and `series.json`, each as a whole or not at all.
///
/// # Errors
/// When one cannot be written.
pub fn write(run: &RunDir, judgement: &Judgement, series: &Series) -> Result<(), CheckError> {
    run.write_json(&run.series_path(), series)?;
    run.write_json(&run.verdict_path(), judgement)?;
    Ok(())
}

/// What was recorded beside the history.
#[derive(Clone, Copy)]
struct Beside<'a> {
    faults: &'a [FaultWindow],
    self_samples: &'a [SelfSample],
    connections: &'a [ConnectionRecord],
    baseline: Option<&'a Baseline>,
}

fn conclude(
    (plan, manifest): (&Plan, &Manifest),
    history_end: HistoryEnd,
    beside: Beside<'_>,
    index: Index,
) -> (Judgement, Series) {
    let Beside { faults, self_samples, connections, baseline } = beside;
    let evidence = Evidence::new((plan, manifest), history_end, (faults, self_samples), baseline, index);
    let Findings { figures, paths, mut series, mut counts } = measures::take(&evidence);
    counts.watchers = evidence.index.slots.watchers() as u64;
    counts.subscribed =
        evidence.index.lives.iter().filter(|life| life.first_subscribed().is_some()).count() as u64;
    counts.deliveries = evidence.index.deliveries();
    counts.attempts = evidence.index.attempts().len() as u64;
    series.format = RESULT_FORMAT;
    series.histograms = figures.histograms();
    let figures = figures.finish();
    let (fidelity, attempts) = fidelity::judge(&evidence, &figures, connections);
    series.fidelity = attempts;
    let gates = gates::judge(&evidence, &figures);
    let guarantees = guarantees::judge(&evidence);
    let faults = validity::fault_results(&evidence);
    let validity = validity::judge(&evidence, &faults, (&figures, &counts));
    let (verdict, reason) = verdict::decide(&evidence, &validity, &guarantees, &gates);
    let judgement = Judgement {
        format: RESULT_FORMAT,
        verdict,
        exit_code: verdict.exit_code(),
        reason,
        validity,
        figures,
        paths: paths.finish(),
        guarantees,
        gates,
        faults,
        fidelity,
        own_share: measures::own_share::rows(&evidence),
        counts,
    };
    (judgement, series)
}

#[cfg(test)]
mod tests;
