//! Notifications under way: each is sent, awaits its ack, and is sent again later and later (nacos-facts.md §2.5).
//!
//! One task per change and listening connection. Every try has a request id of its own, so that an ack which comes
//! after its time-out is an ack of nothing. An error as ack fails its try at once, and yet the wait for the ack goes on
//! and fails it once more: from then on the task is two chains of tries, which share one count (seen on 2.5.0:
//! reports/samples/fidelity/embedded-beside-real.md).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use shakedown_nacos::ConfigKey;

use super::ConnectionId;

/// The most notifications under way; a fan-out beyond it drops the connections that it concerns.
pub(super) const MAX_PUSHES: usize = 1_000_000;

/// How many first tries leave in one turn. What the first ones are answered is taken in before the next ones leave, so that
/// a fan-out to tens of thousands works on few connections at a time, which the processor's caches hold.
const FIRST_TRIES_PER_TURN: usize = 32;

#[derive(Debug, Clone, Copy)]
pub(super) struct PushRule {
    pub(super) ack_timeout: Duration,
    pub(super) retry_step: Duration,
    pub(super) max_tries: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Push {
    pub(super) connection: ConnectionId,
    pub(super) key: Arc<ConfigKey>,
    /// Of all chains of this task together.
    tries: Arc<AtomicU32>,
}

/// What becomes of a failed try.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// It is tried again later.
    Retries,
    /// It was the last: the connection is to be dropped.
    GivesUp(ConnectionId),
}

#[derive(Debug)]
pub(super) struct Pushes {
    rule: PushRule,
    /// Not sent yet, in order.
    waiting: VecDeque<Push>,
    /// Sent, by request id, with the end of the wait for the ack.
    sent: BTreeMap<u64, (Duration, Push)>,
    /// Sent and answered with an error, by request id: their waits end too.
    refused: BTreeMap<u64, Push>,
    /// The ends of those waits. Every wait is equally long, so this is also the order of sending.
    ack_due: BTreeSet<(Duration, u64)>,
    /// To be sent again, by time and a number that keeps the order.
    retries: BTreeMap<(Duration, u64), Push>,
    last_retry: u64,
}

impl Pushes {
    pub(super) const fn new(rule: PushRule) -> Self {
        Self {
            rule,
            waiting: VecDeque::new(),
            sent: BTreeMap::new(),
            refused: BTreeMap::new(),
            ack_due: BTreeSet::new(),
            retries: BTreeMap::new(),
            last_retry: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.sent.len() + self.refused.len() + self.retries.len()
    }

    /// A notification is to be made when its turn has come.
    pub(super) fn await_turn(&mut self, connection: ConnectionId, key: Arc<ConfigKey>) {
        self.waiting.push_back(Push { connection, key, tries: Arc::default() });
    }

    /// Whether first tries wait for their turn.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Those whose first try is to leave in this turn.
    pub(super) fn take_waiting(&mut self) -> Vec<Push> {
        let taken = self.waiting.drain(..self.waiting.len().min(FIRST_TRIES_PER_TURN)).collect();
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        taken
    }

    /// One more try is made, under `request_id`.
    pub(super) fn sent(&mut self, now: Duration, request_id: u64, push: Push) {
        push.tries.fetch_add(1, Ordering::Relaxed);
        let due = now + self.rule.ack_timeout;
        self.ack_due.insert((due, request_id));
        self.sent.insert(request_id, (due, push));
    }

    /// Takes a try off the list; `None` when it is not one of this connection, or over.
    pub(super) fn take(&mut self, connection: ConnectionId, request_id: u64) -> Option<Push> {
        if self.sent.get(&request_id)?.1.connection != connection {
            return None;
        }
        let (due, push) = self.sent.remove(&request_id)?;
        self.ack_due.remove(&(due, request_id));
        Some(push)
    }

    /// An error came as ack: the try failed, and will once more when its wait ends.
    pub(super) fn take_refused(&mut self, connection: ConnectionId, request_id: u64) -> Option<Push> {
        if self.sent.get(&request_id)?.1.connection != connection {
            return None;
        }
        let (_, push) = self.sent.remove(&request_id)?;
        self.refused.insert(request_id, push.clone());
        Some(push)
    }

    /// A try failed: after n failures the next waits n steps.
    pub(super) fn failed(&mut self, now: Duration, push: Push) -> Failed {
        let tries = push.tries.load(Ordering::Relaxed);
        if tries >= self.rule.max_tries {
            return Failed::GivesUp(push.connection);
        }
        self.last_retry += 1;
        self.retries.insert((now + self.rule.retry_step * tries, self.last_retry), push);
        Failed::Retries
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        let ack = self.ack_due.first().map(|(due, _)| *due);
        let retry = self.retries.keys().next().map(|(due, _)| *due);
        [ack, retry].into_iter().flatten().min()
    }

    /// A try whose ack is overdue.
    pub(super) fn take_overdue(&mut self, now: Duration) -> Option<Push> {
        let (due, request_id) = *self.ack_due.first()?;
        if due > now {
            return None;
        }
        self.ack_due.remove(&(due, request_id));
        self.sent.remove(&request_id).map(|(_, push)| push).or_else(|| self.refused.remove(&request_id))
    }

    /// A push whose next try is due.
    pub(super) fn take_retry(&mut self, now: Duration) -> Option<Push> {
        let first = self.retries.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
