//! `report.html`: one self-contained page without anything remote, whole without scripts.
//!
//! maud escapes every text; a strict content security policy stands behind it. The styles are in `style.css`; charts
//! are inline SVG, drawn once for wide and once for narrow screens. One script adds values under the pointer, zoom
//! and hiding of groups.

mod figures;
mod judged;
mod measures;
mod paths;
mod script;
mod words;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::charts::drawing::Hover;
use crate::charts::{Chart, palette};
use crate::input::{ReportInput, severity};
use crate::quantity::{count, counted, plain, sentence_case, time};
use shakedown_model::verdict::Outcome;

/// The page.
#[must_use]
pub fn page(input: ReportInput<'_>) -> String {
    let title = format!("{}: {}", plain(&input.manifest.scenario), input.judgement.verdict.name());
    let dark = format!("@media screen and (prefers-color-scheme:dark){{{}}}", palette::dark_rules(".chart"));
    let mut hovers: Vec<(Chart, Vec<Hover>)> = Vec::new();
    let mut chart = |chart: Chart| {
        let (section, of_chart) = figures::section(input, chart);
        hovers.push((chart, of_chart));
        section
    };
    let body = html! {
        (header(input))
        main {
            (chart(Chart::Latency))
            (judged::gates(input))
            (judged::guarantees(input))
            (judged::faults(input))
            (judged::service(input))
            (chart(Chart::Heatmap))
            (measures::of_phases(input))
            (measures::of_faults(input))
            (judged::floor(input))
            (judged::own_share(input))
            (chart(Chart::Mutations))
            (chart(Chart::Raster))
            (paths::section(input))
            (chart(Chart::Spectrum))
            (chart(Chart::Reconnect))
            @if !input.judgement.fidelity.is_empty() {
                (judged::fidelity(input))
                @if Chart::Fidelity.why_empty(input).is_none() { (chart(Chart::Fidelity)) }
            }
            (chart(Chart::Staleness))
            (chart(Chart::Failover))
            (chart(Chart::Resources))
            @if Chart::Gauges.why_empty(input).is_none() { (chart(Chart::Gauges)) }
            (judged::validity(input))
            (words::repeat(input))
            (words::how_to_read(input))
        }
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(script::policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(include_str!("html/style.css"))) (PreEscaped(dark)) }
            }
            body { (body) (script::elements(input, &hovers)) }
        }
    };
    page.into_string()
}

fn header(input: ReportInput<'_>) -> Markup {
    let ReportInput { manifest, plan, judgement, .. } = input;
    let class = outcome_class(severity(judgement.verdict));
    html! {
        header class=(class) {
            p.scenario { (plain(&manifest.scenario)) }
            h1 { span.verdict { (sentence_case(judgement.verdict.name())) } }
            p.reason { (plain(&judgement.reason)) }
            @if let Some(trouble) = input.trouble() { p.trouble { (trouble) } }
            p.about { (plain(&plan.about)) }
            dl.facts {
                (fact("Exit code", &judgement.exit_code.to_string()))
                (fact("Seed", &manifest.seed.to_string()))
                (fact("Started", &started(input)))
                (fact("Length", &format!("{:.0} s, drain included", input.end().as_secs_f64())))
                (fact("Server", &plain(&manifest.server)))
                (fact("Proxy", &plain(&manifest.proxy)))
                (fact("Machine", &machine(input)))
                @if let Some(processes) = processes(input) { (fact("Processes", &processes)) }
                (fact("Harness", &format!("shakedown {}", plain(&manifest.harness))))
            }
            (counts(input))
        }
    }
}

fn fact(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn counts(input: ReportInput<'_>) -> Markup {
    let counts = input.judgement.counts;
    let timeout = time(shakedown_model::time::nanos(input.plan.delivery_timeout));
    let late = format!("later than {timeout}");
    let rows = [
        (counts.watchers, "watchers"),
        (counts.acked, "publishes acked"),
        (counts.expected, "deliveries due"),
        (counts.undelivered, late.as_str()),
        (counts.coalesced, "coalesced"),
        (counts.losses, "connections lost"),
        (counts.attempts, "attempts to connect"),
        (counts.ambiguous, "ambiguous publishes"),
    ];
    // Only compare-and-set has any.
    let settled = Some((counts.settled, "publishes settled by a read")).filter(|(n, _)| *n > 0);
    html! {
        ul.counts { @for (n, what) in rows.into_iter().chain(settled) { li { b { (count(n)) } " " (what) } } }
        @if counts.subscribed < counts.watchers {
            p.trouble { (count(counts.watchers - counts.subscribed)) " watchers were never subscribed." }
        }
        @if counts.unsent + counts.refused > 0 {
            p.trouble { (counted(counts.refused, "publish")) " refused, " (count(counts.unsent)) " never sent." }
        }
    }
}

fn started(input: ReportInput<'_>) -> String {
    let started = plain(&input.manifest.started);
    match started.split_once('.') {
        // Milliseconds are enough to lay the page beside a server's log.
        Some((seconds, fraction)) if fraction.ends_with('Z') => {
            let millis: String = fraction.chars().take_while(char::is_ascii_digit).take(3).collect();
            format!("{}.{millis} UTC", seconds.replace('T', " "))
        }
        _ if started.is_empty() => "not started".to_owned(),
        _ => started,
    }
}

fn machine(input: ReportInput<'_>) -> String {
    let machine = &input.manifest.machine;
    let gigabytes = crate::quantity::as_f64(machine.memory_bytes) / 1e9;
    format!(
        "{} ({}), {gigabytes:.1} GB, Linux {}, {} open files",
        counted(u64::from(machine.cpus), "core"),
        plain(&machine.cpu_model),
        plain(&machine.kernel),
        count(machine.open_files),
    )
}

/// Over how many processes the harness spread itself; a run of before that was written down does not say.
fn processes(input: ReportInput<'_>) -> Option<String> {
    let manifest = input.manifest;
    let all = counted(u64::from(manifest.processes), "process");
    match (manifest.processes, manifest.workers) {
        (0, _) => None,
        (_, 0) => Some(format!("{all} of the harness")),
        (_, workers) => {
            Some(format!("{all} of the harness, {} among them", counted(u64::from(workers), "worker")))
        }
    }
}

const fn outcome_class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Unknown => "unknown",
        Outcome::Fail => "fail",
    }
}

/// An outcome as a coloured word; the word alone says it all.
fn badge(outcome: Outcome) -> Markup {
    html! { span class={ "badge " (outcome_class(outcome)) } { (crate::input::outcome_word(outcome)) } }
}

#[cfg(test)]
mod tests;
