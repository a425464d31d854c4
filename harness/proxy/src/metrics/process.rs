//! This process in numbers, from Linux' `/proc` (proc(5)); what cannot be read is left out.

use std::fs;

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// A number of the process, by the name that Prometheus' clients use.
pub(super) struct Number {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) help: &'static str,
    pub(super) value: f64,
}

/// The kernel tells times of a process in hundredths of a second, whatever its own tick.
const TICKS_PER_SEC: f64 = 100.0;

/// All numbers that can be read.
pub(super) fn read() -> Vec<Number> {
    let number = |name, kind, help, value: Option<f64>| value.map(|value| Number { name, kind, help, value });
    [
        number("process_cpu_seconds_total", "counter", "CPU time in seconds.", Some(cpu())),
        number("process_max_fds", "gauge", "Files that may be open.", limit(Resource::Nofile)),
        number("process_open_fds", "gauge", "Files that are open.", open_files()),
        number("process_resident_memory_bytes", "gauge", "Resident memory.", memory("VmRSS:")),
        number("process_start_time_seconds", "gauge", "Start, in seconds since 1970.", started()),
        number("process_virtual_memory_bytes", "gauge", "Virtual memory.", memory("VmSize:")),
        number(
            "process_virtual_memory_max_bytes",
            "gauge",
            "Virtual memory that may be had.",
            limit(Resource::As),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    float(time.tv_sec) + float(time.tv_nsec) / 1e9
}

/// No limit is told as the largest number, as Prometheus' clients do.
fn limit(resource: Resource) -> Option<f64> {
    let most = getrlimit(resource).current.unwrap_or(u64::MAX);
    most.to_string().parse().ok()
}

fn open_files() -> Option<f64> {
    let files = fs::read_dir("/proc/self/fd").ok()?.count();
    u32::try_from(files).ok().map(f64::from)
}

fn memory(field: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix(field))?
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .ok()?;
    Some(kib * 1024.0)
}

fn started() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name may hold spaces; after its bracket come field 3 and the rest, of which 22 is wanted.
    let ticks: f64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let system = fs::read_to_string("/proc/stat").ok()?;
    let boot: f64 = system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(boot + ticks / TICKS_PER_SEC)
}

#[expect(clippy::cast_precision_loss, reason = "seconds and nanoseconds of one process stay far below 2^53")]
const fn float(number: i64) -> f64 {
    number as f64
}
