//! What the embedded proxy sees of connections, as `connections.jsonl`: where real clients and simulated ones are set side
//! by side.
//!
//! The tap runs on the proxy's thread: it looks a name up, hands a few words over a bounded queue, and never waits. A thread
//! of its own makes records of them. What the queue had no room for is counted, and told as a remark of the run.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Instant;

use shakedown_faults::proxies::ProxyAddress;
use shakedown_load::drivers::{self, SightSender};
use shakedown_model::WatcherId;
use shakedown_model::manifest::{Closer, ConnectionRecord};
use shakedown_model::plan::GroupSpec;
use shakedown_record::{Clock, RunDir};
use shakedown_topology::{Ender, Seen, Sight, Tap};

use crate::probe;

/// What may wait for the thread that writes.
const WAITING: usize = 65_536;

/// Something seen on the proxy at this place of the list of addresses.
#[derive(Debug, Clone, Copy)]
struct Told {
    place: usize,
    connection: u64,
    at: Instant,
    seen: Seen,
}

/// The tap of a run.
#[derive(Debug)]
pub(crate) struct ConnectionTap {
    /// By the proxies' names, once they are known; nothing is seen before.
    places: OnceLock<HashMap<String, usize>>,
    queue: SyncSender<Told>,
    dropped: AtomicU64,
}

impl Tap for ConnectionTap {
    fn see(&self, sight: &Sight<'_>) {
        let Some(place) = self.places.get().and_then(|places| places.get(sight.proxy)) else { return };
        let told = Told { place: *place, connection: sight.connection, at: sight.at, seen: sight.seen };
        if self.queue.try_send(told).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What the tap has told and nobody has written yet.
#[derive(Debug)]
pub(crate) struct Connections {
    tap: Arc<ConnectionTap>,
    told: Receiver<Told>,
}

impl Connections {
    /// A tap for the proxy, to be started with.
    pub(crate) fn new() -> Self {
        let (queue, told) = sync_channel(WAITING);
        let tap = ConnectionTap { places: OnceLock::new(), queue, dropped: AtomicU64::new(0) };
        Self { tap: Arc::new(tap), told }
    }

    pub(crate) fn tap(&self) -> Arc<dyn Tap> {
        Arc::clone(&self.tap) as _
    }

    /// Tells the tap which proxies there are.
    pub(crate) fn know(&self, addresses: &[ProxyAddress]) {
        let names = addresses.iter().map(|address| address.name.clone()).zip(0..).collect();
        if self.tap.places.set(names).is_err() {
            tracing::warn!("the tap was told of proxies twice");
        }
    }

    /// Begins to write, and to tell the holders of real clients.
    pub(crate) fn write(
        self,
        dir: &RunDir,
        clock: Clock,
        groups: &[GroupSpec],
        whose: (&Arc<[ProxyAddress]>, SightSender),
    ) -> std::io::Result<ConnectionLog> {
        let Self { tap, told } = self;
        let mut writer = Writer {
            dir: dir.clone(),
            clock,
            groups: groups.to_vec(),
            addresses: Arc::clone(whose.0),
            sights: whose.1,
            open: HashMap::new(),
            lost: 0,
        };
        let (stop, stopped) = sync_channel(1);
        let work = move || {
            loop {
                match told.recv_timeout(LOOK_PERIOD) {
                    Ok(told) => writer.take(told),
                    Err(_) if stopped.try_recv().is_ok() => return writer.finish(),
                    Err(_) => {}
                }
            }
        };
        let thread = std::thread::Builder::new().name("connections".to_owned()).spawn(work)?;
        Ok(ConnectionLog { tap, stop, thread })
    }
}

/// The stop is looked for this often, when nothing is told.
const LOOK_PERIOD: std::time::Duration = std::time::Duration::from_millis(100);

/// The thread that writes what the tap tells.
#[derive(Debug)]
pub(crate) struct ConnectionLog {
    tap: Arc<ConnectionTap>,
    stop: SyncSender<()>,
    thread: JoinHandle<u64>,
}

impl ConnectionLog {
    /// Writes what is told and what is still open, and says what went wrong.
    pub(crate) fn finish(self) -> Option<String> {
        if self.stop.send(()).is_err() {
            tracing::debug!("the thread that writes connections had ended");
        }
        let unwritten = self.thread.join().unwrap_or(u64::MAX);
        let lost = self.tap.dropped.load(Ordering::Relaxed).saturating_add(unwritten);
        (lost > 0).then(|| {
            format!("{lost} sights of connections are not in connections.jsonl, so that comparisons of real clients have holes")
        })
    }
}

/// Makes records of what is told.
struct Writer {
    dir: RunDir,
    clock: Clock,
    groups: Vec<GroupSpec>,
    addresses: Arc<[ProxyAddress]>,
    sights: SightSender,
    open: HashMap<(usize, u64), ConnectionRecord>,
    lost: u64,
}

impl Writer {
    fn take(&mut self, told: Told) {
        let at = self.clock.offset_of(told.at.into());
        let key = (told.place, told.connection);
        match told.seen {
            // A canary is no client.
            Seen::Accepted { from: Some(from) } if from.ip() == IpAddr::V4(probe::SOURCE) => {}
            Seen::Accepted { from } => {
                let address = &self.addresses[told.place];
                let record = ConnectionRecord {
                    group: address.group,
                    watcher: address.watcher.or_else(|| self.by_source(address, from?.ip())),
                    node: address.node,
                    protocol: address.protocol,
                    opened: at,
                    answered: None,
                    closed: None,
                    closed_by: Closer::Nobody,
                    up_bytes: 0,
                    down_bytes: 0,
                };
                self.open.insert(key, record);
                self.tell(&record, told, drivers::Seen::Opened);
            }
            Seen::Answered => {
                if let Some(record) = self.open.get_mut(&key) {
                    record.answered = Some(at);
                    let record = *record;
                    self.tell(&record, told, drivers::Seen::Answered);
                }
            }
            Seen::Ended { by, up_bytes, down_bytes } => {
                if let Some(record) = self.open.remove(&key) {
                    let closed_by = match by {
                        Ender::Client => Closer::Client,
                        Ender::Upstream => Closer::Server,
                        Ender::Proxy => Closer::Proxy,
                    };
                    self.tell(&record, told, drivers::Seen::Ended(closed_by));
                    self.append(&ConnectionRecord {
                        closed: Some(at),
                        closed_by,
                        up_bytes,
                        down_bytes,
                        ..record
                    });
                }
            }
        }
    }

    /// The watcher that connects from an address of its own.
    fn by_source(&self, address: &ProxyAddress, from: IpAddr) -> Option<WatcherId> {
        match from {
            IpAddr::V4(from) => self.groups[address.group.index()].watcher_at(from),
            IpAddr::V6(_) => None,
        }
    }

    /// Tells the holder of a real client, in whose history it becomes losses and attempts.
    fn tell(&self, record: &ConnectionRecord, told: Told, seen: drivers::Seen) {
        let client = &self.groups[record.group.index()].client;
        if let Some(watcher) = record.watcher.filter(|_| client.protocol == record.protocol) {
            let (node, connection, at) = (record.node, told.connection, told.at.into());
            self.sights.tell(drivers::Sight { watcher, node, connection, at, seen });
        }
    }

    fn append(&mut self, record: &ConnectionRecord) {
        if let Err(error) = self.dir.append_connection(record) {
            tracing::warn!(%error, "a connection is not written");
            self.lost += 1;
        }
    }

    /// Writes what is still open; how many records could not be written.
    fn finish(mut self) -> u64 {
        let mut open: Vec<_> = std::mem::take(&mut self.open).into_values().collect();
        open.sort_by_key(|record| record.opened);
        for record in &open {
            self.append(record);
        }
        self.lost
    }
}

#[cfg(test)]
mod tests;
