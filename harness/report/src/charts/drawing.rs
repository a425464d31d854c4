//! A drawing: shapes in pixels, made once and rendered to every format.

use std::sync::Once;

use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontFamily, FontStyle, IntoFont, TextStyle, register_font};

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
    Line { points: Vec<Point>, ink: Ink, width: f64, alpha: f64 },
    Area { points: Vec<Point>, ink: Ink, alpha: f64 },
    Rect { from: Point, to: Point, ink: Ink, alpha: f64 },
    Dot { at: Point, radius: f64, ink: Ink, alpha: f64 },
    Text { at: Point, align: Align, size: f64, ink: Ink, text: String },
}

/// Shapes on a surface, painted in their order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drawing {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) shapes: Vec<Shape>,
}

impl Drawing {
    pub(crate) const fn new(width: f64) -> Self {
        Self { width, height: 0.0, shapes: Vec::new() }
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
