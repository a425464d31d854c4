//! Nothing invented: every value seen was published, acked or ambiguous, before it was seen.
//!
//! Seen is what was delivered, read by an application, or read fresh after the drain. A refused publish is none, and an
//! intact payload of another run was not published here. One of another item of this run was, and is for isolated.

use shakedown_model::event::PublishOutcome;
use shakedown_model::verdict::Outcome;
use shakedown_model::{ItemId, Offset, Version};

use super::intact::{self, is_misplaced, is_of_this_run};
use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::index::Held;
use crate::words::count;

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let index = &evidence.index;
    let mut invented = Violations::default();
    for slot in index.slots.all() {
        let item = index.slots.item(slot);
        for held in index.held(slot).iter().filter(|held| is_unpublished(held)) {
            let who = || format!("{} received", evidence.watcher_words(index.slots.watcher(slot)));
            invented.add(|| [line(evidence, held.at, &who(), item, held.version)]);
        }
    }
    for corrupt in index.corrupts.iter().filter(|corrupt| is_misplaced(corrupt) && !is_of_this_run(corrupt)) {
        invented.add(|| [intact::line(evidence, corrupt)]);
    }
    for read in &index.reads {
        let is_published =
            |version: &Version| index.publishes.is_published(read.item, *version, read.answered);
        if let Some(version) = read.version.filter(|version| !is_published(version)) {
            let who = || format!("an application of {} read", evidence.watcher_words(read.watcher));
            invented.add(|| [line(evidence, read.answered, &who(), read.item, version)]);
        }
    }
    for read in &index.final_reads {
        let is_published = |version: &Version| index.publishes.is_published(read.item, *version, read.at);
        if let Some(version) = read.found.version().filter(|version| !is_published(version)) {
            let who = format!("a fresh read from node {} returned", read.node);
            invented.add(|| [line(evidence, read.at, &who, read.item, version)]);
        }
    }
    let seen = index.deliveries() + index.reads.len() as u64 + index.final_reads.len() as u64;
    if !evidence.is_whole() && invented.count > 0 {
        return unless_missing(evidence, invented);
    }
    invented
        .failed(|n| format!("{} of {} values seen were never published", count(n), count(seen)))
        .unwrap_or_else(|| match seen {
            0 => Judged::new(Outcome::Unknown, "no value was seen"),
            n => Judged::new(Outcome::Pass, format!("{} values seen were published", count(n))),
        })
}

/// An absence without a delete is for intact.
fn is_unpublished(held: &Held) -> bool {
    !held.is_published() && !held.is_absent()
}

/// A publish is recorded once it has ended, so a recording that is not whole may lack it: only what is of another run,
/// was refused, or was seen before it was sent is proven then.
fn unless_missing(evidence: &Evidence<'_>, invented: Violations) -> Judged {
    let index = &evidence.index;
    let is_recorded = |item, version| index.publishes.get(item, version).is_some();
    let foreign = index.corrupts.iter().any(|corrupt| is_misplaced(corrupt) && !is_of_this_run(corrupt));
    let delivered = index.slots.all().any(|slot| {
        let is_proven =
            |held: &Held| is_unpublished(held) && is_recorded(index.slots.item(slot), held.version);
        index.held(slot).iter().any(is_proven)
    });
    let judged = if foreign || delivered {
        invented.failed(|n| format!("{} values seen were not published, as far as recorded", count(n)))
    } else {
        invented.unknown(|n| format!("{} values seen have no publish in what was recorded", count(n)))
    };
    judged.expect("there is at least one")
}

fn line(evidence: &Evidence<'_>, at: Offset, who: &str, item: ItemId, version: Version) -> String {
    let why = match evidence.index.publishes.get(item, version) {
        None => "was never published".to_owned(),
        Some(publish) if publish.outcome == PublishOutcome::Refused => "was refused".to_owned(),
        Some(publish) => format!("was sent only at {}", publish.sent),
    };
    format!("{at} {who} version {version} of {}, which {why}", evidence.item_words(item))
}
