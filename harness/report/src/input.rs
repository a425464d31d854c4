//! What every reporter reads: the run's manifest and plan, the fault windows, the judgement and the series.

use shakedown_check::result::{FaultResult, Figure, Judgement, PathFigure, Series};
use shakedown_check::words::share;
use shakedown_model::event::Path;
use shakedown_model::fault::FaultWindow;
use shakedown_model::gate::{Measure, Scope};
use shakedown_model::manifest::{Manifest, PartSample, RunStatus, SelfSample};
use shakedown_model::plan::{GroupSpec, Protocol};
use shakedown_model::verdict::{Outcome, Verdict};
use shakedown_model::{FaultId, GroupId, Offset, PhaseId, Plan};

use crate::quantity::{as_f64, counted, plain};

/// Everything that a report shows.
///
/// Ids in the judgement are looked up with care: an old or damaged run yields `group 7` as a name, never a panic.
#[derive(Debug, Clone, Copy)]
pub struct ReportInput<'a> {
    /// The run directory, as a person would type it.
    pub dir: &'a str,
    /// What ran, and where.
    pub manifest: &'a Manifest,
    /// What was planned.
    pub plan: &'a Plan,
    /// The faults as they were applied and healed.
    pub faults: &'a [FaultWindow],
    /// What servers and proxies used, once a second.
    pub parts: &'a [PartSample],
    /// What the harness itself used, once a second.
    pub harness: &'a [SelfSample],
    /// The judgement.
    pub judgement: &'a Judgement,
    /// What charts draw.
    pub series: &'a Series,
}

impl<'a> ReportInput<'a> {
    pub(crate) fn group_name(&self, group: GroupId) -> String {
        self.plan.groups.get(group.index()).map_or_else(|| format!("group {group}"), |spec| plain(&spec.name))
    }

    /// A group's name, or a dash for measures without one.
    pub(crate) fn group_or_dash(&self, group: Option<GroupId>) -> String {
        group.map_or_else(|| "–".to_owned(), |group| self.group_name(group))
    }

    pub(crate) fn phase_name(&self, phase: PhaseId) -> String {
        self.plan.phases.get(phase.index()).map_or_else(|| format!("phase {phase}"), |spec| plain(&spec.name))
    }

    pub(crate) fn fault_name(&self, fault: FaultId) -> String {
        self.plan.faults.get(fault.index()).map_or_else(|| format!("fault {fault}"), |spec| plain(&spec.name))
    }

    pub(crate) fn scope_name(&self, scope: Scope) -> String {
        match scope {
            Scope::Run => "whole run".to_owned(),
            Scope::Phase(phase) => self.phase_name(phase),
            Scope::Fault(fault) => self.fault_name(fault),
        }
    }

    /// The group's name with its transport and size: `modern · gRPC · 1,000 watchers`.
    pub(crate) fn group_title(&self, group: GroupId) -> String {
        let name = self.group_name(group);
        match self.plan.groups.get(group.index()) {
            None => name,
            Some(spec) => {
                format!("{name} · {} · {}", client_name(spec), counted(u64::from(spec.count), "watcher"))
            }
        }
    }

    /// The groups that charts draw a panel for: those of the plan.
    pub(crate) fn groups(&self) -> impl Iterator<Item = GroupId> + use<> {
        (0..u16::try_from(self.plan.groups.len()).unwrap_or(u16::MAX)).map(GroupId)
    }

    /// Whether losses and attempts of a group's watchers are known.
    pub(crate) fn is_observed(&self, group: GroupId) -> bool {
        self.plan.groups.get(group.index()).is_none_or(|spec| self.plan.sees_connections(spec))
    }

    /// Of which groups losses and attempts are not known, and why; `None` where all are.
    pub(crate) fn not_observed(&self) -> Option<String> {
        let unseen = self.groups().filter(|group| !self.is_observed(*group));
        let names: Vec<String> = unseen.map(|group| self.group_name(group)).collect();
        (!names.is_empty()).then(|| {
            format!(
                "Not observed: losses and attempts of {}. Of real clients over HTTP or behind a Toxiproxy nobody sees which \
                 connection is whose, so that they have no detect, attempt gap, reconnect, catch-up and herd share here, and \
                 are in no count of losses. That is neither good nor bad.",
                names.join(", ")
            )
        })
    }

    /// The figures of one measure in the order of scope (the whole run last), then group.
    pub(crate) fn figures(&self, measure: Measure) -> Vec<&'a Figure> {
        let mut figures: Vec<&'a Figure> =
            self.judgement.figures.iter().filter(|figure| figure.measure == measure).collect();
        figures.sort_by_key(|figure| (figure.scope == Scope::Run, figure.scope, figure.group));
        figures
    }

    /// By which path content came: phases in order, then the whole run; within them by group and path.
    pub(crate) fn paths(&self) -> Vec<&'a PathFigure> {
        let mut paths: Vec<&'a PathFigure> =
            self.judgement.paths.iter().filter(|figure| figure.count > 0).collect();
        paths.sort_by_key(|figure| (figure.scope == Scope::Run, figure.scope, figure.group));
        paths
    }

    /// The share of its scope's and group's deliveries that came by this path.
    pub(crate) fn path_share(&self, figure: &PathFigure) -> String {
        let same = |other: &&PathFigure| other.scope == figure.scope && other.group == figure.group;
        let all: u64 = self.judgement.paths.iter().filter(same).map(|other| other.count).sum();
        share(as_f64(figure.count) / as_f64(all.max(1)))
    }

    /// The samples of a part, by time.
    pub(crate) fn samples_of(&self, part: &str) -> Vec<&'a PartSample> {
        let mut samples: Vec<_> = self.parts.iter().filter(|sample| sample.part == part).collect();
        samples.sort_by_key(|sample| sample.at);
        samples
    }

    /// When the run's drain ended, or the plan ends.
    pub(crate) fn end(&self) -> Offset {
        self.manifest.ended.unwrap_or_else(|| self.plan.end())
    }

    /// When a fault was in force, in seconds since the first phase began; one that never ended lasts to the run's end.
    pub(crate) fn in_force(&self, fault: &FaultResult) -> String {
        let until = fault.until.min(self.end().max(fault.from));
        format!("{:.1}–{:.1} s", fault.from.as_secs_f64(), until.as_secs_f64())
    }

    /// How far the run came, when it is not simply complete.
    pub(crate) fn trouble(&self) -> Option<String> {
        match &self.manifest.status {
            RunStatus::Complete => None,
            RunStatus::Running => Some("the run has not ended, or the harness was killed".to_owned()),
            RunStatus::Interrupted => Some(format!(
                "interrupted at {:.1} s of {:.1} s",
                self.end().as_secs_f64(),
                self.planned_secs()
            )),
            RunStatus::Failed(why) => Some(format!("the run failed: {}", plain(why))),
        }
    }

    fn planned_secs(&self) -> f64 {
        self.plan.end().as_secs_f64()
    }
}

fn client_name(spec: &GroupSpec) -> String {
    let transport = match spec.client.protocol {
        Protocol::NacosHttp => "HTTP long poll",
        Protocol::NacosGrpc => "gRPC",
    };
    match &spec.client.like {
        Some(like) => format!("{transport}, like {}", plain(like)),
        None => transport.to_owned(),
    }
}

/// A path in words.
pub(crate) const fn path_name(path: Path) -> &'static str {
    match path {
        Path::Initial => "first fetch",
        Path::Push => "push",
        Path::PushRetry => "push retry",
        Path::Relist => "re-list after reconnect",
        Path::Resync => "periodic resync",
        Path::PollWake => "long-poll wake",
        Path::PollTimeout => "long-poll time-out",
        Path::Cache => "cache",
    }
}

/// The word for an outcome.
pub(crate) const fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Unknown => "unknown",
        Outcome::Fail => "fail",
    }
}

/// How bad a verdict is: the colour that it gets.
pub(crate) const fn severity(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Pass => Outcome::Pass,
        Verdict::GateFailed | Verdict::Violated => Outcome::Fail,
        Verdict::Unknown | Verdict::Invalid | Verdict::Interrupted => Outcome::Unknown,
    }
}
