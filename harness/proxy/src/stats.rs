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

/// Counts for one proxy and for the whole server at once.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    proxy: Arc<Counters>,
    total: Arc<Counters>,
}

impl Tally {
    fn each(&self, count: impl Fn(&Counters)) {
        count(&self.proxy);
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

    /// `direction` is 0 for upstream and 1 for downstream.
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
    proxies: Mutex<BTreeMap<String, Arc<Counters>>>,
}

impl StatsBook {
    /// The counters of all proxies together.
    pub(crate) fn total(&self) -> Arc<Counters> {
        Arc::clone(&self.total)
    }

    /// Begins counting for a new proxy; one of the same name before it is forgotten.
    pub(crate) fn add(&self, proxy: &str) -> Tally {
        let counters = Arc::new(Counters::default());
        self.lock().insert(proxy.to_owned(), Arc::clone(&counters));
        Tally { proxy: counters, total: self.total() }
    }

    /// Forgets a deleted proxy.
    pub(crate) fn remove(&self, proxy: &str) {
        self.lock().remove(proxy);
    }

    /// All counters now.
    pub(crate) fn read(&self) -> Stats {
        let proxies = self.lock().iter().map(|(name, counters)| (name.clone(), counters.read())).collect();
        Stats { total: self.total.read(), proxies }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Counters>>> {
        self.proxies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
