//! Connections that the kernel dropped because a listener's queue was full.
//!
//! Whoever is dropped tries again after a second, and again after two more: a figure of that run may be the queue's. But the
//! queue of a server that stands still on purpose is its own, and part of what a pause does to its clients.

use std::time::Duration;

use shakedown_model::Offset;
use shakedown_model::fault::{FaultAction, ServerFault};
use shakedown_model::verdict::Outcome;

use super::finding;
use crate::evidence::Evidence;
use crate::result::Finding;

/// A server that goes on after a pause first empties its queue; who was dropped last comes again within this time.
const AFTER_A_PAUSE: Duration = Duration::from_secs(3);

/// Judges the samples of the harness by what the kernel counted between them.
pub(super) fn judge(evidence: &Evidence<'_>) -> Finding {
    let pauses = pauses(evidence);
    let (mut in_pauses, mut others) = (0, 0);
    let mut last = Offset::ZERO;
    for sample in evidence.self_samples {
        let is_in_a_pause = pauses.iter().any(|(from, until)| last < *until && *from <= sample.at);
        *(if is_in_a_pause { &mut in_pauses } else { &mut others }) += sample.listen_overflows;
        last = sample.at;
    }
    let (outcome, text) = match (others, in_pauses) {
        (0, 0) => (Outcome::Pass, "no listener's queue overflowed".to_owned()),
        (0, times) => (
            Outcome::Pass,
            format!("a listener's queue overflowed {times} times, all while a server stood still on purpose"),
        ),
        (times, 0) => (
            Outcome::Fail,
            format!("a listener's queue overflowed {times} times on this machine during the run"),
        ),
        (times, more) => (
            Outcome::Fail,
            format!(
                "a listener's queue overflowed {times} times on this machine during the run, and {more} times while a server stood still on purpose"
            ),
        ),
    };
    finding("listener-overflows", outcome, text)
}

/// When servers stood still on purpose, with what follows.
fn pauses(evidence: &Evidence<'_>) -> Vec<(Offset, Offset)> {
    let paused = evidence
        .plan
        .faults_by_id()
        .filter(|(_, fault)| matches!(fault.action, FaultAction::Server { fault: ServerFault::Pause }));
    let windows = paused.filter_map(|(id, _)| evidence.window(id));
    windows
        .map(|window| (window.applying, window.healed.map_or(Offset::NEVER, |healed| healed + AFTER_A_PAUSE)))
        .collect()
}
