//! Charts in the page, each with a sentence that says what it shows.

use maud::{Markup, PreEscaped, html};
use shakedown_check::result::{Figure, StatValue};
use shakedown_model::GroupId;
use shakedown_model::gate::{Measure, Scope, Stat};

use crate::charts::Chart;
use crate::charts::drawing::Hover;
use crate::charts::sheet::Format;
use crate::heap;
use crate::input::ReportInput;
use crate::quantity::{sentence_case, stat};
use crate::slowest;

/// A chart's section, and what the chart says where the pointer is.
pub(super) fn section(input: ReportInput<'_>, chart: Chart) -> (Markup, Vec<Hover>) {
    if let Some(why) = chart.why_empty(input) {
        let section = html! { section id=(chart.name()) { h2 { (chart.title()) } p.empty { (why) } } };
        return (section, Vec::new());
    }
    let (wide, hovers) = chart.svg_inline(input, Format::PageWide);
    let (narrow, _) = chart.svg_inline(input, Format::PageNarrow);
    let section = html! {
        section id=(chart.name()) {
            h2 { (chart.title()) }
            figure {
                div.chart.wide { (PreEscaped(wide)) }
                div.chart.narrow { (PreEscaped(narrow)) }
                figcaption {
                    p { (how_to_read(chart)) }
                    @if chart == Chart::Mutations {
                        @if let Some(slowest) = slowest::change(input) { p { (sentence_case(&slowest)) "." } }
                    }
                    @if chart == Chart::Resources { @for (node, line) in heap::lines(input) { p { (node) ": " (line) "." } } }
                    @if chart == Chart::Latency { @for line in input.groups().filter_map(|group| by_phase(input, group)) { p { (line) } } }
                }
            }
        }
    };
    (section, hovers)
}

/// One sentence that says what a chart shows.
const fn how_to_read(chart: Chart) -> &'static str {
    match chart {
        Chart::Latency => {
            "From the instant a change was due to the instant a watcher held it verified, by the time it was due; \
             logarithmic, with the same axis for every group."
        }
        Chart::Mutations => {
            "Each change has three dots above the instant it was due: how long until half, 99 % and all of the group's \
             watchers held it; an arrow means that some never did within the time-out."
        }
        Chart::Raster => {
            "Each row is a watcher, each column a change at the time it was due, and the colour says by which path it came; \
             a blank cell means that this watcher was not to receive this change."
        }
        Chart::Heatmap => {
            "Each cell is one phase in one group: above the quantile, below it how many samples it comes from; point at it \
             for the other quantiles."
        }
        Chart::Spectrum => {
            "Which share of deliveries came within which time; dashed where fewer than 10 samples lie beyond, so that the \
             line is a hint only."
        }
        Chart::Reconnect => {
            "Above: attempts to connect by when they began, each group with its own axis; below: the pause before each \
             attempt beside what the group's declared backoff allows, evenly thinned where there are many."
        }
        Chart::Staleness => {
            "The age of the oldest acked version that the worst watcher still misses; at the lower edge nobody is behind."
        }
        Chart::Failover => {
            "Each dot is a read that was answered from cache while the server was out of reach, by when it was due and by \
             how old the answer was; at the lower edge it was the newest."
        }
        Chart::Fidelity => {
            "The pause before each attempt to connect, one dot per attempt, by its number from the loss; real clients stand left \
             of the number, simulated ones right."
        }
        Chart::Resources => {
            "What each part of the bench used, sampled once a second, on the same time axis as the charts above; \
             parts that share the harness' process have no memory of their own, and a line is broken where a server told nothing."
        }
        Chart::Gauges => {
            "Nacos' own figures, once a second on the same time axis: connections and polls that it holds, what it was asked, \
             and what waits inside it (dumps, word to other nodes and to clients, gRPC calls); it counts some anew only every few \
             seconds."
        }
    }
}

/// `legacy: p99 141 ms in steady, 530 ms in rough; too few samples to say in cut.`
fn by_phase(input: ReportInput<'_>, group: GroupId) -> Option<String> {
    let figures: Vec<_> = input
        .figures(Measure::EndToEnd)
        .into_iter()
        .filter(|figure| figure.group == Some(group) && figure.count > 0)
        .filter(|figure| matches!(figure.scope, Scope::Phase(_)))
        .collect();
    let (few, known): (Vec<&Figure>, Vec<&Figure>) =
        figures.into_iter().partition(|figure| figure.stat(Stat::P99) == StatValue::TooFew);
    let known: Vec<String> = known
        .into_iter()
        .map(|figure| format!("{} in {}", stat(figure, Stat::P99), input.scope_name(figure.scope)))
        .collect();
    let few: Vec<String> = few.into_iter().map(|figure| input.scope_name(figure.scope)).collect();
    let mut parts = Vec::new();
    if !known.is_empty() {
        parts.push(format!("p99 {}", known.join(", ")));
    }
    if !few.is_empty() {
        parts.push(format!("too few samples for a p99 in {}", few.join(", ")));
    }
    (!parts.is_empty()).then(|| format!("{}: {}.", input.group_name(group), parts.join("; ")))
}
