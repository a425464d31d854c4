//! `check`: judge an old run again.

use std::process::ExitCode;

use shakedown_check::result::Judgement;
use shakedown_record::RunDir;

use super::{complain, say};
use crate::args::CheckArgs;
use crate::exit::{Exit, Failure};

/// Judges the run in `args.run` and writes its report anew.
pub(super) fn check(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let run = RunDir::open(&args.run).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
    let judgement = judge_and_show(&run, args.json, Exit::Usage)?;
    Ok(ExitCode::from(judgement.exit_code))
}

/// Judges a run, prints the summary or the JSON object, and writes the report.
///
/// What cannot be written is said, and the verdict is printed all the same: nothing measured is lost to a full disk.
pub(super) fn judge_and_show(run: &RunDir, json: bool, on_error: Exit) -> Result<Judgement, Failure> {
    let (judgement, series) =
        shakedown_check::check(run).map_err(|error| Failure::from_error(on_error, &error))?;
    let input = shakedown_report::ReportInput::read(run, &judgement, &series)
        .map_err(|error| Failure::from_error(on_error, &error))?;
    if json {
        say(&shakedown_report::json(&input).to_string());
    } else {
        say(&shakedown_report::terminal(&input, console::colors_enabled()));
    }
    let written = shakedown_check::write(run, &judgement, &series)
        .map_err(|error| Failure::from_error(Exit::Missing, &error))
        .and_then(|()| {
            shakedown_report::write_all(run, &judgement, &series)
                .map(drop)
                .map_err(|error| Failure::from_error(Exit::Missing, &error))
        });
    if let Err(failure) = written {
        complain("the run was judged, but its report could not be written");
        return Err(failure);
    }
    Ok(judgement)
}
