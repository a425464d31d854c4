use shakedown_model::event::AttemptOutcome::{Connected, TimedOut};
use shakedown_model::plan::{DriverSpec, Protocol};
use shakedown_model::{FaultId, WatcherId};

use super::*;
use crate::testing::{Tiny, ms};

fn faults_of(tiny: &Tiny) -> Vec<Option<FaultId>> {
    tiny.with_evidence(|evidence| evidence.outages.iter().map(|outage| outage.fault).collect())
}

#[test]
fn a_loss_belongs_to_the_fault_in_force_or_one_that_just_ended() {
    let split = Some(FaultId(0));
    // Modern notices within 5 s + 3 · 3 s, and 5 s of grace: 19 s after the end at 35 s.
    for (at, fault) in [(24_990, None), (24_996, split), (30_000, split), (53_999, split), (54_001, None)] {
        assert_eq!(faults_of(&Tiny::calm().lost(at, 0)), [fault], "lost at {at}");
    }
    assert_eq!(faults_of(&Tiny::calm().lost(30_000, 2)), [None], "legacy is not cut");
}

#[test]
fn a_crash_belongs_to_the_crash_and_a_loss_never_does() {
    let tiny = Tiny::calm().lost(30_000, 0).subscribed(36_000, 0).crash(40_001, 0).crash(40_001, 1);
    assert_eq!(faults_of(&tiny), [Some(FaultId(0)), Some(FaultId(1)), Some(FaultId(1))]);
}

#[test]
fn an_outage_lasts_to_the_next_subscription_with_its_attempts() {
    let tiny = Tiny::calm()
        .lost(30_000, 0)
        .attempt(0, 1, (30_000, 30_000), Connected)
        .lost(31_000, 0)
        .attempt(0, 1, (31_000, 31_000), TimedOut)
        .attempt(0, 2, (31_010, 31_110), Connected)
        .subscribed(36_000, 0)
        .lost(50_000, 0)
        .attempt(0, 1, (50_000, 50_000), Connected);
    tiny.with_evidence(|evidence| {
        let outages = of_watcher(&evidence.outages, WatcherId(0));
        assert_eq!(outages.len(), 2, "a loss before the subscription goes on with the same outage");
        assert_eq!((outages[0].from, outages[0].until), (ms(30_000), Some(ms(36_000))));
        assert_eq!((outages[0].attempts.clone(), outages[1].attempts.clone()), (0..3, 3..4));
        assert_eq!(outages[1].end(), Offset::NEVER);
    });
}

#[test]
fn onsets_are_of_watchers_that_were_connected() {
    let tiny = Tiny::calm().lost(20_000, 0).lost(33_000, 1);
    tiny.with_evidence(|evidence| {
        let onsets = onsets(evidence);
        assert_eq!(onsets.len(), 1, "watcher 0 was already gone, and the crash has no onset to detect");
        assert_eq!((onsets[0].watcher, onsets[0].noticed), (WatcherId(1), Some(ms(33_000))));
    });
}

#[test]
fn real_clients_whose_connections_nobody_sees_have_neither_outages_nor_onsets() {
    for (proxy, protocol, is_seen) in [
        (ProxyKind::Embedded, Protocol::NacosGrpc, true),
        (ProxyKind::Toxiproxy, Protocol::NacosGrpc, false),
        (ProxyKind::Embedded, Protocol::NacosHttp, false),
    ] {
        let mut tiny = Tiny::calm().lost(30_000, 0).crash(40_001, 1);
        tiny.input.plan.proxy.kind = proxy;
        let client = &mut tiny.input.plan.groups[0].client;
        client.protocol = protocol;
        client.driver = Some(DriverSpec { name: "go".into(), command: None, clients_per_process: 1 });
        tiny.with_evidence(|evidence| {
            let mine = |watcher: WatcherId| evidence.index.slots.group_of(watcher) == GroupId(0);
            let outages = evidence.outages.iter().filter(|outage| mine(outage.watcher)).count();
            let onsets = onsets(evidence).iter().filter(|onset| mine(onset.watcher)).count();
            assert_eq!((outages > 0, onsets > 0), (is_seen, is_seen), "{proxy:?} {protocol:?}");
        });
    }
}
