//! Once: at most one callback per version per listener. Coalescing is legal, and so is a second callback in a second
//! life.

use shakedown_model::verdict::Outcome;

use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::index::Held;
use crate::words::{count, counted};

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let mut twice = Violations::default();
    let index = &evidence.index;
    for slot in index.slots.all() {
        let life = &index.lives[index.slots.watcher(slot).index()];
        let mut before: Option<Held> = None;
        for (held, _) in index.held(slot) {
            let same = before.filter(|before| before.version == held.version);
            if let Some(first) = same
                && !life.downs().iter().any(|(crashed, _)| first.at <= *crashed && *crashed <= held.at)
            {
                twice.add(|| {
                    let watcher = evidence.watcher_words(index.slots.watcher(slot));
                    let item = evidence.item_words(index.slots.item(slot));
                    [format!(
                        "{} {watcher} was called with version {} of {item} again, first at {}",
                        held.at, held.version, first.at
                    )]
                });
            }
            before = Some(held);
        }
    }
    twice
        .failed(|n| format!("{} with a version that was delivered already", counted(n, "callback")))
        .unwrap_or_else(|| match index.deliveries() {
            0 => Judged::new(Outcome::Unknown, "nothing was delivered"),
            n => Judged::new(Outcome::Pass, format!("no version twice in {} deliveries", count(n))),
        })
}
