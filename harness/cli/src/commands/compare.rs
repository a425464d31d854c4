//! `compare`: what differs between runs, and whether it is more than chance.

use std::path::{Path, PathBuf};

use shakedown_record::write_atomically;
use shakedown_report::ReportInput;
use shakedown_report::compare::{Comparison, obstacles};

use super::check::look;
use crate::args::CompareArgs;
use crate::exit::{Exit, Failure};
use crate::judged::JudgedRun;
use crate::output::{complain, say};

/// Compares every run with the first, prints the tables, and writes the page with its charts.
pub(super) fn compare(args: &CompareArgs) -> Result<(), Failure> {
    let runs: Vec<JudgedRun> =
        args.runs.iter().map(|path| JudgedRun::read(path)).collect::<Result<_, _>>()?;
    let inputs: Vec<ReportInput<'_>> = runs.iter().map(JudgedRun::input).collect();
    let reasons = obstacles(&inputs);
    if !reasons.is_empty() {
        let reasons = reasons.join("\n  ");
        if !args.anyway {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "these runs should not be compared:\n  {reasons}\n  to compare them all the same: --anyway"
                ),
            ));
        }
        complain(&format!("compared all the same:\n  {reasons}"));
    }
    let comparison = Comparison::new(&inputs);
    if args.json {
        say(&comparison.json());
    } else {
        say(&comparison.terminal(look()));
    }
    let folder = args.out.clone().unwrap_or_else(|| default_folder(&runs));
    let page = write(&comparison, &folder)?;
    if !args.json {
        say(&format!("\n  {}", page.display()));
    }
    Ok(())
}

/// Below the last run, and named after the others: it goes when that run goes.
fn default_folder(runs: &[JudgedRun]) -> PathBuf {
    let Some((last, others)) = runs.split_last() else { return PathBuf::new() };
    let names: Vec<_> = others.iter().map(|run| run.manifest.run.as_str()).collect();
    last.run.path().join("compared").join(format!("with-{}", names.join("-and-")))
}

/// Writes the page and the charts, and gives the page's path.
fn write(comparison: &Comparison<'_>, folder: &Path) -> Result<PathBuf, Failure> {
    let missing = |error: &dyn std::error::Error| {
        let failure = Failure::from_error(Exit::Missing, error);
        Failure::new(Exit::Missing, format!("{failure}\n  to write the page elsewhere: --out DIR"))
    };
    std::fs::create_dir_all(folder).map_err(|error| {
        let text = format!("cannot make the folder `{}`: {error}", folder.display());
        Failure::new(Exit::Missing, format!("{text}\n  to write the page elsewhere: --out DIR"))
    })?;
    for (name, svg) in comparison.charts().map_err(|error| missing(&error))? {
        write_atomically(&folder.join(format!("{name}.svg")), svg.as_bytes())
            .map_err(|error| missing(&error))?;
    }
    let path = folder.join("compare.html");
    let page = comparison.page().map_err(|error| missing(&error))?;
    write_atomically(&path, page.as_bytes()).map_err(|error| missing(&error))?;
    Ok(path)
}
