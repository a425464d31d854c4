//! Nothing lost: after recovery a fresh read from every node returns the last acked value, or a later ambiguous one.
//!
//! What a read settled is stored as if it had been acked. The last acked value of a deleted item is nothing. A gray
//! release does not count: a fresh read never sees it, and one that returned its content is for isolated. An older
//! ambiguous value may land after the last acked one, whoever is at fault: that read is unknown, unless its publish was a
//! write under CAS, which can only land in its place.

use shakedown_model::event::{Found, Publish, PublishOutcome};
use shakedown_model::schedule::MutationKind;
use shakedown_model::verdict::Outcome;
use shakedown_model::{ItemId, NodeId, Offset};

use super::isolated::is_gray;
use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::index::publishes::looks_like;
use crate::index::{FinalRead, looks};
use crate::words::counted;

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let (mut lost, mut overtaken) = (Violations::default(), Violations::default());
    let (mut checked, mut unread) = (0, 0);
    let publishes = &evidence.index.publishes;
    for item in (0..evidence.plan.item_count()).map(ItemId) {
        let Some(last) = publishes.newest_stored(item, Offset::NEVER, false) else { continue };
        let reads = evidence.index.final_reads_of(item);
        for node in (0..evidence.plan.server.nodes).map(NodeId) {
            let Some(read) = reads.iter().find(|read| read.node == node) else {
                unread += 1;
                continue;
            };
            checked += 1;
            let is_leak = read.found.version().is_some_and(|version| is_gray(evidence, item, version));
            if is_leak || is_right(evidence, last, read) {
                continue;
            }
            let lines = || {
                let item = evidence.item_words(item);
                let acked = looks(last.version, last.kind == MutationKind::Delete);
                [format!("{} {acked} of {item} was acked", last.done), read_line(evidence, read)]
            };
            let is_late = publishes.is_late_ambiguous(item, last.version, read.found);
            if is_late { overtaken.add(lines) } else { lost.add(lines) }
        }
    }
    let reads = |n| counted(n, "final read");
    lost.failed(|n| format!("{} of {checked} did not return the last acked value", reads(n)))
        .or_else(|| {
            overtaken.unknown(|n| format!("{} returned an older value whose publish was ambiguous", reads(n)))
        })
        .unwrap_or_else(|| match (checked, unread) {
            (_, 1..) => Judged::new(Outcome::Unknown, format!("{} missing after the drain", reads(unread))),
            (0, 0) => Judged::new(Outcome::Unknown, "nothing was acked, so nothing could be lost or kept"),
            _ => Judged::new(Outcome::Pass, format!("{} returned the last acked value", reads(checked))),
        })
}

/// Whether a read found the last acked value, or what a later ambiguous publish leaves.
fn is_right(evidence: &Evidence<'_>, last: &Publish, read: &FinalRead) -> bool {
    let later = evidence
        .index
        .publishes
        .of(read.item)
        .iter()
        .filter(|publish| publish.version > last.version && publish.outcome == PublishOutcome::Ambiguous);
    looks_like(last, read.found)
        || later.filter(|publish| publish.kind != MutationKind::Gray).any(|p| looks_like(p, read.found))
}

fn read_line(evidence: &Evidence<'_>, read: &FinalRead) -> String {
    let item = evidence.item_words(read.item);
    format!("{} a fresh read of {item} from node {} returned {}", read.at, read.node, found_words(read.found))
}

/// What a fresh read found, in words.
pub(super) fn found_words(found: Found) -> String {
    match found {
        Found::Version(version) => format!("version {version}"),
        Found::Absent => "that there is none".to_owned(),
        Found::Unfit => "nothing intact".to_owned(),
    }
}
