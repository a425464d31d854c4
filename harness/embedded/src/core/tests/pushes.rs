use super::*;

/// The pushes to `connection`: when, and under which request id.
fn pushes(sent: &[(Duration, Output)], to: ConnectionId) -> Vec<(Duration, u64)> {
    sent.iter()
        .filter_map(|(at, output)| match output {
            Output::Notify { connection, request_id, .. } if *connection == to => Some((*at, *request_id)),
            _ => None,
        })
        .collect()
}

fn closes(sent: &[(Duration, Output)]) -> Vec<(Duration, ConnectionId, CloseReason)> {
    sent.iter()
        .filter_map(|(at, output)| match output {
            Output::Close { connection, reason } => Some((*at, *connection, *reason)),
            _ => None,
        })
        .collect()
}

/// A bench whose connections are never idle.
fn bench() -> Bench {
    Bench::with(|settings| settings.idle_after = secs(1_000_000))
}

fn changed(bench: &mut Bench) -> (ConnectionId, u64) {
    let listener = bench.listener("d");
    bench.publish_and_dump("d", "changed");
    let sent = bench.take_sent();
    (listener, pushes(&sent, listener)[0].1)
}

#[test]
fn a_list_registers_first_and_compares_second() {
    let mut bench = bench();
    bench.publish_and_dump("a", "1");
    let connection = bench.registered();
    let differing = bench.core.listen(connection, &[listened("a", "old"), listened("b", "")], None);
    assert_eq!(differing, [key("a")]);
    bench.publish_and_dump("b", "1");
    assert_eq!(pushes(&bench.take_sent(), connection).len(), 1);
}

#[test]
fn an_unlisten_names_nothing_and_ends_the_pushes() {
    let mut bench = bench();
    let connection = bench.listener("d");
    bench.core.unlisten(connection, &[listened("d", "")]);
    bench.publish_and_dump("d", "1");
    assert_eq!(bench.take_sent(), []);
}

#[test]
fn an_acked_push_is_not_repeated() {
    let mut bench = bench();
    let (listener, request_id) = changed(&mut bench);
    bench.core.stream_answer(bench.now, listener, request_id, true);
    bench.run_for(secs(100));
    assert_eq!(bench.take_sent(), []);
}

#[test]
fn an_unacked_push_is_sent_again_2_4_and_6_seconds_after_each_time_out() {
    let mut bench = bench();
    let listener = bench.listener("d");
    bench.publish("d", "changed");
    bench.run_until(secs(30));
    let times: Vec<_> = pushes(&bench.take_sent(), listener).into_iter().map(|(at, _)| at).collect();
    // Sent at 0.1; 3 s for the ack and then 2 s, 3 + 4, 3 + 6.
    assert_eq!(times, [ms(100), ms(5_100), ms(12_100), ms(21_100)]);
}

#[test]
fn ack_timeout_step_and_tries_are_settings() {
    let mut bench = Bench::with(|settings| {
        settings.push_ack_timeout = ms(30);
        settings.push_retry_step = ms(20);
        settings.push_max_tries = 3;
    });
    let listener = bench.listener("d");
    bench.publish("d", "changed");
    bench.run_until(secs(2));
    let sent = bench.take_sent();
    let times: Vec<_> = pushes(&sent, listener).into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [ms(100), ms(150), ms(220)]);
    assert_eq!(closes(&sent), [(ms(250), listener, CloseReason::NoAck)]);
}

#[test]
fn the_fiftieth_failure_drops_the_connection_after_43_minutes() {
    let mut bench = bench();
    let listener = bench.listener("d");
    bench.publish("d", "changed");
    bench.run_until(secs(3_000));
    let sent = bench.take_sent();
    assert_eq!(pushes(&sent, listener).len(), 50);
    // 50 time-outs of 3 s and pauses of 2, 4 … 98 s.
    let ends = ms(100) + secs(50 * 3 + 49 * 50);
    assert_eq!(closes(&sent), [(ends, listener, CloseReason::NoAck)]);
    assert!(!bench.core.connections.is_registered(listener));
}

#[test]
fn an_error_ack_is_a_failure() {
    let mut bench = bench();
    let (listener, request_id) = changed(&mut bench);
    let failed_at = bench.now + ms(40);
    bench.run_until(failed_at);
    bench.core.stream_answer(bench.now, listener, request_id, false);
    bench.run_for(secs(2));
    let sent = bench.take_sent();
    assert_eq!(pushes(&sent, listener)[0].0, failed_at + secs(2));
}

#[test]
fn an_error_ack_fails_its_try_again_when_the_wait_for_it_ends() {
    let mut bench = bench();
    let listener = bench.listener("d");
    bench.publish("d", "changed");
    let mut times = Vec::new();
    while bench.now < secs(16) {
        let next = bench.now + ms(10);
        bench.run_until(next);
        for (at, request_id) in pushes(&bench.take_sent(), listener) {
            times.push(at);
            bench.core.stream_answer(bench.now, listener, request_id, false);
        }
    }
    // What Nacos 2.5.0 was seen to do, from the first push on: 2, 6, 7, 9, 12 and 15 s.
    let from_the_first: Vec<_> = times.iter().map(|at| (*at - times[0]).as_secs()).collect();
    assert_eq!(from_the_first, [0, 2, 6, 7, 9, 12, 15], "{times:?}");
}

#[test]
fn an_ack_after_its_time_out_acks_nothing() {
    let mut bench = bench();
    let (listener, request_id) = changed(&mut bench);
    bench.run_for(secs(4));
    bench.core.stream_answer(bench.now, listener, request_id, true);
    bench.run_for(secs(2));
    assert_eq!(pushes(&bench.take_sent(), listener).len(), 1);
}

#[test]
fn an_ack_counts_only_on_the_connection_that_was_asked() {
    let mut bench = bench();
    let (listener, request_id) = changed(&mut bench);
    let other = bench.registered();
    bench.core.stream_answer(bench.now, other, request_id, true);
    bench.run_for(secs(6));
    assert_eq!(pushes(&bench.take_sent(), listener).len(), 1);
}

#[test]
fn pushes_of_one_key_are_independent() {
    let mut bench = bench();
    let listener = bench.listener("d");
    bench.publish_and_dump("d", "1");
    bench.publish_and_dump("d", "2");
    bench.run_until(ms(5_300));
    assert_eq!(pushes(&bench.take_sent(), listener).len(), 4);
}

#[test]
fn a_push_to_a_connection_that_is_gone_is_dropped() {
    let mut bench = bench();
    let (listener, _) = changed(&mut bench);
    bench.core.close(listener);
    bench.publish_and_dump("d", "again");
    bench.run_for(secs(3_000));
    assert_eq!(bench.take_sent(), []);
    assert_eq!(bench.core.next_due(), None);
}

#[test]
fn a_busy_queue_is_a_failure_at_once() {
    let mut bench = bench();
    let (listener, request_id) = changed(&mut bench);
    let failed_at = bench.now;
    bench.core.push_busy(bench.now, listener, request_id);
    bench.run_for(secs(2));
    assert_eq!(pushes(&bench.take_sent(), listener)[0].0, failed_at + secs(2));
}

#[test]
fn a_queue_that_is_busy_for_300_seconds_in_a_row_drops_the_connection() {
    let mut bench = bench();
    let (listener, _) = changed(&mut bench);
    bench.core.push_busy(bench.now, listener, 0);
    bench.now += secs(200);
    bench.core.push_taken(listener);
    bench.core.push_busy(bench.now, listener, 0);
    bench.now += secs(300);
    bench.core.push_busy(bench.now, listener, 0);
    assert!(bench.core.connections.is_registered(listener));
    bench.now += ms(1);
    bench.core.push_busy(bench.now, listener, 0);
    assert_eq!(closes(&bench.take_sent()), [(bench.now, listener, CloseReason::Blocked)]);
}

#[test]
fn something_to_send_on_an_ended_stream_drops_the_connection() {
    let mut bench = bench();
    let (listener, _) = changed(&mut bench);
    bench.core.stream_gone(listener);
    bench.core.stream_gone(listener);
    assert_eq!(closes(&bench.take_sent()), [(bench.now, listener, CloseReason::StreamGone)]);
}

#[test]
fn a_setup_with_abilities_is_acknowledged_and_one_without_is_not() {
    let mut bench = bench();
    let (old, new) = (bench.open(), bench.open());
    bench.core.register(bench.now, old, anybody(), false);
    assert_eq!(bench.take_sent(), []);
    assert!(bench.core.register(bench.now, new, anybody(), true));
    assert!(!bench.core.register(bench.now, new, anybody(), true));
    assert_eq!(bench.take_sent(), [(bench.now, Output::SetupAck { connection: new })]);
}

#[test]
fn a_transport_is_named_by_time_and_address() {
    let mut bench = bench();
    bench.run_until(ms(5));
    let connection = bench.open();
    let name = bench.core.connection_name(connection).unwrap();
    assert_eq!(*name, *format!("{}_10.0.0.7_4711", STARTED_MS + 5));
}

#[test]
fn calls_before_the_setup_get_301_and_unknown_ones_302() {
    let mut bench = bench();
    let connection = bench.open();
    let now = bench.now;
    let mut code = |name: &str| bench.core.admit(now, connection, name).map_err(Refusal::code);
    assert_eq!(code("ServerCheckRequest"), Ok(()));
    assert_eq!(code("HealthCheckRequest"), Err(301));
    assert_eq!(code("ConfigQueryRequest"), Err(301));
    assert_eq!(code("LockOperationRequest"), Err(302));
    bench.core.register(now, connection, anybody(), false);
    assert_eq!(bench.core.admit(now, connection, "ConfigQueryRequest"), Ok(()));
    bench.core.close(connection);
    assert_eq!(bench.core.admit(now, connection, "HealthCheckRequest"), Err(Refusal::Unregistered));
}
