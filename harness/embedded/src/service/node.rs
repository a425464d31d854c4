//! The core between its callers: time for its inputs, a way out for its outputs, and a turn when one is due.

mod state;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use shakedown_model::fault::{BadAnswer, CallKind};
use shakedown_model::plan::{Generation, OldApis};
use shakedown_nacos::ConfigKey;
use tokio::sync::{Notify, oneshot};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use self::state::State;
use super::Counts;
use super::grpc::Link;
use crate::cluster::broadcasts::Step;
use crate::cluster::{Cluster, Joined, Membership, Message, Writing};
use crate::core::{
    Author, Caller, Change, ConnectionId, Core, KeyError, Listened, NewConfig, PollId, PublishError, Read,
};

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
    /// Whether there is no dump tick. What is due then is not left to the runtime's timer, which counts milliseconds.
    is_tickless: bool,
    /// Whether publishes wait until they are visible; then every turn is told.
    publish_awaits_dump: bool,
    turned: Notify,
    /// How many polls were refused.
    refusals: Cell<u64>,
    counts: Arc<Counts>,
    membership: Membership,
}

impl Node {
    pub(super) fn new(joined: Joined, counts: Arc<Counts>) -> Self {
        let Joined { core, mailbox, broadcasts, membership } = joined;
        let publish_awaits_dump = core.settings().publish_awaits_dump;
        let is_tickless = core.settings().dump_tick.is_zero();
        let state = State { core, mailbox, broadcasts, polls: BTreeMap::new(), links: BTreeMap::new() };
        Self {
            state: RefCell::new(state),
            started: Instant::now(),
            armed: Cell::new(None),
            rearm: Notify::new(),
            is_tickless,
            publish_awaits_dump,
            turned: Notify::new(),
            refusals: Cell::new(0),
            counts,
            membership,
        }
    }

    /// Gives the core an input, after what other nodes sent, and sends what comes of it.
    pub(super) fn input<R>(&self, input: impl FnOnce(&mut Core, Duration) -> R) -> R {
        let now = self.started.elapsed();
        let mut state = self.state.borrow_mut();
        state.empty_mailbox(now);
        let answer = input(&mut state.core, now);
        state.send_outputs(now);
        self.counts.take(&state.core);
        self.rearm_if_earlier(state.next_due());
        answer
    }

    /// Publishes: judged, written down, stored; and, when the server is told so, visible.
    pub(super) async fn publish(&self, new: NewConfig) -> Result<(), WriteError> {
        let key = {
            // No other node writes between the judgement and the store.
            let mut shared = self.membership.cluster.lock();
            match self.input(|core, now| core.accept(now, new))? {
                Some(change) => self.commit(&mut shared, change)?,
                None => None,
            }
        };
        self.until_visible(key).await;
        Ok(())
    }

    /// Removes, likewise. With a tag only that gray release.
    pub(super) async fn remove(
        &self,
        key: ConfigKey,
        tag: Option<&str>,
        from: &Author,
    ) -> Result<(), WriteError> {
        match self.input(|core, now| core.accept_removal(now, key, tag, from))? {
            Some(change) => self.write(change).await,
            None => Ok(()),
        }
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

    /// How a call of this kind is to be answered badly, if it is.
    pub(super) fn bad_answer(&self, kind: CallKind) -> Option<BadAnswer> {
        self.counts.troubles.answer(kind)
    }

    /// What clients hold, as it is to be compared.
    pub(super) fn held(&self, listened: impl Iterator<Item = Listened>) -> Vec<Listened> {
        let drift = |mut one: Listened| {
            if self.counts.troubles.drifts() {
                one.md5.push_str("-of-old");
            }
            one
        };
        listened.map(drift).collect()
    }

    /// Whether the acknowledgement of a push is not to be seen.
    pub(super) fn swallows_ack(&self) -> bool {
        self.counts.troubles.swallows_ack()
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
        let key = self.commit(&mut self.membership.cluster.lock(), change)?;
        self.until_visible(key).await;
        Ok(())
    }

    /// Waits until what was written is visible here, when the server is told to.
    async fn until_visible(&self, key: Option<ConfigKey>) {
        let Some(key) = key.filter(|_| self.publish_awaits_dump) else { return };
        while self.state.borrow().core.awaits_dump(&key) {
            self.turned.notified().await;
        }
    }

    /// Stores a change for all nodes; answers the config that it changed.
    fn commit(&self, shared: &mut Writing<'_>, change: Change) -> Result<Option<ConfigKey>, WriteError> {
        let now = self.started.elapsed();
        let mut state = self.state.borrow_mut();
        // What came before this write must be stored before it here, too.
        state.empty_mailbox(now);
        shared.store(self.membership.node, &change)?;
        let key = change.key().cloned();
        if let Some(task) = state.core.commit(now, change) {
            state.broadcasts.wrote(now, &task);
        }
        self.rearm_if_earlier(state.next_due());
        Ok(key)
    }

    /// Where it listens for gRPC; 0 when that port was left to chance.
    pub(super) fn grpc_port(&self) -> u16 {
        self.membership.cluster.nodes[self.membership.node].grpc.port()
    }

    /// What the nodes share.
    pub(super) const fn cluster(&self) -> &Arc<Cluster> {
        &self.membership.cluster
    }

    /// How long a poll waits that is refused: 1 to 3 s, so that those who are do not come back together
    /// (nacos-facts.md §1.4).
    pub(super) fn refusal_delay(&self) -> Duration {
        let nth = self.refusals.replace(self.refusals.get() + 1);
        let seed = self.membership.cluster.seed().child("refusals").nth(self.membership.node as u64);
        Duration::from_millis(1000 + seed.below(nth, 2000))
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

    /// A TCP connection has ended.
    pub(super) fn end_connection(&self, connection: ConnectionId) {
        self.state.borrow_mut().links.remove(&connection);
        self.input(|core, _| core.close(connection));
    }

    /// Turns the core whenever it is due or another node sent something, for ever.
    pub(super) async fn drive(&self) {
        loop {
            let (due, has_more) = {
                let state = self.state.borrow();
                (state.next_due(), state.core.has_more())
            };
            self.armed.set(due);
            let wait = async {
                match due {
                    None => std::future::pending().await,
                    Some(_) if has_more => yield_now().await,
                    Some(due) if self.is_tickless && due <= self.started.elapsed() => {}
                    Some(due) => sleep_until(self.started + due).await,
                }
            };
            tokio::select! {
                () = wait => {
                    self.turn_broadcasts();
                    self.input(Core::turn);
                    self.turned.notify_waiters();
                }
                message = poll_fn(|cx| self.state.borrow_mut().mailbox.poll_recv(cx)) => {
                    if let Some(message) = message {
                        let now = self.started.elapsed();
                        self.state.borrow_mut().take(now, message);
                        self.input(|_, _| ());
                    }
                }
                () = self.rearm.notified() => {}
            }
        }
    }

    /// Tells other nodes what is due.
    fn turn_broadcasts(&self) {
        let now = self.started.elapsed();
        let cluster = &self.membership.cluster;
        let steps = self.state.borrow_mut().broadcasts.turn(now, |node| cluster.is_up(node));
        for step in steps {
            match step {
                Step::Tell(node, task) => cluster.send(node, Message::Changed(task)),
                Step::Scan => self.input(Core::scan_changes),
                Step::DumpAll => self.input(Core::dump_all),
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
