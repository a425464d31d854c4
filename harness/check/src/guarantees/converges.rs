//! Converges: every watcher ends on what a fresh read after the drain returns.
//!
//! A watcher that is down on purpose at the end is left out. One that never subscribed, an item without a read of an
//! intact value and an item with a publish that may still land cannot prove a violation; they make it unknown unless
//! they agree. Where nodes disagree, ending on what any of them returns is enough: that the nodes differ is for nothing
//! lost. While a gray release is on, its watchers end on its content, which a fresh read does not see. A client that an
//! operator's failover file keeps from the server is left out.

use shakedown_model::ItemId;
use shakedown_model::event::{Found, PublishOutcome};
use shakedown_model::plan::{Cache, Failover};
use shakedown_model::verdict::Outcome;

use super::nothing_lost::found_words;
use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::index::{Held, Slot};
use crate::words::{count, counted};

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let (mut behind, mut unclear) = (Violations::default(), Violations::default());
    let mut checked = 0;
    let index = &evidence.index;
    let items: Vec<EndOfItem> =
        (0..evidence.plan.item_count()).map(|item| EndOfItem::new(evidence, ItemId(item))).collect();
    for slot in index.slots.all() {
        let (watcher, item) = (index.slots.watcher(slot), index.slots.item(slot));
        let (life, end) = (&index.lives[watcher.index()], &items[item.index()]);
        let is_overridden = evidence.group_spec(watcher).client.failover != Failover::None;
        if life.ends_down() || is_overridden || !end.was_published {
            continue;
        }
        checked += 1;
        if end.agrees(evidence, slot) {
            continue;
        }
        let is_clear = end.is_readable && life.first_subscribed().is_some() && !end.may_change;
        let violations = if is_clear { &mut behind } else { &mut unclear };
        violations.add(|| lines(evidence, slot));
    }
    let of = |n| format!("{} of {} (watcher, item) pairs", count(n), count(checked));
    behind
        .failed(|n| format!("{} did not end on what a fresh read returns", of(n)))
        .or_else(|| {
            unclear.unknown(|n| {
                format!("{} differ, but never subscribed, have no intact read or an ambiguous publish", of(n))
            })
        })
        .unwrap_or_else(|| match checked {
            0 => Judged::new(Outcome::Unknown, "no watcher could be compared with a fresh read"),
            _ => Judged::new(
                Outcome::Pass,
                format!("{} ended on what a fresh read returns", counted(checked, "(watcher, item) pair")),
            ),
        })
}

/// What is known of the end of an item.
#[derive(Debug)]
struct EndOfItem {
    was_published: bool,
    is_readable: bool,
    /// Whether an ambiguous publish may land after the reads.
    may_change: bool,
    /// What gray watchers end on while a gray release is on, and whether it certainly is.
    gray: Option<(Found, bool)>,
}

impl EndOfItem {
    fn new(evidence: &Evidence<'_>, item: ItemId) -> Self {
        let index = &evidence.index;
        let is_intact = |found: Found| found != Found::Unfit;
        Self {
            was_published: index.publishes.of(item).iter().any(|p| p.outcome != PublishOutcome::Refused),
            is_readable: index.final_reads_of(item).iter().any(|read| is_intact(read.found)),
            may_change: index.publishes.may_still_land(item),
            gray: index
                .publishes
                .open_gray(item)
                .map(|(publish, is_certain)| (Found::Version(publish.version), is_certain)),
        }
    }

    /// Whether a watcher ended on what a read by it returns.
    fn agrees(&self, evidence: &Evidence<'_>, slot: Slot) -> bool {
        let index = &evidence.index;
        let found = match last_held(evidence, slot) {
            Some(held) if !held.is_absent() => Found::Version(held.version),
            // Who holds nothing agrees with a read that finds nothing.
            Some(_) | None => Found::Absent,
        };
        let is_read = || index.final_reads_of(index.slots.item(slot)).iter().any(|read| read.found == found);
        match self.gray.filter(|_| index.is_gray(index.slots.watcher(slot))) {
            Some((gray, true)) => found == gray,
            Some((gray, false)) => found == gray || is_read(),
            None => is_read(),
        }
    }
}

/// What a slot held last in its last life. A snapshot outlives a crash.
fn last_held<'a>(evidence: &'a Evidence<'_>, slot: Slot) -> Option<&'a Held> {
    let index = &evidence.index;
    let watcher = index.slots.watcher(slot);
    let keeps = evidence.group_spec(watcher).client.cache == Cache::Snapshot;
    let crashed = index.lives[watcher.index()].last_crash(evidence.horizon).filter(|_| !keeps);
    index.held(slot).last().filter(|held| crashed.is_none_or(|crashed| held.at > crashed))
}

fn lines(evidence: &Evidence<'_>, slot: Slot) -> [String; 2] {
    let index = &evidence.index;
    let watcher = index.slots.watcher(slot);
    let (who, item) = (evidence.watcher_words(watcher), evidence.item_words(index.slots.item(slot)));
    let ended = match (last_held(evidence, slot), index.held(slot).is_empty()) {
        (Some(held), _) => format!("{} {who} last held {} of {item}", held.at, held.words()),
        (None, true) => format!("{who} never held {item}"),
        (None, false) => format!("{who} did not hold {item} again after it crashed on purpose"),
    };
    let gray = index.publishes.open_gray(index.slots.item(slot)).filter(|_| index.is_gray(watcher));
    let read = match (gray, index.final_reads_of(index.slots.item(slot)).first()) {
        (Some((publish, _)), _) => {
            format!("{} the gray version {} of {item} was published for it", publish.done, publish.version)
        }
        (None, Some(read)) => {
            format!("{} a fresh read of {item} returned {}", read.at, found_words(read.found))
        }
        (None, None) => format!("{item} was not read after the drain"),
    };
    [ended, read]
}
