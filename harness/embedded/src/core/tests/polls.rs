use super::*;

fn answers(sent: &[(Duration, Output)]) -> Vec<(Duration, PollId, Vec<String>)> {
    sent.iter()
        .map(|(at, output)| match output {
            Output::PollAnswer { poll, changed } => {
                (*at, *poll, changed.iter().map(|key| key.data_id.clone()).collect())
            }
            other => panic!("{other:?} is not a poll's answer"),
        })
        .collect()
}

fn poll_of(bench: &mut Bench, timeout: Option<Duration>, is_no_hangup: bool) -> PollReply {
    let connection = bench.open();
    let current = bench.listened("d");
    let now = bench.now;
    bench
        .core
        .poll(now, Poll { connection, caller: anybody(), listened: vec![current], timeout, is_no_hangup })
}

#[test]
fn a_poll_that_differs_is_answered_at_once_with_every_key() {
    let mut bench = Bench::new();
    bench.publish("a", "1");
    bench.publish("b", "1");
    bench.publish_and_dump("c", "1");
    let connection = bench.open();
    let listened = vec![listened("a", ""), bench.listened("b"), listened("c", "no")];
    let poll = Poll { connection, caller: anybody(), listened, timeout: Some(secs(30)), is_no_hangup: false };
    assert_eq!(bench.core.poll(bench.now, poll), PollReply::Answer(vec![key("a"), key("c")]));
}

#[test]
fn an_absent_config_has_the_empty_md5() {
    let mut bench = Bench::new();
    hanging(&bench.poll(&["absent"]));
}

#[test]
fn a_poll_hangs_half_a_second_less_than_it_declares() {
    let mut bench = Bench::new();
    let poll = hanging(&bench.poll(&["d"]));
    bench.run_until(secs(40));
    assert_eq!(answers(&bench.take_sent()), [(ms(29_500), poll, vec![])]);
}

#[test]
fn a_short_declared_timeout_still_hangs_ten_seconds() {
    let mut bench = Bench::new();
    let poll = hanging(&poll_of(&mut bench, Some(ms(3_000)), false));
    bench.run_until(secs(40));
    assert_eq!(answers(&bench.take_sent()), [(secs(10), poll, vec![])]);
}

#[test]
fn margin_and_shortest_hang_are_settings() {
    let mut bench = Bench::with(|settings| {
        settings.poll_margin = ms(100);
        settings.poll_min_hang = ms(50);
    });
    let poll = hanging(&poll_of(&mut bench, Some(ms(300)), false));
    bench.run_until(secs(1));
    assert_eq!(answers(&bench.take_sent()), [(ms(200), poll, vec![])]);
}

#[test]
fn no_hangup_and_short_polls_are_answered_at_once() {
    let mut bench = Bench::new();
    assert_eq!(poll_of(&mut bench, Some(secs(30)), true), PollReply::Answer(vec![]));
    assert_eq!(poll_of(&mut bench, None, false), PollReply::Answer(vec![]));
    assert_eq!(bench.core.hanging_count(), 0);
}

#[test]
fn a_change_wakes_every_waiting_poll_in_order_with_its_one_key() {
    let mut bench = Bench::new();
    let first = hanging(&bench.poll(&["a", "b"]));
    let second = hanging(&bench.poll(&["b"]));
    hanging(&bench.poll(&["c"]));
    bench.run_for(ms(10));
    bench.publish("b", "1");
    bench.run_until(secs(1));
    let one = vec!["b".to_owned()];
    assert_eq!(answers(&bench.take_sent()), [(ms(100), first, one.clone()), (ms(100), second, one)]);
    assert_eq!(bench.core.hanging_count(), 1);
}

#[test]
fn two_changes_in_one_tick_wake_a_poll_with_the_first_key_only() {
    let mut bench = Bench::new();
    let poll = hanging(&bench.poll(&["a", "b"]));
    bench.run_for(ms(10));
    bench.publish("b", "1");
    bench.publish("a", "1");
    bench.run_until(secs(1));
    assert_eq!(answers(&bench.take_sent()), [(ms(100), poll, vec!["a".to_owned()])]);
}

#[test]
fn a_change_between_comparing_and_registering_is_seen_only_at_the_end() {
    let mut bench = Bench::new();
    bench.publish("d", "one");
    bench.now = ms(100);
    let poll = hanging(&bench.poll(&["d"]));
    bench.run_until(secs(40));
    assert_eq!(answers(&bench.take_sent()), [(ms(29_600), poll, vec![])]);
}

#[test]
fn the_gap_can_be_widened() {
    let mut bench = Bench::with(|settings| settings.poll_gap = ms(150));
    let missed = hanging(&bench.poll(&["d"]));
    bench.run_for(ms(40));
    bench.publish("d", "seen by nobody at 100 ms");
    bench.run_for(ms(65));
    let seen = hanging(&bench.poll(&["d", "e"]));
    bench.run_until(ms(260));
    bench.publish("e", "when it is registered");
    bench.run_until(secs(40));
    let (at, end) = (ms(300), ms(29_500));
    assert_eq!(answers(&bench.take_sent()), [(at, seen, vec!["e".to_owned()]), (end, missed, vec![])]);
}

#[test]
fn the_gap_can_be_closed() {
    let mut bench = Bench::with(|settings| settings.poll_registers_late = false);
    bench.publish("d", "one");
    bench.now = ms(100);
    let poll = hanging(&bench.poll(&["d"]));
    bench.run_until(secs(40));
    assert_eq!(answers(&bench.take_sent()), [(ms(100), poll, vec!["d".to_owned()])]);
}

#[test]
fn a_poll_whose_client_went_away_is_forgotten() {
    let mut bench = Bench::new();
    let late = hanging(&bench.poll(&["d"]));
    bench.core.poll_gone(late);
    let registered = hanging(&bench.poll(&["d"]));
    bench.run_for(ms(1));
    bench.core.poll_gone(registered);
    assert_eq!(bench.core.hanging_count(), 0);
    bench.publish("d", "one");
    bench.run_until(secs(40));
    assert_eq!(bench.take_sent(), []);
}

#[test]
fn listening_to_public_never_matches() {
    let mut bench = Bench::new();
    bench.publish_and_dump("d", "one");
    let public = Arc::new(ConfigKey::new("d", "g", "public"));
    let connection = bench.open();
    let listened = vec![Listened { key: Arc::clone(&public), md5: bench.md5("d") }];
    let poll = Poll { connection, caller: anybody(), listened, timeout: Some(secs(30)), is_no_hangup: false };
    assert_eq!(bench.core.poll(bench.now, poll), PollReply::Answer(vec![public]));
}
