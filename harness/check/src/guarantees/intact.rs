//! Intact: no torn, truncated or mixed content; the checksum inside and the MD5 agree.
//!
//! Intact content in the wrong place is for nothing invented. An item that is absent though it was published counts
//! here: nothing at all is the shortest of truncated contents.

use shakedown_model::event::{Corrupt, Corruption};
use shakedown_model::verdict::Outcome;

use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::words::{count, counted};

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let mut torn = Violations::default();
    for corrupt in
        evidence.index.corrupts.iter().filter(|corrupt| corrupt.corruption != Corruption::Misplaced)
    {
        torn.add(|| [line(evidence, corrupt)]);
    }
    let deliveries = evidence.index.deliveries();
    torn.failed(|n| {
        format!("{} did not verify, beside {} that did", counted(n, "content"), count(deliveries))
    })
    .unwrap_or_else(|| match deliveries {
        0 => Judged::new(Outcome::Unknown, "nothing was delivered"),
        n => Judged::new(Outcome::Pass, format!("{} deliveries verified", count(n))),
    })
}

/// A corrupt content in words.
pub(super) fn line(evidence: &Evidence<'_>, corrupt: &Corrupt) -> String {
    let what = match corrupt.corruption {
        Corruption::Payload(error) => error.to_string(),
        Corruption::Md5 => "the MD5 of the server is not that of the content".into(),
        Corruption::Misplaced => "an intact payload of another item or run".into(),
        Corruption::Absent => "absent though it was published".into(),
    };
    let claims = corrupt.claims.map_or_else(String::new, |(item, version)| {
        format!(", which says it is version {version} of {}", evidence.item_words(item))
    });
    let watcher = match evidence.index.slots.slot(corrupt.watcher, corrupt.item) {
        Some(_) => evidence.watcher_words(corrupt.watcher),
        None => format!("watcher {}", corrupt.watcher),
    };
    format!("{} {watcher} received {}: {what}{claims}", corrupt.at, evidence.item_words(corrupt.item))
}
