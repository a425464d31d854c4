//! A shard's one timer: a heap of deadlines over one timerfd, because tokio's wheel counts whole milliseconds.

use std::cell::{Cell, RefCell};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::connection::Connection;
use crate::clock::Moment;
use crate::stats::Counters;

struct Deadline {
    at: Moment,
    connection: Weak<Connection>,
}

impl PartialEq for Deadline {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Deadline {}

impl PartialOrd for Deadline {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Deadline {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}

/// Wakes connections at absolute instants.
pub(super) struct Timer {
    fd: AsyncFd<OwnedFd>,
    deadlines: RefCell<BinaryHeap<Reverse<Deadline>>>,
    /// What the timerfd is set to.
    set_to: Cell<Moment>,
    counters: Arc<Counters>,
}

impl Timer {
    pub(super) fn new(counters: Arc<Counters>) -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        #[expect(deprecated, reason = "its successor needs `unsafe`; an OwnedFd is I/O safe as it is")]
        let fd = AsyncFd::with_interest(fd, Interest::READABLE)?;
        Ok(Self { fd, deadlines: RefCell::default(), set_to: Cell::new(Moment::NEVER), counters })
    }

    /// Wakes `connection` at `at`, unless it is woken earlier anyway (it asks again then).
    pub(super) fn wake_at(&self, at: Moment, connection: &Rc<Connection>) {
        if at >= connection.armed.get() {
            return;
        }
        connection.armed.set(at);
        self.deadlines.borrow_mut().push(Reverse(Deadline { at, connection: Rc::downgrade(connection) }));
        if at < self.set_to.get() {
            self.set(at);
        }
    }

    /// Serves deadlines for ever; ends only when the timerfd fails.
    pub(super) async fn run(&self) -> io::Result<()> {
        loop {
            let mut ready = self.fd.readable().await?;
            match rustix::io::read(self.fd.get_ref(), &mut [0; 8]) {
                Ok(_) | Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
                Err(error) => return Err(error.into()),
            }
            self.serve(Moment::now());
        }
    }

    /// Serves what is due by `now`, without waiting until the runtime looks at the timerfd: many ready connections
    /// may come before that.
    pub(super) fn serve_due(&self, now: Moment) {
        if self.set_to.get() <= now {
            self.serve(now);
        }
    }

    fn serve(&self, now: Moment) {
        let mut deadlines = self.deadlines.borrow_mut();
        while let Some(Reverse(next)) = deadlines.peek() {
            if next.at > now {
                break;
            }
            let Some(Reverse(due)) = deadlines.pop() else { break };
            let Some(connection) = due.connection.upgrade() else { continue };
            // A deadline that an earlier one replaced is stale: the connection was woken since.
            if connection.armed.get() == due.at {
                connection.armed.set(Moment::NEVER);
                self.counters.timer_fired(now.nanos_since(due.at));
                connection.wake();
            }
        }
        let next = deadlines.peek().map(|Reverse(next)| next.at);
        drop(deadlines);
        match next {
            Some(at) => self.set(at),
            None => self.set_to.set(Moment::NEVER),
        }
    }

    fn set(&self, at: Moment) {
        self.set_to.set(at);
        let value = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at.timespec() };
        // All arguments are valid, and Linux names no other failure.
        timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::ABSTIME, &value)
            .expect("a timerfd takes an absolute time");
    }
}
