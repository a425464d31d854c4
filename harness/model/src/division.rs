//! How the watchers of a run are divided over processes.
//!
//! Files decide: a process may have only so many open, and a watcher takes up to four where everything is in one process.
//! Ports do not, because they belong to addresses and not to processes, nor do cores: a process uses all of them. The
//! division is a pure function of the plan, the seed and that limit (ADR 29).

use serde::{Deserialize, Serialize};

use crate::WatcherId;
use crate::fault::{FaultAction, ServerFault};
use crate::needs::BESIDE;
use crate::plan::{Backend, GroupSpec, NodeProcesses, Plan};

/// Open files of one process that a division counts on where the machine's own limit is not asked.
pub const FILES_PER_PROCESS: u64 = 20_000;
/// The most workers of a run.
pub const MOST_WORKERS: u32 = 64;

/// How many processes hold the simulated watchers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workers {
    /// As many as the limit of open files demands; none where one process is enough for the whole run.
    #[default]
    Auto,
    /// So many; 0 leaves the watchers in the harness' own process.
    Exactly(u32),
}

/// Which of a plan's watchers a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    /// All.
    #[default]
    Whole,
    /// The harness' own process beside workers: real clients, which are processes themselves.
    Real,
    /// A worker: its part of the simulated ones.
    Worker {
        /// Which worker, from 0.
        index: u32,
        /// Of how many; at least 1.
        of: u32,
    },
}

impl Share {
    /// Whether the watcher is in this share.
    ///
    /// # Panics
    /// When the id is not one of the plan.
    #[must_use]
    pub fn has(self, plan: &Plan, watcher: WatcherId) -> bool {
        let is_real = |plan: &Plan| plan.groups[plan.group_of(watcher).index()].client.driver.is_some();
        match self {
            Self::Whole => true,
            Self::Real => is_real(plan),
            Self::Worker { index, of } => !is_real(plan) && dealt_to(plan, watcher, of) == index,
        }
    }
}

/// Which of `of` workers a watcher is dealt to: each run of `of` neighbours gives one to every worker, and a draw says with
/// whom the dealing begins. So shares differ by at most one per group, and no worker has all listeners of an item.
fn dealt_to(plan: &Plan, watcher: WatcherId, of: u32) -> u32 {
    let (watcher, of) = (u64::from(watcher.0), u64::from(of.max(1)));
    let begins = plan.seed.child("workers").below(watcher / of, of);
    u32::try_from((watcher + begins) % of).expect("below a u32")
}

/// Into how many processes a plan is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Division {
    /// Those that hold watchers; 0 when the harness' own does.
    pub(crate) workers: u32,
    /// Those of the embedded proxies, one for each worker; 0 when they are in the harness' own.
    pub(crate) proxies: u32,
    /// Those of the embedded server, one for each node; 0 when they are in the harness' own.
    pub(crate) servers: u32,
}

impl Division {
    /// Divides a plan whose run takes `together` files in one process, `proxies` of them at embedded proxies and `servers`
    /// at an embedded server, where a process may have `open_files`.
    pub(crate) fn of(plan: &Plan, (together, proxies, servers): (u64, u64, u64), open_files: u64) -> Self {
        let room = open_files.saturating_sub(BESIDE).max(1);
        let simulated = simulated(plan);
        // What the proxy sees of real clients is told within one process.
        let is_crowded = together - simulated > open_files && simulated == u64::from(plan.watcher_count());
        let leaves = proxies > 0 && is_crowded;
        let workers = match plan.workers {
            Workers::Exactly(count) => count,
            Workers::Auto if together <= open_files => 0,
            Workers::Auto => {
                let workers = simulated.div_ceil(room).max(if leaves { proxies.div_ceil(room) } else { 0 });
                u32::try_from(workers.min(u64::from(MOST_WORKERS))).expect("below the most workers")
            }
        };
        let is_alone = plan.server.backend == Backend::Embedded
            && match plan.server.embedded.processes {
                NodeProcesses::One => false,
                NodeProcesses::Each => true,
                NodeProcesses::Auto => {
                    let elsewhere =
                        if workers > 0 { simulated } else { 0 } + if leaves { proxies } else { 0 };
                    servers > 0 && together - elsewhere > open_files && !has_troubles(plan)
                }
            };
        Self {
            workers,
            proxies: if leaves { workers } else { 0 },
            servers: if is_alone { u32::from(plan.server.nodes) } else { 0 },
        }
    }
}

/// Whether embedded nodes are told to do wrong in the run, which only those of the harness' own process can be.
#[must_use]
pub fn has_troubles(plan: &Plan) -> bool {
    let is_trouble =
        |action: &FaultAction| matches!(action, FaultAction::Server { fault: ServerFault::Trouble { .. } });
    plan.faults.iter().any(|fault| is_trouble(&fault.action))
}

/// Simulated watchers, which workers can hold.
pub(crate) fn simulated(plan: &Plan) -> u64 {
    let is_simulated = |group: &&GroupSpec| group.client.driver.is_none();
    plan.groups.iter().filter(is_simulated).map(|group| u64::from(group.count)).sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::backoff::{Backoff, Jitter};
    use crate::needs::Needs;
    use crate::plan::{ClientSpec, DriverSpec, Protocol, ProxyKind};
    use crate::testing;

    fn plan(counts: &[u32]) -> Plan {
        let backoff = Backoff::Exponential {
            base: Duration::from_secs(1),
            cap: Duration::from_secs(9),
            jitter: Jitter::Full,
        };
        let client = ClientSpec::new(Protocol::NacosGrpc, backoff);
        let mut plan = testing::plan();
        let mut first = 0;
        for count in counts {
            plan.groups.push(testing::group(first, *count, client.clone()));
            first += count;
        }
        plan
    }

    #[test]
    fn each_watcher_is_in_one_share_and_shares_are_alike() {
        let plan = plan(&[1_000, 7, 2_001]);
        for of in [1, 2, 3, 7] {
            let mut sizes = vec![0_u32; of as usize];
            for watcher in (0..plan.watcher_count()).map(WatcherId) {
                let holders: Vec<u32> =
                    (0..of).filter(|index| Share::Worker { index: *index, of }.has(&plan, watcher)).collect();
                assert_eq!(holders.len(), 1, "watcher {watcher} of {of}");
                sizes[holders[0] as usize] += 1;
            }
            let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            assert!(most - least <= 1, "{sizes:?}");
        }
    }

    #[test]
    fn the_seed_deals_and_no_share_is_a_comb() {
        let first = plan(&[3_000]);
        let mut second = first.clone();
        second.seed = crate::Seed(8);
        let share = |plan: &Plan| -> Vec<u32> {
            let worker = Share::Worker { index: 0, of: 3 };
            (0..3_000).filter(|watcher| worker.has(plan, WatcherId(*watcher))).collect()
        };
        assert_eq!(share(&first), share(&first.clone()));
        assert_ne!(share(&first), share(&second));
        let by_rest = |rest| share(&first).iter().filter(|watcher| **watcher % 3 == rest).count();
        assert!((0..3).all(|rest| by_rest(rest) > 200), "each rest is among a share's watchers");
    }

    #[test]
    fn real_clients_stay_with_the_harness() {
        let mut plan = plan(&[4, 4]);
        plan.groups[1].client.driver =
            Some(DriverSpec { name: "go".to_owned(), command: None, clients_per_process: 1 });
        let held = |share: Share| -> Vec<u32> {
            (0..8).filter(|watcher| share.has(&plan, WatcherId(*watcher))).collect()
        };
        assert_eq!(held(Share::Real), [4, 5, 6, 7]);
        assert_eq!(held(Share::Worker { index: 0, of: 1 }), [0, 1, 2, 3]);
        assert_eq!(held(Share::Whole).len(), 8);
    }

    #[test]
    fn nodes_leave_the_harness_when_files_demand_it_or_they_are_told_to() {
        let direct = |count, nodes| {
            let mut plan = plan(&[count]);
            plan.proxy.kind = ProxyKind::None;
            plan.server.nodes = nodes;
            plan
        };
        let needs = |plan: &Plan| Needs::of(plan, FILES_PER_PROCESS);
        let many = needs(&direct(50_000, 3));
        assert_eq!((many.workers, many.proxies, many.servers, many.harness_files), (3, 0, 3, 300));
        // A node gets a third of the watchers, and up to 5 % more of them by chance.
        assert_eq!((many.worker_files, many.server_files), (16_967, 17_800));
        assert_eq!((needs(&direct(19_700, 3)).workers, needs(&direct(19_700, 3)).servers), (1, 0));
        let mut told = direct(10, 2);
        told.server.embedded.processes = NodeProcesses::Each;
        assert_eq!((needs(&told).servers, needs(&told).harness_files), (2, 310));
        told.server.backend = Backend::Process;
        assert_eq!(needs(&told).servers, 0, "a real server is no part of the harness");
        let mut one = direct(50_000, 3);
        one.server.embedded.processes = NodeProcesses::One;
        assert_eq!((needs(&one).servers, needs(&one).harness_files), (0, 50_300));
    }

    #[test]
    fn files_decide_how_many_workers_there_are() {
        // Four files for each watcher, and 300 beside.
        let needs = |count| Needs::of(&plan(&[count]), FILES_PER_PROCESS);
        let processes = |count| (needs(count).workers, needs(count).proxies);
        assert_eq!([processes(100), processes(4_925), processes(4_926)], [(0, 0), (0, 0), (1, 0)]);
        // The harness holds both ends of the proxies and that of the server, until the proxies leave it.
        assert_eq!([processes(6_566), processes(6_567), processes(9_850)], [(1, 0), (1, 1), (1, 1)]);
        assert_eq!([processes(9_851), processes(19_700)], [(2, 2), (2, 2)]);
        assert_eq!(needs(19_700).open_files(), 20_000);
        assert!(needs(19_701).open_files() > FILES_PER_PROCESS, "one server holds no more");
        assert_eq!((needs(19_701).servers, needs(19_701).harness_files), (1, 300));
        assert_eq!(Needs::of(&plan(&[50_000]), 1 << 20).workers, 0);
        let mut told = plan(&[10]);
        told.workers = Workers::Exactly(2);
        assert_eq!(Needs::of(&told, FILES_PER_PROCESS).workers, 2);
        told = plan(&[50_000]);
        told.workers = Workers::Exactly(0);
        let needs = Needs::of(&told, FILES_PER_PROCESS);
        assert_eq!((needs.workers, needs.servers, needs.harness_files), (0, 1, 150_300));
    }
}
