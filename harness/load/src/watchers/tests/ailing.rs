//! What befalls watchers themselves, over real sockets.

use shakedown_model::GroupId;
use shakedown_model::event::ReadSource;
use shakedown_model::fault::{ALL_PPM, Befallen, SpoiledCache, WatcherFault};
use shakedown_model::plan::{Cache, Registers};

use super::*;

const BOTH: [GroupId; 2] = [GroupId(0), GroupId(1)];

async fn stage_of(change: impl Fn(&mut GroupSpec)) -> (Stage, Fleet, MemoryHistory) {
    let mut plan = plan(3);
    plan.groups.iter_mut().for_each(change);
    let stage = Stage::new(plan).await;
    let (fleet, history) = stage.fleet();
    until("subscribed", || fleet.control().subscribed() == 6).await;
    (stage, fleet, history)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_callback_keeps_its_watcher_from_later_versions_until_the_end() {
    let (stage, fleet, history) = stage_of(|_| {}).await;
    let control = fleet.control().clone();
    control.suffer(&BOTH, WatcherFault::BlockedCallback, ALL_PPM);
    stage.publish(0, 2).await;
    until("every callback blocked", || {
        control.befallen().iter().map(|group| group.blocked).sum::<u64>() == 6
    })
    .await;
    stage.publish(0, 3).await;
    stage.wait_for(0, 3).await;
    assert!(!control.converged(&newest(0, 3)), "nobody reads while a callback blocks");
    control.recover(&BOTH, WatcherFault::BlockedCallback);
    until("caught up", || control.converged(&newest(0, 3))).await;
    stop(fleet).await;
    let lost = history.events().iter().filter(|event| matches!(event, Event::Lost(_))).count();
    assert_eq!(lost, 0, "a server is patient for longer than this");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_consumer_is_late_and_its_neighbours_are_not() {
    let (stage, fleet, history) = stage_of(|_| {}).await;
    let control = fleet.control().clone();
    let slow = WatcherFault::SlowConsumer { takes: Duration::from_millis(400) };
    control.suffer(&[GroupId(1)], slow, ALL_PPM);
    stage.publish(0, 2).await;
    until("slow", || control.befallen()[1].slow == 3).await;
    stage.publish(0, 3).await;
    until("converged", || control.converged(&newest(0, 3))).await;
    control.recover(&BOTH, slow);
    stop(fleet).await;
    let events = history.events();
    let at = |watcher: u32, version: u32| {
        let of = |event: &Event| match event {
            Event::Delivery(one) if one.watcher.0 == watcher && one.version.0 == version => Some(one.at),
            _ => None,
        };
        events.iter().find_map(of)
    };
    for watcher in 3..6 {
        let (second, third) = (at(watcher, 2).unwrap(), at(watcher, 3).unwrap());
        assert!(third - second >= Duration::from_millis(400), "{second} {third}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_that_panics_takes_its_watcher_along_until_the_end() {
    let (stage, fleet, history) = stage_of(|_| {}).await;
    let control = fleet.control().clone();
    control.suffer(&[GroupId(1)], WatcherFault::PanickingCallback, ALL_PPM);
    stage.publish(0, 2).await;
    until("three are gone", || control.subscribed() == 3).await;
    let befallen = control.befallen();
    assert_eq!((befallen[0], befallen[1].panicked, befallen[1].crashed), (Befallen::default(), 3, 3));
    control.recover(&[GroupId(1)], WatcherFault::PanickingCallback);
    until("they are back", || control.subscribed() == 6 && control.converged(&newest(0, 2))).await;
    stop(fleet).await;
    let crashed: Vec<_> = history
        .events()
        .iter()
        .filter_map(|event| if let Event::Crash { watcher, .. } = event { Some(watcher.0) } else { None })
        .collect();
    assert_eq!(crashed.len(), 3);
    assert!(crashed.iter().all(|watcher| *watcher >= 3), "neighbours live on: {crashed:?}");
}

/// What watchers read from their caches after a cold start without a server, each once.
async fn reads_after(fault: WatcherFault) -> (Vec<Option<u32>>, u64) {
    let (mut stage, fleet, history) = stage_of(|group| {
        group.client.cache = Cache::Snapshot;
        group.reads_per_second = 20.0;
    })
    .await;
    let control = fleet.control().clone();
    stage.stop_server();
    until("lost", || control.subscribed() == 0).await;
    control.suffer(&BOTH, fault, ALL_PPM);
    control.recover(&BOTH, fault);
    let cold = || history.events().iter().filter(|event| matches!(event, Event::ColdStart { .. })).count();
    until("cold", || cold() == 6).await;
    let befallen = || control.befallen().into_iter().fold(Befallen::default(), Befallen::and);
    until("spoiled", || befallen().spoiled > 0).await;
    assert_eq!((befallen().crashed, befallen().started_cold), (6, 6));
    let reads = control.progress().reads;
    until("read", || control.progress().reads > reads + 24).await;
    let failed = fleet.stop().await.progress.snapshots_failed;
    let events = history.events();
    let start = events.iter().rposition(|event| matches!(event, Event::ColdStart { .. })).unwrap();
    let read = |event: &Event| match event {
        Event::Read(read) => Some(match read.source {
            ReadSource::Snapshot => read.version.map(|version| version.0),
            _ => None,
        }),
        _ => None,
    };
    (events[start..].iter().filter_map(read).collect(), failed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spoiled_cache_never_serves_what_it_held() {
    for cache in [SpoiledCache::Missing, SpoiledCache::Empty, SpoiledCache::Torn, SpoiledCache::Foreign] {
        let (reads, failed) = reads_after(WatcherFault::SpoiledCache { cache }).await;
        assert!(!reads.is_empty() && reads.iter().all(Option::is_none), "{cache:?}: {reads:?}");
        assert_eq!(failed, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_full_disk_the_snapshot_stays_what_it_was() {
    let (stage, fleet, _history) = stage_of(|group| group.client.cache = Cache::Snapshot).await;
    let control = fleet.control().clone();
    control.suffer(&BOTH, WatcherFault::FullDisk, ALL_PPM);
    stage.publish(0, 2).await;
    until("delivered", || control.converged(&newest(0, 2))).await;
    until("refused", || control.befallen().iter().all(|group| group.unwritten == 3)).await;
    control.recover(&BOTH, WatcherFault::FullDisk);
    stop(fleet).await;
    let snapshot =
        stage.dir.path().join("snapshots").join(WatcherId(0).to_string()).join(ItemId(0).to_string());
    let held = std::fs::read_to_string(snapshot).unwrap();
    assert_eq!(payload::decode(&held).unwrap().version, Version(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_registers_stays_at_the_first_version_and_who_does_twice_is_called_twice() {
    let mut plan = plan(2);
    for (group, registers) in plan.groups.iter_mut().zip([Registers::Never, Registers::Twice]) {
        group.client.registers = registers;
    }
    plan.groups.swap(0, 1);
    let mut never = plan.clone();
    never.groups.iter_mut().for_each(|group| group.client.registers = Registers::Never);
    let mut twice = plan;
    twice.groups.iter_mut().for_each(|group| group.client.registers = Registers::Twice);
    for (plan, count) in [(never, 0), (twice, 2)] {
        let stage = Stage::new(plan).await;
        let (fleet, history) = stage.fleet();
        until("subscribed", || fleet.control().subscribed() == 4).await;
        stage.publish(0, 2).await;
        stage.wait_for(0, 2).await;
        if count > 0 {
            until("converged", || fleet.control().converged(&newest(0, 2))).await;
        }
        stop(fleet).await;
        let second = |event: &&Event| matches!(event, Event::Delivery(one) if one.version == Version(2));
        assert_eq!(history.events().iter().filter(second).count(), 4 * count);
    }
}
