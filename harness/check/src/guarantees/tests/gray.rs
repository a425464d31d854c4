//! Gray releases: content for some watchers alone, until its promotion.

use shakedown_model::MutationId;
use shakedown_model::event::PublishOutcome::{Acked, Ambiguous, Refused};
use shakedown_model::gate::Measure;
use shakedown_model::schedule::MutationKind::{Gray, Promote, Rollback};

use super::*;
use crate::testing::STEADY;

/// Version 2 is gray from 10 s on, and version 3 promotes it at 15 s.
fn released() -> (Tiny, Vec<u32>, Vec<u32>) {
    let (tiny, gray, others) = open();
    let tiny = tiny.mutation(Promote, (0, 3), (15_000, 15_020), Acked).deliveries(15_100, 0..4, 0, 3);
    (reads(tiny, Some(3)), gray, others)
}

/// Version 2 is gray from 10 s on, and was not promoted.
fn open() -> (Tiny, Vec<u32>, Vec<u32>) {
    let (tiny, gray, others) = Tiny::calm().with_gray();
    let tiny = tiny.mutation(Gray, (0, 2), (10_000, 10_010), Acked);
    (tiny.deliveries(10_100, gray.clone(), 0, 2), gray, others)
}

#[test]
fn a_release_and_its_promotion_hold_every_guarantee() {
    let (tiny, _, _) = released();
    for result in tiny.judgement().guarantees {
        assert_eq!(result.outcome, Pass, "{}: {}", result.guarantee, result.text);
    }
}

/// Version 2 is gray from 10 s on, and version 3 takes it back at 15 s; gray watchers see the formal version between.
fn taken_back(sent: u64) -> Tiny {
    let (mut tiny, gray, _) = open();
    tiny = tiny.mutation(Rollback, (0, 3), (sent, sent + 20), Acked);
    reads(tiny.deliveries(15_010, gray, 0, 1).deliveries(15_100, 0..4, 0, 3), Some(3))
}

#[test]
fn who_goes_back_with_a_release_that_is_taken_back_steps_back_by_right() {
    for result in taken_back(15_000).judgement().guarantees {
        assert_eq!(result.outcome, Pass, "{}: {}", result.guarantee, result.text);
    }
    table(Monotonic, &[("before anybody took it back", taken_back(15_050), Fail)]);
}

#[test]
fn isolated() {
    let (tiny, gray, others) = open();
    let leaked = tiny.clone().delivery(10_150, others[0], 0, 2);
    let read = |watcher| {
        let (tiny, _, _) = released();
        tiny.read(11_000, watcher, ReadSource::Memory, Some(2))
    };
    table(
        Isolated,
        &[
            ("holds", tiny, Pass),
            ("promoted", released().0, Pass),
            ("gray content where it was not for", leaked.clone(), Fail),
            ("an application read it", read(others[0]), Fail),
            ("an application of a gray watcher read it", read(gray[0]), Pass),
            ("a fresh read returned it", reads(open().0, Some(2)), Fail),
            ("seen although cut short", leaked.cut_short(), Fail),
        ],
    );
}

#[test]
fn what_leaked_is_isolateds_alone() {
    let (tiny, _, others) = released();
    let mut leaked = tiny.delivery(10_150, others[0], 0, 2).delivery(10_200, others[0], 0, 1);
    // In the order of what happened: the promotion came after the leak.
    leaked.input.events.sort_by_key(|event| match event {
        Event::Delivery(delivery) => delivery.at,
        _ => shakedown_model::Offset::ZERO,
    });
    let judged = leaked.judgement().guarantees;
    let failed = judged.iter().filter(|result| result.outcome == Fail).map(|result| result.guarantee);
    assert_eq!(failed.collect::<Vec<_>>(), [Isolated], "the formal value came again, and is no step back");
}

#[test]
fn converges() {
    let (tiny, gray, others) = open();
    let missed = Tiny::calm().with_gray().0.mutation(Gray, (0, 2), (10_000, 10_010), Acked);
    let gone_back = tiny.clone().delivery(30_000, gray[0], 0, 1);
    let promotion = |outcome| tiny.clone().mutation(Promote, (0, 3), (15_000, 15_020), outcome);
    let behind = reads(promotion(Acked).deliveries(15_100, gray.clone(), 0, 3), Some(3));
    table(
        Converges,
        &[
            ("gray watchers end on the gray version, others on the formal one", tiny.clone(), Pass),
            ("gray watchers missed it", missed, Fail),
            ("a gray watcher has the formal version", gone_back, Fail),
            ("others missed the promotion", behind, Fail),
            ("a refused promotion changes nothing", promotion(Refused), Pass),
            ("an ambiguous promotion may have changed nothing", promotion(Ambiguous), Pass),
            (
                "an ambiguous promotion may have changed all",
                reads(promotion(Ambiguous).deliveries(15_100, 0..4, 0, 3), Some(3)),
                Pass,
            ),
            (
                "an ambiguous promotion that some saw",
                reads(promotion(Ambiguous).deliveries(15_100, others, 0, 3), Some(3)),
                Pass,
            ),
        ],
    );
}

#[test]
fn nothing_lost_is_about_the_formal_value() {
    let (tiny, _, _) = open();
    table(
        NothingLost,
        &[
            ("the formal value is still the first", tiny, Pass),
            ("promoted", released().0, Pass),
            ("not promoted, though it was acked", reads(released().0, Some(1)), Fail),
            ("a leak is another guarantee's", reads(open().0, Some(2)), Pass),
        ],
    );
}

#[test]
fn the_denominator_of_a_release_is_its_gray_watchers() {
    let (tiny, gray, _) = released();
    let (judgement, series) = tiny.judge();
    let reached: Vec<_> = series.mutations.iter().map(|row| (row.mutation, row.reached)).collect();
    let n = u32::try_from(gray.len()).unwrap();
    assert_eq!(reached, [(MutationId(0), (n, n)), (MutationId(1), (4, 4))]);
    assert_eq!(judgement.counts.undelivered, 0);
    let propagated: u64 = judgement
        .figures
        .iter()
        .filter(|figure| figure.measure == Measure::Propagation && figure.scope == STEADY)
        .map(|figure| figure.count)
        .sum();
    assert_eq!(propagated, 2 * u64::from(n), "of the promotion, too, those of gray watchers alone");
}
