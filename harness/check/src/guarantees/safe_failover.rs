//! Safe failover: a cold start without a server serves the last snapshot, whole, and says that it is stale.
//!
//! Judged on cold reads after a crash on purpose, of clients that keep a snapshot: the answer must be the snapshot of
//! what was last delivered before the crash, intact and marked; of a deleted item, none. What was delivered within the
//! half second before the crash may not have reached the disk, so the version before it is right as well. An operator's
//! failover file comes before server and snapshot: an answer from it is right, cold or not, where there is one and it is
//! whole. A run without any such read did not exercise the guarantee: it passes and says so, or every scenario without a
//! crash would be without a verdict.

use std::time::Duration;

use shakedown_model::event::{Read, ReadSource};
use shakedown_model::plan::{Cache, Failover};
use shakedown_model::verdict::Outcome;
use shakedown_model::{Offset, Version};

use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::index::Held;
use crate::words::count;

/// How long a delivery may take to reach the disk.
const SNAPSHOT_GRACE: Duration = Duration::from_millis(500);

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let (mut unsafe_reads, mut unclear) = (Violations::default(), Violations::default());
    let mut checked = 0;
    for read in &evidence.index.reads {
        if read.source == ReadSource::Failover {
            checked += 1;
            if let Some(wrong) = what_is_wrong_with_file(evidence, read) {
                let what = read_words(evidence, read);
                unsafe_reads.add(|| [format!("{} {what} {wrong}", read.answered)]);
            }
            continue;
        }
        let has_snapshot = evidence.group_spec(read.watcher).client.cache == Cache::Snapshot;
        let life = &evidence.index.lives[read.watcher.index()];
        let is_judged = read.is_cold && has_snapshot;
        let Some(crashed) = life.last_crash(read.answered).filter(|_| is_judged) else { continue };
        let right = snapshots(evidence, read, crashed);
        let Some(last) = right.last() else { continue };
        checked += 1;
        if let Some(wrong) = what_is_wrong(read, &right) {
            // What a recording that is not whole lacks may be the delivery of just that version.
            let is_clear = evidence.is_whole() || read.version.is_none() || !read.says_stale;
            let violations = if is_clear { &mut unsafe_reads } else { &mut unclear };
            violations.add(|| {
                let (watcher, item) = (evidence.watcher_words(read.watcher), evidence.item_words(read.item));
                [
                    format!("{} {watcher} received {} of {item}", last.at, last.words()),
                    format!("{crashed} {watcher} crashed on purpose"),
                    format!("{} {} {wrong}", read.answered, read_words(evidence, read)),
                ]
            });
        }
    }
    judged((unsafe_reads, unclear), checked, evidence)
}

fn read_words(evidence: &Evidence<'_>, read: &Read) -> String {
    let how = if read.is_cold { "a cold read" } else { "a read" };
    format!("{how} of {} from {}", evidence.item_words(read.item), evidence.watcher_words(read.watcher))
}

fn judged(
    (unsafe_reads, unclear): (Violations, Violations),
    checked: u64,
    evidence: &Evidence<'_>,
) -> Judged {
    let crashes = evidence.plan.faults.iter().any(|fault| fault.action.crashes());
    unsafe_reads
        .failed(|n| {
            format!(
                "{} of {} reads did not serve the last snapshot, whole and marked as stale, or a whole failover file",
                count(n),
                count(checked)
            )
        })
        .or_else(|| {
            unclear.unknown(|n| {
                format!("{} of {} reads differ from what was recorded", count(n), count(checked))
            })
        })
        .unwrap_or_else(|| {
            let text = match checked {
                0 if crashes => "not exercised: no cold start without a server was read from".to_owned(),
                0 => "not exercised: no cold start without a server happened".to_owned(),
                n => format!("{} reads served the last snapshot, whole and marked as stale, or a whole failover file", count(n)),
            };
            Judged::new(Outcome::Pass, text)
        })
}

/// What the snapshot may rightly hold, oldest first: the last delivery before the crash, and before it those that a
/// delivery within the grace may not have displaced yet.
fn snapshots(evidence: &Evidence<'_>, read: &Read, crashed: Offset) -> Vec<Held> {
    let Some(slot) = evidence.index.slots.slot(read.watcher, read.item) else { return Vec::new() };
    let mut right = Vec::new();
    for held in evidence.index.held(slot).iter().rev().filter(|held| held.at <= crashed) {
        right.push(*held);
        if held.at + SNAPSHOT_GRACE <= crashed {
            break;
        }
    }
    right.reverse();
    right
}

fn what_is_wrong(read: &Read, right: &[Held]) -> Option<String> {
    // A deleted item leaves no snapshot.
    let may_be_absent = right.iter().any(Held::is_absent);
    match (read.source, read.version) {
        (ReadSource::Snapshot | ReadSource::Nothing, None) if may_be_absent => None,
        (ReadSource::Nothing, _) => Some("was not answered".into()),
        (ReadSource::Live | ReadSource::Memory, _) => {
            Some("was answered from memory that it cannot have".into())
        }
        (ReadSource::Snapshot, None) => Some("served a snapshot that is not whole".into()),
        (ReadSource::Snapshot, Some(version)) if !holds(right, version) => {
            Some(format!("served version {version}"))
        }
        (ReadSource::Snapshot, Some(_)) if !read.says_stale => Some("was not marked as stale".into()),
        (ReadSource::Snapshot, Some(_)) | (ReadSource::Failover, _) => None,
    }
}

/// An operator's file has the item's first version.
fn what_is_wrong_with_file(evidence: &Evidence<'_>, read: &Read) -> Option<String> {
    match (evidence.group_spec(read.watcher).client.failover, read.version) {
        (Failover::None, _) => Some("served a failover file that nobody had left".into()),
        (Failover::Initial, None) => Some("served a failover file that is not whole".into()),
        (Failover::Initial, Some(Version::INITIAL)) => None,
        (Failover::Initial, Some(version)) => Some(format!("served version {version} as a failover file")),
    }
}

fn holds(right: &[Held], version: Version) -> bool {
    right.iter().any(|held| held.version == version && !held.is_absent())
}
