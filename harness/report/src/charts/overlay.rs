//! Several runs on one sheet: latency over time and percentile spectra, a colour per run.
//!
//! The first run gives groups, phases and fault windows; the others' groups and phases are matched by name.

use shakedown_check::result::{Figure, LatencyBucket};
use shakedown_model::gate::{Measure, Scope};
use shakedown_model::{GroupId, Offset, PhaseId};

use super::RenderError;
use super::axis::Axis;
use super::drawing::{Align, Drawing, Point};
use super::palette::Ink;
use super::render;
use super::sheet::{Format, Mark, Panel, SMALL, Sheet};
use super::spectrum::{depth, quantile_ticks};
use super::timeline::{FAULT_LEGEND, Timeline};
use crate::input::ReportInput;
use crate::quantity::as_f64;

/// A chart of several runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overlay {
    /// p50 and p99 of end-to-end latency over time.
    Latency,
    /// The percentile spectrum of end-to-end latency by phase.
    Spectrum,
}

impl Overlay {
    /// Every chart, in the order in which the page shows them.
    pub(crate) const ALL: [Self; 2] = [Self::Latency, Self::Spectrum];

    /// The name of its file, without the ending.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Spectrum => "spectrum",
        }
    }

    /// What it shows.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Latency => "End-to-end latency over time",
            Self::Spectrum => "End-to-end latency by percentile",
        }
    }

    /// The chart as a standalone SVG file.
    pub(crate) fn svg(self, runs: &[ReportInput<'_>]) -> Result<String, RenderError> {
        Ok(render::svg_file(&self.drawing(runs, Format::File), self.title()))
    }

    /// The chart as an SVG element inside a page.
    pub(crate) fn svg_inline(self, runs: &[ReportInput<'_>], format: Format) -> Result<String, RenderError> {
        Ok(render::svg_inline(&self.drawing(runs, format), self.title()))
    }

    fn drawing(self, runs: &[ReportInput<'_>], format: Format) -> Drawing {
        match self {
            Self::Latency => latency(runs, format),
            Self::Spectrum => spectrum(runs, format),
        }
    }
}

/// The colour and the letter of a run.
fn ink(nth: usize) -> Ink {
    Ink::SERIES[nth % Ink::SERIES.len()]
}

fn letters(runs: &[ReportInput<'_>]) -> impl Iterator<Item = (Ink, char)> {
    ('A'..='Z').take(runs.len()).enumerate().map(|(nth, letter)| (ink(nth), letter))
}

fn latency(runs: &[ReportInput<'_>], format: Format) -> Drawing {
    let mut sheet = Sheet::new(format, Overlay::Latency.title());
    let buckets = || runs.iter().flat_map(|run| &run.series.latency).flat_map(|series| &series.buckets);
    let (Some(first), Some(lowest), Some(highest)) =
        (runs.first(), buckets().map(|b| b.p50).min(), buckets().map(|b| b.p99).max())
    else {
        sheet.sentence("There is no latency to draw: no run has samples.", Ink::Text);
        return sheet.finish();
    };
    let mut legend: Vec<(Mark, Ink, String)> = Vec::new();
    for (ink, letter) in letters(runs) {
        legend.push((Mark::Line, ink, format!("{letter} p99, thin: p50")));
    }
    legend.push((Mark::Patch, Ink::Fault, FAULT_LEGEND.to_owned()));
    sheet.legend(&legend);
    let end = runs.iter().map(|run| run.plan.end()).max().unwrap_or(Offset::ZERO);
    let timeline = Timeline::new(*first, &sheet, end);
    timeline.header(&mut sheet);
    let values = Axis::log((as_f64(lowest.max(1_000)), as_f64(highest)), (0.0, 1.0));
    let height = if format.is_narrow() { 140.0 } else { 170.0 };
    timeline.panels(&mut sheet, height, |sheet, panel, group| {
        let axis = values.at(panel.vertical());
        sheet.vertical_axis(panel, &axis, &axis.time_ticks());
        for (nth, run) in runs.iter().enumerate() {
            let buckets = buckets_of(*run, &first.group_name(group));
            for stretch in super::latency::stretches(&buckets) {
                let line = |value: fn(&LatencyBucket) -> u64| -> Vec<Point> {
                    stretch.iter().map(|b| (timeline.x(b.at), axis.place_ns(value(b)))).collect()
                };
                sheet.drawing.line(line(|b| b.p99), ink(nth), 2.0);
                sheet.drawing.line(line(|b| b.p50), ink(nth), 1.0);
            }
        }
    });
    sheet.finish()
}

fn buckets_of<'a>(run: ReportInput<'a>, group: &str) -> Vec<&'a LatencyBucket> {
    let series = run.series.latency.iter().find(|series| run.group_name(series.group) == group);
    series.iter().flat_map(|series| &series.buckets).collect()
}

/// A group and a phase of the first run, with each run's figure of it.
struct Cell<'a> {
    title: String,
    figures: Vec<Option<&'a Figure>>,
}

fn cells<'a>(runs: &[ReportInput<'a>]) -> Vec<Vec<Cell<'a>>> {
    let Some(first) = runs.first() else { return Vec::new() };
    let cell = |group: GroupId, phase: PhaseId| {
        let (group, phase) = (first.group_name(group), first.phase_name(phase));
        let figures: Vec<_> = runs.iter().map(|run| figure(*run, &group, &phase)).collect();
        let has_samples = figures.iter().flatten().any(|figure| figure.spectrum.len() > 1);
        has_samples.then(|| Cell { title: format!("{group} · {phase}"), figures })
    };
    let phases = || (0_u16..).map(PhaseId).take(first.plan.phases.len());
    first.groups().map(|group| phases().filter_map(|phase| cell(group, phase)).collect()).collect()
}

fn figure<'a>(run: ReportInput<'a>, group: &str, phase: &str) -> Option<&'a Figure> {
    run.figures(Measure::EndToEnd).into_iter().find(|figure| {
        matches!(figure.scope, Scope::Phase(id) if run.phase_name(id) == phase)
            && figure.group.is_some_and(|id| run.group_name(id) == group)
    })
}

fn spectrum(runs: &[ReportInput<'_>], format: Format) -> Drawing {
    let mut sheet = Sheet::new(format, Overlay::Spectrum.title());
    let cells = cells(runs);
    let figures = || cells.iter().flatten().flat_map(|cell| cell.figures.iter().flatten());
    let values = || figures().flat_map(|figure| figure.spectrum.iter().map(|point| point.1));
    let (Some(lowest), Some(highest)) = (values().min(), values().max()) else {
        sheet.sentence("There is no spectrum to draw: no run has samples.", Ink::Text);
        return sheet.finish();
    };
    let legend: Vec<_> = letters(runs).map(|(ink, letter)| (Mark::Line, ink, letter.to_string())).collect();
    sheet.legend(&legend);
    let values = Axis::log((as_f64(lowest.max(1_000)), as_f64(highest)), (0.0, 1.0));
    let deepest = figures().map(|figure| depth(figure.count)).fold(2.0, f64::max);
    for group in &cells {
        let columns = if format.is_narrow() { 1 } else { group.len().clamp(1, 3) };
        for row in group.chunks(columns) {
            let mut bottom = sheet.y;
            for (nth, cell) in (0_u32..).zip(row) {
                let (panel, title) =
                    sheet.panel(&cell.title, 190.0, (nth, u32::try_from(columns).unwrap_or(1)));
                sheet.panel_title(&panel, &title);
                draw_cell(&mut sheet, &panel, (&values, deepest), cell);
                bottom = panel.bottom;
            }
            sheet.y = bottom + 26.0;
        }
    }
    let at = (format.width() / 2.0, sheet.y + 4.0);
    sheet.drawing.text(at, Align::Middle, (SMALL, Ink::Muted), "share of samples at or below the value");
    sheet.y += 12.0;
    sheet.finish()
}

fn draw_cell(sheet: &mut Sheet, panel: &Panel, (values, deepest): (&Axis, f64), cell: &Cell<'_>) {
    let up = values.at(panel.vertical());
    let across = Axis::linear((0.0, deepest), (panel.left, panel.right));
    sheet.vertical_axis(panel, &up, &up.time_ticks());
    let ticks: Vec<_> = quantile_ticks(deepest).into_iter().filter(|tick| across.holds(tick.value)).collect();
    sheet.horizontal_axis(panel, &across, &ticks);
    for (nth, figure) in cell.figures.iter().enumerate() {
        let Some(figure) = figure else { continue };
        let end = depth(figure.count);
        let points = figure.spectrum.iter().map(|(quantile, ns)| {
            let t = if *quantile < 1.0 { -(1.0 - quantile).log10() } else { end }.min(end);
            (across.place(t), up.place_ns(*ns))
        });
        sheet.drawing.line(points.collect(), ink(nth), 2.0);
    }
    sheet.frame(panel);
}
