//! Counters of the data plane, for `GET /shakedown/stats` and for a harness that runs the proxy in process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// Counters since the server started, of one proxy or of all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ProxyStats {
    /// Connections that are open now.
    pub connections_open: u64,
    /// Connections that were accepted.
    pub connections_accepted: u64,
    /// Bytes read from clients, whether they were delivered or not.
    pub bytes_from_clients: u64,
    /// Bytes read from upstreams, whether they were delivered or not.
    pub bytes_from_upstreams: u64,
    /// Bytes written to upstreams.
    pub bytes_upstream: u64,
    /// Bytes written to clients.
    pub bytes_downstream: u64,
    /// Connections that the proxy reset, for whatever reason.
    pub resets: u64,
    /// Of them, those whose upstream could not be reached.
    pub upstream_failures: u64,
    /// Times that reading stopped because a direction's queue was full.
    pub backpressure_stops: u64,
    /// Times that `accept` failed (out of files, mostly).
    pub accept_failures: u64,
    /// Deadlines that the timers served.
    pub timer_fires: u64,
    /// Of them, those served more than 1 ms late.
    pub timer_fires_over_1ms_late: u64,
    /// The latest of them, in nanoseconds.
    pub timer_late_max_ns: u64,
}

/// Counters of all proxies together and of each that exists now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Stats {
    /// Everything since the start, proxies that were deleted included.
    pub total: ProxyStats,
    /// By proxy name; the timers count in `total` only.
    pub proxies: BTreeMap<String, ProxyStats>,
}

/// One live set of counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    connections_open: AtomicU64,
    connections_accepted: AtomicU64,
    taken: [AtomicU64; 2],
    bytes: [AtomicU64; 2],
    resets: AtomicU64,
    upstream_failures: AtomicU64,
    backpressure_stops: AtomicU64,
    accept_failures: AtomicU64,
    timer_fires: AtomicU64,
    timer_fires_over_1ms_late: AtomicU64,
    timer_late_max_ns: AtomicU64,
}

const LATE_NS: u64 = 1_000_000;

impl Counters {
    fn read(&self) -> ProxyStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProxyStats {
            connections_open: read(&self.connections_open),
            connections_accepted: read(&self.connections_accepted),
            bytes_from_clients: read(&self.taken[0]),
            bytes_from_upstreams: read(&self.taken[1]),
            bytes_upstream: read(&self.bytes[0]),
            bytes_downstream: read(&self.bytes[1]),
            resets: read(&self.resets),
            upstream_failures: read(&self.upstream_failures),
            backpressure_stops: read(&self.backpressure_stops),
            accept_failures: read(&self.accept_failures),
            timer_fires: read(&self.timer_fires),
            timer_fires_over_1ms_late: read(&self.timer_fires_over_1ms_late),
            timer_late_max_ns: read(&self.timer_late_max_ns),
        }
    }

    /// A timer served a deadline this late.
    pub(crate) fn timer_fired(&self, late_ns: u64) {
        self.timer_fires.fetch_add(1, Ordering::Relaxed);
        self.timer_late_max_ns.fetch_max(late_ns, Ordering::Relaxed);
        if late_ns > LATE_NS {
            self.timer_fires_over_1ms_late.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Which way bytes go that are counted for Prometheus: other addresses are another series.
#[derive(Debug, Clone, Default)]
struct Path {
    listen: String,
    upstream: String,
    /// What was counted before by other addresses.
    before: ProxyStats,
}

/// The bytes of one proxy by its present addresses.
pub(crate) struct PathBytes {
    pub(crate) proxy: String,
    pub(crate) listen: String,
    pub(crate) upstream: String,
    /// Read, by direction: upstream, downstream.
    pub(crate) received: [u64; 2],
    /// Written, by direction.
    pub(crate) sent: [u64; 2],
}

/// What is known of one proxy.
#[derive(Debug, Default)]
struct Entry {
    counters: Counters,
    path: Mutex<Path>,
}

impl Entry {
    fn path(&self) -> std::sync::MutexGuard<'_, Path> {
        self.path.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts for one proxy and for the whole server at once.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    proxy: Arc<Entry>,
    total: Arc<Counters>,
}

impl Tally {
    /// The proxy serves these addresses from now on.
    pub(crate) fn serves(&self, listen: &str, upstream: &str) {
        let mut path = self.proxy.path();
        if path.listen != listen || path.upstream != upstream {
            let before = self.proxy.counters.read();
            *path = Path { listen: listen.to_owned(), upstream: upstream.to_owned(), before };
        }
    }

    fn each(&self, count: impl Fn(&Counters)) {
        count(&self.proxy.counters);
        count(&self.total);
    }

    pub(crate) fn opened(&self) {
        self.each(|counters| {
            counters.connections_accepted.fetch_add(1, Ordering::Relaxed);
            counters.connections_open.fetch_add(1, Ordering::Relaxed);
        });
    }

    pub(crate) fn closed(&self) {
        self.each(|counters| {
            counters.connections_open.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// Bytes were read; `direction` is 0 for upstream and 1 for downstream.
    pub(crate) fn taken(&self, direction: usize, bytes: usize) {
        self.each(|counters| {
            counters.taken[direction].fetch_add(bytes as u64, Ordering::Relaxed);
        });
    }

    /// Bytes were written; `direction` is 0 for upstream and 1 for downstream.
    pub(crate) fn moved(&self, direction: usize, bytes: usize) {
        self.each(|counters| {
            counters.bytes[direction].fetch_add(bytes as u64, Ordering::Relaxed);
        });
    }

    pub(crate) fn reset(&self) {
        self.each(|counters| {
            counters.resets.fetch_add(1, Ordering::Relaxed);
        });
    }

    pub(crate) fn upstream_failed(&self) {
        self.each(|counters| {
            counters.upstream_failures.fetch_add(1, Ordering::Relaxed);
        });
    }

    pub(crate) fn backpressure(&self) {
        self.each(|counters| {
            counters.backpressure_stops.fetch_add(1, Ordering::Relaxed);
        });
    }

    pub(crate) fn accept_failed(&self) {
        self.each(|counters| {
            counters.accept_failures.fetch_add(1, Ordering::Relaxed);
        });
    }
}

/// Where all counters are found.
#[derive(Debug, Default)]
pub(crate) struct StatsBook {
    total: Arc<Counters>,
    proxies: Mutex<BTreeMap<String, Arc<Entry>>>,
}

impl StatsBook {
    /// The counters of all proxies together.
    pub(crate) fn total(&self) -> Arc<Counters> {
        Arc::clone(&self.total)
    }

    /// Begins counting for a new proxy; one of the same name before it is forgotten.
    pub(crate) fn add(&self, proxy: &str) -> Tally {
        let entry = Arc::new(Entry::default());
        self.lock().insert(proxy.to_owned(), Arc::clone(&entry));
        Tally { proxy: entry, total: self.total() }
    }

    /// Forgets a deleted proxy.
    pub(crate) fn remove(&self, proxy: &str) {
        self.lock().remove(proxy);
    }

    /// The bytes of every proxy that has served.
    pub(crate) fn paths(&self) -> Vec<PathBytes> {
        let proxies = self.lock();
        let served = proxies.iter().filter(|(_, entry)| !entry.path().listen.is_empty());
        let bytes = served.map(|(name, entry)| {
            let (path, now) = (entry.path().clone(), entry.counters.read());
            PathBytes {
                proxy: name.clone(),
                received: [
                    now.bytes_from_clients - path.before.bytes_from_clients,
                    now.bytes_from_upstreams - path.before.bytes_from_upstreams,
                ],
                sent: [
                    now.bytes_upstream - path.before.bytes_upstream,
                    now.bytes_downstream - path.before.bytes_downstream,
                ],
                listen: path.listen,
                upstream: path.upstream,
            }
        });
        bytes.collect()
    }

    /// All counters now.
    pub(crate) fn read(&self) -> Stats {
        let proxies = self.lock().iter().map(|(name, entry)| (name.clone(), entry.counters.read())).collect();
        Stats { total: self.total.read(), proxies }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Entry>>> {
        self.proxies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
