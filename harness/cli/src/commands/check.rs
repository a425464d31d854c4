//! `check`: judge an old run again.

use std::process::ExitCode;

use shakedown_record::{RunDir, RunDirError};
use shakedown_report::ReportInput;
use shakedown_report::terminal::{self, Look};

use super::{complain, say};
use crate::args::CheckArgs;
use crate::exit::{Exit, Failure};

/// Judges the run in `args.run` and writes its report anew.
pub(super) fn check(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let run = RunDir::open(&args.run).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
    judge_and_show(&run, args.json, Exit::Usage)
}

/// Judges a run, prints the summary or the JSON object, and writes the report.
///
/// What cannot be written is said, and the verdict is printed all the same: nothing measured is lost to a full disk.
/// The exit code is the verdict's, and never 0 when the report is missing.
pub(super) fn judge_and_show(run: &RunDir, json: bool, on_error: Exit) -> Result<ExitCode, Failure> {
    let (judgement, series) =
        shakedown_check::check(run).map_err(|error| Failure::from_error(on_error, &error))?;
    let read_error = |error: RunDirError| Failure::from_error(on_error, &error);
    let (manifest, plan, faults, parts) = (
        run.manifest().map_err(read_error)?,
        run.plan().map_err(read_error)?,
        run.faults().map_err(read_error)?,
        run.part_samples().map_err(read_error)?,
    );
    let dir = run.path().display().to_string();
    let input = ReportInput {
        dir: &dir,
        manifest: &manifest,
        plan: &plan,
        faults: &faults,
        parts: &parts,
        judgement: &judgement,
        series: &series,
    };
    if json {
        say(&shakedown_report::json::object(input));
    } else {
        say(&terminal::summary(input, look()));
    }
    let written = shakedown_check::write(run, &judgement, &series)
        .map_err(|error| Failure::from_error(Exit::Missing, &error))
        .and_then(|()| {
            shakedown_report::write_all(run, &judgement, &series)
                .map(drop)
                .map_err(|error| Failure::from_error(Exit::Missing, &error))
        });
    let Err(failure) = written else { return Ok(ExitCode::from(judgement.exit_code)) };
    complain(&format!(
        "the run was judged, but its report could not be written: {failure}\n  \
         make room, and write it anew: shakedown check {dir}"
    ));
    Ok(if judgement.exit_code == 0 { failure.code() } else { ExitCode::from(judgement.exit_code) })
}

/// As wide as the terminal, and coloured where colour is wanted.
fn look() -> Look {
    let width = usize::from(console::Term::stdout().size_checked().map_or(100, |(_, columns)| columns));
    Look { width: width.clamp(80, 120), is_coloured: console::colors_enabled() }
}
