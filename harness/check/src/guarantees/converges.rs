//! Converges: every watcher ends on what a fresh read after the drain returns.
//!
//! A watcher that is down on purpose at the end is left out. One that never subscribed, an item without a read of an
//! intact value and an item with an ambiguous publish cannot prove a violation; they make it unknown unless they agree.
//! Where nodes disagree, ending on what any of them returns is enough: that the nodes differ is for nothing lost.

use shakedown_model::Offset;
use shakedown_model::event::PublishOutcome;
use shakedown_model::verdict::Outcome;

use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::index::Slot;
use crate::words::{count, counted};

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let (mut behind, mut unclear) = (Violations::default(), Violations::default());
    let mut checked = 0;
    let index = &evidence.index;
    for slot in index.slots.all() {
        let (watcher, item) = (index.slots.watcher(slot), index.slots.item(slot));
        let life = &index.lives[watcher.index()];
        if life.ends_down() || index.publishes_of(item).iter().all(|p| p.outcome == PublishOutcome::Refused) {
            continue;
        }
        checked += 1;
        let reads = index.final_reads_of(item);
        let ends_on = index.held(slot).next_back().map(|(held, _)| held.version);
        if ends_on.is_some() && reads.iter().any(|read| read.found.version() == ends_on) {
            continue;
        }
        let is_readable = reads.iter().any(|read| read.found.version().is_some());
        let is_clear =
            is_readable && life.first_subscribed().is_some() && !index.is_ambiguous(item, Offset::NEVER);
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

fn lines(evidence: &Evidence<'_>, slot: Slot) -> [String; 2] {
    let index = &evidence.index;
    let (watcher, item) =
        (evidence.watcher_words(index.slots.watcher(slot)), evidence.item_words(index.slots.item(slot)));
    let ended = match index.held(slot).next_back() {
        Some((held, _)) => format!("{} {watcher} last received version {} of {item}", held.at, held.version),
        None => format!("{watcher} never held {item}"),
    };
    let read = match index.final_reads_of(index.slots.item(slot)).first() {
        Some(read) => {
            let found = read
                .found
                .version()
                .map_or_else(|| "nothing intact".to_owned(), |version| format!("version {version}"));
            format!("{} a fresh read of {item} returned {found}", read.at)
        }
        None => format!("{item} was not read after the drain"),
    };
    [ended, read]
}
