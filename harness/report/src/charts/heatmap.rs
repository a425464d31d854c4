//! Phases by groups: one quantile of end-to-end latency, and one of T-all; a cell's colour is the stronger the longer it took.

use shakedown_check::result::{Figure, StatValue};
use shakedown_model::gate::{Measure, Scope, Stat};
use shakedown_model::{GroupId, PhaseId};

use super::drawing::{Align, Drawing, Part, Point, fitted};
use super::palette::Ink;
use super::sheet::{Format, LABEL, SMALL, Sheet};
use crate::input::ReportInput;
use crate::quantity::{TOO_FEW, as_f64, count, stat};

const NOTHING: &str = "There is nothing to compare: no phase has end-to-end samples.";
/// The height of a cell: a value, and below it a count.
const CELL: f64 = 36.0;

pub(super) fn draw(input: ReportInput<'_>, format: Format, title: &str) -> Drawing {
    let mut sheet = Sheet::new(format, title);
    if let Some(why) = why_empty(input) {
        sheet.sentence(why, Ink::Text);
        return sheet.finish();
    }
    for measure in [Measure::EndToEnd, Measure::TAll] {
        let cells = cells(input, measure);
        if !cells.is_empty() {
            draw_measure(&mut sheet, input, measure, &cells);
        }
    }
    sheet.sentence(
        "The stronger the colour, the longer it took (logarithmic). Striped: too few samples to tell. n: samples.",
        Ink::Muted,
    );
    sheet.finish()
}

/// Why there is nothing to draw, if there is nothing.
pub(super) fn why_empty(input: ReportInput<'_>) -> Option<&'static str> {
    cells(input, Measure::EndToEnd).is_empty().then_some(NOTHING)
}

/// The figures of a measure by phase and group.
fn cells<'a>(input: ReportInput<'a>, measure: Measure) -> Vec<(PhaseId, GroupId, &'a Figure)> {
    input
        .figures(measure)
        .into_iter()
        .filter_map(|figure| match (figure.scope, figure.group) {
            (Scope::Phase(phase), Some(group)) if figure.count > 0 => Some((phase, group, figure)),
            _ => None,
        })
        .collect()
}

/// The deepest quantile up to p99 that at least half of the cells can tell.
fn telling(cells: &[(PhaseId, GroupId, &Figure)]) -> Stat {
    let tells = |which: Stat| {
        let told = cells.iter().filter(|(.., figure)| figure.stat(which) != StatValue::TooFew).count();
        told * 2 >= cells.len()
    };
    [Stat::P99, Stat::P90, Stat::P50].into_iter().find(|which| tells(*which)).unwrap_or(Stat::Max)
}

fn draw_measure(
    sheet: &mut Sheet,
    input: ReportInput<'_>,
    measure: Measure,
    cells: &[(PhaseId, GroupId, &Figure)],
) {
    let which = telling(cells);
    let mut phases: Vec<PhaseId> = cells.iter().map(|cell| cell.0).collect();
    phases.dedup();
    let names = if sheet.format.is_narrow() { 72.0 } else { 150.0 };
    let left = sheet.margin() + names;
    let width = (sheet.right() - left) / f64::from(u32::try_from(phases.len()).unwrap_or(1));
    let across = |nth: usize| left + width * f64::from(u32::try_from(nth).unwrap_or(0));
    let at = (sheet.margin(), sheet.y + 10.0);
    sheet.drawing.text(at, Align::Start, (LABEL, Ink::Text), &format!("{measure} {which}"));
    sheet.y += 22.0;
    for (nth, phase) in phases.iter().enumerate() {
        let at = (across(nth) + width / 2.0, sheet.y + 8.0);
        let name = fitted(&input.phase_name(*phase), SMALL, width - 6.0).unwrap_or_default();
        sheet.drawing.text(at, Align::Middle, (SMALL, Ink::Muted), &name);
    }
    sheet.y += 18.0;
    let shade = Shade::over(cells, which);
    for group in input.groups() {
        let (top, until) = (sheet.y, sheet.y + CELL);
        sheet.drawing.open(Part::Row { group: Some(group), from: top, until });
        let name = fitted(&input.group_name(group), LABEL, names - 8.0).unwrap_or_default();
        let at = (sheet.margin(), top + CELL / 2.0);
        sheet.drawing.text(at, Align::Start, (LABEL, Ink::Text), &name);
        for (nth, phase) in phases.iter().enumerate() {
            let corner = (across(nth), top);
            let found = cells.iter().find(|cell| cell.0 == *phase && cell.1 == group);
            draw_cell(sheet, (corner, width), found.map(|cell| cell.2), (which, shade));
        }
        sheet.drawing.close();
        sheet.y = until;
    }
    sheet.y += 14.0;
}

/// How dark a value is.
#[derive(Clone, Copy)]
struct Shade {
    low: f64,
    high: f64,
}

impl Shade {
    fn over(cells: &[(PhaseId, GroupId, &Figure)], which: Stat) -> Self {
        let values = || cells.iter().filter_map(|(.., figure)| nanos_of(figure.stat(which)));
        let low = values().fold(f64::INFINITY, f64::min).max(1.0).log10();
        Self { low, high: values().fold(1.0, f64::max).log10() }
    }

    fn alpha(self, value: f64) -> f64 {
        const FAINT: f64 = 0.07;
        const DARK: f64 = 0.55;
        let span = (self.high - self.low).max(1e-9);
        let share = ((value.max(1.0).log10() - self.low) / span).clamp(0.0, 1.0);
        FAINT + share * (DARK - FAINT)
    }
}

fn nanos_of(value: StatValue) -> Option<f64> {
    match value {
        StatValue::Time(ns) | StatValue::LaterThan(ns) => Some(as_f64(ns)),
        StatValue::Share(_) | StatValue::Count(_) | StatValue::TooFew => None,
    }
}

fn draw_cell(
    sheet: &mut Sheet,
    ((left, top), width): (Point, f64),
    figure: Option<&Figure>,
    (which, shade): (Stat, Shade),
) {
    let (from, to) = ((left + 1.0, top + 1.0), (left + width - 1.0, top + CELL - 1.0));
    let middle = (f64::midpoint(from.0, to.0), f64::midpoint(from.1, to.1));
    let Some(figure) = figure else {
        sheet.drawing.text(middle, Align::Middle, (SMALL, Ink::Muted), "–");
        return;
    };
    sheet.drawing.open(Part::Tip(spoken(figure)));
    match nanos_of(figure.stat(which)) {
        Some(value) => sheet.drawing.rect(from, to, Ink::Blue, shade.alpha(value)),
        None => hatch(sheet, from, to),
    }
    let room = width - 6.0;
    let value =
        if figure.stat(which) == StatValue::TooFew { TOO_FEW.to_owned() } else { stat(figure, which) };
    let value = fitted(&value, LABEL, room).unwrap_or_default();
    let n = fitted(&format!("n {}", count(figure.count)), SMALL, room).unwrap_or_default();
    if figure.stat(which) == StatValue::TooFew {
        // Words on stripes need a quiet place.
        let half = (super::drawing::text_width(&value, LABEL).max(super::drawing::text_width(&n, SMALL))
            / 2.0)
            + 3.0;
        let (near, far) = ((middle.0 - half, from.1 + 1.0), (middle.0 + half, to.1 - 1.0));
        sheet.drawing.rect(near, far, Ink::Surface, 0.85);
    }
    sheet.drawing.text((middle.0, middle.1 - 7.0), Align::Middle, (LABEL, Ink::Text), &value);
    sheet.drawing.text((middle.0, middle.1 + 8.0), Align::Middle, (SMALL, Ink::Text), &n);
    sheet.drawing.close();
}

/// Diagonal stripes within a rectangle.
fn hatch(sheet: &mut Sheet, from: Point, to: Point) {
    const APART: f64 = 7.0;
    let height = to.1 - from.1;
    let mut x = from.0 - height;
    while x < to.0 {
        // From the lower edge at x up to the upper edge at x + height, cut at both sides.
        let (start, end) = (x.max(from.0), (x + height).min(to.0));
        if end > start {
            let line = vec![(start, to.1 - (start - x)), (end, to.1 - (end - x))];
            sheet.drawing.line(line, Ink::Border, 1.0);
        }
        x += APART;
    }
}

/// Every statistic of a cell.
fn spoken(figure: &Figure) -> String {
    let stats: Vec<String> =
        Stat::ALL.iter().map(|which| format!("{which} {}", stat(figure, *which))).collect();
    let late =
        if figure.censored > 0 { format!(", {} later", count(figure.censored)) } else { String::new() };
    format!("{} · n {}{late}", stats.join(" · "), count(figure.count))
}
