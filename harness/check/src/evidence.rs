//! The evidence of one run: the plan, what was recorded, and what follows from both.

use shakedown_model::baseline::Baseline;
use shakedown_model::fault::{FaultPlan, FaultWindow};
use shakedown_model::gate::Scope;
use shakedown_model::manifest::{Manifest, RunStatus, SelfSample};
use shakedown_model::plan::GroupSpec;
use shakedown_model::{FaultId, GroupId, ItemId, Offset, PhaseId, Plan, WatcherId};

use crate::contradiction;
use crate::index::Index;
use crate::input::HistoryEnd;
use crate::outage::{self, Outage};

/// Everything that measures and guarantees look at.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) manifest: &'a Manifest,
    pub(crate) history_end: HistoryEnd,
    windows: &'a [FaultWindow],
    pub(crate) self_samples: &'a [SelfSample],
    /// What gates may compare with.
    pub(crate) baseline: Option<&'a Baseline>,
    pub(crate) index: Index,
    /// By watcher, in order.
    pub(crate) outages: Vec<Outage>,
    /// The end of what is known.
    pub(crate) horizon: Offset,
}

impl<'a> Evidence<'a> {
    pub(crate) fn new(
        (plan, manifest): (&'a Plan, &'a Manifest),
        history_end: HistoryEnd,
        (windows, self_samples): (&'a [FaultWindow], &'a [SelfSample]),
        baseline: Option<&'a Baseline>,
        index: Index,
    ) -> Self {
        // Behind the last record of a recording that is not whole, nothing is known, however long the run went on.
        let is_whole = history_end == HistoryEnd::Whole;
        let horizon = manifest.ended.filter(|_| is_whole).unwrap_or(Offset::ZERO).max(index.last);
        // A record of an absurd instant must not make judging endless.
        let horizon = horizon.min(plan.end() + contradiction::LONGEST);
        let outages = Vec::new();
        let mut evidence =
            Self { plan, manifest, history_end, windows, self_samples, baseline, index, outages, horizon };
        evidence.outages = outage::find(&evidence);
        evidence
    }

    /// Whether the run came to its planned end.
    pub(crate) fn is_complete(&self) -> bool {
        self.manifest.status == RunStatus::Complete
    }

    /// Whether every record of what happened is there.
    pub(crate) fn is_whole(&self) -> bool {
        self.history_end == HistoryEnd::Whole
    }

    /// Whether what is known reaches to the planned end of the run.
    pub(crate) fn reaches_the_end(&self) -> bool {
        self.is_complete() && self.is_whole()
    }

    /// The window in which a fault really was in force.
    pub(crate) fn window(&self, fault: FaultId) -> Option<&FaultWindow> {
        self.windows.iter().find(|window| window.fault == fault)
    }

    /// The faults that cut connections or crash watchers and that were applied, with their windows.
    pub(crate) fn cuts(&self) -> impl Iterator<Item = (FaultId, &FaultPlan, &FaultWindow)> {
        self.plan
            .faults_by_id()
            .filter(|(_, fault)| fault.action.cuts())
            .filter_map(|(id, fault)| Some((id, fault, self.window(id)?)))
    }

    /// The watchers of a group.
    pub(crate) fn watchers_of(&self, group: GroupId) -> impl Iterator<Item = WatcherId> + use<> {
        let spec = &self.plan.groups[group.index()];
        (spec.first.0..spec.first.0 + spec.count).map(WatcherId)
    }

    /// The group's ids.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (GroupId, &GroupSpec)> {
        (0_u16..).map(GroupId).zip(&self.plan.groups)
    }

    /// The group of a watcher, as planned.
    pub(crate) fn group_spec(&self, watcher: WatcherId) -> &GroupSpec {
        &self.plan.groups[self.index.slots.group_of(watcher).index()]
    }

    /// The phase of an instant, when its mutations count.
    pub(crate) fn measured_phase(&self, at: Offset) -> Option<PhaseId> {
        self.plan.phase_at(at).filter(|phase| self.plan.phases[phase.index()].is_measured)
    }

    /// The phases whose mutations count, each with its start and its end. The last phase of a run has none: the drain
    /// belongs to it.
    pub(crate) fn measured_phases(&self) -> impl Iterator<Item = (PhaseId, Offset, Offset)> {
        let end = self.plan.end();
        let measured = (0_u16..).map(PhaseId).zip(&self.plan.phases).filter(|(_, phase)| phase.is_measured);
        measured.map(move |(id, phase)| {
            (id, phase.from, if phase.until == end { Offset::NEVER } else { phase.until })
        })
    }

    /// The scope of an instant, when its mutations count.
    pub(crate) fn measured_scope(&self, at: Offset) -> Option<Scope> {
        self.measured_phase(at).map(Scope::Phase)
    }

    /// A watcher in words, with its group.
    pub(crate) fn watcher_words(&self, watcher: WatcherId) -> String {
        format!("watcher {watcher} ({})", self.group_spec(watcher).name)
    }

    /// An item in words, with its group and namespace where there are several.
    pub(crate) fn item_words(&self, item: ItemId) -> String {
        let (key, items) = (self.plan.key_of(item), &self.plan.items);
        let mut words = format!("item {}", key.data_id);
        if items.groups.len() > 1 {
            words = format!("{words} of group `{}`", key.group);
        }
        if items.namespaces.len() > 1 {
            words = format!("{words} in namespace `{}`", key.namespace);
        }
        words
    }
}
