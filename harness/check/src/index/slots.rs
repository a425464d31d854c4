//! Slots: one per (watcher, item) that the plan has a watcher listen to.

use shakedown_model::{GroupId, ItemId, Plan, WatcherId};

/// A (watcher, item) of the plan, numbered by watcher, then item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(u32);

impl Slot {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Every slot of a plan.
#[derive(Debug)]
pub(crate) struct Slots {
    /// Where each watcher's slots begin, and one past the end.
    first: Vec<u32>,
    items: Vec<ItemId>,
    watchers: Vec<WatcherId>,
    groups: Vec<GroupId>,
    by_item: Vec<Vec<Slot>>,
}

impl Slots {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut slots = Self {
            first: vec![0],
            items: Vec::new(),
            watchers: Vec::new(),
            groups: Vec::new(),
            by_item: vec![Vec::new(); plan.item_count() as usize],
        };
        for watcher in (0..plan.watcher_count()).map(WatcherId) {
            for item in plan.items_of(watcher) {
                let slot = Slot(
                    u32::try_from(slots.items.len()).expect("slots are bounded by watchers times items"),
                );
                slots.items.push(item);
                slots.watchers.push(watcher);
                slots.by_item[item.index()].push(slot);
            }
            slots.first.push(u32::try_from(slots.items.len()).expect("as above"));
            slots.groups.push(plan.group_of(watcher));
        }
        slots
    }

    pub(crate) const fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) const fn watchers(&self) -> usize {
        self.groups.len()
    }

    /// The slot of a watcher and an item, when it listens to it.
    pub(crate) fn slot(&self, watcher: WatcherId, item: ItemId) -> Option<Slot> {
        let first = *self.first.get(watcher.index())?;
        let until = *self.first.get(watcher.index() + 1)?;
        let items = &self.items[first as usize..until as usize];
        let nth = items.binary_search(&item).ok()?;
        u32::try_from(nth).ok().map(|nth| Slot(first + nth))
    }

    pub(crate) fn of_watcher(&self, watcher: WatcherId) -> impl Iterator<Item = Slot> + use<> {
        (self.first[watcher.index()]..self.first[watcher.index() + 1]).map(Slot)
    }

    /// The slots of an item, by watcher and so by group.
    pub(crate) fn of_item(&self, item: ItemId) -> &[Slot] {
        &self.by_item[item.index()]
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..*self.first.last().expect("one past the end is always there")).map(Slot)
    }

    pub(crate) fn item(&self, slot: Slot) -> ItemId {
        self.items[slot.index()]
    }

    pub(crate) fn watcher(&self, slot: Slot) -> WatcherId {
        self.watchers[slot.index()]
    }

    pub(crate) fn group_of(&self, watcher: WatcherId) -> GroupId {
        self.groups[watcher.index()]
    }
}
