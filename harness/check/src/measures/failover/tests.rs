use shakedown_model::event::ReadSource::{Failover, Live, Memory, Nothing, Snapshot};
use shakedown_model::gate::{Measure, Stat};

use crate::result::StatValue::{LaterThan, Time};
use crate::testing::{CUT, MODERN, MS, Tiny};

fn count(tiny: &Tiny) -> u64 {
    tiny.figure(Measure::Failover, CUT, Some(MODERN)).map_or(0, |figure| figure.count)
}

#[test]
fn counts_reads_from_the_onset_to_the_subscription() {
    let cut = Tiny::calm().lost(28_000, 0).subscribed(36_000, 0);
    for (at, n) in [(24_999, 0), (25_000, 1), (27_000, 1), (30_000, 1), (35_999, 1), (36_000, 0)] {
        assert_eq!(count(&cut.clone().read(at, 0, Memory, Some(1))), n, "read at {at}");
    }
    let read = cut.read(30_000, 0, Memory, Some(1));
    assert_eq!(read.figure(Measure::Failover, CUT, Some(MODERN)).unwrap().stat(Stat::Max), Time(4 * MS));
}

#[test]
fn a_fault_that_nobody_noticed_cuts_until_it_is_healed() {
    assert_eq!(count(&Tiny::calm().read(34_999, 0, Live, Some(1))), 1);
    assert_eq!(count(&Tiny::calm().read(35_000, 0, Live, Some(1))), 0);
    assert_eq!(count(&Tiny::calm().read(30_000, 2, Live, Some(1))), 0, "legacy is not cut");
}

#[test]
fn no_answer_is_censored_and_a_cold_start_counts() {
    let tiny = Tiny::calm().crash(40_000, 0).cold_start(45_000, 0).subscribed(46_000, 0);
    let figure = tiny.read(45_100, 0, Snapshot, Some(1)).read(45_200, 0, Nothing, None);
    let figure = figure.figure(Measure::Failover, CUT, Some(MODERN)).unwrap();
    assert_eq!((figure.count, figure.censored, figure.stat(Stat::Max)), (2, 1, LaterThan(4 * MS)));
}

#[test]
fn every_read_is_counted_over_the_run() {
    assert_eq!(
        Tiny::calm().read(1_500, 0, Live, Some(1)).read(30_000, 0, Live, Some(1)).judgement().counts.reads,
        2
    );
}

/// Version 2 is acked at 26.010 s; watcher 0 is cut off from 25 s to 36 s and holds version 1.
fn missed() -> Tiny {
    Tiny::calm().lost(28_000, 0).acked(0, 2, 26_000, 26_010).subscribed(36_000, 0)
}

fn points(tiny: &Tiny) -> Vec<(u64, bool, bool)> {
    tiny.judge().1.failover.iter().map(|point| (point.age_ns, point.is_right, point.says_stale)).collect()
}

#[test]
fn answers_have_an_age_and_are_right_when_they_were_held() {
    assert_eq!(
        points(&missed().read(25_500, 0, Live, Some(1))),
        [(0, true, false)],
        "nothing was missed yet"
    );
    // Answered 4 ms after it was due.
    assert_eq!(points(&missed().read(30_000, 0, Memory, Some(1))), [(3_994 * MS, true, true)]);
    assert_eq!(points(&missed().read(30_000, 0, Memory, Some(2))), [(0, false, true)], "never held");
    assert_eq!(points(&missed().read(30_000, 0, Snapshot, None)), [(0, false, true)], "torn");
    assert_eq!(points(&missed().read(30_000, 0, Nothing, None)), [], "no answer is none");
    assert_eq!(points(&missed().read(37_000, 0, Live, Some(1))), [], "the server can be reached");
    assert_eq!(points(&missed().read(30_000, 0, Failover, Some(1))), [(3_994 * MS, true, true)]);
    assert_eq!(points(&missed().read(30_000, 0, Failover, Some(2))), [(0, false, true)]);
}

#[test]
fn nothing_is_right_where_the_item_was_deleted() {
    let deleted = Tiny::calm().deleted(2, 10_000).absent(10_100, 0..4).lost(28_000, 0).subscribed(36_000, 0);
    assert_eq!(points(&deleted.read(30_000, 0, Memory, None)), [(0, true, true)]);
}

#[test]
fn the_series_is_thinned_evenly_per_group() {
    let mut tiny = missed();
    for n in 0..50_000_u64 {
        let mut read = crate::testing::read(29_000, 0, Memory, Some(1));
        read.intended = shakedown_model::Offset(read.intended.0 + n * 1_000);
        tiny = tiny.event(shakedown_model::event::Event::Read(read));
    }
    let failover = tiny.judge().1.failover;
    assert_eq!(failover.len(), 16_667);
    assert!(failover.windows(2).all(|pair| pair[1].at.0 - pair[0].at.0 == 3_000));
}
