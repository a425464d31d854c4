//! What can be known of the machine before anything is started: open files.

use shakedown_model::needs::Needs;
use shakedown_model::plan::Plan;

/// The machine's limits do not allow the plan.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// Too few open files.
    #[error(
        "{watchers} watchers need about {needed} open files in one of the run's processes, and its hard limit is {limit}; \
         lower the counts, raise `ulimit -Hn`, leave `workers` and `server.embedded.processes` to `auto`, give an embedded server more `nodes`, or take the servers and proxies out of the process (`--backend process`, `--proxy toxiproxy`)"
    )]
    OpenFiles {
        /// Watchers of the plan.
        watchers: u64,
        /// Files that they need.
        needed: u64,
        /// The limit.
        limit: u64,
    },
}

/// Checks the plan against `open_files`, the hard limit of this process, which its children inherit.
///
/// # Errors
/// [`PreflightError`] says what does not fit and what to do.
pub(crate) fn check(plan: &Plan, open_files: u64) -> Result<(), PreflightError> {
    let needed = Needs::of(plan, open_files).open_files();
    if needed > open_files {
        return Err(PreflightError::OpenFiles {
            watchers: u64::from(plan.watcher_count()),
            needed,
            limit: open_files,
        });
    }
    Ok(())
}
