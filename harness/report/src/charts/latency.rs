//! End-to-end latency over time: p50, p99 and the largest value, one panel per group.

use shakedown_check::result::LatencyBucket;
use shakedown_model::gate::Measure;
use shakedown_model::{GroupId, Offset};

use super::axis::Axis;
use super::drawing::{Drawing, Point};
use super::palette::Ink;
use super::sheet::{Format, Mark, Panel, Sheet};
use super::thresholds::{Thresholds, gates_of};
use super::timeline::{FAULT_LEGEND, Timeline};
use crate::input::ReportInput;
use crate::quantity::{as_f64, count, time};

pub(super) fn draw(input: ReportInput<'_>, format: Format, title: &str) -> Drawing {
    let mut sheet = Sheet::new(format, title);
    if let Some(why) = why_empty(input) {
        sheet.sentence(why, Ink::Text);
        return sheet.finish();
    }
    sheet.legend(&legend(input));
    let end = input.plan.end().min(input.end());
    let timeline = Timeline::new(input, &sheet, end);
    timeline.header(&mut sheet);
    let values = value_axis(input);
    let height = if format.is_narrow() { 130.0 } else { 150.0 };
    timeline.panels(&mut sheet, height, |sheet, panel, group| {
        let axis = values.at(panel.vertical());
        sheet.vertical_axis(panel, &axis, &axis.time_ticks());
        draw_group(sheet, (panel, &axis, &timeline), input, group);
    });
    sheet.finish()
}

/// Why there is nothing to draw, if there is nothing.
pub(super) fn why_empty(input: ReportInput<'_>) -> Option<&'static str> {
    all_buckets(input)
        .next()
        .is_none()
        .then_some("There is no latency to draw: no change reached a watcher in a measured phase.")
}

fn legend(input: ReportInput<'_>) -> Vec<(Mark, Ink, String)> {
    let mut entries = vec![
        (Mark::Line, Ink::Blue, "p50".to_owned()),
        (Mark::Line, Ink::Vermillion, "p99".to_owned()),
        (Mark::Dots, Ink::Grey, "max".to_owned()),
    ];
    if all_buckets(input).any(|bucket| bucket.censored > 0) {
        let timeout = shakedown_model::time::nanos(input.plan.delivery_timeout);
        entries.push((Mark::Arrow, Ink::Purple, format!("some later than {}", time(timeout))));
    }
    if !input.judgement.faults.is_empty() {
        entries.push((Mark::Patch, Ink::Fault, FAULT_LEGEND.to_owned()));
    }
    if input.groups().any(|group| gates_of(input, Measure::EndToEnd, group).next().is_some()) {
        entries.push((Mark::Dashes, Ink::Text, "gate".to_owned()));
    }
    entries
}

fn all_buckets<'a>(input: ReportInput<'a>) -> impl Iterator<Item = &'a LatencyBucket> + use<'a> {
    input.series.latency.iter().flat_map(|series| &series.buckets)
}

/// One axis for all panels, so that groups compare.
fn value_axis(input: ReportInput<'_>) -> Axis {
    let lowest = all_buckets(input).map(|bucket| bucket.p50).min().unwrap_or(1);
    let highest = all_buckets(input).map(|bucket| bucket.max).max().unwrap_or(1);
    let highest_gate = input
        .groups()
        .flat_map(|group| gates_of(input, Measure::EndToEnd, group).map(|(_, ns)| ns).collect::<Vec<_>>())
        .max()
        .unwrap_or(0);
    Axis::log((as_f64(lowest.max(1_000)), as_f64(highest.max(highest_gate))), (0.0, 1.0))
}

fn draw_group(
    sheet: &mut Sheet,
    place: (&Panel, &Axis, &Timeline<'_>),
    input: ReportInput<'_>,
    group: GroupId,
) {
    let (panel, axis, timeline) = place;
    let series = input.series.latency.iter().find(|series| series.group == group);
    let buckets: Vec<&LatencyBucket> = series
        .iter()
        .flat_map(|series| &series.buckets)
        .filter(|bucket| bucket.at <= timeline.end())
        .collect();
    if buckets.is_empty() {
        sheet.empty(panel, "no samples: no change reached this group in a measured phase");
        return;
    }
    sheet.drawing.hover(buckets.iter().map(|bucket| (bucket.at.as_secs_f64(), spoken(bucket))).collect());
    let at = |bucket: &LatencyBucket, ns| (timeline.x(bucket.at), axis.place_ns(ns));
    let mut data: Vec<Point> = Vec::new();
    for bucket in &buckets {
        let point = at(bucket, bucket.max);
        if bucket.censored > 0 {
            sheet.drawing.arrow_up(point, 4.5, Ink::Purple);
        } else {
            sheet.drawing.dot(point, 1.75, Ink::Grey, 0.9);
        }
        data.push(point);
    }
    for (ink, value) in [(Ink::Vermillion, (|b| b.p99) as fn(&LatencyBucket) -> u64), (Ink::Blue, |b| b.p50)]
    {
        for stretch in stretches(&buckets) {
            let points: Vec<Point> = stretch.iter().map(|bucket| at(bucket, value(bucket))).collect();
            data.extend(between(&points));
            if let [alone] = points[..] {
                sheet.drawing.dot(alone, 2.25, ink, 1.0);
            }
            sheet.drawing.line(points, ink, 2.0);
        }
    }
    Thresholds { input, measure: Measure::EndToEnd, group }.draw(sheet, place, &data);
}

/// `p50 66 ms · p99 141 ms · max 160 ms · n 1,000`.
fn spoken(bucket: &LatencyBucket) -> String {
    let late =
        if bucket.censored > 0 { format!(", {} later", count(bucket.censored)) } else { String::new() };
    let [p50, p99, max] = [bucket.p50, bucket.p99, bucket.max].map(time);
    format!("p50 {p50} · p99 {p99} · max {max} · n {}{late}", count(bucket.count))
}

/// Buckets in stretches without a gap: a line across a time without samples would claim what nobody saw.
pub(super) fn stretches<'b>(
    buckets: &'b [&'b LatencyBucket],
) -> impl Iterator<Item = &'b [&'b LatencyBucket]> {
    const GAP_IN_STEPS: u64 = 6;
    let step = buckets.windows(2).map(|pair| apart(pair[0].at, pair[1].at)).min().unwrap_or(1).max(1);
    buckets.chunk_by(move |a, b| apart(a.at, b.at) <= step.saturating_mul(GAP_IN_STEPS))
}

const fn apart(a: Offset, b: Offset) -> u64 {
    b.0.saturating_sub(a.0)
}

/// The points of a line and some between them, so that words can keep clear of the line.
fn between(points: &[Point]) -> Vec<Point> {
    let middles = points.windows(2).flat_map(|pair| {
        [0.25, 0.5, 0.75].map(|share| {
            (pair[0].0 + (pair[1].0 - pair[0].0) * share, pair[0].1 + (pair[1].1 - pair[0].1) * share)
        })
    });
    points.iter().copied().chain(middles).collect()
}
