//! Faults: absolute windows, the groups that each touches, and faults that cannot be told apart.

mod control;
mod nemesis;
mod on_path;
mod ramp;
mod repeat;
mod watchers;

use std::time::Duration;

use shakedown_model::fault::{FaultAction, FaultPlan, ServerFault, Stream, Toxic};
use shakedown_model::plan::{Phase, Plan, ProxyKind};
use shakedown_model::{GroupId, NodeId, PhaseId};

use super::{bounded, given, link_named, positive, server_faults, troubles, unique};
use crate::field::{Name, Record, Selection, duplicate};
use crate::problem::{Findings, nearest};
use crate::quantity::show_time;
use crate::raw::{RawAction, RawFault, RawFlap, RawHeld, RawNemesis, RawPlace, RawToxicFault, TOXICS};
use crate::source::{Span, Spanned};

/// The shortest time that a flapping proxy stays as it is.
const SHORTEST_FLAP: Duration = Duration::from_millis(100);

/// Adds the faults to the plan, by onset. Returns the names of those that could not be planned.
pub(super) fn faults<'a>(
    raw: &'a [Spanned<RawFault>],
    random: Option<&Spanned<RawNemesis>>,
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
            Some(fault) => {
                let repeated = repeat::repeated(fault, value.repeat.as_ref(), plan, found);
                faults.extend(repeated.into_iter().map(|fault| (fault, name)));
            }
            None => broken.push(value.name.as_ref().map_or("", |name| name.value.0.as_str())),
        }
    }
    if let Some(random) = random {
        let drawn = nemesis::nemesis(random, plan, found);
        faults.extend(drawn.into_iter().map(|fault| (fault, random.span)));
    }
    same_names(&faults, &names, found);
    faults.sort_by_key(|(fault, _)| (fault.from, fault.until));
    for (at, (fault, span)) in faults.iter().enumerate() {
        super::direct::refuse_fault(fault, *span, plan, found);
        for (earlier, _) in &faults[..at] {
            compare(earlier, fault, plan.proxy.kind, *span, found);
        }
    }
    plan.faults = faults.into_iter().map(|(fault, _)| fault).collect();
    broken
}

/// Refuses faults whose names come out the same; `written` are compared already.
fn same_names(faults: &[(FaultPlan, Span)], written: &[&Spanned<Name>], found: &mut Findings) {
    for (at, (fault, span)) in faults.iter().enumerate() {
        let is_written =
            |span: Span| written.iter().any(|name| name.span == span && name.value.0 == fault.name);
        let earlier = faults[..at].iter().find(|(earlier, _)| earlier.name == fault.name);
        if earlier.is_some_and(|(_, earlier)| !(is_written(*earlier) && is_written(*span))) {
            duplicate(&fault.name, *span, found);
        }
    }
}

fn fault(raw: &RawFault, plan: &Plan, found: &mut Findings) -> Option<FaultPlan> {
    positive(raw.length.as_ref(), "for", found);
    let length = given(raw.length.as_ref(), Duration::ZERO);
    let does = raw.action.as_ref().and_then(|action| does(&action.value, (action.span, length), plan, found));
    let window = raw.phase.as_ref().and_then(|phase| window(raw, phase, plan, found));
    let ((action, place), (phase, from, until)) = (does?, window?);
    let name = raw.name.as_ref().map_or_else(String::new, |name| name.value.0.clone());
    let defect = raw.defect.as_ref().map(|defect| defect.value);
    Some(FaultPlan { name, phase, from, until, action, groups: place.groups, nodes: place.nodes, defect })
}

/// Whose connections with which nodes a fault touches.
struct Place {
    groups: Vec<GroupId>,
    /// Empty: all.
    nodes: Vec<NodeId>,
}

type Window = (PhaseId, shakedown_model::Offset, shakedown_model::Offset);

fn window(raw: &RawFault, name: &Spanned<Name>, plan: &Plan, found: &mut Findings) -> Option<Window> {
    let (id, phase) = phase_of(name, plan, found)?;
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
    Some((id, from, until))
}

/// The phase of this name.
fn phase_of<'a>(name: &Spanned<Name>, plan: &'a Plan, found: &mut Findings) -> Option<(PhaseId, &'a Phase)> {
    let Some(index) = plan.phases.iter().position(|phase| phase.name == name.value.0) else {
        found
            .error("scenario::unknown_phase", name.span, format!("phase `{}` does not exist", name.value.0))
            .help(nearest(&name.value.0, plan.phases.iter().map(|phase| phase.name.as_str())));
        return None;
    };
    Some((PhaseId(u16::try_from(index).ok()?), &plan.phases[index]))
}

/// What a fault does, and to whom, when it lasts for `length`.
fn does(
    raw: &RawAction,
    (span, length): (Span, Duration),
    plan: &Plan,
    found: &mut Findings,
) -> Option<(FaultAction, Place)> {
    let on = |raw: &RawPlace, found: &mut Findings| {
        let given = Given { link: raw.link.as_ref(), groups: raw.groups.as_ref(), nodes: raw.nodes.as_ref() };
        given.place(raw, span, plan, found)
    };
    Some(match raw {
        RawAction::Toxic(raw) => {
            let given =
                Given { link: raw.link.as_ref(), groups: raw.groups.as_ref(), nodes: raw.nodes.as_ref() };
            let (toxic, place) = (toxic(raw, span, plan, found), given.place(&**raw, span, plan, found));
            (FaultAction::Toxic { toxic: toxic? }, place?)
        }
        RawAction::Ramp(raw) => {
            let given =
                Given { link: raw.link.as_ref(), groups: raw.groups.as_ref(), nodes: raw.nodes.as_ref() };
            let place = given.place(&**raw, span, plan, found);
            (ramp::ramp(raw, (span, length), plan, found)?, place?)
        }
        RawAction::Reset(raw) => (FaultAction::Reset, on(raw, found)?),
        RawAction::Refuse(raw) => (FaultAction::Refuse, on(raw, found)?),
        RawAction::HalfOpen(raw) => {
            embedded_only("half_open", span, plan, found);
            (FaultAction::HalfOpen, on(raw, found)?)
        }
        RawAction::Silence(raw) => {
            embedded_only("silence", span, plan, found);
            (FaultAction::Silence, on(raw, found)?)
        }
        RawAction::Blackhole(raw) => {
            let stream = given(raw.stream.as_ref(), Stream::Both);
            (FaultAction::Blackhole { stream }, held(raw, span, plan, found)?)
        }
        RawAction::OneWay(raw) => {
            embedded_only("one_way", span, plan, found);
            let stream = given(raw.stream.as_ref(), Stream::Downstream);
            if let Some(field) = raw.stream.as_ref().filter(|_| stream == Stream::Both) {
                found
                    .error("scenario::conflict", field.span, "`one_way` holds one direction")
                    .help("write `upstream` or `downstream`, or choose `blackhole`, which holds both");
            }
            (FaultAction::OneWay { stream }, held(raw, span, plan, found)?)
        }
        RawAction::Flap(raw) => {
            embedded_only("flap", span, plan, found);
            let given =
                Given { link: raw.link.as_ref(), groups: raw.groups.as_ref(), nodes: raw.nodes.as_ref() };
            let place = given.place(raw, span, plan, found);
            (flap(raw, span, found)?, place?)
        }
        RawAction::Crash(_)
        | RawAction::BlockedCallback(_)
        | RawAction::SlowConsumer(_)
        | RawAction::PanickingCallback(_)
        | RawAction::FullDisk(_) => {
            let (action, groups) = watchers::does(raw, span, plan, found)?;
            (action, Place { groups, nodes: Vec::new() })
        }
        RawAction::Overload(_) | RawAction::StrayWrites(_) => {
            let fault = control::does(raw, span, plan, found)?;
            (FaultAction::Control { fault }, Place { groups: all_groups(plan).collect(), nodes: Vec::new() })
        }
        RawAction::InvalidContent(raw) => {
            let share_ppm = troubles::share(raw.share.as_ref(), found);
            (
                FaultAction::InvalidContent { share_ppm },
                Place { groups: all_groups(plan).collect(), nodes: Vec::new() },
            )
        }
        _ if on_path::is_chosen(raw) => on_path::does(raw, span, plan, found)?,
        _ => on_servers(raw, span, plan, found)?,
    })
}

/// A fault of servers. Whichever node a watcher is connected to, all groups may be on it.
fn on_servers(
    raw: &RawAction,
    span: Span,
    plan: &Plan,
    found: &mut Findings,
) -> Option<(FaultAction, Place)> {
    let (fault, nodes) = match raw {
        RawAction::Kill(_)
        | RawAction::Stop(_)
        | RawAction::Pause(_)
        | RawAction::RollingRestart(_)
        | RawAction::Certificate(_)
        | RawAction::ClientsUntrusted(_)
        | RawAction::LeaderLoss(_)
        | RawAction::Disconnect(_)
        | RawAction::Upgrade(_) => server_faults::does(raw, span, plan, found)?,
        _ => troubles::does(raw, span, plan, found)?,
    };
    Some((FaultAction::Server { fault }, Place { groups: all_groups(plan).collect(), nodes }))
}

fn held(raw: &RawHeld, span: Span, plan: &Plan, found: &mut Findings) -> Option<Place> {
    let given = Given { link: raw.link.as_ref(), groups: raw.groups.as_ref(), nodes: raw.nodes.as_ref() };
    given.place(raw, span, plan, found)
}

fn flap(raw: &RawFlap, span: Span, found: &mut Findings) -> Option<FaultAction> {
    let RawFlap { up, down, period, duty, .. } = raw;
    let (up, down, at) = match (up, down, period) {
        (Some(up), Some(down), None) if duty.is_none() => (up.value, down.value, [up.span, down.span]),
        (None, None, Some(period)) => {
            let millis =
                |time: Duration| Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
            let up = millis(period.value.mul_f64(duty.as_ref().map_or(0.5, |duty| duty.value.0)));
            let at = duty.as_ref().map_or(period.span, |duty| duty.span);
            (up, period.value.saturating_sub(up), [at, at])
        }
        _ => {
            let is_whole = |key: &str, is_read: bool| raw.has(key) == is_read;
            if is_whole("up", up.is_some())
                && is_whole("down", down.is_some())
                && is_whole("period", period.is_some())
            {
                found
                    .error(
                        "scenario::not_one",
                        span,
                        "a flap has `up` and `down`, or a `period` and a `duty`",
                    )
                    .help("write `{ up: 2s, down: 500ms }`, or `{ period: 2500ms, duty: 80% }`");
            }
            return None;
        }
    };
    for (time, span, what) in [(up, at[0], "up"), (down, at[1], "down")] {
        if time < SHORTEST_FLAP {
            let least = show_time(SHORTEST_FLAP);
            found
                .error("scenario::out_of_range", span, format!("`{what}` is at least {least}"))
                .help("a canary needs some milliseconds to see which it is");
        }
    }
    Some(FaultAction::Flap { up, down })
}

/// Refuses what Toxiproxy has no word for.
fn embedded_only(what: &str, span: Span, plan: &Plan, found: &mut Findings) {
    if plan.proxy.kind == ProxyKind::Toxiproxy {
        found
            .error("scenario::not_supported", span, format!("Toxiproxy has no `{what}`"))
            .help("choose `proxy: { kind: embedded }`, or another fault such as `blackhole` or `refuse`");
    }
}

fn toxic(raw: &RawToxicFault, span: Span, plan: &Plan, found: &mut Findings) -> Option<Toxic> {
    let named = TOXICS.iter().filter(|name| raw.has(name)).count();
    is_one(named, ("a fault is", &TOXICS), span, found).then_some(())?;
    super::toxics::toxic(raw.toxics().first()?, &plan.proxy, found)
}

/// Whether exactly one toxic of these is named; `begins` begins the sentence that says so.
fn is_one(named: usize, (begins, toxics): (&str, &[&str]), span: Span, found: &mut Findings) -> bool {
    if named != 1 {
        let count = if named == 0 { "and there is none" } else { "not several" };
        found
            .error("scenario::not_one", span, format!("{begins} exactly one toxic, {count}"))
            .help(format!("choose one of `{}`", toxics.join("`, `")));
    }
    named == 1
}

/// Where a fault acts, as written.
struct Given<'a> {
    link: Option<&'a Spanned<Name>>,
    groups: Option<&'a Spanned<Selection<Name>>>,
    nodes: Option<&'a Spanned<Selection<u32>>>,
}

impl Given<'_> {
    fn place(&self, raw: &impl Record, span: Span, plan: &Plan, found: &mut Findings) -> Option<Place> {
        let nodes = self.nodes.map_or_else(Vec::new, |nodes| self::nodes(nodes, plan, found));
        let groups = match (self.link, self.groups) {
            (Some(link), None) => on_link(link, plan, found)?,
            (None, Some(selection)) => groups(selection, plan, found),
            (Some(_), Some(both)) => {
                found
                    .error("scenario::conflict", both.span, "a fault is on a link or on groups, not on both")
                    .help("remove one of the two");
                return None;
            }
            (None, None) => {
                if !raw.has("link") && !raw.has("groups") {
                    found
                        .error("scenario::missing_key", span, "key `groups` is missing")
                        .label("in this fault")
                        .help(
                            "write `groups: all`, a list of groups, or `link: ...` for every group on a link",
                        );
                }
                return None;
            }
        };
        Some(Place { groups, nodes })
    }
}

fn on_link(name: &Spanned<Name>, plan: &Plan, found: &mut Findings) -> Option<Vec<GroupId>> {
    let Some(link) = link_named(&plan.links, &name.value.0) else {
        found
            .error("scenario::unknown_link", name.span, format!("link `{}` does not exist", name.value.0))
            .help(nearest(&name.value.0, plan.links.iter().map(|link| link.name.as_str())));
        return None;
    };
    Some(all_groups(plan).filter(|id| plan.groups[id.index()].link == link).collect())
}

/// The nodes that are named; none for all of them.
pub(super) fn nodes(selection: &Spanned<Selection<u32>>, plan: &Plan, found: &mut Findings) -> Vec<NodeId> {
    let Selection::Only(numbers) = &selection.value else { return Vec::new() };
    if numbers.is_empty() {
        found
            .error("scenario::zero", selection.span, "the fault touches no node")
            .help("name a node by its number, or write `all`");
    }
    let mut nodes = Vec::new();
    for number in numbers {
        match u16::try_from(number.value).ok().filter(|node| *node < plan.server.nodes).map(NodeId) {
            Some(node) if nodes.contains(&node) => duplicate(&number.value.to_string(), number.span, found),
            Some(node) => nodes.push(node),
            None => {
                found
                    .error(
                        "scenario::unknown_node",
                        number.span,
                        format!("there is no node {}", number.value),
                    )
                    .help(format!("nodes are numbered 0 to {}", plan.server.nodes.saturating_sub(1)));
            }
        }
    }
    nodes.sort_unstable();
    nodes
}

fn all_groups(plan: &Plan) -> impl Iterator<Item = GroupId> {
    (0_u16..).map(GroupId).take(plan.groups.len())
}

fn groups(raw: &Spanned<Selection<Name>>, plan: &Plan, found: &mut Findings) -> Vec<GroupId> {
    let Spanned { value: selection, span } = raw;
    let Selection::Only(names) = selection else { return all_groups(plan).collect() };
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
    groups
}

/// Two faults at the same time on the same groups: of one kind they cannot be told apart, of two cutting kinds only
/// the losses of connections can be told apart badly.
fn compare(earlier: &FaultPlan, later: &FaultPlan, proxy: ProxyKind, span: Span, found: &mut Findings) {
    let meet = |one: &FaultPlan, other: &FaultPlan| {
        one.groups.iter().any(|group| other.groups.contains(group))
            && (one.nodes.is_empty()
                || other.nodes.is_empty()
                || one.nodes.iter().any(|node| other.nodes.contains(node)))
    };
    if later.from >= earlier.until || !meet(earlier, later) {
        return;
    }
    let resets = |fault: &FaultPlan| fault.action.kind().starts_with("reset");
    // On the real proxy these close it and open it again.
    let closes = |fault: &FaultPlan| {
        proxy == ProxyKind::Toxiproxy && (resets(fault) || fault.action == FaultAction::Refuse)
    };
    let crashes = |fault: &FaultPlan| fault.action.crashes();
    let moves_nodes = |fault: &FaultPlan| match fault.action {
        // What is told to a node can be told beside something else.
        FaultAction::Server { fault } => !matches!(fault, ServerFault::Trouble { .. }),
        _ => false,
    };
    let is_same_kind = effect(earlier) == effect(later)
        || (moves_nodes(earlier) && moves_nodes(later))
        || (resets(earlier) && resets(later))
        || (closes(earlier) && closes(later));
    if is_same_kind {
        found
            .error(
                "scenario::overlap",
                span,
                if moves_nodes(later) {
                    format!("this fault overlaps `{}`, which befalls the same nodes", earlier.name)
                } else {
                    format!(
                        "this fault overlaps `{}`, which does the same to the same watchers",
                        earlier.name
                    )
                },
            )
            .help(format!(
                "begin it at or after the end of `{}`, or let it touch other {}",
                earlier.name,
                if moves_nodes(later) { "nodes" } else { "groups" }
            ));
    } else if earlier.action.cuts() && later.action.cuts() && !crashes(earlier) && !crashes(later) {
        found
            .warn("scenario::overlap", span, format!("this fault and `{}` cut the same watchers at once", earlier.name))
            .help("a lost connection belongs to one fault only: measures after the other one may have few samples");
    }
}

/// What two faults cannot both do to one connection and be told apart.
const fn effect(fault: &FaultPlan) -> &'static str {
    match fault.action {
        FaultAction::Ramp { toxic, .. } => toxic.kind.name(),
        action => action.kind(),
    }
}
