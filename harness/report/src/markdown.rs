//! `summary.md`: the run on one screen of Markdown, for the step summary of a CI job or a pull request.
//!
//! Links are relative to the run directory. Every text is escaped: a name can neither end its cell nor start markup.

use shakedown_check::result::{Figure, GateResult, GateRow, GuaranteeResult};
use shakedown_model::gate::{Measure, Scope, Stat};
use shakedown_model::verdict::Outcome;

use crate::charts::Chart;
use crate::heap;
use crate::input::{ReportInput, outcome_word, path_name, severity};
use crate::quantity::{NO_SAMPLES, count, counted, plain, sentence_case, stat, stat_value};
use crate::{fidelity, floor, own_share, service, slowest};

/// The measures of the key figures: what a user feels, and how watchers come back.
const KEY: [Measure; 4] = [Measure::EndToEnd, Measure::TAll, Measure::Reconnect, Measure::Failover];

/// The summary, ending in a line break.
#[must_use]
pub fn summary(input: ReportInput<'_>) -> String {
    let mut blocks = vec![verdict(input)];
    blocks.push(outline(input));
    blocks.extend(table("Gates", &["", "gate", "group", "found", "n"], &gates(input)));
    blocks.extend(table("Guarantees", &["", "guarantee", "what was seen"], &guarantees(input)));
    blocks.extend(table("Faults", &["bit", "fault", "in force", "what the canaries saw"], &faults(input)));
    let service = escaped_rows(&service::rows(input));
    blocks.extend(table("Service during server faults", &service::HEAD, &service));
    let mut head = vec!["measure", "in", "group"];
    head.extend(Stat::ALL.map(Stat::name));
    head.push("n");
    blocks.extend(table("Key figures", &head, &key_figures(input)));
    blocks.extend(input.not_observed().map(|note| escaped(&note)));
    let bare: Vec<Vec<String>> =
        floor::bare_rows(&input.manifest.floors).into_iter().map(Vec::from).collect();
    blocks.extend(table("The floor", &floor::BARE_HEAD, &bare));
    blocks.extend(table("Beside the floor", &floor::HEAD, &escaped_rows(&floor::rows(input))));
    let own: Vec<Vec<String>> =
        own_share::rows(&input.judgement.own_share).into_iter().map(Vec::from).collect();
    blocks.extend(table("The harness' own share of a delivery", &own_share::HEAD, &own));
    blocks.extend(table(
        "By which path",
        &["in", "group", "path", "share", "p50", "p99", "n"],
        &paths(input),
    ));
    for pair in &input.judgement.fidelity {
        let title = format!("Fidelity: {}", escaped(&fidelity::title(input, pair)));
        let rows = escaped_rows(&fidelity::rows(input, pair));
        blocks.extend(table(&title, &fidelity::HEAD, &rows));
        blocks.extend(pair.notes.iter().map(|note| escaped(note)));
    }
    blocks.extend(table("Servers", &["node", "heap and garbage collection"], &servers(input)));
    blocks.push(links(input));
    blocks.join("\n\n") + "\n"
}

fn verdict(input: ReportInput<'_>) -> String {
    let judgement = input.judgement;
    let name = judgement.verdict.name();
    format!(
        "**{} {}** (exit code {}): {}",
        mark(severity(judgement.verdict)),
        escaped(name),
        judgement.exit_code,
        escaped(&judgement.reason)
    )
}

fn outline(input: ReportInput<'_>) -> String {
    let ReportInput { manifest, judgement, .. } = input;
    let counts = judgement.counts;
    let mut lines = vec![format!(
        "{}, seed {}, {:.0} s, {}; {}, {} acked, {} deliveries due, {} late.",
        escaped(&manifest.scenario),
        manifest.seed,
        input.end().as_secs_f64(),
        escaped(&manifest.server),
        counted(counts.watchers, "watcher"),
        counted(counts.acked, "publish"),
        count(counts.expected),
        count(counts.undelivered),
    )];
    lines.extend(slowest::change(input).map(|change| format!("{}.", escaped(&sentence_case(&change)))));
    lines.extend(input.trouble().map(|trouble| format!("{}.", escaped(&trouble))));
    if !judgement.validity.is_valid {
        let failed = judgement.validity.findings.iter().filter(|finding| finding.outcome != Outcome::Pass);
        let failed: Vec<String> =
            failed.map(|finding| format!("{}: {}", escaped(&finding.name), escaped(&finding.text))).collect();
        lines.push(format!("**The run is invalid.** {}", failed.join("; ")));
    }
    lines.join("\n\n")
}

fn gates(input: ReportInput<'_>) -> Vec<Vec<String>> {
    let row = |gate: &GateResult, row: Option<&GateRow>| {
        let outcome = row.map_or(gate.outcome, |row| row.outcome);
        let mut cells = vec![badge(outcome), code(&gate.text)];
        match row {
            None => {
                cells.extend(["not judged for any group".to_owned(), NO_SAMPLES.to_owned(), "0".to_owned()]);
            }
            Some(row) => {
                let value = if row.count == 0 { NO_SAMPLES.to_owned() } else { stat_value(row.value) };
                let note =
                    if row.note.is_empty() { String::new() } else { format!(" ({})", escaped(&row.note)) };
                cells.push(escaped(&input.group_or_dash(row.group)));
                cells.push(format!("{}{note}", escaped(&value)));
                cells.push(count(row.count));
            }
        }
        cells
    };
    let gates = input.judgement.gates.iter();
    gates
        .flat_map(|gate| {
            let rows: Vec<Option<&GateRow>> =
                if gate.rows.is_empty() { vec![None] } else { gate.rows.iter().map(Some).collect() };
            rows.into_iter().map(|found| row(gate, found)).collect::<Vec<_>>()
        })
        .collect()
}

fn guarantees(input: ReportInput<'_>) -> Vec<Vec<String>> {
    let row = |result: &GuaranteeResult| {
        let required = if result.is_required { "" } else { " (not required)" };
        let mut text = escaped(&result.text);
        if let Some(first) = result.witness.first() {
            text.push_str(&format_witness(first, result.witness.len()));
        }
        vec![badge(result.outcome), format!("{}{required}", result.guarantee.name()), text]
    };
    input.judgement.guarantees.iter().map(row).collect()
}

fn format_witness(first: &str, all: usize) -> String {
    let more = if all > 1 { format!(" (and {} more)", all - 1) } else { String::new() };
    format!("<br>{}{more}", code(first))
}

fn faults(input: ReportInput<'_>) -> Vec<Vec<String>> {
    let faults = input.judgement.faults.iter();
    faults
        .map(|fault| {
            let name = format!("{} ({})", escaped(&fault.name), escaped(&fault.kind));
            vec![badge(fault.outcome), name, input.in_force(fault), escaped(&fault.text)]
        })
        .collect()
}

fn key_figures(input: ReportInput<'_>) -> Vec<Vec<String>> {
    let figures = KEY.into_iter().flat_map(|measure| input.figures(measure));
    figures
        .filter(|figure| figure.scope != Scope::Run && figure.count > 0)
        .map(|f| key_figure(input, f))
        .collect()
}

fn key_figure(input: ReportInput<'_>, figure: &Figure) -> Vec<String> {
    let mut cells = vec![
        figure.measure.name().to_owned(),
        escaped(&input.scope_name(figure.scope)),
        escaped(&input.group_or_dash(figure.group)),
    ];
    cells.extend(Stat::ALL.map(|which| escaped(&stat(figure, which))));
    cells.push(count(figure.count));
    cells
}

fn paths(input: ReportInput<'_>) -> Vec<Vec<String>> {
    let rows = input.paths();
    let shown = rows.iter().filter(|figure| figure.scope == Scope::Run);
    let shown: Vec<_> = if shown.clone().next().is_some() { shown.collect() } else { rows.iter().collect() };
    shown
        .into_iter()
        .map(|figure| {
            let inferred = if figure.is_inferred { " (inferred)" } else { "" };
            vec![
                escaped(&input.scope_name(figure.scope)),
                escaped(&input.group_name(figure.group)),
                format!("{}{inferred}", path_name(figure.path)),
                input.path_share(figure),
                escaped(&stat_value(figure.stats[0])),
                escaped(&stat_value(figure.stats[2])),
                count(figure.count),
            ]
        })
        .collect()
}

fn servers(input: ReportInput<'_>) -> Vec<Vec<String>> {
    heap::lines(input).into_iter().map(|(node, line)| vec![escaped(&node), escaped(&line)]).collect()
}

fn links(input: ReportInput<'_>) -> String {
    // Of servers without metrics there is nothing to see.
    let shown = Chart::ALL.iter().filter(|chart| {
        !matches!(chart, Chart::Gauges | Chart::Fidelity) || chart.why_empty(input).is_none()
    });
    let charts: Vec<String> =
        shown.map(|chart| format!("[{}](charts/{}.svg)", chart.name(), chart.name())).collect();
    format!(
        "[Report](report.html) · [summary](summary.txt) · [verdict](verdict.json) · [JUnit](junit.xml) · charts: {}",
        charts.join(", ")
    )
}

/// A title and a table; nothing without rows.
fn table(title: &str, head: &[&str], rows: &[Vec<String>]) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let head_cells: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rules: Vec<String> =
        head.iter().map(|cell| if is_number(cell) { "---:".to_owned() } else { "---".to_owned() }).collect();
    let mut lines = vec![format!("### {title}"), String::new(), line(&head_cells), line(&rules)];
    lines.extend(rows.iter().map(|row| line(row)));
    Some(lines.join("\n"))
}

fn is_number(head: &str) -> bool {
    matches!(head, "n" | "found" | "share") || Stat::ALL.iter().any(|which| which.name() == head)
}

const fn mark(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "✅",
        Outcome::Unknown => "❔",
        Outcome::Fail => "❌",
    }
}

fn badge(outcome: Outcome) -> String {
    format!("{} {}", mark(outcome), outcome_word(outcome))
}

/// A text that is only itself in Markdown: one line, no markup, no HTML, no link, no end of a cell.
fn escaped_rows<const N: usize>(rows: &[[String; N]]) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.iter().map(|cell| escaped(cell)).collect()).collect()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // A bare name would become a mention.
            '@' => safe.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    // A bare address would become a link.
    safe.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// A text in code style: HTML, because a table's cell ends at `|` even inside backticks.
fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn the_verdict_is_the_first_line_and_links_are_relative() {
        let text = summary(Fixture::rough_run().input());
        assert!(text.starts_with("**❌ violated** (exit code 2): monotonic"), "{text}");
        assert!(text.contains("[Report](report.html)") && !text.contains("](/"), "{text}");
    }

    #[test]
    fn every_row_has_as_many_cells_as_its_head() {
        for fixture in [Fixture::rough_run(), Fixture::hostile_run(), Fixture::empty_run()] {
            let text = summary(fixture.input());
            let mut cells = None;
            for line in text.lines() {
                let bars = line.replace("\\|", "").matches('|').count();
                match cells {
                    Some(expected) if bars > 0 => assert_eq!(bars, expected, "{line}"),
                    _ => cells = (bars > 0).then_some(bars),
                }
            }
        }
    }

    #[test]
    fn hostile_names_are_only_text() {
        let text = summary(Fixture::hostile_run().input());
        assert!(!text.contains("<script") && !text.contains("https://"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{0}'));
        assert_eq!(escaped("a|b `c` [d](e) <i> @x"), "a\\|b \\`c\\` \\[d\\](e) &lt;i&gt; &#64;x");
    }

    #[test]
    fn late_and_few_are_words() {
        let text = summary(Fixture::rough_run().input());
        assert!(text.contains("&gt; 20 s") && text.contains("n too small"), "{text}");
        assert!(text.contains("push retry (inferred)"), "{text}");
    }
}
