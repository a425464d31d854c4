//! Validity: whether the harness kept up and the recording is whole, so that the figures mean the system under test.
//!
//! A failed finding makes the run invalid; an unknown one leaves it without a verdict. Scheduler lag and mutator
//! lateness count in measured phases. Within the burst of a fan-out (from a publish's ack until 100 ms and twice the
//! floor after it) only what lies beyond twice the floor counts; the floor is six messages over bare sockets, 20 µs per
//! listener, and bursts that overlap add up.

use shakedown_model::event::{AttemptOutcome, PublishOutcome};
use shakedown_model::fault::Bite;
use shakedown_model::gate::Threshold;
use shakedown_model::manifest::RunStatus;
use shakedown_model::time::nanos;
use shakedown_model::verdict::Outcome;
use shakedown_model::{FaultId, Offset, WatcherId};

use crate::distribution::{as_f64, rank};
use crate::evidence::Evidence;
use crate::input::HistoryEnd;
use crate::result::{FaultResult, Finding, Validity};
use crate::words::{count, counted, share, time};

/// The least limit of lag and lateness.
const LIMIT_NS: u64 = 5_000_000;
/// Or this part of the tightest time that a gate bounds.
const LIMIT_PART: u64 = 10;
/// The floor of a fan-out, per listener: six messages over bare sockets, as measured on 2 cores (ADR 6).
const FLOOR_PER_LISTENER_NS: u64 = 20_000;
/// How long a burst lasts beyond twice its floor: the server's dump tick.
const BURST_NS: u64 = 100_000_000;
/// Fewer lag samples than this say nothing.
const LAG_SAMPLES: usize = 10;
/// The run is invalid when more than this share of the seconds (at least one) had more than this share stolen.
const STEAL_SHARE: f64 = 0.10;
const STEAL_SECONDS: f64 = 0.05;

/// Judges the harness itself.
pub(crate) fn judge(evidence: &Evidence<'_>, faults: &[FaultResult]) -> Validity {
    let bursts = Bursts::new(evidence);
    let mut findings = vec![
        recording(evidence),
        run_end(evidence),
        scheduler_lag(evidence, &bursts),
        mutator_lateness(evidence, &bursts),
        cpu_steal(evidence),
        local_attempts(evidence),
        ramp(evidence),
        fault_bites(faults),
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

/// The limit of lag and lateness: 5 ms, or a tenth of the tightest time that a gate bounds.
fn limit_ns(evidence: &Evidence<'_>) -> u64 {
    let bounds = evidence.plan.gates.iter().filter_map(|gate| match gate.threshold {
        Threshold::Time(bound) => Some(nanos(bound)),
        Threshold::Share(_) | Threshold::Count(_) | Threshold::Baseline(_) => None,
    });
    bounds.min().map_or(LIMIT_NS, |tightest| (tightest / LIMIT_PART).max(LIMIT_NS))
}

fn scheduler_lag(evidence: &Evidence<'_>, bursts: &Bursts) -> Finding {
    let lags = evidence.index.lags.iter().filter(|lag| evidence.measured_phase(lag.due).is_some());
    let mut beyond: Vec<u64> = lags.map(|lag| bursts.beyond(lag.due, lag.late_ns)).collect();
    if beyond.len() < LAG_SAMPLES {
        let samples = counted(beyond.len() as u64, "sample");
        return finding("scheduler-lag", Outcome::Unknown, format!("only {samples} in measured phases"));
    }
    within_limit("scheduler-lag", &mut beyond, limit_ns(evidence))
}

fn mutator_lateness(evidence: &Evidence<'_>, bursts: &Bursts) -> Finding {
    let measured =
        evidence.index.publishes().iter().filter(|publish| {
            publish.mutation.is_some() && evidence.measured_phase(publish.intended).is_some()
        });
    let mut beyond: Vec<u64> = measured
        .map(|publish| bursts.beyond(publish.ready, nanos(publish.sent.since(publish.ready))))
        .collect();
    if beyond.is_empty() {
        return finding("mutator-lateness", Outcome::Pass, "no mutation in measured phases");
    }
    within_limit("mutator-lateness", &mut beyond, limit_ns(evidence))
}

fn within_limit(name: &str, values: &mut [u64], limit: u64) -> Finding {
    let (p99, n) = (p99(values), values.len() as u64);
    let max = values.last().copied().unwrap_or_default();
    let outcome = if p99 <= limit { Outcome::Pass } else { Outcome::Fail };
    let text = format!(
        "p99 {} and max {} outside bursts or beyond twice their floor, of {}; the limit for p99 is {}",
        time(p99),
        time(max),
        counted(n, "sample"),
        time(limit)
    );
    finding(name, outcome, text)
}

/// Sorts and takes the 99th percentile; zero of none.
fn p99(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    let nth = usize::try_from(rank(0.99, values.len() as u64)).unwrap_or(usize::MAX);
    values.get(nth - 1).copied().unwrap_or_default()
}

/// The 99th percentile of the scheduler's lag over the whole run, bursts included; `None` without samples.
pub(crate) fn lag_p99(evidence: &Evidence<'_>) -> Option<u64> {
    let mut lags: Vec<u64> = evidence.index.lags.iter().map(|lag| lag.late_ns).collect();
    (!lags.is_empty()).then(|| p99(&mut lags))
}

/// The bursts of fan-out in a run, by their begin: (begin, end, twice the floor).
#[derive(Debug)]
struct Bursts {
    bursts: Vec<(Offset, Offset, u64)>,
    /// The length of the longest, which bounds how far back one that is still going can begin.
    longest: u64,
}

impl Bursts {
    fn new(evidence: &Evidence<'_>) -> Self {
        let acked =
            evidence.index.publishes().iter().filter(|publish| publish.outcome == PublishOutcome::Acked);
        let mut bursts: Vec<_> = acked
            .map(|publish| {
                let listeners = evidence.index.slots.of_item(publish.item).len() as u64;
                let allowed = 2 * FLOOR_PER_LISTENER_NS * listeners;
                (publish.done, Offset(publish.done.0.saturating_add(BURST_NS + allowed)), allowed)
            })
            .collect();
        bursts.sort_unstable();
        let longest = bursts.iter().map(|(begin, end, _)| end.0 - begin.0).max().unwrap_or_default();
        Self { bursts, longest }
    }

    /// How much of a lateness counts.
    fn beyond(&self, due: Offset, late_ns: u64) -> u64 {
        let ran = Offset(due.0.saturating_add(late_ns));
        let from = self.bursts.partition_point(|(begin, _, _)| begin.0.saturating_add(self.longest) < due.0);
        let going = self.bursts[from..].iter().take_while(|(begin, _, _)| *begin <= ran);
        let allowed: u64 = going.filter(|(_, end, _)| due <= *end).map(|(_, _, allowed)| allowed).sum();
        late_ns.saturating_sub(allowed)
    }
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

fn fault_bites(faults: &[FaultResult]) -> Finding {
    let toothless: Vec<_> = faults
        .iter()
        .filter(|fault| fault.outcome != Outcome::Pass)
        .map(|fault| fault.name.as_str())
        .collect();
    match toothless.as_slice() {
        [] => finding(
            "fault-bites",
            Outcome::Pass,
            format!("{} in force as planned", counted(faults.len() as u64, "fault")),
        ),
        names => finding(
            "fault-bites",
            Outcome::Unknown,
            format!(
                "{} of {} did not bite or had trouble: {}",
                names.len(),
                counted(faults.len() as u64, "fault"),
                names.join(", ")
            ),
        ),
    }
}

/// What each planned fault did.
pub(crate) fn fault_results(evidence: &Evidence<'_>) -> Vec<FaultResult> {
    evidence.plan.faults_by_id().map(|(id, _)| fault_result(evidence, id)).collect()
}

fn fault_result(evidence: &Evidence<'_>, id: FaultId) -> FaultResult {
    let fault = &evidence.plan.faults[id.index()];
    let window = evidence.window(id);
    let applied = window.and_then(|window| window.applied);
    let was_due = evidence.is_complete() || fault.from < evidence.horizon;
    let (outcome, text) = match (window.map(|window| &window.bite), applied) {
        (None, _) if !was_due => (Outcome::Unknown, "the run ended before it was due".to_owned()),
        (None, _) => (Outcome::Unknown, "never applied".to_owned()),
        (Some(Bite::Missed(saw)), _) => (Outcome::Unknown, format!("did not bite: {saw}")),
        (Some(Bite::Bit(saw) | Bite::NotMeasured(saw)), None) => {
            (Outcome::Unknown, format!("never wholly applied: {saw}"))
        }
        (Some(Bite::Bit(saw)), Some(_)) => (Outcome::Pass, saw.clone()),
        (Some(Bite::NotMeasured(why)), Some(_)) => (Outcome::Pass, format!("not measured: {why}")),
    };
    let (outcome, text) = match window.and_then(|window| window.trouble.as_ref()) {
        Some(trouble) => (Outcome::Unknown, format!("{text}; trouble: {trouble}")),
        None => (outcome, text),
    };
    FaultResult {
        fault: id,
        name: fault.name.clone(),
        kind: fault.action.kind().into(),
        from: applied.unwrap_or(fault.from),
        until: match (applied, window.and_then(|window| window.healed)) {
            (_, Some(healed)) => healed,
            (Some(_), None) if fault.until > evidence.horizon => evidence.horizon,
            _ => fault.until,
        },
        outcome,
        text,
        groups: fault.groups.clone(),
    }
}

#[cfg(test)]
mod tests;
