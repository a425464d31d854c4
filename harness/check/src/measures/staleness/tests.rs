use shakedown_model::Offset;
use shakedown_model::gate::{Measure, Scope, Stat};

use crate::result::StatValue::Time;
use crate::testing::{CUT, LEGACY, MODERN, MS, STEADY, Tiny, ms};

fn max(tiny: &Tiny, scope: Scope) -> u64 {
    let figure = tiny.figure(Measure::Staleness, scope, Some(MODERN)).unwrap();
    match figure.stat(Stat::Max) {
        Time(ns) => ns / MS,
        other => panic!("{other:?}"),
    }
}

/// (value in ms, stale watchers) at an instant of the chart.
fn at(tiny: &Tiny, instant: Offset) -> (u64, u32) {
    let (_, series) = tiny.judge();
    let group = series.staleness.iter().find(|series| series.group == MODERN).unwrap();
    let point = group.points.iter().find(|(at, _, _)| *at == instant).unwrap();
    (point.1 / MS, point.2)
}

#[test]
fn is_the_age_of_the_oldest_ack_that_is_missing_and_its_maximum_is_exact() {
    let tiny = Tiny::calm()
        .acked(0, 2, 10_000, 10_010)
        .acked(0, 3, 12_000, 12_010)
        .deliveries(10_050, [1, 2, 3], 0, 2)
        .deliveries(12_060, [1, 2, 3], 0, 3)
        .delivery(13_333, 0, 0, 2)
        .delivery(14_000, 0, 0, 3);
    assert_eq!(max(&tiny, STEADY), 3_323);
    assert_eq!(at(&tiny, ms(10_000)), (0, 0));
    assert_eq!(at(&tiny, ms(13_300)), (3_290, 1));
    assert_eq!(at(&tiny, ms(13_400)), (1_390, 1), "what is missing now was acked later");
    assert_eq!(at(&tiny, ms(14_000)), (0, 0));
    let legacy = tiny.figure(Measure::Staleness, STEADY, Some(LEGACY)).unwrap();
    assert_eq!(legacy.stat(Stat::Max), Time(50 * MS), "between two instants of the grid");
}

#[test]
fn two_items_of_one_watcher_are_one_stale_watcher() {
    let tiny =
        Tiny::calm().acked(0, 2, 10_000, 10_010).acked(1, 2, 10_000, 10_020).deliveries(10_500, 0..4, 0, 2);
    assert_eq!(at(&tiny, ms(10_200)), (190, 2));
    assert_eq!(at(&tiny, ms(11_000)), (980, 2));
}

#[test]
fn goes_on_over_phases_and_through_the_drain() {
    let tiny = Tiny::calm().acked(0, 2, 19_000, 19_000).deliveries(70_000, 0..4, 0, 2);
    assert_eq!(max(&tiny, STEADY), 1_000);
    assert_eq!(max(&tiny, CUT), 51_000);
    assert_eq!(max(&tiny, Scope::Run), 51_000);
}

#[test]
fn a_crash_on_purpose_is_no_staleness_and_what_comes_after_counts_from_the_subscription() {
    let tiny = Tiny::calm()
        .crash(40_000, 0)
        .acked(0, 2, 41_000, 41_000)
        .deliveries(41_010, [1, 2, 3], 0, 2)
        .cold_start(45_000, 0)
        .subscribed(46_000, 0)
        .delivery(46_300, 0, 0, 2);
    assert_eq!(at(&tiny, ms(43_000)), (0, 0));
    // It keeps a snapshot of version 1, and version 2 is five seconds old.
    assert_eq!(at(&tiny, ms(46_200)), (5_200, 1));
    let forgets = tiny.planned(|plan| plan.groups[0].client.cache = shakedown_model::plan::Cache::None);
    assert_eq!(at(&forgets, ms(46_200)), (200, 1), "it holds nothing, and misses it since it is back");
}

#[test]
fn nobody_is_stale_in_a_calm_run_and_nothing_is_told_of_an_empty_one() {
    assert_eq!(max(&Tiny::calm(), Scope::Run), 0);
    assert!(Tiny::empty().judge().1.staleness.is_empty());
}

#[test]
fn an_item_that_is_deleted_is_missed_by_those_who_still_hold_it() {
    let deleted = Tiny::calm().deleted(2, 10_000).absent(10_500, 1..4).absent(12_010, 0..1);
    assert_eq!(max(&deleted, STEADY), 2_000);
    let again = deleted.acked(0, 3, 13_000, 13_010).deliveries(13_110, 0..4, 0, 3);
    assert_eq!(at(&again, ms(13_100)), (90, 2), "nothing is out of date once it exists again");
}

#[test]
fn who_forgot_misses_only_what_exists() {
    let forgot = |tiny: Tiny| {
        tiny.planned(|plan| plan.groups[0].client.cache = shakedown_model::plan::Cache::None)
            .deleted(2, 10_000)
            .absent(10_100, 0..4)
            .crash(40_000, 0)
            .cold_start(45_000, 0)
            .delivery(45_500, 0, 1, 1)
            .subscribed(46_000, 0)
    };
    assert_eq!(at(&forgot(Tiny::calm()), ms(50_000)), (0, 0));
    let again = forgot(Tiny::calm()).acked(0, 3, 50_000, 50_010).deliveries(50_020, 1..4, 0, 3);
    assert_eq!(at(&again, ms(50_100)), (90, 1));
}

#[test]
fn a_gray_version_is_missed_by_gray_watchers_alone() {
    use shakedown_model::event::PublishOutcome::Acked;
    use shakedown_model::schedule::MutationKind::Gray;
    let (tiny, gray, _) = Tiny::calm().with_gray();
    let (_, series) = tiny.mutation(Gray, (0, 2), (10_000, 10_010), Acked).judge();
    let stale: u32 = series
        .staleness
        .iter()
        .map(|series| series.points.iter().find(|(at, _, _)| *at == ms(15_000)).unwrap().2)
        .sum();
    assert_eq!(stale as usize, gray.len());
}

#[test]
fn a_gray_version_that_is_taken_back_is_missed_until_then() {
    use shakedown_model::event::PublishOutcome::Acked;
    use shakedown_model::schedule::MutationKind::{Gray, Rollback};
    let (tiny, gray, _) = Tiny::calm().with_gray();
    let tiny = tiny.mutation(Gray, (0, 2), (10_000, 10_010), Acked).deliveries(10_100, gray.clone(), 0, 2);
    let tiny = tiny.mutation(Rollback, (0, 3), (15_000, 15_020), Acked);
    let tiny = tiny.deliveries(15_005, gray, 0, 1).deliveries(15_100, 0..4, 0, 3);
    assert_eq!(max(&tiny, STEADY), 90, "the release itself, and 80 ms of the new version");
}

#[test]
fn what_a_read_settled_is_missed_from_that_read_on() {
    use shakedown_model::event::PublishOutcome::Settled;
    let tiny = Tiny::calm().publish(0, 2, (6_000, 10_000), Settled).deliveries(6_100, 1..4, 0, 2);
    let tiny = tiny.delivery(13_000, 0, 0, 2);
    assert_eq!(max(&tiny, STEADY), 3_000);
    assert_eq!(at(&tiny, ms(9_000)), (0, 0));
}
