//! `doctor`: what this machine offers a run, a line per thing: ok, warn or fail, what was found, what to change.
//!
//! It starts nothing but `--version` of programs that a run would start, and changes nothing, unless it is told to sweep.

mod containers;
mod drivers;
mod engine;
mod finding;
mod homes;
mod kernel;
mod leftovers;

use std::process::ExitCode;

use shakedown_model::Plan;
use shakedown_model::needs::Needs;
use shakedown_model::plan::{Backend, ProxyPlace};
use shakedown_scenario::Overrides;

use self::finding::Level;
use super::plan;
use crate::args::DoctorArgs;
use crate::exit::{Exit, Failure};
use crate::output::say;
use crate::redaction::shown;

/// Looks at everything, prints it, and ends with 0, or 69 when something fails.
pub(super) fn doctor(args: &DoctorArgs) -> Result<ExitCode, Failure> {
    let overrides: Overrides = args.set.iter().collect();
    let loaded =
        args.scenario.as_ref().map(|scenario| plan::load_quietly(scenario, &overrides)).transpose()?;
    let plan = loaded.map(|loaded| loaded.plan);
    let open_files = shakedown_engine::raise_open_files();
    let needs = plan.as_ref().map(|plan| Needs::of(plan, open_files));
    let mut findings = kernel::findings(needs.as_ref());
    findings.extend(homes::findings(args, plan.as_ref()));
    findings.extend(drivers::findings(plan.as_ref())?);
    findings.push(engine::finding(plan.as_ref().is_some_and(needs_engine)));
    if args.sweep {
        findings.extend(containers::sweep().map_err(|error| Failure::from_error(Exit::Missing, &error))?);
    }
    findings.extend(containers::finding());
    findings.extend(leftovers::findings(&args.out));
    if let (Some(plan), Some(needs)) = (&plan, &needs) {
        say(&format!("{}\n", needed(plan, needs)));
    }
    let lines: Vec<String> =
        findings.iter().map(|finding| finding.lines(console::colors_enabled())).collect();
    say(&shown(&lines.join("\n")));
    let count = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
    say(&format!(
        "\n{} ok, {} to look at, {} failed",
        count(Level::Ok),
        count(Level::Warn),
        count(Level::Fail)
    ));
    Ok(if count(Level::Fail) > 0 { ExitCode::from(Exit::Missing as u8) } else { ExitCode::SUCCESS })
}

/// Whether anything of the scenario is to be in a container.
fn needs_engine(plan: &Plan) -> bool {
    plan.server.backend == Backend::Container || plan.proxy.place == ProxyPlace::Container
}

/// What the scenario needs, in a line.
fn needed(plan: &Plan, needs: &Needs) -> String {
    let processes = match needs.workers {
        0 => "one process".to_owned(),
        1 => "one of its processes, as a worker holds the watchers".to_owned(),
        workers => format!("one of its processes, as {workers} workers hold the watchers"),
    };
    let processes = match needs.proxies {
        0 => processes,
        proxies => format!("{processes}, and {proxies} of the embedded proxy what lies between"),
    };
    let processes = match needs.servers {
        0 => processes,
        servers => format!("{processes}, and {servers} of the embedded server its nodes"),
    };
    let (connections, files) = (needs.connections, needs.open_files());
    format!("{} needs {connections} connections and {files} open files in {processes}", plan.name)
}
