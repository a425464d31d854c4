//! What SDKs wait for before they do anything: a loop's first round, a server check, a connection for a read
//! (nacos-facts.md §3.2).

use shakedown_model::NodeId;
use shakedown_model::event::{AttemptOutcome, LossCause, Read, ReadSource};
use shakedown_scenario::Sdk;

use super::*;

const TO_FIRST: Action = Action::Connect { node: NodeId(0) };

fn secs(seconds: u64) -> Offset {
    Offset::from_secs(seconds)
}

fn one_node(client: ClientSpec, reads_per_second: f64) -> Bench {
    Bench::by(
        Rules { client, run_id: RUN, nodes: 1, may_be_absent: false, reads_per_second, seed: Seed(3) },
        1,
    )
}

fn reads(bench: &Bench) -> Vec<Read> {
    let read = |event| if let Event::Read(read) = event { Some(read) } else { None };
    bench.events().into_iter().filter_map(read).collect()
}

#[test]
fn go_connects_with_the_first_round_of_its_loop_or_for_a_read() {
    let mut bench = one_node(Sdk::NacosGo2.client(), 0.0);
    assert!(bench.step(ms(7), Input::Start).is_empty());
    assert_eq!(bench.timer(), ms(5_007));
    assert_eq!(bench.out, [TO_FIRST]);
    bench.step(secs(6), Input::Crash);
    bench.step(secs(9), Input::ColdStart);
    assert!(!bench.out.contains(&TO_FIRST));
    assert_eq!(bench.timer(), secs(14), "and so with every life");

    let mut bench = one_node(Sdk::NacosGo2.client(), 2.0);
    assert!(bench.step(ms(0), Input::Start).is_empty());
    let read = bench.timer();
    assert!(read < ms(500));
    assert_eq!(bench.out, [TO_FIRST], "the first read needs a connection");

    let mut bench = one_node(Sdk::NacosJava2.client(), 0.0);
    assert_eq!(bench.step(ms(7), Input::Start), [TO_FIRST]);
}

#[test]
fn a_server_check_without_an_answer_is_given_up_before_the_attempt_would_be() {
    for (sdk, for_the_rest) in [(Sdk::NacosJava2, 5_000), (Sdk::NacosJava3, 5_000), (Sdk::NacosGo2, 100)] {
        let mut bench = one_node(ClientSpec { health_check: None, ..sdk.client() }, 0.0);
        bench.step(ms(0), Input::Start);
        let start = if bench.out.is_empty() { bench.timer() } else { ms(0) };
        bench.step(start, Input::Connected);
        let given_up = bench.timer();
        assert_eq!(given_up - start, Duration::from_secs(3), "{}", sdk.name());
        assert!(matches!(
            bench.events()[..],
            [Event::Attempt(attempt)] if attempt.outcome == AttemptOutcome::TimedOut
        ));
        let again = bench.timer();
        bench.step(again, Input::Connected);
        bench.step(again, Input::Reply(Reply::Checked { will_ack_setup: true }));
        assert_eq!(bench.timer() - again, Duration::from_millis(for_the_rest), "{}", sdk.name());
    }
}

#[test]
fn a_read_without_a_connection_tries_for_one_first() {
    for (sdk, tries) in [(Sdk::NacosJava2, 400), (Sdk::NacosGo2, 300)] {
        let mut bench = one_node(ClientSpec { health_check: None, resync: None, ..sdk.client() }, 1.0);
        bench.step(ms(0), Input::Start);
        while !bench.out.contains(&TO_FIRST) {
            bench.timer();
        }
        let now = bench.watcher.started;
        bench.step(now, Input::Connected);
        bench.step(now, Input::Reply(Reply::Checked { will_ack_setup: true }));
        bench.step(now, Input::SetupAck);
        while bench.requests() != [Request::Listen] {
            bench.timer();
        }
        let up = bench.watcher.started + Duration::from_millis(100);
        bench.step(up, Input::Reply(Reply::Changed(&[ItemId(0)])));
        let text = content(0, 1);
        bench.step(up, Input::Reply(Reply::Content { text: &text, md5: None }));
        bench.step(up, Input::Reply(Reply::Changed(&[])));
        let asked = loop {
            bench.timer();
            if let Some(Action::Read { id, .. }) = bench.out.iter().find(|a| matches!(a, Action::Read { .. }))
            {
                break *id;
            }
        };
        bench.step(asked, Input::Read { id: asked, reply: Some(Reply::Content { text: &text, md5: None }) });
        let live = reads(&bench)[0];
        assert_eq!((live.source, live.answered), (ReadSource::Live, live.intended), "{}", sdk.name());

        bench.step(live.answered, Input::Lost(LossCause::Reset));
        let mut cut_off = Vec::new();
        while cut_off.len() < 3 {
            if bench.out.contains(&TO_FIRST) {
                bench.step(bench.watcher.started, Input::AttemptFailed(AttemptOutcome::Refused));
            } else {
                bench.timer();
            }
            // One that was asked before has its tries from the loss on.
            cut_off.extend(reads(&bench).into_iter().filter(|read| read.intended > live.answered));
        }
        for read in cut_off {
            assert_eq!(read.source, ReadSource::Snapshot, "{}", sdk.name());
            assert_eq!(read.answered - read.intended, Duration::from_millis(tries), "{}", sdk.name());
        }
    }
}

#[test]
fn rust_gives_a_check_of_its_handshake_three_seconds() {
    let mut bench = Bench::new(Sdk::NacosRust.client(), 1, 0.0);
    bench.step(ms(0), Input::Start);
    bench.step(ms(0), Input::Connected);
    assert_eq!(bench.timer(), ms(3_300));
    assert_eq!(bench.requests(), [Request::HealthCheck]);
    assert_eq!(bench.timer(), ms(6_900));
}

#[test]
fn node_has_one_time_out_for_all_tries_of_a_request() {
    let mut bench = Bench::new(Sdk::NacosNode.client(), 1, 0.0);
    bench.step(ms(0), Input::Start);
    bench.step(ms(1), Input::Connected);
    bench.content(2, 0, 1);
    assert_eq!(bench.requests(), [Request::Poll]);
    assert_eq!(bench.timer(), ms(40_002), "the poll's time-out");
    assert_eq!(bench.timer(), ms(42_002), "a pause of 2 s");
    assert!(matches!(bench.out[..], [Action::Connect { .. }]));
    bench.step(ms(42_003), Input::Connected);
    assert_eq!(bench.watcher.deadline(), ms(82_002), "the next request has 40 s again");
    bench.step(ms(60_000), Input::Lost(LossCause::Reset));
    assert_eq!(bench.timer(), ms(60_005), "what is left of it is spent without pauses");
}
