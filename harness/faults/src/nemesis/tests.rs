use std::sync::Mutex;
use std::time::Duration;

use shakedown_model::fault::{
    Bite, Distribution, FaultAction, FaultDefect, FaultPlan, Stream, Toxic, ToxicKind, WatcherFault,
};
use shakedown_model::plan::ProxyKind;
use shakedown_model::{FaultId, GroupId, NodeId, Offset, PhaseId};
use tokio::time::{sleep, sleep_until, timeout};

use super::*;
use crate::testing::{FakeServers, Ills, World, WorldProbe, plan};

const MS: Duration = Duration::from_millis(1);

/// What a fault does, and to which groups.
type Does = (FaultAction, Vec<GroupId>);

fn fault(name: &str, from: u64, until: u64, (action, groups): Does) -> FaultPlan {
    FaultPlan {
        name: name.into(),
        phase: PhaseId(0),
        from: Offset::from_secs(from),
        until: Offset::from_secs(until),
        action,
        groups,
        nodes: Vec::new(),
        defect: None,
    }
}

fn on(groups: &[u16], action: FaultAction) -> Does {
    (action, groups.iter().copied().map(GroupId).collect())
}

fn toxic(kind: ToxicKind) -> FaultAction {
    FaultAction::Toxic { toxic: Toxic::new(Stream::Both, kind) }
}

fn latency(group: u16) -> Does {
    let distribution = Distribution::Uniform;
    on(&[group], toxic(ToxicKind::Latency { latency: 100 * MS, jitter: 50 * MS, distribution }))
}

fn reset(groups: &[u16]) -> Does {
    on(groups, FaultAction::Reset)
}

fn blackhole(groups: &[u16]) -> Does {
    on(groups, FaultAction::Blackhole { stream: Stream::Both })
}

/// A nemesis over a [`World`], with everything that its sink was told.
struct Stage {
    world: Arc<World>,
    clock: Clock,
    told: Arc<Mutex<Vec<FaultWindow>>>,
    handle: NemesisHandle,
}

fn stage_with(kind: ProxyKind, ills: Ills, faults: Vec<FaultPlan>) -> Result<Stage, FaultError> {
    let (world, proxies) = World::new();
    *world.ills.lock().unwrap() = ills;
    let clock = Clock::start();
    let told: Arc<Mutex<Vec<FaultWindow>>> = Arc::default();
    let sink: WindowSink = {
        let told = Arc::clone(&told);
        Arc::new(move |window| told.lock().unwrap().push(window.clone()))
    };
    let probe: Arc<dyn Probe> = Arc::new(WorldProbe(Arc::clone(&world)));
    let config = NemesisConfig {
        clock,
        site: world.site(&proxies, kind),
        probe,
        service: Arc::<FakeServers>::clone(&world.servers),
        dump_tick: 100 * MS,
        sink,
    };
    let handle = start(&plan(faults), config)?;
    Ok(Stage { world, clock, told, handle })
}

fn stage(faults: Vec<FaultPlan>) -> Stage {
    stage_with(ProxyKind::Embedded, Ills::default(), faults).unwrap()
}

async fn only_window(stage: Stage) -> FaultWindow {
    let mut report = stage.handle.join().await;
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    assert_eq!(report.windows.len(), 1);
    assert_eq!(stage.world.toxics(), [""; 0]);
    assert_eq!(stage.told.lock().unwrap().last(), report.windows.last(), "the sink was told the last state");
    report.windows.remove(0)
}

fn bit(window: &FaultWindow) -> &str {
    match &window.bite {
        Bite::Bit(text) => text,
        other => panic!("the fault should have bitten: {other:?}"),
    }
}

fn missed(window: &FaultWindow) -> &str {
    match &window.bite {
        Bite::Missed(text) => text,
        other => panic!("the fault should have missed: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_in_force_from_its_onset_to_its_end() {
    let stage = stage(vec![fault("slow", 5, 15, latency(1))]);
    sleep_until(stage.clock.instant(Offset::from_millis(4_990))).await;
    assert_eq!(stage.world.toxics(), [""; 0]);
    sleep_until(stage.clock.instant(Offset::from_millis(5_010))).await;
    assert_eq!(stage.world.toxics(), ["p1/fault-0-latency-upstream", "p1/fault-0-latency-downstream"]);
    sleep_until(stage.clock.instant(Offset::from_millis(14_990))).await;
    assert_eq!(stage.world.toxics().len(), 2);
    let told = Arc::clone(&stage.told);
    let window = only_window(stage).await;
    assert_eq!(window.fault, FaultId(0));
    assert_eq!(window.applying, Offset::from_secs(5));
    assert!(window.applied.unwrap() - window.applying < 5 * MS);
    assert_eq!(window.healing, Some(Offset::from_secs(15)));
    assert!(window.healed.unwrap() - window.healing.unwrap() < 5 * MS);
    assert_eq!(window.trouble, None);
    let told = told.lock().unwrap();
    assert_eq!((told[0].applied, told[1].applied.is_some(), told[1].healing), (None, true, None));
}

#[tokio::test(start_paused = true)]
async fn latency_bites_with_numbers_and_few_probes() {
    let stage = stage(vec![fault("slow", 5, 25, latency(1))]);
    let world = Arc::clone(&stage.world);
    let window = only_window(stage).await;
    assert_eq!(bit(&window), "1 proxy: rtt p50 1.0 ms → 201 ms");
    assert!(*world.probes.lock().unwrap() <= 25);
}

#[tokio::test(start_paused = true)]
async fn a_ramp_is_judged_by_its_last_step_and_leaves_nothing() {
    let kind =
        ToxicKind::Latency { latency: 300 * MS, jitter: Duration::ZERO, distribution: Distribution::Uniform };
    let steps = std::num::NonZeroU16::new(5).unwrap();
    let action = FaultAction::Ramp { toxic: Toxic::new(Stream::Downstream, kind), steps };
    let stage = stage(vec![fault("slower", 5, 25, on(&[0], action))]);
    let world = Arc::clone(&stage.world);
    let window = only_window(stage).await;
    assert_eq!(bit(&window), "1 proxy: rtt p50 1.0 ms → 301 ms");
    assert_eq!(world.toxics(), Vec::<String>::new());
    assert!(window.trouble.is_none(), "{:?}", window.trouble);
}

#[tokio::test(start_paused = true)]
async fn what_befalls_watchers_is_counted_from_the_onset_to_the_end() {
    let slow =
        |share_ppm| FaultAction::Watcher { fault: WatcherFault::SlowConsumer { takes: MS }, share_ppm };
    let stage = stage(vec![fault("slow", 5, 8, on(&[1], slow(300_000)))]);
    let world = Arc::clone(&stage.world);
    let window = only_window(stage).await;
    assert_eq!(bit(&window), "3 callbacks were slow");
    assert_eq!(
        *world.watchers.lock().unwrap(),
        ["slow_consumer [GroupId(1)] 300000", "no slow_consumer [GroupId(1)]"]
    );
    let window = only_window(self::stage(vec![fault("slow", 5, 8, on(&[1], slow(1)))])).await;
    assert_eq!(missed(&window), "0 callbacks were slow");
}

#[tokio::test(start_paused = true)]
async fn a_cut_bites_on_both_kinds_of_proxy() {
    for kind in [ProxyKind::Embedded, ProxyKind::Toxiproxy] {
        let stage = stage_with(kind, Ills::default(), vec![fault("cut", 5, 8, reset(&[0, 1]))]).unwrap();
        let world = Arc::clone(&stage.world);
        let window = only_window(stage).await;
        assert_eq!(
            bit(&window),
            "2 proxies: live connections broke within 1.0 ms, new ones within 1.0 ms",
            "{kind:?}"
        );
        assert_eq!(world.closed(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_blackhole_bites_by_silence_and_sooner_in_a_short_window() {
    let window = only_window(stage(vec![fault("hole", 5, 8, blackhole(&[0]))])).await;
    assert_eq!(bit(&window), "1 proxy: no answer for 1000 ms on live and on new connections");
    let window = only_window(stage(vec![fault("hole", 5, 6, blackhole(&[0]))])).await;
    assert_eq!(bit(&window), "1 proxy: no answer for 500 ms on live and on new connections");
}

#[tokio::test(start_paused = true)]
async fn a_fault_without_effect_misses_in_each_kind() {
    let void = Ills { toxics_are_void: true, ..Ills::default() };
    let seen = async |action| {
        let stage = stage_with(ProxyKind::Embedded, void, vec![fault("f", 5, 15, action)]).unwrap();
        missed(&only_window(stage).await).to_owned()
    };
    assert_eq!(
        seen(latency(1)).await,
        "1 of 1 proxy, `p1`: rtt p50 1.0 ms → 1.0 ms, on average 0.0 ms more where 200 ms were due"
    );
    let text = seen(reset(&[0])).await;
    assert!(text.contains("`p0`: a live connection still answered"), "{text}");
    assert_eq!(seen(blackhole(&[0])).await, "1 of 1 proxy, `p0`: a live connection answered after 1.0 ms");
}

#[tokio::test(start_paused = true)]
async fn each_mode_bites_in_its_own_way() {
    let (up, down) = (500 * MS, 500 * MS);
    for (action, text) in [
        (
            FaultAction::OneWay { stream: Stream::Upstream },
            "no answer for 1000 ms on live and on new connections",
        ),
        (FaultAction::HalfOpen, "live connections broke 1.0 ms after a request, new ones answered"),
        (FaultAction::Silence, "no answer for 1000 ms on new connections, live ones answered"),
        (FaultAction::Refuse, "new connections were refused within 0.0 ms, live ones answered"),
        (FaultAction::Flap { up, down }, "live connections broke within 1.0 ms, new ones within 1.0 ms"),
        (
            toxic(ToxicKind::Timeout { timeout: 300 * MS }),
            "live connections broke within 301 ms, new ones within 301 ms",
        ),
        (
            toxic(ToxicKind::Timeout { timeout: Duration::ZERO }),
            "no answer for 1000 ms on live and on new connections",
        ),
        (
            toxic(ToxicKind::LimitData { bytes: 250 }),
            "live connections broke within 22.0 ms, new ones within 22.0 ms",
        ),
        (toxic(ToxicKind::SlowClose { delay: 100 * MS }), "ends came within 201 ms"),
        (toxic(ToxicKind::Bandwidth { kilobytes_per_second: 1 }), "rtt p50 1.0 ms → 201 ms"),
        (
            toxic(ToxicKind::Slicer { average_size: 10, size_variation: 0, delay: 2 * MS }),
            "rtt p50 1.0 ms → 41.0 ms",
        ),
    ] {
        let kind = action.kind();
        let window = only_window(stage(vec![fault("f", 5, 15, on(&[0], action))])).await;
        assert_eq!(bit(&window), format!("1 proxy: {text}"), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn refusing_on_the_real_proxy_ends_live_connections_too() {
    let does = on(&[0], FaultAction::Refuse);
    let stage = stage_with(ProxyKind::Toxiproxy, Ills::default(), vec![fault("f", 5, 15, does)]).unwrap();
    let world = Arc::clone(&stage.world);
    let window = only_window(stage).await;
    assert!(bit(&window).ends_with("live ones ended"), "{:?}", window.bite);
    assert_eq!(world.closed(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_canary_cannot_see_is_said_and_not_guessed() {
    let share = Toxic {
        stream: Stream::Both,
        toxicity_ppm: 300_000,
        kind: ToxicKind::ResetPeer { timeout: Duration::ZERO },
    };
    for (action, why) in [
        (toxic(ToxicKind::SlowClose { delay: 9000 * MS }), "later than that of the fault"),
        (toxic(ToxicKind::Bandwidth { kilobytes_per_second: 1000 }), "too little to be held up"),
        (toxic(ToxicKind::LimitData { bytes: 1 << 20 }), "below the limit"),
        (FaultAction::Toxic { toxic: share }, "a share of the connections"),
    ] {
        let window = only_window(stage(vec![fault("f", 5, 15, on(&[0], action))])).await;
        assert!(matches!(&window.bite, Bite::NotMeasured(text) if text.contains(why)), "{:?}", window.bite);
    }
}

#[tokio::test(start_paused = true)]
async fn each_mode_that_does_nothing_misses() {
    let void = Ills { toxics_are_void: true, ..Ills::default() };
    let (up, down) = (500 * MS, 500 * MS);
    for action in [
        FaultAction::OneWay { stream: Stream::Upstream },
        FaultAction::HalfOpen,
        FaultAction::Silence,
        FaultAction::Refuse,
        FaultAction::Flap { up, down },
        toxic(ToxicKind::Timeout { timeout: 300 * MS }),
        toxic(ToxicKind::SlowClose { delay: 100 * MS }),
        toxic(ToxicKind::LimitData { bytes: 250 }),
        toxic(ToxicKind::Bandwidth { kilobytes_per_second: 1 }),
    ] {
        let kind = action.kind();
        let faults = vec![fault("f", 5, 15, on(&[0], action))];
        let window = only_window(stage_with(ProxyKind::Embedded, void, faults).unwrap()).await;
        assert!(missed(&window).starts_with("1 of 1 proxy, `p0`: "), "{kind}: {:?}", window.bite);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_touches_the_nodes_that_it_names() {
    let mut named = fault("f", 5, 8, reset(&[0, 1]));
    named.nodes = vec![NodeId(0)];
    assert!(bit(&only_window(stage(vec![named.clone()])).await).starts_with("2 proxies"));
    named.nodes = vec![NodeId(1)];
    let refused = stage_with(ProxyKind::Embedded, Ills::default(), vec![named]).err();
    assert!(matches!(refused, Some(FaultError::NoProxies { .. })), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_blackhole_that_cuts_is_no_blackhole() {
    let ills = Ills { blackholes_cut: true, ..Ills::default() };
    let stage = stage_with(ProxyKind::Embedded, ills, vec![fault("hole", 5, 15, blackhole(&[0]))]).unwrap();
    let window = only_window(stage).await;
    assert!(missed(&window).contains("broke after 1.0 ms instead of falling silent"), "{:?}", window.bite);
}

#[tokio::test(start_paused = true)]
async fn a_fault_on_a_proxy_that_is_cut_already_cannot_be_shown_to_bite() {
    let stage = stage(vec![fault("cut", 5, 20, reset(&[1])), fault("slow", 10, 15, latency(1))]);
    let report = stage.handle.join().await;
    let text = missed(&report.windows[1]);
    assert!(text.contains("the canary was not ready: connection broken"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_canary_waits_for_the_fault_before_to_heal() {
    let faults = vec![fault("cut", 5, 10, reset(&[1])), fault("slow", 11, 15, latency(1))];
    let report = stage(faults).handle.join().await;
    assert_eq!(bit(&report.windows[1]), "1 proxy: rtt p50 1.0 ms → 201 ms");
}

#[tokio::test(start_paused = true)]
async fn faults_overlap() {
    let stage = stage(vec![fault("slow", 5, 15, latency(0)), fault("cut", 8, 12, reset(&[1]))]);
    sleep_until(stage.clock.instant(Offset::from_secs(10))).await;
    assert_eq!(stage.world.toxics().len(), 3);
    let report = stage.handle.join().await;
    assert_eq!(stage.world.toxics(), [""; 0]);
    assert_eq!(report.windows[0].healing, Some(Offset::from_secs(15)));
    assert_eq!(report.windows[1].healing, Some(Offset::from_secs(12)));
    assert!(report.windows.iter().all(|window| matches!(window.bite, Bite::Bit(_))), "{:?}", report.windows);
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_done_to_the_watchers_who_say_that_they_went_down_and_came_back() {
    let stage = stage(vec![fault("crash", 5, 9, on(&[1], FaultAction::Crash))]);
    sleep_until(stage.clock.instant(Offset::from_secs(6))).await;
    assert_eq!(*stage.world.watchers.lock().unwrap(), ["crash [GroupId(1)]"]);
    let world = Arc::clone(&stage.world);
    let window = only_window(stage).await;
    assert_eq!(*world.watchers.lock().unwrap(), ["crash [GroupId(1)]", "cold start [GroupId(1)]"]);
    assert_eq!(bit(&window), "1 of 1 watchers went down, 1 started cold");
    assert_eq!(window.healed, Some(Offset::from_secs(9)));
    assert_eq!(*world.probes.lock().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_crash_over_spoiled_snapshots_counts_those_too() {
    let fault_of = |cache| FaultAction::Watcher { fault: WatcherFault::SpoiledCache { cache }, share_ppm: 1 };
    let action = fault_of(shakedown_model::fault::SpoiledCache::Torn);
    let window = only_window(stage(vec![fault("crash", 5, 9, on(&[0, 1], action))])).await;
    assert_eq!(bit(&window), "2 of 2 watchers went down, 2 started cold, 1 snapshots were spoiled");
}

/// Everything that befalls links and watchers, each kind once.
fn actions() -> Vec<FaultAction> {
    let watcher = |fault| FaultAction::Watcher { fault, share_ppm: 1_000_000 };
    let distribution = Distribution::Uniform;
    let latency = ToxicKind::Latency { latency: 100 * MS, jitter: 50 * MS, distribution };
    vec![
        toxic(latency),
        toxic(ToxicKind::Bandwidth { kilobytes_per_second: 1 }),
        toxic(ToxicKind::SlowClose { delay: 100 * MS }),
        toxic(ToxicKind::Timeout { timeout: 300 * MS }),
        toxic(ToxicKind::ResetPeer { timeout: Duration::ZERO }),
        toxic(ToxicKind::Slicer { average_size: 10, size_variation: 0, delay: 2 * MS }),
        toxic(ToxicKind::LimitData { bytes: 250 }),
        FaultAction::Ramp {
            toxic: Toxic::new(Stream::Both, latency),
            steps: std::num::NonZeroU16::new(2).unwrap(),
        },
        FaultAction::Reset,
        FaultAction::Blackhole { stream: Stream::Both },
        FaultAction::OneWay { stream: Stream::Upstream },
        FaultAction::HalfOpen,
        FaultAction::Silence,
        FaultAction::Refuse,
        FaultAction::Flap { up: 500 * MS, down: 500 * MS },
        FaultAction::Crash,
        watcher(WatcherFault::BlockedCallback),
        watcher(WatcherFault::SlowConsumer { takes: MS }),
        watcher(WatcherFault::PanickingCallback),
        watcher(WatcherFault::FullDisk),
        watcher(WatcherFault::SpoiledCache { cache: shakedown_model::fault::SpoiledCache::Missing }),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_toothless_fault_does_nothing_and_is_found_out_and_the_one_after_it_is_not() {
    for action in actions() {
        let toothless =
            FaultPlan { defect: Some(FaultDefect::Toothless), ..fault("toothless", 5, 15, on(&[0], action)) };
        let stage = stage(vec![toothless, fault("real", 20, 30, on(&[0], action))]);
        sleep_until(stage.clock.instant(Offset::from_secs(16))).await;
        assert_eq!(
            (stage.world.toxics().len(), stage.world.watchers.lock().unwrap().len()),
            (0, 0),
            "{action:?}"
        );
        let report = stage.handle.join().await;
        let [toothless, real] = &report.windows[..] else { panic!("{report:?}") };
        assert!(toothless.applied.is_some() && toothless.healed.is_some() && toothless.trouble.is_none());
        assert!(!missed(toothless).is_empty(), "{action:?}");
        assert!(!bit(real).is_empty(), "{action:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_heals_what_is_in_force_and_begins_nothing_more() {
    let faults = vec![
        fault("slow", 5, 50, latency(0)),
        fault("hole", 6, 50, blackhole(&[1])),
        fault("later", 20, 30, reset(&[0])),
    ];
    let stage = stage(faults);
    sleep_until(stage.clock.instant(Offset::from_millis(6_200))).await;
    let report = stage.handle.stop().await;
    assert_eq!(stage.world.toxics(), [""; 0]);
    assert!(stage.clock.now() < Offset::from_millis(6_210), "a stop does not wait");
    let windows: Vec<_> = report.windows.iter().map(|window| (window.fault.0, window.healing)).collect();
    assert_eq!(windows, [(0, Some(Offset::from_millis(6_200))), (1, Some(Offset::from_millis(6_200)))]);
    assert!(
        matches!(&report.windows[1].bite, Bite::NotMeasured(why) if why.starts_with("stopped before")),
        "the canary had 0.2 s of its second: {:?}",
        report.windows[1].bite
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_a_fault_is_being_applied_leaves_nothing_behind() {
    let ills = Ills { call_time: 300 * MS, ..Ills::default() };
    let faults = vec![fault("cut", 5, 50, reset(&[0, 1]))];
    let stage = stage_with(ProxyKind::Toxiproxy, ills, faults).unwrap();
    // Onset takes four calls of 0.3 s; the stop comes in the third, the proxies being closed.
    sleep_until(stage.clock.instant(Offset::from_millis(5_950))).await;
    let report = stage.handle.stop().await;
    assert_eq!((stage.world.toxics().len(), stage.world.closed()), (0, 0));
    assert!(report.windows[0].healed.is_some());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_handle_heals_too() {
    let stage = stage(vec![fault("hole", 5, 50, blackhole(&[0, 1]))]);
    sleep_until(stage.clock.instant(Offset::from_secs(6))).await;
    assert_eq!(stage.world.toxics().len(), 4);
    drop(stage.handle);
    sleep(MS).await;
    assert_eq!(stage.world.toxics(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_dies_before_the_onset_is_trouble_and_no_hang() {
    let stage = stage(vec![fault("slow", 5, 15, latency(0)), fault("later", 20, 25, latency(1))]);
    stage.world.ills.lock().unwrap().api_is_dead = true;
    let report = timeout(Duration::from_secs(30), stage.handle.join()).await.expect("no hang");
    assert_eq!(report.errors.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["slow", "later"]);
    let window = &report.windows[0];
    assert_eq!((window.applied, window.healed), (None, None));
    assert!(matches!(&window.bite, Bite::NotMeasured(why) if why.contains("never applied")));
    let trouble = window.trouble.as_deref().unwrap();
    assert!(
        trouble.contains("applying failed: 1 of 1 proxies failed, `p0` first: no answer to"),
        "{trouble}"
    );
    assert!(trouble.contains("before the onset: no answer to `list all`"), "{trouble}");
}

#[tokio::test(start_paused = true)]
async fn an_api_that_dies_while_a_fault_is_in_force_is_trouble_and_no_hang() {
    let stage = stage(vec![fault("slow", 5, 15, latency(0))]);
    sleep_until(stage.clock.instant(Offset::from_secs(10))).await;
    stage.world.ills.lock().unwrap().api_is_dead = true;
    let report = timeout(Duration::from_secs(30), stage.handle.stop()).await.expect("no hang");
    assert_eq!(report.errors.len(), 1);
    let window = &report.windows[0];
    assert!(window.applied.is_some() && window.healing.is_some() && window.healed.is_none());
    assert!(window.trouble.as_deref().unwrap().contains("healing failed"), "{window:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_fault_leaves_behind_is_removed_and_told() {
    let ills = Ills { forgotten_removals: 1, ..Ills::default() };
    let stage = stage_with(ProxyKind::Embedded, ills, vec![fault("cut", 5, 8, reset(&[0]))]).unwrap();
    let window = only_window(stage).await;
    assert_eq!(
        window.trouble.as_deref(),
        Some("after healing: `fault-0-reset_peer-downstream` was still on `p0` and was removed")
    );
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_cannot_be_carried_out_is_refused_before_anything_starts() {
    let refused =
        |action| stage_with(ProxyKind::Embedded, Ills::default(), vec![fault("f", 5, 8, action)]).err();
    assert!(matches!(refused(latency(7)), Some(FaultError::NoProxies { fault }) if fault == "f"));
    let kind = ToxicKind::ResetPeer { timeout: Duration::from_micros(10) };
    let error = refused(on(&[0], toxic(kind)));
    assert!(matches!(error, Some(FaultError::NotWholeMillis { attribute: "timeout", .. })), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_the_very_start_still_gets_a_baseline() {
    let window = only_window(stage(vec![fault("slow", 0, 10, latency(0))])).await;
    assert!(window.applying < Offset::from_millis(500));
    assert!(bit(&window).contains("1.0 ms → 201 ms"));
}
