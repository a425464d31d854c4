//! The history, indexed once and shared by every measure and guarantee.
//!
//! Deliveries are 16 bytes each, sorted by slot: a slot is one (watcher, item) of the plan. Everything else is kept as
//! it was recorded. Records that name a watcher, item or node outside of the plan are counted as strays.

use shakedown_model::event::{Attempt, Corrupt, Event, Found, Publish, PublishOutcome, Read};
use shakedown_model::{ItemId, NodeId, Offset, Plan, Version, WatcherId};

mod life;
mod slots;

pub(crate) use life::{Life, Turn};
pub(crate) use slots::{Slot, Slots};

/// Content that a watcher held from an instant on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) at: Offset,
    slot: Slot,
    pub(crate) version: Version,
}

/// A fresh read of an item from a node after the drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FinalRead {
    pub(crate) at: Offset,
    pub(crate) node: NodeId,
    pub(crate) item: ItemId,
    pub(crate) found: Found,
}

/// How late a task of the harness ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lag {
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
    /// Beside `held`: whether that version had been sent, and not refused, when it was seen.
    is_real: Vec<bool>,
    /// By item and version.
    publishes: Vec<Publish>,
    publishes_first: Vec<usize>,
    pub(crate) lives: Vec<Life>,
    /// By watcher, in the order of the record.
    attempts: Vec<Attempt>,
    attempts_first: Vec<usize>,
    pub(crate) reads: Vec<Read>,
    pub(crate) corrupts: Vec<Corrupt>,
    /// By item, then node, the last of each.
    pub(crate) final_reads: Vec<FinalRead>,
    /// By due time.
    pub(crate) lags: Vec<Lag>,
    /// Records that do not fit the plan.
    pub(crate) strays: u64,
    /// The last instant of the record.
    pub(crate) last: Offset,
}

impl Index {
    /// What a slot held, in order, each with whether it was real.
    pub(crate) fn held(&self, slot: Slot) -> impl DoubleEndedIterator<Item = (Held, bool)> {
        let range = self.held_range(slot);
        self.held[range.clone()].iter().copied().zip(self.is_real[range].iter().copied())
    }

    /// What a slot held that was really published, in order.
    pub(crate) fn held_real(&self, slot: Slot) -> impl DoubleEndedIterator<Item = Held> {
        self.held(slot).filter(|(_, is_real)| *is_real).map(|(held, _)| held)
    }

    /// The places of a slot in the list of deliveries, for [`Index::held_at`].
    pub(crate) fn held_range(&self, slot: Slot) -> std::ops::Range<usize> {
        self.held_first[slot.index()]..self.held_first[slot.index() + 1]
    }

    /// The delivery at a place, unless it was invented.
    pub(crate) fn held_at(&self, place: usize) -> Option<Held> {
        self.is_real[place].then_some(self.held[place])
    }

    /// How many deliveries there are.
    pub(crate) fn deliveries(&self) -> u64 {
        self.held.len() as u64
    }

    /// Every publish, by item and version.
    pub(crate) fn publishes(&self) -> &[Publish] {
        &self.publishes
    }

    /// The publishes of an item, by version.
    pub(crate) fn publishes_of(&self, item: ItemId) -> &[Publish] {
        &self.publishes[self.publishes_first[item.index()]..self.publishes_first[item.index() + 1]]
    }

    /// The publish of a version.
    pub(crate) fn publish(&self, item: ItemId, version: Version) -> Option<&Publish> {
        let publishes = self.publishes_of(item);
        publishes.binary_search_by_key(&version, |publish| publish.version).ok().map(|at| &publishes[at])
    }

    /// The first acked publish of an item newer than `version`, or of all when nothing is held.
    pub(crate) fn acked_after(&self, item: ItemId, version: Option<Version>) -> Option<&Publish> {
        let publishes = self.publishes_of(item);
        let newer =
            version.map_or(0, |version| publishes.partition_point(|publish| publish.version <= version));
        publishes[newer..].iter().find(|publish| publish.outcome == PublishOutcome::Acked)
    }

    /// The newest publish of an item that was acked by `at`.
    pub(crate) fn newest_acked(&self, item: ItemId, at: Offset) -> Option<&Publish> {
        self.publishes_of(item).iter().rfind(|p| p.outcome == PublishOutcome::Acked && p.done <= at)
    }

    /// Whether an item has an ambiguous publish that was sent by `at` and so may appear at any later time.
    pub(crate) fn is_ambiguous(&self, item: ItemId, at: Offset) -> bool {
        self.publishes_of(item).iter().any(|p| p.outcome == PublishOutcome::Ambiguous && p.sent <= at)
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

    /// Whether a version of an item had been sent, and was not refused, by the time it was seen.
    pub(crate) fn is_published(&self, item: ItemId, version: Version, seen: Offset) -> bool {
        self.publish(item, version).is_some_and(|p| p.outcome != PublishOutcome::Refused && p.sent <= seen)
    }
}

/// Takes the records of a history one by one.
#[derive(Debug)]
pub(crate) struct IndexBuilder {
    slots: Slots,
    items: u32,
    nodes: u16,
    held: Vec<Held>,
    publishes: Vec<Publish>,
    lives: Vec<Life>,
    attempts: Vec<Attempt>,
    reads: Vec<Read>,
    corrupts: Vec<Corrupt>,
    final_reads: Vec<FinalRead>,
    lags: Vec<Lag>,
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
            held: Vec::new(),
            publishes: Vec::new(),
            lives,
            attempts: Vec::new(),
            reads: Vec::new(),
            corrupts: Vec::new(),
            final_reads: Vec::new(),
            lags: Vec::new(),
            strays: 0,
            last: Offset::ZERO,
        }
    }

    /// Takes the next record.
    pub(crate) fn push(&mut self, event: Event) {
        let fits = match event {
            Event::Publish(publish) => self.publish(publish),
            Event::Delivery(d) => {
                self.last = self.last.max(d.at);
                self.slots.slot(d.watcher, d.item).is_some_and(|slot| {
                    self.held.push(Held { at: d.at, slot, version: d.version });
                    true
                })
            }
            Event::Absent(absence) => {
                self.last = self.last.max(absence.at);
                self.slots.slot(absence.watcher, absence.item).is_some()
            }
            Event::Corrupt(corrupt) => {
                self.last = self.last.max(corrupt.at);
                self.corrupts.push(corrupt);
                self.slots.slot(corrupt.watcher, corrupt.item).is_some()
            }
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
        };
        self.strays += u64::from(!fits);
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
        self.publishes.sort_by_key(|publish| (publish.item, publish.version));
        self.attempts.sort_by_key(|attempt| attempt.watcher);
        self.final_reads.sort_by_key(|read| (read.item, read.node));
        self.final_reads.reverse();
        self.final_reads.dedup_by_key(|read| (read.item, read.node));
        self.final_reads.reverse();
        self.lags.sort_by_key(|lag| lag.due);
        let items = self.items as usize;
        let mut index = Index {
            held_first: firsts(&self.held, self.slots.len(), |held| held.slot.index()),
            publishes_first: firsts(&self.publishes, items, |publish| publish.item.index()),
            attempts_first: firsts(&self.attempts, self.lives.len(), |attempt| attempt.watcher.index()),
            slots: self.slots,
            is_real: Vec::new(),
            held: self.held,
            publishes: self.publishes,
            lives: self.lives,
            attempts: self.attempts,
            reads: self.reads,
            corrupts: self.corrupts,
            final_reads: self.final_reads,
            lags: self.lags,
            strays: self.strays,
            last: self.last,
        };
        index.is_real = index
            .held
            .iter()
            .map(|held| index.is_published(index.slots.item(held.slot), held.version, held.at))
            .collect();
        index
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
