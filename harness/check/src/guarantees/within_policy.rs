//! Within policy: each pause before an attempt to connect stays within the backoff that the client declares.
//!
//! Judged for attempt 1 and later: the pause before it, from the loss or the end of the attempt before. A bound may be
//! missed by 50 ms or a tenth of it, whichever is more; the upper one also by the scheduler lag (p99) of the run. Too
//! short is always a violation of a simulated client, because lag cannot shorten a pause. Too long is none where lag
//! recorded at its end explains what is too much, and unknown where no lag was recorded at all.
//!
//! Of real clients those are judged that were given an SDK to behave like, by the attempts that a proxy saw. Both see a
//! connection's end with a delay of their own: a client that is late to notice begins its pause late, and a proxy that is
//! late sees it begin late. What the sampler of scheduler lag, on the same processors, recorded around the beginning
//! therefore counts as well, towards either side, and no more than that.

use std::time::Duration;

use shakedown_model::Offset;
use shakedown_model::event::Attempt;
use shakedown_model::fault::{FaultAction, FaultWindow};
use shakedown_model::verdict::Outcome;

use super::{Judged, Violations};
use crate::evidence::Evidence;
use crate::validity::lag_p99;
use crate::words::{count, counted, duration};

const TOLERANCE: Duration = Duration::from_millis(50);
/// The part of a bound by which it may be missed.
const TOLERANCE_PART: u32 = 10;

pub(super) fn check(evidence: &Evidence<'_>) -> Judged {
    let (mut broken, mut unexplained) = (Violations::default(), Violations::default());
    let (mut checked, mut explained) = (0_u64, 0_u64);
    let lag = lag_p99(evidence);
    let attempts = evidence.index.attempts();
    let judged = |attempt: &Attempt| attempt.number >= 1 && is_known(evidence, attempt);
    for (at, attempt) in attempts.iter().enumerate().filter(|(_, attempt)| judged(attempt)) {
        checked += 1;
        let before = previous_gap(attempts[..at].last(), attempt);
        let bounds = evidence.group_spec(attempt.watcher).client.backoff.bounds(attempt.number, before);
        let gap = attempt.started.since(attempt.waited_from);
        let lines = || [line(evidence, attempt, gap, bounds)];
        if gap < least(bounds.0) {
            match lag {
                None if is_real(evidence, attempt) => unexplained.add(lines),
                Some(_) if is_seen_late(evidence, attempt, bounds.0) => explained += 1,
                _ => broken.add(lines),
            }
        } else if gap > most(bounds.1, lag.unwrap_or_default()) {
            match lag {
                None => unexplained.add(lines),
                Some(_) if is_explained(evidence, attempt, bounds.1) => explained += 1,
                Some(_) => broken.add(lines),
            }
        }
    }
    let of = |n| format!("{} of {} pauses", count(n), count(checked));
    broken
        .failed(|n| format!("{} before an attempt are outside of the declared backoff", of(n)))
        .or_else(|| {
            unexplained.unknown(|n| {
                format!("{} are too long or too short, and no scheduler lag was recorded", of(n))
            })
        })
        .unwrap_or_else(|| {
            let but = if explained == 0 {
                String::new()
            } else {
                format!(" ({} missed, as the machine's lag explains)", count(explained))
            };
            let text = match checked {
                0 => "not exercised: no watcher had to reconnect".to_owned(),
                n => format!("{} before attempts are within the declared backoff{but}", counted(n, "pause")),
            };
            Judged::new(Outcome::Pass, text)
        })
}

/// Whether the pause before an attempt, and what it should be, is known. A real client's is where it was given an SDK to
/// behave like, and where no attempt of its may have been refused, which nobody sees.
fn is_known(evidence: &Evidence<'_>, attempt: &Attempt) -> bool {
    if !is_real(evidence, attempt) {
        return true;
    }
    let group = evidence.group_spec(attempt.watcher);
    let id = evidence.index.slots.group_of(attempt.watcher);
    let mut refused = evidence
        .cuts()
        .filter(|(_, fault, _)| matches!(fault.action, FaultAction::Refuse) && fault.groups.contains(&id));
    let overlaps = |window: &FaultWindow| {
        window.applying <= attempt.started && window.healed.is_none_or(|healed| attempt.waited_from <= healed)
    };
    group.client.like.is_some() && !refused.any(|(_, _, window)| overlaps(window))
}

fn is_real(evidence: &Evidence<'_>, attempt: &Attempt) -> bool {
    evidence.group_spec(attempt.watcher).client.driver.is_some()
}

/// The pause before the attempt before, on which decorrelated jitter depends; `None` when that attempt is not known.
pub(crate) fn previous_gap(before: Option<&Attempt>, attempt: &Attempt) -> Option<Duration> {
    before
        .filter(|before| before.watcher == attempt.watcher && before.number + 1 == attempt.number)
        .map(|before| before.started.since(before.waited_from))
}

/// Whether a gap lies within the policy's bounds, tolerance included.
pub(crate) fn is_within(gap: Duration, bounds: (Duration, Duration), lag_p99: u64) -> bool {
    least(bounds.0) <= gap && gap <= most(bounds.1, lag_p99)
}

fn least(bound: Duration) -> Duration {
    bound.saturating_sub(TOLERANCE.max(bound / TOLERANCE_PART))
}

fn most(bound: Duration, lag_p99: u64) -> Duration {
    bound + TOLERANCE.max(bound / TOLERANCE_PART) + Duration::from_nanos(lag_p99)
}

/// Whether tasks ran as late as the pause is too long: those due when it should have ended and, of a real client, those
/// due when it noticed that it had to pause.
fn is_explained(evidence: &Evidence<'_>, attempt: &Attempt, bound: Duration) -> bool {
    let due = (attempt.waited_from + bound).saturating_sub(TOLERANCE);
    let gap = attempt.started.since(attempt.waited_from);
    let excess = gap.saturating_sub(most(bound, 0));
    let late = latest(evidence, due, attempt.started);
    if !is_real(evidence, attempt) {
        return late >= excess;
    }
    // Up to where the end's own stretch begins, so that no lag counts twice.
    let noticed = (attempt.waited_from + excess).min(due);
    late + latest(evidence, attempt.waited_from.saturating_sub(TOLERANCE), noticed) >= excess
}

/// Whether the pause of a real client is too short by no more than the proxy was late to see what it began with.
fn is_seen_late(evidence: &Evidence<'_>, attempt: &Attempt, bound: Duration) -> bool {
    let missing = least(bound).saturating_sub(attempt.started.since(attempt.waited_from));
    let from = attempt.waited_from.saturating_sub(missing + TOLERANCE);
    is_real(evidence, attempt) && latest(evidence, from, attempt.waited_from) >= missing
}

/// The most by which a task ran late that was due between two instants.
fn latest(evidence: &Evidence<'_>, from: Offset, until: Offset) -> Duration {
    let lags = &evidence.index.lags;
    let first = lags.partition_point(|lag| lag.due < from);
    let end = lags.partition_point(|lag| lag.due <= until);
    let late = lags[first..end.max(first)].iter().map(|lag| lag.late_ns).max();
    Duration::from_nanos(late.unwrap_or_default())
}

fn line(evidence: &Evidence<'_>, attempt: &Attempt, gap: Duration, bounds: (Duration, Duration)) -> String {
    let (least, most) = (duration(bounds.0), duration(bounds.1));
    format!(
        "{} {} began attempt {} after a pause of {} from {}; its backoff allows {least} to {most}",
        attempt.started,
        evidence.watcher_words(attempt.watcher),
        attempt.number,
        duration(gap),
        attempt.waited_from
    )
}
