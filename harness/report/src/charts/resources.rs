//! What servers, proxies and the harness used over time, and what servers tell of themselves: a row for each figure.

use shakedown_model::Offset;

use super::axis::{Axis, Tick};
use super::drawing::Drawing;
use super::palette::Ink;
use super::parts::{Kind, Line, lines};
use super::sheet::{Format, Mark, Panel, Sheet};
use super::timeline::{FAULT_LEGEND_OF_RUN, Row, Timeline};
use crate::input::ReportInput;
use crate::quantity::as_f64;

/// Which figures a chart has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figures {
    /// What of the machine was used.
    Used,
    /// What the servers tell of their work.
    Told,
}

impl Figures {
    const fn kinds(self) -> [Kind; 5] {
        match self {
            Self::Used => Kind::RESOURCES,
            Self::Told => Kind::GAUGES,
        }
    }

    const fn nothing(self) -> &'static str {
        match self {
            Self::Used => {
                "There is nothing about servers, proxies and the harness to draw: nothing was sampled."
            }
            Self::Told => {
                "The servers told nothing of themselves: the embedded server has no metrics, and one that somebody else runs \
                 may keep them to itself."
            }
        }
    }
}

pub(super) fn draw(input: ReportInput<'_>, format: Format, title: &str, figures: Figures) -> Drawing {
    let mut sheet = Sheet::new(format, title);
    let shown: Vec<(Row, Vec<Line>)> = figures
        .kinds()
        .into_iter()
        .map(|kind| (Row { group: None, title: kind.title().to_owned(), height: 90.0 }, lines(input, kind)))
        .filter(|(_, lines)| !lines.is_empty())
        .collect();
    if shown.is_empty() {
        sheet.sentence(figures.nothing(), Ink::Text);
        return sheet.finish();
    }
    let mut legend: Vec<(Mark, Ink, String)> = Vec::new();
    for line in shown.iter().flat_map(|(_, lines)| lines) {
        let entry = (Mark::Line, line.ink, line.name.clone());
        if !legend.contains(&entry) {
            legend.push(entry);
        }
    }
    if !input.judgement.faults.is_empty() {
        legend.push((Mark::Patch, Ink::Fault, FAULT_LEGEND_OF_RUN.to_owned()));
    }
    sheet.legend(&legend);
    let timeline = Timeline::new(input, &sheet, input.end());
    timeline.header(&mut sheet);
    let rows: Vec<Row> = shown.iter().map(|(row, _)| row.clone()).collect();
    timeline.rows(&mut sheet, &rows, |sheet, panel, row| {
        if let Some((_, lines)) = shown.iter().find(|(shown, _)| shown.title == row.title) {
            draw_kind(sheet, (panel, &timeline), lines);
        }
    });
    sheet.finish()
}

/// Why there is nothing to draw, if there is nothing.
pub(super) fn why_empty(input: ReportInput<'_>, figures: Figures) -> Option<&'static str> {
    let is_empty = figures.kinds().into_iter().all(|kind| lines(input, kind).is_empty());
    is_empty.then_some(figures.nothing())
}

fn draw_kind(sheet: &mut Sheet, (panel, timeline): (&Panel, &Timeline<'_>), lines: &[Line]) {
    let values = || lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value);
    let highest = values().filter(|value| value.is_finite()).fold(0.0, f64::max);
    let axis = Axis::linear((0.0, if highest > 0.0 { highest * 1.08 } else { 1.0 }), panel.vertical());
    let ticks: Vec<Tick> = axis.round_ticks(3.0);
    sheet.vertical_axis(panel, &axis, &ticks);
    for (line, stretch) in lines.iter().flat_map(|line| line.stretches().map(move |s| (line, s))) {
        let points = stretch.iter().filter(|(at, _)| *at <= timeline.end());
        let points = points.map(|(at, value)| (timeline.x(*at), axis.place(*value)));
        sheet.drawing.line(points.collect(), line.ink, 1.75);
    }
    sheet.drawing.hover(spoken(lines, timeline.end()));
}

/// Every part's value at each second that has samples.
fn spoken(lines: &[Line], end: Offset) -> Vec<(f64, String)> {
    let second = |at: Offset| (at.0 + 500_000_000) / 1_000_000_000;
    let mut all: Vec<(u64, String)> = lines
        .iter()
        .flat_map(|line| line.points.iter().map(move |point| (line, point)))
        .filter(|(_, (at, _))| *at <= end)
        .map(|(line, (at, value))| (second(*at), format!("{} {}", line.name, line.kind.spoken(*value))))
        .collect();
    all.sort_by_key(|(second, _)| *second);
    all.chunk_by(|a, b| a.0 == b.0)
        .map(|same| {
            let words: Vec<&str> = same.iter().map(|(_, words)| words.as_str()).collect();
            (as_f64(same[0].0), words.join(" · "))
        })
        .collect()
}
