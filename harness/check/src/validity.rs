//! Validity: whether the harness kept up and the recording is whole, so that the figures mean the system under test.
//!
//! A failed finding makes the run invalid; an unknown one leaves it without a verdict. Scheduler lag, receive-queue lag
//! and mutator lateness count in measured phases. Within the burst of a fan-out (from a publish's ack until 100 ms and
//! twice the floor after it) only what lies beyond twice the floor counts; the floor is six messages over bare sockets,
//! 20 µs per listener unless the run measured its own, and bursts that overlap add up. Every finding names its numbers
//! and its limit.

mod bursts;
mod faults;
mod lateness;
mod overflows;

use shakedown_model::event::AttemptOutcome;
use shakedown_model::gate::{Measure, Scope};
use shakedown_model::manifest::RunStatus;
use shakedown_model::plan::Backend;
use shakedown_model::verdict::Outcome;
use shakedown_model::{Offset, WatcherId};

use crate::distribution::as_f64;
use crate::evidence::Evidence;
use crate::input::HistoryEnd;
use crate::result::{Counts, FaultResult, Figure, Finding, Validity};
use crate::words::{count, counted, share};

pub(crate) use self::bursts::Bursts;
pub(crate) use self::faults::fault_results;
pub(crate) use self::lateness::lag_p99;

/// The run is invalid when more than this share of the seconds (at least one) had more than this share stolen.
const STEAL_SHARE: f64 = 0.10;
const STEAL_SECONDS: f64 = 0.05;
/// The run has no verdict when more than this share of propagation is negative, or of the mutations was not sent.
const NEGATIVE_SHARE: f64 = 0.01;
const UNSENT_SHARE: f64 = 0.01;

/// Judges the harness itself.
pub(crate) fn judge(
    evidence: &Evidence<'_>,
    faults: &[FaultResult],
    (figures, counts): (&[Figure], &Counts),
) -> Validity {
    let bursts = Bursts::new(evidence);
    let mut findings = vec![
        recording(evidence),
        run_end(evidence),
        lateness::scheduler_lag(evidence, &bursts),
        lateness::receive_queue_lag(evidence, &bursts),
        lateness::mutator_lateness(evidence, &bursts),
        acks(evidence, figures),
        mutations(evidence, counts),
        cpu_steal(evidence),
        overflows::judge(evidence),
        local_attempts(evidence),
        ramp(evidence),
        faults::fault_bites(faults),
    ];
    findings.extend(evidence.manifest.remarks.iter().map(|remark| finding("remark", Outcome::Fail, remark)));
    Validity { is_valid: findings.iter().all(|finding| finding.outcome != Outcome::Fail), findings }
}

fn finding(name: &str, outcome: Outcome, text: impl Into<String>) -> Finding {
    Finding { name: name.into(), outcome, text: text.into() }
}

fn recording(evidence: &Evidence<'_>) -> Finding {
    let strays = evidence.index.strays;
    let (outcome, text) = match evidence.history_end {
        HistoryEnd::CutShort { block, byte } => (
            Outcome::Fail,
            format!(
                "history.bin is cut short in block {block} at byte {byte}; what lies before it was judged"
            ),
        ),
        HistoryEnd::Corrupt { block, byte } => (
            Outcome::Fail,
            format!("history.bin is corrupt in block {block} at byte {byte}; what lies before it was judged"),
        ),
        HistoryEnd::Whole if strays > 0 => (
            Outcome::Fail,
            format!("{} outside of the plan; is plan.json of this run?", counted(strays, "record")),
        ),
        HistoryEnd::Whole => (Outcome::Pass, "the recording is whole and fits the plan".into()),
    };
    finding("recording", outcome, text)
}

fn run_end(evidence: &Evidence<'_>) -> Finding {
    let (outcome, text) = match &evidence.manifest.status {
        RunStatus::Complete => (Outcome::Pass, "every phase and the drain ended".to_owned()),
        RunStatus::Interrupted => (Outcome::Unknown, format!("interrupted at {}", evidence.horizon)),
        RunStatus::Failed(why) => {
            (Outcome::Fail, format!("stopped by trouble at {}: {why}", evidence.horizon))
        }
        RunStatus::Running => (Outcome::Fail, "the run is still going, or the harness was killed".to_owned()),
    };
    finding("run-end", outcome, text)
}

/// Whether acks came before what they are to precede, without which propagation means nothing.
///
/// A real cluster is no witness of that. Every node pushes a write as soon as it has applied it, and the node that took it
/// answers once it has heard of that from the leader: seen 10 to 300 ms later, by half of the deliveries. Propagation is
/// unknown then, by its own rule, and end-to-end is what tells; whether the harness itself stamped late is judged by its
/// lags.
fn acks(evidence: &Evidence<'_>, figures: &[Figure]) -> Finding {
    let whole = figures.iter().filter(|f| f.measure == Measure::Propagation && f.scope == Scope::Run);
    let (negative, all) =
        whole.fold((0, 0), |(negative, all), figure| (negative + figure.negative, all + figure.count));
    let is_ordered = as_f64(negative) <= as_f64(all) * NEGATIVE_SHARE;
    let seen = format!("{} of {} were seen before their ack", count(negative), counted(all, "delivery"));
    let server = &evidence.plan.server;
    if !is_ordered && server.nodes > 1 && server.backend != Backend::Embedded {
        let text = format!("{seen}: a node of a cluster pushes before another one answers; see end-to-end");
        return finding("acks", Outcome::Pass, text);
    }
    let text = format!("{seen}; the limit is {}", share(NEGATIVE_SHARE));
    finding("acks", if is_ordered { Outcome::Pass } else { Outcome::Unknown }, text)
}

/// Whether the load was that of the plan. In a run that was stopped, what was not due yet is not missing.
fn mutations(evidence: &Evidence<'_>, counts: &Counts) -> Finding {
    let sent = evidence.index.publishes.all().iter().filter(|publish| publish.mutation.is_some()).count();
    let all = sent as u64 + counts.unsent;
    let is_whole = as_f64(counts.unsent) <= as_f64(all) * UNSENT_SHARE;
    let text = format!(
        "{} of {} were not sent; the limit is {}",
        count(counts.unsent),
        counted(all, "planned mutation"),
        share(UNSENT_SHARE)
    );
    let outcome = if is_whole || !evidence.is_complete() { Outcome::Pass } else { Outcome::Unknown };
    finding("mutations", outcome, text)
}

fn cpu_steal(evidence: &Evidence<'_>) -> Finding {
    let samples: Vec<f64> = evidence
        .self_samples
        .iter()
        .filter(|sample| evidence.measured_phase(sample.at).is_some())
        .map(|sample| sample.steal_share)
        .collect();
    if samples.is_empty() {
        return finding(
            "cpu-steal",
            Outcome::Unknown,
            "the harness left no sample of itself in measured phases",
        );
    }
    let stolen = samples.iter().filter(|sample| **sample > STEAL_SHARE).count() as u64;
    let seconds = samples.len() as u64;
    let most = samples.iter().copied().fold(0.0, f64::max);
    let is_quiet = stolen <= 1 || as_f64(stolen) <= as_f64(seconds) * STEAL_SECONDS;
    let text = format!(
        "more than {} of the processor time was stolen in {stolen} of {}; the most was {}",
        share(STEAL_SHARE),
        counted(seconds, "second"),
        share(most)
    );
    finding("cpu-steal", if is_quiet { Outcome::Pass } else { Outcome::Fail }, text)
}

fn local_attempts(evidence: &Evidence<'_>) -> Finding {
    let local =
        evidence.index.attempts().iter().filter(|a| a.outcome == AttemptOutcome::Local).count() as u64;
    match local {
        0 => finding("local-attempts", Outcome::Pass, "no attempt to connect failed on this machine"),
        n => finding(
            "local-attempts",
            Outcome::Fail,
            format!(
                "{} to connect failed on this machine (no port or no file); raise its limits",
                counted(n, "attempt")
            ),
        ),
    }
}

fn ramp(evidence: &Evidence<'_>) -> Finding {
    let measured_from = evidence.plan.phases.iter().find(|phase| phase.is_measured).map(|phase| phase.from);
    let watchers = evidence.index.slots.watchers();
    let subscribed_by = |at: Offset| {
        let lives =
            (0_u32..).map(WatcherId).take(watchers).map(|watcher| &evidence.index.lives[watcher.index()]);
        lives.filter(|life| life.first_subscribed().is_some_and(|first| first <= at)).count()
    };
    // Without a warm-up the ramp lies within the first phase; then only those count that never came.
    let deadline = measured_from.filter(|from| *from > Offset::ZERO).unwrap_or(Offset::NEVER);
    let (in_time, ever) = (subscribed_by(deadline), subscribed_by(Offset::NEVER));
    let outcome = if in_time == watchers { Outcome::Pass } else { Outcome::Unknown };
    let by = if deadline == Offset::NEVER {
        String::new()
    } else {
        format!(" by {deadline}, when measuring began")
    };
    let text = format!(
        "{} of {} watchers were subscribed{by}; {} never were",
        count(in_time as u64),
        count(watchers as u64),
        count((watchers - ever) as u64)
    );
    finding("ramp", outcome, text)
}

#[cfg(test)]
mod tests;
