//! The newest acked version of every item, readable from any thread.

use std::sync::atomic::{AtomicU32, Ordering};

use shakedown_model::{ItemId, Version};

/// The newest acked version of every item; [`Version::INITIAL`] before the first ack of a mutation.
#[derive(Debug)]
pub struct AckBoard {
    newest: Box<[AtomicU32]>,
}

impl AckBoard {
    pub(super) fn new(items: u32) -> Self {
        Self { newest: (0..items).map(|_| AtomicU32::new(Version::INITIAL.0)).collect() }
    }

    pub(super) fn acked(&self, item: ItemId, version: Version) {
        self.newest[item.index()].fetch_max(version.0, Ordering::Release);
    }

    /// The newest acked version of an item.
    ///
    /// # Panics
    /// When the item is not one of the plan.
    #[must_use]
    pub fn newest(&self, item: ItemId) -> Version {
        Version(self.newest[item.index()].load(Ordering::Acquire))
    }
}
