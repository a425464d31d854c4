//! One proxy's part on one shard: its toxics and its connections.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use shakedown_model::Seed;
use tokio::sync::Notify;

use super::Shard;
use super::connection::Connection;
use crate::clock::Moment;
use crate::stats::Tally;
use crate::tap::Ender;
use crate::toxics::{Stream, ToxicSet};

/// Connections that are changed before the clock is looked at.
const AT_ONCE: usize = 16;
/// How long connections are changed before others of the shard get their turn: a reset takes some 12 µs, and the traffic
/// of other proxies must not wait for thousands.
const TURN: Duration = Duration::from_micros(100);

/// Which running proxy: a proxy that stops and starts again is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId(pub(crate) u64);

/// What a shard must know of a proxy.
#[derive(Debug, Clone)]
pub(crate) struct LinkSpec {
    pub(crate) id: LinkId,
    pub(crate) name: String,
    /// `host:port`, resolved for each connection.
    pub(crate) upstream: String,
    /// The address that upstream connections come from.
    pub(crate) source: Option<IpAddr>,
    /// Whether HTTP on its connections is followed from their first byte.
    pub(crate) follow: bool,
    pub(crate) toxics: Arc<ToxicSet>,
    /// The proxy's own seed; connection n draws from its nth child.
    pub(crate) seed: Seed,
    /// Connections accepted so far: numbers go on when the proxy is disabled and enabled again.
    pub(crate) accepted: Arc<AtomicU64>,
    pub(crate) tally: Tally,
}

/// Wakes connections, in turn with what else the shard has to do.
pub(super) async fn wake_in_turn(connections: Vec<Rc<Connection>>) {
    for some in connections.chunks(AT_ONCE) {
        some.iter().for_each(|connection| connection.wake());
        tokio::task::yield_now().await;
    }
}

/// A proxy on this shard.
pub(super) struct Link {
    pub(super) spec: LinkSpec,
    toxics: RefCell<Arc<ToxicSet>>,
    connections: RefCell<BTreeMap<u64, Rc<Connection>>>,
    is_closing: Cell<bool>,
    emptied: Notify,
    /// Tells the accept task to end, and that it did.
    pub(super) accepting: Cell<bool>,
    pub(super) stop_accepting: Notify,
    pub(super) stopped_accepting: Notify,
}

impl Link {
    pub(super) fn new(spec: LinkSpec) -> Self {
        Self {
            toxics: RefCell::new(Arc::clone(&spec.toxics)),
            spec,
            connections: RefCell::default(),
            is_closing: Cell::new(false),
            emptied: Notify::new(),
            accepting: Cell::new(false),
            stop_accepting: Notify::new(),
            stopped_accepting: Notify::new(),
        }
    }

    pub(super) fn toxics(&self) -> Arc<ToxicSet> {
        Arc::clone(&self.toxics.borrow())
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.get()
    }

    pub(super) fn add(&self, connection: &Rc<Connection>) {
        self.connections.borrow_mut().insert(connection.number(), Rc::clone(connection));
    }

    pub(super) fn remove(&self, number: u64) {
        let mut connections = self.connections.borrow_mut();
        connections.remove(&number);
        if connections.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// Puts other toxics in force. When it returns they hold on every connection of this shard; those that it returns
    /// have something left to do about it, such as to close two sockets after a reset.
    pub(super) async fn set_toxics(&self, toxics: Arc<ToxicSet>, shard: &Shard) -> Vec<Rc<Connection>> {
        self.toxics.replace(Arc::clone(&toxics));
        let woken = RefCell::new(Vec::new());
        self.each(|connection| {
            if connection.adopt(&toxics, shard) {
                woken.borrow_mut().push(Rc::clone(connection));
            }
        })
        .await;
        woken.take()
    }

    /// Closes every connection and returns when their sockets are gone.
    pub(super) async fn close(&self) {
        self.is_closing.set(true);
        loop {
            let emptied = self.emptied.notified();
            if self.connections.borrow().is_empty() {
                return;
            }
            self.each(|connection| connection.close()).await;
            emptied.await;
        }
    }

    /// Does something with every connection, in turn with what else the shard has to do.
    async fn each(&self, change: impl Fn(&Rc<Connection>)) {
        let (mut from, mut since) = (0, Moment::now());
        loop {
            let some: Vec<_> =
                self.connections.borrow().range(from..).take(AT_ONCE).map(|(_, c)| Rc::clone(c)).collect();
            some.iter().for_each(&change);
            match some.last() {
                Some(last) if some.len() == AT_ONCE => from = last.number() + 1,
                _ => return,
            }
            if Moment::now() >= since + TURN {
                tokio::task::yield_now().await;
                since = Moment::now();
            }
        }
    }

    /// Returns when the listener is closed.
    pub(super) async fn stop_accepting(&self) {
        while self.accepting.get() {
            let stopped = self.stopped_accepting.notified();
            self.stop_accepting.notify_one();
            stopped.await;
        }
    }

    /// Closes held connections without an upstream whose client has left.
    pub(super) fn release_abandoned(&self) {
        if !self.toxics.borrow().can_hold(Stream::Up) {
            return;
        }
        let connections = self.connections.borrow();
        let held: Vec<_> =
            connections.values().filter(|c| !c.has_upstream() && c.holds(Stream::Up)).collect();
        for connection in left(&held) {
            connection.tell_ended(Ender::Client);
            connection.close();
        }
    }

    /// Tells the tap of connections whose client has left though nothing is read of them.
    pub(super) fn tell_of_leavers(&self) {
        if !self.toxics.borrow().can_hold(Stream::Up) {
            return;
        }
        let connections = self.connections.borrow();
        let held: Vec<_> = connections.values().filter(|connection| connection.may_leave_unseen()).collect();
        for connection in left(&held) {
            connection.tell_ended(Ender::Client);
        }
    }
}

/// Those of the connections whose client has left, in order or by a reset.
fn left<'a>(held: &[&'a Rc<Connection>]) -> Vec<&'a Rc<Connection>> {
    if held.is_empty() {
        return Vec::new();
    }
    let mut fds: Vec<_> = held.iter().map(|held| PollFd::new(held.client(), PollFlags::RDHUP)).collect();
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    if let Err(error) = poll(&mut fds, Some(&at_once)) {
        tracing::debug!(%error, "held connections could not be polled; they stay until the heal");
        return Vec::new();
    }
    let gone = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
    let gone = held.iter().zip(&fds).filter(|(_, fd)| fd.revents().intersects(gone));
    gone.map(|(connection, _)| *connection).collect()
}
