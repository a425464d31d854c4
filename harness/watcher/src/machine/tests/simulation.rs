//! Watchers and a tiny server in virtual time: a heap of events, no sockets, no clock.
//!
//! The server checks what no client may do: ask twice at once. Everything else is asked of the history.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use proptest::prelude::*;
use shakedown_model::backoff::Backoff;
use shakedown_model::event::{Attempt, AttemptOutcome, Event, LossCause, ReadSource};
use shakedown_model::plan::Cache;
use shakedown_scenario::Sdk;

use super::*;

const ITEMS: u32 = 4;
const DELAY: Duration = Duration::from_millis(3);

/// What goes wrong.
#[derive(Debug, Clone)]
struct Trouble {
    /// From when to when the server is down: connections are cut, and new ones refused.
    down: (Offset, Offset),
    /// When which watcher crashes, when it starts again, and how much of each snapshot it then finds.
    crashes: Vec<(u32, Offset, Offset, Snapshots)>,
}

/// What a cold start finds on disk.
#[derive(Debug, Clone, Copy)]
enum Snapshots {
    Whole,
    Torn,
    Empty,
    Missing,
}

impl Trouble {
    fn down(from: u64, until: u64) -> Self {
        Self { down: (Offset::from_secs(from), Offset::from_secs(until)), crashes: Vec::new() }
    }
}

/// What happens at an instant of virtual time. The number is that of the connection it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Start,
    Timer,
    Connected(u32),
    Refused(u32),
    Cut,
    Crash,
    ColdStart,
    SetupAck(u32),
    Checked(u32),
    Answered(u32, Vec<u32>),
    Content(u32, u32, u32),
    Healthy(u32),
    Notify(u32, u32),
    Read(u32, Offset, u32, u32),
    PollEnd(u32),
    Publish(u32),
}

struct Simulation {
    now: Offset,
    heap: BinaryHeap<Reverse<(Offset, u64, u32, Happens)>>,
    sequence: u64,
    watchers: Vec<Watcher>,
    connections: Vec<u32>,
    /// The polls that hang, by watcher: its connection.
    polls: BTreeMap<u32, u32>,
    listens: BTreeMap<u32, u32>,
    versions: [u32; ITEMS as usize],
    history: Vec<Event>,
    trouble: Trouble,
    /// By watcher: requests without an answer, health checks apart.
    asked: Vec<u32>,
    saved: BTreeMap<(u32, u32), String>,
}

impl Simulation {
    fn new(clients: &[ClientSpec], count: u32, trouble: &Trouble) -> Self {
        let items: Vec<_> = (0..ITEMS).map(ItemId).collect();
        let watchers = (0..count).map(|id| {
            let client = clients[id as usize % clients.len()].clone();
            let rules = Rules {
                client,
                run_id: RUN,
                nodes: 1,
                may_be_absent: false,
                reads_per_second: 0.5,
                seed: Seed(8),
            };
            Watcher::new(WatcherId(id), &items, Arc::new(rules))
        });
        let mut simulation = Self {
            now: Offset::ZERO,
            heap: BinaryHeap::new(),
            sequence: 0,
            watchers: watchers.collect(),
            connections: vec![0; count as usize],
            polls: BTreeMap::new(),
            listens: BTreeMap::new(),
            versions: [1; ITEMS as usize],
            history: Vec::new(),
            trouble: trouble.clone(),
            asked: vec![0; count as usize],
            saved: BTreeMap::new(),
        };
        for id in 0..count {
            simulation.at(Offset::from_millis(u64::from(id)), id, Happens::Start);
            simulation.at(trouble.down.0, id, Happens::Cut);
        }
        for (id, crash, cold_start, _) in &trouble.crashes {
            simulation.at(*crash, *id, Happens::Crash);
            simulation.at(*cold_start, *id, Happens::ColdStart);
        }
        for n in 0..80_u32 {
            simulation.at(Offset::from_millis(u64::from(n) * 500 + 1), 0, Happens::Publish(n % ITEMS));
        }
        simulation
    }

    fn at(&mut self, when: Offset, watcher: u32, what: Happens) {
        self.sequence += 1;
        self.heap.push(Reverse((when, self.sequence, watcher, what)));
    }

    fn soon(&mut self, watcher: u32, what: Happens) {
        self.at(self.now + DELAY, watcher, what);
    }

    fn is_down(&self) -> bool {
        self.trouble.down.0 <= self.now && self.now < self.trouble.down.1
    }

    fn run(&mut self, until: Offset) {
        while let Some(Reverse((when, _, watcher, what))) = self.heap.pop().filter(|next| next.0.0 <= until) {
            self.now = when;
            self.happen(watcher, what);
        }
    }

    fn happen(&mut self, id: u32, what: Happens) {
        let connection = self.connections[id as usize];
        match what {
            Happens::Publish(item) => self.publish(item),
            Happens::Start => self.input(id, Input::Start),
            Happens::Timer if self.watchers[id as usize].deadline() <= self.now => {
                self.input(id, Input::Timer);
            }
            Happens::Connected(of) if of == connection => self.input(id, Input::Connected),
            Happens::Refused(of) if of == connection => {
                self.input(id, Input::AttemptFailed(AttemptOutcome::Refused));
            }
            Happens::Cut => {
                // What was under way on the connection is lost with it.
                self.hang_up(id);
                self.input(id, Input::Lost(LossCause::Reset));
            }
            Happens::Crash => self.input(id, Input::Crash),
            Happens::ColdStart => self.input(id, Input::ColdStart),
            Happens::SetupAck(of) if of == connection => self.input(id, Input::SetupAck),
            Happens::Checked(of) if of == connection => {
                self.asked[id as usize] = 0;
                self.input(id, Input::Reply(Reply::Checked { will_ack_setup: true }));
            }
            Happens::Answered(of, items) if of == connection => {
                let items: Vec<_> = items.into_iter().map(ItemId).collect();
                self.asked[id as usize] = 0;
                self.input(id, Input::Reply(Reply::Changed(&items)));
            }
            Happens::Content(of, item, version) if of == connection => {
                let text = content(item, version);
                self.asked[id as usize] = 0;
                self.input(id, Input::Reply(Reply::Content { text: &text, md5: None }));
            }
            Happens::Healthy(of) if of == connection => self.input(id, Input::Health(Ok(()))),
            Happens::Notify(of, item) if of == connection => self.input(id, Input::Notify(ItemId(item))),
            // Over HTTP a read has a connection of its own.
            Happens::Read(_, read, ..) if self.polls_by_http(id) && self.is_down() => {
                self.input(id, Input::Read { id: read, reply: None });
            }
            Happens::Read(of, read, item, version) if of == connection || self.polls_by_http(id) => {
                let text = content(item, version);
                let reply = Some(Reply::Content { text: &text, md5: None });
                self.input(id, Input::Read { id: read, reply });
            }
            Happens::PollEnd(of) if self.polls.get(&id) == Some(&of) => {
                self.polls.remove(&id);
                self.soon(id, Happens::Answered(of, Vec::new()));
            }
            _ => {}
        }
    }

    fn input(&mut self, id: u32, input: Input<'_>) {
        let mut out = Vec::new();
        let mut loads = false;
        self.watchers[id as usize].step(self.now, input, &mut out);
        for action in out {
            match action {
                Action::Connect { .. } => self.connect(id),
                Action::Close | Action::Abandon { .. } => self.hang_up(id),
                Action::Send(request) => self.serve(id, request),
                Action::Record(event) => self.history.push(event),
                Action::SaveSnapshot(item) => {
                    let Input::Reply(Reply::Content { text, .. }) = input else { panic!("nothing to save") };
                    self.saved.insert((id, item.0), text.to_owned());
                }
                Action::LoadSnapshots => loads = true,
                Action::Read { id: read, item, .. } => {
                    let connection = self.connections[id as usize];
                    let version = self.versions[item.index()];
                    self.soon(id, Happens::Read(connection, read, item.0, version));
                }
                Action::DropRead { .. } | Action::Ack | Action::DropSnapshot(_) | Action::LoadOverrides => {}
            }
        }
        if loads {
            self.load(id);
        }
        let deadline = self.watchers[id as usize].deadline();
        if deadline != Offset::NEVER {
            self.at(deadline.max(self.now), id, Happens::Timer);
        }
    }

    fn polls_by_http(&self, id: u32) -> bool {
        self.watchers[id as usize].protocol() == Protocol::NacosHttp
    }

    fn hang_up(&mut self, id: u32) {
        self.connections[id as usize] += 1;
        self.asked[id as usize] = 0;
        self.polls.remove(&id);
        self.listens.remove(&id);
    }

    fn load(&mut self, id: u32) {
        let found = self.trouble.crashes.iter().find(|crash| crash.0 == id).map_or(Snapshots::Whole, |c| c.3);
        for item in 0..ITEMS {
            let saved = self.saved.get(&(id, item)).cloned();
            let content = saved.and_then(|text| match found {
                Snapshots::Whole => Some(text),
                Snapshots::Torn => Some(text[..text.len() / 3].to_owned()),
                Snapshots::Empty => Some(String::new()),
                Snapshots::Missing => None,
            });
            self.input(id, Input::Snapshot { item: ItemId(item), content: content.as_deref() });
        }
    }

    fn connect(&mut self, id: u32) {
        self.connections[id as usize] += 1;
        let connection = self.connections[id as usize];
        let what = if self.is_down() { Happens::Refused(connection) } else { Happens::Connected(connection) };
        self.soon(id, what);
    }

    fn changed(&self, held: impl Iterator<Item = crate::Held>) -> Vec<u32> {
        held.filter(|held| {
            let current = payload::md5(&content(held.item.0, self.versions[held.item.index()]));
            held.md5 != Some(current)
        })
        .map(|held| held.item.0)
        .collect()
    }

    fn serve(&mut self, id: u32, request: Request) {
        let connection = self.connections[id as usize];
        if !matches!(request, Request::HealthCheck | Request::OpenStream) {
            self.asked[id as usize] += 1;
            assert_eq!(self.asked[id as usize], 1, "watcher {id} asks {request:?} beside another request");
        }
        let watcher = &self.watchers[id as usize];
        let answer = match request {
            Request::ServerCheck => Happens::Checked(connection),
            Request::OpenStream => Happens::SetupAck(connection),
            Request::HealthCheck => Happens::Healthy(connection),
            Request::Query(item) | Request::Get(item) => {
                Happens::Content(connection, item.0, self.versions[item.index()])
            }
            Request::Listen => {
                let changed = self.changed(watcher.listed());
                self.listens.insert(id, connection);
                Happens::Answered(connection, changed)
            }
            Request::Poll => {
                let changed = self.changed(watcher.held());
                if changed.is_empty() {
                    self.polls.insert(id, connection);
                    self.at(self.now + Duration::from_millis(29_500), id, Happens::PollEnd(connection));
                    return;
                }
                Happens::Answered(connection, changed)
            }
        };
        self.soon(id, answer);
    }

    fn publish(&mut self, item: u32) {
        self.versions[item as usize] += 1;
        for (id, connection) in std::mem::take(&mut self.polls) {
            self.soon(id, Happens::Answered(connection, vec![item]));
        }
        for (id, connection) in self.listens.clone() {
            self.soon(id, Happens::Notify(connection, item));
        }
    }
}

fn clients() -> [ClientSpec; 3] {
    let spin = Duration::from_secs(5);
    let jittered = Backoff::Exponential {
        base: Duration::from_secs(1),
        cap: Duration::from_secs(4),
        jitter: Jitter::Full,
    };
    [
        ClientSpec { health_check: Some(health()), resync: Some(Duration::from_secs(180)), ..java() },
        ClientSpec { backoff: Backoff::NacosNode { spin, pause: Duration::from_secs(2) }, ..node() },
        ClientSpec { backoff: jittered, lists_around_query: false, ..java() },
    ]
}

fn run() -> Simulation {
    let mut simulation = Simulation::new(&clients(), 50, &Trouble::down(10, 30));
    simulation.run(Offset::from_secs(60));
    simulation
}

/// Every watcher is subscribed and holds what is newest.
fn assert_converged(simulation: &Simulation) {
    let mut held = BTreeMap::new();
    for event in &simulation.history {
        if let Event::Delivery(delivery) = event {
            held.insert((delivery.watcher, delivery.item), delivery.version.0);
        }
    }
    for watcher in &simulation.watchers {
        assert!(watcher.is_subscribed(), "watcher {} {watcher:?}", watcher.id());
    }
    assert_eq!(held.len(), simulation.watchers.len() * ITEMS as usize);
    for ((watcher, item), version) in held {
        assert_eq!(version, simulation.versions[item.index()], "watcher {watcher}, item {item}");
    }
}

fn assert_within_policy(simulation: &Simulation, clients: &[ClientSpec]) -> u32 {
    let mut attempts = 0;
    let mut before: BTreeMap<WatcherId, Attempt> = BTreeMap::new();
    for event in &simulation.history {
        let Event::Attempt(attempt) = event else { continue };
        let previous =
            before.insert(attempt.watcher, *attempt).map(|before| before.started - before.waited_from);
        if attempt.number > 0 {
            attempts += 1;
            let policy = clients[attempt.watcher.index() % clients.len()].backoff;
            let (least, most) = policy.bounds(attempt.number, previous);
            let gap = attempt.started - attempt.waited_from;
            assert!((least..=most).contains(&gap), "{attempt:?}: {gap:?} not in {least:?}..={most:?}");
        }
    }
    attempts
}

/// Reads from a snapshot serve what was whole, or say that nothing is.
fn assert_cold_starts_are_safe(simulation: &Simulation) {
    let mut delivered: BTreeMap<(WatcherId, ItemId), Version> = BTreeMap::new();
    for event in &simulation.history {
        match event {
            Event::Delivery(delivery) => {
                delivered.insert((delivery.watcher, delivery.item), delivery.version);
            }
            Event::Read(read) if read.source == ReadSource::Snapshot => {
                assert!(read.says_stale);
                let last = delivered.get(&(read.watcher, read.item));
                assert!(read.version.is_none() || read.version.as_ref() == last, "{read:?}, not {last:?}");
            }
            _ => {}
        }
    }
}

#[test]
fn every_watcher_converges_after_a_cut() {
    assert_converged(&run());
}

#[test]
fn every_attempt_gap_is_within_the_policy() {
    let simulation = run();
    let attempts = assert_within_policy(&simulation, &clients());
    assert!(attempts > 50 * 5, "the cut makes every watcher try again and again, not {attempts} times");
    let lost = simulation.history.iter().filter(|event| matches!(event, Event::Lost(_))).count();
    assert_eq!(lost, 50);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    assert_eq!(run().history, run().history);
}

/// Each SDK, and explicit clients with every jitter.
fn all_clients() -> Vec<ClientSpec> {
    let explicit = [Jitter::None, Jitter::Equal, Jitter::Decorrelated].map(|jitter| {
        let (base, cap) = (Duration::from_millis(500), Duration::from_secs(8));
        let cache = Cache::Snapshot;
        ClientSpec {
            cache,
            ..ClientSpec::new(Protocol::NacosGrpc, Backoff::Exponential { base, cap, jitter })
        }
    });
    Sdk::ALL.map(Sdk::client).into_iter().chain(explicit).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever is cut and whoever crashes, every client comes back, one request at a time, within its policy.
    #[test]
    fn every_client_comes_back_from_whatever_happens(
        down_from in 1_000_u64..39_000,
        down_for in 1_u64..40_000,
        crashes in prop::collection::vec((0_u32..20, 1_000_u64..60_000, 1_u64..20_000, 0_usize..4), 0..6),
    ) {
        let kinds = [Snapshots::Whole, Snapshots::Torn, Snapshots::Empty, Snapshots::Missing];
        let crashes = crashes.into_iter().map(|(id, at, dead, kind)| (id, ms(at), ms(at + dead), kinds[kind]));
        let trouble = Trouble { down: (ms(down_from), ms(down_from + down_for)), crashes: crashes.collect() };
        let clients = all_clients();
        let mut simulation = Simulation::new(&clients, 20, &trouble);
        // Rust waits up to 64 s before an attempt, and lists up to 60 s after it.
        simulation.run(Offset::from_secs(300));
        assert_converged(&simulation);
        assert_within_policy(&simulation, &clients);
        assert_cold_starts_are_safe(&simulation);
    }
}
