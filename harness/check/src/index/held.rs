//! What a watcher held, 24 bytes a delivery.

use shakedown_model::event::Path;
use shakedown_model::{Offset, Version};

use super::Slot;

/// Content, or the absence of it, that a watcher held from an instant on.
///
/// `marks` packs, from the top: four bits of path, five flags and 55 bits of signal (the nanosecond at which the change
/// signal came, enough for 417 days; zero is none).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) at: Offset,
    pub(super) slot: Slot,
    /// Of an absence, the version of the delete that it shows; 0 when nobody had deleted the item.
    pub(crate) version: Version,
    marks: u64,
}

const SIGNAL: u64 = (1 << 55) - 1;
const ABSENT: u64 = 1 << 55;
const SILENT: u64 = 1 << 56;
const PUBLISHED: u64 = 1 << 57;
const LEAKED: u64 = 1 << 58;
const PATH_SHIFT: u32 = 60;

impl Held {
    pub(super) fn new(
        at: Offset,
        slot: Slot,
        version: Version,
        (signal, path): (Option<Offset>, Path),
    ) -> Self {
        let path = Path::ALL.iter().position(|known| *known == path).unwrap_or_default() as u64;
        let signal = signal.map_or(0, |signal| signal.0.min(SIGNAL));
        Self { at, slot, version, marks: path << PATH_SHIFT | signal }
    }

    /// The same, as the absence of content.
    pub(super) fn absent(mut self) -> Self {
        self.marks |= ABSENT;
        self
    }

    /// The same, without a callback of the listener.
    pub(super) fn silent(mut self) -> Self {
        self.marks |= SILENT;
        self
    }

    /// The same, seen as another version of the same absence at another time, without a callback.
    pub(super) fn as_if(self, at: Offset, version: Version) -> Self {
        Self { at, version, marks: self.marks & !SIGNAL | SILENT, ..self }
    }

    pub(super) fn mark(&mut self, is_published: bool, is_leaked: bool) {
        self.marks |= if is_published { PUBLISHED } else { 0 } | if is_leaked { LEAKED } else { 0 };
    }

    /// Who held it, and of which item.
    pub(crate) const fn slot(&self) -> Slot {
        self.slot
    }

    /// Whether the item was absent, as a delete leaves it.
    pub(crate) const fn is_absent(&self) -> bool {
        self.marks & ABSENT != 0
    }

    /// Whether the listener was called with it.
    pub(crate) const fn is_callback(&self) -> bool {
        self.marks & SILENT == 0
    }

    /// Whether that version had been sent, and not refused, when it was seen.
    pub(crate) const fn is_published(&self) -> bool {
        self.marks & PUBLISHED != 0
    }

    /// Whether it is content of a gray release that was not for this watcher.
    pub(crate) const fn is_leaked(&self) -> bool {
        self.marks & LEAKED != 0
    }

    /// Whether it was published, and for this watcher.
    pub(crate) const fn is_real(&self) -> bool {
        self.is_published() && !self.is_leaked()
    }

    /// When the change signal that led to it was received.
    pub(crate) const fn signal(&self) -> Option<Offset> {
        match self.marks & SIGNAL {
            0 => None,
            at => Some(Offset(at)),
        }
    }

    /// How it came, as the watcher tells.
    pub(crate) fn path(&self) -> Path {
        usize::try_from(self.marks >> PATH_SHIFT)
            .ok()
            .and_then(|nth| Path::ALL.get(nth))
            .copied()
            .unwrap_or(Path::Initial)
    }

    /// What it looks like, in words.
    pub(crate) fn words(&self) -> String {
        if self.is_absent() && !self.is_published() {
            return "nothing, which nobody had deleted".to_owned();
        }
        looks(self.version, self.is_absent())
    }
}

/// A version in words; one that a delete wrote is nothing.
pub(crate) fn looks(version: Version, is_absent: bool) -> String {
    if is_absent { format!("nothing (version {version} is a delete)") } else { format!("version {version}") }
}
