//! Writes every report into the run directory, each file whole or not at all.

use std::fs;
use std::io;
use std::path::PathBuf;

use shakedown_check::result::{Judgement, RESULT_FORMAT, Series};
use shakedown_model::plan::PLAN_FORMAT;
use shakedown_record::{RunDir, RunDirError, write_atomically};

use crate::charts::{Chart, RenderError};
use crate::histograms::{self, HistogramError};
use crate::input::ReportInput;
use crate::{html, junit, markdown, terminal};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The page.
    pub report: PathBuf,
    /// The charts, SVG and PNG.
    pub charts: Vec<PathBuf>,
    /// JUnit XML.
    pub junit: PathBuf,
    /// The summary as plain text.
    pub summary: PathBuf,
    /// The summary as Markdown.
    pub markdown: PathBuf,
    /// The histograms: the log first, then a percentile text for each measure and scope.
    pub histograms: Vec<PathBuf>,
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The run directory could not be read or written.
    #[error(transparent)]
    RunDir(#[from] RunDirError),
    /// The verdict or the plan was written in another form.
    #[error("`{path}` has form {found}, and this version shows form {expected}; {advice}")]
    Version {
        /// The file.
        path: PathBuf,
        /// The form found.
        found: u32,
        /// The form that can be shown.
        expected: u32,
        /// What to do.
        advice: &'static str,
    },
    /// A folder for charts or histograms could not be made.
    #[error("cannot make the folder `{path}`; is there the right to write?")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A chart could not be drawn.
    #[error(transparent)]
    Chart(#[from] RenderError),
    /// A histogram could not be exported.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
    /// The JUnit XML could not be made.
    #[error(transparent)]
    Junit(#[from] junit::JunitError),
}

/// Writes `report.html`, `charts/*.svg`, `charts/*.png`, `histograms/*`, `junit.xml`, `summary.txt` and `summary.md`.
///
/// What an earlier form of the run left in those folders and is not made any more stays.
///
/// # Errors
/// When the run directory lacks its manifest or plan, has them in another form, or cannot be written.
pub fn write_all(run: &RunDir, judgement: &Judgement, series: &Series) -> Result<Written, ReportError> {
    let (manifest, plan, faults) = (run.manifest()?, run.plan()?, run.faults()?);
    refuse_other_forms(run, judgement.format, plan.format)?;
    let (parts, harness) = (run.part_samples()?, run.self_samples()?);
    let dir = run.path().display().to_string();
    let input = ReportInput {
        dir: &dir,
        manifest: &manifest,
        plan: &plan,
        faults: &faults,
        parts: &parts,
        harness: &harness,
        judgement,
        series,
    };
    let folder = made(run.charts_dir())?;
    let mut charts = Vec::new();
    for chart in Chart::ALL {
        for (ending, content) in [("svg", chart.svg(input).into_bytes()), ("png", chart.png(input)?)] {
            let path = folder.join(format!("{}.{ending}", chart.name()));
            write_atomically(&path, &content)?;
            charts.push(path);
        }
    }
    let written = Written {
        report: run.report_path(),
        charts,
        junit: run.junit_path(),
        summary: run.summary_path(),
        markdown: run.markdown_path(),
        histograms: write_histograms(run, input)?,
    };
    let look = terminal::Look { width: 100, is_coloured: false };
    write_atomically(&written.summary, terminal::summary(input, look).as_bytes())?;
    write_atomically(&written.markdown, markdown::summary(input).as_bytes())?;
    write_atomically(&written.junit, junit::xml(input)?.as_bytes())?;
    write_atomically(&written.report, html::page(input).as_bytes())?;
    Ok(written)
}

fn refuse_other_forms(run: &RunDir, judgement: u32, plan: u32) -> Result<(), ReportError> {
    let forms = [
        (run.path().join("plan.json"), plan, PLAN_FORMAT, "show it with the version that made it"),
        (run.verdict_path(), judgement, RESULT_FORMAT, "judge the run again: shakedown check RUN"),
    ];
    for (path, found, expected, advice) in forms {
        if found != expected {
            return Err(ReportError::Version { path, found, expected, advice });
        }
    }
    Ok(())
}

fn write_histograms(run: &RunDir, input: ReportInput<'_>) -> Result<Vec<PathBuf>, ReportError> {
    let folder = made(run.histograms_dir())?;
    let log = folder.join("run.hlog");
    write_atomically(&log, &histograms::log(input)?)?;
    let mut written = vec![log];
    for percentiles in histograms::percentiles(input)? {
        let path = folder.join(&percentiles.name);
        write_atomically(&path, percentiles.text.as_bytes())?;
        written.push(path);
    }
    Ok(written)
}

/// The folder, made if it is missing.
fn made(path: PathBuf) -> Result<PathBuf, ReportError> {
    match fs::create_dir_all(&path) {
        Ok(()) => Ok(path),
        Err(source) => Err(ReportError::Folder { path, source }),
    }
}
