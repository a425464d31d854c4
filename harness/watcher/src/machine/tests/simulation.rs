//! Fifty watchers and a tiny server in virtual time: a heap of events, no sockets, no clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use shakedown_model::backoff::Backoff;
use shakedown_model::event::{AttemptOutcome, Event, LossCause};

use super::*;

const WATCHERS: u32 = 50;
const ITEMS: u32 = 4;
const DELAY: Duration = Duration::from_millis(3);
const DOWN: (Offset, Offset) = (Offset::from_secs(10), Offset::from_secs(30));

/// What happens at an instant of virtual time. The number is that of the connection it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Start,
    Timer,
    Connected(u32),
    Refused(u32),
    Reset(u32),
    SetupAck(u32),
    Checked(u32),
    Answered(u32, Vec<u32>),
    Content(u32, u32, u32),
    Healthy(u32),
    Notify(u32, u32),
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
}

impl Simulation {
    fn new(clients: &[ClientSpec]) -> Self {
        let items: Vec<_> = (0..ITEMS).map(ItemId).collect();
        let watchers = (0..WATCHERS).map(|id| {
            let client = clients[id as usize % clients.len()].clone();
            let rules = Rules { client, run_id: RUN, nodes: 1, may_be_absent: false, reads_per_second: 0.5, seed: Seed(8) };
            Watcher::new(WatcherId(id), &items, Arc::new(rules))
        });
        let mut simulation = Self {
            now: Offset::ZERO,
            heap: BinaryHeap::new(),
            sequence: 0,
            watchers: watchers.collect(),
            connections: vec![0; WATCHERS as usize],
            polls: BTreeMap::new(),
            listens: BTreeMap::new(),
            versions: [1; ITEMS as usize],
            history: Vec::new(),
        };
        for id in 0..WATCHERS {
            simulation.at(Offset::from_millis(u64::from(id)), id, Happens::Start);
            simulation.at(DOWN.0, id, Happens::Reset(1));
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
        DOWN.0 <= self.now && self.now < DOWN.1
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
            Happens::Reset(of) if of == connection => self.input(id, Input::Lost(LossCause::Reset)),
            Happens::SetupAck(of) if of == connection => self.input(id, Input::SetupAck),
            Happens::Checked(of) if of == connection => {
                self.input(id, Input::Reply(Reply::Checked { will_ack_setup: true }));
            }
            Happens::Answered(of, items) if of == connection => {
                let items: Vec<_> = items.into_iter().map(ItemId).collect();
                self.input(id, Input::Reply(Reply::Changed(&items)));
            }
            Happens::Content(of, item, version) if of == connection => {
                let text = content(item, version);
                self.input(id, Input::Reply(Reply::Content { text: &text, md5: None }));
            }
            Happens::Healthy(of) if of == connection => self.input(id, Input::Health(Ok(()))),
            Happens::Notify(of, item) if of == connection => self.input(id, Input::Notify(ItemId(item))),
            Happens::PollEnd(of) if self.polls.get(&id) == Some(&of) => {
                self.polls.remove(&id);
                self.soon(id, Happens::Answered(of, Vec::new()));
            }
            _ => {}
        }
    }

    fn input(&mut self, id: u32, input: Input<'_>) {
        let mut out = Vec::new();
        self.watchers[id as usize].step(self.now, input, &mut out);
        for action in out {
            match action {
                Action::Connect { .. } => self.connect(id),
                Action::Close => {
                    self.connections[id as usize] += 1;
                    self.polls.remove(&id);
                    self.listens.remove(&id);
                }
                Action::Send(request) => self.serve(id, request),
                Action::Record(event) => self.history.push(event),
                Action::Ack
                | Action::SaveSnapshot(_)
                | Action::DropSnapshot(_)
                | Action::LoadSnapshots
                | Action::LoadOverrides => {}
            }
        }
        let deadline = self.watchers[id as usize].deadline();
        if deadline != Offset::NEVER {
            self.at(deadline.max(self.now), id, Happens::Timer);
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
    let mut simulation = Simulation::new(&clients());
    simulation.run(Offset::from_secs(60));
    simulation
}

#[test]
fn every_watcher_converges_after_a_cut() {
    let simulation = run();
    let mut held = BTreeMap::new();
    for event in &simulation.history {
        if let Event::Delivery(delivery) = event {
            held.insert((delivery.watcher, delivery.item), delivery.version.0);
        }
    }
    assert!(simulation.watchers.iter().all(Watcher::is_subscribed));
    assert_eq!(held.len(), (WATCHERS * ITEMS) as usize);
    for ((watcher, item), version) in held {
        assert_eq!(version, simulation.versions[item.index()], "watcher {watcher}, item {item}");
    }
}

#[test]
fn every_attempt_gap_is_within_the_policy() {
    let simulation = run();
    let mut attempts = 0;
    for event in &simulation.history {
        let Event::Attempt(attempt) = event else { continue };
        if attempt.number > 0 {
            attempts += 1;
            let policy = clients()[attempt.watcher.index() % 3].backoff;
            let (least, most) = policy.bounds(attempt.number, None);
            let gap = attempt.started - attempt.waited_from;
            assert!((least..=most).contains(&gap), "{attempt:?}: {gap:?} not in {least:?}..={most:?}");
        }
    }
    assert!(attempts > WATCHERS * 5, "the cut makes every watcher try again and again, not {attempts} times");
    let lost = simulation.history.iter().filter(|event| matches!(event, Event::Lost(_))).count();
    assert_eq!(lost, WATCHERS as usize);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    assert_eq!(run().history, run().history);
}
