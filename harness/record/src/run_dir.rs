//! The files of a run directory, by name.

mod error;
mod files;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shakedown_model::Plan;
use shakedown_model::baseline::Baseline;
use shakedown_model::fault::FaultWindow;
use shakedown_model::manifest::{ConnectionRecord, Manifest, PartSample, RUN_FORMAT, SelfSample};
use shakedown_model::secrets::Secrets;

pub use self::error::RunDirError;
use self::files::{append_line, read_json, read_lines};
pub use self::files::{redacted, write_atomically};
use crate::history::{HistoryError, HistoryReader};
use crate::recorder::{HistoryWriter, RecorderError};

/// The file that its maker holds a lock on.
const LOCK: &str = "run.lock";

/// The directory of one run.
///
/// Whoever made it holds a lock on it as long as a clone lives, so that nobody takes a run that is still going, or is
/// still being judged, for an old one.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
    secrets: Arc<Secrets>,
    /// Where reports go; beside the run unless told.
    reports: Option<PathBuf>,
    /// Held, never used.
    _lock: Option<Arc<File>>,
}

impl RunDir {
    /// Makes a new directory `root/name`; a number is added when it is taken.
    ///
    /// # Errors
    /// [`RunDirError::Write`].
    pub fn create(root: &Path, name: &str) -> Result<Self, RunDirError> {
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| RunDirError::Write { path, source }
        };
        fs::create_dir_all(root).map_err(fail(root))?;
        for n in 1_u32.. {
            let path = root.join(if n == 1 { name.to_owned() } else { format!("{name}-{n}") });
            match fs::create_dir(&path) {
                Ok(()) => {
                    fs::create_dir(path.join("logs")).map_err(fail(&path))?;
                    let lock = hold(&path.join(LOCK)).map_err(fail(&path))?;
                    return Ok(Self {
                        path,
                        secrets: Arc::default(),
                        reports: None,
                        _lock: Some(Arc::new(lock)),
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(fail(&path)(error)),
            }
        }
        unreachable!("four thousand million directories of one name do not fit a disk")
    }

    /// Opens an existing run directory.
    ///
    /// # Errors
    /// When there is no manifest in it, or one of another form.
    pub fn open(path: &Path) -> Result<Self, RunDirError> {
        let run = Self { path: path.to_owned(), secrets: Arc::default(), reports: None, _lock: None };
        let found = run.manifest()?.format;
        if found != RUN_FORMAT {
            return Err(RunDirError::Version {
                path: run.file("manifest.json"),
                found,
                expected: RUN_FORMAT,
            });
        }
        Ok(run)
    }

    /// The same directory, in which these values are never written: `${env:NAME}` stands in their place.
    #[must_use]
    pub fn hiding(mut self, secrets: Secrets) -> Self {
        self.secrets = Arc::new(secrets);
        self
    }

    /// The same directory, whose reports are written into another folder, which must exist.
    #[must_use]
    pub fn reporting_to(mut self, folder: &Path) -> Self {
        self.reports = Some(folder.to_owned());
        self
    }

    /// Whether the process that made the run still holds it: it runs, drains or judges.
    #[must_use]
    pub fn is_going(&self) -> bool {
        let lock = File::open(self.file(LOCK));
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The manifest.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn manifest(&self) -> Result<Manifest, RunDirError> {
        read_json(&self.file("manifest.json"))
    }

    /// Writes the manifest.
    ///
    /// # Errors
    /// [`RunDirError::Write`].
    pub fn write_manifest(&self, manifest: &Manifest) -> Result<(), RunDirError> {
        let path = self.file("manifest.json");
        self.write_json(&path, &self.shown(&path, manifest)?)
    }

    /// The plan.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn plan(&self) -> Result<Plan, RunDirError> {
        read_json(&self.file("plan.json"))
    }

    /// Writes the plan, and the scenario's text from which it came, in which `${env:NAME}` stands and no value.
    ///
    /// # Errors
    /// [`RunDirError::Write`].
    pub fn write_plan(&self, plan: &Plan, scenario: &str) -> Result<(), RunDirError> {
        let path = self.file("plan.json");
        self.write_json(&path, &self.shown(&path, plan)?)?;
        write_atomically(&self.file("scenario.yaml"), scenario.as_bytes())
    }

    /// The baseline that the run's gates compare with, if it was given one.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn baseline(&self) -> Result<Option<Baseline>, RunDirError> {
        match read_json(&self.file("baseline.json")) {
            Err(RunDirError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    /// Writes the copy of the baseline that the run is judged by.
    ///
    /// # Errors
    /// [`RunDirError::Write`].
    pub fn write_baseline(&self, baseline: &Baseline) -> Result<(), RunDirError> {
        crate::baseline_file::write(&self.file("baseline.json"), baseline)
    }

    /// Starts the history.
    ///
    /// # Errors
    /// [`RecorderError::Create`].
    pub fn create_history(&self) -> Result<HistoryWriter, RecorderError> {
        HistoryWriter::create(&self.file("history.bin"))
    }

    /// Reads the history.
    ///
    /// # Errors
    /// When it is missing or no history.
    pub fn history(&self) -> Result<HistoryReader, HistoryError> {
        HistoryReader::open(&self.file("history.bin"))
    }

    /// The fault windows: for each fault the last line written of it.
    ///
    /// # Errors
    /// When the file is damaged before its last line.
    pub fn faults(&self) -> Result<Vec<FaultWindow>, RunDirError> {
        let mut windows: Vec<FaultWindow> = Vec::new();
        for window in read_lines::<FaultWindow>(&self.file("faults.jsonl"))? {
            match windows.iter_mut().find(|known| known.fault == window.fault) {
                Some(known) => *known = window,
                None => windows.push(window),
            }
        }
        windows.sort_by_key(|window| window.fault);
        Ok(windows)
    }

    /// Appends a fault window.
    ///
    /// # Errors
    /// [`RunDirError::Write`].
    pub fn append_fault(&self, window: &FaultWindow) -> Result<(), RunDirError> {
        let path = self.file("faults.jsonl");
        append_line(&path, &self.shown(&path, window)?)
    }

    /// The harness' samples of itself.
    ///
    /// # Errors
    /// When the file is damaged before its last line.
    pub fn self_samples(&self) -> Result<Vec<SelfSample>, RunDirError> {
        read_lines(&self.file("self.jsonl"))
    }

    /// Appends a sample of the harness itself.
    ///
    /// # Errors
    /// [`RunDirError::Write`].
    pub fn append_self_sample(&self, sample: &SelfSample) -> Result<(), RunDirError> {
        append_line(&self.file("self.jsonl"), sample)
    }

    /// What servers and proxies used, once a second; empty where nothing was sampled.
    ///
    /// # Errors
    /// When a line is damaged.
    pub fn part_samples(&self) -> Result<Vec<PartSample>, RunDirError> {
        read_lines(&self.file("parts.jsonl"))
    }

    /// Adds a sample of a part.
    ///
    /// # Errors
    /// [`RunDirError::Write`].
    pub fn append_part_sample(&self, sample: &PartSample) -> Result<(), RunDirError> {
        append_line(&self.file("parts.jsonl"), sample)
    }

    /// Connections as the embedded proxy saw them, in the order of their ends; empty where it was not tapped.
    ///
    /// # Errors
    /// When the file is damaged before its last line.
    pub fn connections(&self) -> Result<Vec<ConnectionRecord>, RunDirError> {
        read_lines(&self.file("connections.jsonl"))
    }

    /// Adds a connection.
    ///
    /// # Errors
    /// [`RunDirError::Write`].
    pub fn append_connection(&self, connection: &ConnectionRecord) -> Result<(), RunDirError> {
        append_line(&self.file("connections.jsonl"), connection)
    }

    /// Where logs go.
    #[must_use]
    pub fn logs_dir(&self) -> PathBuf {
        self.file("logs")
    }

    /// Where watchers keep their snapshots.
    #[must_use]
    pub fn snapshots_dir(&self) -> PathBuf {
        self.file("snapshots")
    }

    /// Where servers of the run keep their data.
    #[must_use]
    pub fn server_data_dir(&self) -> PathBuf {
        self.file("server-data")
    }

    /// The judgement.
    #[must_use]
    pub fn verdict_path(&self) -> PathBuf {
        self.file("verdict.json")
    }

    /// What charts draw.
    #[must_use]
    pub fn series_path(&self) -> PathBuf {
        self.file("series.json")
    }

    /// The page.
    #[must_use]
    pub fn report_path(&self) -> PathBuf {
        self.report("report.html")
    }

    /// The charts.
    #[must_use]
    pub fn charts_dir(&self) -> PathBuf {
        self.report("charts")
    }

    /// JUnit XML.
    #[must_use]
    pub fn junit_path(&self) -> PathBuf {
        self.report("junit.xml")
    }

    /// The terminal summary as text.
    #[must_use]
    pub fn summary_path(&self) -> PathBuf {
        self.report("summary.txt")
    }

    /// The summary as Markdown.
    #[must_use]
    pub fn markdown_path(&self) -> PathBuf {
        self.report("summary.md")
    }

    /// Histograms for the tools of others.
    #[must_use]
    pub fn histograms_dir(&self) -> PathBuf {
        self.report("histograms")
    }

    /// Reads a value from JSON.
    ///
    /// # Errors
    /// When the file is missing or damaged.
    pub fn read_json<T: DeserializeOwned>(&self, path: &Path) -> Result<T, RunDirError> {
        read_json(path)
    }

    /// Takes secrets out of the logs of servers and proxies, which wrote them themselves.
    ///
    /// # Errors
    /// When a log cannot be read or written.
    pub fn redact_logs(&self) -> Result<(), RunDirError> {
        if self.secrets.is_empty() {
            return Ok(());
        }
        let logs = self.logs_dir();
        let fail = |source| RunDirError::Read { path: logs.clone(), source };
        for entry in fs::read_dir(&logs).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            let Ok(bytes) = fs::read(&path) else { continue };
            let text = String::from_utf8_lossy(&bytes);
            if self.secrets.are_in(&text) {
                write_atomically(&path, self.secrets.redact(&text).as_bytes())?;
            }
        }
        Ok(())
    }

    /// Writes a value as JSON, atomically.
    ///
    /// # Errors
    /// [`RunDirError::Write`].
    pub fn write_json<T: Serialize>(&self, path: &Path, value: &T) -> Result<(), RunDirError> {
        let mut text = serde_json::to_vec_pretty(value).map_err(|source| RunDirError::Form {
            path: path.to_owned(),
            line: 0,
            source,
        })?;
        text.push(b'\n');
        write_atomically(path, &text)
    }

    /// What is written of a value: without secrets.
    fn shown<T>(&self, path: &Path, value: &T) -> Result<T, RunDirError>
    where
        T: Clone + Serialize + DeserializeOwned,
    {
        redacted(value, &self.secrets).map_err(|source| RunDirError::Form {
            path: path.to_owned(),
            line: 0,
            source,
        })
    }

    fn report(&self, name: &str) -> PathBuf {
        self.reports.as_ref().unwrap_or(&self.path).join(name)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn hold(path: &Path) -> io::Result<File> {
    let lock = File::create(path)?;
    lock.lock()?;
    Ok(lock)
}

#[cfg(test)]
mod tests;
