//! What the parts beside the watchers use, once a second, from `/proc` (proc(5)), and what servers tell of themselves.

mod told;

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use shakedown_model::Offset;
use shakedown_model::manifest::PartSample;
use shakedown_topology::{Part, PartConnections, PartPlace, Usage};

use self::told::Metrics;
pub(crate) use self::told::Told;
use crate::machine;

/// A clock tick of `/proc` (USER_HZ is 100 on every Linux that matters).
const TICKS_PER_SECOND: f64 = 100.0;
/// `TCP_ESTABLISHED` in `/proc/net/tcp`.
const ESTABLISHED: &str = "01";

/// Measures what each part used between two samples.
#[derive(Debug, Default)]
pub(crate) struct PartSampler {
    last: BTreeMap<String, Last>,
}

#[derive(Debug)]
struct Last {
    at: Offset,
    /// Processor time by process or thread, so that one that ended takes nothing from the rest.
    ticks: BTreeMap<u32, u64>,
}

/// What a part holds at one instant.
#[derive(Debug, Default)]
struct Holds {
    ticks: BTreeMap<u32, u64>,
    threads: u32,
    rss_bytes: Option<u64>,
}

impl PartSampler {
    /// One sample of every part that was there at the last call, too: the first sample of a part has no past. A part
    /// elsewhere has no sample of its own: see [`with_told`].
    ///
    /// Reads many small files, so it belongs on a thread that may wait.
    pub(crate) fn sample(&mut self, at: Offset, parts: Vec<Part>) -> Vec<PartSample> {
        let mut samples = Vec::new();
        let mut next = BTreeMap::new();
        let mut processes = None;
        let mut sockets = None;
        for part in parts {
            let holds = match &part.place {
                PartPlace::Threads(prefix) => own_threads(prefix),
                PartPlace::Group(group) => of_group(*group, processes.get_or_insert_with(machine::processes)),
                PartPlace::Told(usage) => told(usage.now()),
                PartPlace::Elsewhere => continue,
            };
            let connections = match part.connections {
                PartConnections::Known(count) => Some(count),
                PartConnections::At(at) => {
                    let established = sockets.get_or_insert_with(|| {
                        established_by_port("/proc/net", |ip| ip == IpAddr::V4(Ipv4Addr::LOCALHOST))
                    });
                    Some(at.iter().filter_map(|address| established.get(&address.port())).sum())
                }
                PartConnections::In(process, ports) => {
                    let established = established_by_port(&format!("/proc/{process}/net"), |_| true);
                    Some(ports.iter().filter_map(|port| established.get(port)).sum())
                }
                PartConnections::Unknown => None,
            };
            if let Some(last) = self.last.get(&part.name) {
                samples.push(PartSample {
                    at,
                    part: part.name.clone(),
                    cpu_cores: cores(last, &holds.ticks, at),
                    rss_bytes: holds.rss_bytes,
                    threads: holds.threads,
                    connections,
                    metrics: BTreeMap::new(),
                });
            }
            next.insert(part.name, Last { at, ticks: holds.ticks });
        }
        self.last = next;
        samples
    }
}

/// Samples with what their parts told; a part that is known by its telling alone gets a sample of that.
pub(crate) fn with_told(
    at: Offset,
    samples: Vec<PartSample>,
    mut told: BTreeMap<String, Metrics>,
) -> Vec<PartSample> {
    let mut samples: Vec<PartSample> = samples
        .into_iter()
        .map(|sample| PartSample { metrics: told.remove(&sample.part).unwrap_or_default(), ..sample })
        .collect();
    samples.extend(told.into_iter().filter_map(|(part, metrics)| {
        let cpu_cores = *metrics.get("cpu-cores")?;
        let figure = |name: &str| metrics.get(name).copied().unwrap_or(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of threads")]
        let threads = figure("threads") as u32;
        Some(PartSample { at, part, cpu_cores, rss_bytes: None, threads, connections: None, metrics })
    }));
    samples
}

fn cores(last: &Last, ticks: &BTreeMap<u32, u64>, at: Offset) -> f64 {
    let used: u64 =
        ticks.iter().map(|(id, ticks)| ticks.saturating_sub(last.ticks.get(id).copied().unwrap_or(0))).sum();
    let seconds = at.since(last.at).as_secs_f64().max(1e-3);
    #[expect(clippy::cast_precision_loss, reason = "ticks of one second are few")]
    let used = used as f64;
    used / TICKS_PER_SECOND / seconds
}

/// The threads of this process whose names begin with `prefix`; memory cannot be told apart.
fn own_threads(prefix: &str) -> Holds {
    let mut holds = Holds::default();
    for id in machine::numbered("/proc/self/task") {
        if let Some(stat) = machine::Stat::read(&format!("/proc/self/task/{id}/stat"))
            && stat.name.starts_with(prefix)
        {
            holds.threads += 1;
            holds.ticks.insert(id, stat.ticks);
        }
    }
    holds
}

/// What an engine tells of a container, in the ticks of `/proc`.
fn told(usage: Usage) -> Holds {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ticks of a run fit")]
    let ticks = (usage.cpu.as_secs_f64() * TICKS_PER_SECOND) as u64;
    Holds { ticks: BTreeMap::from([(0, ticks)]), threads: usage.threads, rss_bytes: usage.rss_bytes }
}

fn of_group(group: u32, processes: &[machine::Stat]) -> Holds {
    let mut holds = Holds { rss_bytes: Some(0), ..Holds::default() };
    for process in processes.iter().filter(|process| process.group == group) {
        holds.threads += process.threads;
        holds.ticks.insert(process.id, process.ticks);
        holds.rss_bytes = holds.rss_bytes.map(|bytes| bytes + machine::resident_bytes_of(process.id));
    }
    holds
}

/// How many connections are established at each port of these addresses, as the side that listens sees it, by the tables
/// of a network.
fn established_by_port(network: &str, is_meant: impl Fn(IpAddr) -> bool) -> BTreeMap<u16, u64> {
    let mut counts = BTreeMap::new();
    for table in ["tcp", "tcp6"] {
        let text = fs::read_to_string(format!("{network}/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            if let Some(local) = established_at(line)
                && is_meant(local.ip())
            {
                *counts.entry(local.port()).or_default() += 1;
            }
        }
    }
    counts
}

/// The local address of an established connection's line; an IPv4 address inside an IPv6 one is that IPv4 address.
fn established_at(line: &str) -> Option<SocketAddr> {
    let mut fields = line.split_whitespace().skip(1);
    let (address, port) = fields.next()?.split_once(':')?;
    if fields.nth(1)? != ESTABLISHED {
        return None;
    }
    let port = u16::from_str_radix(port, 16).ok()?;
    // The kernel prints each group of four bytes as one number of this machine's byte order.
    let last = address.get(address.len().checked_sub(8)?..)?;
    let bytes = u32::from_str_radix(last, 16).ok()?.to_ne_bytes();
    Some(SocketAddr::from((bytes, port)))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use super::*;

    fn part(place: PartPlace, connections: PartConnections) -> Part {
        Part { name: "part".into(), place, connections, tells_at: None }
    }

    #[test]
    fn a_part_elsewhere_is_known_by_what_it_tells_and_others_keep_their_own_samples() {
        let metrics = |cpu: f64| BTreeMap::from([("cpu-cores".into(), cpu), ("threads".into(), 7.0)]);
        let own = PartSample {
            at: Offset::ZERO,
            part: "near".into(),
            cpu_cores: 2.0,
            rss_bytes: Some(9),
            threads: 3,
            connections: Some(1),
            metrics: BTreeMap::new(),
        };
        let told = BTreeMap::from([
            ("far".to_owned(), metrics(0.5)),
            ("mute".to_owned(), BTreeMap::new()),
            ("near".to_owned(), metrics(1.9)),
        ]);
        let samples = with_told(Offset::ZERO, vec![own.clone()], told);
        assert_eq!(samples[0], PartSample { metrics: metrics(1.9), ..own });
        assert_eq!((samples[1].part.as_str(), samples[1].cpu_cores, samples[1].threads), ("far", 0.5, 7));
        assert_eq!(samples.len(), 2);
    }

    #[test]
    fn a_line_names_the_local_address_of_an_established_connection_only() {
        let line = "   4: 0100007F:3A98 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0 0 1";
        assert_eq!(established_at(line), Some("127.0.0.1:15000".parse().unwrap()));
        assert_eq!(established_at(&line.replace(" 01 ", " 06 ")), None);
        let mapped = line.replace("0100007F:3A98", "0000000000000000FFFF00000100007F:3A98");
        assert_eq!(established_at(&mapped), Some("127.0.0.1:15000".parse().unwrap()));
        assert_eq!(established_at("sl local_address"), None);
    }

    #[test]
    fn connections_of_a_port_are_counted_at_the_side_that_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _clients = [TcpStream::connect(address).unwrap(), TcpStream::connect(address).unwrap()];
        let mut sampler = PartSampler::default();
        let own = std::process::id();
        let parts = || vec![part(PartPlace::Group(own), PartConnections::At(vec![address]))];
        assert!(sampler.sample(Offset::ZERO, parts()).is_empty(), "the first has no past");
        let samples = sampler.sample(Offset::ZERO + Duration::from_secs(1), parts());
        assert_eq!(samples[0].connections, Some(2));
    }

    #[test]
    fn a_busy_thread_is_found_by_its_name() {
        let (done, ended) = mpsc::channel::<()>();
        let spin = move || while ended.try_recv() == Err(mpsc::TryRecvError::Empty) {};
        let thread = std::thread::Builder::new().name("part-test-0".into()).spawn(spin).unwrap();
        let mut sampler = PartSampler::default();
        let parts = || vec![part(PartPlace::Threads("part-test".into()), PartConnections::Known(7))];
        let began = Instant::now();
        // Until it has used some of the processor's time, however busy the machine is.
        let sample = loop {
            let at = Offset::ZERO + began.elapsed();
            match sampler.sample(at, parts()).pop() {
                Some(sample) if sample.cpu_cores > 0.0 => break sample,
                _ => assert!(began.elapsed() < Duration::from_secs(30), "no processor time in 30 s"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        drop(done);
        thread.join().unwrap();
        assert_eq!((sample.threads, sample.rss_bytes, sample.connections), (1, None, Some(7)));
    }
}
