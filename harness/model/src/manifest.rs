//! The manifest of a run: what ran, where, and how it ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::floor::Floor;
use crate::plan::Protocol;
use crate::{GroupId, NodeId, Offset, Seed, WatcherId};

/// The version of the run directory's form.
pub const RUN_FORMAT: u32 = 2;

/// How far a run came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// Still going, or the harness was killed.
    Running,
    /// Every phase and the drain ended.
    Complete,
    /// Stopped by a person.
    Interrupted,
    /// Stopped by trouble, in words.
    Failed(String),
}

/// What ran, where, and how it ended: `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`RUN_FORMAT`].
    pub format: u32,
    /// The run's name, that of its directory.
    pub run: String,
    /// The run's number, which its payloads carry.
    pub run_id: u64,
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: Seed,
    /// The harness' version.
    pub harness: String,
    /// The UTC instant of offset zero, RFC 3339 with microseconds; empty until then.
    pub started: String,
    /// How far it came.
    pub status: RunStatus,
    /// The end of the drain, or when it stopped.
    pub ended: Option<Offset>,
    /// What the servers were: backend, version, how they were found.
    pub server: String,
    /// What the proxies were.
    pub proxy: String,
    /// What the real clients are, by their own word: a line for each kind, `GROUP: SDK VERSION on RUNTIME`.
    #[serde(default)]
    pub clients: Vec<String>,
    /// The machine.
    pub machine: Machine,
    /// The arguments of the command line that a repeat needs beside the scenario's copy and the seed, such as
    /// `--backend process`.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// The floors of the run's fan-outs, measured before it on request.
    #[serde(default)]
    pub floors: Vec<Floor>,
    /// Worker processes that held the simulated watchers; 0 when the harness' own process did.
    #[serde(default)]
    pub workers: u32,
    /// Processes of the harness itself: its own, and those of workers, embedded proxies and embedded nodes; 0 in a run
    /// before this was written down.
    #[serde(default)]
    pub processes: u32,
    /// Findings of the harness about itself that bear on validity, such as records that it lost.
    pub remarks: Vec<String>,
}

impl Manifest {
    /// That of a run that is about to begin, of which nothing else is known yet.
    #[must_use]
    pub fn new(run: impl Into<String>, scenario: impl Into<String>, seed: Seed) -> Self {
        Self {
            format: RUN_FORMAT,
            run: run.into(),
            run_id: 0,
            scenario: scenario.into(),
            seed,
            harness: String::new(),
            started: String::new(),
            status: RunStatus::Running,
            ended: None,
            server: String::new(),
            proxy: String::new(),
            clients: Vec::new(),
            machine: Machine::default(),
            arguments: Vec::new(),
            floors: Vec::new(),
            workers: 0,
            processes: 0,
            remarks: Vec::new(),
        }
    }
}

/// The machine that a run was made on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Machine {
    /// Processors that the harness may use.
    pub cpus: u32,
    /// The processor's name.
    pub cpu_model: String,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// The kernel's release.
    pub kernel: String,
    /// The soft limit of open files.
    pub open_files: u64,
}

impl Machine {
    /// How another machine differs in what figures depend on (processors and memory), in words; `None` when it does not.
    ///
    /// Kernels round the same memory a little differently, so 2 % of it are no difference.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.cpus != other.cpus {
            return Some(format!("{} processors there, {} here", self.cpus, other.cpus));
        }
        if self.cpu_model != other.cpu_model {
            return Some(format!("`{}` there, `{}` here", self.cpu_model, other.cpu_model));
        }
        if self.memory_bytes.abs_diff(other.memory_bytes) > self.memory_bytes / 50 {
            let mib = |bytes: u64| bytes >> 20;
            return Some(format!(
                "{} MiB of memory there, {} MiB here",
                mib(self.memory_bytes),
                mib(other.memory_bytes)
            ));
        }
        None
    }
}

/// The harness about itself, once a second: one line of `self.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SelfSample {
    /// When.
    pub at: Offset,
    /// Resident memory of the process in bytes.
    pub rss_bytes: u64,
    /// Processor time used since the last sample, in cores.
    pub cpu_cores: f64,
    /// The share of the machine's processor time that was stolen since the last sample.
    pub steal_share: f64,
    /// Open files.
    pub open_files: u64,
    /// Watchers that are subscribed.
    pub subscribed: u32,
    /// Connections that the kernel dropped since the last sample because a listener's queue was full (`ListenOverflows`), on
    /// the whole machine.
    #[serde(default)]
    pub listen_overflows: u64,
}

/// A part of the bench that runs beside the watchers (a server, a proxy), once a second: one line of `parts.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartSample {
    /// When.
    pub at: Offset,
    /// Which part, such as `nacos-0` or `toxiproxy`.
    pub part: String,
    /// Processor time used since the last sample, in cores.
    pub cpu_cores: f64,
    /// Resident memory in bytes; `None` where it cannot be told apart from the harness' own.
    pub rss_bytes: Option<u64>,
    /// Threads.
    pub threads: u32,
    /// Open connections, where the part can tell.
    pub connections: Option<u64>,
    /// What the part says of itself, by name with the unit at the end, such as `heap-bytes` or `gc-seconds` (a sum since
    /// its start).
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
}

/// A connection as the embedded proxy saw it, from without: one line of `connections.jsonl`. Real SDKs and simulated
/// clients are set side by side by what is seen here of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionRecord {
    /// The group that it belongs to.
    pub group: GroupId,
    /// The watcher, where each has proxies of its own.
    pub watcher: Option<WatcherId>,
    /// The node that it leads to.
    pub node: NodeId,
    /// What is spoken.
    pub protocol: Protocol,
    /// When it was accepted.
    pub opened: Offset,
    /// When the first byte of the server went to the client; `None` if none did.
    pub answered: Option<Offset>,
    /// When it ended; `None` if it was open at the run's end.
    pub closed: Option<Offset>,
    /// Who ended it.
    pub closed_by: Closer,
    /// Bytes from the client.
    pub up_bytes: u64,
    /// Bytes to the client.
    pub down_bytes: u64,
}

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closer {
    /// Nobody: it was open at the run's end.
    Nobody,
    /// The client, by an end or a reset.
    Client,
    /// The server, or it could not be reached.
    Server,
    /// The proxy: a fault, or its own end.
    Proxy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_differ_by_processors_and_memory_but_not_by_limits() {
        let machine =
            Machine { cpus: 2, cpu_model: "a".into(), memory_bytes: 100 << 20, ..Machine::default() };
        let raised =
            Machine { open_files: 99, kernel: "9".into(), memory_bytes: 101 << 20, ..machine.clone() };
        assert_eq!(machine.difference(&raised), None);
        for other in [
            Machine { cpus: 4, ..machine.clone() },
            Machine { cpu_model: "b".into(), ..machine.clone() },
            Machine { memory_bytes: 90 << 20, ..machine.clone() },
        ] {
            assert!(machine.difference(&other).is_some(), "{other:?}");
        }
    }
}
