//! `check`: judge an old run again.

use std::process::ExitCode;

use shakedown_record::RunDir;
use shakedown_report::terminal::{self, Look};

use crate::args::CheckArgs;
use crate::exit::{Exit, Failure};
use crate::judged::JudgedRun;
use crate::output::{complain, say};

/// Judges the run in `args.run` and writes its report anew.
pub(super) fn check(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let run = RunDir::open(&args.run).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
    judge_and_show(run, args.json, Exit::Usage)
}

/// Judges a run, prints the summary or the JSON object, and writes the report.
///
/// What cannot be written is said, and the verdict is printed all the same: nothing measured is lost to a full disk.
/// The exit code is the verdict's, and never 0 when the report is missing.
pub(super) fn judge_and_show(run: RunDir, json: bool, on_error: Exit) -> Result<ExitCode, Failure> {
    let judged = JudgedRun::judge(run, on_error)?;
    if json {
        say(&shakedown_report::json::object(judged.input()));
    } else {
        say(&terminal::summary(judged.input(), look()));
    }
    let JudgedRun { run, judgement, series, .. } = &judged;
    let written = shakedown_check::write(run, judgement, series)
        .map_err(|error| Failure::from_error(Exit::Missing, &error))
        .and_then(|()| {
            shakedown_report::write_all(run, judgement, series)
                .map(drop)
                .map_err(|error| Failure::from_error(Exit::Missing, &error))
        });
    let Err(failure) = written else { return Ok(ExitCode::from(judgement.exit_code)) };
    complain(&format!(
        "the run was judged, but its report could not be written: {failure}\n  \
         make room, and write it anew: shakedown check {}",
        run.path().display()
    ));
    Ok(if judgement.exit_code == 0 { failure.code() } else { ExitCode::from(judgement.exit_code) })
}

/// As wide as the terminal, and coloured where colour is wanted.
pub(super) fn look() -> Look {
    let width = usize::from(console::Term::stdout().size_checked().map_or(100, |(_, columns)| columns));
    Look { width: width.clamp(80, 120), is_coloured: console::colors_enabled() }
}
