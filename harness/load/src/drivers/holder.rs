//! One process of real clients through a run: its clients started on their ramp, its events recorded, its lives.

mod lives;

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use shakedown_drivers::protocol::{Command, Event as Told, Key, What};
use shakedown_drivers::{ClockPair, DriverError, DriverProcess, Incoming, Launch, Place};
use shakedown_model::event::Event;
use shakedown_model::plan::GroupSpec;
use shakedown_model::{Offset, Plan, payload};
use shakedown_record::{Clock, Recorder};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::client::{Client, Terms};
use super::connections::Connections;
use super::prepare::{Held, HeldClient};
use super::reads::Reads;
use super::sights::Sight;
use crate::watchers::{Board, WatcherLife};

/// An application whose client could not be made, or whose listener was refused, tries again after this.
const RETRY: Duration = Duration::from_secs(1);

/// What all holders of a run share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    clock: Clock,
    pair: ClockPair,
    recorder: Recorder,
    board: Arc<Board>,
    /// Why a process is of no use any more, the first of all.
    trouble: Arc<Mutex<Option<String>>>,
}

impl Shared {
    /// Pairs the run's clock with the one that drivers tell, once for all of them.
    pub(crate) fn new(
        clock: Clock,
        recorder: Recorder,
        board: Arc<Board>,
        trouble: Arc<Mutex<Option<String>>>,
    ) -> Self {
        Self { clock, pair: ClockPair::now(), recorder, board, trouble }
    }
}

/// What a client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its process, after a crash.
    Dead,
    /// The moment at which its life begins.
    Due(Offset),
    /// The moment at which it is made again, in a life that has begun.
    Again(Offset),
    /// The answer to `start`.
    Starting,
    /// Nothing: it was made.
    Made,
}

/// A client with what is known of it.
#[derive(Debug)]
struct OwnClient {
    client: Client,
    connections: Connections,
    reads: Reads,
    start: Command,
    stage: Stage,
    /// Since when every listener of this life is registered, while its first connection is not known yet.
    listens_since: Option<Offset>,
    /// Listeners that are registered again, and when.
    again: BTreeMap<String, (Offset, Key)>,
}

/// A process of real clients, and all that its task needs.
pub(crate) struct Holder {
    shared: Shared,
    launch: Launch,
    place: Place,
    process: Option<DriverProcess>,
    starting: Option<BoxFuture<'static, Result<DriverProcess, DriverError>>>,
    clients: Vec<OwnClient>,
    life: WatcherLife,
    sights: mpsc::Receiver<Sight>,
    /// Whether the proxy tells of the clients' connections, so that their absence means something.
    is_tapped: bool,
}

impl Holder {
    /// A holder whose clients start on the group's ramp from `from` on.
    pub(crate) fn new(
        held: Held,
        plan: &Plan,
        (run_id, from): (u64, Offset),
        life: WatcherLife,
        shared: Shared,
    ) -> Self {
        let Held { group, launch, place, process, clients, sights } = held;
        let group = &plan.groups[group.index()];
        let own = clients.into_iter().map(|held| own_client(held, plan, group, (run_id, from))).collect();
        Self {
            shared,
            launch,
            place,
            process: Some(process),
            starting: None,
            clients: own,
            life,
            sights,
            is_tapped: plan.sees_connections(group),
        }
    }

    /// Runs until the fleet stops, and ends the process in order.
    pub(crate) async fn run(mut self) {
        loop {
            let deadline = self.deadline().unwrap_or(Offset::NEVER);
            let timer = sleep_until(self.shared.clock.instant(deadline));
            tokio::select! {
                biased;
                due = self.life.next() => {
                    if due.stop {
                        return self.stop().await;
                    }
                    if due.crash {
                        self.crash().await;
                    }
                    if due.cold_start {
                        self.start_cold();
                    }
                }
                incoming = next_of(&mut self.process) => self.take(incoming),
                started = started(&mut self.starting) => self.take_process(started),
                Some(sight) = self.sights.recv() => self.see(sight),
                () = timer => {}
            }
            self.do_what_is_due();
        }
    }

    fn deadline(&self) -> Option<Offset> {
        let of_client = |own: &OwnClient| {
            let start = match own.stage {
                Stage::Due(at) | Stage::Again(at) if self.process.is_some() => at,
                _ => Offset::NEVER,
            };
            let again = own.again.values().map(|(at, _)| *at).min().unwrap_or(Offset::NEVER);
            start.min(again).min(own.reads.deadline()).min(own.connections.deadline())
        };
        self.clients.iter().map(of_client).min()
    }

    fn do_what_is_due(&mut self) {
        let now = self.shared.clock.now();
        let mut records = Vec::new();
        for at in 0..self.clients.len() {
            self.start_due(at, now);
            self.listen_again(at, now);
            self.read_due(at, now, &mut records);
            let own = &mut self.clients[at];
            let first = records.len();
            own.connections.settle(now, &mut records);
            own.note_connections(&mut records, first);
        }
        self.record_all(&records);
    }

    fn start_due(&mut self, at: usize, now: Offset) {
        let own = &mut self.clients[at];
        let (Stage::Due(due) | Stage::Again(due)) = own.stage else { return };
        if self.process.is_none() || now < due {
            return;
        }
        if matches!(own.stage, Stage::Due(_)) {
            own.begin(now);
        }
        own.stage = Stage::Starting;
        let start = own.start.clone();
        self.tell(&start);
    }

    fn listen_again(&mut self, at: usize, now: Offset) {
        let own = &mut self.clients[at];
        let due: Vec<Key> =
            own.again.values().filter(|(at, _)| *at <= now).map(|(_, key)| key.clone()).collect();
        own.again.retain(|_, (at, _)| *at > now);
        for key in due {
            self.tell(&Command::Listen { client: number(at), key });
        }
    }

    fn read_due(&mut self, at: usize, now: Offset, records: &mut Vec<Event>) {
        let own = &mut self.clients[at];
        own.reads.make_due(now);
        let timeout = own.reads.timeout();
        let unsent = if own.stage == Stage::Made { own.reads.take_unsent() } else { Vec::new() };
        // The time-out is the application's; the grace beyond it is for the way of an answer given in time.
        let expired = own.reads.take_expired(now).into_iter();
        records.extend(expired.map(|read| own.client.unanswered(read, read.intended + timeout)));
        let commands: Vec<Command> = unsent
            .into_iter()
            .filter_map(|read| {
                let left = timeout.saturating_sub(now.since(read.intended));
                let timeout_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1);
                let key = own.client.key_of(read.item)?.clone();
                Some(Command::Get { client: number(at), key, id: read.id, timeout_ms })
            })
            .collect();
        commands.iter().for_each(|command| self.tell(command));
    }

    fn take(&mut self, incoming: Incoming) {
        let told = match incoming.what {
            Ok(told) => told,
            Err(error) => return self.fail(with_cause(&error)),
        };
        let Told { at, what } = told;
        let at = self.shared.clock.offset_of(self.shared.pair.instant(at));
        match self.understand(at, what) {
            Ok(record) => self.record_all(record.as_slice()),
            Err(why) => self.fail(format!("driver `{}`: {why}", self.place.label)),
        }
    }

    fn understand(&mut self, at: Offset, what: What) -> Result<Option<Event>, String> {
        let now = self.shared.clock.now();
        let held = self.clients.len();
        let place = |client: u32| {
            let place = usize::try_from(client).ok().filter(|place| *place < held);
            place.ok_or_else(|| format!("it told of client {client}, which it does not hold"))
        };
        let record = match what {
            What::Hello(_) => return Err("it said `hello` twice".to_owned()),
            What::Clock | What::Published { .. } => None,
            What::Log { message } => {
                tracing::info!(driver = self.place.label, message);
                None
            }
            What::Started { client } => {
                self.made(place(client)?);
                None
            }
            What::Listening { client, key } => {
                let is_tapped = self.is_tapped;
                let own = &mut self.clients[place(client)?];
                let all = own.client.listening(at, &key).map_err(|e| e.to_string())?;
                own.subscribed(all, is_tapped)
            }
            What::Value { client, key, content, md5, source } => {
                let own = &mut self.clients[place(client)?];
                let event =
                    own.client.value(at, &key, &content, (&md5, source)).map_err(|e| e.to_string())?;
                if matches!(event, Event::Delivery(_))
                    && payload::claimed(&content).is_some_and(|claimed| claimed.is_invalid)
                {
                    self.shared.board.note_invalid(own.client.watcher());
                }
                Some(event)
            }
            What::Gone { client, key } => {
                Some(self.clients[place(client)?].client.gone(at, &key).map_err(|e| e.to_string())?)
            }
            What::Got { client, id, content, md5, source } => {
                let own = &mut self.clients[place(client)?];
                let is_up = self.is_tapped.then(|| own.connections.is_up());
                // One that was given up has been recorded already.
                let Some(read) = own.reads.answered(id) else { return Ok(None) };
                let content = content.as_deref().map(|content| (content, md5.as_deref().unwrap_or("")));
                Some(own.client.got((read, at), content, source, is_up).map_err(|e| e.to_string())?)
            }
            What::Failed { client, id, key, command, message } => {
                let place = place(client)?;
                tracing::info!(driver = self.place.label, client, command, message, "a command failed");
                self.failed(place, (id, key, &command), (at, now))
            }
        };
        Ok(record)
    }

    /// A client was made: its listeners are registered.
    fn made(&mut self, at: usize) {
        self.clients[at].stage = Stage::Made;
        let keys: Vec<Key> = self.clients[at].client.keys().cloned().collect();
        for key in keys {
            self.tell(&Command::Listen { client: number(at), key });
        }
    }

    /// A command failed: what an application would try again is tried again.
    fn failed(
        &mut self,
        place: usize,
        (id, key, command): (Option<u64>, Option<Key>, &str),
        (at, now): (Offset, Offset),
    ) -> Option<Event> {
        let own = &mut self.clients[place];
        match (command, id, key) {
            ("start", ..) => {
                own.stage = Stage::Again(now + RETRY);
                None
            }
            ("listen", _, Some(key)) => {
                own.again.insert(format!("{}\n{}", key.group, key.data_id), (now + RETRY, key));
                None
            }
            ("get", Some(id), _) => own.reads.answered(id).map(|read| own.client.unanswered(read, at)),
            _ => None,
        }
    }

    fn see(&mut self, sight: Sight) {
        if !self.is_tapped {
            return;
        }
        let at = self.shared.clock.offset_of(sight.at);
        let mut records = Vec::new();
        let own = self.clients.iter_mut().find(|own| own.client.watcher() == sight.watcher);
        if let Some(own) = own {
            own.connections.see(at, (sight.node, sight.connection), sight.seen, &mut records);
            own.note_connections(&mut records, 0);
        }
        self.record_all(&records);
    }

    fn record_all(&self, records: &[Event]) {
        for record in records {
            self.shared.recorder.record(*record);
            self.shared.board.note(record);
        }
    }

    fn tell(&mut self, command: &Command) {
        let told = self.process.as_ref().map(|process| process.send(command));
        if let Some(Err(error)) = told {
            self.fail(error.to_string());
        }
    }

    /// A process that is of no use ends the run; the first trouble is told.
    fn fail(&mut self, why: String) {
        tracing::error!(driver = self.place.label, why);
        self.process = None;
        let mut trouble = self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.get_or_insert(why);
    }
}

fn own_client(held: HeldClient, plan: &Plan, group: &GroupSpec, (run_id, from): (u64, Offset)) -> OwnClient {
    let HeldClient { watcher, items, start } = held;
    let nth = f64::from(watcher.0 - group.first.0);
    let delay = Duration::try_from_secs_f64(nth / group.ramp_per_second).unwrap_or_default();
    let terms =
        Terms { run_id, protocol: group.client.protocol, may_be_absent: plan.mutator.kinds.delete > 0 };
    let seed = plan.seed.child("watchers").nth(u64::from(watcher.0));
    let ids = items.iter().map(|(id, _)| *id).collect();
    OwnClient {
        client: Client::new(watcher, items, terms),
        connections: Connections::new(watcher, u32::from(group.client.habits.startup_tries)),
        reads: Reads::new(group.reads_per_second, group.client.request_timeout, ids, seed),
        start,
        stage: Stage::Due(from + delay),
        listens_since: None,
        again: BTreeMap::new(),
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// What comes next from a process; never while there is none. Cancel-safe.
async fn next_of(process: &mut Option<DriverProcess>) -> Incoming {
    match process {
        Some(process) => process.next().await,
        None => pending().await,
    }
}

/// The process that is being started, once it is; never when none is. Cancel-safe.
async fn started(
    starting: &mut Option<BoxFuture<'static, Result<DriverProcess, DriverError>>>,
) -> Result<DriverProcess, DriverError> {
    match starting {
        Some(start) => start.as_mut().await,
        None => pending().await,
    }
}

fn with_cause(error: &DriverError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
