//! What a plan or a manifest may have wrong that was changed by hand or damaged, and would make judging
//! meaningless or endless.
//!
//! A plan from a scenario has none of this: the bounds are those that scenarios have.

use std::time::Duration;

use shakedown_model::gate::Scope;
use shakedown_model::manifest::Manifest;
use shakedown_model::plan::{Arrivals, ClientSpec, GroupSpec};
use shakedown_model::{Offset, Plan};

/// No time of a scenario is longer.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// No run has more watchers, or more items.
const MOST: u64 = 1_000_000;
/// No run has more mutations per second.
const FASTEST: f64 = 10_000.0;

/// What is wrong with a plan.
pub(crate) fn in_plan(plan: &Plan) -> Option<String> {
    counts(plan).or_else(|| times(plan)).or_else(|| names(plan))
}

/// What is wrong with a manifest.
pub(crate) fn in_manifest(manifest: &Manifest, plan: &Plan) -> Option<String> {
    let latest = plan.end() + LONGEST;
    manifest
        .ended
        .filter(|ended| *ended > latest)
        .map(|ended| format!("the run ended at {ended}, and its plan at {}", plan.end()))
}

fn arrivals(arrivals: &Arrivals) -> Option<String> {
    let per_second = match arrivals {
        Arrivals::Constant { per_second } | Arrivals::Poisson { per_second } => *per_second,
        Arrivals::Burst { count, every, .. } => f64::from(*count) / every.as_secs_f64(),
        Arrivals::Trace(points) => {
            return (points.len() as u64 > MOST)
                .then(|| format!("its trace has {} mutations, and {MOST} are the most", points.len()));
        }
    };
    let is_fit = per_second > 0.0 && per_second <= FASTEST;
    (!is_fit).then(|| format!("it has {per_second} mutations per second, and {FASTEST} are the most"))
}

fn counts(plan: &Plan) -> Option<String> {
    let watchers: u64 = plan.groups.iter().map(|group| u64::from(group.count)).sum();
    let own = |group: &GroupSpec| u64::from(group.count) * u64::from(group.own);
    let items = plan.groups.iter().map(own).fold(u64::from(plan.items.shared), u64::saturating_add);
    if watchers > MOST || items > MOST {
        return Some(format!(
            "it has {watchers} watchers and {items} items, and {MOST} of each are the most"
        ));
    }
    if let Some(what) = arrivals(&plan.mutator.arrivals) {
        return Some(what);
    }
    let mut next = 0;
    for group in &plan.groups {
        let GroupSpec { name, first, count, shared, first_own, .. } = group;
        if first.0 != next {
            return Some(format!("group `{name}` does not begin where the one before it ends"));
        }
        next += count;
        if *shared > plan.items.shared {
            return Some(format!("group `{name}` listens to more shared items than there are"));
        }
        if own(group) > 0 && u64::from(first_own.0) + own(group) > items {
            return Some(format!("group `{name}` listens to items that there are not"));
        }
    }
    None
}

fn times(plan: &Plan) -> Option<String> {
    let mut next = Offset::ZERO;
    for phase in &plan.phases {
        if phase.from != next || phase.until < phase.from || phase.until.since(phase.from) > LONGEST {
            return Some(format!(
                "phase `{}` does not begin where the one before it ends, or has no end",
                phase.name
            ));
        }
        next = phase.until;
    }
    let too_long = |time: &Duration| *time > LONGEST;
    if too_long(&plan.delivery_timeout) {
        return Some("its delivery time-out is longer than a day".into());
    }
    let endless = plan.groups.iter().find(|group| client_times(&group.client).iter().any(too_long))?;
    Some(format!("a time-out of the client of group `{}` is longer than a day", endless.name))
}

fn client_times(client: &ClientSpec) -> Vec<Duration> {
    let ClientSpec {
        request_timeout, connect_timeout, poll_timeout, poll_grace, health_check, resync, ..
    } = client;
    let check = health_check.iter().flat_map(|check| [check.every, check.timeout]);
    let always = [*request_timeout, *connect_timeout, *poll_timeout, *poll_grace];
    always.into_iter().chain(check).chain(*resync).collect()
}

fn names(plan: &Plan) -> Option<String> {
    let has_scope = |scope: Scope| match scope {
        Scope::Run => true,
        Scope::Phase(phase) => phase.index() < plan.phases.len(),
        Scope::Fault(fault) => fault.index() < plan.faults.len(),
    };
    for gate in &plan.gates {
        if !has_scope(gate.scope) || gate.group.is_some_and(|group| group.index() >= plan.groups.len()) {
            return Some(format!(
                "gate `{}` is about a phase, fault or group that it does not have",
                gate.text
            ));
        }
    }
    for fault in &plan.faults {
        if fault.groups.iter().any(|group| group.index() >= plan.groups.len()) {
            return Some(format!("fault `{}` touches a group that it does not have", fault.name));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use shakedown_model::event::{Delivery, Event, Found, LossCause, Lost, Path, Publish, PublishOutcome};
    use shakedown_model::gate::{Measure, Op, Stat, Threshold};
    use shakedown_model::schedule::MutationKind;
    use shakedown_model::{FaultId, GroupId, ItemId, MutationId, NodeId, PhaseId, Version, WatcherId};

    use super::*;
    use crate::testing::{Tiny, plan};

    #[test]
    fn a_plan_that_names_what_it_does_not_have_is_refused() {
        let gate = |scope| {
            let bound = (Op::Below, Threshold::Share(0.2));
            Tiny::empty().gate(Measure::HerdShare, Stat::Max, bound, scope).input.plan
        };
        assert_eq!(in_plan(&plan()), None);
        assert!(in_plan(&gate(Scope::Fault(FaultId(9)))).is_some());
        assert!(in_plan(&gate(Scope::Phase(PhaseId(9)))).is_some());
    }

    #[test]
    fn absurd_records_make_a_run_invalid_and_nothing_worse() {
        let mut input = Tiny::calm().input;
        let (at, watcher, item) = (Offset::NEVER, WatcherId(u32::MAX), ItemId(u32::MAX));
        for (watcher, item) in [(watcher, item), (WatcherId(0), ItemId(0))] {
            let (version, signal, path) = (Version(u32::MAX), Some(Offset::NEVER), Path::Push);
            input.events.extend([
                Event::Delivery(Delivery { at, watcher, item, version, signal, path }),
                Event::Subscribed { at, watcher },
                Event::Crash { at, watcher },
                Event::Lost(Lost { at, watcher, cause: LossCause::Reset }),
                Event::Lag { due: at, late_ns: u64::MAX },
                Event::ReceiveLag { sent: at, late_ns: u64::MAX },
                Event::FinalRead { at, node: NodeId(u16::MAX), item, found: Found::Version(version) },
                Event::Publish(Publish {
                    mutation: Some(MutationId(u32::MAX)),
                    item,
                    version,
                    kind: MutationKind::Write,
                    intended: at,
                    ready: at,
                    sent: at,
                    done: at,
                    outcome: PublishOutcome::Acked,
                }),
            ]);
        }
        let (judgement, _) = crate::judge(&input);
        assert_ne!(judgement.exit_code, 0, "{}", judgement.reason);
        assert!(!judgement.validity.is_valid);
    }

    #[test]
    fn absurd_values_are_refused_before_they_cost_anything() {
        let endless = Duration::from_secs(u64::MAX);
        let changes: [fn(&mut Plan, Duration); 11] = [
            |plan, _| plan.mutator.arrivals = Arrivals::Constant { per_second: 1e300 },
            |plan, _| plan.faults[0].groups.push(GroupId(5)),
            |plan, _| plan.items.shared = u32::MAX,
            |plan, _| plan.groups[0].count = u32::MAX,
            |plan, _| plan.groups[0].own = u32::MAX,
            |plan, _| plan.groups[0].shared = u32::MAX,
            |plan, _| (plan.groups[0].own, plan.groups[0].first_own) = (1, ItemId(u32::MAX)),
            |plan, _| plan.phases[0].until = Offset::NEVER,
            |plan, endless| plan.delivery_timeout = endless,
            |plan, endless| plan.groups[0].client.poll_timeout = endless,
            |plan, endless| plan.groups[0].client.resync = Some(endless),
        ];
        for (n, change) in changes.iter().enumerate() {
            let mut plan = plan();
            change(&mut plan, endless);
            assert!(in_plan(&plan).is_some(), "change {n}");
        }
        let Tiny { input, .. } = Tiny::calm();
        let mut manifest = input.manifest;
        assert_eq!(in_manifest(&manifest, &input.plan), None);
        manifest.ended = Some(Offset::NEVER);
        assert!(in_manifest(&manifest, &input.plan).is_some());
    }
}
