use shakedown_model::event::ReadSource::{Live, Memory, Nothing, Snapshot};
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
