//! Isolated: nothing crosses namespace, group or data id.
//!
//! Items share data ids over namespaces and groups, and every payload names its item: intact content of another item of
//! this run crossed a border.

use shakedown_model::event::Corruption;
use shakedown_model::verdict::Outcome;

use super::intact::line;
use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::words::{count, counted};

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let mut crossed = Violations::default();
    for corrupt in evidence.index.corrupts.iter().filter(|c| c.corruption == Corruption::Misplaced) {
        crossed.add(|| [line(evidence, corrupt)]);
    }
    let deliveries = evidence.index.deliveries();
    crossed.failed(|n| format!("{} of another item", counted(n, "content"))).unwrap_or_else(|| {
        match deliveries {
            0 => Judged::new(Outcome::Unknown, "nothing was delivered"),
            n => Judged::new(Outcome::Pass, format!("{} deliveries were of the item asked for", count(n))),
        }
    })
}
