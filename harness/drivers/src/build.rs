//! The cache of built drivers: each is built once, in a folder named by the hash of its sources.
//!
//! A build has its folder to itself by a lock on a file beside it, and is at its final place from the first step on, so
//! that a tool may write paths into what it makes. It counts once its `built` file is there, which is written last; a
//! folder without one is what a broken build left, and the next build begins anew. Each step has the lock as its standard
//! input, so that one which outlives a killed harness keeps the next builder waiting until it is through.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use shakedown_model::log::tail;
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval_at, sleep};

use crate::catalogue::{Argv, Driver, SOURCE_FOLDER};
use crate::launch::Launch;
use crate::toolchain::Missing;

/// The mark of a build that came to its end.
const BUILT: &str = "built";
/// What the steps print.
const LOG: &str = "build.log";
/// So many of the last lines of the log are shown when a step failed.
const LOG_LINES: usize = 20;
/// Another's lock is looked at this often.
const LOCK_PERIOD: Duration = Duration::from_millis(200);
/// A step that takes long is said to be at work this often.
const STILL_PERIOD: Duration = Duration::from_secs(15);

/// A driver could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Something that it is built with is not there.
    #[error("driver `{driver}` cannot be built or run: {missing}")]
    Missing {
        /// The driver.
        driver: String,
        /// What is missing.
        missing: Missing,
    },
    /// There is no place for the cache.
    #[error("there is no place to build drivers in: set XDG_CACHE_HOME, or HOME")]
    NoCache,
    /// A file of the cache.
    #[error("cannot {attempt} `{path}`, where drivers are built")]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A step could not be started.
    #[error("driver `{driver}` cannot be built: `{step}` cannot be started")]
    Spawn {
        /// The driver.
        driver: String,
        /// The step.
        step: String,
        /// Why.
        source: io::Error,
    },
    /// A step failed.
    #[error("driver `{driver}` cannot be built: `{step}` ended with {status}; the end of `{log}`:\n    {tail}", log = log.display())]
    Step {
        /// The driver.
        driver: String,
        /// The step.
        step: String,
        /// How it ended.
        status: ExitStatus,
        /// The whole log.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
}

/// Where drivers are built and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// A cache in a folder, which is made when it is needed.
    #[must_use]
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The user's: `${XDG_CACHE_HOME:-~/.cache}/shakedown/drivers`.
    ///
    /// # Errors
    /// [`BuildError::NoCache`] when neither variable is set to an absolute path.
    pub fn of_user() -> Result<Self, BuildError> {
        let absolute =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let caches = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
        caches.map(|caches| Self::new(caches.join("shakedown/drivers"))).ok_or(BuildError::NoCache)
    }

    /// How a driver is started, if it is built.
    #[must_use]
    pub fn built(&self, driver: &Driver) -> Option<Launch> {
        let folder = self.folder.join(driver.build_name());
        folder.join(BUILT).is_file().then(|| driver.launch(&folder))
    }

    /// How a driver is started; builds it first if it is not built. `progress` is told each step in a line.
    ///
    /// # Errors
    /// [`BuildError`]; a toolchain is looked for even if the driver is built, since most run on theirs.
    pub async fn launch(
        &self,
        driver: &Driver,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Launch, BuildError> {
        for toolchain in &driver.toolchains {
            let missing = |missing| BuildError::Missing { driver: driver.name.clone(), missing };
            toolchain.find().await.map_err(missing)?;
        }
        if let Some(launch) = self.built(driver) {
            return Ok(launch);
        }
        make_folder(&self.folder)?;
        let lock = self.lock(driver, progress).await?;
        // Another may have built it meanwhile.
        if let Some(launch) = self.built(driver) {
            return Ok(launch);
        }
        let folder = self.folder.join(driver.build_name());
        let began = Instant::now();
        build(driver, &folder, &lock, progress).await?;
        progress(format!("driver {} is built, in {:.0?}", driver.name, began.elapsed()));
        Ok(driver.launch(&folder))
    }

    /// Waits until nobody else builds the same. The lock ends with the last copy of the file, also when its processes are
    /// killed.
    async fn lock(
        &self,
        driver: &Driver,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<File, BuildError> {
        let path = self.folder.join(format!("{}.lock", driver.build_name()));
        let error = |attempt, source| BuildError::Io { attempt, path: path.clone(), source };
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|source| error("write", source))?;
        let mut was_told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(error("lock", source)),
            }
            if !was_told {
                progress(format!("driver {} is being built by another run; waiting for it", driver.name));
                was_told = true;
            }
            sleep(LOCK_PERIOD).await;
        }
    }
}

async fn build(
    driver: &Driver,
    folder: &Path,
    lock: &File,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<(), BuildError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|source| BuildError::Io {
            attempt: "remove",
            path: folder.to_owned(),
            source,
        })?;
    }
    let source = folder.join(SOURCE_FOLDER);
    for file in driver.sources() {
        let path = source.join(file.path);
        make_folder(path.parent().unwrap_or(&source))?;
        write(&path, file.text)?;
    }
    let log = folder.join(LOG);
    let steps = driver.steps(folder);
    for (nth, step) in steps.iter().enumerate() {
        let shown = step.words.join(" ");
        progress(format!("building driver {}, step {} of {}: {shown}", driver.name, nth + 1, steps.len()));
        let status = run((driver, step), &source, &log, lock, progress).await?;
        if !status.success() {
            let driver = driver.name.clone();
            return Err(BuildError::Step {
                driver,
                step: shown,
                status,
                tail: tail(&fs::read(&log).unwrap_or_default(), LOG_LINES),
                log,
            });
        }
    }
    let unfinished = folder.join("built.new");
    write(&unfinished, &driver.sdk.version)?;
    fs::rename(&unfinished, folder.join(BUILT)).map_err(|source| BuildError::Io {
        attempt: "rename",
        path: unfinished,
        source,
    })
}

async fn run(
    (driver, step): (&Driver, &Argv),
    source: &Path,
    log: &Path,
    lock: &File,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<ExitStatus, BuildError> {
    let log_error = |source| BuildError::Io { attempt: "write", path: log.to_owned(), source };
    let output = File::options().create(true).append(true).open(log).map_err(log_error)?;
    let errors = output.try_clone().map_err(log_error)?;
    // It is empty, so who reads it reads nothing.
    let lock = lock.try_clone().map_err(log_error)?;
    let shown = step.words.join(" ");
    let spawn_error = |source| BuildError::Spawn { driver: driver.name.clone(), step: shown.clone(), source };
    let (program, arguments) = step.words.split_first().map_or(("", [].as_slice()), |(p, a)| (p, a));
    let child = Command::new(program)
        .args(arguments)
        .envs(step.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(source)
        .stdin(lock)
        .stdout(output)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(spawn_error)?;
    let mut group = Group(child);
    let began = Instant::now();
    let mut still = interval_at(began + STILL_PERIOD, STILL_PERIOD);
    loop {
        tokio::select! {
            status = group.0.wait() => return status.map_err(spawn_error),
            _ = still.tick() => progress(format!("building driver {}: {:.0?} so far", driver.name, began.elapsed())),
        }
    }
}

/// A step with all that it started: a run that is stopped leaves no compiler behind.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // Once it was waited for it has no id any more.
        if let Some(pid) = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            // A group that is gone already is what is wanted.
            let _is_there = kill_process_group(pid, Signal::KILL).is_ok();
        }
    }
}

fn make_folder(path: &Path) -> Result<(), BuildError> {
    fs::create_dir_all(path).map_err(|source| BuildError::Io {
        attempt: "make",
        path: path.to_owned(),
        source,
    })
}

fn write(path: &Path, text: &str) -> Result<(), BuildError> {
    fs::write(path, text).map_err(|source| BuildError::Io { attempt: "write", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
