//! A process of this machine that belongs to the run: its own process group, its log in the run directory.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use shakedown_model::log::tail;
use tokio::time::Instant;

use crate::guard::{Guard, GuardError};

/// How long a process may take to end after SIGTERM before it gets SIGKILL.
const GRACE: Duration = Duration::from_secs(10);
/// How many of the last lines of a log are shown when a process ended early.
pub(crate) const LOG_LINES: usize = 12;

/// A process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The program is not there or may not be run.
    #[error("cannot start {what} by `{program}`; {advice}")]
    Spawn {
        /// What it is, such as "nacos node 0".
        what: String,
        /// The program.
        program: PathBuf,
        /// What to do.
        advice: String,
        /// Why.
        source: io::Error,
    },
    /// Its log could not be made.
    #[error("cannot write the log `{path}`")]
    Log {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The guard is not there.
    #[error(transparent)]
    Guard(#[from] GuardError),
}

/// A running process.
#[derive(Debug)]
pub(crate) struct OwnProcess {
    what: String,
    child: Child,
    group: u32,
    log: PathBuf,
    guard: Guard,
    status: Option<ExitStatus>,
}

impl OwnProcess {
    /// Starts `command` as the leader of its own process group, with its output at the end of `log`.
    pub(crate) fn start(
        what: &str,
        mut command: Command,
        log: &Path,
        guard: &Guard,
        advice: &str,
    ) -> Result<Self, ProcessError> {
        command.stdin(Stdio::null());
        Self::start_hearing(what, command, log, guard, advice)
    }

    /// The same with the standard input that the command names.
    pub(crate) fn start_hearing(
        what: &str,
        mut command: Command,
        log: &Path,
        guard: &Guard,
        advice: &str,
    ) -> Result<Self, ProcessError> {
        let log_error = |source| ProcessError::Log { path: log.to_owned(), source };
        let output = File::options().create(true).append(true).open(log).map_err(log_error)?;
        let errors = output.try_clone().map_err(log_error)?;
        let child = command.stdout(output).stderr(errors).process_group(0).spawn().map_err(|source| {
            ProcessError::Spawn {
                what: what.to_owned(),
                program: PathBuf::from(command.get_program()),
                advice: advice.to_owned(),
                source,
            }
        })?;
        let group = child.id();
        let process = Self {
            what: what.to_owned(),
            child,
            group,
            log: log.to_owned(),
            guard: guard.clone(),
            status: None,
        };
        guard.watch(group)?;
        Ok(process)
    }

    /// Its process group, which has its process id.
    pub(crate) const fn group(&self) -> u32 {
        self.group
    }

    /// Why the process is gone, if it is; the last lines of its log are in the text.
    pub(crate) fn failed(&mut self) -> Option<String> {
        let status = self.status()?;
        Some(format!("{} ended by itself with {status}{}", self.what, self.log_tail()))
    }

    /// How it ended, if it has.
    pub(crate) fn status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status
    }

    /// The last lines of its log, as a text to append to a message.
    pub(crate) fn log_tail(&self) -> String {
        let tail = tail(&std::fs::read(&self.log).unwrap_or_default(), LOG_LINES);
        if tail.is_empty() {
            return format!("; its log `{}` is empty", self.log.display());
        }
        format!("; the end of its log `{}`:\n    {tail}", self.log.display())
    }

    /// Lets the process group stand still until it is resumed or killed.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on; nothing happens to one that does not stand still.
    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Ends the process group: SIGTERM, and SIGKILL for what is left after a grace period.
    pub(crate) async fn stop(mut self) {
        self.signal(Signal::TERM);
        // One that stands still hears nothing until it goes on.
        self.resume();
        let deadline = Instant::now() + GRACE;
        while self.failed().is_none() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.group).ok().and_then(Pid::from_raw) {
            // A group that is gone already is what is wanted.
            let _is_there = kill_process_group(group, signal).is_ok();
        }
    }
}

impl Drop for OwnProcess {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        if let Err(error) = self.child.wait() {
            tracing::warn!(what = self.what, %error, "a process could not be waited for");
        }
        if let Err(error) = self.guard.forget(self.group) {
            tracing::warn!(what = self.what, %error, "the guard is gone");
        }
    }
}
