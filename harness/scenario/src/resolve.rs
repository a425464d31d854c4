//! From what was written to the plan: every default filled in, every instant absolute, everything compared.
//!
//! Works through the whole scenario whatever it finds, with a default in place of what is missing or ill-formed, so
//! that one pass reports every problem. The plan counts only when there was none.

mod advice;
mod containers;
mod direct;
mod drivers;
mod external;
mod faults;
mod groups;
mod items;
mod mutations;
mod pace;
mod server;
mod server_faults;
mod tls;
mod toxics;
mod troubles;

use std::path::Path;

use shakedown_model::division::{MOST_WORKERS, Workers};
use shakedown_model::gate::Gate;
use shakedown_model::plan::{Arrivals, MutatorSpec, PLAN_FORMAT, Phase, Plan};
use shakedown_model::time::Offset;
use shakedown_model::verdict::Guarantee;
use shakedown_model::{Seed, plan::LinkSpec};

use crate::field::{Name, Selection, duplicate};
use crate::problem::Findings;
use crate::quantity::LONGEST;
use crate::raw::{RawPhase, RawScenario};
use crate::source::{Span, Spanned};

/// The seed of a scenario that names none.
const DEFAULT_SEED: u64 = 1;
/// The version of this format.
const VERSION: u32 = 1;
/// The most of anything that a scenario lists.
const MAX_LIST: usize = 1000;
/// The most config items, and the most watchers.
const MAX_COUNT: u32 = 1_000_000;
/// Stands for a number of items that could not be read, so that what refers to it is not refused as well.
const UNKNOWN_COUNT: u32 = 100_000;
/// The highest rate that a ramp may have.
const MAX_RATE: f64 = 10_000.0;

/// The plan of a scenario; `None` when there are problems.
///
/// `beside` is the folder of the scenario's file: paths to traces are relative to it.
pub(crate) fn resolve(raw: &RawScenario, beside: &Path, found: &mut Findings) -> Option<Plan> {
    if let Some(version) = raw.shakedown.as_ref().filter(|version| version.value != VERSION) {
        found
            .error("scenario::unknown_version", version.span, "this version of the format is not known")
            .help("write `shakedown: 1`");
    }
    let proxy = server::proxy(raw.proxy.as_ref().map(|proxy| &proxy.value), found);
    let links = server::links(raw.links.as_ref().map(|links| &links.value), &proxy, found);
    let items = items::items(raw.items.as_ref().map(|items| &items.value), found);
    let raw_groups = listed(raw.watchers.as_ref(), "watchers", found);
    let groups = groups::groups(raw_groups, &links, &items, found);
    let raw_phases = listed(raw.phases.as_ref(), "phases", found);
    let phases = phases(raw_phases, found);
    let mut plan = Plan {
        format: PLAN_FORMAT,
        name: raw.name.as_ref().map_or_else(String::new, |name| name.value.0.clone()),
        about: given(raw.about.as_ref(), String::new()),
        seed: Seed(given(raw.seed.as_ref(), DEFAULT_SEED)),
        delivery_timeout: given(raw.delivery_timeout.as_ref(), std::time::Duration::from_secs(20)),
        server: server::server(raw.server.as_ref().map(|server| &server.value), found),
        proxy,
        links,
        items,
        groups,
        workers: raw.workers.as_ref().map_or_else(Workers::default, |workers| workers.value),
        mutator: MutatorSpec::writes(Arrivals::Constant { per_second: 1.0 }),
        phases,
        faults: Vec::new(),
        gates: Vec::new(),
        required: required(raw, found),
    };
    workers(raw.workers.as_ref(), found);
    for group in &mut plan.groups {
        group.client.backoff = group.client.backoff.on_nodes(plan.server.nodes);
    }
    containers::together(raw.proxy.as_ref().map(|proxy| &proxy.value), &plan.proxy, &plan.server, found);
    external::together(raw, &plan, found);
    tls::together(raw, &plan, found);
    direct::together(raw, &mut plan, found);
    positive(raw.delivery_timeout.as_ref(), "delivery-timeout", found);
    let mutations = raw.mutations.as_ref().map(|mutations| &mutations.value);
    plan.mutator = mutations::mutator(mutations, &plan, beside, found);
    unused_links(raw, &plan, found);
    let raw_faults = raw.faults.as_ref().map_or(&[][..], |faults| faults.value.as_slice());
    let broken = faults::faults(raw_faults, raw.nemesis.as_ref(), &mut plan, found);
    let gates = gates(raw, &plan, &broken, found);
    if !found.has_errors() {
        external::within_ceiling(raw, &plan, found);
    }
    if found.has_errors() {
        return None;
    }
    advice::advise(raw, &plan, &gates, found);
    plan.gates = gates.into_iter().map(|gate| gate.value).collect();
    Some(plan)
}

/// The value that was given, or the default.
fn given<T: Clone>(field: Option<&Spanned<T>>, default: T) -> T {
    field.map_or(default, |field| field.value.clone())
}

/// The zero of a quantity that must be above it.
trait Zero {
    fn is_zero(&self) -> bool;
}

impl Zero for u32 {
    fn is_zero(&self) -> bool {
        *self == 0
    }
}

impl Zero for std::time::Duration {
    fn is_zero(&self) -> bool {
        std::time::Duration::is_zero(self)
    }
}

impl Zero for crate::field::Number {
    fn is_zero(&self) -> bool {
        self.0 <= 0.0
    }
}

impl<T: Zero> Zero for crate::field::OrNone<T> {
    fn is_zero(&self) -> bool {
        self.0.as_ref().is_some_and(Zero::is_zero)
    }
}

impl Zero for crate::field::PerSecond {
    fn is_zero(&self) -> bool {
        self.0 <= 0.0
    }
}

/// Refuses a zero.
fn positive<T: Zero>(field: Option<&Spanned<T>>, what: &str, found: &mut Findings) {
    if let Some(field) = field.filter(|field| field.value.is_zero()) {
        found
            .error("scenario::zero", field.span, format!("`{what}` cannot be zero"))
            .help(format!("give `{what}` a value above zero, or leave it out where it has a default"));
    }
}

/// Refuses more workers than a run may have.
fn workers(workers: Option<&Spanned<Workers>>, found: &mut Findings) {
    if let Some(Spanned { value: Workers::Exactly(count), span }) = workers
        && *count > MOST_WORKERS
    {
        found
            .error("scenario::out_of_range", *span, format!("{count} workers are too many"))
            .help(format!("write `auto`, or at most {MOST_WORKERS}"));
    }
}

/// A list that must have elements.
fn listed<'a, T>(
    list: Option<&'a Spanned<Vec<Spanned<T>>>>,
    what: &str,
    found: &mut Findings,
) -> &'a [Spanned<T>] {
    let Some(list) = list else { return &[] };
    if list.value.is_empty() {
        found
            .error("scenario::zero", list.span, format!("`{what}` lists nothing that can be used"))
            .help("a scenario needs at least one");
    }
    bounded(&list.value, list.span, what, found);
    &list.value
}

fn bounded<T>(list: &[T], span: Span, what: &str, found: &mut Findings) {
    if list.len() > MAX_LIST {
        found.error("scenario::too_big", span, format!("`{what}` has more than {MAX_LIST} elements"));
    }
}

/// Reports names that come twice.
fn unique(names: &[&Spanned<Name>], found: &mut Findings) {
    for (at, name) in names.iter().enumerate() {
        if names[..at].iter().any(|earlier| earlier.value == name.value) {
            duplicate(&name.value.0, name.span, found);
        }
    }
}

fn phases(raw: &[Spanned<RawPhase>], found: &mut Findings) -> Vec<Phase> {
    let names: Vec<_> = raw.iter().filter_map(|phase| phase.value.name.as_ref()).collect();
    unique(&names, found);
    let mut from = Offset::ZERO;
    let mut phases: Vec<Phase> = Vec::new();
    for Spanned { value: phase, .. } in raw {
        positive(phase.length.as_ref(), "for", found);
        let name = phase.name.as_ref().map_or_else(String::new, |name| name.value.0.clone());
        let until = from + given(phase.length.as_ref(), std::time::Duration::ZERO);
        let is_measured = !(phases.is_empty() && name == "warm-up");
        phases.push(Phase {
            name,
            from,
            until,
            is_measured: given(phase.measured.as_ref(), is_measured),
            mutates_before_faults: given(phase.mutates_before_faults.as_ref(), false),
        });
        from = until;
    }
    if let Some(last) = raw.last().filter(|_| from.since_start() > LONGEST) {
        found.error("scenario::out_of_range", last.span, "the phases together are longer than 24 hours");
    }
    if let Some(first) = raw.first().filter(|_| !phases.iter().any(|phase| phase.is_measured)) {
        found
            .error("scenario::unmeasured_phase", first.span, "no phase is measured")
            .help("add a phase after the warm-up");
    }
    phases
}

fn unused_links(raw: &RawScenario, plan: &Plan, found: &mut Findings) {
    let Some(links) = &raw.links else { return };
    let groups = raw.watchers.as_ref().map_or(&[][..], |groups| groups.value.as_slice());
    let exists = |name: &Spanned<Name>| link_named(&plan.links, &name.value.0).is_some();
    if groups.iter().any(|group| group.value.link.as_ref().is_none_or(|name| !exists(name)))
        && links.value.0.len() > 1
    {
        // A group whose link is wrong may be the one that a link waits for; the wrong one is a finding already.
        return;
    }
    for (index, (name, _)) in links.value.0.iter().enumerate() {
        if !plan.groups.iter().any(|group| group.link.index() == index) {
            found
                .error(
                    "scenario::unused_link",
                    name.span,
                    format!("link `{}` has no watchers on it", name.value.0),
                )
                .help("remove it, or give a group of watchers this link");
        }
    }
}

fn gates(raw: &RawScenario, plan: &Plan, broken: &[&str], found: &mut Findings) -> Vec<Spanned<Gate>> {
    let Some(gates) = &raw.gates else { return Vec::new() };
    bounded(&gates.value, gates.span, "gates", found);
    let mut resolved: Vec<Spanned<Gate>> = Vec::new();
    for gate in &gates.value {
        if let Some(value) = crate::gate::resolve(gate, plan, broken, found) {
            let mut bare = value.clone();
            bare.text = String::new();
            if resolved.iter().any(|earlier| Gate { text: String::new(), ..earlier.value.clone() } == bare) {
                duplicate(&value.text, gate.span, found);
            }
            resolved.push(Spanned { value, span: gate.span });
        }
    }
    resolved
}

fn required(raw: &RawScenario, found: &mut Findings) -> Vec<Guarantee> {
    let guarantees = raw.guarantees.as_ref().map(|guarantees| &guarantees.value);
    let require = guarantees.and_then(|guarantees| guarantees.require.as_ref());
    match require.map(|require| &require.value) {
        None | Some(Selection::All) => Guarantee::ALL.to_vec(),
        Some(Selection::Only(names)) => {
            for (at, name) in names.iter().enumerate() {
                if names[..at].iter().any(|earlier| earlier.value == name.value) {
                    duplicate(name.value.name(), name.span, found);
                }
            }
            Guarantee::ALL.into_iter().filter(|one| names.iter().any(|name| name.value == *one)).collect()
        }
    }
}

/// The link with this name.
fn link_named(links: &[LinkSpec], name: &str) -> Option<shakedown_model::LinkId> {
    let index = links.iter().position(|link| link.name == name)?;
    u16::try_from(index).ok().map(shakedown_model::LinkId)
}
