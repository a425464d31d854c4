//! What a watcher knows of one item, in 24 bytes.

use std::fmt::Write as _;

use shakedown_model::event::Path;
use shakedown_model::{ItemId, Version};

/// An item's id with the MD5 that the watcher holds, as list and poll requests carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The item.
    pub item: ItemId,
    /// The MD5 of the held content; `None` when nothing is held.
    pub md5: Option<[u8; 16]>,
}

impl Held {
    /// The MD5 as it goes on the wire: 32 lower-case hex digits, or nothing (nacos-facts.md §1.4).
    #[must_use]
    pub fn md5_text(&self) -> String {
        let mut text = String::with_capacity(32);
        for byte in self.md5.iter().flatten() {
            write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        }
        text
    }
}

/// A fact about an item that is either so or not.
#[derive(Debug, Clone, Copy)]
#[repr(u32)]
pub(crate) enum Flag {
    /// It must be fetched.
    Dirty = 1 << 0,
    /// It must be in the next list request.
    Unsynced = 1 << 1,
    /// It is in the list request in flight.
    Listed = 1 << 2,
    /// What it holds was received from the server, or confirmed by it, in this life.
    Heard = 1 << 3,
    /// There is a snapshot of it; until it is heard, version and MD5 are those of the snapshot.
    HasSnapshot = 1 << 4,
    /// It must be listed in the next round of the listen loop.
    NextRound = 1 << 5,
    /// The server said that it does not exist.
    Gone = 1 << 6,
    /// An operator's file overrides the server for it.
    Overridden = 1 << 7,
}

const PATH_SHIFT: u32 = 8;
const PATHS: [Path; 6] =
    [Path::Initial, Path::Push, Path::Relist, Path::Resync, Path::PollWake, Path::PollTimeout];

/// One item of a watcher, whose id [`Items`](crate::items::Items) knows. `bits` packs the flags and three bits of path.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Item {
    version: Version,
    md5: [u8; 16],
    bits: u32,
}

impl Item {
    pub(crate) const fn is(&self, flag: Flag) -> bool {
        self.bits & flag as u32 != 0
    }

    pub(crate) const fn set(&mut self, flag: Flag) {
        self.bits |= flag as u32;
    }

    /// Clears the flag and says whether it was set.
    pub(crate) const fn take(&mut self, flag: Flag) -> bool {
        let was = self.is(flag);
        self.bits &= !(flag as u32);
        was
    }

    /// The version in memory, or in the snapshot while nothing was heard; `None` when not intact or nothing.
    pub(crate) fn version(&self) -> Option<Version> {
        (self.version.0 != 0).then_some(self.version)
    }

    /// The MD5 that it names to the server; `None` when nothing is held.
    pub(crate) fn held(&self) -> Option<[u8; 16]> {
        let has_snapshot = self.is(Flag::HasSnapshot) && self.md5 != [0; 16];
        (!self.is(Flag::Gone) && (self.is(Flag::Heard) || has_snapshot)).then_some(self.md5)
    }

    /// Holds new content and says whether its version differs from what was held, in memory or in the snapshot.
    pub(crate) fn hold(&mut self, version: Version, md5: [u8; 16]) -> bool {
        let is_new = self.version != version;
        self.version = version;
        self.md5 = md5;
        self.set(Flag::Heard);
        self.take(Flag::Gone);
        is_new
    }

    /// Holds that there is nothing, and says whether that is news.
    pub(crate) fn lack(&mut self) -> bool {
        let is_new = !self.is(Flag::Gone);
        self.version = Version(0);
        self.md5 = [0; 16];
        self.set(Flag::Heard);
        self.set(Flag::Gone);
        is_new
    }

    /// Takes note of what the snapshot on disk holds, and says whether that counts: what was heard meanwhile stands.
    /// Without an MD5 the item is listed as if there were no snapshot.
    pub(crate) fn note_snapshot(&mut self, version: Option<Version>, md5: Option<[u8; 16]>) -> bool {
        self.set(Flag::HasSnapshot);
        let counts = !self.is(Flag::Heard);
        if counts {
            self.version = version.unwrap_or(Version(0));
            self.md5 = md5.unwrap_or([0; 16]);
        }
        counts
    }

    /// Takes note of what the operator's file holds, if it is an intact payload.
    pub(crate) fn note_override(&mut self, version: Option<Version>) {
        self.version = version.unwrap_or(Version(0));
        self.set(Flag::Heard);
    }

    /// Notes by which path it must be fetched.
    pub(crate) fn set_path(&mut self, path: Path) {
        let place = PATHS.iter().position(|known| *known == path).unwrap_or(0);
        let place = u32::try_from(place).expect("there are six");
        self.bits = self.bits & !(0b111 << PATH_SHIFT) | place << PATH_SHIFT;
    }

    /// The path that was noted last.
    pub(crate) fn path(&self) -> Path {
        let place = usize::try_from(self.bits >> PATH_SHIFT).ok();
        place.and_then(|place| PATHS.get(place)).copied().unwrap_or(Path::Initial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_takes_24_bytes() {
        assert_eq!(size_of::<Item>(), 24);
    }

    #[test]
    fn paths_and_flags_lie_beside_each_other() {
        let mut item = Item::default();
        item.set(Flag::Overridden);
        for path in PATHS {
            item.set_path(path);
            assert_eq!(item.path(), path);
            assert!(item.is(Flag::Overridden) && !item.is(Flag::Dirty));
        }
        assert!(item.take(Flag::Overridden));
        assert_eq!(item.path(), Path::PollTimeout);
    }

    #[test]
    fn an_md5_keeps_its_leading_zeros_and_nothing_is_empty() {
        let held = Held { item: ItemId(0), md5: Some([0x0c; 16]) };
        assert_eq!(held.md5_text(), "0c".repeat(16));
        assert_eq!(Held { item: ItemId(0), md5: Item::default().held() }.md5_text(), "");
    }
}
