//! Faults at random times: drawn here, so that the plan has each with its onset, its end and what it does.

use std::time::Duration;

use shakedown_model::fault::{FaultAction, FaultPlan};
use shakedown_model::plan::Plan;
use shakedown_model::{Offset, PhaseId, Seed};

use super::repeat::REST;
use super::{Place, does};
use crate::problem::Findings;
use crate::quantity::show_time;
use crate::raw::{RawMixed, RawNemesis};
use crate::source::Spanned;

/// The most faults that are drawn.
const MOST: usize = 1000;
/// A shorter fault could not be seen to bite.
const SHORTEST: Duration = Duration::from_millis(500);

/// A fault that may come.
struct Mixed {
    action: FaultAction,
    place: Place,
    least: Duration,
    most: Duration,
    weight: u64,
}

/// The faults of a nemesis, by onset.
pub(super) fn nemesis(
    Spanned { value: raw, span }: &Spanned<RawNemesis>,
    plan: &Plan,
    found: &mut Findings,
) -> Vec<FaultPlan> {
    super::positive(raw.rate.as_ref(), "rate", found);
    let mix = mix(raw, plan, found);
    let window = window(raw, plan, found);
    let (Some(window), Some(rate)) = (window, raw.rate.as_ref()) else { return Vec::new() };
    if mix.is_empty() || rate.value.0 <= 0.0 {
        return Vec::new();
    }
    let seed = raw.seed.as_ref().map_or_else(|| plan.seed.child("nemesis"), |seed| Seed(seed.value));
    let drawn = draw(&mix, seed, rate.value.0, window);
    if drawn.len() == MOST {
        found
            .error("scenario::too_big", rate.span, format!("more than {MOST} faults are due"))
            .help("lower `rate`, or give an earlier `stop`");
    } else if drawn.is_empty() {
        found
            .error("scenario::no_samples", *span, "no fault is due before the stop with this seed and rate")
            .help("raise `rate`, give a later `stop` or another `seed`");
    }
    drawn
}

fn mix(raw: &RawNemesis, plan: &Plan, found: &mut Findings) -> Vec<Mixed> {
    let Some(list) = raw.mix.as_ref() else { return Vec::new() };
    if list.value.is_empty() {
        found.error("scenario::zero", list.span, "`mix` has nothing that could come").help("list a fault");
    }
    list.value.iter().filter_map(|mixed| self::mixed(&mixed.value, plan, found)).collect()
}

fn mixed(raw: &RawMixed, plan: &Plan, found: &mut Findings) -> Option<Mixed> {
    super::positive(raw.weight.as_ref(), "weight", found);
    let length = raw.length.as_ref()?;
    if length.value < SHORTEST {
        found
            .error("scenario::out_of_range", length.span, "this is too short to see that the fault bit")
            .help(format!("write at least {}", show_time(SHORTEST)));
    }
    let longest = raw.longest.as_ref();
    if let Some(longest) = longest.filter(|longest| longest.value < length.value) {
        found
            .error("scenario::out_of_range", longest.span, "`up-to` is shorter than `for`")
            .help("raise it, or leave it out");
    }
    let action = raw.action.as_ref()?;
    let (action, place) = does(&action.value, (action.span, length.value), plan, found)?;
    let most = longest.map_or(length.value, |longest| longest.value.max(length.value));
    let weight = raw.weight.as_ref().map_or(1, |weight| u64::from(weight.value));
    Some(Mixed { action, place, least: length.value, most, weight })
}

fn window(raw: &RawNemesis, plan: &Plan, found: &mut Findings) -> Option<(PhaseId, Offset, Offset)> {
    let name = raw.phase.as_ref()?;
    let (id, phase) = super::phase_of(name, plan, found)?;
    let lasts = phase.until - phase.from;
    let stop = super::given(raw.stop.as_ref(), lasts);
    if let Some(field) = raw.stop.as_ref().filter(|_| stop > lasts) {
        let lasts = show_time(lasts);
        found
            .error("scenario::outside_phase", field.span, format!("phase `{}` lasts {lasts}", phase.name))
            .help("stop within the phase, or lengthen it");
    }
    Some((id, phase.from, phase.from + stop))
}

/// Draws arrivals with exponential gaps; each takes three more draws of its own number.
fn draw(
    mix: &[Mixed],
    seed: Seed,
    rate: f64,
    (phase, from, until): (PhaseId, Offset, Offset),
) -> Vec<FaultPlan> {
    let (gaps, kinds, lengths) = (seed.child("gaps"), seed.child("kinds"), seed.child("lengths"));
    let weights: u64 = mix.iter().map(|mixed| mixed.weight).sum();
    let mut faults: Vec<FaultPlan> = Vec::new();
    let mut due = from;
    for nth in 0.. {
        let gap = -(1.0 - gaps.unit(nth)).ln() / rate;
        due = due + Duration::try_from_secs_f64(gap).unwrap_or(Duration::MAX).min(until.since_start());
        if due >= until || faults.len() == MOST {
            break;
        }
        let mut ticket = kinds.below(nth, weights);
        let chosen = mix.iter().find(|mixed| {
            let is_here = ticket < mixed.weight;
            ticket = ticket.wrapping_sub(mixed.weight);
            is_here
        });
        let chosen = chosen.expect("a ticket lies below the sum of the weights");
        let earliest = faults.last().map_or(from, |last| last.until + REST);
        let begins = whole_millis(due.max(earliest));
        let length = chosen.least + (chosen.most - chosen.least).mul_f64(lengths.unit(nth));
        let ends = whole_millis(begins + length);
        if ends > until {
            continue;
        }
        faults.push(FaultPlan {
            name: format!("nemesis-{}", faults.len() + 1),
            phase,
            from: begins,
            until: ends,
            action: chosen.action,
            groups: chosen.place.groups.clone(),
            nodes: chosen.place.nodes.clone(),
            defect: None,
        });
    }
    faults
}

/// So that `explain` shows short times.
const fn whole_millis(at: Offset) -> Offset {
    Offset(at.0 / 1_000_000 * 1_000_000)
}
