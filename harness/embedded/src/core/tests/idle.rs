use super::*;

fn detections(sent: &[(Duration, Output)]) -> Vec<(Duration, u64)> {
    sent.iter()
        .filter_map(|(at, output)| match output {
            Output::Detect { request_id, .. } => Some((*at, *request_id)),
            _ => None,
        })
        .collect()
}

fn closed_at(sent: &[(Duration, Output)], which: ConnectionId) -> Option<Duration> {
    sent.iter().find_map(|(at, output)| {
        let idle = Output::Close { connection: which, reason: CloseReason::Idle };
        (*output == idle).then_some(*at)
    })
}

#[test]
fn a_silent_connection_lives_between_20_and_28_seconds_wherever_it_falls_in_the_scan() {
    for start in (0..6_000).step_by(50).map(ms) {
        let mut bench = Bench::new();
        bench.run_until(start);
        let connection = bench.registered();
        bench.run_until(start + secs(40));
        let sent = bench.take_sent();
        let asked = detections(&sent)[0].0 - start;
        assert!((secs(20)..secs(23)).contains(&asked), "asked after {asked:?} from {start:?}");
        let lived = closed_at(&sent, connection).unwrap() - start;
        assert!((secs(25)..=secs(28)).contains(&lived), "lived {lived:?} from {start:?}");
    }
}

#[test]
fn an_answered_detection_keeps_the_connection() {
    let mut bench = Bench::new();
    let connection = bench.registered();
    bench.run_until(secs(22));
    let (asked, request_id) = detections(&bench.take_sent())[0];
    assert_eq!(asked, secs(21));
    bench.core.stream_answer(bench.now, connection, request_id, true);
    bench.run_until(secs(41));
    assert_eq!(bench.take_sent(), []);
    assert!(bench.core.connections.is_registered(connection));
    // All had answered at 22 s, so the scan came again every 3 s from there: 43 s is the first at 20 s of silence.
    bench.run_until(secs(44));
    assert_eq!(detections(&bench.take_sent())[0].0, secs(43));
}

#[test]
fn a_refusing_answer_is_none() {
    let mut bench = Bench::new();
    let connection = bench.registered();
    bench.run_until(secs(21));
    let (_, request_id) = detections(&bench.take_sent())[0];
    bench.core.stream_answer(bench.now, connection, request_id, false);
    bench.run_until(secs(26));
    assert_eq!(closed_at(&bench.take_sent(), connection), Some(secs(26)));
}

#[test]
fn any_unary_call_is_a_sign_of_life() {
    let mut bench = Bench::new();
    let connection = bench.registered();
    for at in (5..300).step_by(15).map(secs) {
        bench.run_until(at);
        bench.core.admit(bench.now, connection, "HealthCheckRequest").unwrap();
    }
    assert_eq!(bench.take_sent(), []);
}

#[test]
fn an_evicted_connection_has_lost_its_listens() {
    let mut bench = Bench::new();
    bench.listener("d");
    bench.run_until(secs(30));
    bench.take_sent();
    bench.publish_and_dump("d", "changed");
    assert_eq!(bench.take_sent(), []);
    assert_eq!(bench.core.registered_count(), 0);
}

#[test]
fn idle_time_scan_and_answer_time_are_settings() {
    let mut bench = Bench::with(|settings| {
        settings.idle_after = ms(100);
        settings.idle_scan = ms(30);
        settings.idle_answer_timeout = ms(50);
    });
    let connection = bench.registered();
    bench.run_until(secs(1));
    let sent = bench.take_sent();
    assert_eq!(detections(&sent)[0].0, ms(120));
    assert_eq!(closed_at(&sent, connection), Some(ms(170)));
}

#[test]
fn unregistered_transports_are_not_scanned() {
    let mut bench = Bench::new();
    bench.open();
    bench.run_until(secs(100));
    assert_eq!(bench.take_sent(), []);
    assert_eq!(bench.core.next_due(), None);
}
