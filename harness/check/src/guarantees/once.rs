//! Once: at most one callback per version per listener. Coalescing is legal, and so is a second callback in a second
//! life. A version that comes again after another one is a step back, and for monotonic.

use shakedown_model::verdict::Outcome;

use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::index::Held;
use crate::words::{count, counted};

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let (mut twice, mut unclear) = (Violations::default(), Violations::default());
    let index = &evidence.index;
    for slot in index.slots.all() {
        let watcher = index.slots.watcher(slot);
        let life = &index.lives[watcher.index()];
        let mut before: Option<&Held> = None;
        for held in index.held(slot).iter().filter(|held| held.is_callback()) {
            let same = before.filter(|before| before.version == held.version);
            if let Some(first) = same.filter(|first| !life.crashed_between(first.at, held.at)) {
                // Between both there may have been another version, which the step back to this one is judged by.
                let may_lack = !evidence.is_whole();
                let violations = if may_lack { &mut unclear } else { &mut twice };
                violations.add(|| {
                    let watcher = evidence.watcher_words(watcher);
                    let item = evidence.item_words(index.slots.item(slot));
                    let what = held.words();
                    [format!(
                        "{} {watcher} was called with {what} of {item} again, first at {}",
                        held.at, first.at
                    )]
                });
            }
            before = Some(held);
        }
    }
    twice
        .failed(|n| format!("{} with a version that was delivered already", counted(n, "callback")))
        .or_else(|| {
            unclear.unknown(|n| {
                format!(
                    "{} with a version again, between which a record may be missing",
                    counted(n, "callback")
                )
            })
        })
        .unwrap_or_else(|| match index.deliveries() {
            0 => Judged::new(Outcome::Unknown, "nothing was delivered"),
            n => Judged::new(Outcome::Pass, format!("no version twice in {} deliveries", count(n))),
        })
}
