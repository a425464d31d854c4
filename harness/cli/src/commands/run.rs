//! `run`: one scenario in, one judged report out.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use shakedown_engine::{EngineError, RunOptions};
use shakedown_model::baseline::Baseline;
use shakedown_model::gate::Threshold;
use shakedown_record::{Keep, RunDir, read_baseline, remove_old_runs};
use shakedown_scenario::Loaded;

use super::baseline::{FOLDER, file};
use super::check::judge_and_show;
use super::{plan, runtime};
use crate::args::RunArgs;
use crate::exit::{Exit, Failure};
use crate::logging;
use crate::output::complain;
use crate::progress::ProgressView;
use crate::stop::stop_signal;

const ON_STOP: &str = "stopping: faults are healed, and what was measured is judged; once more ends at once";
/// So many removed runs are named, and the rest counted.
const NAMED: usize = 3;

/// Runs a scenario, judges it, and writes and prints the report.
pub(super) fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let loaded = plan::load(&args.scenario)?;
    let baseline = baseline(args, &loaded)?;
    let program = std::env::current_exe().map_err(|error| {
        Failure::new(Exit::Missing, format!("cannot find the shakedown program itself: {error}"))
    })?;
    let view = Arc::new(ProgressView::new(loaded.plan.clone()));
    let options = RunOptions {
        runs: args.out.clone(),
        arguments: repeated(args),
        scenario_text: loaded.text,
        program,
        measures_floor: args.calibrate,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        baseline,
        secrets: loaded.secrets,
    };
    // The runtime lives on while the run is judged, so that a second Ctrl-C is still heard.
    let runtime = runtime()?;
    let run = runtime.block_on(async {
        let stop = stop_signal(ON_STOP).map_err(|error| Failure::from_error(Exit::Missing, &error))?;
        let on_created = |run: &RunDir| logging::to_file(&run.logs_dir().join("shakedown.log"));
        Box::pin(shakedown_engine::run(loaded.plan, options, view, on_created, stop))
            .await
            .map_err(|error| Failure::from_error(exit_of(&error), &error))
    })?;
    if let Err(error) = run.redact_logs() {
        complain(&Failure::from_error(Exit::Missing, &error).to_string());
    }
    let code = judge_and_show(run.clone(), args.json, Exit::Defect)?;
    tidy(args, run.path());
    Ok(code)
}

/// The arguments that a repeat needs.
fn repeated(args: &RunArgs) -> Vec<String> {
    let mut arguments = plan::repeated(&args.scenario);
    arguments.extend(args.calibrate.then(|| "--calibrate".to_owned()));
    arguments
}

/// What the scenario's gates compare with: the file that was named, else the scenario's own, else the usual one.
fn baseline(args: &RunArgs, loaded: &Loaded) -> Result<Option<Baseline>, Failure> {
    let wanting: Vec<&str> = (loaded.plan.gates.iter())
        .filter(|gate| matches!(gate.threshold, Threshold::Baseline(_)))
        .map(|gate| gate.text.as_str())
        .collect();
    let usual = || file(Path::new(FOLDER), &loaded.plan.name);
    let path = args.baseline.clone().or_else(|| loaded.baseline.clone()).unwrap_or_else(usual);
    if args.baseline.is_none() && (wanting.is_empty() || !path.exists()) {
        if !wanting.is_empty() {
            complain(&format!(
                "there is no baseline `{}`, so these gates will be unknown: {}\n  \
                 once a run is as it should be, keep it: shakedown baseline accept RUN",
                path.display(),
                wanting.join("; ")
            ));
        }
        return Ok(None);
    }
    let baseline = read_baseline(&path).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
    Ok(Some(Baseline { anyway: args.baseline_anyway, ..baseline }))
}

/// Removes old runs beyond what is kept, and says so.
fn tidy(args: &RunArgs, newest: &Path) {
    let keep = Keep { runs: usize::try_from(args.keep).unwrap_or(usize::MAX), bytes: args.keep_size };
    let removed = match remove_old_runs(&args.out, keep, newest) {
        Ok(removed) => removed,
        Err(error) => return complain(&Failure::from_error(Exit::Missing, &error).to_string()),
    };
    for (path, why) in &removed.trouble {
        complain(&format!("the old run `{}` could not be removed: {why}", path.display()));
    }
    if removed.runs.is_empty() {
        return;
    }
    let mut names: Vec<String> =
        removed.runs.iter().take(NAMED).map(|path| path.display().to_string()).collect();
    if removed.runs.len() > NAMED {
        names.push(format!("{} more", removed.runs.len() - NAMED));
    }
    complain(&format!(
        "removed {} of {} MiB, as only {} runs of at most {} MiB together are kept (--keep, --keep-size): {}",
        if removed.runs.len() == 1 {
            "an old run".to_owned()
        } else {
            format!("{} old runs", removed.runs.len())
        },
        removed.bytes >> 20,
        args.keep,
        args.keep_size >> 20,
        names.join(", ")
    ));
}

/// A run that could not be begun lacks something, unless a person stopped it.
fn exit_of(error: &EngineError) -> Exit {
    match error {
        EngineError::Interrupted => Exit::Interrupted,
        _ => Exit::Missing,
    }
}
