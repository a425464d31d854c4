use shakedown_model::event::{AttemptOutcome, Event, LossCause, Path};

use super::*;
use crate::Refusal;

fn polling(items: u32) -> Bench {
    let mut bench = Bench::new(node(), items, 0.0);
    bench.step(ms(0), Input::Start);
    bench.step(ms(1), Input::Connected);
    for item in 0..items {
        assert_eq!(bench.requests(), [Request::Get(ItemId(item))]);
        bench.content(10, item, 1);
    }
    bench
}

#[test]
fn every_item_is_fetched_then_the_poll_subscribes() {
    let bench = polling(2);
    assert_eq!(bench.requests(), [Request::Poll]);
    assert!(bench.events().contains(&Event::Subscribed { at: ms(10), watcher: WatcherId(1) }));
    assert!(bench.watcher.held().all(|held| held.md5.is_some()));
    assert_eq!(bench.watcher.deadline(), ms(10) + Duration::from_secs(40));
}

#[test]
fn the_attempt_ends_with_the_first_answer() {
    let mut bench = Bench::new(node(), 1, 0.0);
    bench.step(ms(0), Input::Start);
    assert!(bench.step(ms(1), Input::Connected).iter().all(|action| !matches!(action, Action::Record(_))));
    bench.step(ms(9), Input::Lost(LossCause::Reset));
    assert!(matches!(
        bench.events()[..],
        [Event::Attempt(attempt)] if attempt.outcome == AttemptOutcome::Broken && attempt.ended == ms(9)
    ));
}

#[test]
fn a_wake_is_fetched_and_polled_again() {
    let mut bench = polling(2);
    bench.changed(5000, &[1]);
    assert_eq!(bench.requests(), [Request::Get(ItemId(1))]);
    bench.content(5001, 1, 2);
    let delivery = bench.deliveries()[0];
    assert_eq!((delivery.path, delivery.signal), (Path::PollWake, Some(ms(5000))));
    assert_eq!(bench.requests(), [Request::Poll]);
}

#[test]
fn a_poll_that_ends_without_change_is_sent_again() {
    let mut bench = polling(1);
    bench.changed(29_510, &[]);
    assert_eq!(bench.out, [Action::Send(Request::Poll)]);
}

#[test]
fn a_server_that_does_not_hang_is_not_spun_on() {
    let mut bench = polling(1);
    bench.changed(12, &[]);
    assert!(bench.out.is_empty());
    assert_eq!(bench.timer(), ms(2012));
    assert_eq!(bench.requests(), [Request::Poll]);
}

#[test]
fn a_poll_that_is_not_answered_in_time_ends_the_connection() {
    let mut bench = polling(1);
    assert_eq!(bench.timer(), ms(40_010));
    assert!(matches!(bench.events()[..], [Event::Lost(lost)] if lost.cause == LossCause::RequestTimeout));
}

#[test]
fn after_a_loss_a_get_proves_the_connection_and_the_first_poll_is_the_relist() {
    let mut bench = polling(2);
    bench.step(ms(1000), Input::Lost(LossCause::Closed));
    assert_eq!(bench.timer(), ms(1000));
    bench.step(ms(1001), Input::Connected);
    assert_eq!(bench.requests(), [Request::Get(ItemId(0))]);
    assert!(!bench.watcher.is_subscribed());
    bench.content(1002, 0, 2);
    let relisted = bench.deliveries()[0];
    assert_eq!((relisted.path, relisted.signal), (Path::Relist, None));
    assert_eq!(bench.requests(), [Request::Poll]);
    assert!(bench.watcher.is_subscribed());
    bench.changed(1003, &[1]);
    bench.content(1004, 1, 3);
    assert_eq!(bench.deliveries()[0].path, Path::Relist);
    bench.changed(1005, &[1]);
    bench.content(1006, 1, 4);
    assert_eq!(bench.deliveries()[0].path, Path::PollWake);
}

#[test]
fn a_late_answer_to_the_first_poll_is_a_wake() {
    let mut bench = polling(1);
    bench.step(ms(1000), Input::Lost(LossCause::Closed));
    bench.timer();
    bench.step(ms(1001), Input::Connected);
    bench.content(1002, 0, 1);
    assert!(bench.deliveries().is_empty(), "the same version is not delivered twice");
    bench.changed(1030, &[0]);
    bench.content(1031, 0, 2);
    assert_eq!(bench.deliveries()[0].path, Path::PollWake);
}

#[test]
fn on_a_slow_path_the_answer_to_the_first_poll_may_take_longer() {
    let mut bench = polling(1);
    bench.step(ms(1000), Input::Lost(LossCause::Closed));
    bench.timer();
    bench.step(ms(1200), Input::Connected);
    bench.content(1400, 0, 1);
    bench.changed(1700, &[0]);
    bench.content(1900, 0, 2);
    assert_eq!(bench.deliveries()[0].path, Path::Relist);
}

#[test]
fn an_error_answer_pauses_the_poll_but_keeps_the_connection() {
    let mut bench = polling(1);
    bench.step(ms(100), Input::Reply(Reply::Refused(Refusal::Error)));
    assert!(bench.out.is_empty());
    assert_eq!(bench.timer(), ms(2100));
    assert_eq!(bench.requests(), [Request::Poll]);
}

#[test]
fn an_answer_of_the_wrong_kind_ends_the_connection() {
    let mut bench = polling(1);
    bench.step(ms(100), Input::Reply(Reply::Absent));
    assert!(matches!(bench.events()[..], [Event::Lost(lost)] if lost.cause == LossCause::Protocol));
}
