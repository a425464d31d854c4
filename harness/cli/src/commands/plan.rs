//! `validate`, `explain` and `schema`: what a scenario means, without starting anything.

use std::path::Path;

use shakedown_scenario::{Loaded, Overrides};

use crate::args::ScenarioArgs;
use crate::exit::{Exit, Failure};
use crate::output::{complain, say};

/// Loads a scenario with the changes that the arguments ask for; its warnings are printed.
pub(super) fn load(args: &ScenarioArgs) -> Result<Loaded, Failure> {
    let mut overrides = Overrides::new();
    for (key, value) in [
        ("server.backend", args.backend.clone()),
        ("proxy.kind", args.proxy.clone()),
        ("seed", args.seed.map(|seed| seed.to_string())),
    ] {
        if let Some(value) = value {
            overrides.set(format!("{key}={value}"));
        }
    }
    for assignment in &args.set {
        overrides.set(assignment);
    }
    let mut loaded = load_quietly(&args.scenario, &overrides)?;
    fill_home(&mut loaded.plan.server.home, args.nacos_home.as_deref());
    if let Some(upgrade) = &mut loaded.plan.server.upgrade {
        fill_home(&mut upgrade.home, args.nacos_home_next.as_deref());
    }
    fill_home(&mut loaded.plan.proxy.home, args.toxiproxy_home.as_deref());
    if !loaded.warnings.is_empty() {
        complain(&loaded.warnings.render(console::colors_enabled_stderr()));
    }
    Ok(loaded)
}

/// Loads a scenario with what is changed in it; its secrets are hidden from then on.
pub(super) fn load_quietly(scenario: &Path, overrides: &Overrides) -> Result<Loaded, Failure> {
    let loaded = shakedown_scenario::load(scenario, overrides)
        .map_err(|problems| Failure::new(Exit::Usage, problems.render(console::colors_enabled_stderr())))?;
    crate::redaction::hide(&loaded.secrets);
    Ok(loaded)
}

/// The arguments that a repeat needs beside the scenario's copy and the seed: what changed the scenario, and homes
/// that do not come from the environment.
pub(super) fn repeated(args: &ScenarioArgs) -> Vec<String> {
    let mut repeated = Vec::new();
    let homes = [
        ("--nacos-home", "NACOS_HOME", &args.nacos_home),
        ("--nacos-home-next", "NACOS_HOME_NEXT", &args.nacos_home_next),
        ("--toxiproxy-home", "TOXIPROXY_HOME", &args.toxiproxy_home),
    ];
    for (option, value) in [("--backend", &args.backend), ("--proxy", &args.proxy)] {
        if let Some(value) = value {
            repeated.extend([option.to_owned(), value.clone()]);
        }
    }
    for (option, variable, home) in homes {
        if let Some(home) = home
            && std::env::var_os(variable).is_none_or(|value| value != home.as_os_str())
        {
            repeated.extend([option.to_owned(), home.display().to_string()]);
        }
    }
    for assignment in &args.set {
        repeated.extend(["--set".to_owned(), assignment.clone()]);
    }
    repeated
}

/// A home in the scenario wins over the environment's, which is the machine's default.
fn fill_home(home: &mut Option<std::path::PathBuf>, given: Option<&Path>) {
    if home.is_none() {
        *home = given.map(Path::to_owned);
    }
}

/// Checks a scenario.
pub(super) fn validate(args: &ScenarioArgs) -> Result<(), Failure> {
    let loaded = load(args)?;
    let plan = &loaded.plan;
    say(&format!(
        "{}: valid; {} watchers in {} groups, {} phases, {} faults, {} gates",
        args.scenario.display(),
        plan.watcher_count(),
        plan.groups.len(),
        plan.phases.len(),
        plan.faults.len(),
        plan.gates.len()
    ));
    Ok(())
}

/// Shows the resolved plan.
pub(super) fn explain(args: &ScenarioArgs) -> Result<(), Failure> {
    let loaded = load(args)?;
    let plan = shakedown_record::redacted(&loaded.plan, &loaded.secrets)
        .map_err(|error| Failure::from_error(Exit::Defect, &error))?;
    say(&shakedown_scenario::explain(&plan));
    Ok(())
}

/// Prints the JSON Schema of scenarios.
pub(super) fn schema() -> Result<(), Failure> {
    let schema = serde_json::to_string_pretty(&shakedown_scenario::schema())
        .map_err(|error| Failure::from_error(Exit::Defect, &error))?;
    say(&schema);
    Ok(())
}
