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

use shakedown_model::event::{Event, LossCause, Path};
use shakedown_model::plan::{ClientDefect, Failover, Habits, Protocol};
use shakedown_model::{ItemId, Offset, Seed, WatcherId};

use crate::item::{Flag, Held};
use crate::items::Items;
use crate::limiter::Limiter;
use crate::link::Link;
use crate::pacer::Pacer;
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
    /// gRPC: the stream is open and health checks probe whether the server accepted it.
    Probing,
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
    /// When it is due to be answered from what is there, asked again, or given up.
    look_at: Offset,
    /// Until when it tries for a connection.
    tries_until: Offset,
    /// Whether the server was asked and has yet to answer.
    is_asked: bool,
}

/// One watcher.
///
/// ```
/// use shakedown_watcher::{Action, Input, Watcher};
/// # use std::sync::Arc;
/// # use shakedown_model::{backoff::Backoff, plan::*, ItemId, NodeId, Offset, Seed, WatcherId};
/// # use shakedown_watcher::Rules;
/// let client = ClientSpec::new(Protocol::NacosHttp, Backoff::NACOS_JAVA);
/// let rules = Arc::new(Rules { client, run_id: 1, nodes: 1, may_be_absent: false, reads_per_second: 0.0, seed: Seed(1) });
/// let mut watcher = Watcher::new(WatcherId(0), &[ItemId(0)], rules);
/// let mut actions = Vec::new();
/// watcher.step(Offset::ZERO, Input::Start, &mut actions);
/// assert_eq!(actions, [Action::Connect { node: NodeId(0) }]);
/// assert_eq!(watcher.deadline(), Offset::from_secs(5)); // The attempt may take this long.
/// ```
#[derive(Debug, Clone)]
pub struct Watcher {
    rules: Arc<Rules>,
    items: Items,
    pending_reads: VecDeque<PendingRead>,
    seed: Seed,
    id: WatcherId,
    /// Connections lost so far: numbers the outages, each of which draws from its own seed.
    outage: u32,
    /// The number of the attempt that runs or comes next.
    attempt: u32,
    /// Places of the node order that were used up.
    turn: u32,
    phase: Phase,
    in_flight: InFlight,
    health_tries: u8,
    /// Health checks of the handshake so far.
    probes: u8,
    /// Attempts left that count as the first of this life.
    startup_left: u8,
    /// Whether a request failed, and the health check is to tell what that means.
    is_in_doubt: bool,
    /// Whether it was a health check that found the connection lost.
    was_found_by_check: bool,
    /// Whether anything that proves life, but the answer to a health check, was heard since the last tick.
    is_active: bool,
    /// Who handles pushes and who lists wait for each other, for the rest of this life.
    is_stuck: bool,
    /// The connection ended, and the client has not noticed yet.
    ended: Option<LossCause>,
    link: Link,
    limiter: Option<Box<Limiter>>,
    pacer: Option<Box<Pacer>>,
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
    /// The signal that led to the fetch in flight; [`Offset::NEVER`] for none.
    fetch_signal: Offset,
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
        Self {
            items: Items::new(items),
            pending_reads: VecDeque::new(),
            seed,
            id,
            outage: 0,
            attempt: 0,
            turn: 0,
            phase: Phase::Dead,
            in_flight: InFlight::Nothing,
            health_tries: 0,
            probes: 0,
            startup_left: 0,
            is_in_doubt: false,
            was_found_by_check: false,
            is_active: false,
            is_stuck: false,
            ended: None,
            link: Link::default(),
            limiter: None,
            pacer: Pacer::new(rules.client.pace, seed),
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
            fetch_signal: Offset::NEVER,
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
        self.is_active |= match input {
            Input::Reply(_) | Input::Read { reply: Some(_), .. } => true,
            Input::Notify(_) | Input::Detect | Input::ConnectReset | Input::SetupAck => {
                self.habits().pushes_prove_life
            }
            _ => false,
        };
        match input {
            Input::Start => self.begin_life(now, out),
            Input::Timer => self.on_timer(now, out),
            Input::Connected => self.on_connected(now, out),
            Input::AttemptFailed(outcome) => self.fail_attempt(now, outcome, out),
            Input::Reply(reply) => self.on_reply(now, reply, out),
            Input::Read { id, reply } => self.on_read(now, id, reply, out),
            Input::Health(health) => self.on_health(now, health, out),
            Input::SetupAck => self.on_setup_ack(now, out),
            Input::Notify(item) => self.on_notify(now, item, out),
            Input::Detect => out.push(Action::Ack),
            Input::ConnectReset => {
                out.push(Action::Ack);
                self.lose(now, LossCause::Closed, out);
            }
            Input::Lost(cause) => self.end(now, cause, false, out),
            Input::StreamEnded => self.end(now, LossCause::Closed, true, out),
            Input::Crash => self.crash(now, out),
            Input::ColdStart => self.cold_start(now, out),
            Input::Snapshot { item, content } => self.on_snapshot(now, item, content, out),
            Input::Override { item, content } => self.on_override(now, item, content, out),
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
            Phase::Probing | Phase::SettingUp => self.attempt_deadline.min(self.settled_at),
            Phase::Up => self
                .request_deadline
                .min(self.health_deadline)
                .min(self.health_due)
                .min(self.resync_due)
                .min(self.retry_at)
                .min(self.limiter.as_ref().map_or(Offset::NEVER, |limiter| limiter.waits_until()))
                .min(self.pacer.as_ref().map_or(Offset::NEVER, |pacer| pacer.wakes_at())),
        };
        connection.min(self.read_due).min(self.reads_due())
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
    pub fn held(&self) -> impl Iterator<Item = Held> + '_ {
        self.items.held(|_| true)
    }

    /// What the [`Request::Listen`](crate::Request::Listen) in flight sends.
    pub fn listed(&self) -> impl Iterator<Item = Held> + '_ {
        self.items.held(|item| item.is(Flag::Listed))
    }

    fn protocol(&self) -> Protocol {
        self.rules.client.protocol
    }

    fn habits(&self) -> &Habits {
        &self.rules.client.habits
    }

    /// When a request that is sent now is given up.
    fn request_deadline(&self, now: Offset) -> Offset {
        let client = &self.rules.client;
        if client.habits.requests_time_out { now + client.request_timeout } else { Offset::NEVER }
    }

    /// Marks every item that the server is asked about.
    fn mark_all(&mut self, flag: Flag) {
        self.items.iter_mut().filter(|item| !item.is(Flag::Overridden)).for_each(|item| item.set(flag));
    }

    fn on_timer(&mut self, now: Offset, out: &mut Vec<Action>) {
        self.read_on_time(now, out);
        match self.phase {
            Phase::Dead => {}
            Phase::Waiting if now >= self.attempt_deadline => self.begin_attempt(now, out),
            Phase::SettingUp if now >= self.settled_at => self.be_up(now, out),
            Phase::Probing if now >= self.settled_at => self.probe(now, out),
            Phase::Connecting | Phase::Checking | Phase::Probing | Phase::SettingUp | Phase::Proving
                if now >= self.attempt_deadline =>
            {
                self.lose(now, LossCause::RequestTimeout, out);
            }
            Phase::Waiting
            | Phase::Connecting
            | Phase::Checking
            | Phase::Probing
            | Phase::SettingUp
            | Phase::Proving => {}
            Phase::Up if now >= self.request_deadline => self.give_up_request(now, out),
            Phase::Up => {
                self.check_health(now, out);
                let is_round = now >= self.retry_at;
                self.list_on_time(now);
                if is_round && self.rules.has_defect(ClientDefect::CallAgain) {
                    self.call_again(now, out);
                }
            }
        }
    }

    /// Sends the next request, if one is due and none is in flight.
    fn ask_next(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.phase != Phase::Up || self.in_flight != InFlight::Nothing || self.is_in_doubt || self.is_stuck
        {
            return;
        }
        if let Some(cause) = self.ended {
            // A request is when a client that does not look notices.
            if self.items.iter().any(|item| item.is(Flag::Dirty) || item.is(Flag::Unsynced)) {
                self.lose(now, cause, out);
            }
            return;
        }
        if self.pacer.as_mut().is_some_and(|pacer| !pacer.may_ask(now)) {
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
        if self.phase != Phase::Dead {
            out.push(Action::Close);
        }
        self.forget_connection();
        self.phase = Phase::Dead;
        self.resync_due = Offset::NEVER;
        self.pending_reads.clear();
        self.has_been_up = false;
        self.outage += 1;
        self.is_stuck = false;
        self.items.forget();
    }

    fn cold_start(&mut self, now: Offset, out: &mut Vec<Action>) {
        if self.phase != Phase::Dead {
            return;
        }
        out.push(Action::Record(Event::ColdStart { at: now, watcher: self.id }));
        self.is_cold_life = true;
        // A file that overrides the server comes before the snapshot as well.
        if self.rules.serves_snapshots() && self.rules.client.failover == Failover::None {
            out.push(Action::LoadSnapshots);
        }
        self.begin_life(now, out);
    }
}
