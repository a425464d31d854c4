//! What can be known before anything is started: open files and ports.

use shakedown_model::needs::Needs;
use shakedown_model::plan::Plan;

/// Connections per source address and destination that stay fast (design.md §7).
const CONNECTIONS_PER_PAIR: u64 = 12_000;

/// The machine's limits do not allow the plan.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// Too few open files.
    #[error(
        "{watchers} watchers need about {needed} open files in one process, and its hard limit is {limit}; \
         lower the counts, raise `ulimit -Hn`, or take the servers and proxies out of the process (`--backend process`, `--proxy toxiproxy`)"
    )]
    OpenFiles {
        /// Watchers of the plan.
        watchers: u64,
        /// Files that they need.
        needed: u64,
        /// The limit.
        limit: u64,
    },
    /// Too many connections from one source address.
    #[error(
        "group `{group}` has {count} watchers on one source address, and past {CONNECTIONS_PER_PAIR} connections to one destination \
         connecting becomes slow; split it into groups with `source` addresses of their own (127.0.0.0/8 is free)"
    )]
    Sources {
        /// The group.
        group: String,
        /// Its watchers.
        count: u32,
    },
}

/// Checks the plan against `open_files`, the hard limit of this process, which its children inherit.
///
/// # Errors
/// [`PreflightError`] says what does not fit and what to do.
pub fn check(plan: &Plan, open_files: u64) -> Result<(), PreflightError> {
    let needed = Needs::of(plan).open_files();
    if needed > open_files {
        return Err(PreflightError::OpenFiles {
            watchers: u64::from(plan.watcher_count()),
            needed,
            limit: open_files,
        });
    }
    match plan.groups.iter().find(|group| u64::from(group.count) > CONNECTIONS_PER_PAIR) {
        Some(group) => Err(PreflightError::Sources { group: group.name.clone(), count: group.count }),
        None => Ok(()),
    }
}
