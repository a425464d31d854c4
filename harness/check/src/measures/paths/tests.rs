use shakedown_model::PhaseId;
use shakedown_model::event::Path::{self, Cache, Initial, PollTimeout, Push, PushRetry, Relist, Resync};
use shakedown_model::gate::{Scope, Stat};

use crate::result::PathFigure;
use crate::result::StatValue::{LaterThan, Time, TooFew};
use crate::testing::{CUT, LEGACY, MODERN, MS, STEADY, Tiny};

fn path(tiny: &Tiny, scope: Scope, group: shakedown_model::GroupId, path: Path) -> Option<PathFigure> {
    let paths = tiny.judgement().paths;
    paths.into_iter().find(|f| f.scope == scope && f.group == group && f.path == path)
}

/// One write at 10 s, which watchers 0 and 1 got by these paths.
fn by(first: (u64, Option<u64>, Path), second: (u64, Option<u64>, Path)) -> Tiny {
    let tiny = Tiny::calm().acked(0, 2, 10_000, 10_010);
    tiny.came((first.0, first.1), 0, (0, 2), first.2).came((second.0, second.1), 1, (0, 2), second.2)
}

#[test]
fn every_delivery_is_attributed_and_the_run_merges_phases() {
    let tiny = by((10_100, Some(10_090), Push), (13_000, Some(12_990), Resync))
        .deliveries(10_200, 2..4, 0, 2)
        .acked(0, 3, 21_000, 21_010)
        .came((21_100, Some(21_090)), 0, (0, 3), Push);
    let push = path(&tiny, STEADY, MODERN, Push).unwrap();
    assert_eq!((push.count, push.stats[4], push.is_inferred), (1, Time(100 * MS), false));
    assert_eq!(push.stats[0], TooFew, "a median of one");
    assert_eq!(path(&tiny, STEADY, MODERN, Resync).unwrap().stats[4], Time(3_000 * MS));
    assert_eq!(path(&tiny, STEADY, LEGACY, Push).unwrap().count, 2);
    assert_eq!(path(&tiny, CUT, MODERN, Push).unwrap().count, 1);
    assert_eq!(path(&tiny, Scope::Run, MODERN, Push).unwrap().count, 2);
    assert!(path(&tiny, Scope::Phase(PhaseId(0)), MODERN, Initial).is_none(), "warm-up is outside");
}

#[test]
fn a_push_long_after_the_newest_ack_is_inferred_to_be_a_repeat() {
    // The server repeats after 2 s: acked at 10.010 s.
    let tiny = by((12_020, Some(12_009), Push), (12_020, Some(12_010), Push));
    assert_eq!(path(&tiny, STEADY, MODERN, Push).unwrap().count, 1);
    let repeated = path(&tiny, STEADY, MODERN, PushRetry).unwrap();
    assert_eq!((repeated.count, repeated.is_inferred), (1, true));
    let slower = tiny.clone().planned(|plan| {
        plan.server.embedded.push_retry_step = std::time::Duration::from_secs(3);
    });
    assert!(path(&slower, STEADY, MODERN, PushRetry).is_none(), "as the server is set");
    let real = slower.planned(|plan| plan.server.backend = shakedown_model::plan::Backend::Process);
    assert!(path(&real, STEADY, MODERN, PushRetry).is_some(), "a real server has its own settings");
    let newer = by((12_520, Some(12_500), Push), (12_520, Some(12_500), Push)).acked(0, 3, 12_000, 12_010);
    assert!(path(&newer, STEADY, MODERN, PushRetry).is_none(), "the first push of a newer version");
}

#[test]
fn what_no_signal_led_to_keeps_its_path() {
    let tiny = by((13_000, None, Cache), (13_000, None, Relist));
    assert_eq!(path(&tiny, STEADY, MODERN, Cache).unwrap().count, 1);
    assert!(!path(&tiny, STEADY, MODERN, Relist).unwrap().is_inferred);
    let http = Tiny::calm().acked(0, 2, 10_000, 10_010).came((11_000, None), 2, (0, 2), Relist).came(
        (11_000, None),
        3,
        (0, 2),
        PollTimeout,
    );
    assert!(path(&http, STEADY, LEGACY, Relist).unwrap().is_inferred, "a long poll does not tell");
    assert!(path(&http, STEADY, LEGACY, PollTimeout).unwrap().is_inferred);
}

#[test]
fn what_was_late_is_censored_and_what_never_came_is_in_no_path() {
    let tiny = Tiny::calm().acked(0, 2, 10_000, 10_010).came((30_001, Some(30_000)), 0, (0, 2), Resync);
    let figure = path(&tiny, STEADY, MODERN, Resync).unwrap();
    assert_eq!((figure.count, figure.stats[Stat::ALL.len() - 1]), (1, LaterThan(20_000 * MS)));
    assert_eq!(tiny.judgement().paths.iter().filter(|figure| figure.scope == STEADY).count(), 1);
    assert!(Tiny::empty().judgement().paths.is_empty());
}

#[test]
fn a_push_that_comes_before_its_ack_is_no_repeat_of_what_was_acked_before() {
    let early = by((10_100, Some(10_090), Push), (10_100, Some(10_090), Push));
    let early = early.acked(0, 3, 15_000, 15_300).came((15_200, Some(15_190)), 0, (0, 3), Push);
    assert!(path(&early, STEADY, MODERN, PushRetry).is_none());
    assert_eq!(path(&early, STEADY, MODERN, Push).unwrap().count, 3);
}
