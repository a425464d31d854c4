//! Tables of every measure by phase and by fault.

use maud::{Markup, html};
use shakedown_check::result::{Figure, StatValue};
use shakedown_model::gate::{Measure, Scope, Stat};

use crate::input::ReportInput;
use crate::quantity::{count, stat};

pub(super) fn of_phases(input: ReportInput<'_>) -> Markup {
    let empty = "Nothing was measured: no phase that counts had a sample.";
    let order = [Measure::EndToEnd, Measure::Propagation]
        .into_iter()
        .chain(Measure::ALL.into_iter().filter(|m| !matches!(m, Measure::EndToEnd | Measure::Propagation)));
    let measures: Vec<Measure> = order.filter(|measure| !measure.belongs_to_fault()).collect();
    section(input, ("by-phase", "Measures by phase", "Phase"), &measures, Notes { empty, below: None })
}

pub(super) fn of_faults(input: ReportInput<'_>) -> Markup {
    let empty = "No fault was seen to cut a connection, so there is nothing about detecting, reconnecting or catching up.";
    let measures: Vec<Measure> =
        Measure::ALL.into_iter().filter(|measure| measure.belongs_to_fault()).collect();
    let notes = Notes { empty, below: input.not_observed() };
    section(input, ("by-fault", "Measures by fault", "Fault"), &measures, notes)
}

/// What a section says beside its table.
struct Notes {
    /// Where there is no table.
    empty: &'static str,
    /// Below it.
    below: Option<String>,
}

fn section(
    input: ReportInput<'_>,
    (id, title, place): (&str, &str, &str),
    measures: &[Measure],
    notes: Notes,
) -> Markup {
    let tables: Vec<(Measure, Vec<&Figure>)> =
        measures.iter().map(|m| (*m, input.figures(*m))).filter(|(_, figures)| !figures.is_empty()).collect();
    html! {
        section id=(id) {
            h2 { (title) }
            @if tables.is_empty() {
                p.empty { (notes.empty) }
            } @else {
                div.scroll {
                    table.measures {
                        thead {
                            tr {
                                th { (place) } th { "Group" }
                                @for s in Stat::ALL { th.number { (s.name()) } }
                                th.number { "n" } th.number { "later" }
                            }
                        }
                        @for (measure, figures) in &tables {
                            tbody {
                                tr.measure { th colspan="9" scope="rowgroup" { div { (measure.name()) " " small { (meaning(*measure)) } } } }
                                @for (n, figure) in figures.iter().enumerate() { (row(input, figure, n == 0 || figures[n - 1].scope != figure.scope)) }
                            }
                        }
                    }
                }
            }
            @if let Some(below) = notes.below { p.empty { (below) } }
        }
    }
}

fn row(input: ReportInput<'_>, figure: &Figure, is_first: bool) -> Markup {
    let negative = (figure.negative > 0).then(|| format!("{} seen before the ack", count(figure.negative)));
    let scope = match figure.scope {
        Scope::Run => "whole run".to_owned(),
        Scope::Phase(_) | Scope::Fault(_) => input.scope_name(figure.scope),
    };
    html! {
        tr class=[is_first.then_some("first")] {
            td { @if is_first { (scope) } @else { span.repeated { (scope) } } }
            td { (input.group_or_dash(figure.group)) @if let Some(negative) = negative { br; small { (negative) } } }
            @for s in Stat::ALL { (cell(figure, s)) }
            td.number { (count(figure.count)) }
            td.number { @if figure.censored > 0 { (count(figure.censored)) } }
        }
    }
}

/// One value; a share has one only, shown as the largest.
fn cell(figure: &Figure, which: Stat) -> Markup {
    let is_few = figure.count > 0 && figure.stat(which) == StatValue::TooFew;
    html! {
        td.number {
            @if figure.measure.is_share() && which != Stat::Max {
                ""
            } @else if is_few {
                span.few { (stat(figure, which)) }
            } @else {
                (stat(figure, which))
            }
        }
    }
}

/// From what to what, in a few words.
pub(super) const fn meaning(measure: Measure) -> &'static str {
    match measure {
        Measure::Publish => "a change is due → the server acks it",
        Measure::Propagation => "ack → a watcher holds it, verified",
        Measure::EndToEnd => "a change is due → a watcher holds it, verified",
        Measure::Notify => "ack → the first sign of a change that a watcher got",
        Measure::Fetch => "the sign of a change → the watcher holds it, verified",
        Measure::T50 => "a change is due → half of its watchers hold it",
        Measure::T90 => "a change is due → 90 % of its watchers hold it",
        Measure::T99 => "a change is due → 99 % of its watchers hold it",
        Measure::TAll => "a change is due → all of its watchers hold it",
        Measure::Detect => "the fault begins → a watcher notices that its connection is gone",
        Measure::AttemptGap => "an attempt to connect ends → the next begins",
        Measure::Reconnect => "the loss is noticed → subscribed again and confirmed",
        Measure::CatchUp => "the fault is healed → the watcher holds the newest version",
        Measure::Failover => "a read without a server → the answer from the cache",
        Measure::Staleness => "the oldest version that a watcher misses was acked → now",
        Measure::Convergence => "the last ack of a phase → every watcher of the group holds it",
        Measure::FetchRate => "contents that the group's watchers fetched in a second, one value per second",
        Measure::AttemptsPerWatcher => "attempts of a cut watcher until it was subscribed again",
        Measure::WriteOutage => "the longest time in which no node took a write",
        Measure::ReadOutage => "the longest time in which no node answered a read",
        Measure::PushOutage => "the longest time in which no node pushed a change",
        Measure::HerdShare => "the largest share of the cut watchers that attempt within any 100 ms",
    }
}
