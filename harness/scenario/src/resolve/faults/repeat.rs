//! A fault that comes again and again: one fault of the plan for each time, each with its own window and verdict.

use std::time::Duration;

use shakedown_model::fault::FaultPlan;
use shakedown_model::plan::Plan;

use crate::problem::Findings;
use crate::quantity::show_time;
use crate::raw::RawRepeat;
use crate::source::Spanned;

/// Between the end of a fault and the next onset, so that it is healed and a canary finds its baseline.
pub(super) const REST: Duration = Duration::from_secs(2);

/// The fault as often as it comes.
pub(super) fn repeated(
    fault: FaultPlan,
    raw: Option<&Spanned<RawRepeat>>,
    plan: &Plan,
    found: &mut Findings,
) -> Vec<FaultPlan> {
    let Some(Spanned { value: raw, span }) = raw else { return vec![fault] };
    let (Some(every), Some(times)) = (raw.every.as_ref(), raw.times.as_ref()) else { return Vec::new() };
    super::positive(Some(times), "times", found);
    let least = fault.until - fault.from + REST;
    if every.value < least {
        found
            .error("scenario::out_of_range", every.span, "a fault cannot begin again so soon after its end")
            .help(format!(
                "write at least `every: {}`, or choose the fault `flap`, which the proxy itself repeats",
                show_time(least)
            ));
        return Vec::new();
    }
    let end = plan.phases[fault.phase.index()].until;
    let fits = end.since(fault.until).as_nanos() / every.value.as_nanos() + 1;
    if u128::from(times.value) > fits {
        found
            .error(
                "scenario::outside_phase",
                *span,
                format!("the fault comes {} times, and its phase has room for {fits}", times.value),
            )
            .help("lower `times` or `every`, or lengthen the phase");
        return Vec::new();
    }
    (0..times.value)
        .map(|nth| FaultPlan {
            name: format!("{}-{}", fault.name, nth + 1),
            from: fault.from + every.value * nth,
            until: fault.until + every.value * nth,
            ..fault.clone()
        })
        .collect()
}
