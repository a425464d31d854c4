//! Transports, the Nacos connections registered on them, what these listen to, and the eviction of idle ones
//! (nacos-facts.md §2.3, §2.4).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shakedown_nacos::ConfigKey;

use super::loader::{ClientInfo, Registration};
use super::polls::Listen;
use super::row::Caller;

/// A connection whose out queue stays full for this long is evicted (real: 300 s).
pub(super) const BLOCKED_EVICTION: Duration = Duration::from_secs(300);

/// A TCP connection, as the core numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

#[derive(Debug)]
struct Connection {
    name: Arc<str>,
    peer: SocketAddr,
    opened_at_ms: u64,
    client: ClientInfo,
    registered: Option<Registered>,
}

#[derive(Debug)]
struct Registered {
    active_at: Duration,
    blocked_since: Option<Duration>,
    caller: Caller,
    listens: BTreeMap<Arc<ConfigKey>, Listen>,
}

/// The idle scan: asks, waits for the answers, evicts, and rests for one period.
#[derive(Debug)]
enum Scan {
    Rests { until: Duration },
    Awaits { until: Duration, asked: BTreeMap<u64, ConnectionId> },
}

/// What a step of the idle scan asks for.
#[derive(Debug, Default)]
pub(super) struct ScanStep {
    pub(super) asks: Vec<(ConnectionId, u64)>,
    pub(super) evicts: Vec<ConnectionId>,
    /// Whether a scan has ended, with its answers or without.
    pub(super) is_over: bool,
}

/// The periods of the idle scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdleRule {
    pub(super) after: Duration,
    pub(super) scan: Duration,
    pub(super) answer: Duration,
}

#[derive(Debug)]
pub(super) struct Connections {
    rule: IdleRule,
    last_id: u64,
    open: BTreeMap<ConnectionId, Connection>,
    registered_count: usize,
    /// By key, with whether they named the public namespace.
    listeners: BTreeMap<Arc<ConfigKey>, BTreeMap<ConnectionId, bool>>,
    scan: Scan,
    /// All questions of a scan were answered since its last step.
    is_over: bool,
}

impl Connections {
    pub(super) fn new(rule: IdleRule) -> Self {
        // A scan without a pause would never let the caller's loop rest.
        let rule = IdleRule { scan: rule.scan.max(Duration::from_millis(1)), ..rule };
        Self {
            rule,
            last_id: 0,
            open: BTreeMap::new(),
            registered_count: 0,
            listeners: BTreeMap::new(),
            scan: Scan::Rests { until: rule.scan },
            is_over: false,
        }
    }

    /// A new transport; its name is `<millis>_<remoteIp>_<remotePort>`.
    pub(super) fn open(&mut self, wall_ms: u64, peer: SocketAddr) -> ConnectionId {
        self.last_id += 1;
        let id = ConnectionId(self.last_id);
        let name = format!("{wall_ms}_{}_{}", peer.ip(), peer.port()).into();
        let client = ClientInfo::default();
        self.open.insert(id, Connection { name, peer, opened_at_ms: wall_ms, client, registered: None });
        id
    }

    pub(super) fn name(&self, id: ConnectionId) -> Option<Arc<str>> {
        self.open.get(&id).map(|connection| Arc::clone(&connection.name))
    }

    /// Registers a transport; `false` when it is gone or registered already. A client that declares no address has
    /// that of the transport.
    pub(super) fn register(&mut self, now: Duration, id: ConnectionId, mut caller: Caller) -> bool {
        let Some(connection) = self.open.get_mut(&id) else { return false };
        if connection.registered.is_some() {
            return false;
        }
        if caller.ip.is_empty() {
            caller.ip = connection.peer.ip().to_string().into();
        }
        connection.registered =
            Some(Registered { active_at: now, blocked_since: None, caller, listens: BTreeMap::new() });
        self.registered_count += 1;
        true
    }

    /// Takes down what a client said of itself.
    pub(super) fn introduce(&mut self, id: ConnectionId, client: ClientInfo) {
        if let Some(connection) = self.open.get_mut(&id) {
            connection.client = client;
        }
    }

    /// The registered connection of an SDK that has this name.
    pub(super) fn sdk_named(&self, name: &str) -> Option<ConnectionId> {
        let is_it = |(_, connection): &(&ConnectionId, &Connection)| {
            *connection.name == *name && connection.registered.is_some() && connection.client.is_sdk()
        };
        self.open.iter().find(is_it).map(|(id, _)| *id)
    }

    /// Registered connections of SDKs, `count` of them at most, the oldest first.
    pub(super) fn sdks(&self, count: usize) -> Vec<ConnectionId> {
        let is_sdk = |connection: &Connection| connection.registered.is_some() && connection.client.is_sdk();
        self.open.iter().filter(|(_, one)| is_sdk(one)).take(count).map(|(id, _)| *id).collect()
    }

    /// Every registered connection of a node that started at `started_at_ms` of the Unix epoch.
    pub(super) fn registrations(&self, started_at_ms: u64) -> Vec<Registration> {
        let registered = self.open.iter().filter_map(|(id, one)| {
            let registered = one.registered.as_ref()?;
            let active_ms = u64::try_from(registered.active_at.as_millis()).unwrap_or(u64::MAX);
            Some(Registration {
                connection: *id,
                name: Arc::clone(&one.name),
                client_ip: Arc::clone(&registered.caller.ip),
                remote: one.peer,
                opened_at_ms: one.opened_at_ms,
                active_at_ms: started_at_ms.saturating_add(active_ms),
                client: one.client.clone(),
                is_blocked: registered.blocked_since.is_some(),
            })
        });
        registered.collect()
    }

    pub(super) fn open_count(&self) -> usize {
        self.open.len()
    }

    pub(super) fn is_registered(&self, id: ConnectionId) -> bool {
        self.open.get(&id).is_some_and(|connection| connection.registered.is_some())
    }

    pub(super) const fn registered_count(&self) -> usize {
        self.registered_count
    }

    /// Ends a transport and all that lives with it.
    pub(super) fn close(&mut self, id: ConnectionId) {
        let Some(connection) = self.open.remove(&id) else { return };
        if let Some(registered) = connection.registered {
            self.registered_count -= 1;
            for key in registered.listens.keys() {
                self.forget_listener(key, id);
            }
        }
    }

    pub(super) fn touch(&mut self, now: Duration, id: ConnectionId) {
        if let Some(registered) = self.registered(id) {
            registered.active_at = now;
        }
    }

    /// Remembers that the out queue is full; `true` when it has been for too long in a row.
    pub(super) fn blocked(&mut self, now: Duration, id: ConnectionId) -> bool {
        self.registered(id).is_some_and(|registered| {
            let since = *registered.blocked_since.get_or_insert(now);
            now.saturating_sub(since) > BLOCKED_EVICTION
        })
    }

    pub(super) fn unblocked(&mut self, id: ConnectionId) {
        if let Some(registered) = self.registered(id) {
            registered.blocked_since = None;
        }
    }

    pub(super) fn listen(&mut self, id: ConnectionId, key: &Arc<ConfigKey>, listen: Listen) {
        let names_public = listen.names_public;
        if let Some(registered) = self.registered(id) {
            registered.listens.insert(Arc::clone(key), listen);
            self.listeners.entry(Arc::clone(key)).or_default().insert(id, names_public);
        }
    }

    pub(super) fn unlisten(&mut self, id: ConnectionId, key: &ConfigKey) {
        if self.registered(id).is_some_and(|registered| registered.listens.remove(key).is_some()) {
            self.forget_listener(key, id);
        }
    }

    /// Who listens to `key`, each with whether it named the public namespace.
    pub(super) fn listeners(&self, key: &ConfigKey) -> Vec<(ConnectionId, bool)> {
        self.listeners
            .get(key)
            .map(|ids| ids.iter().map(|(id, names_public)| (*id, *names_public)).collect())
            .unwrap_or_default()
    }

    /// The client behind a registered connection.
    pub(super) fn caller(&self, id: ConnectionId) -> Option<&Caller> {
        self.open.get(&id)?.registered.as_ref().map(|registered| &registered.caller)
    }

    /// Every listen of every registered connection.
    pub(super) fn listens(&self) -> impl Iterator<Item = (&Caller, &Arc<ConfigKey>, &Listen)> {
        let registered = self.open.values().filter_map(|connection| connection.registered.as_ref());
        registered.flat_map(|one| one.listens.iter().map(|(key, listen)| (&one.caller, key, listen)))
    }

    /// When the scan has something to do; never while nobody is registered.
    pub(super) fn scan_due(&self) -> Option<Duration> {
        match &self.scan {
            _ if self.is_over => Some(Duration::ZERO),
            Scan::Rests { until } => (self.registered_count > 0).then_some(*until),
            Scan::Awaits { until, .. } => Some(*until),
        }
    }

    /// Takes the answer to a detection in; `false` when `request_id` is not one.
    pub(super) fn answered(
        &mut self,
        now: Duration,
        id: ConnectionId,
        request_id: u64,
        is_success: bool,
    ) -> bool {
        let Scan::Awaits { asked, .. } = &mut self.scan else { return false };
        if asked.get(&request_id) != Some(&id) {
            return false;
        }
        if is_success {
            asked.remove(&request_id);
            if asked.is_empty() {
                self.scan = Scan::Rests { until: now + self.rule.scan };
                self.is_over = true;
            }
        }
        true
    }

    /// Runs the scan as far as it is due; `next_request_id` numbers the questions.
    pub(super) fn run_scan(&mut self, now: Duration, next_request_id: &mut u64) -> ScanStep {
        let mut step = ScanStep { is_over: std::mem::take(&mut self.is_over), ..ScanStep::default() };
        match &self.scan {
            Scan::Rests { until } | Scan::Awaits { until, .. } if *until > now => {}
            Scan::Awaits { asked, .. } => {
                step.evicts = asked.values().copied().collect();
                step.is_over = true;
                self.scan = Scan::Rests { until: now + self.rule.scan };
            }
            Scan::Rests { .. } => {
                step.asks = self.ask_idle(now, next_request_id);
                step.is_over = step.asks.is_empty();
            }
        }
        step
    }

    fn ask_idle(&mut self, now: Duration, next_request_id: &mut u64) -> Vec<(ConnectionId, u64)> {
        let is_idle = |registered: &Registered| now.saturating_sub(registered.active_at) >= self.rule.after;
        let asks: Vec<_> = self
            .open
            .iter()
            .filter(|(_, connection)| connection.registered.as_ref().is_some_and(is_idle))
            .map(|(id, _)| {
                *next_request_id += 1;
                (*id, *next_request_id)
            })
            .collect();
        self.scan = if asks.is_empty() {
            Scan::Rests { until: now + self.rule.scan }
        } else {
            let asked = asks.iter().map(|(id, request_id)| (*request_id, *id)).collect();
            Scan::Awaits { until: now + self.rule.answer, asked }
        };
        asks
    }

    fn registered(&mut self, id: ConnectionId) -> Option<&mut Registered> {
        self.open.get_mut(&id)?.registered.as_mut()
    }

    fn forget_listener(&mut self, key: &ConfigKey, id: ConnectionId) {
        if let Some(ids) = self.listeners.get_mut(key) {
            ids.remove(&id);
            if ids.is_empty() {
                self.listeners.remove(key);
            }
        }
    }
}
