//! The percentile spectrum of end-to-end latency: one panel per group, one line per measured phase.

use shakedown_check::result::Figure;
use shakedown_model::GroupId;
use shakedown_model::gate::{Measure, SAMPLES_BEYOND, Scope};
use shakedown_model::time::nanos;

use super::axis::{Axis, Tick};
use super::drawing::{Align, Drawing, Part, Point};
use super::palette::Ink;
use super::sheet::{Format, Mark, Panel, SMALL, Sheet};
use crate::input::ReportInput;
use crate::quantity::{as_f64, time};

const NOTHING: &str = "There is no spectrum to draw: no phase has end-to-end samples.";

pub(super) fn draw(input: ReportInput<'_>, format: Format, title: &str) -> Drawing {
    let mut sheet = Sheet::new(format, title);
    let lines = lines(input);
    let values = lines.iter().flat_map(|line| line.figure.spectrum.iter().map(|point| point.1));
    let (Some(lowest), Some(highest)) = (values.clone().min(), values.max()) else {
        sheet.sentence(NOTHING, Ink::Text);
        return sheet.finish();
    };
    sheet.legend(&legend(input, &lines));
    let values = Axis::log((as_f64(lowest.max(1_000)), as_f64(highest)), (0.0, 1.0));
    let widest = lines.iter().map(|line| depth(line.figure.count)).fold(2.0, f64::max);
    let groups: Vec<GroupId> = input.groups().collect();
    let columns = if format.is_narrow() { 1 } else { groups.len().clamp(1, 3) };
    for row in groups.chunks(columns) {
        let mut bottom = sheet.y;
        for (n, group) in (0_u32..).zip(row) {
            let of = u32::try_from(columns).unwrap_or(1);
            let (panel, title) = sheet.panel(&input.group_name(*group), 210.0, (n, of));
            sheet.drawing.open(Part::Cell { group: *group });
            sheet.panel_title(&panel, &title);
            let across = Axis::linear((0.0, widest), (panel.left, panel.right));
            let up = values.at(panel.vertical());
            let (from, to) = ((panel.left, panel.top), (panel.right, panel.bottom));
            sheet.drawing.open_plot((from, to), (0.0, widest), false);
            let lines = lines_of(&lines, *group);
            sheet.drawing.hover(spoken(&lines));
            draw_panel(&mut sheet, (&panel, &across, &up), input, &lines);
            sheet.drawing.close();
            sheet.drawing.close();
            bottom = panel.bottom;
        }
        sheet.y = bottom + 26.0;
    }
    let at = (format.width() / 2.0, sheet.y + 4.0);
    sheet.drawing.text(at, Align::Middle, (SMALL, Ink::Muted), "share of samples at or below the value");
    sheet.y += 12.0;
    sheet.finish()
}

/// Why there is nothing to draw, if there is nothing.
pub(super) fn why_empty(input: ReportInput<'_>) -> Option<&'static str> {
    lines(input).is_empty().then_some(NOTHING)
}

struct Line<'a> {
    figure: &'a Figure,
    group: GroupId,
    name: String,
    ink: Ink,
}

fn lines(input: ReportInput<'_>) -> Vec<Line<'_>> {
    let measured: Vec<usize> = input
        .plan
        .phases
        .iter()
        .enumerate()
        .filter_map(|(index, phase)| phase.is_measured.then_some(index))
        .collect();
    input
        .figures(Measure::EndToEnd)
        .into_iter()
        .filter(|figure| figure.spectrum.len() > 1)
        .filter_map(|figure| {
            let (Scope::Phase(phase), Some(group)) = (figure.scope, figure.group) else { return None };
            let nth = measured.iter().position(|index| *index == phase.index()).unwrap_or(0);
            let ink = Ink::SERIES[nth % Ink::SERIES.len()];
            Some(Line { figure, group, name: input.phase_name(phase), ink })
        })
        .collect()
}

fn lines_of<'l, 'a>(lines: &'l [Line<'a>], group: GroupId) -> Vec<&'l Line<'a>> {
    lines.iter().filter(|line| line.group == group).collect()
}

fn legend(input: ReportInput<'_>, lines: &[Line<'_>]) -> Vec<(Mark, Ink, String)> {
    let mut entries: Vec<(Mark, Ink, String)> = Vec::new();
    for line in lines {
        if !entries.iter().any(|entry| entry.2 == line.name) {
            entries.push((Mark::Line, line.ink, line.name.clone()));
        }
    }
    if lines.iter().any(|line| line.figure.censored > 0) {
        let timeout = time(nanos(input.plan.delivery_timeout));
        entries.push((Mark::Dashes, Ink::Text, format!("time-out {timeout}: later values end here")));
    }
    entries
}

/// How far to the right `count` samples reach: the axis is −log10(1 − q).
pub(super) fn depth(count: u64) -> f64 {
    as_f64(count.max(1)).log10()
}

pub(super) fn quantile_ticks(widest: f64) -> Vec<Tick> {
    [
        (std::f64::consts::LOG10_2, "50 %"),
        (1.0, "90 %"),
        (2.0, "99 %"),
        (3.0, "99.9 %"),
        (4.0, "99.99 %"),
        (5.0, "99.999 %"),
    ]
    .into_iter()
    .filter(|(value, _)| *value <= widest)
    .map(|(value, label)| Tick { value, label: label.to_owned() })
    .collect()
}

fn draw_panel(
    sheet: &mut Sheet,
    (panel, across, up): (&Panel, &Axis, &Axis),
    input: ReportInput<'_>,
    lines: &[&Line<'_>],
) {
    sheet.vertical_axis(panel, up, &up.time_ticks());
    let widest = lines.iter().map(|line| depth(line.figure.count)).fold(5.0, f64::max);
    let ticks: Vec<Tick> =
        quantile_ticks(widest).into_iter().filter(|tick| across.holds(tick.value)).collect();
    for tick in &ticks {
        let x = across.place(tick.value);
        sheet.drawing.line(vec![(x, panel.top), (x, panel.bottom)], Ink::Grid, 1.0);
    }
    sheet.horizontal_axis(panel, across, &ticks);
    let timeout = nanos(input.plan.delivery_timeout);
    if up.holds(as_f64(timeout)) && lines.iter().any(|line| line.figure.censored > 0) {
        let y = up.place_ns(timeout);
        sheet.drawing.dashed((panel.left, y), (panel.right, y), Ink::Text, 1.0);
    }
    if lines.is_empty() {
        sheet.empty(panel, "no samples in any measured phase");
    }
    for line in lines {
        draw_line(sheet, (across, up), line);
    }
    sheet.frame(panel);
}

/// What each quantile that some line has comes to: `p99: steady 141 ms, rough 530 ms`.
fn spoken(lines: &[&Line<'_>]) -> Vec<(f64, String)> {
    let mut quantiles: Vec<f64> =
        lines.iter().flat_map(|line| &line.figure.spectrum).map(|p| p.0).filter(|q| *q < 1.0).collect();
    quantiles.sort_by(f64::total_cmp);
    quantiles.dedup();
    quantiles
        .into_iter()
        .map(|quantile| {
            let values = lines.iter().filter_map(|line| {
                let point = line.figure.spectrum.iter().find(|point| point.0.total_cmp(&quantile).is_eq())?;
                Some(format!("{} {}", line.name, time(point.1)))
            });
            let values: Vec<String> = values.collect();
            let share = format!("{:.4}", quantile * 100.0);
            let share = share.trim_end_matches('0').trim_end_matches('.');
            (-(1.0 - quantile).log10(), format!("{share} %: {}", values.join(" · ")))
        })
        .collect()
}

fn draw_line(sheet: &mut Sheet, (across, up): (&Axis, &Axis), line: &Line<'_>) {
    let deepest = depth(line.figure.count);
    // The line is faint where fewer samples lie beyond.
    let trusted = (deepest - f64::from(SAMPLES_BEYOND).log10()).max(0.0);
    let points: Vec<(f64, Point)> = line
        .figure
        .spectrum
        .iter()
        .map(|(quantile, ns)| {
            let t = if *quantile < 1.0 { -(1.0 - quantile).log10() } else { deepest }.min(deepest);
            (t, (across.place(t), up.place_ns(*ns)))
        })
        .collect();
    let firm = points.partition_point(|(t, _)| *t <= trusted);
    let all: Vec<Point> = points.into_iter().map(|(_, point)| point).collect();
    sheet.drawing.line(all[..firm].to_vec(), line.ink, 2.25);
    for pair in all[firm.saturating_sub(1)..].windows(2) {
        sheet.drawing.dashed(pair[0], pair[1], line.ink, 1.0);
    }
}
