//! The server without I/O: what one Nacos 2.x node decides, as a function of inputs and the time.
//!
//! Every input takes `now`, the time since the server started. What happens by itself (dump, time-outs, retries,
//! the idle scan) happens in [`Core::turn`], which is to be called at [`Core::next_due`]. What is to be sent
//! unasked is collected and taken with [`Core::take_outputs`]. There are no sockets here, no runtime, no locks and
//! no randomness: the same inputs at the same times give the same outputs.

mod connections;
mod key;
mod polls;
mod pushes;
mod requests;
mod store;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shakedown_model::plan::EmbeddedSettings;
use shakedown_nacos::ConfigKey;

use self::connections::{Connections, IdleRule};
use self::polls::Polls;
use self::pushes::{Failed, MAX_PUSHES, Push, PushRule, Pushes};
use self::store::{Dumped, Store};
use crate::defects::{Seams, seams};

pub use self::connections::ConnectionId;
pub use self::key::{KeyError, check_key, stored_key};
pub use self::polls::{Listened, Poll, PollId, PollReply};
pub use self::requests::Refusal;
pub use self::store::{Change, Entry, NewConfig, PublishError};

/// Something to send or to do that no caller is waiting for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Answer a hanging long poll with these keys; none is "no change".
    PollAnswer {
        /// Which poll.
        poll: PollId,
        /// The changed keys.
        changed: Vec<Arc<ConfigKey>>,
    },
    /// Send a `ConfigChangeNotifyRequest`.
    Notify {
        /// To whom.
        connection: ConnectionId,
        /// The request id that the ack will carry.
        request_id: u64,
        /// The key that changed.
        key: Arc<ConfigKey>,
    },
    /// Send a `ClientDetectionRequest`.
    Detect {
        /// To whom.
        connection: ConnectionId,
        /// The request id that the answer will carry.
        request_id: u64,
    },
    /// Send a `SetupAckRequest`.
    SetupAck {
        /// To whom.
        connection: ConnectionId,
    },
    /// Close the TCP connection. The core has forgotten it already.
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why, for the log.
        reason: CloseReason,
    },
}

/// Why the server closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// No answer to a detection.
    #[error("idle, and did not answer whether it lives")]
    Idle,
    /// A notification was not acked in all its tries.
    #[error("did not ack a notification in all its tries")]
    NoAck,
    /// Its out queue was full for too long in a row.
    #[error("has not read its stream for too long")]
    Blocked,
    /// Its stream ended while the TCP connection lived.
    #[error("its stream has ended")]
    StreamGone,
    /// More notifications are under way than the server keeps.
    #[error("too many notifications are under way")]
    TooManyPushes,
}

/// One node's state.
#[derive(Debug)]
pub struct Core {
    settings: EmbeddedSettings,
    started_at_ms: u64,
    store: Store,
    polls: Polls,
    connections: Connections,
    pushes: Pushes,
    last_request_id: u64,
    seams: Box<dyn Seams>,
    outputs: Vec<Output>,
}

impl Core {
    /// A node that started at `started_at_ms` of the Unix epoch, with nothing stored.
    #[must_use]
    pub fn new(settings: EmbeddedSettings, started_at_ms: u64) -> Self {
        let push_rule = PushRule {
            ack_timeout: settings.push_ack_timeout,
            retry_step: settings.push_retry_step,
            max_tries: settings.push_max_tries,
        };
        let idle_rule = IdleRule {
            after: settings.idle_after,
            scan: settings.idle_scan,
            answer: settings.idle_answer_timeout,
        };
        Self {
            started_at_ms,
            store: Store::new(settings.dump_tick),
            polls: Polls::default(),
            connections: Connections::new(idle_rule),
            pushes: Pushes::new(push_rule),
            last_request_id: 0,
            seams: seams(settings.defect),
            outputs: Vec::new(),
            settings,
        }
    }

    /// Puts a config in place that was stored before this start; it is visible at once.
    pub fn restore(&mut self, key: ConfigKey, entry: Entry) {
        self.store.restore(key, entry);
    }

    /// Every stored config, by key.
    pub fn rows(&self) -> impl Iterator<Item = (&ConfigKey, &Entry)> {
        self.store.rows()
    }

    /// What is to be sent or done since the last call, in order.
    pub fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// When [`Core::turn`] has something to do; a time that is past means now.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        let late = self.polls.has_late().then_some(Duration::ZERO);
        [
            late,
            self.store.dump_due(),
            self.polls.next_deadline(),
            self.pushes.next_due(),
            self.connections.scan_due(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Does what is due at `now`.
    ///
    /// The dump comes before polls are registered: that a poll compares at its arrival and registers only here is
    /// the real server's gap, in which a change is not seen until the poll ends.
    pub fn turn(&mut self, now: Duration) {
        if self.store.dump_due().is_some_and(|due| due <= now) {
            for dumped in self.store.dump() {
                self.changed(now, &dumped);
            }
        }
        self.polls.register_late();
        for poll in self.polls.expire(now) {
            self.outputs.push(Output::PollAnswer { poll, changed: Vec::new() });
        }
        self.turn_pushes(now);
        let step = self.connections.run_scan(now, &mut self.last_request_id);
        for (connection, request_id) in step.asks {
            self.outputs.push(Output::Detect { connection, request_id });
        }
        for connection in step.evicts {
            self.close_with(connection, CloseReason::Idle);
        }
    }

    /// A TCP connection was accepted, of either protocol.
    pub fn open(&mut self, now: Duration, peer: SocketAddr) -> ConnectionId {
        self.connections.open(self.wall_ms(now), peer)
    }

    /// A TCP connection has ended.
    pub fn close(&mut self, connection: ConnectionId) {
        self.connections.close(connection);
    }

    /// The connection's name in answers; `None` once it is gone.
    #[must_use]
    pub fn connection_name(&self, connection: ConnectionId) -> Option<Arc<str>> {
        self.connections.name(connection)
    }

    /// How many Nacos connections are registered.
    #[must_use]
    pub const fn registered_count(&self) -> usize {
        self.connections.registered_count()
    }

    /// How many long polls hang.
    #[must_use]
    pub fn hanging_count(&self) -> usize {
        self.polls.len()
    }

    /// Milliseconds of the Unix epoch at `now`: the start's wall clock, carried on by the monotonic one.
    fn wall_ms(&self, now: Duration) -> u64 {
        self.started_at_ms.saturating_add(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
    }

    fn changed(&mut self, now: Duration, dumped: &Dumped) {
        let Dumped { key, before } = dumped;
        self.seams.replaced(key, before.as_ref());
        for (poll, connection) in self.polls.waiting_for(key) {
            if self.seams.tells(connection) {
                self.polls.remove(poll);
                self.outputs.push(Output::PollAnswer { poll, changed: vec![Arc::clone(key)] });
            }
        }
        for connection in self.connections.listeners(key) {
            if !self.seams.tells(connection) {
                continue;
            }
            if self.pushes.len() >= MAX_PUSHES {
                self.close_with(connection, CloseReason::TooManyPushes);
                continue;
            }
            self.send(now, Pushes::first_try(connection, Arc::clone(key)));
        }
    }

    fn turn_pushes(&mut self, now: Duration) {
        while let Some(push) = self.pushes.take_overdue(now) {
            self.push_failed(now, push);
        }
        while let Some(push) = self.pushes.take_retry(now) {
            self.send(now, push);
        }
    }

    /// Sends a push, unless its connection is gone: then it is dropped, and the client is expected to list again.
    fn send(&mut self, now: Duration, push: Push) {
        if !self.connections.is_registered(push.connection) {
            return;
        }
        self.last_request_id += 1;
        let request_id = self.last_request_id;
        let (connection, key) = (push.connection, Arc::clone(&push.key));
        self.pushes.sent(now, request_id, push);
        self.outputs.push(Output::Notify { connection, request_id, key });
    }

    fn push_failed(&mut self, now: Duration, push: Push) {
        if !self.connections.is_registered(push.connection) {
            return;
        }
        if let Failed::GivesUp(connection) = self.pushes.failed(now, push) {
            self.close_with(connection, CloseReason::NoAck);
        }
    }

    fn close_with(&mut self, connection: ConnectionId, reason: CloseReason) {
        self.connections.close(connection);
        self.outputs.push(Output::Close { connection, reason });
    }
}
