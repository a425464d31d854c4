//! Comparing runs: what differs between a reference and others, whether it is more than chance, and charts of all of them.
//!
//! Everything here is pure over what judging left in the run directories. Start at [`Comparison`]; `noise` has the
//! rule by which a difference is chance or not, [`obstacles`] says why runs should not be compared at all.

mod json;
mod noise;
mod obstacles;
mod page;
mod rows;
mod sides;
mod terminal;
mod words;

use self::rows::Row;
use crate::charts::RenderError;
use crate::charts::overlay::Overlay;
use crate::input::ReportInput;
use crate::terminal::Look;

pub use self::obstacles::obstacles;

/// The most runs that are compared at once: as many as there are colours that can be told apart.
pub const MOST_RUNS: usize = 6;

/// How the rule of [`noise`] reads on a page.
const RULE: &str = "Judged per mutation: a difference of T50 to T-all is within noise when the middle 99 % of 1,000 resampled \
     differences (in blocks of neighbouring mutations) include zero. That is chance within these runs, not a machine \
     that drifted between them: run both in turn to rule that out. Other measures pool watchers of one burst and are \
     not judged.";

/// A reference and the runs that are compared with it.
#[derive(Debug)]
pub struct Comparison<'a> {
    runs: Vec<ReportInput<'a>>,
    /// For each run but the first, its rows against the first.
    rows: Vec<Vec<Row>>,
}

impl<'a> Comparison<'a> {
    /// Compares every run with the first.
    #[must_use]
    pub fn new(runs: &[ReportInput<'a>]) -> Self {
        let runs: Vec<ReportInput<'a>> = runs.iter().take(MOST_RUNS).copied().collect();
        let rows = runs.iter().skip(1).map(|other| rows::rows(runs[0], *other)).collect();
        Self { runs, rows }
    }

    /// The comparison for a terminal, ending in a line break.
    #[must_use]
    pub fn terminal(&self, look: Look) -> String {
        terminal::text(self, look)
    }

    /// The comparison as one line of JSON; values as in `run --json`.
    #[must_use]
    pub fn json(&self) -> String {
        json::object(self)
    }

    /// The comparison as one self-contained page with its charts.
    ///
    /// # Errors
    /// [`RenderError`] when a chart cannot be drawn.
    pub fn page(&self) -> Result<String, RenderError> {
        page::page(self)
    }

    /// The charts as standalone SVG files, each with its name without the ending.
    ///
    /// # Errors
    /// [`RenderError`] when a chart cannot be drawn.
    pub fn charts(&self) -> Result<Vec<(&'static str, String)>, RenderError> {
        Overlay::ALL.into_iter().map(|chart| Ok((chart.name(), chart.svg(&self.runs)?))).collect()
    }
}

/// What a run is called: A, B, C …
fn letter(nth: usize) -> char {
    (b'A'..=b'Z').nth(nth).map_or('?', char::from)
}

#[cfg(test)]
mod tests;
