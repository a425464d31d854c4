//! The self-test in words: a line per run, and the matrix as Markdown.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use shakedown_model::verdict::Guarantee;

use crate::compare::{Broken, Clean, Outcome, RowResult, Verdict, bite_of};
use crate::stage::Stage;

/// The end of a row's run, in a line.
#[must_use]
pub fn row_line(row: &RowResult) -> String {
    match &row.outcome {
        Outcome::Exact => format!("exact    {}: broke {}", row.name, names(&row.found)),
        Outcome::Differs { .. } => format!("DIFFERS  {}: {}", row.name, difference(&row.outcome)),
        Outcome::NotJudged(why) => format!("FAILED   {}: {why}", row.name),
    }
}

/// The end of a clean run, in a line.
#[must_use]
pub fn clean_line(run: &Clean) -> String {
    let what = format!("{} with seed {}", run.stage.name(), run.seed);
    match &run.outcome {
        Outcome::Exact => format!("silent   {what}"),
        Outcome::Differs { .. } => format!("ALARM    {what}: {}", difference(&run.outcome)),
        Outcome::NotJudged(why) => format!("FAILED   {what}: {why}"),
    }
}

/// The last line: how many rows and clean runs are as they must be.
#[must_use]
pub fn summary(verdict: &Verdict) -> String {
    format!(
        "{}: {} of {} planted defects broke exactly what they declare; {} of {} clean runs raised nothing",
        if verdict.holds() { "PASS" } else { "FAIL" },
        verdict.exact(),
        verdict.rows.len(),
        verdict.silent(),
        verdict.clean.len(),
    )
}

fn names(broken: &Broken) -> String {
    if broken.is_empty() { "nothing".to_owned() } else { broken.names().collect::<Vec<_>>().join(", ") }
}

fn difference(outcome: &Outcome) -> String {
    let Outcome::Differs { missed, alarms } = outcome else { return String::new() };
    let mut parts = Vec::new();
    if !missed.is_empty() {
        parts.push(format!("did not break {}", names(missed)));
    }
    if !alarms.is_empty() {
        parts.push(format!("broke or left open {}", names(alarms)));
    }
    parts.join("; ")
}

/// The whole matrix as Markdown: a table of guarantees and gates per stage, then the clean runs.
#[must_use]
pub fn markdown(verdict: &Verdict) -> String {
    let mut out = String::new();
    write_markdown(&mut out, verdict).expect("writing to a String cannot fail");
    out
}

fn write_markdown(out: &mut String, verdict: &Verdict) -> fmt::Result {
    writeln!(out, "# Self-test\n")?;
    writeln!(out, "{}.\n", summary(verdict))?;
    out.push_str(
        "`x` declared and broken; `!` broken and not declared; `-` declared and not broken. Columns that no row has to do \
         with are left out. The bite of a fault is broken when the run says that it did not bite.\n",
    );
    for stage in Stage::ALL {
        let rows: Vec<&RowResult> = verdict.rows.iter().filter(|row| row.stage == stage).collect();
        if !rows.is_empty() {
            table(out, stage, &rows)?;
        }
    }
    out.push_str("\n## Repeat a row\n\n");
    for row in &verdict.rows {
        let words: Vec<String> = row.repeat.iter().map(|word| quoted(word)).collect();
        writeln!(out, "- {}: `shakedown {}`", row.name, words.join(" "))?;
    }
    out.push_str("\n## Clean runs\n\n");
    for stage in Stage::ALL.into_iter().filter(|stage| verdict.clean.iter().any(|run| run.stage == *stage)) {
        let runs: Vec<&Clean> = verdict.clean.iter().filter(|run| run.stage == stage).collect();
        let silent = runs.iter().filter(|run| run.outcome == Outcome::Exact).count();
        let seeds: Vec<String> = runs.iter().map(|run| run.seed.to_string()).collect();
        writeln!(out, "- {}: {silent} of {} silent (seeds {})", stage.name(), runs.len(), seeds.join(", "))?;
    }
    for run in verdict.clean.iter().filter(|run| run.outcome != Outcome::Exact) {
        writeln!(out, "- {}", clean_line(run))?;
    }
    Ok(())
}

fn table(out: &mut String, stage: Stage, rows: &[&RowResult]) -> fmt::Result {
    let guarantees = Guarantee::ALL.map(|guarantee| guarantee.name().to_owned()).into_iter();
    let columns: Vec<String> = guarantees
        .chain(stage.gates().map(str::to_owned))
        .chain(bites(rows))
        .filter(|name| {
            rows.iter().any(|row| row.declared.names().chain(row.found.names()).any(|one| one == *name))
        })
        .collect();
    let heads: Vec<String> = columns.iter().map(|name| format!(" {} |", name.replace('|', "\\|"))).collect();
    writeln!(out, "\n## On {}\n\n| planted |{}", stage.name(), heads.concat())?;
    writeln!(out, "|---|{}", "---|".repeat(columns.len()))?;
    for row in rows {
        let cells: Vec<String> = columns.iter().map(|name| format!(" {} |", cell(row, name))).collect();
        let failed = if matches!(row.outcome, Outcome::NotJudged(_)) { " (not judged)" } else { "" };
        writeln!(out, "| {}{failed} |{}", row.name, cells.concat())?;
    }
    Ok(())
}

/// A column for each fault that was or should have been without a bite.
fn bites(rows: &[&RowResult]) -> BTreeSet<String> {
    let faults = rows.iter().flat_map(|row| row.declared.faults.iter().chain(&row.found.faults));
    faults.map(|fault| bite_of(fault)).collect()
}

fn cell(row: &RowResult, name: &str) -> &'static str {
    let is_in = |broken: &Broken| broken.names().any(|one| one == name);
    match (is_in(&row.declared), is_in(&row.found)) {
        (true, true) => "x",
        (true, false) => "-",
        (false, true) => "!",
        (false, false) => "",
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=,:".contains(c));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
