//! All watchers of a run: those of the harness' own process and those of its workers.

use futures_util::future::BoxFuture;
use shakedown_faults::fault;
use shakedown_load::mutator::Newest;
use shakedown_load::watchers::{FleetControl, Progress};
use shakedown_model::fault::{Befallen, WatcherFault};
use shakedown_model::{GroupId, ItemId};
use shakedown_topology::Part;

use crate::workers::CrewControl;

/// A handle to all watchers. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Watchers {
    pub(super) own: FleetControl,
    pub(super) crew: CrewControl,
}

impl Watchers {
    /// What happened so far.
    pub(super) fn progress(&self) -> Progress {
        let mut progress = self.own.progress();
        progress.add(&self.crew.progress());
        progress
    }

    /// Why the watchers are of no use any more, if they are.
    pub(super) fn failed(&self) -> Option<String> {
        self.own.failed().or_else(|| self.crew.failed())
    }

    /// Tells workers what a drain waits for.
    pub(super) fn drain(&self, newest: &[(ItemId, Newest)]) {
        self.crew.drain(newest);
    }

    /// Whether every watcher of each of these items is up to date; workers go by what the drain told them.
    pub(super) fn converged(&self, newest: &[(ItemId, Newest)]) -> bool {
        self.own.converged(newest) && self.crew.has_converged()
    }

    /// The workers, as a sampler finds them.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> {
        self.crew.parts()
    }
}

/// As faults see them.
impl fault::Watchers for Watchers {
    fn crash<'a>(&'a self, groups: &'a [GroupId]) -> BoxFuture<'a, ()> {
        Box::pin(async {
            self.own.crash(groups);
            self.crew.crash(groups).await;
        })
    }

    fn cold_start<'a>(&'a self, groups: &'a [GroupId]) -> BoxFuture<'a, ()> {
        Box::pin(async {
            self.own.cold_start(groups);
            self.crew.cold_start(groups).await;
        })
    }

    fn suffer<'a>(&'a self, groups: &'a [GroupId], fault: WatcherFault, share_ppm: u32) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.own.suffer(groups, fault, share_ppm);
            self.crew.suffer(groups, fault, share_ppm).await;
        })
    }

    fn recover<'a>(&'a self, groups: &'a [GroupId], fault: WatcherFault) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.own.recover(groups, fault);
            self.crew.recover(groups, fault).await;
        })
    }

    fn befallen(&self, groups: &[GroupId]) -> Befallen {
        let (own, crew) = (self.own.befallen(), self.crew.befallen());
        let of_groups = |all: &[Befallen]| {
            let each = groups.iter().filter_map(|group| all.get(group.index()));
            each.fold(Befallen::default(), |sum, group| sum.and(*group))
        };
        crew.iter().fold(of_groups(&own), |sum, worker| sum.and(of_groups(worker)))
    }

    fn count(&self, groups: &[GroupId]) -> u64 {
        self.own.count(groups)
    }
}
