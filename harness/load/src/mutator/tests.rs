use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use shakedown_model::event::{Event, PublishOutcome};
use shakedown_model::fault::{ALL_PPM, FaultAction, FaultPlan};
use shakedown_model::plan::{
    Arrivals, GraySpec, ItemKey, ItemsSpec, Kinds, MutatorSpec, PLAN_FORMAT, PayloadSize, Phase, ProxySpec,
    ServerSpec, TracePoint,
};
use shakedown_model::{ItemId, MutationId, Offset, PhaseId, Seed, Version, payload};
use shakedown_record::MemoryHistory;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use shakedown_model::schedule::{MutationKind, PlannedMutation};

use super::store::Store;
use super::timer::Timer;
use super::*;

const MS: Duration = Duration::from_millis(1);

pub(super) fn plan(items: u32, per_second: f64, lasts: Duration) -> Plan {
    Plan {
        format: PLAN_FORMAT,
        name: "mutator".into(),
        about: String::new(),
        seed: Seed(5),
        delivery_timeout: Duration::from_secs(20),
        server: ServerSpec::default(),
        proxy: ProxySpec::default(),
        links: Vec::new(),
        items: ItemsSpec {
            shared: items,
            payload: PayloadSize::Fixed(256),
            prefix: "item-".into(),
            groups: vec!["g".into()],
            namespaces: vec![String::new()],
        },
        groups: Vec::new(),
        workers: shakedown_model::division::Workers::default(),
        mutator: MutatorSpec::writes(Arrivals::Constant { per_second }),
        phases: vec![Phase {
            name: "steady".into(),
            from: Offset::ZERO,
            until: Offset::ZERO + lasts,
            is_measured: true,
            mutates_before_faults: false,
        }],
        faults: Vec::new(),
        gates: Vec::new(),
        required: Vec::new(),
    }
}

/// How long the nth publish takes and what it is answered.
type Script = dyn Fn(usize) -> (Duration, Result<(), PublishError>) + Send + Sync;

/// A server that answers after a time, or as a script says, and looks at what it is sent.
struct FakeServer {
    takes: Box<Script>,
    count: AtomicUsize,
    in_flight: Mutex<Vec<ItemId>>,
    received: Mutex<Vec<(ItemId, String, String)>>,
    arrived: Notify,
}

impl FakeServer {
    fn new(
        takes: impl Fn(usize) -> (Duration, Result<(), PublishError>) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            takes: Box::new(takes),
            count: AtomicUsize::new(0),
            in_flight: Mutex::default(),
            received: Mutex::default(),
            arrived: Notify::new(),
        })
    }
}

struct InFlight<'a>(&'a FakeServer, ItemId);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.lock().unwrap().retain(|item| *item != self.1);
    }
}

impl Publisher for FakeServer {
    fn take<'a>(&'a self, key: &'a ItemKey, step: Step) -> BoxFuture<'a, Result<(), PublishError>> {
        let Step::Write { content, replaces: None } = step else { panic!("{step:?} is not a plain write") };
        let item = ItemId(key.data_id.strip_prefix("item-").unwrap().parse().unwrap());
        Box::pin(async move {
            let (time, answer) = (self.takes)(self.count.fetch_add(1, Ordering::Relaxed));
            {
                let mut in_flight = self.in_flight.lock().unwrap();
                assert!(!in_flight.contains(&item), "two publishes of item {item} in flight");
                in_flight.push(item);
            }
            self.received.lock().unwrap().push((item, key.data_id.clone(), content));
            self.arrived.notify_one();
            let _until_answered_or_given_up = InFlight(self, item);
            sleep(time).await;
            answer
        })
    }

    fn read<'a>(&'a self, _key: &'a ItemKey) -> BoxFuture<'a, Result<Option<String>, String>> {
        panic!("nothing is read without compare-and-set")
    }
}

/// The runtime's own timer: follows paused time.
struct PausedTimer(Clock);

impl Timer for PausedTimer {
    async fn until(&mut self, at: Offset) {
        sleep_until(self.0.instant(at)).await;
    }
}

fn config(plan: Plan, server: &Arc<FakeServer>) -> (MutatorConfig, MemoryHistory) {
    let (recorder, history) = Recorder::in_memory();
    let publisher: Arc<dyn Publisher> = Arc::<FakeServer>::clone(server);
    let config = MutatorConfig {
        plan: Arc::new(plan),
        run_id: 77,
        clock: Clock::start(),
        recorder,
        publisher,
        on_publish: Arc::new(|_| {}),
        max_in_flight: 100,
        publish_timeout: Duration::from_secs(3600),
        drain: Duration::from_secs(5),
    };
    (config, history)
}

async fn run_paused(config: MutatorConfig, stop_at: Duration) -> (MutatorReport, Arc<AckBoard>) {
    let board = Arc::new(AckBoard::new(config.plan.item_count()));
    let (stop, stopped) = watch::channel(false);
    let timer = PausedTimer(config.clock);
    let stop_at = Instant::now() + stop_at;
    let stopping = async {
        sleep_until(stop_at).await;
        stop.send_replace(true);
    };
    let (report, ()) = tokio::join!(OpenLoop::new(config, Arc::clone(&board)).run(timer, stopped), stopping);
    (report, board)
}

fn publishes(history: &MemoryHistory) -> Vec<Publish> {
    let mut publishes: Vec<Publish> = history
        .events()
        .into_iter()
        .filter_map(|event| if let Event::Publish(publish) = event { Some(publish) } else { None })
        .collect();
    publishes.sort_by_key(|publish| publish.mutation);
    publishes
}

#[tokio::test(start_paused = true)]
async fn a_stalled_server_moves_no_intended_time_and_hides_no_wait() {
    // One item, ten mutations a second; the first publish takes two seconds, the others 1 ms.
    let server = FakeServer::new(|n| (if n == 0 { 2000 * MS } else { MS }, Ok(())));
    let (config, history) = config(plan(1, 10.0, Duration::from_secs(3)), &server);
    let (report, _) = run_paused(config, Duration::from_secs(10)).await;

    let seen = publishes(&history);
    assert_eq!(seen.len(), 29);
    for (n, publish) in (1..).zip(&seen) {
        assert_eq!(publish.intended, Offset::from_millis(100 * n), "publish {n}");
        assert_eq!(publish.sent.since(publish.ready), Duration::ZERO, "lateness is the harness' own");
    }
    // Those that were due during the stall went one after another, from its end: the wait is in `sent − intended`.
    assert_eq!(seen[0].done, Offset::from_millis(2100));
    assert_eq!((seen[1].intended, seen[1].sent), (Offset::from_millis(200), Offset::from_millis(2100)));
    assert_eq!(seen[19].sent, seen[18].done);
    assert_eq!(report.most_waiting, 20);
    assert_eq!((report.sent, report.acked, report.unsent), (29, 29, 0));
}

#[tokio::test(start_paused = true)]
async fn items_do_not_wait_for_each_other_and_never_overlap_themselves() {
    let server = FakeServer::new(|n| (Duration::from_millis(u64::try_from(n % 7).unwrap() * 90), Ok(())));
    let (config, history) = config(plan(5, 50.0, Duration::from_secs(4)), &server);
    let (report, board) = run_paused(config, Duration::from_secs(60)).await;
    assert_eq!((report.sent, report.unsent), (199, 0));
    for item in (0..5).map(ItemId) {
        let of_item: Vec<Publish> = publishes(&history).into_iter().filter(|p| p.item == item).collect();
        let versions: Vec<u32> = of_item.iter().map(|publish| publish.version.0).collect();
        let expected: Vec<u32> = (2..).take(versions.len()).collect();
        assert_eq!(versions, expected, "versions of item {item} follow each other");
        assert!(of_item.windows(2).all(|pair| pair[0].done <= pair[1].sent));
        assert_eq!(board.newest(item).version, of_item.last().unwrap().version);
    }
}

#[tokio::test(start_paused = true)]
async fn payloads_say_which_item_and_version_they_are() {
    let server = FakeServer::new(|_| (MS, Ok(())));
    let (config, history) = config(plan(3, 10.0, Duration::from_secs(2)), &server);
    run_paused(config, Duration::from_secs(60)).await;
    let received = server.received.lock().unwrap();
    assert_eq!(received.len(), 19);
    for ((item, data_id, content), publish) in received.iter().zip(publishes(&history)) {
        assert_eq!(*data_id, format!("item-{item}"));
        assert_eq!(content.len(), 256);
        let identity = payload::decode(content).unwrap();
        assert_eq!((identity.run, identity.item, identity.version), (77, *item, publish.version));
    }
}

#[tokio::test(start_paused = true)]
async fn content_that_no_application_can_use_is_whole_and_says_so() {
    let server = FakeServer::new(|_| (MS, Ok(())));
    let mut plan = plan(3, 10.0, Duration::from_secs(4));
    plan.faults = vec![FaultPlan {
        name: "invalid".to_owned(),
        phase: PhaseId(0),
        from: Offset::from_secs(2),
        until: Offset::from_secs(3),
        action: FaultAction::InvalidContent { share_ppm: ALL_PPM },
        groups: Vec::new(),
        nodes: Vec::new(),
        defect: None,
    }];
    let (config, history) = config(plan, &server);
    run_paused(config, Duration::from_secs(60)).await;
    let received = server.received.lock().unwrap();
    let said: Vec<bool> =
        received.iter().map(|(_, _, text)| payload::decode(text).unwrap().is_invalid).collect();
    let publishes = publishes(&history);
    assert!(publishes.iter().all(|publish| publish.outcome == PublishOutcome::Acked));
    let planned: Vec<bool> = publishes.iter().map(|publish| publish.kind == MutationKind::Invalid).collect();
    assert_eq!(said, planned);
    let invalid: Vec<u64> = publishes
        .iter()
        .filter(|p| p.kind == MutationKind::Invalid)
        .map(|p| p.intended.0 / 1_000_000)
        .collect();
    assert_eq!((invalid.len(), invalid[0], invalid[9]), (10, 2000, 2900));
}

#[tokio::test(start_paused = true)]
async fn a_refused_version_is_not_used_again_and_an_ambiguous_one_does_not_stop_the_item() {
    let server = FakeServer::new(|n| {
        let answer = match n {
            0 => Err(PublishError::Refused("no".into())),
            1 => Err(PublishError::Ambiguous("cut".into())),
            2 => return (Duration::from_secs(3600), Ok(())),
            _ => Ok(()),
        };
        (MS, answer)
    });
    let (mut config, history) = config(plan(1, 10.0, Duration::from_secs(1)), &server);
    config.publish_timeout = 50 * MS;
    let told = Arc::new(Mutex::new(Vec::new()));
    config.on_publish = {
        let told = Arc::clone(&told);
        Arc::new(move |publish| told.lock().unwrap().push(publish.version))
    };
    let (report, board) = run_paused(config, Duration::from_secs(60)).await;
    let outcomes: Vec<(u32, PublishOutcome)> =
        publishes(&history).iter().map(|publish| (publish.version.0, publish.outcome)).collect();
    assert_eq!(
        outcomes[..4],
        [
            (2, PublishOutcome::Refused),
            (3, PublishOutcome::Ambiguous),
            (4, PublishOutcome::Ambiguous),
            (5, PublishOutcome::Acked)
        ]
    );
    assert_eq!((report.refused, report.ambiguous, report.acked), (1, 2, 6));
    assert_eq!(board.newest(ItemId(0)).version, Version(10));
    assert_eq!(told.lock().unwrap().len(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_is_in_flight_but_not_for_ever() {
    // Item 0 answers within the drain, item 1 never does.
    let server = FakeServer::new(|n| (if n == 0 { 2000 * MS } else { Duration::from_secs(3600) }, Ok(())));
    let (config, history) = config(plan(2, 10.0, Duration::from_secs(60)), &server);
    let clock = config.clock;
    let (report, _) = run_paused(config, Duration::from_secs(1)).await;
    assert_eq!(clock.now(), Offset::from_secs(6), "one second until the stop, five of drain");
    let seen = publishes(&history);
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[0].outcome, seen[1].outcome), (PublishOutcome::Acked, PublishOutcome::Ambiguous));
    assert_eq!(seen[1].done, Offset::from_secs(6));
    assert_eq!((report.sent, report.unsent), (2, 597));
}

#[tokio::test]
async fn on_its_own_thread_it_keeps_time_and_reports() {
    let server = FakeServer::new(|_| (Duration::ZERO, Ok(())));
    let (config, history) = config(plan(4, 200.0, 300 * MS), &server);
    let handle = start(config).unwrap();
    let board = handle.newest_acked();
    let report = tokio::time::timeout(Duration::from_secs(20), handle.join()).await.unwrap().unwrap();
    assert_eq!((report.sent, report.acked, report.unsent), (59, 59, 0));
    let seen = publishes(&history);
    assert!(seen.iter().all(|publish| publish.sent >= publish.intended && publish.done >= publish.sent));
    assert_eq!(seen.last().unwrap().mutation, Some(MutationId(58)));
    let newest: u32 = (0..4).map(|item| board.newest(ItemId(item)).version.0 - 1).sum();
    assert_eq!(newest, 59);
}

#[tokio::test]
async fn dropping_the_handle_stops_the_thread() {
    let server = FakeServer::new(|_| (Duration::ZERO, Ok(())));
    let (config, _history) = config(plan(1, 1000.0, Duration::from_secs(3600)), &server);
    let handle = start(config).unwrap();
    tokio::time::timeout(Duration::from_secs(20), server.arrived.notified()).await.unwrap();
    drop(handle);
    // The thread holds the publisher until it ends.
    let deadline = Instant::now() + Duration::from_secs(20);
    while Arc::strong_count(&server) > 1 {
        assert!(Instant::now() < deadline, "the mutator's thread is still there");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_item_has_version_1_before_the_run_some_at_once() {
    let server = FakeServer::new(|_| (10 * MS, Ok(())));
    let (config, history) = config(plan(40, 1.0, MS), &server);
    publish_initial(&config.plan, 77, &*config.publisher, &config.recorder).await.unwrap();
    assert_eq!(config.clock.now(), Offset::from_millis(30), "40 items, 16 at once, 10 ms each");
    let seen = publishes(&history);
    assert_eq!(seen.len(), 40);
    assert!(seen.iter().all(|publish| publish.mutation.is_none() && publish.version == Version::INITIAL));
    let received = server.received.lock().unwrap();
    assert!(received.iter().all(|(item, _, content)| payload::decode(content).unwrap().item == *item));
}

#[tokio::test(start_paused = true)]
async fn an_initial_publish_without_a_clear_answer_is_sent_again() {
    let unclear = || Err(PublishError::Ambiguous("500: rolled back".into()));
    let server = FakeServer::new(move |n| (MS, if n < 7 { unclear() } else { Ok(()) }));
    let (config, history) = config(plan(4, 1.0, MS), &server);
    publish_initial(&config.plan, 77, &*config.publisher, &config.recorder).await.unwrap();
    assert_eq!(server.received.lock().unwrap().len(), 4 + 7);
    assert!(publishes(&history).iter().all(|publish| publish.outcome == PublishOutcome::Acked));
}

#[tokio::test(start_paused = true)]
async fn initial_publishes_that_fail_are_counted_and_the_first_is_named() {
    let server = FakeServer::new(|n| match n {
        7 => (MS, Err(PublishError::Refused("403".into()))),
        17 => (Duration::from_secs(3600), Ok(())),
        _ => (MS, Ok(())),
    });
    let (config, history) = config(plan(20, 1.0, MS), &server);
    let error = publish_initial(&config.plan, 77, &*config.publisher, &config.recorder).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("2 of 20 items") && text.contains("`item-7`"), "{text}");
    let count = |outcome| publishes(&history).iter().filter(|p| p.outcome == outcome).count();
    assert_eq!((count(PublishOutcome::Refused), count(PublishOutcome::Ambiguous)), (1, 1));
}

/// The whole run of a plan against a store that answers after 1 ms; what was published, in order.
async fn carried_out(arrivals: Arrivals, change: impl FnOnce(&mut Plan)) -> (Vec<Publish>, Arc<Store>) {
    let mut plan = plan(5, 1.0, Duration::from_secs(30));
    plan.mutator = MutatorSpec::writes(arrivals);
    change(&mut plan);
    let planned: Vec<PlannedMutation> = plan.mutations().collect();
    let server = FakeServer::new(|_| (MS, Ok(())));
    let (mut config, history) = config(plan, &server);
    let store = Store::new(&config.plan, 77);
    config.publisher = Arc::<Store>::clone(&store);
    let (report, board) = run_paused(config, Duration::from_secs(60)).await;
    let seen = publishes(&history);
    assert_eq!(report.acked, planned.len() as u64, "{report:?}");
    for (publish, planned) in seen.iter().zip(&planned) {
        assert_eq!(
            (publish.intended, publish.item, publish.kind),
            (planned.intended, planned.item, planned.kind)
        );
        assert!(publish.sent.since(publish.ready) <= MS, "tokio's own timer has steps of 1 ms");
    }
    for item in (0..5).map(ItemId) {
        let there = store.content(item).map(|content| payload::decode(&content).unwrap().version);
        assert!(
            board.newest(item).is_held(there, false),
            "item {item}: {there:?} of {:?}",
            board.newest(item)
        );
    }
    (seen, store)
}

#[tokio::test(start_paused = true)]
async fn every_arrival_schedule_is_kept_to_the_instant() {
    let at = |millis, item| TracePoint { at: Offset::from_millis(millis), item };
    let trace = vec![at(300, Some(ItemId(4))), at(300, None), at(2500, Some(ItemId(4)))];
    let burst = Arrivals::Burst { count: 5, every: Duration::from_secs(10), over: 40 * MS };
    for (arrivals, expected) in [
        (Arrivals::Constant { per_second: 10.0 }, 299..300),
        (Arrivals::Poisson { per_second: 10.0 }, 230..370),
        (burst, 10..11),
        (Arrivals::Trace(trace), 3..4),
    ] {
        let (seen, _) = carried_out(arrivals.clone(), |_| ()).await;
        assert!(expected.contains(&seen.len()), "{arrivals:?}: {}", seen.len());
    }
}

#[tokio::test(start_paused = true)]
async fn every_kind_is_carried_out_and_leaves_no_gray_content() {
    for cas in [false, true] {
        let (seen, store) = carried_out(Arrivals::Constant { per_second: 5.0 }, |plan| {
            plan.mutator.kinds = Kinds { write: 4, delete: 3, gray: 3 };
            plan.mutator.gray = GraySpec { cohorts: 2, hold: Duration::from_secs(2), rollback_ppm: 500_000 };
            plan.mutator.cas = cas;
        })
        .await;
        let (often, seldom) = (
            [MutationKind::Write, MutationKind::Delete, MutationKind::Gray],
            [MutationKind::Promote, MutationKind::Rollback],
        );
        for (kind, least) in often.map(|kind| (kind, 6)).into_iter().chain(seldom.map(|kind| (kind, 2))) {
            assert!(seen.iter().filter(|publish| publish.kind == kind).count() >= least, "{kind:?}");
        }
        assert!((0..5).all(|item| store.gray(ItemId(item)).is_none()));
        let mut steps = store.steps.lock().unwrap();
        assert!(steps.contains(&Step::EndGray));
        assert!(steps.drain(..).all(|step| match step {
            Step::Write { replaces, .. } => replaces.is_some() == cas,
            Step::WriteGray { ips, .. } => ips == "10.99.0.1,10.99.0.2",
            Step::EndGray | Step::Delete => true,
        }));
    }
}
