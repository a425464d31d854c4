//! Connections that are asked to go to another node, and the limit of connections (nacos-facts.md §2.3, §2.4).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CloseReason, ConnectionId, Core, Output};

/// Where a client is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// The host.
    pub ip: String,
    /// Its HTTP port.
    pub port: String,
}

impl Redirect {
    /// `HOST:PORT`; anything without a colon names no place.
    #[must_use]
    pub fn parse(address: &str) -> Option<Self> {
        let mut parts = address.split(':');
        let (ip, port) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        Some(Self { ip, port })
    }
}

/// What a client said of itself when it set its connection up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientInfo {
    /// Such as `Nacos-Go-Client:v2.3.2`.
    pub version: String,
    /// The namespace that it named.
    pub tenant: Option<String>,
    /// Such as `source=sdk`.
    pub labels: BTreeMap<String, String>,
}

impl ClientInfo {
    /// Whether an application's SDK connects, and not another server. Who says nothing is one.
    pub(super) fn is_sdk(&self) -> bool {
        self.labels.get("source").is_none_or(|source| source == "sdk")
    }
}

/// A registered connection, for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Its number.
    pub connection: ConnectionId,
    /// Its name.
    pub name: Arc<str>,
    /// The address that the client declared, or that of the transport.
    pub client_ip: Arc<str>,
    /// The transport's other end.
    pub remote: std::net::SocketAddr,
    /// When it was opened, in milliseconds of the Unix epoch.
    pub opened_at_ms: u64,
    /// When it last gave a sign of life, likewise.
    pub active_at_ms: u64,
    /// What the client said of itself.
    pub client: ClientInfo,
    /// Whether its out queue is full.
    pub is_blocked: bool,
}

/// What is under way.
#[derive(Debug, Default)]
pub(super) struct Loader {
    /// Keep so many connections; looked at after the idle scan.
    keep: Option<(usize, Option<Redirect>)>,
    /// Resets without an answer yet, by request id, each with the end of the wait.
    awaited: BTreeMap<u64, Duration>,
}

impl Core {
    /// Takes down what a client said of itself; comes before [`Core::register`].
    pub fn introduce(&mut self, connection: ConnectionId, client: ClientInfo) {
        self.connections.introduce(connection, client);
    }

    /// Every registered connection.
    #[must_use]
    pub fn registrations(&self) -> Vec<Registration> {
        self.connections.registrations(self.started_at_ms)
    }

    /// Whether one more connection or hanging poll would be too many.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let taken = self.connections.registered_count() + self.polls.len();
        self.settings.max_connections.is_some_and(|limit| taken >= limit as usize)
    }

    /// Asks one connection to go elsewhere, by its name; answers the request's id, if there is such a connection of an
    /// SDK.
    pub fn reset_named(&mut self, now: Duration, name: &str, to: Option<&Redirect>) -> Option<u64> {
        let connection = self.connections.sdk_named(name)?;
        Some(self.reset(now, connection, to))
    }

    /// After the next idle scan, keeps `count` connections and asks the others of SDKs to go elsewhere. A count of 0
    /// does nothing, as in the real server.
    pub fn keep_connections(&mut self, count: usize, to: Option<Redirect>) {
        self.loader.keep = (count > 0).then_some((count, to));
    }

    /// The registered connections of SDKs.
    #[must_use]
    pub fn sdk_connections(&self) -> Vec<ConnectionId> {
        self.connections.sdks(usize::MAX)
    }

    /// Asks a connection to go elsewhere at once, wherever that is.
    pub fn evict(&mut self, now: Duration, connection: ConnectionId) {
        self.reset(now, connection, None);
    }

    /// Whether a reset still waits for its answer.
    #[must_use]
    pub fn awaits_reset(&self, now: Duration, request_id: u64) -> bool {
        self.loader.awaited.get(&request_id).is_some_and(|until| *until > now)
    }

    /// Asks the connections that are too many. The real server waits for each answer before it asks the next; here all
    /// are asked at once.
    pub(super) fn eject(&mut self, now: Duration) {
        self.loader.awaited.retain(|_, until| *until > now);
        let Some((keep, to)) = self.loader.keep.take() else { return };
        let too_many = self.connections.registered_count().saturating_sub(keep);
        for connection in self.connections.sdks(too_many) {
            self.reset(now, connection, to.as_ref());
        }
    }

    /// Takes the answer to a reset in; `false` when `request_id` is not one.
    pub(super) fn reset_answered(&mut self, request_id: u64) -> bool {
        self.loader.awaited.remove(&request_id).is_some()
    }

    /// Refuses a connection that is one too many: it is closed without a word.
    pub(super) fn refuse_if_full(&mut self, connection: ConnectionId) -> bool {
        let is_full = self.is_full() && !self.connections.is_registered(connection);
        if is_full {
            self.close_with(connection, CloseReason::Full);
        }
        is_full
    }

    fn reset(&mut self, now: Duration, connection: ConnectionId, to: Option<&Redirect>) -> u64 {
        self.last_request_id += 1;
        let request_id = self.last_request_id;
        self.loader.awaited.insert(request_id, now + self.settings.reset_answer_timeout);
        self.outputs.push(Output::Reset { connection, request_id, to: to.cloned() });
        request_id
    }
}
