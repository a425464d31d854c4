//! Safe failover: a cold start without a server serves the last snapshot, whole, and says that it is stale.
//!
//! Judged on cold reads after a crash on purpose, of clients that keep a snapshot: the answer must be the snapshot of
//! what was last delivered before the crash, intact and marked. What was delivered within the half second before the
//! crash may not have reached the disk, so the version before it is right as well. A run without any cold read did not
//! exercise the guarantee: it passes and says so, or every scenario without a crash would be without a verdict.

use std::time::Duration;

use shakedown_model::Offset;
use shakedown_model::event::{Read, ReadSource};
use shakedown_model::fault::FaultAction;
use shakedown_model::plan::Cache;
use shakedown_model::verdict::Outcome;

use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::index::Held;
use crate::words::count;

/// How long a delivery may take to reach the disk.
const SNAPSHOT_GRACE: Duration = Duration::from_millis(500);

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let (mut unsafe_reads, mut unclear) = (Violations::default(), Violations::default());
    let mut checked = 0;
    // An operator's file overrides server and snapshot, so that a read from it says nothing of either.
    let is_judged = |read: &&Read| read.is_cold && read.source != ReadSource::Failover;
    for read in evidence.index.reads.iter().filter(is_judged) {
        let has_snapshot = evidence.group_spec(read.watcher).client.cache == Cache::Snapshot;
        let life = &evidence.index.lives[read.watcher.index()];
        let Some(crashed) = life.last_crash(read.answered).filter(|_| has_snapshot) else { continue };
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
                    format!("{} {watcher} received version {} of {item}", last.at, last.version),
                    format!("{crashed} {watcher} crashed on purpose"),
                    format!("{} a cold read of {item} from {watcher} {wrong}", read.answered),
                ]
            });
        }
    }
    let crashes = evidence.plan.faults.iter().any(|fault| matches!(fault.action, FaultAction::Crash { .. }));
    unsafe_reads
        .failed(|n| {
            format!(
                "{} of {} cold reads did not serve the last snapshot, whole and marked as stale",
                count(n),
                count(checked)
            )
        })
        .or_else(|| {
            unclear.unknown(|n| {
                format!("{} of {} cold reads differ from what was recorded", count(n), count(checked))
            })
        })
        .unwrap_or_else(|| {
            let text = match checked {
                0 if crashes => "not exercised: no cold start without a server was read from".to_owned(),
                0 => "not exercised: no cold start without a server happened".to_owned(),
                n => format!("{} cold reads served the last snapshot, whole and marked as stale", count(n)),
            };
            Judged::new(Outcome::Pass, text)
        })
}

/// What the snapshot may rightly hold, oldest first: the last delivery before the crash, and before it those that a
/// delivery within the grace may not have displaced yet.
fn snapshots(evidence: &Evidence<'_>, read: &Read, crashed: Offset) -> Vec<Held> {
    let Some(slot) = evidence.index.slots.slot(read.watcher, read.item) else { return Vec::new() };
    let mut right = Vec::new();
    for (held, _) in evidence.index.held(slot).rev().filter(|(held, _)| held.at <= crashed) {
        right.push(held);
        if held.at + SNAPSHOT_GRACE <= crashed {
            break;
        }
    }
    right.reverse();
    right
}

fn what_is_wrong(read: &Read, right: &[Held]) -> Option<String> {
    match (read.source, read.version) {
        (ReadSource::Nothing, _) => Some("was not answered".into()),
        (ReadSource::Live | ReadSource::Memory, _) => {
            Some("was answered from memory that it cannot have".into())
        }
        (ReadSource::Snapshot, None) => Some("served a snapshot that is not whole".into()),
        (ReadSource::Snapshot, Some(version)) if !right.iter().any(|held| held.version == version) => {
            Some(format!("served version {version}"))
        }
        (ReadSource::Snapshot, Some(_)) if !read.says_stale => Some("was not marked as stale".into()),
        (ReadSource::Snapshot, Some(_)) | (ReadSource::Failover, _) => None,
    }
}
