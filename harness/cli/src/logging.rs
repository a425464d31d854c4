//! Logs of the harness itself: into the run directory, not onto the terminal.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

/// Sends logs to `file`; the level comes from `SHAKEDOWN_LOG` (default `info`). Only the first call of a process acts.
pub(crate) fn to_file(file: &Path) {
    let Ok(file) = OpenOptions::new().create(true).append(true).open(file) else { return };
    install(Mutex::new(file));
}

/// Sends logs to standard error, for `serve`.
pub(crate) fn to_stderr() {
    install(std::io::stderr);
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
