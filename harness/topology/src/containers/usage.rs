//! What a container uses, by the engine's word: for engines whose processes cannot be seen in `/proc`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use testcontainers::bollard::models::ContainerStatsResponse;

/// What a container has used and holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Processor time since its start.
    pub cpu: Duration,
    /// Memory in bytes, without the files that the kernel could drop.
    pub rss_bytes: Option<u64>,
    /// Threads.
    pub threads: u32,
}

/// What a container used when the engine was last asked. Clones are of the same container.
#[derive(Debug, Clone, Default)]
pub struct LiveUsage(Arc<Mutex<Usage>>);

impl LiveUsage {
    /// The last answer; nothing at all before the first.
    #[must_use]
    pub fn now(&self) -> Usage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, usage: Usage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = usage;
    }
}

impl PartialEq for LiveUsage {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for LiveUsage {}

impl Usage {
    /// From one answer of the engine (Docker Engine API, `GET /containers/{id}/stats`).
    pub(super) fn of(stats: &ContainerStatsResponse) -> Option<Self> {
        let cpu = stats.cpu_stats.as_ref()?.cpu_usage.as_ref()?.total_usage?;
        let rss_bytes = stats.memory_stats.as_ref().and_then(|memory| {
            // The engine's own command line subtracts the same: cgroup v2's name, else v1's.
            let files = memory.stats.as_ref().and_then(|stats| {
                stats.get("inactive_file").or_else(|| stats.get("total_inactive_file")).copied()
            });
            Some(memory.usage?.saturating_sub(files.unwrap_or(0)))
        });
        let threads = stats.pids_stats.as_ref().and_then(|pids| pids.current).unwrap_or(0);
        Some(Self {
            cpu: Duration::from_nanos(cpu),
            rss_bytes,
            threads: u32::try_from(threads).unwrap_or(u32::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use testcontainers::bollard::models::{
        ContainerCpuStats, ContainerCpuUsage, ContainerMemoryStats, ContainerPidsStats,
    };

    use super::*;

    fn stats(files: &str) -> ContainerStatsResponse {
        ContainerStatsResponse {
            cpu_stats: Some(ContainerCpuStats {
                cpu_usage: Some(ContainerCpuUsage { total_usage: Some(1_500_000_000), ..Default::default() }),
                ..Default::default()
            }),
            memory_stats: Some(ContainerMemoryStats {
                usage: Some(700),
                stats: Some(HashMap::from([(files.to_owned(), 200)])),
                ..Default::default()
            }),
            pids_stats: Some(ContainerPidsStats { current: Some(81), limit: None }),
            ..Default::default()
        }
    }

    #[test]
    fn files_that_can_be_dropped_are_not_counted() {
        for files in ["inactive_file", "total_inactive_file"] {
            let usage = Usage::of(&stats(files)).unwrap();
            assert_eq!(usage, Usage { cpu: Duration::from_millis(1500), rss_bytes: Some(500), threads: 81 });
        }
        assert_eq!(Usage::of(&stats("other")).unwrap().rss_bytes, Some(700));
    }

    #[test]
    fn a_container_that_does_not_run_uses_nothing_known() {
        assert_eq!(Usage::of(&ContainerStatsResponse::default()), None);
    }
}
