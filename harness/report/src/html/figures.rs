//! Charts in the page, each with a sentence that says what it shows.

use maud::{Markup, PreEscaped, html};
use shakedown_check::result::{Figure, StatValue};
use shakedown_model::GroupId;
use shakedown_model::gate::{Measure, Scope, Stat};

use crate::charts::sheet::Format;
use crate::charts::{Chart, RenderError};
use crate::input::ReportInput;
use crate::quantity::stat;

pub(super) fn section(input: ReportInput<'_>, chart: Chart) -> Result<Markup, RenderError> {
    if let Some(why) = chart.why_empty(input) {
        return Ok(html! {
            section id=(chart.name()) { h2 { (chart.title()) } p.empty { (why) } }
        });
    }
    let wide = chart.svg_inline(input, Format::PageWide)?;
    let narrow = chart.svg_inline(input, Format::PageNarrow)?;
    Ok(html! {
        section id=(chart.name()) {
            h2 { (chart.title()) }
            figure {
                div.chart.wide { (PreEscaped(wide)) }
                div.chart.narrow { (PreEscaped(narrow)) }
                figcaption {
                    @for line in caption(input, chart) { p { (line) } }
                }
            }
        }
    })
}

fn caption(input: ReportInput<'_>, chart: Chart) -> Vec<String> {
    match chart {
        Chart::Latency => {
            let mut lines = vec![
                "From the instant a change was due to the instant a watcher held it verified, by the time it was due. \
                 Logarithmic; the same axis for every group."
                    .to_owned(),
            ];
            lines.extend(input.groups().filter_map(|group| by_phase(input, group)));
            lines
        }
        Chart::Spectrum => vec![
            "Which share of deliveries came within which time. Dashed: fewer than 10 samples lie beyond, so the line \
             is a hint only."
                .to_owned(),
        ],
        Chart::Reconnect => vec![
            "Above: attempts to connect by when they began; each group has its own axis. Below: the pause before each \
             attempt beside what the group's declared backoff allows; evenly thinned where there are many."
                .to_owned(),
        ],
        Chart::Staleness => vec![
            "The age of the oldest acked version that the worst watcher still misses; at the lower edge nobody is behind."
                .to_owned(),
        ],
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
