//! What every item's watchers ought to hold, readable from any thread.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use shakedown_model::schedule::MutationKind;
use shakedown_model::{ItemId, Version};

/// The newest acked state of every item; [`Version::INITIAL`] before the first ack of a mutation.
#[derive(Debug)]
pub struct AckBoard {
    entries: Box<[Entry]>,
}

#[derive(Debug)]
struct Entry {
    /// Twice the newest version for all, plus one where that is a delete.
    newest: AtomicU64,
    /// The newest version for gray watchers; it counts while it is above the one for all.
    gray: AtomicU32,
}

/// The newest acked state of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// The newest version for all.
    pub version: Version,
    /// Whether that version is a delete.
    pub is_absent: bool,
    /// The newer version that gray watchers alone are to hold, while there is one.
    pub gray: Option<Version>,
}

impl Newest {
    /// Whether a watcher that holds `held` (`None`: nothing) is up to date. A deleted item is held when it is absent.
    #[must_use]
    pub fn is_held(self, held: Option<Version>, is_gray: bool) -> bool {
        match (self.gray.filter(|_| is_gray), held) {
            (Some(gray), held) => held >= Some(gray),
            (None, None) => self.is_absent,
            (None, Some(held)) if self.is_absent => held > self.version,
            (None, Some(held)) => held >= self.version,
        }
    }
}

impl AckBoard {
    pub(super) fn new(items: u32) -> Self {
        let entry =
            |_| Entry { newest: AtomicU64::new(u64::from(Version::INITIAL.0) << 1), gray: AtomicU32::new(0) };
        Self { entries: (0..items).map(entry).collect() }
    }

    pub(super) fn acked(&self, item: ItemId, version: Version, kind: MutationKind) {
        let entry = &self.entries[item.index()];
        let newest = u64::from(version.0) << 1;
        match kind {
            MutationKind::Write | MutationKind::Promote | MutationKind::Rollback | MutationKind::Invalid => {
                entry.newest.fetch_max(newest, Ordering::Release);
            }
            MutationKind::Delete => {
                entry.newest.fetch_max(newest | 1, Ordering::Release);
            }
            MutationKind::Gray => {
                entry.gray.fetch_max(version.0, Ordering::Release);
            }
        }
    }

    /// The newest acked state of an item.
    ///
    /// # Panics
    /// When the item is not one of the plan.
    #[must_use]
    pub fn newest(&self, item: ItemId) -> Newest {
        let entry = &self.entries[item.index()];
        let newest = entry.newest.load(Ordering::Acquire);
        let version = Version(u32::try_from(newest >> 1).expect("a version was doubled"));
        let gray = Version(entry.gray.load(Ordering::Acquire));
        Newest { version, is_absent: newest & 1 == 1, gray: (gray > version).then_some(gray) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM: ItemId = ItemId(0);

    fn after(acks: &[(u32, MutationKind)]) -> Newest {
        let board = AckBoard::new(1);
        for (version, kind) in acks {
            board.acked(ITEM, Version(*version), *kind);
        }
        board.newest(ITEM)
    }

    #[test]
    fn a_version_or_a_newer_one_is_held() {
        let newest = after(&[(2, MutationKind::Write), (3, MutationKind::Write)]);
        for (held, is_held) in [(None, false), (Some(2), false), (Some(3), true), (Some(4), true)] {
            assert_eq!(newest.is_held(held.map(Version), false), is_held, "{held:?}");
        }
    }

    #[test]
    fn a_deleted_item_is_held_when_it_is_absent() {
        let newest = after(&[(2, MutationKind::Write), (3, MutationKind::Delete)]);
        for (held, is_held) in [(None, true), (Some(2), false), (Some(4), true)] {
            assert_eq!(newest.is_held(held.map(Version), false), is_held, "{held:?}");
        }
        let again = after(&[(3, MutationKind::Delete), (4, MutationKind::Write)]);
        assert!(!again.is_held(None, false) && again.is_held(Some(Version(4)), false));
    }

    #[test]
    fn only_gray_watchers_wait_for_a_gray_version() {
        let newest = after(&[(2, MutationKind::Write), (3, MutationKind::Gray)]);
        assert!(newest.is_held(Some(Version(2)), false) && !newest.is_held(Some(Version(2)), true));
        assert!(newest.is_held(Some(Version(3)), true) && !newest.is_held(None, true));
        let promoted = after(&[(3, MutationKind::Gray), (4, MutationKind::Promote)]);
        assert_eq!(promoted.gray, None);
        assert!(!promoted.is_held(Some(Version(3)), true));
    }
}
