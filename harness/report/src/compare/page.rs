//! The page of a comparison: tables and overlay charts, one self-contained file without scripts.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use shakedown_model::verdict::Outcome;

use super::noise::Noise;
use super::rows::{Row, shown};
use super::sides::{self, Judged};
use super::{Comparison, RULE, letter, words};
use crate::charts::overlay::Overlay;
use crate::charts::sheet::Format;
use crate::charts::{RenderError, palette};
use crate::input::outcome_word;
use crate::quantity::plain;

/// Nothing may be loaded and nothing may run; styles stand in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The page.
pub(super) fn page(comparison: &Comparison<'_>) -> Result<String, RenderError> {
    let runs = &comparison.runs;
    let names: Vec<String> = runs.iter().map(|run| plain(&run.manifest.run)).collect();
    let title = format!("compared: {}", names.join(", "));
    let dark = format!("@media screen and (prefers-color-scheme:dark){{{}}}", palette::dark_rules(".chart"));
    let mut charts = Vec::new();
    for chart in Overlay::ALL {
        charts.push(figure(comparison, chart)?);
    }
    let body = html! {
        header {
            p.scenario { (plain(&runs[0].manifest.scenario)) }
            h1 { "Compared with A" }
            @for (rows, nth) in comparison.rows.iter().zip(1..) {
                p.reason { b { (letter(nth)) } ": " (words::conclusion(rows)) }
            }
        }
        main {
            (subjects(comparison))
            @for chart in &charts { (chart) }
            @for (rows, nth) in comparison.rows.iter().zip(1..) { (differences(rows, nth)) }
            (judged("Gates", &sides::gates(runs), runs.len()))
            (judged("Guarantees", &sides::guarantees(runs), runs.len()))
            (judged("Faults", &sides::faults(runs), runs.len()))
            section #reading { h2 { "How to read it" } p { (RULE) } }
        }
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(include_str!("../html/style.css"))) (PreEscaped(dark)) }
            }
            body { (body) }
        }
    };
    Ok(page.into_string())
}

fn figure(comparison: &Comparison<'_>, chart: Overlay) -> Result<Markup, RenderError> {
    let wide = chart.svg_inline(&comparison.runs, Format::PageWide)?;
    let narrow = chart.svg_inline(&comparison.runs, Format::PageNarrow)?;
    Ok(html! {
        section id=(chart.name()) {
            h2 { (chart.title()) }
            figure {
                div.chart.wide { (PreEscaped(wide)) }
                div.chart.narrow { (PreEscaped(narrow)) }
                figcaption {
                    p { "Groups, phases and fault windows are those of A; the other runs' are matched by name. Logarithmic." }
                }
            }
        }
    })
}

fn subjects(comparison: &Comparison<'_>) -> Markup {
    let runs = &comparison.runs;
    html! {
        section #runs {
            h2 { "The runs" }
            div.scroll {
                table {
                    thead { tr { th {} @for nth in 0..runs.len() { th { (letter(nth)) } } } }
                    tbody {
                        tr { th { "directory" } @for run in runs { td { (plain(run.dir)) } } }
                        @for (name, values) in sides::subjects(runs) {
                            tr { th { (name) } @for value in values { td { (value) } } }
                        }
                    }
                }
            }
        }
    }
}

fn differences(rows: &[Row], nth: usize) -> Markup {
    let told: Vec<&Row> =
        rows.iter().filter(|row| row.is_told() && shown(row.key.measure).contains(&row.stat)).collect();
    html! {
        section id=(format!("differences-{}", letter(nth))) {
            h2 { (letter(nth)) " against A" }
            @if told.is_empty() {
                p.empty { "No figure has enough samples in either run." }
            } @else {
                div.scroll {
                    table {
                        thead {
                            tr {
                                th { "measure" } th { "in" } th { "group" } th { "stat" }
                                th.number { "A" } th.number { "n" } th.number { (letter(nth)) } th.number { "n" }
                                th.number { "change" } th.number { "%" } th { "noise" }
                            }
                        }
                        tbody { @for row in &told { (difference(row)) } }
                    }
                }
            }
        }
    }
}

fn difference(row: &Row) -> Markup {
    html! {
        tr {
            td { (row.key.measure.name()) }
            td { (words::scope(&row.key)) }
            td { (row.key.group.as_deref().unwrap_or("–")) }
            td { (row.stat.name()) }
            td.number { (words::value(row.reference)) }
            td.number { (words::samples(row.reference)) }
            td.number { (words::value(row.other)) }
            td.number { (words::samples(row.other)) }
            td.number { (words::difference(row)) }
            td.number { (words::percent(row)) }
            td.nowrap {
                @match row.noise {
                    Noise::Beyond(low, _) => {
                        span class=(if low >= 0.0 { "badge fail" } else { "badge pass" }) { (words::noise(row)) }
                    }
                    Noise::Within | Noise::TooFew => { (words::noise(row)) }
                    Noise::NotJudged => {}
                }
            }
        }
    }
}

fn judged(title: &str, lines: &[Judged], runs: usize) -> Markup {
    html! {
        @if !lines.is_empty() {
            section id=(title.to_lowercase()) {
                h2 { (title) }
                div.scroll {
                    table {
                        thead { tr { th {} @for nth in 0..runs { th { (letter(nth)) } } } }
                        tbody {
                            @for line in lines {
                                tr {
                                    th { (line.name) }
                                    @for side in &line.sides { (one_side(side.as_ref())) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn one_side(side: Option<&(Outcome, String)>) -> Markup {
    match side {
        None => html! { td { "–" } },
        Some((outcome, note)) => {
            let word = outcome_word(*outcome);
            html! { td { span class=(format!("badge {word}")) { (word) } " " (note) } }
        }
    }
}
