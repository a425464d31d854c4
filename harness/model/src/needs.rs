//! What a plan needs of the machine, so that too little of it is known before anything is started.

use crate::plan::{Backend, Plan, ProxyKind};

/// Files that the harness has open beside its connections: logs, the recording, listeners, canaries, the mutator's
/// connections, snapshots while they are written.
const BESIDE: u64 = 300;

/// Connections and open files of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Connections of watchers at the same time; each has one, whatever its protocol.
    pub connections: u64,
    /// Open files of the harness' own process. Where proxies and servers are embedded, it holds both ends of every
    /// connection.
    pub harness_files: u64,
    /// Open files of the Toxiproxy process, if there is one: two per connection.
    pub proxy_files: u64,
    /// Open files of a server process, if there is one, for connections.
    pub server_files: u64,
}

impl Needs {
    /// What `plan` needs.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let connections = u64::from(plan.watcher_count());
        // A blackhole, or what is like it, holds the old connections while their watchers make new ones.
        let held = if holds_connections(plan) { 2 * connections } else { connections };
        let (proxy_in, proxy_out) = match plan.proxy.kind {
            ProxyKind::Embedded => (2 * held, 0),
            ProxyKind::Toxiproxy => (0, 2 * held + BESIDE),
        };
        let (server_in, server_out) = match plan.server.backend {
            Backend::Embedded => (held, 0),
            Backend::Process | Backend::Container | Backend::External => (0, held + BESIDE),
        };
        Self {
            connections,
            harness_files: connections + proxy_in + server_in + BESIDE,
            proxy_files: proxy_out,
            server_files: server_out,
        }
    }

    /// The most open files that any one process needs: what the limit of open files, which children inherit, must
    /// allow.
    #[must_use]
    pub fn open_files(&self) -> u64 {
        self.harness_files.max(self.proxy_files).max(self.server_files)
    }
}

fn holds_connections(plan: &Plan) -> bool {
    plan.faults.iter().any(|fault| fault.action.holds())
}
