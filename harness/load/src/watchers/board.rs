//! The board: what every watcher holds and how often things happened, in atomics that anyone may look at.
//!
//! It serves progress lines and the early end of a drain. It is no measurement: that is the history's work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use shakedown_model::division::Share;
use shakedown_model::event::{AttemptOutcome, Event};
use shakedown_model::fault::Befallen;
use shakedown_model::{GroupId, ItemId, Plan, Version, WatcherId, stretch};

use crate::mutator::Newest;

/// What happened so far, for a progress line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Watchers that are subscribed now.
    pub subscribed: u32,
    /// Deliveries of verified content.
    pub deliveries: u64,
    /// Contents that did not verify.
    pub corrupt: u64,
    /// Connections lost.
    pub losses: u64,
    /// Attempts to connect that ended.
    pub attempts: u64,
    /// Of them, those that this machine could not make (no port, no open file).
    pub local_failures: u64,
    /// Reads by applications.
    pub reads: u64,
    /// Snapshots that were dropped because the disk did not keep up.
    pub snapshots_dropped: u64,
    /// Snapshots that could not be written or read.
    pub snapshots_failed: u64,
}

impl Progress {
    /// Takes what happened to other watchers of the same run in.
    pub fn add(&mut self, other: &Self) {
        self.subscribed += other.subscribed;
        for (sum, part) in [
            (&mut self.deliveries, other.deliveries),
            (&mut self.corrupt, other.corrupt),
            (&mut self.losses, other.losses),
            (&mut self.attempts, other.attempts),
            (&mut self.local_failures, other.local_failures),
            (&mut self.reads, other.reads),
            (&mut self.snapshots_dropped, other.snapshots_dropped),
            (&mut self.snapshots_failed, other.snapshots_failed),
        ] {
            *sum += part;
        }
    }
}

/// The shared board of a fleet.
#[derive(Debug)]
pub(crate) struct Board {
    /// Who listens to what.
    plan: Arc<Plan>,
    /// Where each watcher's items begin in `held`; one more entry than watchers.
    first: Vec<usize>,
    /// The version that is held of each, in the order of [`Plan::items_of`]; 0 is nothing.
    held: Vec<AtomicU32>,
    /// Per watcher, whether gray releases go to it.
    is_gray: Vec<bool>,
    /// Per watcher 1 while it is subscribed.
    is_subscribed: Vec<AtomicU32>,
    subscribed: AtomicU32,
    deliveries: AtomicU64,
    corrupt: AtomicU64,
    losses: AtomicU64,
    attempts: AtomicU64,
    local_failures: AtomicU64,
    reads: AtomicU64,
    /// Per group.
    befallen: Vec<Tallies>,
}

/// What befell the watchers of a group.
#[derive(Debug, Default)]
struct Tallies {
    crashed: AtomicU64,
    started_cold: AtomicU64,
    blocked: AtomicU64,
    slow: AtomicU64,
    panicked: AtomicU64,
    unwritten: AtomicU64,
    spoiled: Arc<AtomicU64>,
    invalid: AtomicU64,
}

/// What befalls a watcher without an event of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ill {
    /// A callback does not return.
    Blocked,
    /// A callback takes long.
    Slow,
    /// A callback panicked.
    Panicked,
    /// A snapshot was not written.
    Unwritten,
}

impl Tallies {
    fn read(&self) -> Befallen {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Befallen {
            crashed: read(&self.crashed),
            started_cold: read(&self.started_cold),
            blocked: read(&self.blocked),
            slow: read(&self.slow),
            panicked: read(&self.panicked),
            unwritten: read(&self.unwritten),
            spoiled: read(&self.spoiled),
            invalid: read(&self.invalid),
        }
    }
}

impl Board {
    /// A board for the watchers of a share; the others hold nothing, and nothing is expected of them.
    pub(super) fn new(plan: &Arc<Plan>, share: Share) -> Self {
        let (mut first, mut items) = (vec![0], 0);
        for watcher in (0..plan.watcher_count()).map(WatcherId) {
            if share.has(plan, watcher) {
                items += stretch::count(&plan.stretches_of(watcher));
            }
            first.push(items);
        }
        Self {
            plan: Arc::clone(plan),
            is_subscribed: (1..first.len()).map(|_| AtomicU32::new(0)).collect(),
            is_gray: (0..plan.watcher_count()).map(|watcher| plan.is_gray(WatcherId(watcher))).collect(),
            first,
            held: (0..items).map(|_| AtomicU32::new(0)).collect(),
            subscribed: AtomicU32::new(0),
            deliveries: AtomicU64::new(0),
            corrupt: AtomicU64::new(0),
            losses: AtomicU64::new(0),
            attempts: AtomicU64::new(0),
            local_failures: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            befallen: plan.groups.iter().map(|_| Tallies::default()).collect(),
        }
    }

    fn tallies(&self, watcher: WatcherId) -> &Tallies {
        &self.befallen[self.plan.group_of(watcher).index()]
    }

    /// Takes note that a fault of watchers befell a callback or a snapshot.
    pub(super) fn note_ill(&self, watcher: WatcherId, ill: Ill) {
        let tallies = self.tallies(watcher);
        let counter = match ill {
            Ill::Blocked => &tallies.blocked,
            Ill::Slow => &tallies.slow,
            Ill::Panicked => &tallies.panicked,
            Ill::Unwritten => &tallies.unwritten,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes note that an application was given content that it cannot use.
    pub(crate) fn note_invalid(&self, watcher: WatcherId) {
        self.tallies(watcher).invalid.fetch_add(1, Ordering::Relaxed);
    }

    /// The count of snapshots of a group that came to harm, for whoever does it.
    pub(super) fn spoiled(&self, group: GroupId) -> Option<Arc<AtomicU64>> {
        self.befallen.get(group.index()).map(|tallies| Arc::clone(&tallies.spoiled))
    }

    /// What befell the watchers of each group.
    pub(super) fn befallen(&self) -> Vec<Befallen> {
        self.befallen.iter().map(Tallies::read).collect()
    }

    /// Takes note of what a watcher recorded.
    pub(crate) fn note(&self, event: &Event) {
        let count = |counter: &AtomicU64| {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        match *event {
            Event::Delivery(delivery) => {
                count(&self.deliveries);
                self.hold(delivery.watcher, delivery.item, delivery.version);
            }
            Event::Absent(absence) => self.hold(absence.watcher, absence.item, Version(0)),
            Event::Corrupt(_) => count(&self.corrupt),
            Event::Read(_) => count(&self.reads),
            Event::Lost(lost) => {
                count(&self.losses);
                self.set_subscribed(lost.watcher, false);
            }
            Event::Attempt(attempt) => {
                count(&self.attempts);
                if attempt.outcome == AttemptOutcome::Local {
                    count(&self.local_failures);
                }
            }
            Event::Subscribed { watcher, .. } => self.set_subscribed(watcher, true),
            Event::Crash { watcher, .. } => {
                count(&self.tallies(watcher).crashed);
                self.set_subscribed(watcher, false);
                self.held_by(watcher).iter().for_each(|held| held.store(0, Ordering::Relaxed));
            }
            Event::ColdStart { watcher, .. } => count(&self.tallies(watcher).started_cold),
            Event::Invalid(invalid) => self.note_invalid(invalid.watcher),
            Event::Publish(_)
            | Event::FinalRead { .. }
            | Event::Lag { .. }
            | Event::ReceiveLag { .. }
            | Event::OwnTime(_)
            | Event::FetchedAgain { .. } => {}
        }
    }

    fn hold(&self, watcher: WatcherId, item: ItemId, version: Version) {
        let place = self.plan.place_of(watcher, item);
        if let Some(held) = place.and_then(|place| self.held_by(watcher).get(place)) {
            held.store(version.0, Ordering::Relaxed);
        }
    }

    fn held_by(&self, watcher: WatcherId) -> &[AtomicU32] {
        &self.held[self.first[watcher.index()]..self.first[watcher.index() + 1]]
    }

    fn set_subscribed(&self, watcher: WatcherId, is_subscribed: bool) {
        let now = u32::from(is_subscribed);
        let was = self.is_subscribed[watcher.index()].swap(now, Ordering::Relaxed);
        if now > was {
            self.subscribed.fetch_add(1, Ordering::Relaxed);
        } else if now < was {
            self.subscribed.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn subscribed(&self) -> u32 {
        self.subscribed.load(Ordering::Relaxed)
    }

    /// Whether every watcher of each named item is up to date.
    pub(super) fn has_converged(&self, newest: &[(ItemId, Newest)]) -> bool {
        let newest: BTreeMap<ItemId, Newest> = newest.iter().copied().collect();
        (0..).map(WatcherId).zip(&self.is_gray).all(|(watcher, is_gray)| {
            let held = self.held_by(watcher);
            held.is_empty()
                || self.plan.items_of(watcher).iter().zip(held).all(|(item, held)| {
                    let held = Some(Version(held.load(Ordering::Relaxed))).filter(|held| held.0 > 0);
                    newest.get(item).is_none_or(|newest| newest.is_held(held, *is_gray))
                })
        })
    }

    pub(super) fn progress(&self) -> Progress {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Progress {
            subscribed: self.subscribed(),
            deliveries: read(&self.deliveries),
            corrupt: read(&self.corrupt),
            losses: read(&self.losses),
            attempts: read(&self.attempts),
            local_failures: read(&self.local_failures),
            reads: read(&self.reads),
            snapshots_dropped: 0,
            snapshots_failed: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use shakedown_model::Offset;
    use shakedown_model::event::{Delivery, LossCause, Lost, Path};

    use super::super::tests::plan;
    use super::*;

    fn delivered(watcher: u32, item: u32, version: u32) -> Event {
        Event::Delivery(Delivery {
            at: Offset::ZERO,
            watcher: WatcherId(watcher),
            item: ItemId(item),
            version: Version(version),
            signal: None,
            path: Path::Push,
        })
    }

    #[test]
    fn it_has_converged_when_every_watcher_of_the_item_holds_it() {
        let board = Board::new(&Arc::new(plan(2)), Share::Whole);
        let newest = [(ItemId(0), Newest { version: Version(3), is_absent: false, gray: None })];
        assert!(board.has_converged(&[]));
        board.note(&delivered(0, 0, 3));
        assert!(!board.has_converged(&newest));
        for watcher in 1..4 {
            board.note(&delivered(watcher, 0, 4));
        }
        assert!(board.has_converged(&newest));
        board.note(&Event::Crash { at: Offset::ZERO, watcher: WatcherId(1) });
        assert!(!board.has_converged(&newest));
    }

    #[test]
    fn a_share_waits_for_its_own_watchers_only() {
        let plan = Arc::new(plan(2));
        let newest = [(ItemId(0), Newest { version: Version(3), is_absent: false, gray: None })];
        let shares = [0, 1].map(|index| Share::Worker { index, of: 2 });
        for share in shares {
            let board = Board::new(&plan, share);
            let (own, others): (Vec<u32>, _) = (0..4).partition(|w| share.has(&plan, WatcherId(*w)));
            assert_eq!((own.len(), others.len()), (2, 2));
            assert!(!board.has_converged(&newest));
            own.iter().for_each(|watcher| board.note(&delivered(*watcher, 0, 3)));
            assert!(board.has_converged(&newest));
        }
    }

    #[test]
    fn parts_of_progress_add_up() {
        let mut sum = Progress { subscribed: 1, deliveries: 2, reads: 3, ..Progress::default() };
        sum.add(&Progress { subscribed: 10, deliveries: 20, losses: 5, ..Progress::default() });
        let expected =
            Progress { subscribed: 11, deliveries: 22, reads: 3, losses: 5, ..Progress::default() };
        assert_eq!(sum, expected);
    }

    #[test]
    fn a_watcher_counts_as_subscribed_once() {
        let board = Board::new(&Arc::new(plan(2)), Share::Whole);
        let (at, watcher) = (Offset::ZERO, WatcherId(1));
        board.note(&Event::Subscribed { at, watcher });
        board.note(&Event::Subscribed { at, watcher });
        assert_eq!(board.subscribed(), 1);
        board.note(&Event::Lost(Lost { at, watcher, cause: LossCause::Reset }));
        board.note(&Event::Crash { at, watcher });
        assert_eq!(board.subscribed(), 0);
        assert_eq!(board.progress().losses, 1);
    }
}
