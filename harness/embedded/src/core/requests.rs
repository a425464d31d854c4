//! What clients ask of the core: the calls of both protocols, each answered at once.

use std::sync::Arc;
use std::time::Duration;

use shakedown_nacos::ConfigKey;

use super::{
    Change, CloseReason, ConnectionId, Core, Entry, KeyError, Listened, NewConfig, Output, Poll, PollId,
    PollReply, PublishError, stored_key,
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
        let change = self.store.accept(self.wall_ms(now), new)?;
        Ok(self.seams.stores(change.key()).then_some(change))
    }

    /// Stores an accepted change; it is visible after the next dump tick.
    pub fn commit(&mut self, now: Duration, change: Change) {
        self.store.commit(now, change);
    }

    /// What a get over HTTP sees: the dump, not the row. An absent config is `None`.
    #[must_use]
    pub fn get(&self, key: &ConfigKey) -> Option<Arc<Entry>> {
        self.store.visible(key).cloned()
    }

    /// What a query over gRPC sees. Defects of the reply lie here and not on HTTP, so that a read of the control plane
    /// stays an honest witness of what is stored.
    pub fn query(&mut self, key: &ConfigKey) -> Option<Arc<Entry>> {
        let current = self.get(key)?;
        Some(self.seams.reply(key, current))
    }

    /// Judges a removal; removing what is absent is a success, too.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with the name.
    pub fn accept_removal(&self, sent: ConfigKey) -> Result<Change, KeyError> {
        stored_key(sent).map(Change::Remove)
    }

    /// Takes a long poll: compares now, and lets it hang when nothing differs.
    pub fn poll(&mut self, now: Duration, poll: Poll) -> PollReply {
        let changed = self.differing(poll.connection, &poll.listened);
        let Some(timeout) = poll.timeout else { return PollReply::Answer(changed) };
        if !changed.is_empty() || poll.is_no_hangup {
            return PollReply::Answer(changed);
        }
        let hang = timeout.saturating_sub(self.settings.poll_margin).max(self.settings.poll_min_hang);
        PollReply::Hangs(self.polls.hang(poll, now + hang, self.settings.poll_registers_late))
    }

    /// A hanging poll's client is gone.
    pub fn poll_gone(&mut self, poll: PollId) {
        self.polls.remove(poll);
    }

    /// A `ConnectionSetupRequest` came as a stream's first message; `has_abilities` when it carried an abilityTable.
    ///
    /// Answers whether the stream is now the connection's; a second setup on one transport changes nothing.
    pub fn register(&mut self, now: Duration, connection: ConnectionId, has_abilities: bool) -> bool {
        let is_new = self.connections.register(now, connection);
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

    /// `ConfigBatchListenRequest`: registers first and compares second, so that no change falls between.
    ///
    /// Answers the keys whose content differs from what the client holds.
    pub fn listen(&mut self, connection: ConnectionId, listened: &[Listened]) -> Vec<Arc<ConfigKey>> {
        for Listened { key, .. } in listened {
            self.connections.listen(connection, key);
        }
        self.differing(connection, listened)
    }

    /// `ConfigBatchListenRequest` with `listen: false`.
    pub fn unlisten(&mut self, connection: ConnectionId, listened: &[Listened]) {
        for Listened { key, .. } in listened {
            self.connections.unlisten(connection, key);
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
        if let Some(push) = self.pushes.take(connection, request_id)
            && !is_success
        {
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

    fn differing(&mut self, connection: ConnectionId, listened: &[Listened]) -> Vec<Arc<ConfigKey>> {
        listened
            .iter()
            .filter(|Listened { key, md5 }| {
                self.seams.compares(connection, key) && !self.store.is_current(key, md5)
            })
            .map(|listened| Arc::clone(&listened.key))
            .collect()
    }
}
