//! What a watcher knows of one item, in 32 bytes.

use std::fmt::Write as _;

use shakedown_model::event::Path;
use shakedown_model::{ItemId, Offset, Version};

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
#[repr(u64)]
pub(crate) enum Flag {
    /// It must be fetched.
    Dirty = 1 << 52,
    /// It must be in the next list request.
    Unsynced = 1 << 53,
    /// It is in the list request in flight.
    Listed = 1 << 54,
    /// What it holds was received from the server, or confirmed by it, in this life.
    Heard = 1 << 55,
    /// There is a snapshot of it; until it is heard, version and MD5 are those of the snapshot.
    HasSnapshot = 1 << 56,
    /// It must be listed in the next round of the listen loop.
    NextRound = 1 << 57,
    /// The server said that it does not exist.
    Gone = 1 << 58,
    /// An operator's file overrides the server for it.
    Overridden = 1 << 59,
}

const SIGNAL: u64 = (1 << 52) - 1;
const PATH_SHIFT: u32 = 61;
const PATHS: [Path; 6] =
    [Path::Initial, Path::Push, Path::Relist, Path::Resync, Path::PollWake, Path::PollTimeout];

/// One item of a watcher. `bits` packs, from the top: three bits of path, the flags, and 52 bits of signal (the
/// nanosecond of the first unanswered change signal, enough for 52 days; zero is none).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item {
    pub(crate) id: ItemId,
    version: Version,
    md5: [u8; 16],
    bits: u64,
}

impl Item {
    pub(crate) const fn new(id: ItemId) -> Self {
        Self { id, version: Version(0), md5: [0; 16], bits: 0 }
    }

    pub(crate) const fn is(&self, flag: Flag) -> bool {
        self.bits & flag as u64 != 0
    }

    pub(crate) const fn set(&mut self, flag: Flag) {
        self.bits |= flag as u64;
    }

    /// Clears the flag and says whether it was set.
    pub(crate) const fn take(&mut self, flag: Flag) -> bool {
        let was = self.is(flag);
        self.bits &= !(flag as u64);
        was
    }

    /// The version in memory, or in the snapshot while nothing was heard; `None` when not intact or nothing.
    pub(crate) fn version(&self) -> Option<Version> {
        (self.version.0 != 0).then_some(self.version)
    }

    pub(crate) fn held(&self) -> Held {
        let has_snapshot = self.is(Flag::HasSnapshot) && self.md5 != [0; 16];
        let md5 = (!self.is(Flag::Gone) && (self.is(Flag::Heard) || has_snapshot)).then_some(self.md5);
        Held { item: self.id, md5 }
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

    /// Notes a reason to fetch. An earlier one that is not answered yet stands, for notify and fetch are measured
    /// from the first signal.
    pub(crate) fn signal(&mut self, path: Path, at: Option<Offset>) {
        if self.bits & SIGNAL == 0 {
            let path = PATHS.iter().position(|p| *p == path).unwrap_or(0) as u64;
            let at = at.map_or(0, |at| at.0 & SIGNAL);
            self.bits = self.bits & !SIGNAL & !(0b111 << PATH_SHIFT) | at | path << PATH_SHIFT;
        }
    }

    /// The reason to fetch that stands.
    pub(crate) fn reason(&self) -> (Path, Option<Offset>) {
        let at = self.bits & SIGNAL;
        let path = usize::try_from(self.bits >> PATH_SHIFT).ok().and_then(|path| PATHS.get(path));
        (path.copied().unwrap_or(Path::Initial), (at != 0).then_some(Offset(at)))
    }

    pub(crate) fn clear_signal(&mut self) {
        self.bits &= !SIGNAL;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_takes_32_bytes() {
        assert_eq!(size_of::<Item>(), 32);
    }

    #[test]
    fn the_first_signal_stands_until_it_is_cleared() {
        let mut item = Item::new(ItemId(3));
        item.set(Flag::Heard);
        item.signal(Path::PollWake, Some(Offset(9)));
        item.signal(Path::Resync, Some(Offset(20)));
        assert_eq!(item.reason(), (Path::PollWake, Some(Offset(9))));
        item.clear_signal();
        item.signal(Path::Relist, None);
        assert_eq!(item.reason(), (Path::Relist, None));
        assert!(item.is(Flag::Heard) && !item.is(Flag::Dirty));
    }

    #[test]
    fn an_md5_keeps_its_leading_zeros_and_nothing_is_empty() {
        let held = Held { item: ItemId(0), md5: Some([0x0c; 16]) };
        assert_eq!(held.md5_text(), "0c".repeat(16));
        assert_eq!(Item::new(ItemId(0)).held().md5_text(), "");
    }
}
