//! What can be known before anything is started: open files and ports.

use shakedown_model::fault::FaultAction;
use shakedown_model::plan::{Backend, Plan, ProxyKind};

/// Files that the harness holds beside connections: logs, listeners, the runtime, the mutator's pool.
const OTHER_FILES: u64 = 300;
/// Connections per source address and destination that stay fast (design.md §7).
const CONNECTIONS_PER_PAIR: u64 = 12_000;

/// The machine's limits do not allow the plan.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// Too few open files.
    #[error(
        "{watchers} watchers need about {needed} open files in this process ({per_watcher} each{because}), and its hard limit is {limit}; \
         lower the counts, raise `ulimit -Hn`, or take the servers and proxies out of the process (`--backend process`, `--proxy toxiproxy`)"
    )]
    OpenFiles {
        /// Watchers of the plan.
        watchers: u64,
        /// Files that they need.
        needed: u64,
        /// Files per watcher.
        per_watcher: u64,
        /// Why more than usual, if so.
        because: &'static str,
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

/// Open files that the plan needs in this process.
#[must_use]
pub fn files_needed(plan: &Plan) -> u64 {
    u64::from(plan.watcher_count()) * files_per_watcher(plan) + OTHER_FILES
}

/// A watcher's own end, both ends of the proxy when it is embedded, the server's end when that is. A blackhole holds
/// the old connection while the watcher makes new ones: twice as many.
fn files_per_watcher(plan: &Plan) -> u64 {
    let proxy = if plan.proxy.kind == ProxyKind::Embedded { 2 } else { 0 };
    let server = u64::from(plan.server.backend == Backend::Embedded);
    let once = 1 + proxy + server;
    if has_blackhole(plan) { once + proxy + server } else { once }
}

fn has_blackhole(plan: &Plan) -> bool {
    plan.faults.iter().any(|fault| matches!(fault.action, FaultAction::Blackhole { .. }))
}

/// Checks the plan against `open_files`, the hard limit of this process.
///
/// # Errors
/// [`PreflightError`] says what does not fit and what to do.
pub fn check(plan: &Plan, open_files: u64) -> Result<(), PreflightError> {
    let needed = files_needed(plan);
    if needed > open_files {
        let because = if has_blackhole(plan) { ", as cut connections are held under a blackhole" } else { "" };
        return Err(PreflightError::OpenFiles {
            watchers: u64::from(plan.watcher_count()),
            needed,
            per_watcher: files_per_watcher(plan),
            because,
            limit: open_files,
        });
    }
    match plan.groups.iter().find(|group| u64::from(group.count) > CONNECTIONS_PER_PAIR) {
        Some(group) => Err(PreflightError::Sources { group: group.name.clone(), count: group.count }),
        None => Ok(()),
    }
}
