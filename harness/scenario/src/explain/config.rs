//! Items and mutations, explained.

use std::fmt::{self, Write as _};

use shakedown_model::plan::Generation;
use shakedown_model::plan::{Arrivals, COHORTS, MutatorSpec, PayloadSize, Plan, PublishBy, SizeChoice};

use crate::quantity::{show_size, show_time};

/// The items: how many, how large, where.
pub(super) fn items(out: &mut String, plan: &Plan) -> fmt::Result {
    let items = &plan.items;
    let all = plan.item_count();
    let places = u32::try_from(items.groups.len() * items.namespaces.len()).unwrap_or(1).max(1);
    writeln!(out, "items: # {all} in all")?;
    writeln!(out, "  shared: {}", items.shared)?;
    writeln!(out, "  own: {}", all - items.shared)?;
    writeln!(out, "  payload: {}", size(&items.payload))?;
    let last = all.saturating_sub(1) / places;
    let shared = if places > 1 { ", the same in each place" } else { "" };
    writeln!(out, "  data ids: {p}0 to {p}{last}{shared}", p = items.prefix)?;
    writeln!(out, "  groups: {}", items.groups.join(", "))?;
    let namespace = |name: &String| if name.is_empty() { "public".to_owned() } else { name.clone() };
    let namespaces: Vec<_> = items.namespaces.iter().map(namespace).collect();
    writeln!(out, "  namespaces: {}", namespaces.join(", "))
}

fn size(payload: &PayloadSize) -> String {
    match payload {
        PayloadSize::Fixed(bytes) => show_size(*bytes),
        PayloadSize::Uniform { min, max } => format!("{} to {}, uniform", show_size(*min), show_size(*max)),
        PayloadSize::Pareto { min, max, shape } => {
            format!("{} to {}, Pareto with shape {shape}", show_size(*min), show_size(*max))
        }
        PayloadSize::Choice(choices) => {
            let all = choices.iter().map(|choice| f64::from(choice.weight)).sum::<f64>().max(1.0);
            let choice = |choice: &SizeChoice| {
                format!("{} in {:.0}%", show_size(choice.bytes), f64::from(choice.weight) / all * 100.0)
            };
            choices.iter().map(choice).collect::<Vec<_>>().join(", ")
        }
    }
}

/// The mutations: when, what, and how they travel; `planned` is their number.
pub(super) fn mutations(out: &mut String, plan: &Plan, planned: u32) -> fmt::Result {
    let mutator = &plan.mutator;
    let arrivals = match &mutator.arrivals {
        Arrivals::Constant { per_second } => format!("evenly spaced, {per_second}/s"),
        Arrivals::Poisson { per_second } => format!("Poisson, {per_second}/s on average"),
        Arrivals::Burst { count, every, over } => {
            format!("bursts of {count} within {}, every {}", show_time(*over), show_time(*every))
        }
        Arrivals::Trace(points) => format!("a trace of {}", points.len()),
    };
    writeln!(out, "mutations: {arrivals} # {planned} planned")?;
    writeln!(out, "  kinds: {}", kinds(mutator))?;
    if mutator.kinds.gray > 0 {
        let cohorts = mutator.gray.cohorts;
        let share = u32::from(cohorts) * 100 / u32::from(COHORTS);
        let gray = (0..plan.watcher_count()).filter(|n| plan.is_gray(shakedown_model::WatcherId(*n))).count();
        writeln!(
            out,
            "  gray: {cohorts} of {COHORTS} cohorts ({share}%), held for {}, {}% taken back # {gray} watchers",
            show_time(mutator.gray.hold),
            mutator.gray.rollback_ppm / 10_000
        )?;
    }
    match mutator.cas {
        true => writeln!(
            out,
            "  cas: true # a write names what it replaces, and is sent again until that is settled"
        )?,
        false => writeln!(out, "  cas: false")?,
    }
    match (mutator.by, plan.server.generation()) {
        (PublishBy::Http, Generation::V2) => writeln!(out, "  by: http # v1"),
        (PublishBy::Http, Generation::V3) => writeln!(out, "  by: http # the v3 admin API"),
        (PublishBy::Grpc, _) => writeln!(out, "  by: grpc # a connection of its own, as SDKs publish"),
    }
}

fn kinds(mutator: &MutatorSpec) -> String {
    let kinds = mutator.kinds;
    let all = f64::from(kinds.write) + f64::from(kinds.delete) + f64::from(kinds.gray);
    let named = [("writes", kinds.write), ("deletes", kinds.delete), ("gray releases", kinds.gray)];
    let shown = named.into_iter().filter(|(_, weight)| *weight > 0);
    shown
        .map(|(name, weight)| format!("{name} {:.0}%", f64::from(weight) / all * 100.0))
        .collect::<Vec<_>>()
        .join(", ")
}
