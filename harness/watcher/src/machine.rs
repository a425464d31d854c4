//! The machine: one watcher's state and the step that moves it.
//!
//! Connections are in `connect`, what a protocol asks next in `grpc` and `http`, what becomes of an answer in
//! `answer`, and an application's reads in `reads`.

mod answer;
mod connect;
mod grpc;
mod http;
mod reads;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use shakedown_model::event::{Event, LossCause, Path};
use shakedown_model::plan::{Cache, Protocol};
use shakedown_model::{ItemId, Offset, Seed, WatcherId};

use crate::item::{Flag, Held, Item};
use crate::rules::Rules;
use crate::{Action, Input};

/// How far a watcher's connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Not started, or crashed.
    Dead,
    /// Between attempts.
    Waiting,
    /// The transport is being made.
    Connecting,
    /// gRPC: the server check is out.
    Checking,
    /// gRPC: the stream is open, the server has yet to accept it.
    SettingUp,
    /// HTTP: the first request of the connection is out. Its answer ends the attempt.
    Proving,
    /// Through the handshake.
    Up,
}

/// The request in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InFlight {
    Nothing,
    Check,
    Listen,
    /// A query or a get of the item with this index.
    Fetch(u16),
    Poll,
}

/// A read that nothing could answer yet.
#[derive(Debug, Clone, Copy)]
struct PendingRead {
    intended: Offset,
    item: u16,
}

/// One watcher.
///
/// ```
/// use shakedown_watcher::{Action, Input, Watcher};
/// # use std::sync::Arc;
/// # use shakedown_model::{backoff::Backoff, plan::*, ItemId, NodeId, Offset, Seed, WatcherId};
/// # use shakedown_watcher::Rules;
/// let client = ClientSpec::new(Protocol::NacosHttp, Backoff::NacosJava);
/// let rules = Arc::new(Rules { client, run_id: 1, nodes: 1, reads_per_second: 0.0, seed: Seed(1) });
/// let mut watcher = Watcher::new(WatcherId(0), &[ItemId(0)], rules);
/// let mut actions = Vec::new();
/// watcher.step(Offset::ZERO, Input::Start, &mut actions);
/// assert_eq!(actions, [Action::Connect { node: NodeId(0) }]);
/// assert_eq!(watcher.deadline(), Offset::from_secs(5)); // The attempt may take this long.
/// ```
#[derive(Debug, Clone)]
pub struct Watcher {
    rules: Arc<Rules>,
    items: Box<[Item]>,
    pending_reads: VecDeque<PendingRead>,
    seed: Seed,
    id: WatcherId,
    /// Connections lost so far: numbers the outages, each of which draws from its own seed.
    outage: u32,
    /// The number of the attempt that runs or comes next.
    attempt: u32,
    node: u16,
    phase: Phase,
    in_flight: InFlight,
    health_tries: u8,
    /// Why the next list is made: the path of the changes that it names.
    list_path: Path,
    fetch_path: Path,
    is_subscribed: bool,
    /// Whether the server answered a list of all items on this connection.
    is_listening: bool,
    /// Whether the list in flight is of all items.
    lists_all: bool,
    /// Whether this life has been through a handshake.
    has_been_up: bool,
    /// Whether this life began with a cold start.
    is_cold_life: bool,
    lost_at: Offset,
    waited_from: Offset,
    started: Offset,
    /// The end of the pause, or of the time that the attempt may take.
    attempt_deadline: Offset,
    /// When the pause after the stream's opening is over.
    settled_at: Offset,
    sent_at: Offset,
    request_deadline: Offset,
    fetch_signal: Option<Offset>,
    health_deadline: Offset,
    health_due: Offset,
    resync_due: Offset,
    /// After trouble with an answer: when to ask again.
    retry_at: Offset,
    read_due: Offset,
}

impl Watcher {
    /// A watcher of `items` (at most 65,536), not yet started.
    #[must_use]
    pub fn new(id: WatcherId, items: &[ItemId], rules: Arc<Rules>) -> Self {
        let seed = rules.seed.nth(u64::from(id.0));
        let node = u16::try_from(seed.child("node").below(0, u64::from(rules.nodes))).unwrap_or(0);
        Self {
            items: items.iter().take(usize::from(u16::MAX) + 1).map(|item| Item::new(*item)).collect(),
            pending_reads: VecDeque::new(),
            seed,
            id,
            outage: 0,
            attempt: 0,
            node,
            phase: Phase::Dead,
            in_flight: InFlight::Nothing,
            health_tries: 0,
            list_path: Path::Initial,
            fetch_path: Path::Initial,
            is_subscribed: false,
            is_listening: false,
            lists_all: false,
            has_been_up: false,
            is_cold_life: false,
            lost_at: Offset::ZERO,
            waited_from: Offset::ZERO,
            started: Offset::ZERO,
            attempt_deadline: Offset::NEVER,
            settled_at: Offset::NEVER,
            sent_at: Offset::ZERO,
            request_deadline: Offset::NEVER,
            fetch_signal: None,
            health_deadline: Offset::NEVER,
            health_due: Offset::NEVER,
            resync_due: Offset::NEVER,
            retry_at: Offset::NEVER,
            read_due: Offset::NEVER,
            rules,
        }
    }

    /// Moves the watcher. What it wants done is appended to `out`.
    ///
    /// `now` is the receive stamp for inputs from the network, else the present. An input that cannot happen in the
    /// present state (an answer that nothing asked for) changes nothing.
    pub fn step(&mut self, now: Offset, input: Input<'_>, out: &mut Vec<Action>) {
        match input {
            Input::Start => self.begin_life(now, out),
            Input::Timer => self.on_timer(now, out),
            Input::Connected => self.on_connected(now, out),
            Input::AttemptFailed(outcome) => self.fail_attempt(now, outcome, out),
            Input::Reply(reply) => self.on_reply(now, reply, out),
            Input::Health(health) => self.on_health(now, health, out),
            Input::SetupAck => self.on_setup_ack(now, out),
            Input::Notify(item) => self.on_notify(now, item, out),
            Input::Detect => out.push(Action::Ack),
            Input::ConnectReset => {
                out.push(Action::Ack);
                self.lose(now, LossCause::Closed, out);
            }
            Input::Lost(cause) => self.lose(now, cause, out),
            Input::Crash => self.crash(now, out),
            Input::ColdStart => self.cold_start(now, out),
            Input::Snapshot { item, content } => self.on_snapshot(item, content),
        }
        self.ask_next(now, out);
        self.answer_pending(now, out);
    }

    /// When the next [`Input::Timer`] is due; [`Offset::NEVER`] when none is. It may change with every step.
    #[must_use]
    pub fn deadline(&self) -> Offset {
        if self.phase == Phase::Dead {
            return Offset::NEVER;
        }
        let connection = match self.phase {
            Phase::Dead | Phase::Waiting | Phase::Connecting | Phase::Checking | Phase::Proving => {
                self.attempt_deadline
            }
            Phase::SettingUp => self.attempt_deadline.min(self.settled_at),
            Phase::Up => self
                .request_deadline
                .min(self.health_deadline)
                .min(self.health_due)
                .min(self.resync_due)
                .min(self.retry_at),
        };
        connection.min(self.read_due).min(self.first_read_expiry())
    }

    /// The watcher's id.
    #[must_use]
    pub const fn id(&self) -> WatcherId {
        self.id
    }

    /// Whether it is subscribed to all its items.
    #[must_use]
    pub const fn is_subscribed(&self) -> bool {
        self.is_subscribed
    }

    /// Every item with the MD5 that is held: what [`Request::Poll`](crate::Request::Poll) sends.
    pub fn held(&self) -> impl ExactSizeIterator<Item = Held> + '_ {
        self.items.iter().map(Item::held)
    }

    /// What the [`Request::Listen`](crate::Request::Listen) in flight sends.
    pub fn listed(&self) -> impl Iterator<Item = Held> + '_ {
        self.items.iter().filter(|item| item.is(Flag::Listed)).map(Item::held)
    }

    fn protocol(&self) -> Protocol {
        self.rules.client.protocol
    }

    fn request_timeout(&self) -> Duration {
        self.rules.client.request_timeout
    }

    fn index_of(&self, item: ItemId) -> Option<usize> {
        self.items.binary_search_by_key(&item, |item| item.id).ok().or_else(|| {
            // Callers may list items in any order; the plan's are ascending.
            self.items.iter().position(|known| known.id == item)
        })
    }

    fn on_timer(&mut self, now: Offset, out: &mut Vec<Action>) {
        self.read_on_time(now, out);
        match self.phase {
            Phase::Dead => {}
            Phase::Waiting if now >= self.attempt_deadline => self.begin_attempt(now, out),
            Phase::SettingUp if now >= self.settled_at => self.be_up(now, out),
            Phase::Connecting | Phase::Checking | Phase::SettingUp | Phase::Proving
                if now >= self.attempt_deadline =>
            {
                self.lose(now, LossCause::RequestTimeout, out);
            }
            Phase::Waiting | Phase::Connecting | Phase::Checking | Phase::SettingUp | Phase::Proving => {}
            Phase::Up if now >= self.request_deadline => self.lose(now, LossCause::RequestTimeout, out),
            Phase::Up => {
                self.check_health(now, out);
                self.list_on_time(now);
            }
        }
    }

    /// Sends the next request, if one is due and none is in flight.
    fn ask_next(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.phase != Phase::Up || self.in_flight != InFlight::Nothing {
            return;
        }
        match self.protocol() {
            Protocol::NacosGrpc => self.ask_next_grpc(now, out),
            Protocol::NacosHttp => self.ask_next_http(now, out),
        }
    }

    fn be_subscribed(&mut self, now: Offset, out: &mut Vec<Action>) {
        if !self.is_subscribed {
            self.is_subscribed = true;
            out.push(Action::Record(Event::Subscribed { at: now, watcher: self.id }));
        }
    }

    fn crash(&mut self, now: Offset, out: &mut Vec<Action>) {
        out.push(Action::Record(Event::Crash { at: now, watcher: self.id }));
        if !matches!(self.phase, Phase::Dead | Phase::Waiting) {
            out.push(Action::Close);
        }
        self.forget_connection();
        self.phase = Phase::Dead;
        self.pending_reads.clear();
        self.has_been_up = false;
        self.outage += 1;
        for item in &mut self.items {
            *item = Item::new(item.id);
        }
    }

    fn cold_start(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.phase != Phase::Dead {
            return;
        }
        out.push(Action::Record(Event::ColdStart { at: now, watcher: self.id }));
        self.is_cold_life = true;
        if self.rules.client.cache == Cache::Snapshot {
            out.push(Action::LoadSnapshots);
        }
        self.begin_life(now, out);
    }
}
