//! Monotonic: no watcher goes from a newer to an older version within one life.
//!
//! A crash on purpose begins a new life. Values that were never published, or not for this watcher, are other guarantees'
//! and are passed over. Nor is it a step back when a gray watcher goes from a release that is taken back to what the others
//! hold. An ambiguous publish sent before may land behind newer ones, so that an item with one cannot prove
//! a violation; a write under CAS lands in its place or not at all, and excuses nothing.

use shakedown_model::verdict::Outcome;
use shakedown_model::{ItemId, Offset, Version};

use super::{Judged, Violations, may_lack_a_crash};
use crate::evidence::Evidence;
use crate::index::{Held, Slot};
use crate::words::{count, counted};

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let (mut backwards, mut unclear) = (Violations::default(), Violations::default());
    let index = &evidence.index;
    for slot in index.slots.all() {
        let (watcher, item) = (index.slots.watcher(slot), index.slots.item(slot));
        let life = &index.lives[watcher.index()];
        let mut before: Option<Held> = None;
        for held in index.held_real(slot) {
            if let Some(newer) = before.filter(|before| held.version < before.version)
                && !life.crashed_between(newer.at, held.at)
                && !was_taken_back(evidence, item, newer.version, held.at)
            {
                let is_explained =
                    index.publishes.may_reorder(item, held.at) || may_lack_a_crash(evidence, watcher);
                let violations = if is_explained { &mut unclear } else { &mut backwards };
                violations.add(|| {
                    [line(evidence, slot, newer, "held"), line(evidence, slot, held, "went back to")]
                });
            }
            before = Some(held);
        }
    }
    backwards
        .failed(|n| format!("{} from a newer to an older version", counted(n, "step")))
        .or_else(|| {
            unclear.unknown(|n| {
                format!(
                    "{} back that an ambiguous publish or a missing record may explain",
                    counted(n, "step")
                )
            })
        })
        .unwrap_or_else(|| match index.deliveries() {
            0 => Judged::new(Outcome::Unknown, "nothing was delivered"),
            n => Judged::new(Outcome::Pass, format!("no step back in {} deliveries", count(n))),
        })
}

/// Whether a version was a gray release that was being taken back when another was held.
fn was_taken_back(evidence: &Evidence<'_>, item: ItemId, version: Version, at: Offset) -> bool {
    let publishes = &evidence.index.publishes;
    publishes.get(item, version).and_then(|gray| publishes.taken_back(gray)).is_some_and(|from| from <= at)
}

fn line(evidence: &Evidence<'_>, slot: Slot, held: Held, verb: &str) -> String {
    let slots = &evidence.index.slots;
    let watcher = evidence.watcher_words(slots.watcher(slot));
    format!("{} {watcher} {verb} {} of {}", held.at, held.words(), evidence.item_words(slots.item(slot)))
}
