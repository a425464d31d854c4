//! A run with its judgement: judged now, or read back.

use std::path::Path;

use shakedown_check::result::{Judgement, RESULT_FORMAT, Series};
use shakedown_model::Plan;
use shakedown_model::fault::FaultWindow;
use shakedown_model::manifest::{Manifest, PartSample, SelfSample};
use shakedown_record::{RunDir, RunDirError};
use shakedown_report::ReportInput;

use crate::exit::{Exit, Failure};

/// Everything that reports show of a run.
pub(crate) struct JudgedRun {
    pub(crate) run: RunDir,
    pub(crate) manifest: Manifest,
    pub(crate) plan: Plan,
    pub(crate) judgement: Judgement,
    pub(crate) series: Series,
    faults: Vec<FaultWindow>,
    parts: Vec<PartSample>,
    harness: Vec<SelfSample>,
    dir: String,
}

impl JudgedRun {
    /// Judges a run; what cannot be judged at all ends the command with `on_error`.
    pub(crate) fn judge(run: RunDir, on_error: Exit) -> Result<Self, Failure> {
        let (judgement, series) =
            shakedown_check::check(&run).map_err(|error| Failure::from_error(on_error, &error))?;
        Self::beside(run, judgement, series).map_err(|error| Failure::from_error(on_error, &error))
    }

    /// Reads a judged run back, without judging.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let usage = |error: RunDirError| Failure::from_error(Exit::Usage, &error);
        let run = RunDir::open(path).map_err(usage)?;
        let again = |why: &str| {
            let dir = path.display();
            Failure::new(Exit::Usage, format!("{why}\n  judge it first: shakedown check {dir}"))
        };
        if !run.verdict_path().exists() {
            return Err(again(&format!("`{}` has no verdict", path.display())));
        }
        let judgement: Judgement = run
            .read_json(&run.verdict_path())
            .map_err(|error| again(&Failure::from_error(Exit::Usage, &error).to_string()))?;
        if judgement.format != RESULT_FORMAT {
            return Err(again(&format!(
                "the verdict in `{}` has form {}, and this version reads form {RESULT_FORMAT}",
                path.display(),
                judgement.format
            )));
        }
        let series: Series = run
            .read_json(&run.series_path())
            .map_err(|error| again(&Failure::from_error(Exit::Usage, &error).to_string()))?;
        Self::beside(run, judgement, series).map_err(usage)
    }

    fn beside(run: RunDir, judgement: Judgement, series: Series) -> Result<Self, RunDirError> {
        Ok(Self {
            manifest: run.manifest()?,
            plan: run.plan()?,
            faults: run.faults()?,
            parts: run.part_samples()?,
            harness: run.self_samples()?,
            dir: run.path().display().to_string(),
            run,
            judgement,
            series,
        })
    }

    /// What reporters read.
    pub(crate) fn input(&self) -> ReportInput<'_> {
        ReportInput {
            dir: &self.dir,
            manifest: &self.manifest,
            plan: &self.plan,
            faults: &self.faults,
            parts: &self.parts,
            harness: &self.harness,
            judgement: &self.judgement,
            series: &self.series,
        }
    }
}
