//! Staleness over time: the largest of any watcher, one panel per group.

use shakedown_check::result::StalenessSeries;
use shakedown_model::Offset;
use shakedown_model::gate::Measure;

use super::axis::Axis;
use super::drawing::{Drawing, Point};
use super::palette::Ink;
use super::sheet::{Format, Mark, Panel, Sheet};
use super::thresholds::{Thresholds, gates_of};
use super::timeline::{FAULT_LEGEND, Timeline};
use crate::input::ReportInput;
use crate::quantity::{as_f64, counted, time};

/// Below this nobody cares, and the axis ends.
const FLOOR_NS: u64 = 10_000_000;

pub(super) fn draw(input: ReportInput<'_>, format: Format, title: &str) -> Drawing {
    let mut sheet = Sheet::new(format, title);
    if let Some(why) = why_empty(input) {
        sheet.sentence(why, Ink::Text);
        return sheet.finish();
    }
    let mut legend = vec![(Mark::Patch, Ink::Blue, "largest staleness of any watcher".to_owned())];
    if !input.judgement.faults.is_empty() {
        legend.push((Mark::Patch, Ink::Fault, FAULT_LEGEND.to_owned()));
    }
    let gates: Vec<u64> = input
        .groups()
        .flat_map(|group| gates_of(input, Measure::Staleness, group).map(|gate| gate.1))
        .collect();
    if !gates.is_empty() {
        legend.push((Mark::Dashes, Ink::Text, "gate".to_owned()));
    }
    sheet.legend(&legend);
    let timeline = Timeline::new(input, &sheet, input.end());
    timeline.header(&mut sheet);
    let points = input.series.staleness.iter().flat_map(|series| &series.points);
    let highest = points.map(|point| point.1).max().unwrap_or(0);
    let top = highest.max(gates.into_iter().max().unwrap_or(0)).max(FLOOR_NS * 10);
    let values = Axis::log((as_f64(FLOOR_NS), as_f64(top)), (0.0, 1.0));
    timeline.panels(&mut sheet, 100.0, |sheet, panel, group| {
        let axis = values.at(panel.vertical());
        sheet.vertical_axis(panel, &axis, &axis.time_ticks());
        let series = input.series.staleness.iter().find(|series| series.group == group);
        let data = match series {
            Some(series) if !series.points.is_empty() => {
                draw_series(sheet, (panel, &axis, &timeline), series)
            }
            _ => {
                sheet.empty(panel, "no samples: no watcher of this group was subscribed");
                Vec::new()
            }
        };
        Thresholds { input, measure: Measure::Staleness, group }.draw(
            sheet,
            (panel, &axis, &timeline),
            &data,
        );
    });
    sheet.finish()
}

/// Why there is nothing to draw, if there is nothing.
pub(super) fn why_empty(input: ReportInput<'_>) -> Option<&'static str> {
    input.series.staleness.iter().all(|series| series.points.is_empty()).then_some(
        "There is no staleness to draw: nothing was acked in a measured phase, or no watcher was subscribed.",
    )
}

fn draw_series(
    sheet: &mut Sheet,
    (panel, axis, timeline): (&Panel, &Axis, &Timeline<'_>),
    series: &StalenessSeries,
) -> Vec<Point> {
    let spoken = |(at, ns, stale): &(_, u64, u32)| {
        let at: Offset = *at;
        (at.as_secs_f64(), format!("{} · {} behind", time(*ns), counted(u64::from(*stale), "watcher")))
    };
    sheet.drawing.hover(series.points.iter().filter(|point| point.0 <= timeline.end()).map(spoken).collect());
    let points: Vec<Point> = series
        .points
        .iter()
        .filter(|(at, _, _)| *at <= timeline.end())
        .map(|(at, ns, _)| (timeline.x(*at), axis.place_ns(*ns)))
        .collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return points };
    let mut area = points.clone();
    area.push((last.0, panel.bottom));
    area.insert(0, (first.0, panel.bottom));
    sheet.drawing.area(area, Ink::Blue, 0.22);
    sheet.drawing.line(points.clone(), Ink::Blue, 1.75);
    points
}
