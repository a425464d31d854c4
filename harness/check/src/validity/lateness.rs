//! Lateness of the harness itself: its scheduler, its receive queue and its mutator.

use shakedown_model::time::nanos;
use shakedown_model::verdict::Outcome;

use super::bursts::Bursts;
use super::finding;
use crate::evidence::Evidence;
use crate::gates;
use crate::index::Lag;
use crate::result::Finding;
use crate::words::{counted, time};
use shakedown_model::gate::rank;

/// The least limit of lag and lateness.
const LIMIT_NS: u64 = 5_000_000;
/// Or this part of the tightest time that a gate bounds.
const LIMIT_PART: u64 = 10;
/// Fewer samples of a lag than this say nothing.
const LAG_SAMPLES: usize = 10;

/// The limit of lag and lateness: 5 ms, or a tenth of the tightest time that a gate bounds.
fn limit_ns(evidence: &Evidence<'_>) -> u64 {
    gates::time_bounds(evidence).min().map_or(LIMIT_NS, |tightest| (tightest / LIMIT_PART).max(LIMIT_NS))
}

pub(super) fn scheduler_lag(evidence: &Evidence<'_>, bursts: &Bursts) -> Finding {
    lag("scheduler-lag", &evidence.index.lags, evidence, bursts)
}

/// The scheduler's rule for bytes on their way: within a burst a reader waits its turn behind the fan-out as a task
/// does (ADR 19).
pub(super) fn receive_queue_lag(evidence: &Evidence<'_>, bursts: &Bursts) -> Finding {
    lag("receive-queue-lag", &evidence.index.receive_lags, evidence, bursts)
}

fn lag(name: &str, lags: &[Lag], evidence: &Evidence<'_>, bursts: &Bursts) -> Finding {
    let lags = lags.iter().filter(|lag| evidence.measured_phase(lag.due).is_some());
    let mut beyond: Vec<u64> = lags.map(|lag| bursts.beyond(lag.due, lag.late_ns)).collect();
    if beyond.len() < LAG_SAMPLES {
        let samples = counted(beyond.len() as u64, "sample");
        return finding(name, Outcome::Unknown, format!("only {samples} in measured phases"));
    }
    within_limit(name, &mut beyond, limit_ns(evidence))
}

pub(super) fn mutator_lateness(evidence: &Evidence<'_>, bursts: &Bursts) -> Finding {
    let measured =
        evidence.index.publishes.all().iter().filter(|publish| {
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
