//! Monotonic: no watcher goes from a newer to an older version within one life.
//!
//! A crash on purpose begins a new life. Values that were never published are another guarantee's and are passed over.
//! An item with an ambiguous publish sent before may go back rightly, so it cannot prove a violation.

use shakedown_model::Offset;
use shakedown_model::fault::{FaultAction, FaultPlan};
use shakedown_model::verdict::Outcome;

use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::index::{Held, Slot};
use crate::words::{count, counted};

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let (mut backwards, mut unclear) = (Violations::default(), Violations::default());
    let index = &evidence.index;
    for slot in index.slots.all() {
        let life = &index.lives[index.slots.watcher(slot).index()];
        let mut before: Option<Held> = None;
        for held in index.held_real(slot) {
            if let Some(newer) = before.filter(|before| held.version < before.version)
                && !life.downs().iter().any(|(crashed, _)| newer.at <= *crashed && *crashed <= held.at)
            {
                let is_ambiguous = index.is_ambiguous(index.slots.item(slot), held.at);
                let is_explained = is_ambiguous || may_lack_a_crash(evidence, slot);
                let violations = if is_explained { &mut unclear } else { &mut backwards };
                violations.add(|| {
                    [line(evidence, slot, newer, "held"), line(evidence, slot, held, "went back to")]
                });
            }
            before = Some(held);
        }
    }
    backwards
        .failed(|n| format!("{} from a newer to an older version", counted(n, "step")))
        .or_else(|| {
            unclear.unknown(|n| {
                format!(
                    "{} back that an ambiguous publish or a missing record may explain",
                    counted(n, "step")
                )
            })
        })
        .unwrap_or_else(|| match index.deliveries() {
            0 => Judged::new(Outcome::Unknown, "nothing was delivered"),
            n => Judged::new(Outcome::Pass, format!("no step back in {} deliveries", count(n))),
        })
}

/// Whether the record of a crash on purpose may be missing, after which any version is right.
fn may_lack_a_crash(evidence: &Evidence<'_>, slot: Slot) -> bool {
    let slots = &evidence.index.slots;
    let group = slots.group_of(slots.watcher(slot));
    let crashes = |fault: &FaultPlan| {
        matches!(fault.action, FaultAction::Crash { .. }) && fault.groups.contains(&group)
    };
    !evidence.is_whole() && evidence.plan.faults.iter().any(crashes)
}

fn line(evidence: &Evidence<'_>, slot: Slot, held: Held, verb: &str) -> String {
    let slots = &evidence.index.slots;
    let watcher = evidence.watcher_words(slots.watcher(slot));
    let at: Offset = held.at;
    format!("{at} {watcher} {verb} version {} of {}", held.version, evidence.item_words(slots.item(slot)))
}
