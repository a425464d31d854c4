use shakedown_model::event::Path;
use shakedown_model::event::PublishOutcome::{Ambiguous, Refused, Settled};
use shakedown_model::gate::{Measure, Scope, Stat};
use shakedown_model::manifest::RunStatus;
use shakedown_model::plan::Arrivals;

use crate::result::StatValue::{self, LaterThan, Time, TooFew};
use crate::testing::{CUT, LEGACY, MODERN, MS, STEADY, Tiny, ms};

mod convergence;
mod raster;
mod signals;

const TIMEOUT: StatValue = LaterThan(20_000 * MS);

fn max(tiny: &Tiny, measure: Measure) -> StatValue {
    tiny.figure(measure, STEADY, Some(MODERN)).unwrap().stat(Stat::Max)
}

#[test]
fn latencies_count_from_intended_time_and_from_ack() {
    let tiny = Tiny::calm()
        .acked(0, 2, 10_000, 10_030)
        .deliveries(10_100, [0, 2, 3], 0, 2)
        .delivery(10_130, 1, 0, 2);
    assert_eq!(max(&tiny, Measure::EndToEnd), Time(130 * MS));
    assert_eq!(max(&tiny, Measure::Propagation), Time(100 * MS));
    assert_eq!(tiny.figure(Measure::Publish, STEADY, None).unwrap().stat(Stat::Max), Time(30 * MS));
    assert_eq!(max(&tiny, Measure::T50), Time(100 * MS));
    assert_eq!(max(&tiny, Measure::TAll), Time(130 * MS));
    let (judgement, series) = tiny.judge();
    assert_eq!(
        (judgement.counts.expected, judgement.counts.undelivered, judgement.counts.coalesced),
        (4, 0, 0)
    );
    let row = series.mutations[0];
    assert_eq!((row.reached, row.times[0], row.times[3]), ((4, 4), Some(100 * MS), Some(130 * MS)));
    let bucket = series.latency[MODERN.index()].buckets[0];
    assert_eq!((bucket.count, bucket.p50, bucket.max), (2, 100 * MS, 130 * MS));
}

#[test]
fn what_is_not_delivered_in_time_stays_as_later_than_the_timeout() {
    let tiny = Tiny::calm().acked(0, 2, 10_000, 10_030).delivery(10_100, 0, 0, 2).delivery(30_031, 1, 0, 2);
    let figure = tiny.figure(Measure::EndToEnd, STEADY, Some(MODERN)).unwrap();
    assert_eq!((figure.count, figure.censored, figure.stat(Stat::Max)), (2, 1, TIMEOUT));
    assert_eq!(max(&tiny, Measure::Propagation), TIMEOUT);
    assert_eq!(max(&tiny, Measure::T50), Time(100 * MS));
    assert_eq!(max(&tiny, Measure::TAll), TIMEOUT);
    let legacy = tiny.figure(Measure::EndToEnd, STEADY, Some(LEGACY)).unwrap();
    assert_eq!((legacy.count, legacy.censored), (2, 2), "never delivered at all");
    let (judgement, series) = tiny.judge();
    assert_eq!(judgement.counts.undelivered, 3);
    assert_eq!((series.mutations[0].reached, series.mutations[0].times[3]), ((4, 1), None));
}

#[test]
fn a_newer_version_counts_for_the_one_that_it_overtook() {
    let tiny =
        Tiny::calm().acked(0, 2, 10_000, 10_010).acked(0, 3, 10_500, 10_510).deliveries(10_600, 0..4, 0, 3);
    assert_eq!(tiny.judgement().counts.coalesced, 4);
    assert_eq!(max(&tiny, Measure::EndToEnd), Time(600 * MS));
}

#[test]
fn the_denominator_is_who_was_subscribed_before_and_not_crashed() {
    let mut tiny = Tiny::calm();
    tiny.input.events.retain(
        |event| !matches!(event, shakedown_model::event::Event::Subscribed { watcher, .. } if watcher.0 == 3),
    );
    let tiny = tiny
        .subscribed(10_000, 3)
        .acked(0, 2, 10_000, 10_010)
        .lost(26_000, 0)
        .acked(0, 3, 27_000, 27_010)
        .subscribed(36_000, 0)
        .crash(40_000, 1)
        .acked(0, 4, 41_000, 41_010);
    let expected: Vec<_> = tiny.judge().1.mutations.iter().map(|row| row.reached.0).collect();
    // 3 subscribed on the instant, which is not before; cut off stays in; crashed is out.
    assert_eq!(expected, [3, 4, 3]);
}

#[test]
fn warm_up_is_outside_of_every_figure() {
    let tiny = Tiny::calm().acked(0, 2, 4_999, 5_010).deliveries(5_100, 0..4, 0, 2);
    let (judgement, series) = tiny.judge();
    assert!(judgement.figures.iter().all(|figure| figure.measure != Measure::EndToEnd));
    assert!(judgement.figures.iter().all(|figure| figure.measure != Measure::Publish));
    assert_eq!((judgement.counts.acked, judgement.counts.expected, series.mutations.len()), (3, 0, 0));
}

#[test]
fn phases_go_by_intended_time_and_the_run_merges_them() {
    let tiny = Tiny::calm()
        .acked(0, 2, 19_999, 20_005)
        .deliveries(20_100, 0..4, 0, 2)
        .acked(0, 3, 20_200, 20_210)
        .deliveries(20_300, 0..4, 0, 3);
    let count = |scope| tiny.figure(Measure::EndToEnd, scope, Some(MODERN)).unwrap().count;
    assert_eq!((count(STEADY), count(CUT), count(Scope::Run)), (2, 2, 4));
}

#[test]
fn refused_ambiguous_and_unsent_mutations_stay_in_publish_only() {
    let tiny = Tiny::calm()
        .publish(0, 2, (10_000, 10_010), Refused)
        .publish(1, 2, (11_000, 13_000), Ambiguous)
        .delivery(13_000, 0, 1, 2)
        .planned(|plan| plan.mutator.arrivals = Arrivals::Constant { per_second: 0.0666 });
    // Planned at 15.015 s, 30.03 s and 45.045 s: the ids 0 and 1 were sent, the third was not.
    let judgement = tiny.judgement();
    assert_eq!((judgement.counts.refused, judgement.counts.ambiguous, judgement.counts.unsent), (1, 1, 1));
    assert!(tiny.figure(Measure::EndToEnd, Scope::Run, Some(MODERN)).is_none());
    let publish = tiny.figure(Measure::Publish, Scope::Run, None).unwrap();
    assert_eq!((publish.count, publish.censored), (3, 3));
}

#[test]
fn what_a_read_settled_counts_from_its_intended_time_and_from_no_ack() {
    // Everybody saw it at 10.1 s; the read that settled it came back at 18 s.
    let tiny = Tiny::calm().publish(0, 2, (10_000, 18_000), Settled);
    let tiny =
        (0..4).fold(tiny, |tiny, watcher| tiny.came((10_100, Some(10_090)), watcher, (0, 2), Path::Push));
    let (judgement, series) = tiny.judge();
    let counts = judgement.counts;
    assert_eq!((counts.settled, counts.ambiguous, counts.expected, counts.undelivered), (1, 0, 4, 0));
    assert_eq!(max(&tiny, Measure::EndToEnd), Time(100 * MS));
    assert_eq!(max(&tiny, Measure::Fetch), Time(10 * MS));
    for measure in [Measure::Propagation, Measure::Notify] {
        assert!(tiny.figure(measure, Scope::Run, Some(MODERN)).is_none(), "{measure}");
    }
    let publish = tiny.figure(Measure::Publish, Scope::Run, None).unwrap();
    assert_eq!((publish.count, publish.censored), (1, 1), "it was never acked");
    assert_eq!(series.mutations[0].acked, None);
    assert_eq!(tiny.finding("acks").0, shakedown_model::verdict::Outcome::Pass);
}

#[test]
fn values_seen_before_their_ack_are_counted_and_many_make_propagation_unknown() {
    let tiny = Tiny::calm().acked(0, 2, 10_000, 10_050).deliveries(10_040, 0..4, 0, 2);
    let figure = tiny.figure(Measure::Propagation, STEADY, Some(MODERN)).unwrap();
    assert_eq!((figure.count, figure.negative, figure.stat(Stat::Max)), (2, 2, TooFew));
    assert_eq!(max(&tiny, Measure::EndToEnd), Time(40 * MS));
}

#[test]
fn an_invented_version_delivers_nothing() {
    let tiny =
        Tiny::calm().delivery(9_000, 0, 0, 99).acked(0, 2, 10_000, 10_010).deliveries(10_100, 0..4, 0, 2);
    assert_eq!(tiny.figure(Measure::EndToEnd, STEADY, Some(MODERN)).unwrap().stat(Stat::Max), Time(100 * MS));
}

#[test]
fn an_interrupted_run_leaves_out_what_had_no_time_to_arrive() {
    let mut tiny =
        Tiny::calm().status(RunStatus::Interrupted).acked(0, 2, 8_000, 8_010).acked(0, 3, 12_000, 12_010);
    tiny.input.manifest.ended = Some(ms(28_000));
    tiny.input.events.retain(|event| !matches!(event, shakedown_model::event::Event::FinalRead { .. }));
    let (judgement, series) = tiny.judge();
    assert_eq!((judgement.counts.expected, series.mutations.len()), (4, 1));
}

#[test]
fn a_recording_that_is_cut_short_leaves_out_what_it_does_not_reach() {
    let mut tiny = Tiny::calm().cut_short().acked(0, 2, 8_000, 8_010).acked(0, 3, 12_000, 12_010);
    tiny.input.events.retain(|event| !matches!(event, shakedown_model::event::Event::FinalRead { .. }));
    let tiny = tiny.delivery(28_000, 0, 0, 3);
    assert_eq!(
        tiny.judgement().counts.expected,
        4,
        "the manifest's end, at 82 s, is far behind the last record"
    );
}

#[test]
fn the_chart_has_few_buckets_however_long_the_run() {
    let tiny = Tiny::calm()
        .acked(0, 2, 10_000, 10_010)
        .acked(0, 3, 10_240, 10_244)
        .acked(0, 4, 10_251, 10_255)
        .deliveries(10_300, 0..4, 0, 4);
    let (_, series) = tiny.judge();
    let buckets = &series.latency[0].buckets;
    // 60 s in 240 buckets are 250 ms each.
    assert_eq!(
        buckets.iter().map(|b| (b.at, b.count)).collect::<Vec<_>>(),
        [(ms(10_125), 4), (ms(10_375), 2)]
    );
    let long = tiny.planned(|plan| plan.phases[2].until = ms(2_400_000));
    assert_eq!(long.judge().1.latency[0].buckets.len(), 1);
}
