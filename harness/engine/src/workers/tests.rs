//! The protocol from end to end: a worker on a thread, the test in the harness' place.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use shakedown_drivers::monotonic_ns;
use shakedown_load::watchers::GroupAddresses;
use shakedown_model::backoff::Backoff;
use shakedown_model::division::{Share, Workers};
use shakedown_model::plan::{
    Arrivals, ClientSpec, GroupSpec, ItemsSpec, Login, MutatorSpec, PLAN_FORMAT, PayloadSize, Protocol,
    ProxySpec, ServerSpec,
};
use shakedown_model::secrets::Secret;
use shakedown_model::{GroupId, ItemId, LinkId, Offset, Plan, Seed, WatcherId};
use shakedown_nacos::Peer;
use shakedown_record::{Clock, Recorder};

use super::message::{
    Beat, Ear, Heard, Mouth, Move, Order, PROTOCOL, Peers, Task, WireAddresses, WirePeer, Word, ends,
};
use super::worker::{self, WorkerError};

const SOON: Duration = Duration::from_secs(20);

/// Six gRPC watchers of one item.
fn plan() -> Plan {
    let client =
        ClientSpec::new(Protocol::NacosGrpc, Backoff::Constant { delay: Duration::from_millis(100) });
    let group = GroupSpec {
        name: "far".to_owned(),
        count: 6,
        first: WatcherId(0),
        client,
        link: LinkId(0),
        shared: 1,
        own: 0,
        first_own: ItemId(1),
        ramp_per_second: 1_000.0,
        reads_per_second: 0.0,
        source: Ipv4Addr::LOCALHOST,
    };
    Plan {
        format: PLAN_FORMAT,
        name: "workers".to_owned(),
        about: String::new(),
        seed: Seed(5),
        delivery_timeout: SOON,
        server: ServerSpec::default(),
        proxy: ProxySpec::default(),
        links: Vec::new(),
        items: ItemsSpec {
            shared: 1,
            payload: PayloadSize::Fixed(256),
            prefix: "far-".to_owned(),
            groups: vec!["G".to_owned()],
            namespaces: vec![String::new()],
        },
        groups: vec![group],
        workers: Workers::Exactly(2),
        mutator: MutatorSpec::writes(Arrivals::Constant { per_second: 1.0 }),
        phases: Vec::new(),
        faults: Vec::new(),
        gates: Vec::new(),
        required: Vec::new(),
    }
}

/// The first of two workers at a server that refuses every connection.
fn task(snapshots: &std::path::Path) -> Task {
    let nowhere =
        WirePeer { addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), tls_name: None, is_checked: true };
    Task {
        protocol: PROTOCOL,
        index: 0,
        of: 2,
        threads: 1,
        run_id: 9,
        plan: plan(),
        tls: None,
        password: None,
        addresses: vec![WireAddresses { http: Vec::new(), grpc: vec![nowhere] }],
        login_at: None,
        snapshots: snapshots.to_owned(),
    }
}

/// A worker, and the harness' ends of the stream to it.
struct Far {
    thread: JoinHandle<Result<(), WorkerError>>,
    ear: Ear,
    mouth: Mouth,
    blocks: u32,
}

impl Far {
    /// Starts one and hears who it is.
    fn start() -> Self {
        let (own, its) = UnixStream::pair().unwrap();
        own.set_read_timeout(Some(SOON)).unwrap();
        let (ear, mouth) = ends(own).unwrap();
        let thread = std::thread::spawn(move || worker::serve(its, "1.2.3"));
        let mut far = Self { thread, ear, mouth, blocks: 0 };
        assert_eq!(far.word(), Word::Hello { protocol: PROTOCOL, version: "1.2.3".to_owned() });
        far
    }

    /// Its next word; records are counted on the way.
    fn word(&mut self) -> Word {
        loop {
            match self.ear.hear().unwrap().expect("it goes on") {
                Heard::Message(word) => return word,
                Heard::Block(block) => self.blocks += block.count(),
            }
        }
    }

    /// Waits for a word that is wanted.
    fn wait_for<T>(&mut self, mut wanted: impl FnMut(&Word) -> Option<T>) -> T {
        let deadline = Instant::now() + SOON;
        loop {
            let word = self.word();
            if let Some(found) = wanted(&word) {
                return found;
            }
            assert!(Instant::now() < deadline, "{word:?} and nothing else");
        }
    }
}

#[test]
fn a_worker_takes_its_task_and_tells_how_its_share_fares_to_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut far = Far::start();
    far.mouth.say(&Order::Task(Box::new(task(dir.path())))).unwrap();
    assert_eq!(far.word(), Word::Ready);
    let zero_ns = monotonic_ns() - 1_000_000_000;
    far.mouth.say(&Order::Begin { zero_ns, from: Offset::from_secs(1) }).unwrap();
    let attempts = |word: &Word| match word {
        Word::Beat(Beat { progress, has_converged, lost: 0, .. }) => {
            assert!(!has_converged, "nothing was awaited yet");
            (progress.attempts >= 6).then_some(())
        }
        other => panic!("{other:?}"),
    };
    far.wait_for(attempts);
    let groups = vec![GroupId(0)];
    far.mouth.say(&Order::Move { number: 1, what: Move::Crash, groups: groups.clone() }).unwrap();
    far.wait_for(|word| (*word == Word::Done { number: 1 }).then_some(()));
    far.mouth.say(&Order::Move { number: 2, what: Move::ColdStart, groups }).unwrap();
    far.wait_for(|word| (*word == Word::Done { number: 2 }).then_some(()));
    // Nobody waits for any item, so what is awaited is there.
    far.mouth.say(&Order::Drain { newest: Vec::new() }).unwrap();
    far.wait_for(|word| matches!(word, Word::Beat(Beat { has_converged: true, .. })).then_some(()));
    far.mouth.say(&Order::Stop).unwrap();
    let end = far.wait_for(|word| match word {
        Word::Ended { end, lost: 0 } => Some(end.clone()),
        _ => None,
    });
    assert_eq!((end.panicked, end.aborted, &end.trouble), (0, 0, &None));
    let held = (0..6).filter(|id| Share::Worker { index: 0, of: 2 }.has(&plan(), WatcherId(*id))).count();
    assert_eq!(held, 3);
    // Each of its watchers crashed and started again, beside attempts and samples of lag.
    assert!(u64::from(far.blocks) > end.progress.attempts + 6, "{} records, {end:?}", far.blocks);
    assert!(far.ear.hear::<Word>().unwrap().is_none(), "nothing follows the last word");
    far.thread.join().unwrap().unwrap();
}

#[test]
fn a_harness_of_another_version_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut far = Far::start();
    let other = Task { protocol: PROTOCOL + 1, ..task(dir.path()) };
    far.mouth.say(&Order::Task(Box::new(other))).unwrap();
    let Word::Failed { why } = far.word() else { panic!("it works all the same") };
    assert!(why.contains("version 2 of the worker protocol and not 1"), "{why}");
    assert!(matches!(far.thread.join().unwrap(), Err(WorkerError::Protocol(2))));
}

#[test]
fn what_is_no_task_is_refused() {
    for bytes in [&b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"[..], &[2, 0, 0, 0], &[]] {
        let (mut own, its) = UnixStream::pair().unwrap();
        let thread = std::thread::spawn(move || worker::serve(its, "1.2.3"));
        own.write_all(bytes).unwrap();
        // The worker may have hung up already.
        drop(own.shutdown(std::net::Shutdown::Write));
        let error = thread.join().unwrap().unwrap_err();
        assert!(matches!(&error, WorkerError::NoTask(why) if !why.is_empty()), "{bytes:?}: {error}");
    }
}

#[test]
fn a_password_travels_beside_the_plan_and_is_back_in_it_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut task = task(dir.path());
    task.plan.server.login = Some(Login { username: "nacos".to_owned(), password: Secret::new("hunter2") });
    task.password = Some("hunter2".to_owned());
    task.login_at =
        Some(WirePeer { addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), tls_name: None, is_checked: true });
    let text = serde_json::to_string(&task).unwrap();
    assert_eq!(text.matches("hunter2").count(), 1, "{text}");
    let (recorder, _history) = Recorder::in_memory();
    let read: Task = serde_json::from_str(&text).unwrap();
    let config = worker::fleet_config(read, (Clock::start(), Offset::ZERO), &recorder).unwrap();
    assert_eq!(config.plan.server.login.as_ref().unwrap().password.reveal(), "hunter2");
    assert!(config.login.is_some() && config.share == Share::Worker { index: 0, of: 2 });
}

#[test]
fn addresses_come_back_as_they_were() {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8_848));
    let group =
        GroupAddresses { http: vec![Peer { addr, tls: None }], grpc: vec![Peer { addr, tls: None }; 2] };
    let text = serde_json::to_string(&WireAddresses::of(&group)).unwrap();
    let read: WireAddresses = serde_json::from_str(&text).unwrap();
    assert_eq!(Peers::of(&plan(), None).unwrap().group(&read).unwrap(), group);
}
