//! Every mutation by itself: T50, T99 and T-all over its intended time, one panel per group.

use shakedown_check::result::GroupTimes;
use shakedown_model::time::nanos;
use shakedown_model::{GroupId, Offset};

use super::axis::Axis;
use super::drawing::Drawing;
use super::palette::Ink;
use super::sheet::{Format, Mark, Sheet};
use super::timeline::{FAULT_LEGEND, Timeline};
use crate::input::ReportInput;
use crate::quantity::{as_f64, time};

/// What is drawn: the place in [`GroupTimes::rows`], its name and its colour. The largest comes first, below the others.
const SHOWN: [(usize, &str, Ink); 3] =
    [(3, "T-all", Ink::Grey), (2, "T99", Ink::Vermillion), (0, "T50", Ink::Blue)];

pub(super) fn draw(input: ReportInput<'_>, format: Format, title: &str) -> Drawing {
    let mut sheet = Sheet::new(format, title);
    if let Some(why) = why_empty(input) {
        sheet.sentence(why, Ink::Text);
        return sheet.finish();
    }
    let timeout = nanos(input.plan.delivery_timeout);
    sheet.legend(&legend(input, timeout));
    let timeline = Timeline::new(input, &sheet, input.plan.end().min(input.end()));
    timeline.header(&mut sheet);
    let values = value_axis(input, timeout);
    let height = if format.is_narrow() { 120.0 } else { 140.0 };
    timeline.panels(&mut sheet, height, |sheet, panel, group| {
        let axis = values.at(panel.vertical());
        sheet.vertical_axis(panel, &axis, &axis.time_ticks());
        match times_of(input, group) {
            Some(times) => draw_group(sheet, (&axis, &timeline), times, timeout),
            None => sheet.empty(panel, "no change reached this group in a measured phase"),
        }
    });
    sheet.finish()
}

/// Why there is nothing to draw, if there is nothing.
pub(super) fn why_empty(input: ReportInput<'_>) -> Option<&'static str> {
    rows(input).next().is_none().then_some("There is no change to draw: none was acked in a measured phase.")
}

fn times_of<'a>(input: ReportInput<'a>, group: GroupId) -> Option<&'a GroupTimes> {
    input.series.group_times.iter().find(|times| times.group == group && !times.rows.is_empty())
}

fn rows<'a>(input: ReportInput<'a>) -> impl Iterator<Item = &'a (Offset, [Option<u64>; 4])> + use<'a> {
    input.series.group_times.iter().flat_map(|times| &times.rows)
}

fn legend(input: ReportInput<'_>, timeout: u64) -> Vec<(Mark, Ink, String)> {
    let mut entries: Vec<(Mark, Ink, String)> =
        SHOWN.iter().rev().map(|(_, name, ink)| (Mark::Dots, *ink, (*name).to_owned())).collect();
    if rows(input).any(|row| row.1.contains(&None)) {
        entries.push((Mark::Arrow, Ink::Purple, format!("later than {}", time(timeout))));
    }
    if !input.judgement.faults.is_empty() {
        entries.push((Mark::Patch, Ink::Fault, FAULT_LEGEND.to_owned()));
    }
    entries
}

/// One axis for all panels, so that groups compare.
fn value_axis(input: ReportInput<'_>, timeout: u64) -> Axis {
    let known = || rows(input).flat_map(|row| row.1.into_iter().flatten());
    let has_late = rows(input).any(|row| row.1.contains(&None));
    let highest = known().max().unwrap_or(1).max(if has_late { timeout } else { 0 });
    let lowest = known().min().unwrap_or(highest).max(1_000);
    Axis::log((as_f64(lowest), as_f64(highest)), (0.0, 1.0))
}

fn draw_group(sheet: &mut Sheet, (axis, timeline): (&Axis, &Timeline<'_>), times: &GroupTimes, timeout: u64) {
    let shown: Vec<&(Offset, [Option<u64>; 4])> =
        times.rows.iter().filter(|row| row.0 <= timeline.end()).collect();
    sheet.drawing.hover(shown.iter().map(|row| (row.0.as_secs_f64(), spoken(row.1, timeout))).collect());
    for (place, _, ink) in SHOWN {
        // T-all often equals T99: it shows as a ring around it.
        let (radius, alpha) = if place == 3 { (3.25, 0.5) } else { (2.0, 0.9) };
        for (at, values) in &shown {
            if let Some(ns) = values[place] {
                sheet.drawing.dot((timeline.x(*at), axis.place_ns(ns)), radius, ink, alpha);
            }
        }
    }
    for (at, values) in &shown {
        if values.contains(&None) {
            sheet.drawing.arrow_up((timeline.x(*at), axis.place_ns(timeout)), 4.0, Ink::Purple);
        }
    }
}

/// `T50 66 ms · T90 100 ms · T99 141 ms · T-all > 20 s`.
fn spoken(values: [Option<u64>; 4], timeout: u64) -> String {
    let names = ["T50", "T90", "T99", "T-all"];
    let words = names.into_iter().zip(values).map(|(name, value)| match value {
        Some(ns) => format!("{name} {}", time(ns)),
        None => format!("{name} > {}", time(timeout)),
    });
    words.collect::<Vec<_>>().join(" · ")
}
