//! The history, indexed once and shared by every measure and guarantee.
//!
//! Deliveries are 24 bytes each, sorted by slot: a slot is one (watcher, item) of the plan. Everything else is kept as
//! it was recorded. Records that name a watcher, item or node outside of the plan are counted as strays.

use shakedown_model::event::{
    Attempt, Corrupt, Corruption, Event, Found, Invalid, OwnTime, Path, Publish, Read,
};
use shakedown_model::schedule::MutationKind;
use shakedown_model::{ItemId, NodeId, Offset, Plan, Version, WatcherId};

mod absence;
mod held;
mod life;
pub(crate) mod publishes;
mod slots;

pub(crate) use held::{Held, looks};
pub(crate) use life::{Life, Turn};
pub(crate) use publishes::Publishes;
pub(crate) use slots::{Slot, Slots};

/// A fresh read of an item from a node after the drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FinalRead {
    pub(crate) at: Offset,
    pub(crate) node: NodeId,
    pub(crate) item: ItemId,
    pub(crate) found: Found,
}

/// How late the harness itself was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lag {
    /// When a task was to run, or bytes were sent.
    pub(crate) due: Offset,
    pub(crate) late_ns: u64,
}

/// The indexed history.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) slots: Slots,
    /// By slot, in the order of the record.
    held: Vec<Held>,
    held_first: Vec<usize>,
    /// How many contents and absences listeners were called with.
    deliveries: u64,
    /// Absences of items that nobody had deleted, after which the watcher kept what it held.
    vanished: Vec<Held>,
    pub(crate) publishes: Publishes,
    pub(crate) lives: Vec<Life>,
    /// By watcher: whether a gray release is for it.
    is_gray: Vec<bool>,
    /// By watcher, in the order of the record.
    attempts: Vec<Attempt>,
    attempts_first: Vec<usize>,
    pub(crate) reads: Vec<Read>,
    pub(crate) corrupts: Vec<Corrupt>,
    /// What applications made of content that they cannot use, in the order of the record.
    pub(crate) invalids: Vec<Invalid>,
    /// By item, then node, the last of each.
    pub(crate) final_reads: Vec<FinalRead>,
    /// When which watcher got content that it held already, in the order of the record.
    pub(crate) fetched_again: Vec<(Offset, WatcherId)>,
    /// Of the scheduler, by due time.
    pub(crate) lags: Vec<Lag>,
    /// Of the receive queue, by the time of sending.
    pub(crate) receive_lags: Vec<Lag>,
    /// What the harness itself took for the deliveries that it timed.
    pub(crate) own_times: Vec<OwnTime>,
    /// Records that do not fit the plan.
    pub(crate) strays: u64,
    /// The last instant of the record.
    pub(crate) last: Offset,
}

impl Index {
    /// What a slot held, in order.
    pub(crate) fn held(&self, slot: Slot) -> &[Held] {
        &self.held[self.held_range(slot)]
    }

    /// What a slot held that was really published for it, in order.
    pub(crate) fn held_real(&self, slot: Slot) -> impl DoubleEndedIterator<Item = Held> {
        self.held(slot).iter().copied().filter(Held::is_real)
    }

    /// The places of a slot in the list of deliveries, for [`Index::held_at`].
    pub(crate) fn held_range(&self, slot: Slot) -> std::ops::Range<usize> {
        self.held_first[slot.index()]..self.held_first[slot.index() + 1]
    }

    /// The delivery at a place, unless it was invented or leaked.
    pub(crate) fn held_at(&self, place: usize) -> Option<Held> {
        Some(self.held[place]).filter(Held::is_real)
    }

    /// Every absence of an item that nobody had deleted.
    pub(crate) fn vanished(&self) -> impl Iterator<Item = &Held> {
        let is_one = |held: &&Held| held.is_absent() && !held.is_published();
        self.vanished.iter().chain(self.held.iter().filter(is_one))
    }

    /// How many deliveries there are, those of absences included.
    pub(crate) const fn deliveries(&self) -> u64 {
        self.deliveries
    }

    /// Whether a gray release is for a watcher.
    pub(crate) fn is_gray(&self, watcher: WatcherId) -> bool {
        self.is_gray[watcher.index()]
    }

    /// Whether a version is content of a gray release that is not for a watcher.
    pub(crate) fn is_leaked(&self, watcher: WatcherId, item: ItemId, version: Version) -> bool {
        let publish = self.publishes.get(item, version);
        !self.is_gray(watcher) && publish.is_some_and(|publish| publish.kind == MutationKind::Gray)
    }

    /// The attempts of a watcher, in order.
    pub(crate) fn attempts_of(&self, watcher: WatcherId) -> &[Attempt] {
        &self.attempts[self.attempts_first[watcher.index()]..self.attempts_first[watcher.index() + 1]]
    }

    /// Every attempt.
    pub(crate) fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The final reads of an item, one per node.
    pub(crate) fn final_reads_of(&self, item: ItemId) -> &[FinalRead] {
        let from = self.final_reads.partition_point(|read| read.item < item);
        let until = self.final_reads.partition_point(|read| read.item <= item);
        &self.final_reads[from..until]
    }
}

/// Takes the records of a history one by one.
#[derive(Debug)]
pub(crate) struct IndexBuilder {
    slots: Slots,
    items: u32,
    nodes: u16,
    cas: bool,
    is_gray: Vec<bool>,
    held: Vec<Held>,
    publishes: Vec<Publish>,
    lives: Vec<Life>,
    attempts: Vec<Attempt>,
    reads: Vec<Read>,
    corrupts: Vec<Corrupt>,
    invalids: Vec<Invalid>,
    final_reads: Vec<FinalRead>,
    fetched_again: Vec<(Offset, WatcherId)>,
    lags: Vec<Lag>,
    receive_lags: Vec<Lag>,
    own_times: Vec<OwnTime>,
    strays: u64,
    last: Offset,
}

impl IndexBuilder {
    pub(crate) fn new(plan: &Plan) -> Self {
        let slots = Slots::new(plan);
        let lives = vec![Life::default(); slots.watchers()];
        Self {
            slots,
            items: plan.item_count(),
            nodes: plan.server.nodes,
            cas: plan.mutator.cas,
            is_gray: (0..plan.watcher_count()).map(|watcher| plan.is_gray(WatcherId(watcher))).collect(),
            held: Vec::new(),
            publishes: Vec::new(),
            lives,
            attempts: Vec::new(),
            reads: Vec::new(),
            corrupts: Vec::new(),
            invalids: Vec::new(),
            final_reads: Vec::new(),
            fetched_again: Vec::new(),
            lags: Vec::new(),
            receive_lags: Vec::new(),
            own_times: Vec::new(),
            strays: 0,
            last: Offset::ZERO,
        }
    }

    /// Takes the next record.
    pub(crate) fn push(&mut self, event: Event) {
        let fits = match event {
            Event::Publish(publish) => self.publish(publish),
            Event::Delivery(d) => self.hold((d.at, d.watcher, d.item), |at, slot| {
                Held::new(at, slot, d.version, (d.signal, d.path))
            }),
            Event::Absent(a) => self.hold((a.at, a.watcher, a.item), |at, slot| {
                Held::new(at, slot, Version(0), (a.signal, a.path)).absent()
            }),
            Event::Corrupt(corrupt) => self.corrupt(corrupt),
            Event::Read(read) => {
                self.last = self.last.max(read.answered);
                let fits = self.slots.slot(read.watcher, read.item).is_some();
                if fits {
                    self.reads.push(read);
                }
                fits
            }
            Event::Attempt(attempt) => {
                self.last = self.last.max(attempt.ended);
                let fits = attempt.watcher.index() < self.lives.len();
                if fits {
                    self.attempts.push(attempt);
                }
                fits
            }
            Event::Lost(lost) => self.turn(lost.at, lost.watcher, Turn::Lost),
            Event::Subscribed { at, watcher } => self.turn(at, watcher, Turn::Subscribed),
            Event::Crash { at, watcher } => self.turn(at, watcher, Turn::Crash),
            Event::ColdStart { at, watcher } => self.turn(at, watcher, Turn::ColdStart),
            Event::FinalRead { at, node, item, found } => {
                self.last = self.last.max(at);
                let fits = item.0 < self.items && node.0 < self.nodes;
                if fits {
                    self.final_reads.push(FinalRead { at, node, item, found });
                }
                fits
            }
            Event::Lag { due, late_ns } => {
                self.lags.push(Lag { due, late_ns });
                true
            }
            Event::ReceiveLag { sent, late_ns } => {
                self.receive_lags.push(Lag { due: sent, late_ns });
                true
            }
            Event::Invalid(invalid) => {
                self.last = self.last.max(invalid.at);
                let fits = self.slots.slot(invalid.watcher, invalid.item).is_some();
                if fits {
                    self.invalids.push(invalid);
                }
                fits
            }
            Event::OwnTime(own) => {
                self.own_times.push(own);
                true
            }
            Event::FetchedAgain { at, watcher, item } => {
                self.last = self.last.max(at);
                self.fetched_again.push((at, watcher));
                self.slots.slot(watcher, item).is_some()
            }
        };
        self.strays += u64::from(!fits);
    }

    fn hold(
        &mut self,
        (at, watcher, item): (Offset, WatcherId, ItemId),
        held: impl FnOnce(Offset, Slot) -> Held,
    ) -> bool {
        self.last = self.last.max(at);
        let Some(slot) = self.slots.slot(watcher, item) else { return false };
        self.held.push(held(at, slot));
        true
    }

    fn corrupt(&mut self, corrupt: Corrupt) -> bool {
        let Corrupt { at, watcher, item, corruption, .. } = corrupt;
        if corruption == Corruption::Absent {
            // A watcher that never held the item cannot tell that it was deleted; the publishes can.
            return self.hold((at, watcher, item), |at, slot| {
                Held::new(at, slot, Version(0), (None, Path::Initial)).absent().silent()
            });
        }
        self.last = self.last.max(at);
        self.corrupts.push(corrupt);
        self.slots.slot(watcher, item).is_some()
    }

    fn publish(&mut self, publish: Publish) -> bool {
        self.last = self.last.max(publish.done);
        let fits = publish.item.0 < self.items;
        if fits {
            self.publishes.push(publish);
        }
        fits
    }

    fn turn(&mut self, at: Offset, watcher: WatcherId, turn: Turn) -> bool {
        self.last = self.last.max(at);
        let Some(life) = self.lives.get_mut(watcher.index()) else { return false };
        life.push(at, turn);
        true
    }

    /// Sorts what was taken.
    pub(crate) fn finish(mut self) -> Index {
        // Stable sorts: the order of the record within a slot, a watcher and a node is the order of what happened.
        self.held.sort_by_key(|held| held.slot);
        self.attempts.sort_by_key(|attempt| attempt.watcher);
        self.final_reads.sort_by_key(|read| (read.item, read.node));
        self.final_reads.reverse();
        self.final_reads.dedup_by_key(|read| (read.item, read.node));
        self.final_reads.reverse();
        self.lags.sort_by_key(|lag| lag.due);
        self.receive_lags.sort_by_key(|lag| lag.due);
        let publishes = Publishes::new(self.publishes, self.items as usize, self.cas);
        let (mut held, vanished) = absence::resolve(self.held, &self.slots, &publishes, &self.lives);
        let mut deliveries = 0;
        for one in &mut held {
            deliveries += u64::from(one.is_callback());
            let (item, watcher) = (self.slots.item(one.slot), self.slots.watcher(one.slot));
            let publish = publishes.get(item, one.version);
            let is_leak =
                publish.is_some_and(|p| p.kind == MutationKind::Gray) && !self.is_gray[watcher.index()];
            one.mark(publishes.is_published(item, one.version, one.at), is_leak);
        }
        Index {
            held_first: firsts(&held, self.slots.len(), |held| held.slot.index()),
            attempts_first: firsts(&self.attempts, self.lives.len(), |attempt| attempt.watcher.index()),
            slots: self.slots,
            held,
            deliveries,
            vanished,
            publishes,
            lives: self.lives,
            is_gray: self.is_gray,
            attempts: self.attempts,
            reads: self.reads,
            corrupts: self.corrupts,
            invalids: self.invalids,
            final_reads: self.final_reads,
            fetched_again: self.fetched_again,
            lags: self.lags,
            receive_lags: self.receive_lags,
            own_times: self.own_times,
            strays: self.strays,
            last: self.last,
        }
    }
}

/// Where the values of each key begin in a list that is sorted by key, and one past the end.
fn firsts<T>(sorted: &[T], keys: usize, key: impl Fn(&T) -> usize) -> Vec<usize> {
    let mut firsts = vec![0; keys + 1];
    for value in sorted {
        firsts[key(value) + 1] += 1;
    }
    for at in 1..firsts.len() {
        firsts[at] += firsts[at - 1];
    }
    firsts
}

#[cfg(test)]
mod tests;
