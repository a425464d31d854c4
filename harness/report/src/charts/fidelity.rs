//! Attempts of real clients and of those that imitate them: the pause before each, side by side.

use shakedown_check::result::FidelityAttempt;

use super::axis::Axis;
use super::drawing::{Drawing, Part, Point};
use super::palette::Ink;
use super::sheet::{Format, Mark, Panel, Sheet};
use crate::fidelity;
use crate::input::ReportInput;
use crate::quantity::as_f64;

/// Pauses shorter than this are drawn at the lower end.
const FLOOR_NS: u64 = 1_000_000;
/// Attempts beyond this number are left out: what a client does again and again has been seen by then.
const HIGHEST: u32 = 40;
/// Dots that are drawn per pair.
const MAX_DOTS: usize = 1_500;

/// Why there is nothing to draw, if there is nothing.
pub(super) fn why_empty(input: ReportInput<'_>) -> Option<&'static str> {
    input.series.fidelity.is_empty().then_some(
        "There are no attempts to set side by side: no real client and none that imitates it was cut off.",
    )
}

pub(super) fn draw(input: ReportInput<'_>, format: Format, title: &str) -> Drawing {
    let mut sheet = Sheet::new(format, title);
    if let Some(why) = why_empty(input) {
        sheet.sentence(why, Ink::Text);
        return sheet.finish();
    }
    sheet.legend(&[
        (Mark::Dots, Ink::Vermillion, "a real client's attempt".to_owned()),
        (Mark::Dots, Ink::Blue, "a simulated client's".to_owned()),
    ]);
    let longest = input.series.fidelity.iter().map(|attempt| attempt.gap_ns).max().unwrap_or(FLOOR_NS);
    let values = Axis::log((as_f64(FLOOR_NS), as_f64(longest.max(FLOOR_NS * 10))), (0.0, 1.0));
    let pairs: Vec<_> = (0_u16..).zip(&input.judgement.fidelity).collect();
    let columns = if sheet.format.is_narrow() { 1 } else { pairs.len().clamp(1, 2) };
    for row in pairs.chunks(columns) {
        let mut bottom = sheet.y;
        for (n, (number, pair)) in (0_u32..).zip(row) {
            let of = u32::try_from(columns).unwrap_or(1);
            let (panel, title) = sheet.panel(&fidelity::title(input, pair), 200.0, (n, of));
            sheet.drawing.open(Part::Cell { group: pair.real });
            sheet.panel_title(&panel, &title);
            let attempts: Vec<_> = input.series.fidelity.iter().filter(|a| a.pair == *number).collect();
            draw_pair(&mut sheet, (&panel, &values.at(panel.vertical())), &attempts);
            sheet.drawing.close();
            bottom = panel.bottom;
        }
        sheet.y = bottom + 26.0;
    }
    sheet.finish()
}

fn draw_pair(sheet: &mut Sheet, (panel, up): (&Panel, &Axis), attempts: &[&FidelityAttempt]) {
    sheet.vertical_axis(panel, up, &up.time_ticks());
    if attempts.is_empty() {
        sheet.empty(panel, "no attempt of either");
        sheet.frame(panel);
        return;
    }
    let highest = attempts.iter().map(|a| a.number).max().unwrap_or(4).clamp(4, HIGHEST);
    let across = Axis::linear((0.0, f64::from(highest) + 1.0), (panel.left, panel.right));
    sheet.horizontal_axis(panel, &across, &across.round_ticks(6.0));
    let shown: Vec<_> = attempts.iter().filter(|attempt| attempt.number <= highest).collect();
    let every = shown.len().div_ceil(MAX_DOTS).max(1);
    for attempt in shown.into_iter().step_by(every) {
        // Real to the left of the number, simulated to the right.
        let (beside, ink) = if attempt.is_real { (-0.15, Ink::Vermillion) } else { (0.15, Ink::Blue) };
        let at: Point = (across.place(f64::from(attempt.number) + beside), up.place_ns(attempt.gap_ns));
        sheet.drawing.dot(at, 2.0, ink, 0.7);
    }
    sheet.frame(panel);
}
