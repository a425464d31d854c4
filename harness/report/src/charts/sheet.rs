//! The sheet that every chart is laid out on: title, legend, panels from top to bottom.

use super::axis::{Axis, Tick};
use super::drawing::{Align, Drawing, Point, fitted, text_width};
use super::palette::Ink;

/// The size of titles in pixels.
const TITLE: f64 = 16.0;
/// The size of labels in pixels.
pub(crate) const LABEL: f64 = 12.0;
/// The size of tick labels in pixels.
pub(crate) const SMALL: f64 = 11.0;
/// Room for the labels of a vertical axis.
const TICK_LABELS: f64 = 48.0;

/// For whom a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A file that stands alone: with a title.
    File,
    /// Inside the page, on a wide screen.
    PageWide,
    /// Inside the page, on a phone.
    PageNarrow,
}

impl Format {
    pub(crate) const fn width(self) -> f64 {
        match self {
            Self::File | Self::PageWide => 1000.0,
            Self::PageNarrow => 390.0,
        }
    }

    /// Room at both sides; the page has its own.
    const fn margin(self) -> f64 {
        match self {
            Self::File => 14.0,
            Self::PageWide | Self::PageNarrow => 2.0,
        }
    }

    pub(crate) const fn is_narrow(self) -> bool {
        matches!(self, Self::PageNarrow)
    }
}

/// How a legend shows an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Line,
    Dots,
    Dashes,
    Patch,
    Block,
    Arrow,
    Cross,
}

/// The four sides of a panel in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Panel {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

impl Panel {
    pub(crate) const fn vertical(&self) -> (f64, f64) {
        (self.bottom, self.top)
    }

    pub(crate) const fn middle(&self) -> Point {
        (f64::midpoint(self.left, self.right), f64::midpoint(self.top, self.bottom))
    }
}

/// A drawing that grows downwards.
pub(crate) struct Sheet {
    pub(crate) drawing: Drawing,
    pub(crate) format: Format,
    /// The height used so far.
    pub(crate) y: f64,
}

impl Sheet {
    pub(crate) fn new(format: Format, title: &str) -> Self {
        let mut sheet = Self { drawing: Drawing::new(format.width()), format, y: 8.0 };
        if format == Format::File {
            let room = format.width() - 2.0 * format.margin();
            let title = fitted(title, TITLE, room).unwrap_or_default();
            sheet.drawing.text((format.margin(), 20.0), Align::Start, (TITLE, Ink::Text), &title);
            sheet.y = 40.0;
        }
        sheet
    }

    pub(crate) const fn left(&self) -> f64 {
        self.margin() + TICK_LABELS
    }

    /// Where titles and legends begin.
    pub(crate) const fn margin(&self) -> f64 {
        self.format.margin()
    }

    pub(crate) const fn right(&self) -> f64 {
        self.format.width() - self.margin()
    }

    /// A line of text over the whole width, wrapped.
    pub(crate) fn sentence(&mut self, text: &str, ink: Ink) {
        let room = self.right() - self.margin();
        let mut line = String::new();
        for word in text.split_whitespace() {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if text_width(&longer, LABEL) <= room {
                line = longer;
            } else {
                self.sentence_line(&line, ink);
                word.clone_into(&mut line);
            }
        }
        self.sentence_line(&line, ink);
    }

    fn sentence_line(&mut self, line: &str, ink: Ink) {
        let line = fitted(line, LABEL, self.right() - self.margin()).unwrap_or_default();
        self.drawing.text((self.margin(), self.y + 8.0), Align::Start, (LABEL, ink), &line);
        self.y += 18.0;
    }

    /// The legend, on as many rows as it takes, above all data.
    pub(crate) fn legend(&mut self, entries: &[(Mark, Ink, String)]) {
        const SAMPLE: f64 = 22.0;
        const APART: f64 = 18.0;
        let mut x = self.margin();
        let right = self.right();
        for (mark, ink, label) in entries {
            let label = fitted(label, LABEL, right - self.margin() - SAMPLE - 6.0).unwrap_or_default();
            let width = SAMPLE + 6.0 + text_width(&label, LABEL);
            if x > self.margin() && x + width > right {
                x = self.margin();
                self.y += 18.0;
            }
            let y = self.y + 8.0;
            self.legend_mark(*mark, *ink, (x, y), SAMPLE);
            self.drawing.text((x + SAMPLE + 6.0, y), Align::Start, (LABEL, Ink::Text), &label);
            x += width + APART;
        }
        self.y += 24.0;
    }

    fn legend_mark(&mut self, mark: Mark, ink: Ink, (x, y): Point, width: f64) {
        let middle = (x + width / 2.0, y);
        match mark {
            Mark::Line => self.drawing.line(vec![(x, y), (x + width, y)], ink, 2.5),
            Mark::Dots => {
                for share in [0.15, 0.5, 0.85] {
                    self.drawing.dot((x + width * share, y), 2.0, ink, 1.0);
                }
            }
            Mark::Dashes => self.drawing.dashed((x, y), (x + width, y), ink, 1.25),
            Mark::Patch => self.drawing.rect((x, y - 6.0), (x + width, y + 6.0), ink, 0.3),
            Mark::Block => self.drawing.rect((x, y - 6.0), (x + width, y + 6.0), ink, 0.85),
            Mark::Arrow => self.drawing.arrow_up(middle, 5.0, ink),
            Mark::Cross => self.drawing.cross(middle, 4.0, ink),
        }
    }

    /// A panel below what there is, with its title above it; `columns` is (which, of how many) on this row.
    pub(crate) fn panel(&self, title: &str, height: f64, columns: (u32, u32)) -> (Panel, String) {
        const APART: f64 = 8.0;
        let (nth, of) = (f64::from(columns.0), f64::from(columns.1));
        let cell = (self.format.width() - (of - 1.0) * APART) / of;
        let start = nth * (cell + APART);
        let top = self.y + 22.0;
        let panel = Panel {
            left: start + self.left(),
            right: start + cell - self.margin().max(2.0),
            top,
            bottom: top + height,
        };
        let title = fitted(title, LABEL, panel.right - start - self.margin()).unwrap_or_default();
        (panel, title)
    }

    /// The title of a panel, left of its axis so that it stays clear of the data.
    pub(crate) fn panel_title(&mut self, panel: &Panel, title: &str) {
        let at = (panel.left - self.left() + self.margin(), panel.top - 11.0);
        self.drawing.text(at, Align::Start, (LABEL, Ink::Text), title);
    }

    /// Grid lines and labels of a panel's vertical axis.
    pub(crate) fn vertical_axis(&mut self, panel: &Panel, axis: &Axis, ticks: &[Tick]) {
        for tick in ticks {
            let y = axis.place(tick.value);
            self.drawing.line(vec![(panel.left, y), (panel.right, y)], Ink::Grid, 1.0);
            self.drawing.text((panel.left - 6.0, y), Align::End, (SMALL, Ink::Muted), &tick.label);
        }
    }

    /// Grid lines and labels of a panel's horizontal axis; labels that would touch are left out.
    pub(crate) fn horizontal_axis(&mut self, panel: &Panel, axis: &Axis, ticks: &[Tick]) {
        let mut free = f64::NEG_INFINITY;
        for tick in ticks {
            let x = axis.place(tick.value);
            self.drawing.line(vec![(x, panel.bottom), (x, panel.bottom + 4.0)], Ink::Border, 1.0);
            let half = text_width(&tick.label, SMALL) / 2.0;
            if x - half > free {
                let at = (x.min(self.format.width() - half - 1.0), panel.bottom + 13.0);
                self.drawing.text(at, Align::Middle, (SMALL, Ink::Muted), &tick.label);
                free = x + half + 6.0;
            }
        }
    }

    /// The border of a panel.
    pub(crate) fn frame(&mut self, panel: &Panel) {
        let Panel { left, right, top, bottom } = *panel;
        self.drawing.line(vec![(left, top), (left, bottom), (right, bottom)], Ink::Border, 1.0);
    }

    /// Says in a panel why it is empty.
    pub(crate) fn empty(&mut self, panel: &Panel, why: &str) {
        let room = panel.right - panel.left - 16.0;
        let text = fitted(why, LABEL, room).unwrap_or_default();
        self.drawing.text(panel.middle(), Align::Middle, (LABEL, Ink::Muted), &text);
    }

    /// The finished drawing.
    pub(crate) fn finish(mut self) -> Drawing {
        self.drawing.height = self.y + 8.0;
        self.drawing
    }
}
