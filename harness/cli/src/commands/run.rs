//! `run`: one scenario in, one judged report out.

use std::process::ExitCode;
use std::sync::Arc;

use shakedown_engine::{EngineError, RunOptions};
use shakedown_record::RunDir;

use super::check::judge_and_show;
use super::{plan, runtime};
use crate::args::RunArgs;
use crate::exit::{Exit, Failure};
use crate::logging;
use crate::progress::ProgressView;
use crate::stop::stop_signal;

const ON_STOP: &str = "stopping: faults are healed, and what was measured is judged; once more ends at once";

/// Runs a scenario, judges it, and writes and prints the report.
pub(super) fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let loaded = plan::load(&args.scenario)?;
    let program = std::env::current_exe().map_err(|error| {
        Failure::new(Exit::Missing, format!("cannot find the shakedown program itself: {error}"))
    })?;
    let view = Arc::new(ProgressView::new(loaded.plan.clone()));
    let options = RunOptions {
        runs: args.out.clone(),
        scenario_text: loaded.text,
        guard_program: program,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        arguments: Vec::new(),
        baseline: None,
        secrets: loaded.secrets,
    };
    // The runtime lives on while the run is judged, so that a second Ctrl-C is still heard.
    let runtime = runtime()?;
    let run = runtime.block_on(async {
        let stop = stop_signal(ON_STOP).map_err(|error| Failure::from_error(Exit::Missing, &error))?;
        let on_created = |run: &RunDir| logging::to_file(&run.logs_dir().join("shakedown.log"));
        shakedown_engine::run(loaded.plan, options, view, on_created, stop)
            .await
            .map_err(|error| Failure::from_error(exit_of(&error), &error))
    })?;
    judge_and_show(&run, args.json, Exit::Defect)
}

/// A run that could not be begun lacks something, unless a person stopped it.
fn exit_of(error: &EngineError) -> Exit {
    match error {
        EngineError::Interrupted => Exit::Interrupted,
        _ => Exit::Missing,
    }
}
