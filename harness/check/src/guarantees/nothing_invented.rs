//! Nothing invented: every value seen was published, acked or ambiguous, before it was seen.
//!
//! Seen is what was delivered, read by an application, or read fresh after the drain. A refused publish is none, and an
//! intact payload of another item or run was not published here.

use shakedown_model::event::{Corruption, PublishOutcome};
use shakedown_model::verdict::Outcome;
use shakedown_model::{ItemId, Offset, Version};

use super::{Judged, Violations, intact};
use crate::evidence::Evidence;
use crate::words::count;

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let index = &evidence.index;
    let mut invented = Violations::default();
    for slot in index.slots.all() {
        let item = index.slots.item(slot);
        for (held, _) in index.held(slot).filter(|(_, is_real)| !is_real) {
            let who = || format!("{} received", evidence.watcher_words(index.slots.watcher(slot)));
            invented.add(|| [line(evidence, held.at, &who(), item, held.version)]);
        }
    }
    for corrupt in index.corrupts.iter().filter(|corrupt| corrupt.corruption == Corruption::Misplaced) {
        invented.add(|| [intact::line(evidence, corrupt)]);
    }
    for read in &index.reads {
        let version = read.version.filter(|version| !index.is_published(read.item, *version, read.answered));
        if let Some(version) = version {
            let who = || format!("an application of {} read", evidence.watcher_words(read.watcher));
            invented.add(|| [line(evidence, read.answered, &who(), read.item, version)]);
        }
    }
    for read in &index.final_reads {
        let version =
            read.found.version().filter(|version| !index.is_published(read.item, *version, read.at));
        if let Some(version) = version {
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

/// A publish is recorded once it has ended, so a recording that is not whole may lack it: only what is in the wrong
/// place, was refused, or was seen before it was sent is proven then.
fn unless_missing(evidence: &Evidence<'_>, invented: Violations) -> Judged {
    let index = &evidence.index;
    let is_proven = |item, version, seen| {
        index.publish(item, version).is_some() && !index.is_published(item, version, seen)
    };
    let misplaced = index.corrupts.iter().any(|corrupt| corrupt.corruption == Corruption::Misplaced);
    let delivered = index.slots.all().any(|slot| {
        index
            .held(slot)
            .any(|(held, is_real)| !is_real && is_proven(index.slots.item(slot), held.version, held.at))
    });
    let judged = if misplaced || delivered {
        invented.failed(|n| format!("{} values seen were not published, as far as recorded", count(n)))
    } else {
        invented.unknown(|n| format!("{} values seen have no publish in what was recorded", count(n)))
    };
    judged.expect("there is at least one")
}

fn line(evidence: &Evidence<'_>, at: Offset, who: &str, item: ItemId, version: Version) -> String {
    let why = match evidence.index.publish(item, version) {
        None => "was never published".to_owned(),
        Some(publish) if publish.outcome == PublishOutcome::Refused => "was refused".to_owned(),
        Some(publish) => format!("was sent only at {}", publish.sent),
    };
    format!("{at} {who} version {version} of {}, which {why}", evidence.item_words(item))
}
