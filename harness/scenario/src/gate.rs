//! Gates: `MEASURE[.STAT] OP VALUE [in PHASE | after FAULT] [for GROUP]`, compared with what the scenario has.

use shakedown_model::fault::{FaultAction, FaultPlan};
use shakedown_model::gate::{Gate, Measure, Op, Scope, Stat, Threshold};
use shakedown_model::plan::Plan;
use shakedown_model::{FaultId, GroupId, PhaseId};

use crate::problem::{Findings, nearest};
use crate::raw::RawGate;
use crate::source::{Span, Spanned};

mod threshold;

const GRAMMAR: &str = "a gate is `MEASURE[.STAT] OP VALUE [in PHASE | after FAULT] [for GROUP]`, \
                       such as `end-to-end.p99 < 300ms in steady`; \
                       VALUE may be `baseline + 10%`";

/// What JSON Schema can say about a gate.
pub(crate) fn pattern() -> String {
    let measures: Vec<_> = Measure::ALL.iter().map(|measure| measure.name()).collect();
    let stats: Vec<_> = Stat::ALL.iter().map(|stat| stat.name()).collect();
    format!(
        r"^ *({})(\.({}))? *(<=|>=|<|>) *{}( +(in|after) +[^ ]+)?( +for +[^ ]+)? *$",
        measures.join("|"),
        stats.join("|"),
        threshold::PATTERN
    )
}

/// The statistics that a measure has: a herd share is one number per fault and group, an outage of service one per
/// fault, convergence one per phase and group, and of staleness over time only the largest counts.
fn stats_of(measure: Measure) -> &'static [Stat] {
    match measure {
        Measure::HerdShare | Measure::Convergence | Measure::Staleness => &[Stat::Max],
        measure if measure.is_of_service() => &[Stat::Max],
        _ => &Stat::ALL,
    }
}

/// Whether a gate may leave the statistic out: there is one value to speak of.
const fn is_one_value(measure: Measure) -> bool {
    matches!(measure, Measure::HerdShare | Measure::Convergence) || measure.is_of_service()
}

/// A gate that names only things that exist. `broken` are faults that the scenario names and that could not be planned,
/// which are findings already.
pub(crate) fn resolve(
    raw: &Spanned<RawGate>,
    plan: &Plan,
    broken: &[&str],
    found: &mut Findings,
) -> Option<Gate> {
    let parts = Parts::split(raw, found)?;
    let subject = parts.subject(found);
    let threshold = subject.and_then(|(measure, _)| parts.threshold(measure, found));
    let scope = match parts.scope {
        Some((_, name)) if broken.contains(&name.text) => None,
        _ => parts.scope(subject.map(|(measure, _)| measure), plan, found),
    };
    let group = parts.group(plan, found);
    let ((measure, stat), group, scope, threshold) = (subject?, group?, scope?, threshold?);
    let gate = Gate { text: raw.value.text.clone(), measure, stat, op: parts.op, threshold, scope, group };
    (!broken.is_empty() || is_possible(&gate, &parts, plan, found)).then_some(gate)
}

/// A word of a gate and where it stands.
#[derive(Debug, Clone, Copy)]
struct Part<'a> {
    text: &'a str,
    span: Span,
}

/// A gate taken apart.
#[derive(Debug)]
struct Parts<'a> {
    measure: Part<'a>,
    stat: Option<Part<'a>>,
    op: Op,
    value: Part<'a>,
    scope: Option<(Part<'a>, Part<'a>)>,
    group: Option<Part<'a>>,
}

impl<'a> Parts<'a> {
    fn split(raw: &'a Spanned<RawGate>, found: &mut Findings) -> Option<Self> {
        let text = raw.value.text.as_str();
        let part = |text: &'a str, from: usize| {
            let from = from + (text.len() - text.trim_start().len());
            let text = text.trim();
            let span = raw.value.starts.map_or(raw.span, |start| raw.span.part(start, from, text.len()));
            Part { text, span }
        };
        let Some(at) = text.find(['<', '>']) else {
            found
                .error("scenario::bad_gate", raw.span, "the gate compares nothing: it has no `<` or `>`")
                .help(GRAMMAR);
            return None;
        };
        let is_equal = text[at + 1..].starts_with('=');
        let op = match (&text[at..=at], is_equal) {
            ("<", false) => Op::Below,
            ("<", true) => Op::AtMost,
            (_, false) => Op::Above,
            (_, true) => Op::AtLeast,
        };
        let subject = &text[..at];
        let (measure, stat) = match subject.split_once('.') {
            Some((measure, stat)) => (part(measure, 0), Some(part(stat, measure.len() + 1))),
            None => (part(subject, 0), None),
        };
        let from = at + 1 + usize::from(is_equal);
        let mut words = words_of(text, from).peekable();
        let mut value_end = from;
        while let Some((word_at, word)) = words.next_if(|(_, word)| !matches!(*word, "in" | "after" | "for"))
        {
            value_end = word_at + word.len();
        }
        let value = part(&text[from..value_end], from);
        let mut parts = Self { measure, stat, op, value, scope: None, group: None };
        while let Some((keyword_at, keyword)) = words.next() {
            let keyword = part(keyword, keyword_at);
            let is_known = match keyword.text {
                "in" | "after" => parts.scope.is_none() && parts.group.is_none(),
                _ => keyword.text == "for" && parts.group.is_none(),
            };
            let Some((name_at, name)) = words.next().filter(|_| is_known) else {
                found
                    .error(
                        "scenario::bad_gate",
                        keyword.span,
                        format!("`{}` does not fit here", keyword.text),
                    )
                    .help(GRAMMAR);
                return None;
            };
            let name = part(name, name_at);
            match keyword.text {
                "for" => parts.group = Some(name),
                _ => parts.scope = Some((keyword, name)),
            }
        }
        Some(parts)
    }

    fn subject(&self, found: &mut Findings) -> Option<(Measure, Stat)> {
        let Some(measure) = Measure::ALL.into_iter().find(|measure| measure.name() == self.measure.text)
        else {
            found
                .error(
                    "scenario::unknown_measure",
                    self.measure.span,
                    format!("measure `{}` is not known", self.measure.text),
                )
                .help(nearest(self.measure.text, Measure::ALL.map(Measure::name)));
            return None;
        };
        let stats = stats_of(measure);
        let names: Vec<_> = stats.iter().map(|stat| stat.name()).collect();
        match &self.stat {
            Some(part) => match stats.iter().find(|stat| stat.name() == part.text) {
                Some(stat) => Some((measure, *stat)),
                None => {
                    found
                        .error(
                            "scenario::unknown_stat",
                            part.span,
                            format!("`{measure}` has no statistic `{}`", part.text),
                        )
                        .help(nearest(part.text, names));
                    None
                }
            },
            None if is_one_value(measure) => Some((measure, Stat::Max)),
            None => {
                found
                    .error(
                        "scenario::missing_stat",
                        self.measure.span,
                        "the gate does not say which statistic",
                    )
                    .help(format!(
                        "write `{measure}.{}`; it has {}",
                        names[names.len() / 2],
                        names.join(", ")
                    ));
                None
            }
        }
    }

    fn threshold(&self, measure: Measure, found: &mut Findings) -> Option<Threshold> {
        match threshold::read(self.value.text, measure) {
            Ok(threshold) => Some(threshold),
            Err(wrong) => {
                let what = threshold::unit_of(measure);
                let message =
                    format!("`{}` is not {what}, which `{measure}` is measured in", self.value.text);
                found.error(wrong.code, self.value.span, message).help(wrong.help);
                None
            }
        }
    }

    fn scope(&self, measure: Option<Measure>, plan: &Plan, found: &mut Findings) -> Option<Scope> {
        let Some((keyword, name)) = self.scope else { return Some(Scope::Run) };
        let is_fault = keyword.text == "after";
        if let Some(measure) = measure.filter(|measure| measure.belongs_to_fault() != is_fault) {
            let (belongs, write) = if is_fault {
                ("the phase of a mutation or read", "in PHASE")
            } else {
                ("the fault that cut the connection", "after FAULT")
            };
            found
                .error("scenario::wrong_scope", keyword.span, format!("`{measure}` belongs to {belongs}"))
                .help(format!("write `{write}`, or leave it out to judge the whole run"));
            return None;
        }
        if is_fault { fault_scope(name, plan, found) } else { phase_scope(name, plan, found) }
    }

    /// The group; `Some(None)` when the gate holds for every group.
    fn group(&self, plan: &Plan, found: &mut Findings) -> Option<Option<GroupId>> {
        let Some(name) = self.group else { return Some(None) };
        let group = plan.group_named(name.text);
        if group.is_none() {
            found
                .error("scenario::unknown_group", name.span, format!("group `{}` does not exist", name.text))
                .help(nearest(name.text, plan.groups.iter().map(|group| group.name.as_str())));
        }
        group.map(Some)
    }
}

fn words_of(text: &str, from: usize) -> impl Iterator<Item = (usize, &str)> {
    text[from..].split_whitespace().map(move |word| (word.as_ptr().addr() - text.as_ptr().addr(), word))
}

fn phase_scope(name: Part<'_>, plan: &Plan, found: &mut Findings) -> Option<Scope> {
    let Some(index) = plan.phases.iter().position(|phase| phase.name == name.text) else {
        found
            .error("scenario::unknown_phase", name.span, format!("phase `{}` does not exist", name.text))
            .help(nearest(name.text, plan.phases.iter().map(|phase| phase.name.as_str())));
        return None;
    };
    if !plan.phases[index].is_measured {
        found
            .error("scenario::unmeasured_phase", name.span, format!("phase `{}` is not measured", name.text))
            .help("judge another phase, or give this one `measured: true`");
        return None;
    }
    Some(Scope::Phase(PhaseId(u16::try_from(index).ok()?)))
}

fn fault_scope(name: Part<'_>, plan: &Plan, found: &mut Findings) -> Option<Scope> {
    let Some(index) = plan.faults.iter().position(|fault| fault.name == name.text) else {
        let help = if plan.faults.is_empty() {
            "this scenario has no faults".to_owned()
        } else {
            nearest(name.text, plan.faults.iter().map(|fault| fault.name.as_str()))
        };
        found
            .error("scenario::unknown_fault", name.span, format!("fault `{}` does not exist", name.text))
            .help(help);
        return None;
    };
    if !plan.faults[index].action.cuts() {
        found
            .error("scenario::wrong_scope", name.span, format!("fault `{}` cuts no connection", name.text))
            .help("name a fault that cuts, or judge `end-to-end` in the fault's phase");
        return None;
    }
    Some(Scope::Fault(FaultId(u16::try_from(index).ok()?)))
}

/// Whether a fault befalls servers, where the gate looks.
fn befalls_servers(scope: Scope, plan: &Plan) -> bool {
    let befalls = |fault: &FaultPlan| matches!(fault.action, FaultAction::Server { .. });
    match scope {
        Scope::Fault(fault) => befalls(&plan.faults[fault.index()]),
        Scope::Run | Scope::Phase(_) => plan.faults.iter().any(befalls),
    }
}

/// Refuses gates that no run could ever have a sample for.
fn is_possible(gate: &Gate, parts: &Parts<'_>, plan: &Plan, found: &mut Findings) -> bool {
    let Gate { measure, scope, group, .. } = gate;
    let span = parts.measure.span;
    if let (Some(part), false) = (&parts.group, measure.has_group()) {
        found
            .error("scenario::wrong_scope", part.span, format!("`{measure}` is not measured per group"))
            .help("leave `for` out");
        return false;
    }
    if let (Scope::Fault(fault), Some(group), Some(part)) = (scope, group, &parts.group) {
        let fault = &plan.faults[fault.index()];
        if !fault.groups.contains(group) {
            let touched: Vec<_> =
                fault.groups.iter().map(|id| plan.groups[id.index()].name.as_str()).collect();
            found
                .error(
                    "scenario::no_samples",
                    part.span,
                    format!("fault `{}` does not touch this group", fault.name),
                )
                .help(format!("it touches: {}", touched.join(", ")));
            return false;
        }
    }
    if measure.is_of_service() && !befalls_servers(*scope, plan) {
        found
            .error(
                "scenario::no_samples",
                span,
                format!("`{measure}` is measured around faults of servers, and this is none"),
            )
            .help("name a fault such as `kill` or `leader_loss`, or remove the gate");
        return false;
    }
    if measure.belongs_to_fault()
        && *scope == Scope::Run
        && !plan.faults.iter().any(|fault| fault.action.cuts())
    {
        found
            .error(
                "scenario::no_samples",
                span,
                format!("no fault cuts a connection, so `{measure}` has no samples"),
            )
            .help("add a fault that cuts, or remove the gate");
        return false;
    }
    let reads = |id: GroupId| plan.groups[id.index()].reads_per_second > 0.0;
    let all = || (0_u16..).map(GroupId).take(plan.groups.len());
    if *measure == Measure::Failover && !group.map_or_else(|| all().all(reads), reads) {
        let readers: Vec<_> =
            all().filter(|id| reads(*id)).map(|id| plan.groups[id.index()].name.as_str()).collect();
        let help = if readers.is_empty() {
            "give a group `reads: 1/s`".to_owned()
        } else {
            format!("add `for GROUP`; these read: {}", readers.join(", "))
        };
        found
            .error(
                "scenario::no_samples",
                span,
                "`failover` is measured in groups that read, and one does not",
            )
            .help(help);
        return false;
    }
    true
}
