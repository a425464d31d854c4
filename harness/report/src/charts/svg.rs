//! SVG text of a drawing. Neighbours of one style become one path, so that a page with many charts stays small.
//!
//! Written here and not by plotters, because the page's script needs the parts: rows, plots and ticks become `<g>`
//! with what the script reads in `data-` attributes. What the script moves along the time axis (`assets/report.js`) is
//! absolute and one of `M L H V`; what keeps its size is relative, `h` and `l`.

use std::fmt::Write as _;

use super::drawing::{Align, Drawing, Part, Plot, Point, Shape};
use super::palette::Ink;
use crate::quantity::plain;

/// The `<svg>` element: `root` are further attributes of it, `style` an element that comes first.
pub(super) fn element(drawing: &Drawing, root: &str, title: &str, style: &str) -> String {
    let title = escaped(title);
    let (width, height) = (drawing.width.ceil(), drawing.height.ceil());
    let mut writer = Writer { text: String::new(), path: None };
    for shape in &drawing.shapes {
        writer.shape(shape);
    }
    writer.flush();
    let body = writer.text;
    let surface = Ink::Surface.hex();
    format!(
        "<svg {root} viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\" font-family=\"sans-serif\">\
         <title>{title}</title>{style}<path fill=\"{surface}\" d=\"M0 0H{width}V{height}H0z\"/>{body}</svg>\n"
    )
}

/// How a path is painted. Two neighbours of the same paint are one path.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Paint {
    ink: Ink,
    alpha: f64,
    /// The width of a line in pixels; `None` for a filled shape.
    line: Option<f64>,
    /// Dots are lines without length and with round ends.
    is_round: bool,
}

struct Writer {
    text: String,
    path: Option<(Paint, String)>,
}

impl Writer {
    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Line { points, ink, width, alpha } => {
                let paint = Paint { ink: *ink, alpha: *alpha, line: Some(*width), is_round: false };
                self.add(paint, &polyline(points));
            }
            Shape::Area { points, ink, alpha } => {
                // Larger areas may overlap, and then one path would not look like two.
                if points.len() > 3 {
                    self.flush();
                }
                let paint = Paint { ink: *ink, alpha: *alpha, line: None, is_round: false };
                self.add(
                    paint,
                    &(if let [a, b, c] = points[..] { arrow(a, b, c) } else { polyline(points) + "z" }),
                );
            }
            Shape::Rect { from, to, ink, alpha } => {
                let paint = Paint { ink: *ink, alpha: *alpha, line: None, is_round: false };
                let [left, top, right, bottom] = [from.0, from.1, to.0, to.1].map(number);
                self.add(paint, &format!("M{left} {top}H{right}V{bottom}H{left}z"));
            }
            Shape::Dot { at, radius, ink, alpha } => {
                let paint = Paint { ink: *ink, alpha: *alpha, line: Some(radius * 2.0), is_round: true };
                self.add(paint, &format!("M{} {}h0", number(at.0), number(at.1)));
            }
            Shape::Text { at, align, size, ink, text } => self.words(*at, *align, (*size, *ink), text),
            Shape::Open(part) => self.open(part),
            Shape::Close => {
                self.flush();
                self.text.push_str("</g>");
            }
        }
    }

    fn add(&mut self, paint: Paint, data: &str) {
        match &mut self.path {
            Some((same, path)) if *same == paint => path.push_str(data),
            _ => {
                self.flush();
                self.path = Some((paint, data.to_owned()));
            }
        }
    }

    fn flush(&mut self) {
        let Some((paint, data)) = self.path.take() else { return };
        let colour = paint.ink.hex();
        self.text.push_str("<path ");
        match paint.line {
            Some(width) => {
                self.put(format_args!(
                    "fill=\"none\" stroke=\"{colour}\" stroke-width=\"{}\"",
                    number(width)
                ));
            }
            None => self.put(format_args!("fill=\"{colour}\"")),
        }
        if paint.is_round {
            self.text.push_str(" stroke-linecap=\"round\"");
        }
        if paint.alpha < 1.0 {
            self.put(format_args!(" opacity=\"{}\"", (paint.alpha * 100.0).round() / 100.0));
        }
        self.put(format_args!(" d=\"{data}\"/>"));
    }

    fn words(&mut self, (x, y): Point, align: Align, (size, ink): (f64, Ink), text: &str) {
        self.flush();
        let (x, y, size, colour) = (number(x), number(y), number(size), ink.hex());
        let anchor = match align {
            Align::Start => "",
            Align::Middle => " text-anchor=\"middle\"",
            Align::End => " text-anchor=\"end\"",
        };
        let text = escaped(text);
        self.put(format_args!(
            "<text x=\"{x}\" y=\"{y}\" dy=\".35em\" font-size=\"{size}\" fill=\"{colour}\"{anchor}>{text}</text>"
        ));
    }

    fn open(&mut self, part: &Part) {
        self.flush();
        match part {
            Part::Row { group, from, until } => {
                let group = group.map_or_else(String::new, |group| format!(" data-group=\"{group}\""));
                self.put(format_args!(
                    "<g class=\"row\"{group} data-y=\"{} {}\">",
                    number(*from),
                    number(*until)
                ));
            }
            Part::Cell { group } => self.put(format_args!("<g class=\"cell\" data-group=\"{group}\">")),
            Part::Plot(plot) => self.plot("plot", plot),
            Part::Ticks(plot) => self.plot("ticks", plot),
            Part::Tip(text) => self.put(format_args!("<g><title>{}</title>", escaped(text))),
        }
    }

    fn plot(&mut self, class: &str, plot: &Plot) {
        let [left, top, right, bottom] = [plot.from.0, plot.from.1, plot.to.0, plot.to.1].map(number);
        let time = if plot.is_time { " data-time" } else { "" };
        let (nth, low, high) = (plot.nth, plot.values.0, plot.values.1);
        self.put(format_args!(
            "<g class=\"{class}\" data-nth=\"{nth}\" data-box=\"{left} {top} {right} {bottom}\" data-x=\"{low} {high}\"{time}>"
        ));
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("a string takes all that is written");
    }
}

fn polyline(points: &[Point]) -> String {
    let mut text = String::new();
    for (n, (x, y)) in points.iter().enumerate() {
        text.push(if n == 0 { 'M' } else { 'L' });
        text.push_str(&number(*x));
        text.push(' ');
        text.push_str(&number(*y));
    }
    text
}

/// A triangle whose shape stays the same when the script moves its first corner.
fn arrow(a: Point, b: Point, c: Point) -> String {
    let step = |from: Point, to: Point| format!("l{} {}", number(to.0 - from.0), number(to.1 - from.1));
    format!("M{} {}{}{}z", number(a.0), number(a.1), step(a, b), step(b, c))
}

/// A tenth of a pixel is more than a screen shows.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

fn escaped(text: &str) -> String {
    plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_one_style_are_one_path() {
        let mut drawing = Drawing::new(100.0);
        drawing.height = 50.0;
        for x in [1.0, 2.25, 3.0] {
            drawing.dot((x, 4.0), 2.0, Ink::Blue, 1.0);
        }
        drawing.rect((0.0, 0.0), (5.0, 6.04), Ink::Blue, 0.5);
        let svg = element(&drawing, "", "a & b", "");
        assert!(svg.contains("stroke-linecap=\"round\" d=\"M1 4h0M2.2 4h0M3 4h0\""), "{svg}");
        assert!(svg.contains("opacity=\"0.5\" d=\"M0 0H5V6H0z\""), "{svg}");
        assert!(svg.contains("<title>a &amp; b</title>"), "{svg}");
    }

    #[test]
    fn large_areas_stay_apart() {
        let mut drawing = Drawing::new(100.0);
        let square = |x: f64| vec![(x, 0.0), (x + 9.0, 0.0), (x + 9.0, 9.0), (x, 9.0)];
        drawing.area(square(0.0), Ink::Green, 0.3);
        drawing.area(square(5.0), Ink::Green, 0.3);
        assert_eq!(element(&drawing, "", "", "").matches("opacity").count(), 2);
    }
}
