//! A baseline: the figures of an accepted run, which gates such as `T-all.p90 <= baseline + 10%` compare with.
//!
//! It names phases, faults and groups by their names, so that it outlives a scenario's order, and carries the machine
//! and an [outline](mod@outline) of the plan: figures of another machine or of another experiment are no bound.

pub mod outline;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::gate::{Measure, Scope, Stat};
use crate::manifest::{Machine, Manifest};
use crate::{Plan, Seed};

/// The version of a baseline's form.
pub const BASELINE_FORMAT: u32 = 1;

/// The figures of an accepted run: a JSON file, by default `reports/baselines/SCENARIO.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// [`BASELINE_FORMAT`].
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The run that was accepted: the name of its directory.
    pub run: String,
    /// The UTC instant at which that run started, RFC 3339.
    pub started: String,
    /// The UTC instant at which it was accepted, RFC 3339.
    pub accepted: String,
    /// The run's seed.
    pub seed: Seed,
    /// A hash of the run's plan without seed, homes, gates and required guarantees, in hexadecimal.
    pub plan_digest: String,
    /// The version of the harness that made the run.
    pub harness: String,
    /// What the servers were.
    pub server: String,
    /// What the proxies were.
    pub proxy: String,
    /// The machine that the run was made on.
    pub machine: Machine,
    /// Whether gates may compare although the machine or the outline differs (`run --baseline-anyway`); only in the
    /// copy that a run directory holds.
    #[serde(default, skip_serializing_if = "is_false")]
    pub anyway: bool,
    /// What the run did, a line per phase, fault, group and load: see [`mod@outline`].
    pub outline: Vec<String>,
    /// The figures, by measure, scope and group.
    pub figures: Vec<BaselineFigure>,
}

/// One distribution of a baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaselineFigure {
    /// What was measured.
    pub measure: Measure,
    /// Where in the run, by name.
    pub scope: ScopeName,
    /// For which group; `None` for measures without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How many samples, the censored ones included.
    pub count: u64,
    /// How many of them are known only to be later than the time-out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub censored: u64,
    /// From how many mutations (0 where that means nothing).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mutations: u64,
    /// The statistics that there were enough samples for.
    pub stats: BTreeMap<Stat, BaselineValue>,
}

/// A phase or a fault by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScopeName {
    /// Every measured phase, or every fault.
    Run,
    /// One phase.
    Phase(String),
    /// One fault.
    Fault(String),
}

impl ScopeName {
    /// The name of `scope` in `plan`.
    ///
    /// # Panics
    /// When the scope is not one of this plan.
    #[must_use]
    pub fn of(scope: Scope, plan: &Plan) -> Self {
        match scope {
            Scope::Run => Self::Run,
            Scope::Phase(phase) => Self::Phase(plan.phases[phase.index()].name.clone()),
            Scope::Fault(fault) => Self::Fault(plan.faults[fault.index()].name.clone()),
        }
    }
}

/// A value of a baseline's distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum BaselineValue {
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Time(u64),
    /// Later than this many nanoseconds, the time-out.
    #[serde(rename = "later_than_ns")]
    LaterThan(u64),
    /// A share between 0 and 1.
    #[serde(rename = "share")]
    Share(f64),
    /// A count.
    #[serde(rename = "count")]
    Count(u64),
}

impl Baseline {
    /// The figure of a measure, scope and group, if the accepted run had one.
    #[must_use]
    pub fn figure(
        &self,
        measure: Measure,
        scope: &ScopeName,
        group: Option<&str>,
    ) -> Option<&BaselineFigure> {
        self.figures.iter().find(|figure| {
            figure.measure == measure && figure.scope == *scope && figure.group.as_deref() == group
        })
    }

    /// Why this baseline is no bound for a run, in words, if it is none: another form, another machine or another
    /// experiment. Being told to compare [`anyway`](Self::anyway) leaves only the first.
    #[must_use]
    pub fn why_not(&self, plan: &Plan, manifest: &Manifest) -> Option<String> {
        if self.format != BASELINE_FORMAT {
            return Some(format!(
                "the baseline has form {}, and this version reads form {BASELINE_FORMAT}; accept a new one",
                self.format
            ));
        }
        if self.anyway {
            return None;
        }
        if let Some(difference) = self.machine.difference(&manifest.machine) {
            return Some(format!(
                "the baseline is of another machine ({difference}); accept one of this machine, or run with `--baseline-anyway`"
            ));
        }
        let difference = outline::difference(&self.outline, &outline::outline(plan))?;
        Some(format!(
            "the baseline is of another experiment ({difference}); accept a new one, or run with `--baseline-anyway`"
        ))
    }
}

impl BaselineFigure {
    /// One statistic; `None` when the accepted run had too few samples to say.
    #[must_use]
    pub fn stat(&self, stat: Stat) -> Option<BaselineValue> {
        self.stats.get(&stat).copied()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(value: &u64) -> bool {
    *value == 0
}
