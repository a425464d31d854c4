//! Logs of the harness itself: into the run directory, not onto the terminal.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use crate::redaction::shown;

/// Sends logs to `file`; the level comes from `SHAKEDOWN_LOG` (default `info`). Only the first call of a process acts.
pub(crate) fn to_file(file: &Path) {
    let Ok(file) = OpenOptions::new().create(true).append(true).open(file) else { return };
    install(Mutex::new(Redacting(file)));
}

/// Sends logs to standard error, for `serve`.
pub(crate) fn to_stderr() {
    install(io::stderr);
}

/// A log file that no secret reaches. Events come one by one and whole, so no value is cut in two.
struct Redacting(File);

impl Write for Redacting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.0.write_all(shown(text).as_bytes())?,
            Err(_) => self.0.write_all(shown(&String::from_utf8_lossy(bytes)).as_bytes())?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn install<W>(writer: W)
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_from_env("SHAKEDOWN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let installed =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer).try_init();
    if installed.is_err() {
        tracing::debug!("logs already go elsewhere");
    }
}
