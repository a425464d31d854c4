//! Limits and facts of the kernel: files, ports, connection tracking, memory, processors, clock.

use std::fs;

use rustix::process::{Resource, getrlimit};
use shakedown_model::needs::Needs;

use super::finding::Finding;

/// What 4,500 watchers behind embedded proxies take, the largest run that one process is meant for.
const FILES_OF_A_LARGE_RUN: u64 = 20_000;
/// Past this many connections between one pair of addresses `connect` slows down by an order of magnitude.
const CONNECTIONS_PER_PAIR: u64 = 12_000;
/// A fuller table of tracked connections may drop new ones within a run.
const CONNTRACK_SHARE: u64 = 70;
/// A generous estimate of memory: what the process takes without watchers, and per watcher.
const MEMORY_BASE: u64 = 256 << 20;
const MEMORY_PER_CONNECTION: u64 = 160 << 10;

/// Everything, with a scenario's needs if there is one.
pub(super) fn findings(needs: Option<&Needs>) -> Vec<Finding> {
    vec![
        files(needs, getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)),
        ports(needs, read("/proc/sys/net/ipv4/ip_local_port_range").as_deref()),
        conntrack(
            needs,
            number("/proc/sys/net/netfilter/nf_conntrack_count"),
            number("/proc/sys/net/netfilter/nf_conntrack_max"),
        ),
        memory(needs, available_memory(read("/proc/meminfo").as_deref())),
        cores(std::thread::available_parallelism().map_or(0, std::num::NonZero::get)),
        clock(read("/sys/devices/system/clocksource/clocksource0/current_clocksource").as_deref()),
    ]
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn number(path: &str) -> Option<u64> {
    read(path)?.parse().ok()
}

/// The hard limit counts: a run raises its own soft limit to it.
fn files(needs: Option<&Needs>, limit: u64) -> Finding {
    const NAME: &str = "open files";
    let shown = if limit == u64::MAX { "unlimited".to_owned() } else { limit.to_string() };
    let raise =
        |to: u64| format!("raise the hard limit: `ulimit -Hn {to}` as root, or LimitNOFILE of the service");
    match needs.map(Needs::open_files) {
        Some(needed) if needed > limit => Finding::fail(
            NAME,
            format!("{shown}, and the scenario needs {needed}"),
            format!(
                "{}; or lower the watchers' counts, or put proxies or servers into processes of their own",
                raise(needed)
            ),
        ),
        Some(needed) => Finding::ok(NAME, format!("{shown}, and the scenario needs {needed}")),
        None if limit < FILES_OF_A_LARGE_RUN => Finding::warn(
            NAME,
            format!("{shown}; 4,500 watchers behind embedded proxies take about {FILES_OF_A_LARGE_RUN}"),
            raise(FILES_OF_A_LARGE_RUN),
        ),
        None => Finding::ok(NAME, shown),
    }
}

fn ports(needs: Option<&Needs>, range: Option<&str>) -> Finding {
    const NAME: &str = "ports";
    let bounds = range.and_then(|range| {
        let mut bounds = range.split_whitespace().map(str::parse::<u64>);
        Some((bounds.next()?.ok()?, bounds.next()?.ok()?))
    });
    let Some((low, high)) = bounds else {
        return Finding::warn(
            NAME,
            "the range of source ports cannot be read",
            "look at net.ipv4.ip_local_port_range",
        );
    };
    let ports = (high + 1).saturating_sub(low);
    let found = format!("{ports} source ports ({low} to {high})");
    let widen = "set net.ipv4.ip_local_port_range to `32768 60999`";
    match needs.map(|needs| needs.from_one_source) {
        Some(needed) if needed > ports => Finding::fail(
            NAME,
            format!("{found}, and the scenario has {needed} connections from one address"),
            format!("{widen} or wider, or give the groups a `source` of their own"),
        ),
        _ if low < 31_000 => Finding::warn(
            NAME,
            format!("{found}; a run listens between 15000 and 31000, where a client's own port may then lie"),
            widen,
        ),
        Some(needed) if needed > CONNECTIONS_PER_PAIR => Finding::warn(
            NAME,
            format!(
                "{found}; past {CONNECTIONS_PER_PAIR} connections from one address `connect` may slow down"
            ),
            "give the groups a `source` of their own",
        ),
        _ if ports < CONNECTIONS_PER_PAIR => Finding::warn(NAME, found, widen),
        _ => Finding::ok(NAME, found),
    }
}

fn conntrack(needs: Option<&Needs>, count: Option<u64>, max: Option<u64>) -> Finding {
    const NAME: &str = "conntrack";
    let (Some(count), Some(max)) = (count, max) else {
        return Finding::ok(NAME, "connections are not tracked, or it cannot be seen");
    };
    // Both sides of every proxied connection are tracked, on loopback too.
    let wanted = count + needs.map_or(0, |needs| 2 * needs.connections);
    let share = 100 * wanted / max.max(1);
    let found = match needs {
        Some(_) => format!("{count} of {max} tracked, {wanted} with the scenario's own ({share} %)"),
        None => format!("{count} of {max} tracked ({share} %)"),
    };
    if share > CONNTRACK_SHARE {
        let change = format!("raise net.netfilter.nf_conntrack_max to {} or more", wanted * 2);
        return Finding::fail(NAME, found, change);
    }
    Finding::ok(NAME, found)
}

/// What the kernel says can be had without swapping, in bytes.
fn available_memory(meminfo: Option<&str>) -> Option<u64> {
    let line = meminfo?.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

fn memory(needs: Option<&Needs>, available: Option<u64>) -> Finding {
    const NAME: &str = "memory";
    let Some(available) = available else {
        return Finding::warn(NAME, "it cannot be seen how much is available", "look at /proc/meminfo");
    };
    let needed = MEMORY_BASE + needs.map_or(4_500, |needs| needs.connections) * MEMORY_PER_CONNECTION;
    let whose = if needs.is_some() { "the scenario" } else { "4,500 watchers" };
    let found = format!("{} MiB available; {whose} may take {} MiB", available >> 20, needed >> 20);
    match needs {
        Some(_) if available < needed => {
            Finding::fail(NAME, found, "end what takes memory, or lower the watchers' counts")
        }
        None if available < needed => Finding::warn(NAME, found, "end what takes memory before a large run"),
        _ => Finding::ok(NAME, found),
    }
}

fn cores(cores: usize) -> Finding {
    const NAME: &str = "cores";
    let found = format!("{cores} that this process may use");
    if cores < 2 {
        let change =
            "give it two: with one, servers, proxies and watchers wait for each other, and runs are invalid";
        return Finding::warn(NAME, found, change);
    }
    Finding::ok(NAME, found)
}

fn clock(source: Option<&str>) -> Finding {
    const NAME: &str = "clock";
    match source {
        Some(source @ ("hpet" | "acpi_pm" | "jiffies" | "refined-jiffies")) => Finding::warn(
            NAME,
            format!("{source}: every look at it is slow or coarse"),
            "use tsc or the hypervisor's clock (see available_clocksource beside it)",
        ),
        Some(source) => Finding::ok(NAME, source),
        None => Finding::ok(NAME, "its source cannot be seen"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn needs(connections: u64) -> Needs {
        Needs {
            connections,
            from_one_source: connections,
            harness_files: 4 * connections,
            ..Needs::default()
        }
    }

    #[test]
    fn too_few_files_fail_a_scenario_and_warn_without_one() {
        assert_eq!(files(Some(&needs(1000)), 3999).level, Level::Fail);
        assert_eq!(files(Some(&needs(1000)), 4000).level, Level::Ok);
        assert_eq!(files(None, 4096).level, Level::Warn);
        assert_eq!(files(None, u64::MAX).level, Level::Ok);
    }

    #[test]
    fn ports_are_counted_and_kept_apart_from_listeners() {
        assert_eq!(ports(None, Some("32768\t60999")).level, Level::Ok);
        assert_eq!(ports(None, Some("1024 65535")).level, Level::Warn);
        assert_eq!(ports(Some(&needs(40_000)), Some("32768\t60999")).level, Level::Fail);
        assert_eq!(ports(Some(&needs(13_000)), Some("32768\t60999")).level, Level::Warn);
        assert_eq!(ports(None, Some("nonsense")).level, Level::Warn);
        let spread = Needs { from_one_source: 12_000, ..needs(50_000) };
        assert_eq!(ports(Some(&spread), Some("32768\t60999")).level, Level::Ok, "ports belong to addresses");
    }

    #[test]
    fn a_nearly_full_table_of_connections_fails() {
        assert_eq!(conntrack(None, Some(100), Some(1000)).level, Level::Ok);
        assert_eq!(conntrack(None, Some(720), Some(1000)).level, Level::Fail);
        assert_eq!(conntrack(Some(&needs(350)), Some(100), Some(1000)).level, Level::Fail);
        assert_eq!(conntrack(None, None, None).level, Level::Ok);
    }

    #[test]
    fn memory_cores_and_clock() {
        let text = "MemTotal: 9 kB\nMemAvailable:    2048000 kB\n";
        assert_eq!(available_memory(Some(text)), Some(2_048_000 * 1024));
        assert_eq!(memory(Some(&needs(10_000)), Some(1 << 30)).level, Level::Fail);
        assert_eq!(memory(None, Some(8 << 30)).level, Level::Ok);
        assert_eq!((cores(1).level, cores(2).level), (Level::Warn, Level::Ok));
        assert_eq!((clock(Some("hpet")).level, clock(Some("tsc")).level), (Level::Warn, Level::Ok));
    }
}
