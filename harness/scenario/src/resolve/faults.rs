//! Faults: absolute windows, the groups that each touches, and faults that cannot be told apart.

use std::time::Duration;

use shakedown_model::fault::{FaultAction, FaultPlan, Stream, Toxic};
use shakedown_model::plan::Plan;
use shakedown_model::{GroupId, PhaseId};

use super::server::{latency, whole_millis};
use super::{bounded, given, link_named, positive, unique};
use crate::field::{Name, Record as _, Selection, duplicate};
use crate::problem::{Findings, nearest};
use crate::quantity::show_time;
use crate::raw::{RawAction, RawFault, RawToxicFault};
use crate::source::{Span, Spanned};

/// Adds the faults to the plan, by onset. Returns the names of those that could not be planned.
pub(super) fn faults<'a>(
    raw: &'a [Spanned<RawFault>],
    plan: &mut Plan,
    found: &mut Findings,
) -> Vec<&'a str> {
    if let Some(first) = raw.first() {
        bounded(raw, first.span, "faults", found);
    }
    let names: Vec<_> = raw.iter().filter_map(|fault| fault.value.name.as_ref()).collect();
    unique(&names, found);
    let mut faults: Vec<(FaultPlan, Span)> = Vec::new();
    let mut broken = Vec::new();
    for Spanned { value, span } in raw {
        let name = value.name.as_ref().map_or(*span, |name| name.span);
        match fault(value, plan, found) {
            Some(fault) => faults.push((fault, name)),
            None => broken.push(value.name.as_ref().map_or("", |name| name.value.0.as_str())),
        }
    }
    faults.sort_by_key(|(fault, _)| (fault.from, fault.until));
    for (at, (fault, span)) in faults.iter().enumerate() {
        for (earlier, _) in &faults[..at] {
            compare(earlier, fault, *span, found);
        }
    }
    plan.faults = faults.into_iter().map(|(fault, _)| fault).collect();
    broken
}

fn fault(raw: &RawFault, plan: &Plan, found: &mut Findings) -> Option<FaultPlan> {
    positive(raw.length.as_ref(), "for", found);
    let action = raw.action.as_ref().and_then(|action| self::action(&action.value, action.span, plan, found));
    let window = raw.phase.as_ref().and_then(|phase| window(raw, phase, plan, found));
    let (action, (phase, from, until)) = (action?, window?);
    let groups = match &action {
        FaultAction::Toxic { link, .. } => {
            all_groups(plan).filter(|id| plan.groups[id.index()].link == *link).collect()
        }
        FaultAction::Reset { groups }
        | FaultAction::Blackhole { groups, .. }
        | FaultAction::Crash { groups } => groups.clone(),
    };
    let name = raw.name.as_ref().map_or_else(String::new, |name| name.value.0.clone());
    Some(FaultPlan { name, phase, from, until, action, groups })
}

type Window = (PhaseId, shakedown_model::Offset, shakedown_model::Offset);

fn window(raw: &RawFault, name: &Spanned<Name>, plan: &Plan, found: &mut Findings) -> Option<Window> {
    let Some(index) = plan.phases.iter().position(|phase| phase.name == name.value.0) else {
        found
            .error("scenario::unknown_phase", name.span, format!("phase `{}` does not exist", name.value.0))
            .help(nearest(&name.value.0, plan.phases.iter().map(|phase| phase.name.as_str())));
        return None;
    };
    let phase = &plan.phases[index];
    let from = phase.from + given(raw.at.as_ref(), Duration::ZERO);
    let until = from + given(raw.length.as_ref(), Duration::ZERO);
    let lasts = phase.until - phase.from;
    // A phase whose own length is ill-formed is a finding already.
    if until > phase.until && !lasts.is_zero() {
        let span = match (&raw.at, &raw.length) {
            (Some(at), _) if from >= phase.until => at.span,
            (_, Some(length)) => length.span,
            _ => name.span,
        };
        let message = format!(
            "the fault ends {} after the start of phase `{}`, which lasts {}",
            show_time(until - phase.from),
            phase.name,
            show_time(lasts)
        );
        found
            .error("scenario::outside_phase", span, message)
            .help("a fault ends within its phase: shorten it, or lengthen the phase");
    }
    Some((PhaseId(u16::try_from(index).ok()?), from, until))
}

fn action(raw: &RawAction, span: Span, plan: &Plan, found: &mut Findings) -> Option<FaultAction> {
    match raw {
        RawAction::Toxic(raw) => toxic(raw, span, plan, found),
        RawAction::Reset(raw) => {
            Some(FaultAction::Reset { groups: groups(raw.groups.as_ref(), plan, found)? })
        }
        RawAction::Crash(raw) => {
            Some(FaultAction::Crash { groups: groups(raw.groups.as_ref(), plan, found)? })
        }
        RawAction::Blackhole(raw) => Some(FaultAction::Blackhole {
            groups: groups(raw.groups.as_ref(), plan, found)?,
            stream: given(raw.stream.as_ref(), Stream::Both),
        }),
    }
}

fn toxic(raw: &RawToxicFault, span: Span, plan: &Plan, found: &mut Findings) -> Option<FaultAction> {
    let toxic = match (&raw.latency, &raw.reset_peer) {
        (Some(raw), None) => Some(latency(&raw.value, &plan.proxy, found)),
        (None, Some(raw)) => {
            whole_millis(raw.value.timeout.as_ref(), &plan.proxy, found);
            Some(Toxic::ResetPeer { timeout: given(raw.value.timeout.as_ref(), Duration::ZERO) })
        }
        (None, None) if raw.has("latency") || raw.has("reset_peer") => None,
        (latency, _) => {
            let count = if latency.is_some() { "not two" } else { "and there is none" };
            found
                .error(
                    "scenario::not_one",
                    span,
                    format!("a fault puts exactly one toxic on a link, {count}"),
                )
                .help("choose one of `latency`, `reset_peer`");
            None
        }
    };
    let name = raw.link.as_ref()?;
    let Some(link) = link_named(&plan.links, &name.value.0) else {
        found
            .error("scenario::unknown_link", name.span, format!("link `{}` does not exist", name.value.0))
            .help(nearest(&name.value.0, plan.links.iter().map(|link| link.name.as_str())));
        return None;
    };
    Some(FaultAction::Toxic { link, toxic: toxic? })
}

fn all_groups(plan: &Plan) -> impl Iterator<Item = GroupId> {
    (0_u16..).map(GroupId).take(plan.groups.len())
}

fn groups(raw: Option<&Spanned<Selection<Name>>>, plan: &Plan, found: &mut Findings) -> Option<Vec<GroupId>> {
    let Spanned { value: selection, span } = raw?;
    let Selection::Only(names) = selection else { return Some(all_groups(plan).collect()) };
    if names.is_empty() {
        found
            .error("scenario::zero", *span, "the fault touches no group")
            .help("name a group, or write `all`");
    }
    let mut groups = Vec::new();
    for name in names {
        match plan.group_named(&name.value.0) {
            Some(group) if groups.contains(&group) => duplicate(&name.value.0, name.span, found),
            Some(group) => groups.push(group),
            None => {
                found
                    .error(
                        "scenario::unknown_group",
                        name.span,
                        format!("group `{}` does not exist", name.value.0),
                    )
                    .help(nearest(&name.value.0, plan.groups.iter().map(|group| group.name.as_str())));
            }
        }
    }
    groups.sort_unstable();
    Some(groups)
}

/// Two faults at the same time on the same groups: of one kind they cannot be told apart, of two cutting kinds only
/// the losses of connections can be told apart badly.
fn compare(earlier: &FaultPlan, later: &FaultPlan, span: Span, found: &mut Findings) {
    let is_apart =
        later.from >= earlier.until || !later.groups.iter().any(|group| earlier.groups.contains(group));
    if is_apart {
        return;
    }
    let resets = |fault: &FaultPlan| fault.action.kind().starts_with("reset");
    let crashes = |fault: &FaultPlan| matches!(fault.action, FaultAction::Crash { .. });
    let is_same_kind = earlier.action.kind() == later.action.kind() || (resets(earlier) && resets(later));
    if is_same_kind {
        found
            .error(
                "scenario::overlap",
                span,
                format!("this fault overlaps `{}`, which does the same to the same watchers", earlier.name),
            )
            .help(format!(
                "begin it at or after the end of `{}`, or let it touch other groups",
                earlier.name
            ));
    } else if earlier.action.cuts() && later.action.cuts() && !crashes(earlier) && !crashes(later) {
        found
            .warn("scenario::overlap", span, format!("this fault and `{}` cut the same watchers at once", earlier.name))
            .help("a lost connection belongs to one fault only: measures after the other one may have few samples");
    }
}
