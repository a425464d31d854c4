//! Intact: no torn, truncated or mixed content; the checksum inside and the MD5 agree.
//!
//! Intact content in the wrong place is for isolated or nothing invented. An item that is absent though nobody deleted
//! it counts here: nothing at all is the shortest of truncated contents.

use shakedown_model::WatcherId;
use shakedown_model::event::{Corrupt, Corruption};
use shakedown_model::verdict::Outcome;

use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::words::{count, counted};

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let index = &evidence.index;
    let (mut torn, mut unclear) = (Violations::default(), Violations::default());
    for corrupt in index.corrupts.iter().filter(|corrupt| !is_misplaced(corrupt)) {
        torn.add(|| [line(evidence, corrupt)]);
    }
    // The delete may be what a recording that is not whole lacks, if the plan has any.
    let may_lack_a_delete = !evidence.is_whole() && evidence.plan.mutator.kinds.delete > 0;
    for gone in index.vanished() {
        let (watcher, item) = (index.slots.watcher(gone.slot()), index.slots.item(gone.slot()));
        let violations = if may_lack_a_delete { &mut unclear } else { &mut torn };
        violations.add(|| {
            let who = evidence.watcher_words(watcher);
            [format!("{} {who} found {} absent, which nobody deleted", gone.at, evidence.item_words(item))]
        });
    }
    let deliveries = index.deliveries();
    torn.failed(|n| {
        format!("{} did not verify, beside {} that did", counted(n, "content"), count(deliveries))
    })
    .or_else(|| {
        unclear.unknown(|n| format!("{} without a delete in what was recorded", counted(n, "absence")))
    })
    .unwrap_or_else(|| match deliveries {
        0 => Judged::new(Outcome::Unknown, "nothing was delivered"),
        n => Judged::new(Outcome::Pass, format!("{} deliveries verified", count(n))),
    })
}

/// Whether content is whole and in the wrong place.
pub(super) fn is_misplaced(corrupt: &Corrupt) -> bool {
    corrupt.corruption == Corruption::Misplaced
}

/// Whether misplaced content is of another item of this run. What is of another run claims no item, or the very item
/// that was asked for.
pub(super) fn is_of_this_run(corrupt: &Corrupt) -> bool {
    corrupt.claims.is_some_and(|(item, _)| item != corrupt.item)
}

/// A corrupt content in words.
pub(super) fn line(evidence: &Evidence<'_>, corrupt: &Corrupt) -> String {
    let what = match corrupt.corruption {
        Corruption::Payload(error) => error.to_string(),
        Corruption::Md5 => "the MD5 of the server is not that of the content".into(),
        Corruption::Misplaced if is_of_this_run(corrupt) => "an intact payload of another item".into(),
        Corruption::Misplaced => "an intact payload of another run".into(),
        Corruption::Absent => "absent though it was published".into(),
    };
    let known = corrupt.claims.filter(|(item, _)| item.0 < evidence.plan.item_count());
    let claims = known.map_or_else(String::new, |(item, version)| {
        format!(", which says it is version {version} of {}", evidence.item_words(item))
    });
    let watcher: WatcherId = corrupt.watcher;
    let watcher = match evidence.index.slots.slot(watcher, corrupt.item) {
        Some(_) => evidence.watcher_words(watcher),
        None => format!("watcher {watcher}"),
    };
    format!("{} {watcher} received {}: {what}{claims}", corrupt.at, evidence.item_words(corrupt.item))
}
