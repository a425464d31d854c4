//! A toxic that grows in steps.

use std::num::NonZeroU16;
use std::time::Duration;

use shakedown_model::fault::FaultAction;
use shakedown_model::plan::Plan;

use crate::field::Record as _;
use crate::problem::Findings;
use crate::quantity::show_time;
use crate::raw::{RAMPS, RawRamp};
use crate::source::Span;

/// The most steps.
const MOST: u32 = 100;
/// The shortest step: a proxy's API takes up to a second to change a toxic under thousands of connections.
const SHORTEST: Duration = Duration::from_secs(1);

pub(super) fn ramp(
    raw: &RawRamp,
    (span, length): (Span, Duration),
    plan: &Plan,
    found: &mut Findings,
) -> Option<FaultAction> {
    let named = RAMPS.iter().filter(|name| raw.has(name)).count();
    super::is_one(named, ("a ramp is of", &RAMPS), span, found).then_some(())?;
    let toxic = super::super::toxics::toxic(raw.toxics().first()?, &plan.proxy, found)?;
    let steps = raw.steps.as_ref()?;
    if !(2..=MOST).contains(&steps.value) {
        found
            .error("scenario::out_of_range", steps.span, format!("a ramp has 2 to {MOST} steps"))
            .help("write a number of steps in that range");
        return None;
    }
    if !length.is_zero() && length / steps.value < SHORTEST {
        let each = show_time(length / steps.value);
        found.error("scenario::out_of_range", steps.span, format!("each step would last {each}")).help(
            format!("a step lasts at least {}: give fewer steps, or a longer fault", show_time(SHORTEST)),
        );
    }
    let steps = u16::try_from(steps.value).ok().and_then(NonZeroU16::new)?;
    Some(FaultAction::Ramp { toxic, steps })
}
