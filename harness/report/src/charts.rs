//! Charts: each is laid out once as shapes (pure, testable), then rendered to SVG and PNG by plotters.
//!
//! One file per chart; what they share is the sheet (titles, legends, panels), the timeline (phases, faults shaded)
//! and the thresholds (gates as dashed lines). A chart without data says why in a sentence.

pub(crate) mod axis;
pub(crate) mod drawing;
mod latency;
pub(crate) mod overlay;
pub(crate) mod palette;
mod reconnect;
pub(crate) mod render;
pub(crate) mod sheet;
mod spectrum;
mod staleness;
mod thresholds;
mod timeline;

pub use render::RenderError;

use self::drawing::Drawing;
use self::sheet::Format;
use crate::input::ReportInput;

/// A chart of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chart {
    /// End-to-end latency over time.
    Latency,
    /// The percentile spectrum of end-to-end latency.
    Spectrum,
    /// Attempts to connect over time, and attempt gaps against the policy.
    Reconnect,
    /// Staleness over time.
    Staleness,
}

impl Chart {
    /// Every chart, in the order in which reports show them.
    pub const ALL: [Self; 4] = [Self::Latency, Self::Spectrum, Self::Reconnect, Self::Staleness];

    /// The name of its files, without the ending.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Spectrum => "spectrum",
            Self::Reconnect => "reconnect",
            Self::Staleness => "staleness",
        }
    }

    /// What it shows.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Latency => "End-to-end latency over time",
            Self::Spectrum => "End-to-end latency by percentile",
            Self::Reconnect => "Attempts to connect over time",
            Self::Staleness => "Staleness over time",
        }
    }

    /// The chart as a standalone SVG file; it follows the reader's light or dark screen.
    ///
    /// # Errors
    /// [`RenderError::Draw`] when plotters fails.
    pub fn svg(self, input: ReportInput<'_>) -> Result<String, RenderError> {
        render::svg_file(&self.drawing(input, Format::File), &self.full_title(input))
    }

    /// The chart as a PNG file on white.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn png(self, input: ReportInput<'_>) -> Result<Vec<u8>, RenderError> {
        render::png(&self.drawing(input, Format::File))
    }

    /// The chart as an SVG element to stand inside the page.
    pub(crate) fn svg_inline(self, input: ReportInput<'_>, format: Format) -> Result<String, RenderError> {
        render::svg_inline(&self.drawing(input, format), self.title())
    }

    /// Why there is nothing to draw, in a sentence, if there is nothing.
    pub(crate) fn why_empty(self, input: ReportInput<'_>) -> Option<&'static str> {
        match self {
            Self::Latency => latency::why_empty(input),
            Self::Spectrum => spectrum::why_empty(input),
            Self::Reconnect => reconnect::why_empty(input),
            Self::Staleness => staleness::why_empty(input),
        }
    }

    fn drawing(self, input: ReportInput<'_>, format: Format) -> Drawing {
        let title = self.full_title(input);
        match self {
            Self::Latency => latency::draw(input, format, &title),
            Self::Spectrum => spectrum::draw(input, format, &title),
            Self::Reconnect => reconnect::draw(input, format, &title),
            Self::Staleness => staleness::draw(input, format, &title),
        }
    }

    fn full_title(self, input: ReportInput<'_>) -> String {
        let about = format!("{}, seed {}", input.manifest.scenario, input.manifest.seed);
        format!("{} · {about}", self.title())
    }
}

#[cfg(test)]
mod tests;
