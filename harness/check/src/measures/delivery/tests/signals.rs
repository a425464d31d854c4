//! Notify and fetch: the two halves of a delivery that a signal led to.

use shakedown_model::event::Path::{Initial, Push, Resync};

use super::*;

fn max_of(tiny: &Tiny, measure: Measure) -> Option<(u64, u64, StatValue)> {
    let figure = tiny.figure(measure, STEADY, Some(MODERN))?;
    Some((figure.count, figure.censored, figure.stat(Stat::Max)))
}

#[test]
fn they_part_where_the_signal_came() {
    let tiny = Tiny::calm().acked(0, 2, 10_000, 10_030).came((10_100, Some(10_090)), 0, (0, 2), Push).came(
        (10_140, Some(10_070)),
        1,
        (0, 2),
        Push,
    );
    assert_eq!(max_of(&tiny, Measure::Notify), Some((2, 0, Time(60 * MS))));
    assert_eq!(max_of(&tiny, Measure::Fetch), Some((2, 0, Time(70 * MS))));
    assert_eq!(tiny.figure(Measure::Fetch, STEADY, Some(MODERN)).unwrap().mutations, 1);
}

#[test]
fn a_signal_before_the_ack_is_negative_and_counted() {
    let tiny = Tiny::calm().acked(0, 2, 10_000, 10_030).came((10_100, Some(10_020)), 0, (0, 2), Push);
    let notify = tiny.figure(Measure::Notify, STEADY, Some(MODERN)).unwrap();
    assert_eq!((notify.count, notify.negative, notify.censored), (2, 1, 1));
}

#[test]
fn only_the_version_that_was_fetched_has_them() {
    let tiny = Tiny::calm()
        .acked(0, 2, 10_000, 10_010)
        .acked(0, 3, 10_500, 10_510)
        .came((10_600, Some(10_550)), 0, (0, 3), Push)
        .came((10_600, Some(10_550)), 1, (0, 3), Push);
    assert_eq!(max_of(&tiny, Measure::Notify), Some((2, 0, Time(40 * MS))));
    assert_eq!(max_of(&tiny, Measure::Fetch), Some((2, 0, Time(50 * MS))));
}

#[test]
fn what_never_came_or_too_late_is_censored_in_notify() {
    let tiny = Tiny::calm().acked(0, 2, 10_000, 10_010).came((30_020, Some(30_015)), 0, (0, 2), Resync);
    assert_eq!(max_of(&tiny, Measure::Notify), Some((2, 2, TIMEOUT)));
    assert_eq!(max_of(&tiny, Measure::Fetch), Some((1, 0, Time(5 * MS))), "of one that came, however late");
}

#[test]
fn content_without_a_signal_has_neither() {
    let tiny = Tiny::calm().acked(0, 2, 10_000, 10_010);
    let tiny = tiny.came((10_600, None), 0, (0, 2), Initial).came((10_600, None), 1, (0, 2), Initial);
    assert_eq!((max_of(&tiny, Measure::Notify), max_of(&tiny, Measure::Fetch)), (None, None));
    assert_eq!(max_of(&Tiny::empty(), Measure::Notify), None);
}
