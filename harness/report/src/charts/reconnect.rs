//! Reconnecting: attempts over time above, and below each attempt gap against what the policy allows.

use shakedown_check::result::{AttemptSeries, GapPoint};
use shakedown_model::backoff::Backoff;
use shakedown_model::time::nanos;
use shakedown_model::{GroupId, Offset, Seed};

use super::axis::Axis;
use super::drawing::{Align, Drawing, Part, Point};
use super::palette::Ink;
use super::sheet::{Format, LABEL, Mark, Panel, SMALL, Sheet};
use super::timeline::{FAULT_LEGEND, Timeline};
use crate::input::ReportInput;
use crate::quantity::{as_f64, counted, time};

/// Gaps shorter than this are drawn at the lower end.
const FLOOR_NS: u64 = 1_000_000;
/// Points drawn per attempt number; more would only hide each other.
const POINTS_PER_ATTEMPT: usize = 40;
/// Gaps within the policy that are drawn per group: a client that spins has thousands of attempts.
const MAX_DOTS: usize = 1_500;
/// Gaps outside the policy that are drawn per group.
const MAX_CROSSES: usize = 300;

const NO_ATTEMPTS: &str = "There are no attempts to draw: none was seen in the recorded time.";

pub(super) fn draw(input: ReportInput<'_>, format: Format, title: &str) -> Drawing {
    let mut sheet = Sheet::new(format, title);
    if has_attempts(input) {
        draw_attempts(&mut sheet, input);
    } else {
        sheet.sentence(NO_ATTEMPTS, Ink::Text);
    }
    sheet.y += 8.0;
    if input.series.gaps.is_empty() {
        sheet.sentence(
            "There are no attempt gaps to draw: no watcher needed a second attempt to reconnect, so the backoff policy \
             was not put to the test.",
            Ink::Text,
        );
    } else {
        draw_gaps(&mut sheet, input);
    }
    sheet.finish()
}

/// Why there is nothing to draw, if there is nothing.
pub(super) fn why_empty(input: ReportInput<'_>) -> Option<&'static str> {
    (!has_attempts(input) && input.series.gaps.is_empty()).then_some(NO_ATTEMPTS)
}

fn has_attempts(input: ReportInput<'_>) -> bool {
    input.series.attempts.iter().any(|series| !series.buckets.is_empty())
}

fn draw_attempts(sheet: &mut Sheet, input: ReportInput<'_>) {
    let width = input.series.attempts.first().map_or(0, |series| series.bucket_ns);
    let mut legend = vec![
        (Mark::Block, Ink::Blue, format!("attempts per {}: connected", time(width))),
        (Mark::Block, Ink::Vermillion, "not connected".to_owned()),
    ];
    if !input.judgement.faults.is_empty() {
        legend.push((Mark::Patch, Ink::Fault, FAULT_LEGEND.to_owned()));
    }
    sheet.legend(&legend);
    let timeline = Timeline::new(input, sheet, input.end());
    timeline.header(sheet);
    timeline.panels(sheet, 90.0, |sheet, panel, group| {
        match input.series.attempts.iter().find(|series| series.group == group) {
            Some(series) if !series.buckets.is_empty() => draw_bars(sheet, (panel, &timeline), series),
            _ if input.is_observed(group) => sheet.empty(panel, "no attempts"),
            _ => sheet.empty(panel, "not observed"),
        }
    });
}

fn draw_bars(sheet: &mut Sheet, (panel, timeline): (&Panel, &Timeline<'_>), series: &AttemptSeries) {
    let highest = series.buckets.iter().map(|bucket| bucket.1).max().unwrap_or(1);
    let axis = Axis::linear((0.0, f64::from(highest.max(2)) * 1.08), panel.vertical());
    sheet.vertical_axis(panel, &axis, &axis.round_ticks(3.0));
    let spoken = |(start, attempts, connected): &(Offset, u32, u32)| {
        let text = format!("{}, {connected} connected", counted(u64::from(*attempts), "attempt"));
        (start.as_secs_f64() + as_f64(series.bucket_ns) / 2e9, text)
    };
    sheet.drawing.hover(series.buckets.iter().map(spoken).collect());
    for (start, attempts, connected) in &series.buckets {
        if *start > timeline.end() {
            continue;
        }
        let left = timeline.x(*start);
        let right = timeline.x(Offset(start.0.saturating_add(series.bucket_ns))).max(left + 1.5);
        let (split, top) = (axis.place(f64::from(*connected)), axis.place(f64::from(*attempts)));
        if *connected > 0 {
            sheet.drawing.rect((left, split), (right, panel.bottom), Ink::Blue, 0.85);
        }
        if attempts > connected {
            sheet.drawing.rect((left, top), (right, split), Ink::Vermillion, 0.85);
        }
    }
}

fn draw_gaps(sheet: &mut Sheet, input: ReportInput<'_>) {
    let gaps = &input.series.gaps;
    let longest = gaps.iter().map(|gap| gap.gap_ns.max(gap.allowed_ns.1)).max().unwrap_or(FLOOR_NS);
    let values = Axis::log((as_f64(FLOOR_NS), as_f64(longest.max(FLOOR_NS * 10))), (0.0, 1.0));
    let at = (sheet.margin(), sheet.y + 10.0);
    sheet.drawing.text(at, Align::Start, (LABEL, Ink::Text), "Attempt gaps against the declared policy");
    sheet.y += 24.0;
    let mut legend = vec![
        (Mark::Patch, Ink::Green, "the policy allows".to_owned()),
        (Mark::Dots, Ink::Blue, "a gap within it".to_owned()),
    ];
    if gaps.iter().any(|gap| !gap.is_within) {
        legend.push((Mark::Cross, Ink::Vermillion, "a gap outside it".to_owned()));
    }
    sheet.legend(&legend);
    let groups: Vec<GroupId> = input.groups().collect();
    let columns = if sheet.format.is_narrow() { 1 } else { groups.len().clamp(1, 3) };
    for row in groups.chunks(columns) {
        let mut bottom = sheet.y;
        for (n, group) in (0_u32..).zip(row) {
            let of = u32::try_from(columns).unwrap_or(1);
            let (panel, title) = sheet.panel(&input.group_name(*group), 180.0, (n, of));
            sheet.drawing.open(Part::Cell { group: *group });
            sheet.panel_title(&panel, &title);
            draw_gap_panel(sheet, (&panel, &values.at(panel.vertical())), input, *group);
            sheet.drawing.close();
            bottom = panel.bottom;
        }
        sheet.y = bottom + 26.0;
    }
    let at = (sheet.format.width() / 2.0, sheet.y + 4.0);
    let text = "number of the attempt that ended the gap, counted from the loss";
    sheet.drawing.text(at, Align::Middle, (SMALL, Ink::Muted), text);
    sheet.y += 12.0;
}

fn draw_gap_panel(sheet: &mut Sheet, (panel, up): (&Panel, &Axis), input: ReportInput<'_>, group: GroupId) {
    sheet.vertical_axis(panel, up, &up.time_ticks());
    let mut gaps: Vec<&GapPoint> = input.series.gaps.iter().filter(|gap| gap.group == group).collect();
    if gaps.is_empty() {
        sheet.empty(panel, "no attempt after the first");
        sheet.frame(panel);
        return;
    }
    gaps.sort_by_key(|gap| (gap.attempt, gap.gap_ns));
    let highest = gaps.last().map_or(2, |gap| gap.attempt.max(4));
    let across = attempt_axis(highest, panel);
    if let Some(spec) = input.plan.groups.get(group.index()) {
        draw_band(sheet, (panel, &across, up), &spec.client.backoff, highest);
    }
    let ticks = if highest > 40 { across.count_ticks() } else { across.axis.round_ticks(6.0) };
    sheet.horizontal_axis(panel, &across.axis, &ticks);
    draw_points(sheet, (&across, up), &gaps);
    sheet.frame(panel);
}

/// The axis of attempt numbers: even for few, logarithmic for many.
struct AttemptAxis {
    axis: Axis,
    highest: u32,
}

fn attempt_axis(highest: u32, panel: &Panel) -> AttemptAxis {
    let pixels = (panel.left, panel.right);
    let axis = if highest > 40 {
        Axis::log((2.0, f64::from(highest)), pixels)
    } else {
        Axis::linear((1.0, f64::from(highest) + 1.0), pixels)
    };
    AttemptAxis { axis, highest }
}

impl AttemptAxis {
    fn count_ticks(&self) -> Vec<super::axis::Tick> {
        let few: &[u32] = &[2, 5, 10, 20, 50, 100, 200];
        let many: &[u32] = &[2, 10, 100, 1_000, 10_000, 100_000];
        let marks = if self.highest < 400 { few } else { many };
        marks
            .iter()
            .copied()
            .filter(|n| *n <= self.highest)
            .map(|n| super::axis::Tick { value: f64::from(n), label: crate::quantity::count(u64::from(n)) })
            .collect()
    }

    /// The left and right edge of attempt `n`.
    fn edges(&self, n: u32) -> (f64, f64) {
        (self.axis.place(f64::from(n) - 0.5), self.axis.place(f64::from(n) + 0.5))
    }
}

/// The allowed band as one area; a policy that allows one value only still gets a visible line.
fn draw_band(
    sheet: &mut Sheet,
    (panel, across, up): (&Panel, &AttemptAxis, &Axis),
    backoff: &Backoff,
    highest: u32,
) {
    const THINNEST: f64 = 3.0;
    let steps: Vec<u32> = (2..=highest.min(400)).chain((highest > 400).then_some(highest)).collect();
    let (mut upper, mut lower) = (Vec::<Point>::new(), Vec::<Point>::new());
    for n in steps {
        let (low, high) = backoff.bounds(n, None);
        let (left, right) = across.edges(n);
        let (mut top, mut bottom) = (up.place_ns(nanos(high)), up.place_ns(nanos(low)));
        if bottom - top < THINNEST {
            let middle = f64::midpoint(top, bottom);
            (top, bottom) = (middle - THINNEST, middle + THINNEST);
        }
        let (top, bottom) = (top.max(panel.top), bottom.min(panel.bottom));
        upper.extend([(left, top), (right, top)]);
        lower.extend([(left, bottom), (right, bottom)]);
    }
    upper.extend(lower.into_iter().rev());
    if upper.len() > 3 {
        sheet.drawing.area(upper, Ink::Green, 0.25);
    }
}

fn draw_points(sheet: &mut Sheet, (across, up): (&AttemptAxis, &Axis), gaps: &[&GapPoint]) {
    let spread = Seed(1);
    let mut dots: Vec<Point> = Vec::new();
    for same in gaps.chunk_by(|a, b| a.attempt == b.attempt) {
        let (left, right) = across.edges(same[0].attempt);
        let within: Vec<&&GapPoint> = same.iter().filter(|gap| gap.is_within).collect();
        let every = within.len().div_ceil(POINTS_PER_ATTEMPT).max(1);
        for (n, gap) in (0_u64..).zip(within.into_iter().step_by(every)) {
            let x = left + (right - left) * (0.2 + 0.6 * spread.unit(n));
            dots.push((x, up.place_ns(gap.gap_ns)));
        }
    }
    let every = dots.len().div_ceil(MAX_DOTS).max(1);
    for at in dots.into_iter().step_by(every) {
        sheet.drawing.dot(at, 1.5, Ink::Blue, 0.55);
    }
    let outside: Vec<&&GapPoint> = gaps.iter().filter(|gap| !gap.is_within).collect();
    let every = outside.len().div_ceil(MAX_CROSSES).max(1);
    for gap in outside.into_iter().step_by(every) {
        let (left, right) = across.edges(gap.attempt);
        sheet.drawing.cross((f64::midpoint(left, right), up.place_ns(gap.gap_ns)), 3.5, Ink::Vermillion);
    }
}
