//! Nothing lost: after recovery a fresh read from every node returns the last acked value, or a later ambiguous one.
//!
//! An older ambiguous value may land after the last acked one, whoever is at fault: that read is unknown.

use shakedown_model::event::PublishOutcome;
use shakedown_model::verdict::Outcome;
use shakedown_model::{ItemId, NodeId, Offset};

use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::index::FinalRead;
use crate::words::counted;

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let (mut lost, mut overtaken) = (Violations::default(), Violations::default());
    let (mut checked, mut unread) = (0, 0);
    for item in (0..evidence.plan.item_count()).map(ItemId) {
        let Some(last) = evidence.index.newest_acked(item, Offset::NEVER) else { continue };
        let reads = evidence.index.final_reads_of(item);
        for node in (0..evidence.plan.server.nodes).map(NodeId) {
            let Some(read) = reads.iter().find(|read| read.node == node) else {
                unread += 1;
                continue;
            };
            checked += 1;
            let read_publish = read.found.version().and_then(|version| evidence.index.publish(item, version));
            let is_ambiguous =
                read_publish.is_some_and(|publish| publish.outcome == PublishOutcome::Ambiguous);
            let found = read.found.version();
            if found == Some(last.version) || (is_ambiguous && found > Some(last.version)) {
                continue;
            }
            let lines = || {
                let acked = format!(
                    "{} version {} of {} was acked",
                    last.done,
                    last.version,
                    evidence.item_words(item)
                );
                [acked, read_line(evidence, read)]
            };
            if is_ambiguous { overtaken.add(lines) } else { lost.add(lines) }
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

fn read_line(evidence: &Evidence<'_>, read: &FinalRead) -> String {
    let found = read
        .found
        .version()
        .map_or_else(|| "nothing intact".to_owned(), |version| format!("version {version}"));
    format!(
        "{} a fresh read of {} from node {} returned {found}",
        read.at,
        evidence.item_words(read.item),
        read.node
    )
}
