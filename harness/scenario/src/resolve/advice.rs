//! Warnings: what is allowed, and will hardly tell what its author hopes.

use std::time::Duration;

use shakedown_model::gate::{Gate, MUTATIONS_NEEDED, Measure, SAMPLES_BEYOND, Scope, Threshold};
use shakedown_model::plan::{Backend, CONNECTIONS_PER_SOURCE, Generation, Plan, Protocol};
use shakedown_model::{FaultId, GroupId, PhaseId};

use crate::problem::Findings;
use crate::quantity::show_time;
use crate::raw::RawScenario;
use crate::source::{Span, Spanned};

/// How long a port is not given out again after its connection was closed (Linux).
const PORT_RESTS: Duration = Duration::from_secs(60);
/// The source ports of one address (Linux's default range).
const SOURCE_PORTS: f64 = 28_232.0;

pub(super) fn advise(raw: &RawScenario, plan: &Plan, gates: &[Spanned<Gate>], found: &mut Findings) {
    let groups = raw.watchers.as_ref().map_or(&[][..], |groups| groups.value.as_slice());
    for (raw, group) in groups.iter().zip(&plan.groups) {
        let count = raw.value.count.as_ref().map_or(raw.span, |count| count.span);
        let ramp = raw.value.ramp.as_ref().map_or(count, |ramp| ramp.span);
        let warm_up: Duration = plan
            .phases
            .iter()
            .take_while(|phase| !phase.is_measured)
            .map(|phase| phase.until - phase.from)
            .sum();
        let takes = f64::from(group.count) / group.ramp_per_second;
        if takes > warm_up.as_secs_f64() {
            let warm_up = show_time(warm_up);
            let message = format!("starting this group takes {takes:.1} s, the warm-up lasts {warm_up}");
            found
                .warn("scenario::long_ramp", ramp, message)
                .help("raise `ramp`, or lengthen the warm-up: watchers that are not yet subscribed are in no figure");
        }
        poll_gives_up(raw.span, group, plan, found);
        hears_nothing(raw.span, group, plan, found);
        uses_up_ports(raw.span, group, plan, found);
    }
    for gate in gates {
        too_few_samples(&gate.value, gate.span, plan, found);
        beyond_timeout(&gate.value, gate.span, plan, found);
    }
}

/// A 2.x server maps `public` to the default namespace in queries and not in lists (nacos-facts.md §1.6).
fn hears_nothing(span: Span, group: &shakedown_model::plan::GroupSpec, plan: &Plan, found: &mut Findings) {
    let is_default = plan.items.namespaces.iter().any(String::is_empty);
    if is_default && group.client.habits.names_public && plan.server.generation() == Generation::V2 {
        found
            .warn(
                "scenario::deaf_client",
                span,
                "these clients call the default namespace `public`, and a 2.x server pushes nothing to that name",
            )
            .help("give `items.namespaces` a name, or choose a 3.x server");
    }
}

/// Warns of clients that make a connection for each request, so often that their source addresses run out of ports: one
/// that was closed keeps its port for a minute.
fn uses_up_ports(span: Span, group: &shakedown_model::plan::GroupSpec, plan: &Plan, found: &mut Findings) {
    let client = &group.client;
    if client.keeps_its_connection() || client.driver.is_some() {
        return;
    }
    let measured = plan.end().since_start().as_secs_f64().max(1.0);
    let changes = f64::from(u32::try_from(plan.mutations().count()).unwrap_or(u32::MAX)) / measured;
    let listened = f64::from(group.shared + group.own) / f64::from(plan.item_count().max(1));
    // A change costs a fetch and the next poll; a quiet poll is made anew at its end.
    let per_watcher = 2.0 * changes * listened.min(1.0) + 1.0 / client.poll_timeout.as_secs_f64().max(1.0);
    let at_one_source = f64::from(group.count.min(CONNECTIONS_PER_SOURCE));
    let ports = at_one_source * (1.0 + per_watcher * PORT_RESTS.as_secs_f64());
    if ports > SOURCE_PORTS {
        let message = format!(
            "these clients connect anew for every request, and take about {ports:.0} ports of a source address that has {SOURCE_PORTS:.0}"
        );
        found
            .warn("scenario::port_hungry", span, message)
            .help("have fewer of them or fewer changes, split the group so that each part has a `source`, or choose a client that keeps its connection");
    }
}

fn poll_gives_up(span: Span, group: &shakedown_model::plan::GroupSpec, plan: &Plan, found: &mut Findings) {
    let client = &group.client;
    if client.protocol != Protocol::NacosHttp || plan.server.backend != Backend::Embedded {
        return;
    }
    let settings = &plan.server.embedded;
    let hang = client.poll_timeout.saturating_sub(settings.poll_margin).max(settings.poll_min_hang);
    let waits = client.poll_timeout + client.poll_grace;
    if waits <= hang {
        found
            .warn(
                "scenario::short_poll",
                span,
                format!(
                    "these clients give a quiet long poll up after {}, and the server answers it after {}",
                    show_time(waits),
                    show_time(hang)
                ),
            )
            .help("raise `poll-timeout` or `poll-grace`");
    }
}

fn beyond_timeout(gate: &Gate, span: Span, plan: &Plan, found: &mut Findings) {
    let is_censored = gate.measure.is_per_mutation()
        || matches!(
            gate.measure,
            Measure::Propagation | Measure::EndToEnd | Measure::Notify | Measure::Convergence
        );
    let Threshold::Time(bound) = gate.threshold else { return };
    if is_censored && bound > plan.delivery_timeout {
        let message = format!("the bound is above `delivery-timeout`, {}", show_time(plan.delivery_timeout));
        found
            .warn("scenario::beyond_timeout", span, message)
            .help("what is later than the time-out has no exact value: raise `delivery-timeout`");
    }
}

/// Warns of a gate whose figure will be "n too small" even if all goes well.
fn too_few_samples(gate: &Gate, span: Span, plan: &Plan, found: &mut Findings) {
    let beyond = 1.0 - gate.stat.quantile();
    if beyond <= 0.0 {
        return;
    }
    let Some((samples, mutations)) = fewest_samples(gate, plan) else { return };
    let needed = (f64::from(SAMPLES_BEYOND) / beyond).round();
    if samples < needed {
        let stat = gate.stat;
        let message = format!("about {samples:.0} samples are expected, and {stat} needs {needed:.0}");
        found.warn("scenario::too_few_samples", span, message).help(
            "the gate will be unknown: choose a lower quantile or `max`, or have more watchers or time",
        );
    } else if gate.measure.pools_bursts() && mutations < usize::from(MUTATIONS_NEEDED) {
        let measure = gate.measure;
        let message = format!(
            "{mutations} mutations are due here, and a quantile of `{measure}` needs {MUTATIONS_NEEDED}"
        );
        found.warn("scenario::too_few_samples", span, message).help(
            "the gate will be unknown: lengthen the phase, raise the rate of mutations, or judge `max`",
        );
    }
}

/// The samples to expect in the smallest group that the gate is judged for, and the mutations that they come from.
/// `None` where it cannot be told.
fn fewest_samples(gate: &Gate, plan: &Plan) -> Option<(f64, usize)> {
    let groups = |of: &dyn Fn(GroupId) -> bool| {
        let groups = plan.groups.iter().enumerate().filter(|(index, _)| {
            u16::try_from(*index).is_ok_and(|index| match gate.group {
                Some(group) => group == GroupId(index),
                None => of(GroupId(index)),
            })
        });
        groups.map(|(_, group)| group).collect::<Vec<_>>()
    };
    match (gate.measure, gate.scope) {
        (
            Measure::Detect | Measure::Reconnect | Measure::CatchUp | Measure::AttemptsPerWatcher,
            Scope::Fault(FaultId(fault)),
        ) => {
            let touched = &plan.faults[usize::from(fault)].groups;
            let fewest = groups(&|group| touched.contains(&group)).iter().map(|group| group.count).min()?;
            Some((f64::from(fewest), 0))
        }
        (measure, scope) if !measure.belongs_to_fault() => {
            let mutations = mutations_in(scope, plan);
            #[expect(clippy::cast_precision_loss, reason = "counts of one run are far below 2^52")]
            let due = mutations as f64;
            match measure {
                Measure::Propagation | Measure::EndToEnd | Measure::Notify | Measure::Fetch => {
                    let per_mutation = groups(&|_| true)
                        .iter()
                        .map(|group| f64::from(group.count) * f64::from(group.shared + group.own))
                        .fold(f64::INFINITY, f64::min)
                        / f64::from(plan.item_count().max(1));
                    Some((due * per_mutation, mutations))
                }
                Measure::Publish | Measure::T50 | Measure::T90 | Measure::T99 | Measure::TAll => {
                    Some((due, mutations))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn mutations_in(scope: Scope, plan: &Plan) -> usize {
    let counts = |phase: PhaseId| match scope {
        Scope::Phase(wanted) => phase == wanted,
        Scope::Run | Scope::Fault(_) => plan.phases[phase.index()].is_measured,
    };
    plan.mutations().filter(|mutation| plan.phase_at(mutation.intended).is_some_and(counts)).count()
}
