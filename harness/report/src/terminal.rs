//! The summary that a person reads at a glance: verdict first, then what was measured, then what was judged.
//!
//! It shows the measures that answer the run's questions; the page and `--json` have them all.

mod measures;
mod paths;
pub(crate) mod table;

use console::Style;
use shakedown_check::result::{FidelityVerdict, GateResult, GateRow, GuaranteeResult};
use shakedown_model::verdict::Outcome;

use self::table::{Column, Table};
use crate::heap;
use crate::input::{ReportInput, outcome_word, severity};
use crate::quantity::{NO_SAMPLES, counted, plain, stat_value};
use crate::{fidelity as compared, floor as bare, own_share, service};

/// How the summary looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The width of the terminal in columns; the summary uses 80 to 120.
    pub width: usize,
    /// Whether colours are used.
    pub is_coloured: bool,
}

impl Look {
    pub(crate) fn columns(self) -> usize {
        self.width.clamp(80, 120)
    }

    fn paint(self, text: &str, style: &Style) -> String {
        style.clone().force_styling(self.is_coloured).apply_to(text).to_string()
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint(text, &Style::new().bold())
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint(text, &Style::new().dim())
    }

    fn outcome(self, outcome: Outcome, text: &str) -> String {
        self.paint(text, &outcome_style(outcome))
    }
}

fn outcome_style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Pass => Style::new().green(),
        Outcome::Unknown => Style::new().yellow(),
        Outcome::Fail => Style::new().red().bold(),
    }
}

/// The summary, ending in a line break.
#[must_use]
pub fn summary(input: ReportInput<'_>, look: Look) -> String {
    let mut out = Lines { look, lines: Vec::new() };
    header(&mut out, input);
    measures::by_phase(&mut out, input);
    measures::by_fault(&mut out, input);
    floor(&mut out, input);
    own_shares(&mut out, input);
    paths::by_path(&mut out, input);
    servers(&mut out, input);
    faults(&mut out, input);
    service(&mut out, input);
    fidelity(&mut out, input);
    guarantees(&mut out, input);
    gates(&mut out, input);
    validity(&mut out, input);
    footer(&mut out, input);
    let mut text = out.lines.join("\n");
    text.push('\n');
    text
}

/// Lines of the summary, wrapped to the look's width.
struct Lines {
    look: Look,
    lines: Vec<String>,
}

impl Lines {
    fn push(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn title(&mut self, title: &str) {
        self.push("");
        let title = self.look.bold(title);
        self.push(title);
    }

    /// Wraps `text` after `indent` columns; a word longer than a line is broken.
    fn wrapped(&mut self, indent: usize, text: &str) {
        for line in wrap(text, self.look.columns() - indent) {
            self.push(format!("{:indent$}{line}", ""));
        }
    }

    /// A mark in colour, a name, and wrapped text beside them.
    fn item(&mut self, outcome: Outcome, (name, name_width): (&str, usize), text: &str) {
        let indent = 2 + 9 + name_width + 2;
        let mark = self.look.outcome(outcome, &format!("{:<9}", outcome_word(outcome)));
        let name =
            format!("{}{}", name, " ".repeat(name_width.saturating_sub(console::measure_text_width(name))));
        let mut rows = wrap(text, self.look.columns() - indent).into_iter();
        let first = rows.next().unwrap_or_default();
        self.push(format!("  {mark}{name}  {first}").trim_end().to_owned());
        for row in rows {
            self.push(format!("{:indent$}{row}", ""));
        }
    }
}

pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in plain(text).split_whitespace() {
        let mut word = word.to_owned();
        loop {
            let used = console::measure_text_width(&line) + usize::from(!line.is_empty());
            if used + console::measure_text_width(&word) <= width {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(&word);
                break;
            }
            if line.is_empty() {
                let head: String = word.chars().take(width.max(1)).collect();
                word = word.chars().skip(width.max(1)).collect();
                lines.push(head);
            } else {
                lines.push(std::mem::take(&mut line));
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

fn header(out: &mut Lines, input: ReportInput<'_>) {
    let ReportInput { manifest, plan, judgement, .. } = input;
    let verdict = judgement.verdict.name().to_uppercase();
    let look = out.look;
    let lines = wrap(&judgement.reason, look.columns().saturating_sub(verdict.len() + 2));
    let indent = verdict.len() + 2;
    let painted = look.paint(&verdict, &outcome_style(severity(judgement.verdict)).bold());
    out.push(format!("{painted}  {}", lines.first().map_or("", String::as_str)));
    for line in lines.iter().skip(1) {
        out.push(format!("{:indent$}{line}", ""));
    }
    out.push("");
    let counts = judgement.counts;
    out.wrapped(
        0,
        &format!(
            "{} · seed {} · {} · {:.0} s · {} · {}",
            plain(&manifest.scenario),
            manifest.seed,
            started(input),
            input.end().as_secs_f64(),
            manifest.server,
            counted(u64::from(manifest.machine.cpus), "core"),
        ),
    );
    out.wrapped(
        0,
        &format!(
            "{} in {} · {} acked, {} ambiguous{} · {} · {} later than {} · {}",
            counted(counts.watchers, "watcher"),
            counted(u64::try_from(plan.groups.len()).unwrap_or(u64::MAX), "group"),
            counted(counts.acked, "publish"),
            counts.ambiguous,
            settled(counts.settled),
            format_args!("{} deliveries due", crate::quantity::count(counts.expected)),
            crate::quantity::count(counts.undelivered),
            crate::quantity::time(shakedown_model::time::nanos(plan.delivery_timeout)),
            counted(counts.losses, "loss of connection"),
        ),
    );
    if let Some(trouble) = input.trouble() {
        out.wrapped(0, &trouble);
    }
}

/// Only compare-and-set has any.
fn settled(n: u64) -> String {
    if n == 0 { String::new() } else { format!(", {} settled by a read", crate::quantity::count(n)) }
}

fn started(input: ReportInput<'_>) -> String {
    let started = plain(&input.manifest.started);
    match started.split_once('.') {
        Some((seconds, _)) => format!("{} UTC", seconds.replace('T', " ")),
        None if started.is_empty() => "not started".to_owned(),
        None => started,
    }
}

/// A line for each server that told of its memory.
fn servers(out: &mut Lines, input: ReportInput<'_>) {
    let lines = heap::lines(input);
    if !lines.is_empty() {
        out.title("Servers");
    }
    for (node, line) in lines {
        out.wrapped(2, &format!("{node}: {line}"));
    }
}

fn faults(out: &mut Lines, input: ReportInput<'_>) {
    if input.judgement.faults.is_empty() {
        return;
    }
    out.title("Faults");
    let names: Vec<String> = input
        .judgement
        .faults
        .iter()
        .map(|fault| cut(&format!("{} ({})", fault.name, fault.kind), 28))
        .collect();
    let width = widest(&names);
    for (fault, name) in input.judgement.faults.iter().zip(&names) {
        let text = format!("{}: {}", input.in_force(fault), fault.text);
        out.item(fault.outcome, (name, width), &text);
    }
}

/// Of each pair how many comparisons came to what, and those that differ.
fn fidelity(out: &mut Lines, input: ReportInput<'_>) {
    if input.judgement.fidelity.is_empty() {
        return;
    }
    out.title("Fidelity");
    for pair in &input.judgement.fidelity {
        out.wrapped(2, &format!("{}: {}", compared::title(input, pair), compared::tally(pair)));
        let rows = compared::rows(input, pair);
        for (cells, _) in
            rows.iter().zip(&pair.rows).filter(|(_, row)| row.verdict == FidelityVerdict::Differs)
        {
            let [under, what, real, simulated, _, difference, _] = cells;
            out.wrapped(4, &format!("{what} under {under}: {real}, simulated {simulated} ({difference})"));
        }
        for note in &pair.notes {
            out.wrapped(4, note);
        }
    }
}

/// The bare fan-outs, and what was measured as multiples of them.
fn floor(out: &mut Lines, input: ReportInput<'_>) {
    let floors = &input.manifest.floors;
    if floors.is_empty() {
        return;
    }
    out.title("Beside the floor");
    bare::table(floors, out.look.columns()).lines().for_each(|line| out.push(line));
    let [measure, place, group, rest @ ..] = bare::HEAD;
    let mut columns = vec![Column::text(measure, 12), Column::text(place, 14), Column::text(group, 16)];
    columns.extend(rest.map(|head| Column { max_width: 24, ..Column::number(head) }));
    let rows = bare::rows(input).into_iter().map(Vec::from).collect();
    for line in (Table { columns, rows }).lines(out.look.columns()) {
        out.push(line);
    }
}

fn own_shares(out: &mut Lines, input: ReportInput<'_>) {
    let rows: Vec<Vec<String>> =
        own_share::rows(&input.judgement.own_share).into_iter().map(Vec::from).collect();
    if rows.is_empty() {
        return;
    }
    out.title("The harness' own share of a delivery");
    let [part, p50, p99, max, n, place] = own_share::HEAD;
    let mut columns = vec![Column::text(part, 18)];
    columns.extend([p50, p99, max, n].map(Column::number));
    columns.push(Column::text(place, 26));
    for line in (Table { columns, rows }).lines(out.look.columns()) {
        out.push(line);
    }
}

fn service(out: &mut Lines, input: ReportInput<'_>) {
    let rows: Vec<Vec<String>> = service::rows(input).into_iter().map(Vec::from).collect();
    if rows.is_empty() {
        return;
    }
    out.title("Service during server faults");
    let [fault, node, rest @ ..] = service::HEAD;
    let mut columns = vec![Column::text(fault, 20), Column::text(node, 11)];
    columns.extend(rest.map(|head| Column::text(head, 40)));
    for line in (Table { columns, rows }).lines(out.look.columns()) {
        out.push(line);
    }
}

fn guarantees(out: &mut Lines, input: ReportInput<'_>) {
    out.title("Guarantees");
    if input.judgement.guarantees.is_empty() {
        out.push("  none was judged");
    }
    for result in &input.judgement.guarantees {
        out.item(result.outcome, (result.guarantee.name(), 16), &guarantee_text(result));
        for line in &result.witness {
            out.wrapped(29, line);
        }
    }
}

fn guarantee_text(result: &GuaranteeResult) -> String {
    if result.is_required { result.text.clone() } else { format!("{} (not required)", result.text) }
}

fn gates(out: &mut Lines, input: ReportInput<'_>) {
    out.title("Gates");
    if input.judgement.gates.is_empty() {
        out.push("  the scenario has none");
    }
    let names: Vec<String> = input.judgement.gates.iter().map(|gate| cut(&gate.text, 46)).collect();
    let width = widest(&names);
    for (gate, name) in input.judgement.gates.iter().zip(&names) {
        out.item(gate.outcome, (name, width), &gate_text(input, gate));
    }
}

/// The groups that decided the gate: those that share its outcome.
fn gate_text(input: ReportInput<'_>, gate: &GateResult) -> String {
    let row = |row: &GateRow| {
        let value = if row.count == 0 { NO_SAMPLES.to_owned() } else { stat_value(row.value) };
        let name = row.group.map_or_else(String::new, |group| format!("{} ", input.group_name(group)));
        let note = if row.note.is_empty() { String::new() } else { format!(", {}", row.note) };
        format!("{name}{value} (n {}{note})", crate::quantity::count(row.count))
    };
    gate.rows.iter().filter(|r| r.outcome == gate.outcome).map(row).collect::<Vec<_>>().join("; ")
}

fn validity(out: &mut Lines, input: ReportInput<'_>) {
    let validity = &input.judgement.validity;
    out.title("The harness itself");
    if validity.is_valid && validity.findings.iter().all(|finding| finding.outcome == Outcome::Pass) {
        let checks = validity.findings.len();
        out.push(if checks == 0 {
            "  was not checked".to_owned()
        } else {
            format!("  kept up: {checks} of {checks} checks hold")
        });
    } else {
        let names: Vec<String> = validity.findings.iter().map(|finding| cut(&finding.name, 28)).collect();
        let width = widest(&names);
        for (finding, name) in validity.findings.iter().zip(&names) {
            out.item(finding.outcome, (name, width), &finding.text);
        }
    }
    for remark in &input.manifest.remarks {
        out.wrapped(2, remark);
    }
}

fn footer(out: &mut Lines, input: ReportInput<'_>) {
    out.push("");
    let dir = plain(input.dir);
    let report = format!("Report: {dir}/report.html");
    let code = format!("exit code {}", input.judgement.exit_code);
    let code = out.look.dim(&code);
    out.push(format!("{report}   {code}"));
}

fn cut(text: &str, width: usize) -> String {
    console::truncate_str(&plain(text), width, "…").into_owned()
}

fn widest(names: &[String]) -> usize {
    names.iter().map(|name| console::measure_text_width(name)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
