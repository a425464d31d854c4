//! A watcher's items: which they are, what is known of each, and the change signals that are not answered yet.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use shakedown_model::event::Path;
use shakedown_model::stretch::{self, Stretch, stretches};
use shakedown_model::{ItemId, Offset, Version};

use crate::item::{Held, Item};

/// What is known of few items at a time, by the place of the item.
#[derive(Debug, Clone, Default)]
struct Rare {
    /// The first unanswered change signal.
    signals: BTreeMap<u16, Offset>,
    /// What the application goes on with, where its watcher holds content that it cannot use.
    kept: BTreeMap<u16, Option<Version>>,
}

/// The items of a watcher, at most 65,536, each at the place at which it was given. As a slice it is what is known of each.
#[derive(Debug, Clone)]
pub(crate) struct Items {
    ids: Box<[Stretch]>,
    states: Box<[Item]>,
    /// Most of the time there is nothing of it.
    rare: Option<Box<Rare>>,
}

impl Items {
    pub(crate) fn new(ids: &[ItemId]) -> Self {
        let ids = &ids[..ids.len().min(usize::from(u16::MAX) + 1)];
        let states = ids.iter().map(|_| Item::default()).collect();
        Self { ids: stretches(ids).into(), states, rare: None }
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
        self.rare = None;
    }

    /// Notes a reason to fetch. An earlier one that is not answered yet stands, for notify and fetch are measured
    /// from the first signal.
    pub(crate) fn signal(&mut self, index: usize, path: Path, at: Option<Offset>) {
        if self.signal_of(index).is_some() {
            return;
        }
        self.states[index].set_path(path);
        if let Some(at) = at {
            self.rare.get_or_insert_default().signals.insert(key(index), at);
        }
    }

    /// The reason to fetch that stands.
    pub(crate) fn reason(&self, index: usize) -> (Path, Option<Offset>) {
        (self.states[index].path(), self.signal_of(index))
    }

    pub(crate) fn clear_signal(&mut self, index: usize) {
        self.forget_of(|rare| {
            rare.signals.remove(&key(index));
        });
    }

    pub(crate) fn clear_signals(&mut self) {
        self.forget_of(|rare| rare.signals.clear());
    }

    /// The application cannot use what is held now, and goes on with what it had: `before`, unless it could not use that
    /// either. Says what it is.
    pub(crate) fn keep(&mut self, index: usize, before: Option<Version>) -> Option<Version> {
        *self.rare.get_or_insert_default().kept.entry(key(index)).or_insert(before)
    }

    /// The application has what is held now.
    pub(crate) fn take_over(&mut self, index: usize) {
        self.forget_of(|rare| {
            rare.kept.remove(&key(index));
        });
    }

    fn forget_of(&mut self, forget: impl FnOnce(&mut Rare)) {
        if let Some(rare) = &mut self.rare {
            forget(rare);
            if rare.signals.is_empty() && rare.kept.is_empty() {
                self.rare = None;
            }
        }
    }

    fn signal_of(&self, index: usize) -> Option<Offset> {
        self.rare.as_ref()?.signals.get(&key(index)).copied()
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
    fn what_an_application_goes_on_with_stands_until_it_takes_something_over() {
        let mut items = Items::new(&[ItemId(3), ItemId(4)]);
        items.signal(0, Path::Push, Some(Offset(9)));
        assert_eq!(items.keep(0, Some(Version(4))), Some(Version(4)));
        assert_eq!(
            items.keep(0, Some(Version(5))),
            Some(Version(4)),
            "it could not use the one before either"
        );
        assert_eq!(items.keep(1, None), None);
        items.clear_signals();
        items.take_over(0);
        assert_eq!(items.keep(0, Some(Version(7))), Some(Version(7)));
        items.take_over(0);
        assert_eq!(items.keep(1, Some(Version(7))), None);
        items.take_over(1);
        assert!(items.rare.is_none());
    }

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
