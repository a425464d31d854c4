use shakedown_model::Offset;
use shakedown_model::event::AttemptOutcome::{Connected, TimedOut};
use shakedown_model::gate::{Measure, Scope, Stat};

use crate::result::StatValue::{LaterThan, Share, Time};
use crate::testing::{CRASH, LEGACY, MODERN, MS, SPLIT, Tiny, ms};

/// Watcher 0 notices at 27 s and is back at 35.5 s after three attempts; watcher 1 never notices.
fn split() -> Tiny {
    Tiny::calm()
        .lost(27_000, 0)
        .attempt(0, 1, (27_000, 27_000), TimedOut)
        .attempt(0, 2, (27_010, 27_110), TimedOut)
        .attempt(0, 3, (27_120, 27_320), Connected)
        .subscribed(35_500, 0)
}

#[test]
fn detect_counts_from_the_beginning_of_the_onset_and_censors_what_nobody_noticed() {
    let detect = split().figure(Measure::Detect, SPLIT, Some(MODERN)).unwrap();
    assert_eq!((detect.count, detect.censored), (2, 1));
    // Watched for 5 s + 3 · 3 s + 5 s beyond the end at 35 s; applying began at 24.995 s.
    assert_eq!(detect.stat(Stat::Max), LaterThan(29_005 * MS));
    let early = Tiny::calm().lost(24_997, 0).lost(25_300, 1);
    let detect = early.figure(Measure::Detect, SPLIT, Some(MODERN)).unwrap();
    assert_eq!((detect.negative, detect.stat(Stat::Max)), (0, Time(305 * MS)));
    assert!(early.figure(Measure::Detect, SPLIT, Some(LEGACY)).is_none());
}

#[test]
fn reconnect_is_from_the_loss_to_the_subscription() {
    let reconnect = |tiny: &Tiny| tiny.figure(Measure::Reconnect, SPLIT, Some(MODERN)).unwrap();
    assert_eq!(reconnect(&split()).stat(Stat::Max), Time(8_500 * MS));
    let never = reconnect(&split().lost(30_000, 1));
    assert_eq!((never.count, never.censored, never.stat(Stat::Max)), (2, 1, LaterThan(52_000 * MS)));
    let outside = Tiny::calm().lost(10_000, 0).subscribed(10_200, 0);
    assert!(outside.figure(Measure::Reconnect, Scope::Run, Some(MODERN)).is_none());
    assert_eq!(outside.judgement().counts.losses, 1);
}

#[test]
fn reconnect_after_a_crash_is_from_the_cold_start() {
    let tiny = Tiny::calm().crash(40_000, 0).cold_start(45_000, 0).subscribed(45_700, 0);
    assert_eq!(tiny.figure(Measure::Reconnect, CRASH, Some(MODERN)).unwrap().stat(Stat::Max), Time(700 * MS));
    let interrupted = split().lost(36_000, 0).crash(40_000, 0).cold_start(45_000, 0).subscribed(45_700, 0);
    let reconnect = interrupted.figure(Measure::Reconnect, SPLIT, Some(MODERN)).unwrap();
    assert_eq!(
        (reconnect.count, reconnect.censored),
        (1, 0),
        "the crash drops the outage that it interrupts"
    );
}

#[test]
fn attempt_gaps_are_those_of_the_second_attempt_and_later() {
    let gaps = split().figure(Measure::AttemptGap, SPLIT, Some(MODERN)).unwrap();
    assert_eq!((gaps.count, gaps.stat(Stat::Max)), (2, Time(200 * MS)));
    let (_, series) = split().judge();
    let points: Vec<_> =
        series.gaps.iter().map(|p| (p.attempt, p.gap_ns, p.allowed_ns, p.is_within)).collect();
    assert_eq!(
        points,
        [(2, 100 * MS, (100 * MS, 100 * MS), true), (3, 200 * MS, (200 * MS, 200 * MS), true)]
    );
    assert_eq!(series.attempts[0].buckets, [(ms(27_000), 1, 0), (ms(27_100), 1, 0), (ms(27_300), 1, 1)]);
}

#[test]
fn catch_up_is_until_the_newest_of_all_items_is_held() {
    let tiny = split().acked(0, 2, 28_000, 28_010).acked(1, 2, 29_000, 29_010).acked(0, 3, 36_000, 36_010);
    let caught_up =
        tiny.clone().delivery(35_600, 0, 0, 2).delivery(35_900, 0, 1, 2).delivery(36_100, 0, 0, 3);
    let figure = caught_up.figure(Measure::CatchUp, SPLIT, Some(MODERN)).unwrap();
    // Watcher 1 was not cut; version 3 was acked after healing.
    assert_eq!((figure.count, figure.stat(Stat::Max)), (1, Time(900 * MS)));
    let never = tiny.delivery(35_600, 0, 0, 2).figure(Measure::CatchUp, SPLIT, Some(MODERN)).unwrap();
    assert_eq!(never.stat(Stat::Max), LaterThan(47_000 * MS));
}

#[test]
fn who_missed_nothing_has_nothing_to_catch_up_with_unless_it_forgot() {
    assert!(split().figure(Measure::CatchUp, SPLIT, Some(MODERN)).is_none());
    let early = split().acked(0, 2, 28_000, 28_010).delivery(34_000, 0, 0, 2);
    assert!(early.figure(Measure::CatchUp, SPLIT, Some(MODERN)).is_none(), "held before the fault healed");
    let crashed = Tiny::calm()
        .crash(40_000, 0)
        .cold_start(45_000, 0)
        .delivery(45_200, 0, 0, 1)
        .delivery(45_300, 0, 1, 1)
        .subscribed(45_400, 0);
    assert_eq!(
        crashed.figure(Measure::CatchUp, CRASH, Some(MODERN)).unwrap().stat(Stat::Max),
        Time(300 * MS)
    );
}

#[test]
fn herd_share_is_over_the_cut_watchers_of_the_group() {
    let share = |tiny: &Tiny| tiny.figure(Measure::HerdShare, SPLIT, Some(MODERN)).unwrap().stat(Stat::Max);
    assert_eq!(share(&split()), Share(1.0), "one was cut and one attempts");
    let both = split().lost(27_000, 1).attempt(1, 1, (27_000, 28_000), Connected);
    assert_eq!(share(&both), Share(0.5));
    let together = split().lost(27_000, 1).attempt(1, 1, (27_000, 27_050), Connected);
    assert_eq!(share(&together), Share(1.0));
}

#[test]
fn gaps_are_thinned_evenly() {
    let mut tiny = Tiny::calm().lost(26_000, 0);
    for n in 2..50_002 {
        tiny = tiny.attempt(0, n, (26_000, 26_000), TimedOut);
    }
    let (judgement, series) = tiny.judge();
    assert_eq!(judgement.figures.iter().find(|f| f.measure == Measure::AttemptGap).unwrap().count, 50_000);
    assert_eq!(series.gaps.len(), 16_667);
    assert!(series.gaps.last().unwrap().attempt > 49_900);
    assert!(judgement.counts.attempts == 50_000 && series.attempts[0].buckets[0].0 >= Offset::from_secs(26));
}

#[test]
fn a_fault_on_some_connections_censors_nobody_who_noticed_nothing() {
    use shakedown_model::fault::{FaultAction, Stream, Toxic, ToxicKind};
    use shakedown_model::{NodeId, Plan};
    let with = |change: fn(&mut Plan)| {
        let figure = split().planned(change).figure(Measure::Detect, SPLIT, Some(MODERN)).unwrap();
        (figure.count, figure.censored)
    };
    let reset = |ppm| {
        let toxic = Toxic {
            toxicity_ppm: ppm,
            ..Toxic::new(Stream::Both, ToxicKind::ResetPeer { timeout: std::time::Duration::ZERO })
        };
        FaultAction::Toxic { toxic }
    };
    assert_eq!(with(|plan| plan.faults[0].action = FaultAction::HalfOpen), (2, 1));
    assert_eq!(with(|plan| plan.faults[0].action = FaultAction::Refuse), (1, 0), "live ones go on");
    let closed = with(|plan| {
        plan.proxy.kind = shakedown_model::plan::ProxyKind::Toxiproxy;
        plan.faults[0].action = FaultAction::Refuse;
    });
    assert_eq!(closed, (2, 1), "the real one ends them");
    assert_eq!(with(|plan| plan.faults[0].action = FaultAction::Silence), (1, 0), "live ones go on");
    let some = split().planned(|plan| plan.faults[0].action = reset(500_000));
    assert_eq!(some.figure(Measure::Detect, SPLIT, Some(MODERN)).unwrap().censored, 0);
    let all = split().planned(|plan| plan.faults[0].action = reset(1_000_000));
    assert_eq!(all.figure(Measure::Detect, SPLIT, Some(MODERN)).unwrap().censored, 1);
    let on_nodes = |nodes: u16| {
        let tiny = split().planned(|plan| {
            plan.server.nodes = nodes;
            plan.faults[0].nodes = vec![NodeId(0)];
        });
        tiny.figure(Measure::Detect, SPLIT, Some(MODERN)).unwrap().censored
    };
    assert_eq!((on_nodes(1), on_nodes(2)), (1, 0), "the other node's connections were not hit");
}

#[test]
fn a_killed_server_hits_everybody_and_a_round_over_nodes_does_not() {
    use shakedown_model::fault::{FaultAction, ServerFault};
    let of = |fault| {
        let mut tiny = split();
        let Scope::Fault(id) = SPLIT else { unreachable!("SPLIT is a fault") };
        tiny.input.plan.faults[id.index()].action = FaultAction::Server { fault };
        let detect = tiny.figure(Measure::Detect, SPLIT, Some(MODERN)).unwrap();
        (detect.count, detect.censored)
    };
    assert_eq!(of(ServerFault::Kill), (2, 1));
    let pause = std::time::Duration::ZERO;
    assert_eq!(of(ServerFault::RollingRestart { pause }), (1, 0));
    assert_eq!(of(ServerFault::LeaderLoss), (1, 0), "who was with another node noticed nothing");
}
