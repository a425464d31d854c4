//! The core between its callers: time for its inputs, a way out for its outputs, and a turn when one is due.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use shakedown_model::plan::{EmbeddedSettings, Generation, Login, OldApis};
use shakedown_nacos::ConfigKey;
use shakedown_nacos::http::answer;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use super::Counts;
use super::grpc::{Link, Sent};
use crate::core::{
    Author, Caller, Change, ConnectionId, Core, KeyError, NewConfig, Output, PollId, PublishError, Read,
};
use crate::journal::{Journal, JournalError, Record};

/// A read tries for this long to get at a config that is being dumped (real: nine waits of 1 ms).
const READ_PATIENCE: Duration = Duration::from_millis(9);

/// Why a write is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// The server's rules forbid it.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The name of what is to be removed is not one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The data directory does not take it.
    #[error("cannot write the change to the data directory: {0}")]
    Journal(#[from] std::io::Error),
}

/// A node: everything that its tasks share. All of them run on one thread.
#[derive(Debug)]
pub(super) struct Node {
    state: RefCell<State>,
    started: Instant,
    /// When the driver will wake by itself.
    armed: Cell<Option<Duration>>,
    rearm: Notify,
    /// Whether publishes wait until they are visible; then every turn is told.
    publish_awaits_dump: bool,
    turned: Notify,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct State {
    core: Core,
    journal: Option<Journal>,
    polls: BTreeMap<PollId, oneshot::Sender<Bytes>>,
    links: BTreeMap<ConnectionId, Link>,
}

/// A core that holds what `data` holds, with the log that its changes go to.
pub(super) fn load(
    settings: EmbeddedSettings,
    generation: Generation,
    login: Option<&Login>,
    data: Option<&Path>,
) -> Result<(Core, Option<Journal>), JournalError> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let started_at_ms = u64::try_from(since_epoch.as_millis()).unwrap_or(0);
    let mut core = Core::new(settings, generation, login, started_at_ms);
    let Some(dir) = data else { return Ok((core, None)) };
    let mut journal = Journal::open(dir, |record| match record {
        Record::Committed(change) => core.restore(change),
        Record::Stored(change) => core.restore_stored(change),
    })?;
    if journal.wants_compaction() {
        journal.compact(core.stored())?;
    }
    core.restored();
    Ok((core, Some(journal)))
}

impl Node {
    pub(super) fn new(core: Core, journal: Option<Journal>, counts: Arc<Counts>) -> Self {
        let publish_awaits_dump = core.settings().publish_awaits_dump;
        let state = State { core, journal, polls: BTreeMap::new(), links: BTreeMap::new() };
        Self {
            state: RefCell::new(state),
            started: Instant::now(),
            armed: Cell::new(None),
            rearm: Notify::new(),
            publish_awaits_dump,
            turned: Notify::new(),
            counts,
        }
    }

    /// Gives the core an input and sends what comes of it.
    pub(super) fn input<R>(&self, input: impl FnOnce(&mut Core, Duration) -> R) -> R {
        let now = self.started.elapsed();
        let mut state = self.state.borrow_mut();
        let answer = input(&mut state.core, now);
        state.send_outputs(now);
        self.counts.registered.store(state.core.registered_count(), Ordering::Relaxed);
        self.counts.hanging.store(state.core.hanging_count(), Ordering::Relaxed);
        self.rearm_if_earlier(state.core.next_due());
        answer
    }

    /// Publishes: judged, written down, stored; and, when the server is told so, visible.
    pub(super) async fn publish(&self, new: NewConfig) -> Result<(), WriteError> {
        if let Some(change) = self.input(|core, now| core.accept(now, new))? {
            self.write(change).await?;
        }
        Ok(())
    }

    /// Removes, likewise. With a tag only that gray release.
    pub(super) async fn remove(
        &self,
        key: ConfigKey,
        tag: Option<&str>,
        from: &Author,
    ) -> Result<(), WriteError> {
        let change = self.input(|core, now| core.accept_removal(now, key, tag, from))?;
        self.write(change).await
    }

    /// Takes a config's beta release away; answers whether there was one.
    pub(super) async fn stop_beta(&self, key: ConfigKey, from: &Author) -> Result<bool, WriteError> {
        match self.input(|core, now| core.beta_removal(now, key, from)) {
            Some(change) => self.write(change).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// Removes the configs of these numbers.
    pub(super) async fn remove_many(&self, ids: &[u64], from: &Author) -> Result<(), WriteError> {
        for change in self.input(|core, now| core.removals(now, ids, from)) {
            self.write(change).await?;
        }
        Ok(())
    }

    /// Gives a config other words; answers whether there is such a config.
    pub(super) async fn put_words(
        &self,
        key: &ConfigKey,
        desc: Option<String>,
        config_tags: Option<String>,
    ) -> Result<bool, WriteError> {
        match self.input(|core, _| core.accept_words(key, desc, config_tags))? {
            Some(change) => self.write(change).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// What a get over HTTP sees; it waits for a dump that is about to end, as long as the real server does.
    pub(super) async fn get(&self, key: &ConfigKey, caller: &Caller, wants_tag: bool) -> Read {
        self.read(|core, now| core.get(now, key, caller, wants_tag)).await
    }

    /// What a query over gRPC sees, likewise.
    pub(super) async fn query(&self, key: &ConfigKey, caller: &Caller, wants_tag: bool) -> Read {
        self.read(|core, now| core.query(now, key, caller, wants_tag)).await
    }

    async fn read(&self, mut read: impl FnMut(&mut Core, Duration) -> Read) -> Read {
        let busy_until = match self.input(&mut read) {
            Read::Busy(until) if until <= self.started.elapsed() + READ_PATIENCE => until,
            other => return other,
        };
        sleep_until(self.started + busy_until).await;
        self.input(|core, now| {
            core.turn(now);
            read(core, now)
        })
    }

    /// Which generation it imitates.
    pub(super) fn generation(&self) -> Generation {
        self.state.borrow().core.generation()
    }

    /// Which of the old HTTP APIs are served.
    pub(super) fn old_apis(&self) -> OldApis {
        self.state.borrow().core.settings().old_apis
    }

    /// Writes a judged change down, and stores it.
    pub(super) async fn write(&self, change: Change) -> Result<(), WriteError> {
        let key = self.publish_awaits_dump.then(|| change.key().cloned()).flatten();
        self.commit(change)?;
        if let Some(key) = key {
            while self.state.borrow().core.awaits_dump(&key) {
                self.turned.notified().await;
            }
        }
        Ok(())
    }

    fn commit(&self, change: Change) -> Result<(), WriteError> {
        let mut state = self.state.borrow_mut();
        let State { core, journal, .. } = &mut *state;
        if let Some(journal) = journal {
            journal.append(&change)?;
        }
        core.commit(self.started.elapsed(), change);
        if let Some(journal) = journal
            && journal.wants_compaction()
            && let Err(error) = journal.compact(core.stored())
        {
            // The long log is still whole and in use.
            tracing::warn!(%error, "cannot rewrite the data directory's log");
        }
        self.rearm_if_earlier(core.next_due());
        Ok(())
    }

    /// Remembers who waits for a hanging poll's answer.
    pub(super) fn await_poll(&self, poll: PollId) -> oneshot::Receiver<Bytes> {
        let (answer, awaited) = oneshot::channel();
        self.state.borrow_mut().polls.insert(poll, answer);
        awaited
    }

    /// A hanging poll's client went away, or has its answer.
    pub(super) fn end_poll(&self, poll: PollId) {
        if self.state.borrow_mut().polls.remove(&poll).is_some() {
            self.input(|core, _| core.poll_gone(poll));
        }
    }

    /// Takes a gRPC connection's way out into account, until [`Node::end_connection`].
    pub(super) fn add_link(&self, connection: ConnectionId, link: Link) {
        self.state.borrow_mut().links.insert(connection, link);
    }

    /// Lets `change` work on a connection's way out, if the connection is still there.
    pub(super) fn with_link<R>(
        &self,
        connection: ConnectionId,
        change: impl FnOnce(&mut Link) -> R,
    ) -> Option<R> {
        self.state.borrow_mut().links.get_mut(&connection).map(change)
    }

    /// A TCP connection has ended.
    pub(super) fn end_connection(&self, connection: ConnectionId) {
        self.state.borrow_mut().links.remove(&connection);
        self.input(|core, _| core.close(connection));
    }

    /// Turns the core whenever it is due, for ever.
    pub(super) async fn drive(&self) {
        loop {
            let due = self.state.borrow().core.next_due();
            self.armed.set(due);
            match due {
                None => self.rearm.notified().await,
                Some(due) => tokio::select! {
                    () = sleep_until(self.started + due) => {
                        self.input(Core::turn);
                        self.turned.notify_waiters();
                    }
                    () = self.rearm.notified() => {}
                },
            }
        }
    }

    fn rearm_if_earlier(&self, due: Option<Duration>) {
        if let Some(due) = due
            && self.armed.get().is_none_or(|armed| due < armed)
        {
            self.armed.set(Some(due));
            self.rearm.notify_one();
        }
    }
}

impl State {
    /// Sends everything that the core wants sent; what the attempts tell the core may make it want more.
    fn send_outputs(&mut self, now: Duration) {
        let mut wake: Option<(Arc<ConfigKey>, Bytes)> = None;
        loop {
            let outputs = self.core.take_outputs();
            if outputs.is_empty() {
                return;
            }
            for output in outputs {
                self.send(now, output, &mut wake);
            }
        }
    }

    fn send(&mut self, now: Duration, output: Output, wake: &mut Option<(Arc<ConfigKey>, Bytes)>) {
        match output {
            Output::PollAnswer { poll, changed } => {
                if let Some(answer) = self.polls.remove(&poll) {
                    // A client that went away meanwhile has no use for it.
                    answer.send(wake_body(&changed, wake)).ok();
                }
            }
            Output::Notify { connection, request_id, key } => {
                match self.links.get(&connection).map_or(Sent::Gone, |link| link.notify(request_id, &key)) {
                    Sent::Taken => self.core.push_taken(connection),
                    Sent::Busy => self.core.push_busy(now, connection, request_id),
                    Sent::Gone => self.core.stream_gone(connection),
                }
            }
            Output::Detect { connection, request_id } => {
                if let Some(link) = self.links.get(&connection) {
                    // An unsent question stays unanswered, which is an answer.
                    link.detect(request_id);
                }
            }
            Output::SetupAck { connection } => {
                if let Some(link) = self.links.get(&connection) {
                    link.acknowledge_setup();
                }
            }
            Output::Close { connection, reason } => {
                tracing::info!(connection = connection.0, %reason, "closing a connection");
                if let Some(link) = self.links.remove(&connection) {
                    link.close();
                }
            }
        }
    }
}

/// The body that answers a poll. A change wakes many polls with the same key, so the last body is kept.
fn wake_body(changed: &[Arc<ConfigKey>], wake: &mut Option<(Arc<ConfigKey>, Bytes)>) -> Bytes {
    match (changed, &*wake) {
        ([], _) => Bytes::new(),
        ([key], Some((same, body))) if Arc::ptr_eq(key, same) => body.clone(),
        ([key], _) => {
            let body = Bytes::from(answer::encode(&[ConfigKey::clone(key)]));
            *wake = Some((Arc::clone(key), body.clone()));
            body
        }
        (keys, _) => {
            let keys: Vec<_> = keys.iter().map(|key| ConfigKey::clone(key)).collect();
            Bytes::from(answer::encode(&keys))
        }
    }
}
