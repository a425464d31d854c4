//! What every chart over time shares: the phases, the faults shaded, the time axis.

use shakedown_check::result::FaultResult;
use shakedown_model::{GroupId, Offset};

use super::axis::Axis;
use super::drawing::{Align, Part, Plot, Point, fitted, text_width};
use super::palette::Ink;
use super::sheet::{LABEL, Panel, SMALL, Sheet};
use crate::input::ReportInput;
use crate::quantity::plain;

/// The height of a row of phase names and of a lane of faults.
const ROW: f64 = 19.0;

/// What the shading means where panels are the whole run's.
pub(super) const FAULT_LEGEND_OF_RUN: &str = "fault in force";
/// What the shading means.
pub(crate) const FAULT_LEGEND: &str = "fault in force (faint: not on this group)";

/// The time axis of a sheet.
pub(crate) struct Timeline<'a> {
    input: ReportInput<'a>,
    axis: Axis,
    end: Offset,
    span: (f64, f64),
}

impl<'a> Timeline<'a> {
    /// From the run's start to `end`, over the sheet's whole width.
    pub(crate) fn new(input: ReportInput<'a>, sheet: &Sheet, end: Offset) -> Self {
        let span = (sheet.left(), sheet.right());
        Self { input, axis: Axis::linear((0.0, end.as_secs_f64()), span), end, span }
    }

    pub(crate) fn x(&self, at: Offset) -> f64 {
        self.axis.place(at.min(self.end).as_secs_f64())
    }

    pub(crate) const fn end(&self) -> Offset {
        self.end
    }

    /// Data over this axis within a panel, until [`Drawing::close`](super::drawing::Drawing::close).
    fn open_plot(&self, sheet: &mut Sheet, (from, to): (Point, Point)) {
        sheet.drawing.open_plot((from, to), (0.0, self.end.as_secs_f64()), true);
    }

    /// The names of phases, and below them the faults, each in a lane where it covers no other.
    pub(crate) fn header(&self, sheet: &mut Sheet) {
        let (top, height) = (sheet.y, ROW * (1.0 + self.lanes().1));
        self.open_plot(sheet, ((self.span.0, top), (self.span.1, top + height)));
        let y = sheet.y + ROW / 2.0;
        let drain = (self.input.plan.end(), self.end, "drain".to_owned());
        let phases = self.input.plan.phases.iter().map(|phase| (phase.from, phase.until, plain(&phase.name)));
        for (from, until, name) in phases.chain([drain]) {
            let (left, right) = (self.x(from), self.x(until));
            if let Some(name) = fitted(&name, LABEL, right - left - 6.0) {
                let middle = f64::midpoint(left, right);
                sheet.drawing.text((middle, y), Align::Middle, (LABEL, Ink::Muted), &name);
            }
        }
        sheet.y += ROW;
        self.fault_lanes(sheet);
        sheet.drawing.close();
    }

    fn fault_lanes(&self, sheet: &mut Sheet) {
        let (bars, lanes) = self.lanes();
        for bar in bars {
            let y = sheet.y + bar.lane * ROW + ROW / 2.0;
            sheet.drawing.rect((bar.left, y - 8.0), (bar.right, y + 8.0), Ink::Fault, 0.35);
            sheet.drawing.text((bar.name_at, y), Align::Start, (SMALL, Ink::Text), &bar.name);
        }
        sheet.y += lanes * ROW;
    }

    /// Each fault's bar in the first lane where it and its name cover no other, and how many lanes that takes.
    fn lanes(&self) -> (Vec<Bar>, f64) {
        let (mut bars, mut lane_ends) = (Vec::new(), Vec::<f64>::new());
        for fault in self.shown_faults() {
            let (left, right) = (self.x(fault.from), self.x(fault.until).max(self.x(fault.from) + 2.0));
            // A name that is longer than its bar stands beside it, where there is more room.
            let beside = (self.span.1 - right).max(left - self.span.0);
            let room = beside.max(right - left) - 8.0;
            let name = fitted(&fault.name, SMALL, room).unwrap_or_default();
            let wanted = text_width(&name, SMALL) + 8.0;
            let (from, until, name_at) = if wanted <= right - left {
                (left, right, left + 4.0)
            } else if right + wanted <= self.span.1 {
                (left, right + wanted, right + 4.0)
            } else {
                (left - wanted, right, left - wanted + 4.0)
            };
            let lane = lane_ends.iter().position(|end| *end + 4.0 <= from).unwrap_or(lane_ends.len());
            if lane == lane_ends.len() {
                lane_ends.push(until);
            }
            lane_ends[lane] = until;
            bars.push(Bar { left, right, name_at, name, lane: few(lane) });
        }
        (bars, few(lane_ends.len()))
    }

    fn shown_faults(&self) -> impl Iterator<Item = &'a FaultResult> {
        let end = self.end;
        self.input.judgement.faults.iter().filter(move |fault| fault.from < end)
    }

    /// A panel for each group with its title, its background, what `draw` adds and a frame; the time axis below the last.
    pub(crate) fn panels(
        &self,
        sheet: &mut Sheet,
        height: f64,
        mut draw: impl FnMut(&mut Sheet, &Panel, GroupId),
    ) {
        let rows: Vec<Row> =
            self.input.groups().map(|group| Row::of_group(self.input, group, height)).collect();
        self.rows(sheet, &rows, |sheet, panel, row| {
            if let Some(group) = row.group {
                draw(sheet, panel, group);
            }
        });
    }

    /// A panel for each row, likewise.
    pub(super) fn rows(
        &self,
        sheet: &mut Sheet,
        rows: &[Row],
        mut draw: impl FnMut(&mut Sheet, &Panel, &Row),
    ) {
        let mut last = None;
        for row in rows {
            let (panel, title) = sheet.panel(&row.title, row.height, (0, 1));
            let until = panel.bottom + 2.0;
            sheet.drawing.open(Part::Row { group: row.group, from: sheet.y, until });
            sheet.panel_title(&panel, &title);
            self.open_plot(sheet, ((panel.left, panel.top), (panel.right, panel.bottom)));
            self.background(sheet, &panel, row.group);
            draw(sheet, &panel, row);
            sheet.drawing.close();
            sheet.frame(&panel);
            sheet.drawing.close();
            sheet.y = until;
            last = Some(panel);
        }
        if let Some(panel) = last {
            self.axis(sheet, &panel);
        }
    }

    /// The background of a group's panel: faults shaded, faint where they do not touch the group; borders of phases.
    fn background(&self, sheet: &mut Sheet, panel: &Panel, group: Option<GroupId>) {
        let touching = |is_touched: bool| {
            self.shown_faults()
                .filter(|fault| group.is_none_or(|group| fault.groups.contains(&group)) == is_touched)
                .map(|fault| (self.x(fault.from), self.x(fault.until).max(self.x(fault.from) + 1.0)))
                .collect::<Vec<_>>()
        };
        for (windows, alpha) in [(touching(false), 0.06), (touching(true), 0.18)] {
            for (left, right) in merged(windows) {
                sheet.drawing.rect((left, panel.top), (right, panel.bottom), Ink::Fault, alpha);
            }
        }
        for (left, right) in merged(touching(true)) {
            for x in [left, right] {
                sheet.drawing.line(vec![(x, panel.top), (x, panel.bottom)], Ink::Fault, 1.0);
            }
        }
        for phase in &self.input.plan.phases {
            if phase.until < self.end {
                let x = self.x(phase.until);
                sheet.drawing.dashed((x, panel.top), (x, panel.bottom), Ink::Border, 1.0);
            }
        }
    }

    /// The time axis below the last panel.
    fn axis(&self, sheet: &mut Sheet, panel: &Panel) {
        let wanted = (self.span.1 - self.span.0) / 90.0;
        let (from, to) = ((panel.left, panel.bottom), (panel.right, panel.bottom + 18.0));
        let values = (0.0, self.end.as_secs_f64());
        sheet.drawing.open(Part::Ticks(Plot { nth: 0, from, to, values, is_time: true }));
        sheet.horizontal_axis(panel, &self.axis, &self.axis.round_ticks(wanted));
        sheet.drawing.close();
        let at = (f64::midpoint(panel.left, panel.right), panel.bottom + 30.0);
        let text = "seconds since the first phase began";
        sheet.drawing.text(at, Align::Middle, (SMALL, Ink::Muted), text);
        sheet.y = panel.bottom + 40.0;
    }
}

/// A fault above the panels.
struct Bar {
    left: f64,
    right: f64,
    name_at: f64,
    name: String,
    lane: f64,
}

fn few(lanes: usize) -> f64 {
    u32::try_from(lanes).map_or(0.0, f64::from)
}

/// A panel of a chart over time.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Whose it is; faults that do not touch the group are shaded faintly. `None` is the whole run's.
    pub(super) group: Option<GroupId>,
    pub(super) title: String,
    /// In pixels.
    pub(super) height: f64,
}

impl Row {
    pub(super) fn of_group(input: ReportInput<'_>, group: GroupId, height: f64) -> Self {
        Self { group: Some(group), title: input.group_title(group), height }
    }
}

/// Windows without overlaps, so that shading does not add up.
fn merged(mut windows: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    windows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut apart: Vec<(f64, f64)> = Vec::new();
    for (left, right) in windows {
        match apart.last_mut() {
            Some(last) if left <= last.1 => last.1 = last.1.max(right),
            _ => apart.push((left, right)),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_windows_are_shaded_once() {
        assert_eq!(merged(vec![(5.0, 9.0), (1.0, 3.0), (2.0, 4.0)]), [(1.0, 4.0), (5.0, 9.0)]);
        assert_eq!(merged(vec![(1.0, 9.0), (2.0, 3.0)]), [(1.0, 9.0)]);
    }
}
