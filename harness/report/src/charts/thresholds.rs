//! Gates as dashed lines where they apply, each with its words beside it.

use shakedown_model::gate::{Gate, Measure, Op, Scope, Threshold};
use shakedown_model::time::nanos;
use shakedown_model::verdict::Outcome;
use shakedown_model::{GroupId, Offset};

use super::axis::Axis;
use super::drawing::{Align, Point, text_width};
use super::palette::Ink;
use super::sheet::{Panel, SMALL, Sheet};
use super::timeline::Timeline;
use crate::input::ReportInput;
use crate::quantity;

/// The gates on a time of `measure` that apply to `group`.
pub(super) fn gates_of<'a>(
    input: ReportInput<'a>,
    measure: Measure,
    group: GroupId,
) -> impl Iterator<Item = (&'a Gate, u64)> {
    input.plan.gates.iter().filter_map(move |gate| {
        let applies = gate.measure == measure && gate.group.is_none_or(|only| only == group);
        match gate.threshold {
            Threshold::Time(time) if applies => Some((gate, nanos(time))),
            Threshold::Time(_) | Threshold::Share(_) | Threshold::Count(_) | Threshold::Baseline(_) => None,
        }
    })
}

/// Draws one panel's gates. `data` are the points drawn there, which the words keep clear of where they can.
pub(super) struct Thresholds<'a> {
    pub(super) input: ReportInput<'a>,
    pub(super) measure: Measure,
    pub(super) group: GroupId,
}

impl Thresholds<'_> {
    pub(super) fn draw(&self, sheet: &mut Sheet, place: (&Panel, &Axis, &Timeline<'_>), data: &[Point]) {
        let (panel, axis, timeline) = place;
        let mut taken: Vec<(Point, Point)> = Vec::new();
        for (gate, ns) in gates_of(self.input, self.measure, self.group) {
            if !axis.holds(quantity::as_f64(ns)) {
                continue;
            }
            let (from, until) = self.span(gate);
            let (left, right) = (timeline.x(from), timeline.x(until.min(timeline.end())));
            let y = axis.place_ns(ns);
            let outcome = self.outcome(gate);
            let ink = if outcome == Some(Outcome::Fail) { Ink::Fail } else { Ink::Text };
            sheet.drawing.dashed((left, y), (right, y), ink, 1.25);
            let words = words(gate, ns, outcome);
            let size = (text_width(&words, SMALL), SMALL + 3.0);
            let Some(corner) = label_corner(panel, (left, right, y), size, (data, &taken)) else { continue };
            taken.push((corner, (corner.0 + size.0, corner.1 + size.1)));
            let at = (corner.0, corner.1 + size.1 / 2.0);
            sheet.drawing.text(at, Align::Start, (SMALL, ink), &words);
        }
    }

    fn span(&self, gate: &Gate) -> (Offset, Offset) {
        let whole = (Offset::ZERO, Offset::NEVER);
        match gate.scope {
            Scope::Run => whole,
            Scope::Phase(phase) => {
                self.input.plan.phases.get(phase.index()).map_or(whole, |phase| (phase.from, phase.until))
            }
            Scope::Fault(id) => self
                .input
                .judgement
                .faults
                .iter()
                .find(|fault| fault.fault == id)
                .map_or(whole, |fault| (fault.from, fault.until)),
        }
    }

    /// How the gate went in this panel's group.
    fn outcome(&self, gate: &Gate) -> Option<Outcome> {
        let results = &self.input.judgement.gates;
        let result = results.iter().find(|result| result.text == gate.text)?;
        result.rows.iter().find(|row| row.group == Some(self.group)).map(|row| row.outcome)
    }
}

/// `p99 < 300 ms: failed`.
fn words(gate: &Gate, ns: u64, outcome: Option<Outcome>) -> String {
    let op = match gate.op {
        Op::Below => "<",
        Op::AtMost => "≤",
        Op::Above => ">",
        Op::AtLeast => "≥",
    };
    let outcome = match outcome {
        None => "",
        Some(Outcome::Pass) => ": held",
        Some(Outcome::Unknown) => ": unknown",
        Some(Outcome::Fail) => ": failed",
    };
    format!("{} {op} {}{outcome}", gate.stat, quantity::time(ns))
}

/// The top left of the place for words near the line (left, right, y): on no other words, on as little data as can
/// be, near the line and within its ends.
fn label_corner(
    panel: &Panel,
    (left, right, y): (f64, f64, f64),
    (width, height): (f64, f64),
    (data, taken): (&[Point], &[(Point, Point)]),
) -> Option<Point> {
    const CLEAR: f64 = 3.0;
    let highest_x = (panel.right - width).max(panel.left + CLEAR);
    let columns = [
        right - width - CLEAR,
        left + CLEAR,
        f64::midpoint(left, right - width),
        right + CLEAR,
        left - width - CLEAR,
    ]
    .map(|x| x.clamp(panel.left + CLEAR, highest_x));
    let rows = (0_u8..8).flat_map(|n| {
        let away = f64::from(n) * 10.0;
        [y - height - 1.0 - away, y + 2.0 + away]
    });
    rows.flat_map(|row| columns.map(|column| (column, row)))
        .filter(|(_, y)| *y >= panel.top && y + height <= panel.bottom)
        .filter(|(x, y)| {
            !taken.iter().any(|(a, b)| *x < b.0 && a.0 < x + width && *y < b.1 && a.1 < y + height)
        })
        .map(|(x, row)| {
            let covered = data
                .iter()
                .filter(|(px, py)| {
                    (x - CLEAR..=x + width + CLEAR).contains(px) && (row..=row + height).contains(py)
                })
                .count();
            let outside = (left - x).max(0.0) + (x + width - right).max(0.0);
            let away = (row + height / 2.0 - y).abs();
            #[expect(clippy::cast_precision_loss, reason = "a count of chart points")]
            let cost = covered as f64 * 12.0 + outside * 0.5 + away;
            ((x, row), cost)
        })
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(corner, _)| corner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PANEL: Panel = Panel { left: 50.0, right: 500.0, top: 0.0, bottom: 200.0 };

    #[test]
    fn words_avoid_data_and_other_words() {
        let size = (100.0, 14.0);
        let free = label_corner(&PANEL, (50.0, 500.0, 100.0), size, (&[], &[])).unwrap();
        assert_eq!(free, (397.0, 85.0));
        let data: Vec<Point> = (400..500).map(|x| (f64::from(x), 92.0)).collect();
        let moved = label_corner(&PANEL, (50.0, 500.0, 100.0), size, (&data, &[])).unwrap();
        assert!(moved.0 + size.0 < 400.0 || moved.1 > 95.0, "{moved:?}");
        let taken = [(free, (free.0 + size.0, free.1 + size.1))];
        assert_ne!(label_corner(&PANEL, (50.0, 500.0, 100.0), size, (&[], &taken)), Some(free));
    }
}
