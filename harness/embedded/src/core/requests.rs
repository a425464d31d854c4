//! What clients ask of the core: the calls of both protocols, each answered at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shakedown_model::plan::Generation;
use shakedown_nacos::ConfigKey;

use super::polls::{Listen, Waiting};
use super::{
    Author, Caller, Change, CloseReason, ConnectionId, Core, DumpTask, Found, KeyError, Listened, NewConfig,
    Output, Poll, PollId, PollReply, PublishError, Read, stored_key,
};

/// The unary requests that have a handler.
const HANDLED: [&str; 6] = [
    "ServerCheckRequest",
    "HealthCheckRequest",
    "ConfigQueryRequest",
    "ConfigPublishRequest",
    "ConfigRemoveRequest",
    "ConfigBatchListenRequest",
];

/// Why a unary call is answered with an `ErrorResponse` (nacos-facts.md §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The transport has no registered connection.
    #[error("Connection is unregistered.")]
    Unregistered,
    /// The type has no handler.
    #[error("RequestHandler Not Found")]
    NoHandler,
}

impl Refusal {
    /// The `errorCode`.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Unregistered => 301,
            Self::NoHandler => 302,
        }
    }
}

impl Core {
    /// Judges a publish; nothing is stored before [`Core::commit`], so that the caller can write it down between.
    ///
    /// `None` is a publish that is acked but not stored (a planted defect).
    ///
    /// # Errors
    /// [`PublishError`] says why it is refused.
    pub fn accept(&mut self, now: Duration, new: NewConfig) -> Result<Option<Change>, PublishError> {
        let stamp = self.write_clock.stamp(self.wall_ms(now));
        let change = self.database.accept(stamp, new)?;
        let is_stored = change.key().is_none_or(|key| self.seams.stores(key));
        Ok(is_stored.then_some(change))
    }

    /// Stores an accepted change; it is visible after the next dump tick.
    ///
    /// Answers what other nodes are to be told of.
    pub fn commit(&mut self, now: Duration, change: Change) -> Option<DumpTask> {
        let task = self.database.apply(change);
        if let Some(task) = &task {
            self.dump.mark(now, task.clone());
        }
        self.clean_history(now);
        task
    }

    /// Whether something written of the config is not visible yet.
    #[must_use]
    pub fn awaits_dump(&self, key: &ConfigKey) -> bool {
        self.dump.awaits(key)
    }

    /// What a get over HTTP sees: the dump, not the row. With `wants_tag` only a gray release will do.
    #[must_use]
    pub fn get(&self, now: Duration, key: &ConfigKey, caller: &Caller, wants_tag: bool) -> Read {
        self.dump.read(now, key, caller, wants_tag)
    }

    /// What a query over gRPC sees. Defects of the reply lie here and not on HTTP, so that a read of the control plane
    /// stays an honest witness of what is stored.
    pub fn query(&mut self, now: Duration, key: &ConfigKey, caller: &Caller, wants_tag: bool) -> Read {
        let leaked = self.leaked_to(key);
        match self.dump.read(now, key, leaked.as_ref().unwrap_or(caller), wants_tag) {
            Read::Found(found) => Read::Found(Found { entry: self.seams.reply(key, found.entry), ..found }),
            other => other,
        }
    }

    /// Judges a removal; removing what is absent is a success, too. With a tag only that gray release goes.
    ///
    /// `None` is a removal that is acked but not stored (a planted defect).
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with the name.
    pub fn accept_removal(
        &self,
        now: Duration,
        sent: ConfigKey,
        tag: Option<&str>,
        from: &Author,
    ) -> Result<Option<Change>, KeyError> {
        let key = stored_key(sent)?;
        if !self.seams.removes(&key) {
            return Ok(None);
        }
        let author = Author { at_ms: self.wall_ms(now), ..from.clone() };
        Ok(Some(match tag.filter(|tag| !tag.trim().is_empty()) {
            Some(tag) => Change::RemoveGray(key, format!("tag_{tag}"), author),
            None => Change::Remove(key, author),
        }))
    }

    /// Takes a long poll: compares now, and lets it hang when nothing differs.
    pub fn poll(&mut self, now: Duration, poll: Poll) -> PollReply {
        let Poll { connection, caller, listened, timeout, is_no_hangup } = poll;
        let stored: Vec<_> = listened.iter().map(|one| self.listened_key(one)).collect();
        let pairs = listened.iter().zip(&stored);
        let changed: Vec<_> = pairs
            .filter(|(one, (key, _))| {
                self.seams.compares(connection, key) && !self.dump.is_current(key, &one.md5, &caller)
            })
            .map(|(one, _)| Arc::clone(&one.key))
            .collect();
        let Some(timeout) = timeout else { return PollReply::Answer(changed) };
        if !changed.is_empty() || is_no_hangup {
            return PollReply::Answer(changed);
        }
        if self.is_full() {
            return PollReply::Full;
        }
        let hang = timeout.saturating_sub(self.settings.poll_margin).max(self.settings.poll_min_hang);
        let pairs = listened.into_iter().zip(stored);
        let keys: BTreeMap<_, _> = pairs
            .map(|(one, (key, names_public))| (key, Listen { md5: one.md5.into(), names_public }))
            .collect();
        let waiting = Waiting { connection, caller, keys, deadline: now + hang };
        let late = self.settings.poll_registers_late.then(|| now + self.settings.poll_gap);
        PollReply::Hangs(self.polls.hang(waiting, late))
    }

    /// A hanging poll's client is gone.
    pub fn poll_gone(&mut self, poll: PollId) {
        self.polls.remove(poll);
    }

    /// A `ConnectionSetupRequest` came as a stream's first message; `has_abilities` when it carried an abilityTable.
    ///
    /// Answers whether the stream is now the connection's; a second setup on one transport changes nothing.
    pub fn register(
        &mut self,
        now: Duration,
        connection: ConnectionId,
        caller: Caller,
        has_abilities: bool,
    ) -> bool {
        if self.refuse_if_full(connection) {
            return false;
        }
        let is_new = self.connections.register(now, connection, caller);
        if is_new && has_abilities {
            self.outputs.push(Output::SetupAck { connection });
        }
        is_new
    }

    /// Lets a unary request in: any counts as a sign of life.
    ///
    /// # Errors
    /// [`Refusal`] when its type is unknown, or the connection is not registered. The server check needs neither.
    pub fn admit(
        &mut self,
        now: Duration,
        connection: ConnectionId,
        request_type: &str,
    ) -> Result<(), Refusal> {
        if !HANDLED.contains(&request_type) {
            return Err(Refusal::NoHandler);
        }
        self.connections.touch(now, connection);
        if request_type != "ServerCheckRequest" && !self.connections.is_registered(connection) {
            return Err(Refusal::Unregistered);
        }
        Ok(())
    }

    /// `ConfigBatchListenRequest`: registers first and compares second, so that no change falls between. A tag of the
    /// request itself stands above the connection's.
    ///
    /// Answers the keys whose content differs from what the client holds.
    pub fn listen(
        &mut self,
        connection: ConnectionId,
        listened: &[Listened],
        tag: Option<Arc<str>>,
    ) -> Vec<Arc<ConfigKey>> {
        let Some(caller) = self.connections.caller(connection) else { return Vec::new() };
        let caller = Caller { ip: Arc::clone(&caller.ip), tag: tag.or_else(|| caller.tag.clone()) };
        let mut changed = Vec::new();
        for one in listened {
            let (key, names_public) = self.listened_key(one);
            let listen = Listen { md5: one.md5.as_str().into(), names_public };
            self.connections.listen(connection, &key, listen);
            let leaked = self.leaked_to(&key);
            let caller = leaked.as_ref().unwrap_or(&caller);
            if self.seams.compares(connection, &key) && !self.dump.is_current(&key, &one.md5, caller) {
                changed.push(Arc::clone(&one.key));
            }
        }
        changed
    }

    /// Whom a client is taken for that a defect leaks a gray release to.
    fn leaked_to(&self, key: &ConfigKey) -> Option<Caller> {
        self.seams.leaks_gray().then(|| self.dump.insider(key)).flatten()
    }

    /// `ConfigBatchListenRequest` with `listen: false`.
    pub fn unlisten(&mut self, connection: ConnectionId, listened: &[Listened]) {
        for one in listened {
            let (key, _) = self.listened_key(one);
            self.connections.unlisten(connection, &key);
        }
    }

    /// The client behind a registered connection.
    #[must_use]
    pub fn caller(&self, connection: ConnectionId) -> Option<&Caller> {
        self.connections.caller(connection)
    }

    /// The key under which a listened one is stored, and whether it named the public namespace. In 2.x a listened key
    /// is used as sent, so that one in `public` never matches anything; 3.x maps it (nacos-facts.md §1.6).
    fn listened_key(&self, listened: &Listened) -> (Arc<ConfigKey>, bool) {
        let key = &listened.key;
        if self.generation == Generation::V3 && key.tenant == "public" {
            let stored = ConfigKey { tenant: String::new(), ..ConfigKey::clone(key) };
            (Arc::new(stored), true)
        } else {
            (Arc::clone(key), false)
        }
    }

    /// A response came on the stream. An id that awaits nothing is ignored.
    pub fn stream_answer(
        &mut self,
        now: Duration,
        connection: ConnectionId,
        request_id: u64,
        is_success: bool,
    ) {
        self.connections.touch(now, connection);
        if self.connections.answered(now, connection, request_id, is_success) {
            return;
        }
        if self.reset_answered(request_id) {
            return;
        }
        if is_success {
            self.pushes.take(connection, request_id);
        } else if let Some(push) = self.pushes.take_refused(connection, request_id) {
            self.push_failed(now, push);
        }
    }

    /// The try `request_id` could not be sent, because the connection's out queue is full.
    pub fn push_busy(&mut self, now: Duration, connection: ConnectionId, request_id: u64) {
        if self.connections.blocked(now, connection) {
            self.close_with(connection, CloseReason::Blocked);
        } else if let Some(push) = self.pushes.take(connection, request_id) {
            self.push_failed(now, push);
        }
    }

    /// A try was handed to the connection: its out queue is not full.
    pub fn push_taken(&mut self, connection: ConnectionId) {
        self.connections.unblocked(connection);
    }

    /// Something was to be sent on a stream that has ended: the connection is dropped with it.
    pub fn stream_gone(&mut self, connection: ConnectionId) {
        if self.connections.is_registered(connection) {
            self.close_with(connection, CloseReason::StreamGone);
        }
    }
}
