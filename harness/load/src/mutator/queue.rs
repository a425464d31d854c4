//! Which mutation may go next: one publish per item in flight, later ones wait in order. Pure.

use std::collections::VecDeque;

use shakedown_model::schedule::PlannedMutation;
use shakedown_model::{ItemId, Offset, Version};

/// Mutations that may wait, over all items, before further ones are dropped and counted.
pub(super) const MOST_WAITING: usize = 1 << 16;

/// A mutation that goes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Going {
    pub(super) mutation: PlannedMutation,
    pub(super) version: Version,
    /// When it could have gone: it was due, its item was free and there was a place in flight.
    pub(super) ready: Offset,
}

struct ItemState {
    /// The last version that was given out; a refused publish's is not used again.
    version: Version,
    is_in_flight: bool,
    free_since: Offset,
    waiting: VecDeque<PlannedMutation>,
}

/// The items' queues.
pub(super) struct Queues {
    items: Vec<ItemState>,
    /// Items with a mutation that waits for nothing but a place in flight, in the order in which they became so.
    runnable: VecDeque<ItemId>,
    waiting: usize,
    most_waiting: usize,
    in_flight: usize,
    max_in_flight: usize,
    /// The last instant at which every place in flight was taken.
    full_until: Offset,
    times_full: u64,
}

impl Queues {
    pub(super) fn new(items: u32, max_in_flight: usize) -> Self {
        let state = |_| ItemState {
            version: Version::INITIAL,
            is_in_flight: false,
            free_since: Offset::ZERO,
            waiting: VecDeque::new(),
        };
        Self {
            items: (0..items).map(state).collect(),
            runnable: VecDeque::new(),
            waiting: 0,
            most_waiting: 0,
            in_flight: 0,
            max_in_flight: max_in_flight.max(1),
            full_until: Offset::ZERO,
            times_full: 0,
        }
    }

    /// A mutation is due. False when there is no room for it to wait.
    #[must_use]
    pub(super) fn due(&mut self, mutation: PlannedMutation) -> bool {
        if self.waiting == MOST_WAITING {
            return false;
        }
        let item = &mut self.items[mutation.item.index()];
        if item.waiting.is_empty() && !item.is_in_flight {
            self.runnable.push_back(mutation.item);
        }
        item.waiting.push_back(mutation);
        self.waiting += 1;
        self.most_waiting = self.most_waiting.max(self.waiting);
        true
    }

    /// The next mutation that may go now, if any.
    pub(super) fn next(&mut self) -> Option<Going> {
        if self.in_flight == self.max_in_flight {
            return None;
        }
        let id = self.runnable.pop_front()?;
        let item = &mut self.items[id.index()];
        let mutation = item.waiting.pop_front().expect("a runnable item has a waiting mutation");
        item.is_in_flight = true;
        item.version = item.version.next();
        self.waiting -= 1;
        self.in_flight += 1;
        self.times_full += u64::from(self.in_flight == self.max_in_flight);
        let ready = mutation.intended.max(item.free_since).max(self.full_until);
        Some(Going { mutation, version: item.version, ready })
    }

    /// The publish in flight of `id` ended at `at`.
    pub(super) fn ended(&mut self, id: ItemId, at: Offset) {
        if self.in_flight == self.max_in_flight {
            self.full_until = at;
        }
        self.in_flight -= 1;
        let item = &mut self.items[id.index()];
        item.is_in_flight = false;
        item.free_since = at;
        if !item.waiting.is_empty() {
            self.runnable.push_back(id);
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn most_waiting(&self) -> usize {
        self.most_waiting
    }

    pub(super) fn times_full(&self) -> u64 {
        self.times_full
    }
}

#[cfg(test)]
mod tests {
    use shakedown_model::MutationId;
    use shakedown_model::schedule::MutationKind;

    use super::*;

    fn mutation(id: u32, item: u32, at_ms: u64) -> PlannedMutation {
        PlannedMutation {
            id: MutationId(id),
            intended: Offset::from_millis(at_ms),
            item: ItemId(item),
            kind: MutationKind::Write,
        }
    }

    #[test]
    fn a_second_mutation_of_an_item_waits_for_the_first_and_keeps_its_intended_time() {
        let mut queues = Queues::new(2, 10);
        assert!(queues.due(mutation(0, 0, 10)) && queues.due(mutation(1, 0, 20)));
        let first = queues.next().unwrap();
        assert_eq!((first.version, first.ready), (Version(2), Offset::from_millis(10)));
        assert_eq!(queues.next(), None);
        queues.ended(ItemId(0), Offset::from_millis(500));
        let second = queues.next().unwrap();
        assert_eq!(second.mutation.intended, Offset::from_millis(20));
        assert_eq!((second.version, second.ready), (Version(3), Offset::from_millis(500)));
    }

    #[test]
    fn other_items_do_not_wait() {
        let mut queues = Queues::new(2, 10);
        assert!(
            queues.due(mutation(0, 0, 10))
                && queues.due(mutation(1, 0, 20))
                && queues.due(mutation(2, 1, 30))
        );
        let going: Vec<_> = std::iter::from_fn(|| queues.next()).map(|going| going.mutation.id.0).collect();
        assert_eq!(going, [0, 2]);
    }

    #[test]
    fn when_every_place_is_taken_the_next_is_ready_once_one_is_free() {
        let mut queues = Queues::new(2, 1);
        assert!(queues.due(mutation(0, 0, 10)) && queues.due(mutation(1, 1, 20)));
        assert!(queues.next().is_some());
        assert_eq!(queues.next(), None);
        queues.ended(ItemId(0), Offset::from_millis(90));
        assert_eq!(queues.next().unwrap().ready, Offset::from_millis(90));
        assert_eq!(queues.times_full(), 2);
    }

    #[test]
    fn there_is_an_end_to_waiting() {
        let mut queues = Queues::new(1, 1);
        let most = u32::try_from(MOST_WAITING).unwrap();
        assert!((0..most).all(|n| queues.due(mutation(n, 0, 0))));
        assert!(!queues.due(mutation(most, 0, 0)));
        assert_eq!((queues.waiting(), queues.most_waiting()), (MOST_WAITING, MOST_WAITING));
    }
}
