//! The comparison as a person reads it in a terminal.

use shakedown_model::baseline::ScopeName;

use super::noise::Noise;
use super::rows::{Row, shown};
use super::sides::{self, Judged};
use super::{Comparison, RULE, letter, words};
use crate::input::outcome_word;
use crate::quantity::plain;
use crate::terminal::table::{Column, Table};
use crate::terminal::{Look, wrap};

/// The comparison as text.
pub(super) fn text(comparison: &Comparison<'_>, look: Look) -> String {
    let room = look.columns();
    let mut lines = Vec::new();
    for (nth, run) in comparison.runs.iter().enumerate() {
        let name = format!("{}  {}", letter(nth), plain(run.dir));
        lines.push(look.bold(&name));
    }
    lines.extend(subjects(comparison, room));
    for (rows, nth) in comparison.rows.iter().zip(1..) {
        lines.push(String::new());
        lines.push(look.bold(&format!("{} against A", letter(nth))));
        lines.extend(wrap(&words::conclusion(rows), room - 2).into_iter().map(|line| format!("  {line}")));
        lines.push(String::new());
        lines.extend(differences(rows, nth, room));
    }
    for (title, judged) in [
        ("Gates", sides::gates(&comparison.runs)),
        ("Guarantees", sides::guarantees(&comparison.runs)),
        ("Faults", sides::faults(&comparison.runs)),
    ] {
        if !judged.is_empty() {
            lines.push(String::new());
            lines.push(look.bold(title));
            lines.extend(side_by_side(&judged, comparison.runs.len(), room));
        }
    }
    lines.push(String::new());
    lines.extend(wrap(RULE, room - 2).into_iter().map(|line| look.dim(&format!("  {line}"))));
    lines.join("\n") + "\n"
}

/// What differs between the runs beside their figures; what is the same in all is one line.
fn subjects(comparison: &Comparison<'_>, room: usize) -> Vec<String> {
    let (same, differing): (Vec<_>, Vec<_>) = sides::subjects(&comparison.runs)
        .into_iter()
        .partition(|(_, values)| values.windows(2).all(|pair| pair[0] == pair[1]));
    let same: Vec<String> = same.into_iter().map(|(name, values)| format!("{name} {}", values[0])).collect();
    let mut lines: Vec<String> = Vec::new();
    if !same.is_empty() {
        lines.extend(wrap(&format!("the same: {}", same.join(", ")), room - 2));
    }
    for (name, values) in differing {
        let sides: Vec<String> =
            values.iter().enumerate().map(|(nth, value)| format!("{} {value}", letter(nth))).collect();
        lines.extend(wrap(&format!("{name}: {}", sides.join(", ")), room - 2));
    }
    lines.into_iter().map(|line| format!("  {line}")).collect()
}

fn differences(rows: &[Row], nth: usize, room: usize) -> Vec<String> {
    let other = if nth == 1 { "B" } else { "other" };
    let columns = vec![
        Column::text("in", 14),
        Column::text("group", 14),
        Column::text("stat", 4),
        Column::number("A"),
        Column::number("n"),
        Column::number(other),
        Column::number("n"),
        Column::number("change"),
        Column::number("%"),
        Column::text("noise", 13),
    ];
    let mut table = Table { columns, rows: Vec::new() };
    let mut last = None;
    // The whole run stands only where nothing narrower does; the page and `--json` have it everywhere.
    let has_narrower = |row: &Row| {
        let alike = |other: &&Row| other.key.measure == row.key.measure && other.key.scope != ScopeName::Run;
        row.key.scope == ScopeName::Run && rows.iter().any(|other| alike(&other))
    };
    let told = rows.iter().filter(|row| row.is_told() && shown(row.key.measure).contains(&row.stat));
    for row in told.filter(|row| !has_narrower(row)) {
        if last != Some(row.key.measure) {
            last = Some(row.key.measure);
            table.rows.push(vec![row.key.measure.name().to_owned()]);
        }
        let noise = match row.noise {
            Noise::NotJudged => String::new(),
            _ => words::noise(row).to_owned(),
        };
        table.rows.push(vec![
            words::scope(&row.key),
            row.key.group.clone().unwrap_or_else(|| "–".to_owned()),
            row.stat.name().to_owned(),
            words::value(row.reference),
            words::samples(row.reference),
            words::value(row.other),
            words::samples(row.other),
            words::difference(row),
            words::percent(row),
            noise,
        ]);
    }
    if table.rows.is_empty() {
        return vec!["  no figure has enough samples in either run".to_owned()];
    }
    table.lines(room)
}

fn side_by_side(judged: &[Judged], runs: usize, room: usize) -> Vec<String> {
    const HEADS: [&str; super::MOST_RUNS] = ["A", "B", "C", "D", "E", "F"];
    let mut columns = vec![Column::text("", 46)];
    columns.extend(HEADS.iter().take(runs).map(|head| Column::text(head, 30)));
    let rows = judged
        .iter()
        .map(|line| {
            let sides = line.sides.iter().map(|side| match side {
                Some((outcome, note)) => format!("{} {note}", outcome_word(*outcome)).trim_end().to_owned(),
                None => "–".to_owned(),
            });
            std::iter::once(line.name.clone()).chain(sides).collect()
        })
        .collect();
    Table { columns, rows }.lines(room)
}
