//! A watcher's items: which they are, what is known of each, and the change signals that are not answered yet.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use shakedown_model::event::Path;
use shakedown_model::stretch::{self, Stretch, stretches};
use shakedown_model::{ItemId, Offset};

use crate::item::{Held, Item};

/// By the place of the item.
type Signals = BTreeMap<u16, Offset>;

/// The items of a watcher, at most 65,536, each at the place at which it was given. As a slice it is what is known of each.
#[derive(Debug, Clone)]
pub(crate) struct Items {
    ids: Box<[Stretch]>,
    states: Box<[Item]>,
    /// The first unanswered change signal of those that have one, by their places. Most of the time there is none.
    signals: Option<Box<Signals>>,
}

impl Items {
    pub(crate) fn new(ids: &[ItemId]) -> Self {
        let ids = &ids[..ids.len().min(usize::from(u16::MAX) + 1)];
        let states = ids.iter().map(|_| Item::default()).collect();
        Self { ids: stretches(ids).into(), states, signals: None }
    }

    /// The ids, in their order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ItemId> + '_ {
        stretch::items(&self.ids)
    }

    /// The id of the item at a place that there is.
    pub(crate) fn id(&self, index: usize) -> ItemId {
        stretch::item_at(&self.ids, index).expect("there is an item at this place")
    }

    /// The place of an item.
    pub(crate) fn index_of(&self, id: ItemId) -> Option<usize> {
        stretch::place_of(&self.ids, id)
    }

    /// Each with the MD5 that is held, of those that are asked for.
    pub(crate) fn held(&self, asked: fn(&Item) -> bool) -> impl Iterator<Item = Held> + '_ {
        let all = self.ids().zip(&self.states).filter(move |(_, state)| asked(state));
        all.map(|(item, state)| Held { item, md5: state.held() })
    }

    /// Forgets all of them but their ids.
    pub(crate) fn forget(&mut self) {
        self.states.fill(Item::default());
        self.clear_signals();
    }

    /// Notes a reason to fetch. An earlier one that is not answered yet stands, for notify and fetch are measured
    /// from the first signal.
    pub(crate) fn signal(&mut self, index: usize, path: Path, at: Option<Offset>) {
        if self.signal_of(index).is_some() {
            return;
        }
        self.states[index].set_path(path);
        if let Some(at) = at {
            self.signals.get_or_insert_default().insert(key(index), at);
        }
    }

    /// The reason to fetch that stands.
    pub(crate) fn reason(&self, index: usize) -> (Path, Option<Offset>) {
        (self.states[index].path(), self.signal_of(index))
    }

    pub(crate) fn clear_signal(&mut self, index: usize) {
        if let Some(signals) = &mut self.signals {
            signals.remove(&key(index));
            if signals.is_empty() {
                self.signals = None;
            }
        }
    }

    pub(crate) fn clear_signals(&mut self) {
        self.signals = None;
    }

    fn signal_of(&self, index: usize) -> Option<Offset> {
        self.signals.as_ref()?.get(&key(index)).copied()
    }
}

fn key(index: usize) -> u16 {
    u16::try_from(index).expect("a watcher has at most 65,536 items")
}

impl Deref for Items {
    type Target = [Item];

    fn deref(&self) -> &[Item] {
        &self.states
    }
}

impl DerefMut for Items {
    fn deref_mut(&mut self) -> &mut [Item] {
        &mut self.states
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Flag;

    #[test]
    fn the_first_signal_stands_until_it_is_cleared() {
        let mut items = Items::new(&[ItemId(3), ItemId(4)]);
        items[0].set(Flag::Heard);
        items.signal(0, Path::PollWake, Some(Offset(9)));
        items.signal(0, Path::Resync, Some(Offset(20)));
        assert_eq!(items.reason(0), (Path::PollWake, Some(Offset(9))));
        assert_eq!(items.reason(1), (Path::Initial, None));
        items.clear_signal(0);
        items.signal(0, Path::Relist, None);
        assert_eq!(items.reason(0), (Path::Relist, None));
        assert!(items[0].is(Flag::Heard) && !items[0].is(Flag::Dirty));
        items.forget();
        assert_eq!(items.reason(0), (Path::Initial, None));
    }
}
