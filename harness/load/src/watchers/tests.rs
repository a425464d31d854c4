//! The fleet against the embedded server, and against peers that are no help.

mod ailing;
mod sdks;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use shakedown_embedded::{EmbeddedServer, RunningServer, ServerConfig};
use shakedown_model::backoff::{Backoff, Jitter};
use shakedown_model::event::{AttemptOutcome, Event, Path, ReadSource};
use shakedown_model::payload::{self, Identity};
use shakedown_model::plan::{
    Arrivals, Cache, ClientSpec, EmbeddedSettings, Generation, GroupSpec, HealthCheck, ItemsSpec, LinkSpec,
    MutatorSpec, PLAN_FORMAT, PayloadSize, Plan, Protocol, ProxySpec, ServerSpec,
};
use shakedown_model::{GroupId, ItemId, LinkId, Seed, Version, WatcherId};
use shakedown_nacos::ConfigKey;
use shakedown_nacos::admin::{AdminClient, Publication, PublishAnswer};
use shakedown_record::{Clock, MemoryHistory, Recorder};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::board::Board;
use super::credentials::Credentials;
use super::fleet::{Fleet, FleetConfig, FleetError, GroupAddresses};
use super::grpc::GrpcWire;
use super::life::GroupLife;
use super::names::Names;
use super::runner::{GroupContext, Runner};
use super::snapshots::Snapshots;
use super::wire::{Wire, WireContext};
use crate::mutator::Newest;

const RUN: u64 = 77;
const HTTP: GroupId = GroupId(0);
const GRPC: GroupId = GroupId(1);
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn client(protocol: Protocol) -> ClientSpec {
    let backoff = Backoff::Exponential {
        base: Duration::from_millis(20),
        cap: Duration::from_millis(80),
        jitter: Jitter::None,
    };
    ClientSpec {
        cache: Cache::Snapshot,
        connect_timeout: Duration::from_secs(3),
        health_check: (protocol == Protocol::NacosGrpc).then_some(HealthCheck {
            every: Duration::from_millis(500),
            timeout: Duration::from_secs(1),
            tries: 2,
        }),
        resync: None,
        lists_around_query: true,
        ..ClientSpec::new(protocol, backoff)
    }
}

fn group(protocol: Protocol, first: u32, count: u32) -> GroupSpec {
    GroupSpec {
        name: format!("{protocol:?}"),
        count,
        first: WatcherId(first),
        client: client(protocol),
        link: LinkId(0),
        shared: 2,
        own: 0,
        first_own: ItemId(2),
        ramp_per_second: 1_000.0,
        reads_per_second: 0.0,
        source: Ipv4Addr::LOCALHOST,
    }
}

/// Two groups of `count` watchers, HTTP then gRPC, each watcher on the same two items.
pub(super) fn plan(count: u32) -> Plan {
    Plan {
        format: PLAN_FORMAT,
        name: "fleet".to_owned(),
        about: String::new(),
        seed: Seed(5),
        delivery_timeout: Duration::from_secs(20),
        server: ServerSpec::default(),
        proxy: ProxySpec::default(),
        links: vec![LinkSpec { name: "straight".to_owned(), toxics: Vec::new() }],
        items: ItemsSpec {
            shared: 2,
            payload: PayloadSize::Fixed(300),
            prefix: "fleet-".to_owned(),
            groups: vec!["G".to_owned()],
            namespaces: vec![String::new()],
        },
        groups: vec![group(Protocol::NacosHttp, 0, count), group(Protocol::NacosGrpc, count, count)],
        workers: shakedown_model::division::Workers::default(),
        mutator: MutatorSpec::writes(Arrivals::Constant { per_second: 1.0 }),
        phases: Vec::new(),
        faults: Vec::new(),
        gates: Vec::new(),
        required: Vec::new(),
    }
}

struct Stage {
    plan: Arc<Plan>,
    server: Option<RunningServer>,
    addresses: (SocketAddr, SocketAddr),
    dir: TempDir,
}

impl Stage {
    async fn new(plan: Plan) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = start_server(&dir, LOOPBACK, LOOPBACK);
        let addresses = (server.http_addr(), server.grpc_addr());
        let stage = Self { plan: Arc::new(plan), server: Some(server), addresses, dir };
        for item in 0..2 {
            stage.publish(item, 1).await;
        }
        stage.wait_for_dump(1).await;
        stage
    }

    /// An acked publish is visible with the server's next dump (nacos-facts.md §5.1).
    async fn wait_for_dump(&self, item: u32) {
        let admin = AdminClient::new(self.addresses.0, Duration::from_secs(5));
        let key = Names::of(&self.plan).key(ItemId(item), false);
        while admin.get(&key).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until a reader finds this version.
    async fn wait_for(&self, item: u32, version: u32) {
        let admin = AdminClient::new(self.addresses.0, Duration::from_secs(5));
        let key = Names::of(&self.plan).key(ItemId(item), false);
        let identity = Identity::new(RUN, ItemId(item), Version(version));
        let content = payload::encode(identity, 300, Seed(1));
        while admin.get(&key).await.unwrap().as_deref() != Some(content.as_str()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn publish(&self, item: u32, version: u32) {
        let identity = Identity::new(RUN, ItemId(item), Version(version));
        let content = payload::encode(identity, 300, Seed(1));
        let key: ConfigKey = Names::of(&self.plan).key(ItemId(item), false);
        let admin = AdminClient::new(self.addresses.0, Duration::from_secs(5));
        let answer = admin.publish(Publication::new(&key, &content)).await;
        assert!(matches!(answer, PublishAnswer::Acked), "{answer:?}");
    }

    fn fleet(&self) -> (Fleet, MemoryHistory) {
        let (recorder, history) = Recorder::in_memory();
        let addresses =
            GroupAddresses { http: vec![self.addresses.0.into()], grpc: vec![self.addresses.1.into()] };
        let config = FleetConfig {
            share: shakedown_model::division::Share::Whole,
            from: shakedown_model::Offset::ZERO,
            plan: Arc::clone(&self.plan),
            run_id: RUN,
            addresses: vec![addresses; 2],
            clock: Clock::start(),
            recorder,
            snapshots: self.dir.path().join("snapshots"),
            login: None,
        };
        (Fleet::start(config).unwrap(), history)
    }

    fn stop_server(&mut self) {
        self.server.take().unwrap().stop();
    }

    fn start_server(&mut self) {
        self.server = Some(start_server(&self.dir, self.addresses.0, self.addresses.1));
    }
}

fn start_server(dir: &TempDir, http: SocketAddr, grpc: SocketAddr) -> RunningServer {
    let data = Some(dir.path().join("server"));
    let settings = EmbeddedSettings::default();
    let generation = Generation::V2;
    EmbeddedServer::start(ServerConfig { http, grpc, data, generation, login: None, settings }).unwrap()
}

/// Waits for a condition, at most 20 s.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = tokio::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what} did not come true");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn stop(fleet: Fleet) {
    let end = fleet.stop().await;
    assert_eq!((end.panicked, end.aborted), (0, 0));
    assert_eq!((end.progress.snapshots_dropped, end.progress.snapshots_failed), (0, 0));
}

fn newest(item: u32, version: u32) -> [(ItemId, Newest); 1] {
    [(ItemId(item), Newest { version: Version(version), is_absent: false, gray: None })]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_watcher_of_both_protocols_follows_a_change() {
    let stage = Stage::new(plan(10)).await;
    let (fleet, history) = stage.fleet();
    until("subscribed", || fleet.control().subscribed() == 20).await;
    stage.publish(1, 2).await;
    until("converged", || fleet.control().converged(&newest(1, 2))).await;
    assert!(!fleet.control().converged(&newest(0, 2)));
    stop(fleet).await;
    let events = history.events();
    for watcher in (0..20).map(WatcherId) {
        let is_http = watcher.0 < 10;
        let deliveries: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Delivery(delivery) if delivery.watcher == watcher => Some(*delivery),
                _ => None,
            })
            .collect();
        assert_eq!(deliveries.len(), 3, "{deliveries:?}");
        assert_eq!(deliveries[0].path, Path::Initial);
        let woken = if is_http { Path::PollWake } else { Path::Push };
        assert_eq!((deliveries[2].path, deliveries[2].version), (woken, Version(2)));
        assert!(deliveries[2].signal.unwrap() <= deliveries[2].at);
    }
    let trouble = |event: &&Event| matches!(event, Event::Lost(_) | Event::Corrupt(_));
    assert_eq!(events.iter().find(trouble), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_comes_back_from_a_restart_within_its_policy() {
    let mut stage = Stage::new(plan(5)).await;
    let (fleet, history) = stage.fleet();
    until("subscribed", || fleet.control().subscribed() == 10).await;
    stage.stop_server();
    until("lost", || fleet.control().subscribed() == 0).await;
    until("tried again", || fleet.control().progress().attempts > 50).await;
    stage.start_server();
    stage.publish(0, 2).await;
    until("converged", || fleet.control().subscribed() == 10 && fleet.control().converged(&newest(0, 2)))
        .await;
    stop(fleet).await;
    let policy = client(Protocol::NacosHttp).backoff;
    let mut refused = 0;
    for event in history.events() {
        let Event::Attempt(attempt) = event else { continue };
        refused += u32::from(attempt.outcome == AttemptOutcome::Refused);
        if attempt.number > 0 {
            let gap = attempt.started - attempt.waited_from;
            let (least, most) = policy.bounds(attempt.number, None);
            assert!(gap >= least && gap < most + Duration::from_secs(1), "{attempt:?}");
        }
    }
    assert!(refused > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cold_start_without_a_server_serves_the_snapshot() {
    let mut plan = plan(3);
    for group in &mut plan.groups {
        group.reads_per_second = 20.0;
    }
    let mut stage = Stage::new(plan).await;
    let (fleet, history) = stage.fleet();
    until("subscribed", || fleet.control().subscribed() == 6).await;
    fleet.control().crash(&[HTTP, GRPC]);
    until("crashed", || fleet.control().subscribed() == 0).await;
    assert!(!fleet.control().converged(&newest(0, 1)));
    stage.stop_server();
    fleet.control().cold_start(&[HTTP, GRPC]);
    let cold_reads = || {
        let is_cold = |event: &&Event| matches!(event, Event::Read(read) if read.is_cold);
        history.events().iter().filter(is_cold).count()
    };
    until("reads are answered", || cold_reads() >= 12).await;
    stage.start_server();
    until("subscribed again", || {
        fleet.control().subscribed() == 6 && fleet.control().converged(&newest(0, 1))
    })
    .await;
    stop(fleet).await;
    let events = history.events();
    for event in &events {
        if let Event::Read(read) = event
            && read.is_cold
        {
            assert_eq!(read.source, ReadSource::Snapshot);
            assert_eq!((read.version, read.says_stale), (Some(Version(1)), true));
        }
    }
    let crashes = events.iter().filter(|event| matches!(event, Event::Crash { .. })).count();
    let cold_starts = events.iter().filter(|event| matches!(event, Event::ColdStart { .. })).count();
    assert_eq!((crashes, cold_starts), (6, 6));
}

#[tokio::test]
async fn a_machine_that_cannot_connect_says_so() {
    let mut plan = plan(1);
    for group in &mut plan.groups {
        group.source = Ipv4Addr::new(203, 0, 113, 1); // TEST-NET-3: no machine has it.
    }
    let stage = Stage::new(plan).await;
    let (fleet, history) = stage.fleet();
    until("both failed", || fleet.control().progress().local_failures >= 2).await;
    stop(fleet).await;
    for event in history.events() {
        assert!(matches!(event, Event::Attempt(attempt) if attempt.outcome == AttemptOutcome::Local));
    }
}

#[tokio::test]
async fn a_silent_peer_times_attempts_out_and_does_not_delay_the_stop() {
    let silent = TcpListener::bind(LOOPBACK).await.unwrap();
    let address = silent.local_addr().unwrap();
    let mut plan = plan(2);
    for group in &mut plan.groups {
        group.client.connect_timeout = Duration::from_millis(100);
    }
    let (recorder, history) = Recorder::in_memory();
    let fleet = Fleet::start(FleetConfig {
        share: shakedown_model::division::Share::Whole,
        from: shakedown_model::Offset::ZERO,
        plan: Arc::new(plan),
        run_id: RUN,
        addresses: vec![GroupAddresses { http: vec![address.into()], grpc: vec![address.into()] }; 2],
        clock: Clock::start(),
        recorder,
        snapshots: std::env::temp_dir().join("shakedown-no-snapshots"),
        login: None,
    })
    .unwrap();
    until("two attempts each", || fleet.control().progress().attempts >= 8).await;
    let before = tokio::time::Instant::now();
    stop(fleet).await;
    assert!(before.elapsed() < Duration::from_secs(2));
    for event in history.events() {
        assert!(
            matches!(event, Event::Attempt(attempt) if attempt.outcome == AttemptOutcome::TimedOut),
            "{event:?}"
        );
    }
}

#[tokio::test]
async fn a_group_without_addresses_is_refused() {
    let (recorder, _history) = Recorder::in_memory();
    let started = Fleet::start(FleetConfig {
        share: shakedown_model::division::Share::Whole,
        from: shakedown_model::Offset::ZERO,
        plan: Arc::new(plan(1)),
        run_id: RUN,
        addresses: vec![GroupAddresses { http: vec![LOOPBACK.into()], grpc: Vec::new() }; 2],
        clock: Clock::start(),
        recorder,
        snapshots: std::env::temp_dir().join("shakedown-no-snapshots"),
        login: None,
    });
    assert!(matches!(started, Err(FleetError::NoAddress(group)) if group == "NacosGrpc"));
}

#[tokio::test]
async fn a_watchers_task_stays_small() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Arc::new(plan(1));
    let clock = Clock::start();
    let (recorder, _history) = Recorder::in_memory();
    let (snapshots, _thread) = Snapshots::start(dir.path().to_owned()).unwrap();
    let wires = WireContext {
        names: Arc::new(Names::of(&plan)),
        clock,
        handshakes: Arc::new(tokio::sync::Semaphore::new(1)),
        client: plan.groups[1].client.clone(),
        credentials: Credentials::Nobody,
    };
    let group = GroupContext {
        clock,
        recorder,
        board: Arc::new(Board::new(&plan, shakedown_model::division::Share::Whole)),
        snapshots,
        snapshot: plan.groups[1].client.habits.snapshot,
        nodes: vec![LOOPBACK.into()],
        sources: super::runner::Sources::Shared(Box::new(plan.groups[1].clone())),
    };
    let rules = super::fleet::rules(&plan, &plan.groups[1], RUN, 1);
    let runner = Runner {
        watcher: shakedown_watcher::Watcher::new(WatcherId(1), &[ItemId(0)], Arc::new(rules)),
        wire: Wire::Grpc(GrpcWire::new(Arc::new(wires), Ipv4Addr::LOCALHOST)),
        life: GroupLife::new().watcher(),
        group: Arc::new(group),
    };
    let size = size_of_val(&runner.run(clock.now()));
    assert!(size <= 2048, "a watcher's task takes {size} bytes");
}

/// Answers every get with version 1 and `Connection: close`, as Tomcat does with the 100th request, and holds polls.
async fn serve_once(mut stream: tokio::net::TcpStream) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.unwrap() == 0 {
            return;
        }
    }
    let head = String::from_utf8_lossy(&head);
    let Some(item) = head.split("dataId=fleet-").nth(1).and_then(|rest| rest[..1].parse().ok()) else {
        // A poll: read on until the watcher hangs up.
        while stream.read_buf(&mut Vec::new()).await.unwrap_or(0) > 0 {}
        return;
    };
    let identity = Identity::new(RUN, ItemId(item), Version::INITIAL);
    let content = payload::encode(identity, 200, Seed(1));
    let answer =
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{content}", content.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_the_server_does_not_keep_alive_is_replaced_without_a_loss() {
    let listener = TcpListener::bind(LOOPBACK).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut plan = plan(1);
    plan.groups.truncate(1);
    let (recorder, history) = Recorder::in_memory();
    let dir = tempfile::tempdir().unwrap();
    let fleet = Fleet::start(FleetConfig {
        share: shakedown_model::division::Share::Whole,
        from: shakedown_model::Offset::ZERO,
        plan: Arc::new(plan),
        run_id: RUN,
        addresses: vec![GroupAddresses { http: vec![address.into()], grpc: Vec::new() }],
        clock: Clock::start(),
        recorder,
        snapshots: dir.path().to_owned(),
        login: None,
    })
    .unwrap();
    let mut served = tokio::task::JoinSet::new();
    // Two gets and the poll, each on a connection of its own.
    for _ in 0..3 {
        let accepted = tokio::time::timeout(Duration::from_secs(5), listener.accept()).await;
        served.spawn(serve_once(accepted.expect("the watcher connects again").unwrap().0));
    }
    until("subscribed", || fleet.control().subscribed() == 1).await;
    stop(fleet).await;
    // Deliveries are timed by chance of their nanosecond.
    let mut events = history.events();
    events.retain(|event| !matches!(event, Event::OwnTime(_)));
    assert!(
        matches!(
            events[..],
            [Event::Attempt(_), Event::Delivery(_), Event::Delivery(_), Event::Subscribed { .. }]
        ),
        "{events:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_that_crashes_before_its_start_waits_for_the_cold_start() {
    let mut plan = plan(1);
    for group in &mut plan.groups {
        group.count = 2;
        group.ramp_per_second = 0.7;
    }
    plan.groups[1].first = WatcherId(2);
    let stage = Stage::new(plan).await;
    let (fleet, history) = stage.fleet();
    until("the first of each group is subscribed", || fleet.control().subscribed() == 2).await;
    fleet.control().crash(&[HTTP]);
    until("one of each group is subscribed, and the other of gRPC", || {
        let crashes = history.events().iter().filter(|event| matches!(event, Event::Crash { .. })).count();
        crashes == 2 && fleet.control().subscribed() == 2
    })
    .await;
    assert!(
        !history
            .events()
            .iter()
            .any(|event| { matches!(event, Event::Attempt(attempt) if attempt.watcher == WatcherId(1)) })
    );
    fleet.control().cold_start(&[HTTP]);
    until("all are subscribed", || fleet.control().subscribed() == 4).await;
    stop(fleet).await;
}
