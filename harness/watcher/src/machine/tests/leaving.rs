//! When each SDK notices that a connection is gone, and when it closes what it has given up (nacos-facts.md §3.1).

use shakedown_model::event::{Attempt, LossCause};
use shakedown_scenario::Sdk;

use super::sdks::{outage, subscribed};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Lets time pass until the loss is recorded, without an answer from the server; returns when and why it was.
fn lost(bench: &mut Bench, from: Offset) -> (Offset, LossCause) {
    let mut now = from;
    loop {
        for event in bench.events() {
            if let Event::Lost(lost) = event {
                assert_eq!(lost.at, now);
                return (now, lost.cause);
            }
        }
        now = bench.timer();
    }
}

#[test]
fn an_end_is_noticed_when_the_sdk_looks() {
    let (closed, reset) = (Input::Lost(LossCause::Closed), Input::Lost(LossCause::Reset));
    for (sdk, end, cause, is_late) in [
        (Sdk::NacosJava2, closed, LossCause::Closed, false),
        (Sdk::NacosJava2, Input::StreamEnded, LossCause::Closed, false),
        (Sdk::NacosGo2, closed, LossCause::Closed, false),
        (Sdk::NacosPython3, reset, LossCause::Reset, false),
        (Sdk::NacosPython3, closed, LossCause::Closed, false),
        (Sdk::NacosPython3, Input::StreamEnded, LossCause::Closed, true),
        (Sdk::NacosRust, reset, LossCause::Reset, true),
    ] {
        let (mut bench, now) = subscribed(sdk.client(), 1);
        bench.step(now, end);
        let (noticed, why) = lost(&mut bench, now);
        assert_eq!((noticed > now, why), (is_late, cause), "{} {end:?}", sdk.name());
        // The check that is due first may be skipped: there was traffic within its period.
        assert!(noticed - now <= 10 * SECOND, "{}", sdk.name());
    }
}

#[test]
fn rust_takes_a_failed_check_for_an_end_that_the_next_request_finds() {
    let (mut bench, now) = subscribed(Sdk::NacosRust.client(), 1);
    let mut tries = 0;
    let mut last_try = now;
    while tries < 3 {
        last_try = bench.timer();
        tries += bench.requests().iter().filter(|request| **request == Request::HealthCheck).count();
    }
    let given_up = last_try + 3 * SECOND;
    let mut pushed = Bench { watcher: bench.watcher.clone(), out: Vec::new() };
    let (noticed, cause) = lost(&mut bench, given_up);
    assert_eq!((noticed - given_up, cause), (5 * SECOND, LossCause::HealthCheck), "with the next check");
    assert!(!bench.out.contains(&Action::Close), "the connection stays open: {:?}", bench.out);
    assert_eq!(pushed.timer(), given_up);
    assert!(pushed.events().is_empty());
    let noticed = given_up + SECOND;
    pushed.step(noticed, Input::Notify(ItemId(0)));
    assert_eq!(
        lost(&mut pushed, noticed),
        (noticed, LossCause::HealthCheck),
        "the query for a push is a request"
    );
}

#[test]
fn rust_hears_nothing_more_on_a_connection_that_it_keeps_open() {
    let (mut bench, now) = subscribed(Sdk::NacosRust.client(), 1);
    bench.step(now, Input::Lost(LossCause::Reset));
    let (at, _) = lost(&mut bench, now);
    for late in [
        Input::Notify(ItemId(0)),
        Input::Reply(Reply::Changed(&[ItemId(0)])),
        Input::Health(Ok(())),
        Input::Lost(LossCause::Closed),
    ] {
        bench.step(at, late);
        assert!(bench.out.iter().all(|action| *action == Action::Ack), "{late:?}: {:?}", bench.out);
    }
    assert_eq!(bench.timer() - at, 2 * SECOND);
    assert!(matches!(bench.out[..], [Action::Connect { .. }]), "{:?}", bench.out);
    bench.step(at + 2 * SECOND, Input::Crash);
    assert!(bench.out.contains(&Action::Close), "a process that dies leaves nothing open");
}

#[test]
fn python_leaves_an_attempt_open_that_was_never_answered() {
    let (mut bench, now) = subscribed(Sdk::NacosPython3.client(), 1);
    bench.step(now, Input::Lost(LossCause::Reset));
    let begun = bench.timer();
    bench.step(begun, Input::Connected);
    assert_eq!(bench.requests(), [Request::ServerCheck]);
    assert_eq!(bench.timer() - begun, 3 * SECOND);
    assert!(bench.out.contains(&Action::Abandon { until: begun + 20 * SECOND }), "{:?}", bench.out);
    let again = bench.timer();
    bench.step(again, Input::Connected);
    bench.step(again, Input::Reply(Reply::Checked { will_ack_setup: true }));
    bench.step(again, Input::Lost(LossCause::Reset));
    assert!(bench.out.contains(&Action::Close), "an answer had come: {:?}", bench.out);
}

#[test]
fn python_dials_as_its_two_loops_do() {
    let seen = outage(Sdk::NacosPython3, 20);
    assert_eq!(seen[0], (1, 0));
    // A channel dials again after 1 s, give or take 20 %; the other loop may come before.
    assert!((1..=1_200).contains(&seen[1].1), "{seen:?}");
    // One loop alone makes 20 dials in 23 s, with 2.9 dials every 3 s and more.
    assert!((8_000..=20_000).contains(&seen[19].1), "{seen:?}");
}

#[test]
fn python_has_one_loop_where_its_check_found_the_loss() {
    let (mut bench, now) = subscribed(Sdk::NacosPython3.client(), 1);
    let (at, cause) = lost(&mut bench, now);
    assert_eq!(cause, LossCause::HealthCheck);
    // Nothing answers: each attempt lasts 3 s, and 100 ms more are paused before each further one.
    let begins: Vec<_> = (0..5)
        .map(|_| {
            let begun = bench.timer();
            bench.step(begun, Input::Connected);
            bench.timer();
            assert!(matches!(bench.events()[..], [Event::Attempt(Attempt { .. })]));
            (begun - at).as_millis()
        })
        .collect();
    assert_eq!(begins, [0, 3_100, 6_300, 9_600, 13_000]);
}

#[test]
fn a_request_that_fails_during_a_check_does_not_begin_it_again() {
    for (sdk, tries) in [(Sdk::NacosJava2, 4), (Sdk::NacosGo2, 1)] {
        let (mut bench, _) = subscribed(sdk.client(), 1);
        while bench.requests() != [Request::HealthCheck] {
            bench.timer();
        }
        let begun = bench.watcher.health_deadline.saturating_sub(3 * SECOND);
        let asked = begun + Duration::from_millis(10);
        bench.step(asked, Input::Notify(ItemId(0)));
        assert_eq!(bench.requests(), [Request::Listen], "{}", sdk.name());
        let (at, _) = lost(&mut bench, asked);
        assert_eq!(at - begun, tries * 3 * SECOND, "{}", sdk.name());
    }
}
