//! A drawing: shapes in pixels, made once and rendered to every format.

use std::sync::Once;

use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontFamily, FontStyle, IntoFont, TextStyle, register_font};

use shakedown_model::GroupId;

use super::palette::Ink;
use crate::quantity::plain;

/// The font of bitmaps, and the one that texts are measured with (free licence beside it).
static FONT: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans.ttf");

/// Plotters sizes a font by its line; this is the ratio to the em that SVG output uses.
const LINE_PER_EM: f64 = 1.24;

/// Where a text's anchor lies in it; the vertical anchor is always the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Start,
    Middle,
    End,
}

/// A point in pixels from the top left.
pub(crate) type Point = (f64, f64);

/// One shape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Line {
        points: Vec<Point>,
        ink: Ink,
        width: f64,
        alpha: f64,
    },
    Area {
        points: Vec<Point>,
        ink: Ink,
        alpha: f64,
    },
    Rect {
        from: Point,
        to: Point,
        ink: Ink,
        alpha: f64,
    },
    Dot {
        at: Point,
        radius: f64,
        ink: Ink,
        alpha: f64,
    },
    Text {
        at: Point,
        align: Align,
        size: f64,
        ink: Ink,
        text: String,
    },
    /// What follows, until the matching [`Shape::Close`], is one part. Only the page's SVG says so.
    Open(Part),
    Close,
}

/// A part of a chart that the page's script can move, hide or explain.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    /// All of one group between two heights: without it, what lies below moves up.
    Row { group: Option<GroupId>, from: f64, until: f64 },
    /// All of one group that shares its height with others.
    Cell { group: GroupId },
    /// Data over an even horizontal axis; a time axis zooms.
    Plot(Plot),
    /// Ticks of a time axis.
    Ticks(Plot),
    /// Shapes that explain themselves when pointed at.
    Tip(String),
}

/// The place of data, and what its horizontal axis spans.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plot {
    /// Which of the drawing's plots, from 0: the same one in every format.
    pub(crate) nth: usize,
    pub(crate) from: Point,
    pub(crate) to: Point,
    pub(crate) values: (f64, f64),
    pub(crate) is_time: bool,
}

/// What to say where the pointer is: the text of the nearest value on the horizontal axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hover {
    /// Of which plot.
    pub(crate) plot: usize,
    /// (value on the axis, its text), ascending.
    pub(crate) points: Vec<(f64, String)>,
    /// One text a row from top to bottom, when the plot is a raster of even rows.
    pub(crate) rows: Vec<String>,
}

/// Shapes on a surface, painted in their order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drawing {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) hovers: Vec<Hover>,
    plots: usize,
}

impl Drawing {
    pub(crate) const fn new(width: f64) -> Self {
        Self { width, height: 0.0, shapes: Vec::new(), hovers: Vec::new(), plots: 0 }
    }

    pub(crate) fn open(&mut self, part: Part) {
        self.shapes.push(Shape::Open(part));
    }

    pub(crate) fn close(&mut self) {
        self.shapes.push(Shape::Close);
    }

    /// Opens a plot whose horizontal axis spans `values` evenly.
    pub(crate) fn open_plot(&mut self, (from, to): (Point, Point), values: (f64, f64), is_time: bool) {
        let plot = Plot { nth: self.plots, from, to, values, is_time };
        self.plots += 1;
        self.open(Part::Plot(plot));
    }

    /// What the plot that was opened last says where the pointer is.
    pub(crate) fn hover(&mut self, points: Vec<(f64, String)>) {
        self.hover_rows(points, Vec::new());
    }

    /// The same for a raster: `rows` name its rows from top to bottom.
    pub(crate) fn hover_rows(&mut self, points: Vec<(f64, String)>, rows: Vec<String>) {
        if let (Some(plot), false) = (self.plots.checked_sub(1), points.is_empty()) {
            self.hovers.push(Hover { plot, points, rows });
        }
    }

    pub(crate) fn line(&mut self, points: Vec<Point>, ink: Ink, width: f64) {
        if points.len() > 1 {
            self.shapes.push(Shape::Line { points, ink, width, alpha: 1.0 });
        }
    }

    /// A dashed line between two points.
    pub(crate) fn dashed(&mut self, from: Point, to: Point, ink: Ink, width: f64) {
        const DASH: f64 = 5.0;
        const GAP: f64 = 4.0;
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy);
        if length <= 0.0 {
            return;
        }
        let at = |along: f64| (from.0 + dx * along / length, from.1 + dy * along / length);
        let mut along = 0.0;
        while along < length {
            self.line(vec![at(along), at((along + DASH).min(length))], ink, width);
            along += DASH + GAP;
        }
    }

    pub(crate) fn area(&mut self, points: Vec<Point>, ink: Ink, alpha: f64) {
        self.shapes.push(Shape::Area { points, ink, alpha });
    }

    pub(crate) fn rect(&mut self, from: Point, to: Point, ink: Ink, alpha: f64) {
        self.shapes.push(Shape::Rect { from, to, ink, alpha });
    }

    pub(crate) fn dot(&mut self, at: Point, radius: f64, ink: Ink, alpha: f64) {
        self.shapes.push(Shape::Dot { at, radius, ink, alpha });
    }

    /// A small triangle that points up: "the value lies above".
    pub(crate) fn arrow_up(&mut self, at: Point, size: f64, ink: Ink) {
        let (x, y) = at;
        self.area(vec![(x - size, y + size), (x, y - size), (x + size, y + size)], ink, 1.0);
    }

    /// A cross: a point that breaks a rule.
    pub(crate) fn cross(&mut self, at: Point, size: f64, ink: Ink) {
        let (x, y) = at;
        self.line(vec![(x - size, y - size), (x + size, y + size)], ink, 1.5);
        self.line(vec![(x - size, y + size), (x + size, y - size)], ink, 1.5);
    }

    pub(crate) fn text(&mut self, at: Point, align: Align, (size, ink): (f64, Ink), text: &str) {
        let text = plain(text);
        if !text.trim().is_empty() {
            self.shapes.push(Shape::Text { at, align, size, ink, text });
        }
    }
}

/// The width of a text in pixels.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    load_font();
    let font = FontFamily::SansSerif.into_font().resize(size * LINE_PER_EM * 10.0);
    font.box_size(text).map_or(0.0, |(width, _)| f64::from(width) / 10.0)
}

/// The longest beginning of `text`, with an ellipsis where it is cut, that fits; nothing when that would be too short
/// to mean something.
pub(crate) fn fitted(text: &str, size: f64, room: f64) -> Option<String> {
    const FEWEST_LETTERS: usize = 4;
    let text = plain(text);
    if text_width(&text, size) <= room {
        return Some(text);
    }
    let letters: Vec<char> = text.chars().collect();
    (FEWEST_LETTERS..letters.len().min(80)).rev().find_map(|keep| {
        let cut: String = letters[..keep].iter().collect::<String>().trim_end().to_owned() + "…";
        (text_width(&cut, size) <= room).then_some(cut)
    })
}

pub(super) fn text_style(align: Align, size: f64, ink: Ink) -> TextStyle<'static> {
    load_font();
    let anchor = match align {
        Align::Start => HPos::Left,
        Align::Middle => HPos::Center,
        Align::End => HPos::Right,
    };
    let font = FontFamily::SansSerif.into_font().resize(size * LINE_PER_EM);
    TextStyle { font, color: ink.rgb().to_backend_color(), pos: Pos::new(anchor, VPos::Center) }
}

fn load_font() {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| {
        let loaded = register_font("sans-serif", FontStyle::Normal, FONT);
        assert!(loaded.is_ok(), "the font in assets/fonts is a font");
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_texts_are_wider_and_are_cut_to_fit() {
        assert!(text_width("propagation", 12.0) > text_width("p99", 12.0));
        assert!((text_width("steady", 24.0) / text_width("steady", 12.0) - 2.0).abs() < 0.05);
        assert_eq!(fitted("steady", 12.0, 200.0).as_deref(), Some("steady"));
        let cut = fitted("a-very-long-phase-name", 12.0, 70.0).unwrap();
        assert!(cut.ends_with('…') && text_width(&cut, 12.0) <= 70.0);
        assert_eq!(fitted("a-very-long-phase-name", 12.0, 10.0), None);
    }
}
