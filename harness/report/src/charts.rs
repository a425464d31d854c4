//! Charts: each is laid out once as shapes (pure, testable), then rendered to SVG and PNG.
//!
//! One file per chart; what they share is the sheet (titles, legends, panels), the timeline (phases, faults shaded)
//! and the thresholds (gates as dashed lines). A chart without data says why in a sentence.

pub(crate) mod axis;
pub(crate) mod drawing;
mod failover;
mod fidelity;
mod heatmap;
mod latency;
mod mutations;
pub(crate) mod overlay;
pub(crate) mod palette;
mod parts;
mod raster;
mod reconnect;
pub(crate) mod render;
mod resources;
pub(crate) mod sheet;
mod spectrum;
mod staleness;
mod svg;
mod thresholds;
mod timeline;

pub(crate) use raster::letters;
pub use render::RenderError;

use self::drawing::{Drawing, Hover};
use self::resources::Figures;
use self::sheet::Format;
use crate::input::ReportInput;

/// A chart of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chart {
    /// End-to-end latency over time.
    Latency,
    /// T50, T99 and T-all of every mutation over time.
    Mutations,
    /// Which watcher got which mutation by which path.
    Raster,
    /// A quantile of end-to-end latency and of T-all by phase and group.
    Heatmap,
    /// The percentile spectrum of end-to-end latency.
    Spectrum,
    /// Attempts to connect over time, and attempt gaps against the policy.
    Reconnect,
    /// Staleness over time.
    Staleness,
    /// The age of answers from cache over time.
    Failover,
    /// The attempts of real clients beside those of the clients that imitate them.
    Fidelity,
    /// What servers, proxies and the harness used over time.
    Resources,
    /// What servers tell of themselves over time.
    Gauges,
}

impl Chart {
    /// Every chart, in the order in which reports show them.
    pub const ALL: [Self; 11] = [
        Self::Latency,
        Self::Mutations,
        Self::Raster,
        Self::Heatmap,
        Self::Spectrum,
        Self::Reconnect,
        Self::Staleness,
        Self::Failover,
        Self::Fidelity,
        Self::Resources,
        Self::Gauges,
    ];

    /// The name of its files, without the ending.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Mutations => "mutations",
            Self::Raster => "raster",
            Self::Heatmap => "heatmap",
            Self::Spectrum => "spectrum",
            Self::Reconnect => "reconnect",
            Self::Staleness => "staleness",
            Self::Failover => "failover",
            Self::Fidelity => "fidelity",
            Self::Resources => "resources",
            Self::Gauges => "gauges",
        }
    }

    /// What it shows.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Latency => "End-to-end latency over time",
            Self::Mutations => "Time until half, 99 % and all of the watchers hold each change",
            Self::Raster => "Every watcher by every change",
            Self::Heatmap => "Latency by phase and group",
            Self::Spectrum => "End-to-end latency by percentile",
            Self::Reconnect => "Attempts to connect over time",
            Self::Staleness => "Staleness over time",
            Self::Failover => "Answers from cache over time",
            Self::Fidelity => "Attempts of real clients and of those that imitate them",
            Self::Resources => "What servers, proxies and the harness used",
            Self::Gauges => "What the servers tell of themselves",
        }
    }

    /// The chart as a standalone SVG file; it follows the reader's light or dark screen.
    #[must_use]
    pub fn svg(self, input: ReportInput<'_>) -> String {
        render::svg_file(&self.drawing(input, Format::File), &self.full_title(input))
    }

    /// The chart as a PNG file on white.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn png(self, input: ReportInput<'_>) -> Result<Vec<u8>, RenderError> {
        render::png(&self.drawing(input, Format::File))
    }

    /// The chart as an SVG element to stand inside the page, and what it says where the pointer is.
    pub(crate) fn svg_inline(self, input: ReportInput<'_>, format: Format) -> (String, Vec<Hover>) {
        let drawing = self.drawing(input, format);
        (render::svg_inline(&drawing, self.title()), drawing.hovers)
    }

    /// Why there is nothing to draw, in a sentence, if there is nothing.
    pub(crate) fn why_empty(self, input: ReportInput<'_>) -> Option<&'static str> {
        match self {
            Self::Latency => latency::why_empty(input),
            Self::Mutations => mutations::why_empty(input),
            Self::Raster => raster::why_empty(input),
            Self::Heatmap => heatmap::why_empty(input),
            Self::Spectrum => spectrum::why_empty(input),
            Self::Reconnect => reconnect::why_empty(input),
            Self::Staleness => staleness::why_empty(input),
            Self::Failover => failover::why_empty(input),
            Self::Fidelity => fidelity::why_empty(input),
            Self::Resources => resources::why_empty(input, Figures::Used),
            Self::Gauges => resources::why_empty(input, Figures::Told),
        }
    }

    fn drawing(self, input: ReportInput<'_>, format: Format) -> Drawing {
        let title = self.full_title(input);
        match self {
            Self::Latency => latency::draw(input, format, &title),
            Self::Mutations => mutations::draw(input, format, &title),
            Self::Raster => raster::draw(input, format, &title),
            Self::Heatmap => heatmap::draw(input, format, &title),
            Self::Spectrum => spectrum::draw(input, format, &title),
            Self::Reconnect => reconnect::draw(input, format, &title),
            Self::Staleness => staleness::draw(input, format, &title),
            Self::Failover => failover::draw(input, format, &title),
            Self::Fidelity => fidelity::draw(input, format, &title),
            Self::Resources => resources::draw(input, format, &title, Figures::Used),
            Self::Gauges => resources::draw(input, format, &title, Figures::Told),
        }
    }

    fn full_title(self, input: ReportInput<'_>) -> String {
        let about = format!("{}, seed {}", input.manifest.scenario, input.manifest.seed);
        format!("{} · {about}", self.title())
    }
}

#[cfg(test)]
mod tests;
