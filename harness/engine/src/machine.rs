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
pub(crate) fn raise_open_files() -> u64 {
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

/// Open files of this process.
pub(crate) fn open_files() -> u64 {
    fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64)
}

/// Processor time of this process so far, in clock ticks of 10 ms (`utime + stime`, proc(5)).
pub(crate) fn own_cpu_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the command in parentheses and may hold blanks; the fields after it are numbered from 3.
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = |n: usize| after.split_whitespace().nth(n - 3).and_then(|text| text.parse::<u64>().ok());
    field(14).unwrap_or(0) + field(15).unwrap_or(0)
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
pub(crate) fn listen_overflows() -> Option<u64> {
    let text = fs::read_to_string("/proc/net/netstat").ok()?;
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let names = lines.next()?;
    let values = lines.next()?;
    let column = names.split_whitespace().position(|name| name == "ListenOverflows")?;
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
        assert!(listen_overflows().is_some());
    }
}
