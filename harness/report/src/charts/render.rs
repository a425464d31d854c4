//! Drawings as SVG files, as SVG in the page, and as PNG (through plotters).

use std::error::Error;

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::prelude::{BitMapBackend, DrawingBackend};
use plotters::style::{Color, ShapeStyle};

use super::drawing::{Drawing, Point, Shape, text_style};
use super::palette::{Ink, dark_rules};
use super::svg;

/// Pixels of a PNG per pixel of the drawing.
const PNG_SCALE: u32 = 2;
/// Bitmaps are drawn this much larger, then averaged, so that lines are smooth.
const SMOOTHING: u32 = 2;
/// Bitmap texts hang this share of their size too high.
const PNG_TEXT_DROP: f64 = 0.12;

/// Why a chart could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The drawing backend failed.
    #[error("cannot draw a chart: {0}")]
    Draw(String),
    /// The picture could not be encoded.
    #[error("cannot encode a chart as PNG")]
    Encode(#[from] png::EncodingError),
}

/// A standalone SVG file: its background is part of it, light or dark as the reader's screen is.
pub(crate) fn svg_file(drawing: &Drawing, title: &str) -> String {
    let style = format!("<style>@media (prefers-color-scheme:dark){{{}}}</style>", dark_rules("svg"));
    let (width, height) = (drawing.width.ceil(), drawing.height.ceil());
    let root = format!("width=\"{width}\" height=\"{height}\" xmlns=\"http://www.w3.org/2000/svg\"");
    svg::element(drawing, &root, title, &style)
}

/// An SVG to stand inside a page, which brings the dark colours.
pub(crate) fn svg_inline(drawing: &Drawing, title: &str) -> String {
    svg::element(drawing, "preserveAspectRatio=\"xMidYMid meet\"", title, "")
}

/// A PNG file on white.
pub(crate) fn png(drawing: &Drawing) -> Result<Vec<u8>, RenderError> {
    let scale = PNG_SCALE * SMOOTHING;
    let (width, height) = whole_size(drawing, scale);
    let mut pixels = vec![255_u8; width as usize * height as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        draw(drawing, &area, (scale, PNG_TEXT_DROP)).map_err(|error| RenderError::Draw(error.to_string()))?;
        area.present().map_err(|error| RenderError::Draw(error.to_string()))?;
    }
    let small = averaged(&pixels, width as usize);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width / SMOOTHING, height / SMOOTHING);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Default);
    encoder.write_header()?.write_image_data(&small)?;
    Ok(file)
}

/// Halves a picture of `width` pixels (both sides even) by averaging each square of four pixels.
fn averaged(pixels: &[u8], width: usize) -> Vec<u8> {
    let row = width * 3;
    let mut small = Vec::with_capacity(pixels.len() / 4);
    for rows in pixels.chunks_exact(row * 2) {
        let (upper, lower) = rows.split_at(row);
        for (above, below) in upper.chunks_exact(6).zip(lower.chunks_exact(6)) {
            let [a, b, c, d, e, f] = *above else { continue };
            let [u, v, w, x, y, z] = *below else { continue };
            small.extend([mean([a, d, u, x]), mean([b, e, v, y]), mean([c, f, w, z])]);
        }
    }
    small
}

fn mean([a, b, c, d]: [u8; 4]) -> u8 {
    a.midpoint(b).midpoint(c.midpoint(d))
}

/// Draws on any backend, `scale` units per pixel, texts lower by `text_drop` of their size.
fn draw<DB>(
    drawing: &Drawing,
    area: &DrawingArea<DB, Shift>,
    (scale, text_drop): (u32, f64),
) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>>
where
    DB: DrawingBackend,
    DB::ErrorType: Error,
{
    let scale = f64::from(scale);
    let at = |(x, y): Point| (whole(x * scale), whole(y * scale));
    area.fill(&Ink::Surface.rgb())?;
    for shape in &drawing.shapes {
        match shape {
            Shape::Line { points, ink, width, alpha } => {
                let style = ShapeStyle {
                    color: ink.rgb().mix(*alpha),
                    filled: false,
                    stroke_width: whole(width * scale).max(1).unsigned_abs(),
                };
                area.draw(&PathElement::new(points.iter().copied().map(at).collect::<Vec<_>>(), style))?;
            }
            Shape::Area { points, ink, alpha } => {
                let points = points.iter().copied().map(at).collect::<Vec<_>>();
                area.draw(&Polygon::new(points, ink.rgb().mix(*alpha).filled()))?;
            }
            Shape::Rect { from, to, ink, alpha } => {
                area.draw(&Rectangle::new([at(*from), at(*to)], ink.rgb().mix(*alpha).filled()))?;
            }
            Shape::Dot { at: centre, radius, ink, alpha } => {
                let radius = whole(radius * scale).max(1);
                area.draw(&Circle::new(at(*centre), radius, ink.rgb().mix(*alpha).filled()))?;
            }
            Shape::Text { at: anchor, align, size, ink, text } => {
                let anchor = (anchor.0, anchor.1 + size * text_drop);
                area.draw(&Text::new(text.as_str(), at(anchor), text_style(*align, size * scale, *ink)))?;
            }
            Shape::Open(_) | Shape::Close => {}
        }
    }
    Ok(())
}

fn whole_size(drawing: &Drawing, scale: u32) -> (u32, u32) {
    let side = |length: f64| whole(length.ceil()).clamp(1, 20_000).unsigned_abs() * scale;
    (side(drawing.width), side(drawing.height))
}

fn whole(value: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "pixels; a float cast saturates, and NaN becomes 0")]
    let whole = value.round() as i32;
    whole
}
