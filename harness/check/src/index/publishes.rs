//! Every publish by item and version, and what may be known of an item from them.

use shakedown_model::event::{Found, Publish, PublishOutcome};
use shakedown_model::schedule::MutationKind;
use shakedown_model::{ItemId, Offset, Version};

use super::firsts;

/// Every publish, by item and version.
#[derive(Debug)]
pub(crate) struct Publishes {
    all: Vec<Publish>,
    first: Vec<usize>,
    /// Whether writes name the content that they replace.
    cas: bool,
}

impl Publishes {
    pub(super) fn new(mut all: Vec<Publish>, items: usize, cas: bool) -> Self {
        all.sort_by_key(|publish| (publish.item, publish.version));
        let first = firsts(&all, items, |publish| publish.item.index());
        Self { all, first, cas }
    }

    /// Every publish, by item and version.
    pub(crate) fn all(&self) -> &[Publish] {
        &self.all
    }

    /// The publishes of an item, by version.
    pub(crate) fn of(&self, item: ItemId) -> &[Publish] {
        &self.all[self.first[item.index()]..self.first[item.index() + 1]]
    }

    /// The publish of a version.
    pub(crate) fn get(&self, item: ItemId, version: Version) -> Option<&Publish> {
        let publishes = self.of(item);
        publishes.binary_search_by_key(&version, |publish| publish.version).ok().map(|at| &publishes[at])
    }

    /// The first stored publish of an item newer than `version`, or of all when nothing is held, of those that a gray
    /// watcher or another one is to see.
    pub(crate) fn stored_after(
        &self,
        item: ItemId,
        version: Option<Version>,
        is_gray: bool,
    ) -> Option<&Publish> {
        let publishes = self.of(item);
        let newer = version.map_or(0, |version| publishes.partition_point(|p| p.version <= version));
        publishes[newer..].iter().find(|publish| is_stored(publish) && concerns(publish, is_gray))
    }

    /// The newest publish of an item that was known to be stored by `at`, of those that a gray watcher or another one is
    /// to see.
    pub(crate) fn newest_stored(&self, item: ItemId, at: Offset, is_gray: bool) -> Option<&Publish> {
        let publishes = self.of(item);
        // One publish of an item is in flight at a time, so that they end in the order of their versions.
        let done = publishes.partition_point(|publish| publish.done <= at);
        publishes[..done].iter().rfind(|publish| is_stored(publish) && concerns(publish, is_gray))
    }

    /// The newest publish of an item that was sent by `at` and then stored, of those that a gray watcher or another one is
    /// to see: its push may come before its ack does.
    pub(crate) fn newest_sent(&self, item: ItemId, at: Offset, is_gray: bool) -> Option<&Publish> {
        let publishes = self.of(item);
        let sent = publishes.partition_point(|publish| publish.sent <= at);
        publishes[..sent].iter().rfind(|publish| is_stored(publish) && concerns(publish, is_gray))
    }

    /// Whether a version of an item had been sent, and was not refused, by the time it was seen.
    pub(crate) fn is_published(&self, item: ItemId, version: Version, seen: Offset) -> bool {
        self.get(item, version).is_some_and(|p| p.outcome != PublishOutcome::Refused && p.sent <= seen)
    }

    /// Whether an ambiguous publish of an item that was sent by `at` may land behind a newer version.
    pub(crate) fn may_reorder(&self, item: ItemId, at: Offset) -> bool {
        let publishes = self.of(item);
        let mut ambiguous = (0..publishes.len()).filter(|nth| is_ambiguous(&publishes[*nth]));
        ambiguous.any(|nth| publishes[nth].sent <= at && !self.is_ordered(publishes, nth))
    }

    /// Whether an ambiguous publish of an item may still land after everything that was recorded.
    pub(crate) fn may_still_land(&self, item: ItemId) -> bool {
        let publishes = self.of(item);
        let mut ambiguous = (0..publishes.len()).filter(|nth| is_ambiguous(&publishes[*nth]));
        ambiguous.any(|nth| {
            let is_overtaken =
                publishes[nth + 1..].iter().any(|p| is_stored(p) && p.kind != MutationKind::Gray);
            !(is_overtaken && self.is_ordered(publishes, nth))
        })
    }

    /// Whether `found` is what an ambiguous publish older than `version` would leave, one that may land late.
    pub(crate) fn is_late_ambiguous(&self, item: ItemId, version: Version, found: Found) -> bool {
        let publishes = self.of(item);
        (0..publishes.len()).any(|nth| {
            let publish = &publishes[nth];
            is_ambiguous(publish)
                && publish.version < version
                && looks_like(publish, found)
                && !self.is_ordered(publishes, nth)
        })
    }

    /// Whether a publish for all can land only right behind the version before it: one under CAS, which names the content
    /// that it replaces. Not one around a delete, for the server stores a CAS write where there is nothing
    /// (nacos-facts.md §1.3).
    fn is_ordered(&self, publishes: &[Publish], nth: usize) -> bool {
        let is_delete = |p: &&Publish| p.kind == MutationKind::Delete && p.outcome != PublishOutcome::Refused;
        let before = publishes[..nth].iter().rfind(|p| p.outcome != PublishOutcome::Refused);
        self.cas
            && ends_gray(&publishes[nth])
            && before.as_ref().is_some_and(|before| !is_delete(before))
            && !publishes[nth + 1..].iter().any(|later| is_delete(&later))
    }

    /// When it was begun to take a gray release back, if it was: from then on its watchers go back to what the others hold.
    pub(crate) fn taken_back(&self, gray: &Publish) -> Option<Offset> {
        let publishes = self.of(gray.item);
        let later = publishes.partition_point(|publish| publish.version <= gray.version);
        let end = publishes[later..].iter().find(|publish| publish.kind != MutationKind::Gray)?;
        (gray.kind == MutationKind::Gray && end.kind == MutationKind::Rollback).then_some(end.sent)
    }

    /// The gray release of an item that no later publish for all ended: its publish, and whether that it is still on is
    /// certain.
    pub(crate) fn open_gray(&self, item: ItemId) -> Option<(&Publish, bool)> {
        let publishes = self.of(item);
        let is_sent = |p: &Publish| p.outcome != PublishOutcome::Refused;
        let nth = publishes.iter().rposition(|p| p.kind == MutationKind::Gray && is_sent(p))?;
        // What a rollback takes away first may be gone whatever became of its write.
        let may_end = |p: &Publish| is_sent(p) || p.kind == MutationKind::Rollback;
        let later = || publishes[nth + 1..].iter().filter(|p| ends_gray(p));
        if later().any(is_stored) {
            return None;
        }
        Some((&publishes[nth], is_stored(&publishes[nth]) && !later().any(may_end)))
    }
}

/// Whether a publish is known to be stored: by its ack, or by a read that settled it.
pub(crate) fn is_stored(publish: &Publish) -> bool {
    matches!(publish.outcome, PublishOutcome::Acked | PublishOutcome::Settled)
}

fn is_ambiguous(publish: &Publish) -> bool {
    publish.outcome == PublishOutcome::Ambiguous
}

/// Whether a publish is content for all, which takes the gray content away, if there is any: a promotion, a rollback, and a
/// write that comes instead of one.
fn ends_gray(publish: &Publish) -> bool {
    matches!(
        publish.kind,
        MutationKind::Promote | MutationKind::Rollback | MutationKind::Write | MutationKind::Invalid
    )
}

/// Whether a watcher is to see a publish: a gray one is for gray watchers alone.
pub(crate) fn concerns(publish: &Publish, is_gray: bool) -> bool {
    is_gray || publish.kind != MutationKind::Gray
}

/// Whether a fresh read found what a publish leaves.
pub(crate) fn looks_like(publish: &Publish, found: Found) -> bool {
    match (publish.kind, found) {
        (MutationKind::Delete, Found::Absent) => true,
        (MutationKind::Delete, Found::Version(_)) => false,
        (_, Found::Version(version)) => version == publish.version,
        _ => false,
    }
}
