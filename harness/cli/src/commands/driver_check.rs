//! `driver-check`: starts a program against an embedded server of its own, and tells line by line whether it speaks the
//! driver protocol right.

mod centre;
mod steps;
mod talk;

use std::process::ExitCode;

use shakedown_drivers::{Cache, Catalogue, Launch};

use super::runtime;
use crate::args::DriverCheckArgs;
use crate::exit::{Exit, Failure};
use crate::output::{complain, say};
use centre::Centre;
use talk::Report;

/// Checks one driver. 0: it speaks the protocol; 1: it does not; 69: it, or what it is built with, is not there.
pub(super) fn driver_check(args: &DriverCheckArgs) -> Result<ExitCode, Failure> {
    runtime()?.block_on(async {
        let launch = launch(args).await?;
        let missing = |error: &dyn std::error::Error| Failure::from_error(Exit::Missing, error);
        let folder =
            tempfile::Builder::new().prefix("shakedown-driver-").tempdir().map_err(|e| missing(&e))?;
        let centre = Centre::start(args.mode)?;
        say(&format!("checking {} against an embedded Nacos at {}", launch.shown(), centre.http()));
        let mut report = Report::default();
        let end = steps::all(&launch, folder.path(), centre, &mut report).await;
        if let Err(stop) = end {
            report.fail("went on", stop.to_string());
        }
        let (passed, failed) = report.counts();
        let verdict =
            if failed == 0 { "it speaks the driver protocol" } else { "it does not speak it right" };
        say(&format!("\n{passed} right, {failed} wrong: {verdict}"));
        if failed > 0 {
            let log = std::fs::read_to_string(folder.path().join(steps::LOG)).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            for line in &lines[lines.len().saturating_sub(20)..] {
                say(&format!("  its standard error: {line}"));
            }
        }
        Ok(ExitCode::from(u8::from(failed > 0)))
    })
}

/// How the driver is started: one of the harness' own by its name, else the user's command.
async fn launch(args: &DriverCheckArgs) -> Result<Launch, Failure> {
    let Some(name) = &args.name else {
        let launch = Launch::own("driver", &args.command);
        return if is_there(&launch) {
            Ok(launch)
        } else {
            Err(Failure::new(Exit::Missing, format!("there is no program `{}`", launch.program.display())))
        };
    };
    let catalogue = Catalogue::built_in();
    let driver = catalogue.find(name).ok_or_else(|| {
        let names: Vec<_> = catalogue.drivers().iter().map(|driver| driver.name.as_str()).collect();
        let help = format!(
            "there is no driver `{name}`; there are {}, and a program of your own comes after `--`",
            names.join(", ")
        );
        Failure::new(Exit::Usage, help)
    })?;
    let missing = |error| Failure::from_error(Exit::Missing, &error);
    let cache = Cache::of_user().map_err(missing)?;
    cache.launch(driver, &|line| complain(&line)).await.map_err(missing)
}

/// Whether the program is a file, or one in PATH.
fn is_there(launch: &Launch) -> bool {
    if launch.program.is_absolute() {
        return launch.program.is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(&launch.program).is_file())
}
