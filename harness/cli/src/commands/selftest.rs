//! `selftest`: planted defects against guarantees and gates.

use std::process::ExitCode;

use shakedown_record::write_atomically;
use shakedown_selftest::matrix::{ROWS, Row};
use shakedown_selftest::{Plan, Stage, run, show};

use crate::args::SelftestArgs;
use crate::exit::{Exit, Failure};
use crate::output::{complain, say};

/// Makes every run, prints the matrix and writes it as `matrix.md` and `matrix.json`.
///
/// A difference is a defect of shakedown: the exit code is 70 then.
pub(super) fn selftest(args: &SelftestArgs) -> Result<ExitCode, Failure> {
    let program = std::env::current_exe().map_err(|error| {
        Failure::new(Exit::Missing, format!("cannot find the shakedown program itself: {error}"))
    })?;
    let rows = chosen(&args.only)?;
    let stages = Stage::ALL.into_iter().filter(|stage| rows.iter().any(|row| row.stage == *stage)).collect();
    let seeds: Vec<u64> = (args.seed..).take(args.seeds as usize).collect();
    let plan = Plan {
        rows,
        stages,
        seeds,
        first_seed: args.seed,
        lanes: usize::from(args.lanes),
        out: args.out.clone(),
        program,
    };
    complain(&format!(
        "{} planted defects and {} clean runs, {} side by side; seeds from {}",
        plan.rows.len(),
        plan.clean_runs(),
        plan.lanes,
        args.seed
    ));
    let verdict =
        run(&plan, &|line| complain(&line)).map_err(|error| Failure::from_error(Exit::Missing, &error))?;
    let text = show::markdown(&verdict);
    let json = serde_json::to_string_pretty(&verdict)
        .map_err(|error| Failure::new(Exit::Defect, format!("cannot write the matrix as JSON: {error}")))?;
    for (name, content) in [("matrix.md", &text), ("matrix.json", &json)] {
        write_atomically(&args.out.join(name), content.as_bytes())
            .map_err(|error| Failure::from_error(Exit::Missing, &error))?;
    }
    say(if args.json { &json } else { &text });
    complain(&show::summary(&verdict));
    Ok(if verdict.holds() { ExitCode::SUCCESS } else { ExitCode::from(Exit::Defect as u8) })
}

/// The rows of these names, or all.
fn chosen(only: &[String]) -> Result<Vec<&'static Row>, Failure> {
    if let Some(unknown) = only.iter().find(|name| ROWS.iter().all(|row| row.name != name.as_str())) {
        let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
        return Err(Failure::new(
            Exit::Usage,
            format!("there is no planted defect `{unknown}`; there are: {}", names.join(", ")),
        ));
    }
    Ok(ROWS.iter().filter(|row| only.is_empty() || only.iter().any(|name| name == row.name)).collect())
}
