//! Answers from cache: how old each was, whether it was right and whether it said that it may be stale.

use shakedown_check::result::FailoverPoint;

use super::axis::Axis;
use super::drawing::{Drawing, Point};
use super::palette::Ink;
use super::sheet::{Format, Mark, Sheet};
use super::timeline::{FAULT_LEGEND, Timeline};
use crate::input::ReportInput;
use crate::quantity::{as_f64, count, time};

/// Younger answers are drawn at the lower end: the newest has age 0, which a logarithmic axis cannot show.
const FLOOR_NS: u64 = 10_000_000;
/// Points that are drawn per group and kind; more would only hide each other.
const MAX_POINTS: usize = 1_500;
/// Answers are told by the pointer in buckets of this length.
const BUCKET_NS: u64 = 500_000_000;

pub(super) fn draw(input: ReportInput<'_>, format: Format, title: &str) -> Drawing {
    let mut sheet = Sheet::new(format, title);
    if let Some(why) = why_empty(input) {
        sheet.sentence(why, Ink::Text);
        return sheet.finish();
    }
    let mut legend: Vec<(Mark, Ink, String)> = KINDS
        .iter()
        .filter(|kind| input.series.failover.iter().any(|point| kind.holds(point)))
        .map(|kind| (if kind.is_right { Mark::Dots } else { Mark::Cross }, kind.ink, kind.name.to_owned()))
        .collect();
    if !input.judgement.faults.is_empty() {
        legend.push((Mark::Patch, Ink::Fault, FAULT_LEGEND.to_owned()));
    }
    sheet.legend(&legend);
    let timeline = Timeline::new(input, &sheet, input.end());
    timeline.header(&mut sheet);
    let oldest = input.series.failover.iter().map(|point| point.age_ns).max().unwrap_or(0);
    let values = Axis::log((as_f64(FLOOR_NS), as_f64(oldest.max(FLOOR_NS * 10))), (0.0, 1.0));
    timeline.panels(&mut sheet, 100.0, |sheet, panel, group| {
        let axis = values.at(panel.vertical());
        sheet.vertical_axis(panel, &axis, &axis.time_ticks());
        let points: Vec<&FailoverPoint> = input
            .series
            .failover
            .iter()
            .filter(|point| point.group == group && point.at <= timeline.end())
            .collect();
        if points.is_empty() {
            sheet.empty(panel, "no answer from cache");
        } else {
            draw_group(sheet, (&axis, &timeline), &points);
        }
    });
    sheet.finish()
}

/// Why there is nothing to draw, if there is nothing.
pub(super) fn why_empty(input: ReportInput<'_>) -> Option<&'static str> {
    input.series.failover.is_empty().then_some(
        "There are no answers from cache to draw: no application read while its watcher was cut off, or no group reads.",
    )
}

/// What an answer can be.
struct Kind {
    is_right: bool,
    says_stale: bool,
    ink: Ink,
    name: &'static str,
}

impl Kind {
    const fn holds(&self, point: &FailoverPoint) -> bool {
        point.is_right == self.is_right && point.says_stale == self.says_stale
    }
}

const KINDS: [Kind; 4] = [
    Kind { is_right: true, says_stale: true, ink: Ink::Blue, name: "right, and says that it may be stale" },
    Kind { is_right: true, says_stale: false, ink: Ink::Amber, name: "right, but does not say so" },
    Kind {
        is_right: false,
        says_stale: true,
        ink: Ink::Vermillion,
        name: "wrong, and says that it may be stale",
    },
    Kind { is_right: false, says_stale: false, ink: Ink::Text, name: "wrong, and does not say so" },
];

fn draw_group(sheet: &mut Sheet, (axis, timeline): (&Axis, &Timeline<'_>), points: &[&FailoverPoint]) {
    sheet.drawing.hover(spoken(points));
    for kind in &KINDS {
        let of_kind: Vec<Point> = points
            .iter()
            .filter(|point| kind.holds(point))
            .map(|point| (timeline.x(point.at), axis.place_ns(point.age_ns)))
            .collect();
        let every = of_kind.len().div_ceil(MAX_POINTS).max(1);
        for at in of_kind.into_iter().step_by(every) {
            if kind.is_right {
                sheet.drawing.dot(at, 1.75, kind.ink, 0.7);
            } else {
                sheet.drawing.cross(at, 3.0, kind.ink);
            }
        }
    }
}

/// Per half second: how many answers, the oldest, and how many were not as they should be.
fn spoken(points: &[&FailoverPoint]) -> Vec<(f64, String)> {
    let mut sorted = points.to_vec();
    sorted.sort_by_key(|point| point.at);
    let buckets = sorted.chunk_by(|a, b| a.at.0 / BUCKET_NS == b.at.0 / BUCKET_NS);
    buckets
        .map(|bucket| {
            let middle = as_f64(bucket[0].at.0 / BUCKET_NS * BUCKET_NS + BUCKET_NS / 2) / 1e9;
            let oldest = bucket.iter().map(|point| point.age_ns).max().unwrap_or(0);
            let of = |wanted: fn(&FailoverPoint) -> bool| {
                count(bucket.iter().filter(|point| wanted(point)).count() as u64)
            };
            let (wrong, silent) = (of(|point| !point.is_right), of(|point| !point.says_stale));
            let n = count(bucket.len() as u64);
            (
                middle,
                format!(
                    "n {n} · oldest {} · {wrong} wrong · {silent} do not say that they may be stale",
                    time(oldest)
                ),
            )
        })
        .collect()
}
