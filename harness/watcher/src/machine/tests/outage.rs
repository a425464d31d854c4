use shakedown_model::event::{Attempt, AttemptOutcome, Event, LossCause};
use shakedown_model::plan::ClientDefect;

use super::*;
use crate::Refusal;

/// Loses the connection at `from` and refuses `count` attempts.
fn refused(bench: &mut Bench, from: Offset, count: u32) -> Vec<Attempt> {
    bench.step(from, Input::Lost(LossCause::Reset));
    (0..count)
        .map(|_| {
            let started = bench.timer();
            assert!(matches!(bench.out[..], [Action::Connect { .. }]));
            bench.step(started + Duration::from_millis(2), Input::AttemptFailed(AttemptOutcome::Refused));
            let [Event::Attempt(attempt)] = bench.events()[..] else { panic!("{:?}", bench.out) };
            attempt
        })
        .collect()
}

#[test]
fn pauses_follow_the_policy_attempt_by_attempt() {
    let mut bench = Bench::subscribed(ClientSpec { backoff: steady(), ..java() }, 1);
    let attempts = refused(&mut bench, Offset::from_secs(1), 5);
    let gaps: Vec<_> = attempts.iter().map(|a| (a.number, (a.started - a.waited_from).as_secs())).collect();
    assert_eq!(gaps, [(1, 1), (2, 2), (3, 4), (4, 8), (5, 8)]);
    assert!(attempts.windows(2).all(|pair| pair[1].waited_from == pair[0].ended));
}

#[test]
fn jitter_differs_between_outages_and_repeats_with_the_seed() {
    let backoff = Backoff::Exponential {
        base: Duration::from_secs(1),
        cap: Duration::from_secs(60),
        jitter: Jitter::Full,
    };
    let gaps = |from: u64| {
        let mut bench = Bench::subscribed(ClientSpec { backoff, ..java() }, 1);
        let mut gaps = Vec::new();
        for outage in 0..2 {
            let attempts = refused(&mut bench, Offset::from_secs(from + outage * 1000), 6);
            for attempt in attempts {
                let gap = attempt.started - attempt.waited_from;
                assert!(gap <= backoff.bounds(attempt.number, None).1);
                gaps.push(gap);
            }
            bench.timer();
            let now = Offset::from_secs(from + outage * 1000 + 500);
            bench.step(now, Input::Connected);
            bench.step(now, Input::Reply(Reply::Checked { will_ack_setup: true }));
            bench.step(now, Input::SetupAck);
        }
        gaps
    };
    assert_eq!(gaps(1), gaps(7));
    let gaps = gaps(1);
    assert_ne!(gaps[..6], gaps[6..]);
}

#[test]
fn attempts_go_through_the_nodes_in_order() {
    let mut bench = Bench::subscribed(java(), 1);
    bench.step(Offset::from_secs(1), Input::Lost(LossCause::Reset));
    let mut nodes = Vec::new();
    for _ in 0..4 {
        let now = bench.timer();
        nodes.extend(bench.out.iter().filter_map(|action| match action {
            Action::Connect { node } => Some(node.0),
            _ => None,
        }));
        bench.step(now, Input::AttemptFailed(AttemptOutcome::Refused));
    }
    assert!(nodes == [0, 1, 0, 1] || nodes == [1, 0, 1, 0], "{nodes:?}");
}

#[test]
fn a_client_without_backoff_breaks_its_policy() {
    let defect = Some(ClientDefect::NoBackoff);
    let mut bench = Bench::subscribed(ClientSpec { backoff: steady(), defect, ..java() }, 1);
    let attempts = refused(&mut bench, Offset::from_secs(1), 3);
    assert!(attempts.iter().all(|a| a.started - a.waited_from < steady().bounds(a.number, None).0));
}

#[test]
fn after_a_reconnect_everything_is_listed_with_what_is_held() {
    let mut bench = Bench::subscribed(java(), 2);
    bench.step(ms(100), Input::Lost(LossCause::Reset));
    bench.timer();
    bench.step(ms(101), Input::Connected);
    bench.step(ms(102), Input::Reply(Reply::Checked { will_ack_setup: true }));
    bench.step(ms(103), Input::SetupAck);
    assert_eq!(bench.watcher.listed().filter(|held| held.md5.is_some()).count(), 2);
    bench.changed(104, &[1]);
    bench.content(105, 1, 4);
    let delivery = bench.deliveries()[0];
    assert_eq!((delivery.path, delivery.signal), (shakedown_model::event::Path::Relist, Some(ms(104))));
    bench.changed(106, &[]);
    assert_eq!(bench.events(), [Event::Subscribed { at: ms(106), watcher: WatcherId(1) }]);
}

#[test]
fn a_loss_while_a_fetch_is_out_forgets_it() {
    let mut bench = Bench::subscribed(java(), 1);
    bench.step(ms(100), Input::Notify(ItemId(0)));
    bench.changed(101, &[0]);
    bench.step(ms(102), Input::Lost(LossCause::Reset));
    assert!(bench.step(ms(103), Input::Reply(Reply::Absent)).is_empty());
    assert!(bench.step(ms(104), Input::Lost(LossCause::Closed)).is_empty(), "lost once is lost");
}

#[test]
fn an_unanswered_request_is_a_loss() {
    let mut bench = Bench::up(java(), 1);
    assert_eq!(bench.timer(), ms(10) + Duration::from_secs(3));
    assert!(matches!(bench.events()[..], [Event::Lost(lost)] if lost.cause == LossCause::RequestTimeout));
}

#[test]
fn health_checks_keep_their_phase_whatever_else_happens() {
    let mut bench = Bench::subscribed(ClientSpec { health_check: Some(health()), ..java() }, 1);
    let mut due = Vec::new();
    for _ in 0..3 {
        let now = bench.timer();
        due.push(now);
        assert_eq!(bench.requests(), [Request::HealthCheck]);
        bench.step(now, Input::Health(Ok(())));
        // Traffic in between does not move the next check.
        let later = now + Duration::from_secs(1);
        bench.step(later, Input::Notify(ItemId(0)));
        bench.step(later, Input::Reply(Reply::Changed(&[])));
    }
    assert_eq!(due[1] - due[0], Duration::from_secs(5));
    assert_eq!(due[2] - due[1], Duration::from_secs(5));
}

#[test]
fn a_health_check_that_fails_on_all_tries_is_a_loss() {
    let mut bench = Bench::subscribed(ClientSpec { health_check: Some(health()), ..java() }, 1);
    let first = bench.timer();
    assert_eq!(bench.timer(), first + Duration::from_secs(3));
    assert_eq!(bench.requests(), [Request::HealthCheck], "the second try");
    let mut now = bench.timer();
    if bench.out.is_empty() {
        now = bench.timer(); // The tick at +5 s finds a check under way.
    }
    assert_eq!(now, first + Duration::from_secs(6));
    assert!(matches!(bench.events()[..], [Event::Lost(lost)] if lost.cause == LossCause::HealthCheck));
}

#[test]
fn a_negative_health_answer_ends_the_connection_at_once() {
    for (refusal, cause) in
        [(Refusal::Unregistered, LossCause::Unregistered), (Refusal::Error, LossCause::HealthCheck)]
    {
        let mut bench = Bench::subscribed(ClientSpec { health_check: Some(health()), ..java() }, 1);
        let now = bench.timer();
        bench.step(now, Input::Health(Err(refusal)));
        assert!(matches!(bench.events()[..], [Event::Lost(lost)] if lost.cause == cause));
    }
}
