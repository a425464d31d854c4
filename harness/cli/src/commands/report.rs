//! `report`: draw an old run's report anew, from what judging left.

use crate::args::ReportArgs;
use crate::exit::{Exit, Failure};
use crate::judged::JudgedRun;

use crate::output::say;

/// Writes the report of `args.run` anew, into the run directory or into `args.out`.
pub(super) fn report(args: &ReportArgs) -> Result<(), Failure> {
    let JudgedRun { run, judgement, series, .. } = JudgedRun::read(&args.run)?;
    let run = match &args.out {
        None => run,
        Some(out) => {
            std::fs::create_dir_all(out).map_err(|error| {
                Failure::new(Exit::Missing, format!("cannot make the folder `{}`: {error}", out.display()))
            })?;
            run.reporting_to(out)
        }
    };
    let written = shakedown_report::write_all(&run, &judgement, &series)
        .map_err(|error| Failure::from_error(Exit::Missing, &error))?;
    say(&format!("drawn anew, the verdict as it was ({}): {}", judgement.verdict, written.report.display()));
    Ok(())
}
