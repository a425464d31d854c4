//! What servers, proxies and the harness used over time: processors, memory, connections.

use shakedown_model::Offset;

use super::axis::{Axis, Tick};
use super::drawing::Drawing;
use super::palette::Ink;
use super::sheet::{Format, Mark, Panel, Sheet};
use super::timeline::{FAULT_LEGEND_OF_RUN, Row, Timeline};
use crate::input::ReportInput;
use crate::quantity::{as_f64, count, plain};

/// The harness' own line, grey.
const HARNESS: &str = "harness";

pub(super) fn draw(input: ReportInput<'_>, format: Format, title: &str) -> Drawing {
    let mut sheet = Sheet::new(format, title);
    let lines = lines(input);
    if lines.is_empty() {
        sheet.sentence(NOTHING, Ink::Text);
        return sheet.finish();
    }
    let mut legend: Vec<(Mark, Ink, String)> = Vec::new();
    for line in &lines {
        legend.push((Mark::Line, line.ink, line.name.clone()));
    }
    if !input.judgement.faults.is_empty() {
        legend.push((Mark::Patch, Ink::Fault, FAULT_LEGEND_OF_RUN.to_owned()));
    }
    sheet.legend(&legend);
    let timeline = Timeline::new(input, &sheet, input.end());
    timeline.header(&mut sheet);
    let kinds = [Kind::Cpu, Kind::Memory, Kind::Connections];
    let shown: Vec<(Kind, Row)> = kinds
        .into_iter()
        .filter(|kind| lines.iter().any(|line| line.points.iter().any(|point| kind.of(point).is_some())))
        .map(|kind| (kind, Row { group: None, title: kind.title().to_owned(), height: 90.0 }))
        .collect();
    let rows: Vec<Row> = shown.iter().map(|(_, row)| row.clone()).collect();
    timeline.rows(&mut sheet, &rows, |sheet, panel, row| {
        if let Some((kind, _)) = shown.iter().find(|(_, shown)| shown.title == row.title) {
            draw_kind(sheet, (panel, &timeline), *kind, &lines);
        }
    });
    sheet.finish()
}

const NOTHING: &str = "There is nothing about servers, proxies and the harness to draw: nothing was sampled.";

/// Why there is nothing to draw, if there is nothing.
pub(super) fn why_empty(input: ReportInput<'_>) -> Option<&'static str> {
    (input.parts.is_empty() && input.harness.is_empty()).then_some(NOTHING)
}

/// What is drawn of each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cpu,
    Memory,
    Connections,
}

impl Kind {
    const fn title(self) -> &'static str {
        match self {
            Self::Cpu => "processor time, in cores",
            Self::Memory => "resident memory, in MiB",
            Self::Connections => "open connections (of the harness: open files)",
        }
    }

    fn of(self, sample: &Sample) -> Option<f64> {
        match self {
            Self::Cpu => Some(sample.cpu_cores),
            Self::Memory => sample.rss_bytes.map(|bytes| as_f64(bytes) / f64::from(1 << 20)),
            Self::Connections => sample.connections.map(as_f64),
        }
    }

    fn spoken(self, value: f64) -> String {
        let whole = count(super::axis::whole(value));
        match self {
            Self::Cpu => format!("{value:.2}"),
            Self::Memory => format!("{whole} MiB"),
            Self::Connections => whole,
        }
    }
}

struct Sample {
    at: Offset,
    cpu_cores: f64,
    rss_bytes: Option<u64>,
    connections: Option<u64>,
}

struct Line {
    name: String,
    ink: Ink,
    points: Vec<Sample>,
}

/// A line for each part in the order of their names, and the harness' own.
fn lines(input: ReportInput<'_>) -> Vec<Line> {
    let mut names: Vec<&str> = input.parts.iter().map(|sample| sample.part.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let parts = names.into_iter().map(|name| {
        let points = input.parts.iter().filter(|sample| sample.part == name).map(|sample| Sample {
            at: sample.at,
            cpu_cores: sample.cpu_cores,
            rss_bytes: sample.rss_bytes,
            connections: sample.connections,
        });
        (plain(name), points.collect::<Vec<_>>())
    });
    let harness = input.harness.iter().map(|sample| Sample {
        at: sample.at,
        cpu_cores: sample.cpu_cores,
        rss_bytes: Some(sample.rss_bytes),
        connections: Some(sample.open_files),
    });
    let own = (HARNESS.to_owned(), harness.collect::<Vec<_>>());
    let all = [own].into_iter().chain(parts);
    let colours = Ink::SERIES.into_iter().filter(|ink| *ink != Ink::Grey);
    all.zip([Ink::Grey].into_iter().chain(colours.cycle()))
        .map(|((name, mut points), ink)| {
            points.sort_by_key(|point| point.at);
            Line { name, ink, points }
        })
        .filter(|line| !line.points.is_empty())
        .collect()
}

fn draw_kind(sheet: &mut Sheet, (panel, timeline): (&Panel, &Timeline<'_>), kind: Kind, lines: &[Line]) {
    let values = || lines.iter().flat_map(|line| &line.points).filter_map(|point| kind.of(point));
    let highest = values().filter(|value| value.is_finite()).fold(0.0, f64::max);
    let axis = Axis::linear((0.0, if highest > 0.0 { highest * 1.08 } else { 1.0 }), panel.vertical());
    let ticks: Vec<Tick> = axis.round_ticks(3.0);
    sheet.vertical_axis(panel, &axis, &ticks);
    for line in lines {
        let points = line.points.iter().filter(|point| point.at <= timeline.end());
        let points = points.filter_map(|point| Some((timeline.x(point.at), axis.place(kind.of(point)?))));
        sheet.drawing.line(points.collect(), line.ink, 1.75);
    }
    sheet.drawing.hover(spoken(kind, lines, timeline.end()));
}

/// Every part's value at each second that has samples.
fn spoken(kind: Kind, lines: &[Line], end: Offset) -> Vec<(f64, String)> {
    let second = |at: Offset| (at.0 + 500_000_000) / 1_000_000_000;
    let mut all: Vec<(u64, &str, f64)> = lines
        .iter()
        .flat_map(|line| line.points.iter().map(move |point| (line.name.as_str(), point)))
        .filter(|(_, point)| point.at <= end)
        .filter_map(|(name, point)| Some((second(point.at), name, kind.of(point)?)))
        .collect();
    all.sort_by_key(|(second, ..)| *second);
    all.chunk_by(|a, b| a.0 == b.0)
        .map(|same| {
            let words: Vec<String> =
                same.iter().map(|(_, name, value)| format!("{name} {}", kind.spoken(*value))).collect();
            (as_f64(same[0].0), words.join(" · "))
        })
        .collect()
}
