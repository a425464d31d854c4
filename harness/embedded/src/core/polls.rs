//! The long polls that wait for a change (nacos-facts.md §1.4).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use shakedown_nacos::ConfigKey;
use shakedown_nacos::http::listening::ListenEntry;

use super::ConnectionId;
use super::row::Caller;

/// A long poll that waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PollId(u64);

/// A long poll's question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// The transport that it came on.
    pub connection: ConnectionId,
    /// Who polls.
    pub caller: Caller,
    /// The keys as sent, each with the MD5 that the client holds.
    pub listened: Vec<Listened>,
    /// `Long-Pulling-Timeout`; without it the poll is a short one and answered at once.
    pub timeout: Option<Duration>,
    /// `Long-Pulling-Timeout-No-Hangup`: answer at once even without a change.
    pub is_no_hangup: bool,
}

/// A key that a client listens to, and the MD5 of what it holds (empty for nothing).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listened {
    /// The key, exactly as sent.
    pub key: Arc<ConfigKey>,
    /// The MD5.
    pub md5: String,
}

impl From<ListenEntry> for Listened {
    fn from(entry: ListenEntry) -> Self {
        Self { key: Arc::new(entry.key), md5: entry.md5 }
    }
}

/// What the server remembers of a key that a client listens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listen {
    /// The MD5 that the client held.
    pub(super) md5: Box<str>,
    /// Whether the client named the public namespace by its name, and is to be answered so.
    pub(super) names_public: bool,
}

/// What becomes of a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollReply {
    /// It is answered with these keys, possibly none.
    Answer(Vec<Arc<ConfigKey>>),
    /// It hangs; [`Output::PollAnswer`](super::Output::PollAnswer) will name this id.
    Hangs(PollId),
    /// The node holds as many as it takes.
    Full,
}

/// A poll that hangs, its keys as they are stored.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) connection: ConnectionId,
    pub(super) caller: Caller,
    pub(super) keys: BTreeMap<Arc<ConfigKey>, Listen>,
    pub(super) deadline: Duration,
}

/// A poll that a change wakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Woken {
    pub(super) poll: PollId,
    pub(super) connection: ConnectionId,
    pub(super) names_public: bool,
}

/// The waiting polls. A poll in `late` compared already, and is not seen by a change before the time that it is there with.
#[derive(Debug, Default)]
pub(super) struct Polls {
    last_id: u64,
    waiting: BTreeMap<PollId, Waiting>,
    late: BTreeMap<PollId, (Duration, Waiting)>,
    by_key: BTreeMap<Arc<ConfigKey>, BTreeSet<PollId>>,
    deadlines: BTreeSet<(Duration, PollId)>,
}

impl Polls {
    /// Takes a poll in; with `late` it waits for the first [`Polls::register_late`] at or after that time.
    pub(super) fn hang(&mut self, waiting: Waiting, late: Option<Duration>) -> PollId {
        self.last_id += 1;
        let id = PollId(self.last_id);
        match late {
            Some(from) => drop(self.late.insert(id, (from, waiting))),
            None => self.register(id, waiting),
        }
        id
    }

    /// When the first of those that are late is to be registered. They are so in the order of their arrival.
    pub(super) fn next_late(&self) -> Option<Duration> {
        self.late.first_key_value().map(|(_, (from, _))| *from)
    }

    pub(super) fn register_late(&mut self, now: Duration) {
        while self.next_late().is_some_and(|from| from <= now)
            && let Some((id, (_, waiting))) = self.late.pop_first()
        {
            self.register(id, waiting);
        }
    }

    fn register(&mut self, id: PollId, waiting: Waiting) {
        for key in waiting.keys.keys() {
            self.by_key.entry(Arc::clone(key)).or_default().insert(id);
        }
        self.deadlines.insert((waiting.deadline, id));
        self.waiting.insert(id, waiting);
    }

    /// Ends a poll, registered or not.
    pub(super) fn remove(&mut self, id: PollId) {
        if self.late.remove(&id).is_some() {
            return;
        }
        let Some(waiting) = self.waiting.remove(&id) else { return };
        self.deadlines.remove(&(waiting.deadline, id));
        for key in waiting.keys.keys() {
            if let Some(ids) = self.by_key.get_mut(key) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.by_key.remove(key);
                }
            }
        }
    }

    /// The registered polls that name `key`, in the order of their arrival.
    pub(super) fn waiting_for(&self, key: &ConfigKey) -> Vec<Woken> {
        let Some(ids) = self.by_key.get(key) else { return Vec::new() };
        let woken = ids.iter().map(|id| {
            let waiting = &self.waiting[id];
            let names_public = waiting.keys.get(key).is_some_and(|listen| listen.names_public);
            Woken { poll: *id, connection: waiting.connection, names_public }
        });
        woken.collect()
    }

    /// Every listen of every registered poll.
    pub(super) fn listens(&self) -> impl Iterator<Item = (&Caller, &Arc<ConfigKey>, &Listen)> {
        let waiting = self.waiting.values();
        waiting.flat_map(|one| one.keys.iter().map(|(key, listen)| (&one.caller, key, listen)))
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Ends the polls whose time is up.
    pub(super) fn expire(&mut self, now: Duration) -> Vec<PollId> {
        let mut expired = Vec::new();
        while let Some((deadline, id)) = self.deadlines.first().copied()
            && deadline <= now
        {
            self.remove(id);
            expired.push(id);
        }
        expired
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.late.len()
    }
}
