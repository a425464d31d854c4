//! Watchers by mutations: a cell is coloured by the path that brought the content. One panel per group, watchers from
//! top to bottom, mutations at their intended time.

use shakedown_check::result::{Raster, RasterRow};
use shakedown_model::GroupId;
use shakedown_model::event::Path;

use super::drawing::Drawing;
use super::palette::Ink;
use super::sheet::{Format, Mark, Panel, Sheet};
use super::timeline::{Row, Timeline};
use crate::input::{ReportInput, path_name};
use crate::quantity::count;

/// Stands in a row where content did not come within the time-out.
pub(crate) const LATE: char = '!';
/// Stands in a row where the watcher was not to receive the mutation.
const NOT_EXPECTED: char = '.';

const NOTHING: &str = "There is no raster to draw: no change reached a watcher in a measured phase.";

pub(super) fn draw(input: ReportInput<'_>, format: Format, title: &str) -> Drawing {
    let mut sheet = Sheet::new(format, title);
    let Some(raster) = filled(input) else {
        sheet.sentence(NOTHING, Ink::Text);
        return sheet.finish();
    };
    sheet.legend(&legend(raster));
    let timeline = Timeline::new(input, &sheet, input.plan.end().min(input.end()));
    timeline.header(&mut sheet);
    let panels: Vec<Row> = input
        .groups()
        .map(|group| {
            let rows = rows_of(raster, group).len();
            let row = Row::of_group(input, group, height(rows));
            Row { title: format!("{} · {} shown", row.title, count(rows as u64)), ..row }
        })
        .collect();
    let spans = spans(raster, &timeline);
    timeline.rows(&mut sheet, &panels, |sheet, panel, row| {
        let rows = row.group.map_or_else(Vec::new, |group| rows_of(raster, group));
        if rows.is_empty() {
            sheet.empty(panel, "no watcher of this group was to receive a change");
            return;
        }
        draw_group(sheet, panel, (raster, &spans), &rows);
    });
    if let Some(thinned) = thinned(raster) {
        sheet.sentence(&thinned, Ink::Muted);
    }
    sheet.finish()
}

/// Why there is nothing to draw, if there is nothing.
pub(super) fn why_empty(input: ReportInput<'_>) -> Option<&'static str> {
    filled(input).is_none().then_some(NOTHING)
}

fn filled(input: ReportInput<'_>) -> Option<&Raster> {
    input.series.raster.as_ref().filter(|raster| !raster.columns.is_empty() && !raster.rows.is_empty())
}

/// The colour and the name of every letter that a row may hold, in the order of the legend.
pub(crate) fn letters() -> [(char, Ink, &'static str); 9] {
    let of = |path, ink| (Raster::letter(path), ink, path_name(path));
    [
        of(Path::Push, Ink::Blue),
        of(Path::PollWake, Ink::Green),
        of(Path::PushRetry, Ink::Amber),
        of(Path::Relist, Ink::Vermillion),
        of(Path::Resync, Ink::Purple),
        of(Path::PollTimeout, Ink::Grey),
        of(Path::Cache, Ink::Sky),
        of(Path::Initial, Ink::Border),
        (LATE, Ink::Text, "not within the time-out"),
    ]
}

fn legend(raster: &Raster) -> Vec<(Mark, Ink, String)> {
    letters()
        .into_iter()
        .filter(|(letter, ..)| raster.rows.iter().any(|row| row.paths.contains(*letter)))
        .map(|(_, ink, name)| (Mark::Block, ink, name.to_owned()))
        .collect()
}

fn rows_of(raster: &Raster, group: GroupId) -> Vec<&RasterRow> {
    raster.rows.iter().filter(|row| row.group == group).collect()
}

/// High enough that rows can be told apart, and never higher than a screen.
fn height(rows: usize) -> f64 {
    let rows = f64::from(u32::try_from(rows).unwrap_or(u32::MAX));
    (rows * 3.0).clamp(28.0, 150.0)
}

/// From where to where each column reaches: to the next one, or as far as columns usually lie apart.
fn spans(raster: &Raster, timeline: &Timeline<'_>) -> Vec<(f64, f64)> {
    let at: Vec<f64> = raster.columns.iter().map(|column| timeline.x(column.1)).collect();
    let mut apart: Vec<f64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    apart.sort_by(f64::total_cmp);
    let usual = apart.get(apart.len() / 2).copied().unwrap_or(6.0).clamp(2.0, 24.0);
    let nexts = at.iter().skip(1).copied().chain([f64::INFINITY]);
    at.iter().zip(nexts).map(|(left, next)| (*left, next.min(left + usual * 1.5).max(left + 0.8))).collect()
}

fn draw_group(
    sheet: &mut Sheet,
    panel: &Panel,
    (raster, spans): (&Raster, &[(f64, f64)]),
    rows: &[&RasterRow],
) {
    let step = (panel.bottom - panel.top) / f64::from(u32::try_from(rows.len()).unwrap_or(u32::MAX));
    let cells: Vec<Vec<char>> = rows.iter().map(|row| row.paths.chars().collect()).collect();
    for (letter, ink, _) in letters() {
        let mut top = panel.top;
        for row in &cells {
            for (left, right) in runs(row, letter, spans) {
                sheet.drawing.rect((left, top), (right.min(panel.right), top + step), ink, 1.0);
            }
            top += step;
        }
    }
    let columns = raster.columns.iter().enumerate();
    let points = columns.map(|(nth, (mutation, at))| {
        (at.as_secs_f64(), format!("change {mutation} · {}", tally(&cells, nth)))
    });
    let names = rows.iter().map(|row| spoken_row(row)).collect();
    let points: Vec<(f64, String)> = points.collect();
    sheet.drawing.hover_rows(points, names);
}

/// Stretches of neighbouring columns that hold `letter`.
fn runs(row: &[char], letter: char, spans: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut runs: Vec<(f64, f64)> = Vec::new();
    for ((left, right), _) in spans.iter().zip(row).filter(|(_, found)| **found == letter) {
        match runs.last_mut() {
            Some(last) if *left <= last.1 + 0.05 => last.1 = *right,
            _ => runs.push((*left, *right)),
        }
    }
    runs
}

/// `98 push, 2 re-list after reconnect`.
fn tally(cells: &[Vec<char>], column: usize) -> String {
    let mut parts = Vec::new();
    for (letter, _, name) in letters() {
        let n = cells.iter().filter(|row| row.get(column) == Some(&letter)).count();
        if n > 0 {
            parts.push(format!("{} {name}", count(n as u64)));
        }
    }
    if parts.is_empty() { "nobody was to receive it".to_owned() } else { parts.join(", ") }
}

/// A row for the page's script: the watcher, a letter a column, and the latencies as texts where there are any.
fn spoken_row(row: &RasterRow) -> String {
    let latencies: Vec<String> = row
        .micros
        .iter()
        .zip(row.paths.chars())
        .map(|(micros, letter)| match letter {
            NOT_EXPECTED | LATE => String::new(),
            _ => millis(*micros),
        })
        .collect();
    format!("{}|{}|{}", row.watcher, row.paths, latencies.join(","))
}

/// Milliseconds with two digits, which a pointer needs at most.
fn millis(micros: u64) -> String {
    match micros {
        0..100 => "0.1".to_owned(),
        100..10_000 => format!("{}.{}", micros / 1_000, micros % 1_000 / 100),
        _ => (micros / 1_000).to_string(),
    }
}

fn thinned(raster: &Raster) -> Option<String> {
    let (rows, columns) = (raster.rows.len() as u64, raster.columns.len() as u64);
    let is_all = rows >= raster.watchers && columns >= raster.mutations;
    (!is_all).then(|| {
        format!(
            "Evenly thinned: {} of {} watchers, {} of {} changes.",
            count(rows),
            count(raster.watchers),
            count(columns),
            count(raster.mutations)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_one_path_are_one_run() {
        let spans = [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (9.0, 11.0)];
        let row: Vec<char> = "ppwp".chars().collect();
        assert_eq!(runs(&row, 'p', &spans), [(0.0, 4.0), (9.0, 11.0)]);
    }

    #[test]
    fn latencies_are_short() {
        assert_eq!([40, 1_230, 66_000, 20_000_123].map(millis), ["0.1", "1.2", "66", "20000"]);
    }

    #[test]
    fn no_two_paths_share_a_letter_or_a_colour() {
        let letters = letters();
        for (n, one) in letters.iter().enumerate() {
            assert!(letters[n + 1..].iter().all(|other| one.0 != other.0 && one.1 != other.1), "{one:?}");
        }
    }
}
