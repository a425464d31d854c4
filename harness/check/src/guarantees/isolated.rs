//! Isolated: nothing crosses namespace, group, data id, or the watchers that a gray release is for.
//!
//! Items share data ids over namespaces and groups, and every payload names its item: intact content of another item of
//! this run crossed a border. So did the content of a gray release that a watcher held, its application read or a fresh
//! read returned though the release was not for it; other guarantees pass over such content.

use shakedown_model::schedule::MutationKind;
use shakedown_model::verdict::Outcome;
use shakedown_model::{ItemId, Offset, Version};

use super::intact::{is_misplaced, is_of_this_run, line};
use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::words::{count, counted};

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let index = &evidence.index;
    let (mut crossed, mut leaked) = (0, 0);
    let mut violations = Violations::default();
    for corrupt in index.corrupts.iter().filter(|corrupt| is_misplaced(corrupt) && is_of_this_run(corrupt)) {
        crossed += 1;
        violations.add(|| [line(evidence, corrupt)]);
    }
    for slot in index.slots.all() {
        for held in index.held(slot).iter().filter(|held| held.is_leaked()) {
            leaked += 1;
            let who = || format!("{} received", evidence.watcher_words(index.slots.watcher(slot)));
            violations.add(|| [leak(evidence, held.at, &who(), (index.slots.item(slot), held.version))]);
        }
    }
    for read in &index.reads {
        let is_leaked = |version: &Version| index.is_leaked(read.watcher, read.item, *version);
        if let Some(version) = read.version.filter(is_leaked) {
            leaked += 1;
            let who = || format!("an application of {} read", evidence.watcher_words(read.watcher));
            violations.add(|| [leak(evidence, read.answered, &who(), (read.item, version))]);
        }
    }
    for read in &index.final_reads {
        if let Some(version) = read.found.version().filter(|version| is_gray(evidence, read.item, *version)) {
            leaked += 1;
            let who = format!("a fresh read from node {} returned", read.node);
            violations.add(|| [leak(evidence, read.at, &who, (read.item, version))]);
        }
    }
    let text = match (crossed, leaked) {
        (crossed, 0) => format!("{} of another item", counted(crossed, "content")),
        (0, leaked) => format!("{} where it was not for", counted(leaked, "gray content")),
        (crossed, leaked) => format!(
            "{} of another item, and {} where it was not for",
            counted(crossed, "content"),
            counted(leaked, "gray content")
        ),
    };
    violations.failed(|_| text).unwrap_or_else(|| match index.deliveries() {
        0 => Judged::new(Outcome::Unknown, "nothing was delivered"),
        n => Judged::new(Outcome::Pass, format!("{} deliveries were of the item asked for", count(n))),
    })
}

/// Whether a version is that of a gray release, which a fresh read never sees: it claims no address.
pub(super) fn is_gray(evidence: &Evidence<'_>, item: ItemId, version: Version) -> bool {
    let publish = evidence.index.publishes.get(item, version);
    publish.is_some_and(|publish| publish.kind == MutationKind::Gray)
}

fn leak(evidence: &Evidence<'_>, at: Offset, who: &str, (item, version): (ItemId, Version)) -> String {
    format!("{at} {who} version {version} of {}, which is gray and not for it", evidence.item_words(item))
}
