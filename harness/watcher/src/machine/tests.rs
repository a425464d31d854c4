//! The machine's transitions, each by hand, and a fleet of them in virtual time (`simulation`).

mod defects;
mod grpc;
mod http;
mod invalid;
mod leaving;
mod outage;
mod pace;
mod reads;
mod sdks;
mod simulation;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use shakedown_model::backoff::{Backoff, Jitter};
use shakedown_model::event::{Delivery, Event};
use shakedown_model::payload::{self, Identity};
use shakedown_model::plan::{ClientSpec, HealthCheck, Protocol};
use shakedown_model::{ItemId, Offset, Seed, Version, WatcherId};

use super::Watcher;
use crate::{Action, Input, Reply, Request, Rules};

const RUN: u64 = 9;

fn java() -> ClientSpec {
    ClientSpec {
        connect_timeout: Duration::from_secs(5),
        health_check: None,
        resync: None,
        lists_around_query: true,
        ..ClientSpec::new(Protocol::NacosGrpc, Backoff::NACOS_JAVA)
    }
}

fn node() -> ClientSpec {
    let habits = ClientSpec::new(Protocol::NacosHttp, Backoff::NACOS_JAVA).habits;
    ClientSpec { protocol: Protocol::NacosHttp, lists_around_query: false, habits, ..java() }
}

fn steady() -> Backoff {
    Backoff::Exponential { base: Duration::from_secs(1), cap: Duration::from_secs(8), jitter: Jitter::None }
}

fn health() -> HealthCheck {
    HealthCheck { every: Duration::from_secs(5), timeout: Duration::from_secs(3), tries: 2 }
}

fn content(item: u32, version: u32) -> String {
    let identity = Identity::new(RUN, ItemId(item), Version(version));
    payload::encode(identity, 200, Seed(1))
}

/// Content that no application can use.
fn invalid(item: u32, version: u32) -> String {
    let identity = Identity { is_invalid: true, ..Identity::new(RUN, ItemId(item), Version(version)) };
    payload::encode(identity, 200, Seed(1))
}

fn ms(millis: u64) -> Offset {
    Offset::from_millis(millis)
}

/// One watcher and what it asked for last.
struct Bench {
    watcher: Watcher,
    out: Vec<Action>,
}

impl Bench {
    fn new(client: ClientSpec, items: u32, reads_per_second: f64) -> Self {
        let rules =
            Rules { client, run_id: RUN, nodes: 2, may_be_absent: false, reads_per_second, seed: Seed(3) };
        Self::by(rules, items)
    }

    fn by(rules: Rules, items: u32) -> Self {
        let items: Vec<_> = (0..items).map(ItemId).collect();
        Self { watcher: Watcher::new(WatcherId(1), &items, Arc::new(rules)), out: Vec::new() }
    }

    /// A gRPC watcher through its handshake at 10 ms, with the list of everything in flight.
    fn up(client: ClientSpec, items: u32) -> Self {
        let mut bench = Self::new(client, items, 0.0);
        bench.step(ms(0), Input::Start);
        bench.step(ms(1), Input::Connected);
        bench.step(ms(2), Input::Reply(Reply::Checked { will_ack_setup: true }));
        bench.step(ms(10), Input::SetupAck);
        bench
    }

    /// As [`Bench::up`], with version 1 of every item held, and subscribed, at 20 ms.
    fn subscribed(client: ClientSpec, items: u32) -> Self {
        let mut bench = Self::up(client, items);
        bench.changed(11, &(0..items).collect::<Vec<_>>());
        for item in 0..items {
            bench.content(12, item, 1);
        }
        if bench.requests() == [Request::Listen] {
            bench.changed(20, &[]);
        }
        assert!(bench.watcher.is_subscribed());
        bench
    }

    fn step(&mut self, now: Offset, input: Input<'_>) -> &[Action] {
        self.out.clear();
        self.watcher.step(now, input, &mut self.out);
        &self.out
    }

    /// Hands in the timer when it is due.
    fn timer(&mut self) -> Offset {
        let now = self.watcher.deadline();
        assert_ne!(now, Offset::NEVER, "no timer is due");
        self.step(now, Input::Timer);
        now
    }

    fn changed(&mut self, at: u64, items: &[u32]) {
        let items: Vec<_> = items.iter().copied().map(ItemId).collect();
        self.step(ms(at), Input::Reply(Reply::Changed(&items)));
    }

    fn content(&mut self, at: u64, item: u32, version: u32) {
        self.whole(at, &content(item, version));
    }

    fn whole(&mut self, at: u64, text: &str) {
        self.step(ms(at), Input::Reply(Reply::Content { text, md5: Some(&payload::md5_hex(text)) }));
    }

    fn requests(&self) -> Vec<Request> {
        self.out
            .iter()
            .filter_map(|action| if let Action::Send(request) = action { Some(*request) } else { None })
            .collect()
    }

    fn events(&self) -> Vec<Event> {
        self.out
            .iter()
            .filter_map(|action| if let Action::Record(event) = action { Some(*event) } else { None })
            .collect()
    }

    fn deliveries(&self) -> Vec<Delivery> {
        self.events()
            .into_iter()
            .filter_map(|event| if let Event::Delivery(delivery) = event { Some(delivery) } else { None })
            .collect()
    }
}

#[test]
fn a_watcher_stays_small() {
    let size = size_of::<Watcher>();
    assert!(size <= 256, "a watcher takes {size} bytes beside its items");
}
