//! What a plan needs of the machine, so that too little of it is known before anything is started.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::division::{Division, simulated};
use crate::fault::FaultAction;
use crate::plan::{Backend, GroupSpec, Plan, ProxyKind};

/// Files that a process has open beside its connections: logs, the recording, listeners, canaries, the mutator's
/// connections, snapshots while they are written.
pub(crate) const BESIDE: u64 = 300;

/// Connections, processes and open files of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// Connections of watchers at the same time; each has one, whatever its protocol.
    pub connections: u64,
    /// Those of them that come from the source address with the most.
    pub from_one_source: u64,
    /// Worker processes that hold the simulated watchers; 0 when the harness' own process does.
    pub workers: u32,
    /// Processes of embedded proxies, one for each worker; 0 when the harness' own process has them.
    pub proxies: u32,
    /// Processes of the embedded server, one for each node; 0 when the harness' own process has them all.
    pub servers: u32,
    /// Open files of the worker with the most.
    pub worker_files: u64,
    /// Open files of the harness' own process. Where proxies and servers are embedded, it holds both ends of every
    /// connection that no worker holds an end of.
    pub harness_files: u64,
    /// Open files of the proxy process with the most, if there is one: two per connection.
    pub proxy_files: u64,
    /// Open files of the server process with the most, if there is one, for connections.
    pub server_files: u64,
}

impl Needs {
    /// What `plan` needs where a process may have at most `open_files` files: that decides how many workers there are.
    #[must_use]
    pub fn of(plan: &Plan, open_files: u64) -> Self {
        let connections = u64::from(plan.watcher_count());
        // A blackhole, or what is like it, holds the old connections while their watchers make new ones.
        let held = if holds_connections(plan) { 2 * connections } else { connections };
        let (proxy_in, proxy_out) = match plan.proxy.kind {
            ProxyKind::Embedded => (2 * held, 0),
            ProxyKind::Toxiproxy => (0, 2 * held + BESIDE),
            ProxyKind::None => (0, 0),
        };
        let (server_in, server_out) = match plan.server.backend {
            Backend::Embedded => (held, 0),
            Backend::Process | Backend::Container | Backend::External => (0, held + BESIDE),
        };
        // What terminates TLS holds a connection of a client's and one to its node.
        let fronted = if plan.server.tls.is_some() { 2 * held } else { 0 };
        let together = connections + proxy_in + server_in + fronted + BESIDE;
        let division = Division::of(plan, (together, proxy_in, server_in), open_files);
        let Division { workers, proxies, servers } = division;
        let simulated = simulated(plan);
        let (worker_files, harness_files) = match workers {
            0 => (0, together),
            workers => (simulated.div_ceil(u64::from(workers)) + BESIDE, together - simulated),
        };
        let (proxy_out, harness_files) = match proxies {
            0 => (proxy_out, harness_files),
            proxies => (proxy_in.div_ceil(u64::from(proxies)) + BESIDE, harness_files - proxy_in),
        };
        let (server_out, harness_files) = match servers {
            0 => (server_out, harness_files),
            servers => (share_of_node(plan, held, servers) + BESIDE, harness_files - server_in),
        };
        Self {
            connections,
            from_one_source: from_one_source(plan),
            workers,
            proxies,
            servers,
            worker_files,
            harness_files,
            proxy_files: proxy_out,
            server_files: server_out,
        }
    }

    /// Processes of the harness itself in a run: its own, and those of workers, embedded proxies and embedded nodes.
    #[must_use]
    pub const fn processes(&self) -> u32 {
        1 + self.workers + self.proxies + self.servers
    }

    /// The most open files that any one process needs: what the limit of open files, which children inherit, must
    /// allow.
    #[must_use]
    pub fn open_files(&self) -> u64 {
        self.harness_files.max(self.worker_files).max(self.proxy_files).max(self.server_files)
    }
}

fn from_one_source(plan: &Plan) -> u64 {
    let mut sources = BTreeMap::<Ipv4Addr, u64>::new();
    for (source, count) in plan.groups.iter().flat_map(GroupSpec::sources) {
        *sources.entry(source).or_default() += u64::from(count);
    }
    sources.into_values().max().unwrap_or_default()
}

/// The most connections that one of `nodes` gets of `held`. Watchers choose at random, so one may get some more than its
/// share; where nodes go down, the others get all.
fn share_of_node(plan: &Plan, held: u64, nodes: u32) -> u64 {
    let moves = plan.faults.iter().any(|fault| matches!(fault.action, FaultAction::Server { .. }));
    let share = held.div_ceil(u64::from(nodes));
    if moves { held } else { (share + share / 20).min(held) }
}

fn holds_connections(plan: &Plan) -> bool {
    plan.faults.iter().any(|fault| fault.action.holds())
}
