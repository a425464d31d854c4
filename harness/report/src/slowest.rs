//! The change that reached all of its watchers last, or that did not reach all of them.

use shakedown_model::time::nanos;

use crate::input::ReportInput;
use crate::quantity::{counted, time};

/// `slowest change: 94 at 51.8 s in cut (item 3, version 95): all 210 watchers held it after 9.1 s`.
pub(crate) fn change(input: ReportInput<'_>) -> Option<String> {
    let timeout = time(nanos(input.plan.delivery_timeout));
    // A gray release or an own item may have had nobody to reach.
    let rows = input.series.mutations.iter().filter(|row| row.reached.0 > 0);
    let row = rows.max_by_key(|row| {
        let missed = row.reached.0.saturating_sub(row.reached.1);
        (row.times[3].is_none(), missed, row.times[3])
    })?;
    let (due, reached) = row.reached;
    let took = row.times[3].map_or_else(
        || {
            format!(
                "{} of {} did not hold it within {timeout}",
                due.saturating_sub(reached),
                counted(u64::from(due), "watcher")
            )
        },
        |ns| format!("all {} held it after {}", counted(u64::from(due), "watcher"), time(ns)),
    );
    let place = input
        .plan
        .phase_at(row.intended)
        .map_or_else(String::new, |phase| format!(" in {}", input.phase_name(phase)));
    Some(format!(
        "slowest change: {} at {:.1} s{place} (item {}, version {}): {took}",
        row.mutation,
        row.intended.as_secs_f64(),
        row.item,
        row.version
    ))
}
