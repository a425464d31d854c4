//! Facts about this machine and this process, from `/proc`.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shakedown_model::manifest::Machine;

/// The machine that the run is made on.
pub(crate) fn describe() -> Machine {
    let cpus = std::thread::available_parallelism().map_or(0, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
    Machine {
        cpus,
        cpu_model: value_of("/proc/cpuinfo", "model name").unwrap_or_default(),
        memory_bytes: kilobytes("/proc/meminfo", "MemTotal").unwrap_or(0),
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
        open_files: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
    }
}

/// Raises this process' soft limit of open files to the hard one, and gives the limit that then holds.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum && setrlimit(Resource::Nofile, raised).is_err() {
        return limit.current.unwrap_or(u64::MAX);
    }
    limit.maximum.unwrap_or(u64::MAX)
}

/// Resident memory of this process in bytes.
pub(crate) fn resident_bytes() -> u64 {
    kilobytes("/proc/self/status", "VmRSS").unwrap_or(0)
}

/// Resident memory of a process in bytes; 0 when it is gone.
pub(crate) fn resident_bytes_of(process: u32) -> u64 {
    kilobytes(&format!("/proc/{process}/status"), "VmRSS").unwrap_or(0)
}

/// Open files of this process.
pub(crate) fn open_files() -> u64 {
    fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64)
}

/// Processor time of this process so far, in clock ticks of 10 ms.
pub(crate) fn own_cpu_ticks() -> u64 {
    Stat::read("/proc/self/stat").map_or(0, |stat| stat.ticks)
}

/// A process or a thread as its `stat` file has it (proc(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Its id.
    pub(crate) id: u32,
    /// Its name, cut after 15 bytes by the kernel.
    pub(crate) name: String,
    /// Its process group.
    pub(crate) group: u32,
    /// Processor time so far (`utime + stime`), in clock ticks of 10 ms.
    pub(crate) ticks: u64,
    /// Threads of the process.
    pub(crate) threads: u32,
}

impl Stat {
    /// Reads one; `None` when it is gone.
    pub(crate) fn read(path: &str) -> Option<Self> {
        Self::parse(&fs::read_to_string(path).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // The second field is the command in parentheses and may hold blanks and parentheses; the fields after it are
        // numbered from 3.
        let (id, rest) = text.split_once(" (")?;
        let (name, after) = rest.rsplit_once(')')?;
        let fields: Vec<&str> = after.split_whitespace().collect();
        let number = |n: usize| fields.get(n - 3)?.parse::<u64>().ok();
        Some(Self {
            id: id.parse().ok()?,
            name: name.to_owned(),
            group: u32::try_from(number(5)?).ok()?,
            ticks: number(14)? + number(15)?,
            threads: u32::try_from(number(20)?).ok()?,
        })
    }
}

/// Every process of this machine.
pub(crate) fn processes() -> Vec<Stat> {
    numbered("/proc").filter_map(|id| Stat::read(&format!("/proc/{id}/stat"))).collect()
}

/// The entries of a folder whose names are numbers.
pub(crate) fn numbered(folder: &str) -> impl Iterator<Item = u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// (stolen, all) processor time of the machine so far, in clock ticks.
pub(crate) fn machine_cpu_ticks() -> (u64, u64) {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let times: Vec<u64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .take(8)
        .map(|text| text.parse().unwrap_or(0))
        .collect();
    (times.get(7).copied().unwrap_or(0), times.iter().sum())
}

/// Connections that the kernel dropped because a listener's queue was full, since boot.
pub(crate) fn listen_overflows() -> u64 {
    net_count("ListenOverflows").unwrap_or(0)
}

fn net_count(wanted: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/net/netstat").ok()?;
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let names = lines.next()?;
    let values = lines.next()?;
    let column = names.split_whitespace().position(|name| name == wanted)?;
    values.split_whitespace().nth(column)?.parse().ok()
}

fn value_of(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    })
}

fn kilobytes(path: &str, key: &str) -> Option<u64> {
    let value = value_of(path, key)?;
    let number: u64 = value.split_whitespace().next()?.parse().ok()?;
    Some(number * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_files_and_processor_time() {
        assert!(resident_bytes() > 1_000_000);
        assert!(open_files() > 2);
        let (stolen, all) = machine_cpu_ticks();
        assert!(all > 0 && stolen <= all);
        assert!(describe().memory_bytes > 1_000_000);
        assert!(net_count("ListenOverflows").is_some());
    }

    #[test]
    fn a_stat_file_is_read_whatever_the_command_is_called() {
        let text = "42 (a) b (c) S 1 40 40 0 -1 4194560 9 0 0 0 17 4 0 0 20 0 3 0 100 1 2 3";
        let stat = Stat { id: 42, name: "a) b (c".into(), group: 40, ticks: 21, threads: 3 };
        assert_eq!(Stat::parse(text), Some(stat));
        assert_eq!(Stat::parse("42 (cut short"), None);
        let own = std::process::id();
        assert!(processes().iter().any(|process| process.id == own && process.threads > 0));
    }
}
