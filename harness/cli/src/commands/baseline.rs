//! `baseline accept` and `baseline show`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use shakedown_check::result::{Figure, StatValue};
use shakedown_model::baseline::{
    BASELINE_FORMAT, Baseline, BaselineFigure, BaselineValue, ScopeName, outline,
};
use shakedown_model::gate::{Stat, Threshold};
use shakedown_model::manifest::RunStatus;
use shakedown_model::verdict::{Outcome, Verdict};
use shakedown_record::{plan_digest, read_baseline, write_baseline};

use super::check::look;
use crate::exit::{Exit, Failure};
use crate::judged::JudgedRun;
use crate::output::say;

/// The folder of baselines when nothing else is said.
pub(super) const FOLDER: &str = "reports/baselines";

/// The file of a baseline.
pub(super) fn file(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.json"))
}

/// Keeps the figures of `run` as a baseline in `dir`.
pub(super) fn accept(run: &Path, name: Option<&str>, dir: &Path, anyway: bool) -> Result<(), Failure> {
    let judged = JudgedRun::read(run)?;
    if let Some(why) = why_never(&judged).or_else(|| if anyway { None } else { why_not(&judged) }) {
        return Err(Failure::new(Exit::Usage, format!("`{}` is no baseline: {why}", run.display())));
    }
    let name = name.unwrap_or(&judged.plan.name);
    if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
        let text = format!("`{name}` cannot be a baseline's name; use letters, digits and `-`");
        return Err(Failure::new(Exit::Usage, text));
    }
    let unwritable = |why: String| {
        Failure::new(Exit::Missing, format!("cannot keep a baseline in `{}`: {why}", dir.display()))
    };
    std::fs::create_dir_all(dir).map_err(|error| unwritable(error.to_string()))?;
    let path = file(dir, name);
    let word = if path.exists() { "replaced" } else { "accepted" };
    let baseline = of_run(&judged);
    write_baseline(&path, &baseline).map_err(|error| Failure::from_error(Exit::Missing, &error))?;
    say(&format!(
        "{}: {word}, {} figures of {}; commit it, and gates such as\n  T-all.p90 <= baseline + 10%\ncompare with it",
        path.display(),
        baseline.figures.len(),
        judged.manifest.run
    ));
    Ok(())
}

/// Why no run like this is ever a baseline.
fn why_never(judged: &JudgedRun) -> Option<String> {
    if judged.manifest.status != RunStatus::Complete {
        return Some("it did not come to its end".to_owned());
    }
    if !judged.judgement.validity.is_valid {
        return Some(format!("it is invalid ({}), so its figures mean nothing", judged.judgement.reason));
    }
    None
}

/// Why this run should not be one. That gates against the old baseline failed, or had none, is no reason.
fn why_not(judged: &JudgedRun) -> Option<String> {
    let judgement = &judged.judgement;
    if judgement.verdict == Verdict::Pass {
        return None;
    }
    let is_held = |outcome: Outcome| outcome == Outcome::Pass;
    let mut gates = judgement.gates.iter().zip(&judged.plan.gates);
    let is_only_baseline = gates
        .all(|(result, gate)| is_held(result.outcome) || matches!(gate.threshold, Threshold::Baseline(_)))
        && judgement.guarantees.iter().all(|result| !result.is_required || is_held(result.outcome))
        && judgement.faults.iter().all(|result| is_held(result.outcome));
    if is_only_baseline && matches!(judgement.verdict, Verdict::GateFailed | Verdict::Unknown) {
        return None;
    }
    Some(format!(
        "its verdict is `{}`: {}\n  to accept it all the same: --anyway",
        judgement.verdict, judgement.reason
    ))
}

fn of_run(judged: &JudgedRun) -> Baseline {
    let (manifest, plan) = (&judged.manifest, &judged.plan);
    let figures = judged.judgement.figures.iter().filter(|figure| figure.count > 0);
    Baseline {
        format: BASELINE_FORMAT,
        scenario: manifest.scenario.clone(),
        run: manifest.run.clone(),
        started: manifest.started.clone(),
        accepted: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        seed: manifest.seed,
        plan_digest: plan_digest(plan),
        harness: manifest.harness.clone(),
        server: manifest.server.clone(),
        proxy: manifest.proxy.clone(),
        machine: manifest.machine.clone(),
        anyway: false,
        outline: outline::outline(plan),
        figures: figures.map(|figure| of_figure(figure, judged)).collect(),
    }
}

fn of_figure(figure: &Figure, judged: &JudgedRun) -> BaselineFigure {
    let plan = &judged.plan;
    let stats: BTreeMap<Stat, BaselineValue> =
        Stat::ALL.into_iter().filter_map(|stat| Some((stat, value(figure.stat(stat))?))).collect();
    BaselineFigure {
        measure: figure.measure,
        scope: ScopeName::of(figure.scope, plan),
        group: figure.group.map(|group| plan.groups[group.index()].name.clone()),
        count: figure.count,
        censored: figure.censored,
        mutations: figure.mutations,
        stats,
    }
}

const fn value(value: StatValue) -> Option<BaselineValue> {
    match value {
        StatValue::Time(ns) => Some(BaselineValue::Time(ns)),
        StatValue::LaterThan(ns) => Some(BaselineValue::LaterThan(ns)),
        StatValue::Share(share) => Some(BaselineValue::Share(share)),
        StatValue::Count(count) => Some(BaselineValue::Count(count)),
        StatValue::TooFew => None,
    }
}

/// Shows one baseline, or lists those in `dir`.
pub(super) fn show(name: Option<&str>, dir: &Path) -> Result<(), Failure> {
    let Some(name) = name else { return list(dir) };
    let named = file(dir, name);
    let path = if named.exists() || !Path::new(name).exists() { named } else { PathBuf::from(name) };
    let baseline = read_baseline(&path).map_err(|error| {
        let failure = Failure::from_error(Exit::Usage, &error);
        let known = names(dir).join(", ");
        let known = if known.is_empty() { "none".to_owned() } else { known };
        Failure::new(Exit::Usage, format!("{failure}\n  known in {}: {known}", dir.display()))
    })?;
    say(&shakedown_report::baseline::text(&baseline, look()));
    Ok(())
}

fn list(dir: &Path) -> Result<(), Failure> {
    let names = names(dir);
    if names.is_empty() {
        say(&format!("no baseline in {}; keep one: shakedown baseline accept RUN", dir.display()));
    }
    for name in names {
        match read_baseline(&file(dir, &name)) {
            Ok(baseline) => say(&format!(
                "{name}: {} of {}, {} figures",
                baseline.run,
                baseline.accepted,
                baseline.figures.len()
            )),
            Err(error) => say(&format!("{name}: {}", Failure::from_error(Exit::Usage, &error))),
        }
    }
    Ok(())
}

/// The names of the baselines in a folder, sorted.
fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".json").map(ToOwned::to_owned))
        .collect();
    names.sort();
    names
}
