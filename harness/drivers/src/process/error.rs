//! What can go wrong with a driver that runs.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use shakedown_model::log;

use super::Place;

/// So many of the last lines of a driver's log are shown when it ended by itself.
const LOG_LINES: usize = 12;
/// So much of a bad line is shown.
const SHOWN: usize = 200;

/// A driver could not be started, or does not speak as it should.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The program is not there or may not be run.
    #[error("cannot start driver `{driver}` by `{command}`; is the program there, and may it be run?")]
    Spawn {
        /// The driver.
        driver: String,
        /// Its command.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// Its log could not be made.
    #[error("cannot write the driver's log `{path}`")]
    Log {
        /// The log.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The guard is gone.
    #[error("cannot speak to the guard process that ends drivers when the harness is killed")]
    Guard(#[source] io::Error),
    /// Its first line was another one.
    #[error("driver `{driver}` began with {first}, not with `hello`")]
    NoHello {
        /// The driver.
        driver: String,
        /// What it began with.
        first: String,
    },
    /// It speaks another version.
    #[error(
        "driver `{driver}` speaks version {speaks} of the driver protocol; this harness speaks version 1"
    )]
    Protocol {
        /// The driver.
        driver: String,
        /// Its version.
        speaks: u32,
    },
    /// Its clock is another one.
    #[error(
        "the clock of driver `{driver}` is not this host's CLOCK_MONOTONIC: asked at {asked} ns and answered by {received} ns, it says {told} ns"
    )]
    Clock {
        /// The driver.
        driver: String,
        /// When it was asked.
        asked: u64,
        /// What it said.
        told: u64,
        /// When the answer came.
        received: u64,
    },
    /// A line is no event.
    #[error("line {line} of driver `{driver}` is no event of the driver protocol ({why}): {text}")]
    BadLine {
        /// The driver.
        driver: String,
        /// The line's number, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
        /// Its beginning.
        text: String,
    },
    /// A line could not be read.
    #[error("line {line} of driver `{driver}` cannot be read: {why}")]
    Unreadable {
        /// The driver.
        driver: String,
        /// The line's number, from 1.
        line: u64,
        /// Why.
        why: String,
    },
    /// It does not read its standard input.
    #[error("driver `{driver}` does not read its standard input: {waiting} commands wait for it")]
    NotReading {
        /// The driver.
        driver: String,
        /// How many wait.
        waiting: usize,
    },
    /// It did not answer.
    #[error("driver `{driver}` did not answer to `{command}` within {seconds} s{tail}")]
    Silent {
        /// The driver.
        driver: String,
        /// What was wanted of it.
        command: &'static str,
        /// How long was waited.
        seconds: u64,
        /// The end of its log.
        tail: String,
    },
    /// It ended by itself, or not in order.
    #[error("driver `{driver}` ended with {status}{tail}")]
    Ended {
        /// The driver.
        driver: String,
        /// How.
        status: String,
        /// The end of its log.
        tail: String,
    },
}

impl DriverError {
    pub(super) fn bad_line(driver: &str, line: u64, text: &[u8], why: &serde_json::Error) -> Self {
        let text = String::from_utf8_lossy(text);
        let mut shown: String = text.chars().take(SHOWN).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        Self::BadLine { driver: driver.to_owned(), line, why: why.to_string(), text: shown }
    }

    pub(super) fn ended(place: &Place, status: Option<ExitStatus>) -> Self {
        let status = status.map_or_else(|| "an unknown status".to_owned(), |status| status.to_string());
        Self::Ended { driver: place.label.clone(), status, tail: tail(&place.log) }
    }

    pub(super) fn silent(place: &Place, command: &'static str, waited: Duration) -> Self {
        let (driver, seconds) = (place.label.clone(), waited.as_secs());
        Self::Silent { driver, command, seconds, tail: tail(&place.log) }
    }

    pub(super) const fn is_end(&self) -> bool {
        matches!(self, Self::Ended { .. })
    }
}

/// The last lines of a log, as a text to append to a message.
fn tail(path: &Path) -> String {
    let tail = log::tail(&std::fs::read(path).unwrap_or_default(), LOG_LINES);
    if tail.is_empty() {
        return format!("; its log `{}` is empty", path.display());
    }
    format!("; the end of its log `{}`:\n    {tail}", path.display())
}
