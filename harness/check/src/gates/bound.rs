//! The bound of a gate in one group: fixed, or what an accepted run had and a margin.

use std::time::Duration;

use shakedown_model::GroupId;
use shakedown_model::baseline::{BaselineValue, ScopeName};
use shakedown_model::gate::{Gate, Margin, Threshold};

use crate::distribution::as_f64;
use crate::evidence::Evidence;
use crate::result::StatValue;
use crate::words;

/// What a gate compares with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bound {
    /// A time, a share or a count.
    pub(super) threshold: Threshold,
    /// Where it comes from, in words; empty for a fixed one.
    pub(super) words: String,
}

/// The bound of a gate in one group, or why it has none.
pub(super) fn of(evidence: &Evidence<'_>, gate: &Gate, group: Option<GroupId>) -> Result<Bound, String> {
    let Threshold::Baseline(margin) = gate.threshold else {
        return Ok(Bound { threshold: gate.threshold, words: String::new() });
    };
    let value = accepted(evidence, gate, group)?;
    let threshold = with_margin(value, margin)?;
    let (bound, had) = (words::stat(shown(threshold)), words::stat(shown(value)));
    Ok(Bound { threshold, words: format!("the bound is {bound}; the baseline had {had}") })
}

/// What the accepted run had, as a threshold.
fn accepted(evidence: &Evidence<'_>, gate: &Gate, group: Option<GroupId>) -> Result<Threshold, String> {
    let Some(baseline) = evidence.baseline else {
        return Err("there is no baseline; accept a run: shakedown baseline accept RUN".into());
    };
    if let Some(why) = baseline.why_not(evidence.plan, evidence.manifest) {
        return Err(why);
    }
    let name = group.map(|group| evidence.plan.groups[group.index()].name.as_str());
    let scope = ScopeName::of(gate.scope, evidence.plan);
    let Some(figure) = baseline.figure(gate.measure, &scope, name) else {
        return Err("the baseline has no such figure".into());
    };
    match figure.stat(gate.stat) {
        None => Err(format!("the baseline had too few samples for {}", gate.stat)),
        Some(BaselineValue::Time(ns)) => Ok(Threshold::Time(Duration::from_nanos(ns))),
        Some(BaselineValue::Share(share)) => Ok(Threshold::Share(share)),
        Some(BaselineValue::Count(count)) => Ok(Threshold::Count(as_f64(count))),
        Some(BaselineValue::LaterThan(ns)) => {
            Err(format!("all that is known of the baseline is later than {}", words::time(ns)))
        }
    }
}

fn with_margin(value: Threshold, margin: Margin) -> Result<Threshold, String> {
    let sum = match (value, margin) {
        (Threshold::Time(time), Margin::Relative(share)) => Threshold::Time(scaled(time, 1.0 + share)),
        (Threshold::Time(time), Margin::Nanos(ns)) => {
            let by = Duration::from_nanos(ns.unsigned_abs());
            Threshold::Time(if ns < 0 { time.saturating_sub(by) } else { time.saturating_add(by) })
        }
        (Threshold::Share(value), Margin::Relative(share)) => Threshold::Share(value * (1.0 + share)),
        (Threshold::Count(value), Margin::Relative(share)) => Threshold::Count(value * (1.0 + share)),
        (Threshold::Share(value), Margin::Absolute(more)) => Threshold::Share((value + more).max(0.0)),
        (Threshold::Count(value), Margin::Absolute(more)) => Threshold::Count((value + more).max(0.0)),
        (Threshold::Time(_), Margin::Absolute(_))
        | (Threshold::Share(_) | Threshold::Count(_), Margin::Nanos(_))
        | (Threshold::Baseline(_), _) => {
            return Err("the margin is not of the unit in which the measure is".into());
        }
    };
    Ok(sum)
}

/// A time by a factor that may be anything.
fn scaled(time: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(Duration::ZERO)
}

/// A threshold as a value, for words.
fn shown(threshold: Threshold) -> StatValue {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count is not negative, and far below 2^53"
    )]
    match threshold {
        Threshold::Time(time) => StatValue::Time(shakedown_model::time::nanos(time)),
        Threshold::Share(share) => StatValue::Share(share),
        Threshold::Count(count) => StatValue::Count(count.floor() as u64),
        Threshold::Baseline(_) => StatValue::TooFew,
    }
}
