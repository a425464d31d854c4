//! By which path content came: how often, and how long it took.

use maud::{Markup, html};
use shakedown_check::result::PathFigure;
use shakedown_model::gate::Stat;

use crate::input::{ReportInput, path_name};
use crate::quantity::{count, stat_value};

pub(super) fn section(input: ReportInput<'_>) -> Markup {
    let rows = input.paths();
    html! {
        section #paths {
            h2 { "By which path" }
            @if rows.is_empty() {
                p.empty { "No delivery was attributed to a path." }
            } @else {
                div.scroll {
                    table.measures {
                        thead {
                            tr {
                                th { "Phase" } th { "Group" } th { "Path" }
                                @for which in Stat::ALL { th.number { (which.name()) } }
                                th.number { "n" } th.number { "share" }
                            }
                        }
                        tbody {
                            @for (n, figure) in rows.iter().enumerate() { (row(input, figure, n.checked_sub(1).map(|n| rows[n]))) }
                        }
                    }
                }
                p.empty {
                    "End-to-end, by the path that brought the content. "
                    @if rows.iter().any(|figure| figure.is_inferred) {
                        b { "Inferred" } " is told from times only: what was received does not say it."
                    }
                }
            }
        }
    }
}

fn row(input: ReportInput<'_>, figure: &PathFigure, before: Option<&PathFigure>) -> Markup {
    let is_first = before.is_none_or(|before| before.scope != figure.scope);
    html! {
        tr class=[is_first.then_some("first")] {
            td { @if is_first { (input.scope_name(figure.scope)) } @else { span.repeated { (input.scope_name(figure.scope)) } } }
            td { (input.group_name(figure.group)) }
            td { (path_name(figure.path)) @if figure.is_inferred { " " small { "inferred" } } }
            @for which in figure.stats { td.number { (stat_value(which)) } }
            td.number { (count(figure.count)) }
            td.number { (input.path_share(figure)) }
        }
    }
}
