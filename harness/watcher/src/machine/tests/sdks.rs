//! Each SDK's habits on the machine: who sends what when (nacos-facts.md §2.3, §3).

use std::collections::BTreeSet;

use shakedown_model::event::{Attempt, AttemptOutcome, LossCause, Path, Read, ReadSource};
use shakedown_model::plan::{Cache, Failover, Habits, NodeOrder, Probing};
use shakedown_model::{NodeId, Seed};
use shakedown_scenario::Sdk;

use super::*;
use crate::Refusal;

fn grpc_sdks() -> impl Iterator<Item = Sdk> {
    Sdk::ALL.into_iter().filter(|sdk| sdk.client().protocol == Protocol::NacosGrpc)
}

/// Without the pause that Go makes at its start.
fn prompt(client: ClientSpec) -> ClientSpec {
    let habits = Habits { idle_start: Duration::ZERO, ..client.habits };
    ClientSpec { habits, ..client }
}

fn deleting(client: ClientSpec, items: u32) -> Bench {
    let client = prompt(client);
    let rules =
        Rules { client, run_id: RUN, nodes: 1, may_be_absent: true, reads_per_second: 0.0, seed: Seed(3) };
    Bench::by(rules, items)
}

/// Answers whatever is asked, with `version` of every item, until the watcher asks no more. Each step takes a
/// millisecond; returns when it ended.
fn serve(bench: &mut Bench, from: Offset, version: u32) -> Offset {
    let mut now = from;
    for _ in 0..100 {
        now = now + Duration::from_millis(1);
        match bench.requests().last() {
            Some(Request::Query(item) | Request::Get(item)) => {
                let text = content(item.0, version);
                bench.step(now, Input::Reply(Reply::Content { text: &text, md5: None }));
            }
            Some(Request::Listen) => {
                let wanted =
                    |held: &crate::Held| held.md5 != Some(payload::md5(&content(held.item.0, version)));
                let changed: Vec<_> = bench.watcher.listed().filter(wanted).map(|held| held.item).collect();
                bench.step(now, Input::Reply(Reply::Changed(&changed)));
            }
            _ => return now,
        }
    }
    panic!("the watcher never stops asking");
}

/// Through the handshake of whatever SDK it is, from a watcher that was just told to connect.
fn shake_hands(bench: &mut Bench, now: Offset) -> Offset {
    bench.step(now, Input::Connected);
    for _ in 0..8 {
        let requests = bench.requests();
        match requests.last() {
            Some(Request::HealthCheck) => bench.step(now, Input::Health(Ok(()))),
            Some(Request::ServerCheck) => {
                bench.step(now, Input::Reply(Reply::Checked { will_ack_setup: true }))
            }
            Some(Request::OpenStream) => bench.step(now, Input::SetupAck),
            _ if bench.watcher.phase == super::super::Phase::Up => return now,
            _ => {
                let settled = bench.timer();
                assert!(bench.watcher.phase == super::super::Phase::Up);
                return settled;
            }
        };
    }
    panic!("the handshake does not end");
}

pub(super) fn subscribed(client: ClientSpec, items: u32) -> (Bench, Offset) {
    let mut bench = Bench::new(prompt(client), items, 0.0);
    bench.step(ms(0), Input::Start);
    let up = shake_hands(&mut bench, ms(1));
    let now = serve(&mut bench, up, 1);
    assert!(bench.watcher.is_subscribed());
    (bench, now)
}

#[test]
fn handshakes_go_in_each_sdks_order() {
    let check = [Action::Send(Request::ServerCheck)];
    let stream = [Action::Send(Request::OpenStream)];
    for sdk in grpc_sdks() {
        let mut bench = Bench::new(prompt(sdk.client()), 1, 0.0);
        bench.step(ms(0), Input::Start);
        bench.step(ms(1), Input::Connected);
        if sdk == Sdk::NacosRust {
            assert_eq!(bench.requests(), [Request::OpenStream, Request::HealthCheck]);
            assert_eq!(bench.step(ms(2), Input::Health(Ok(()))), check);
            bench.step(ms(3), Input::Reply(Reply::Checked { will_ack_setup: true }));
            assert_eq!(bench.requests(), [Request::Query(ItemId(0))], "it asks for content first");
            continue;
        }
        assert_eq!(bench.out, check, "{}", sdk.name());
        assert_eq!(bench.step(ms(2), Input::Reply(Reply::Checked { will_ack_setup: true })), stream);
        bench.step(ms(50), Input::SetupAck);
        let up = match sdk {
            Sdk::NacosGo2 => bench.timer(),
            Sdk::NacosPython3 => bench.timer(),
            _ => ms(50),
        };
        let expected = match sdk {
            Sdk::NacosGo2 => ms(102),
            Sdk::NacosPython3 => ms(150),
            _ => ms(50),
        };
        assert_eq!((up, bench.requests()), (expected, vec![Request::Listen]), "{}", sdk.name());
    }
}

#[test]
fn rust_probes_four_times_with_growing_pauses_then_checks_anyway() {
    let mut bench = Bench::new(Sdk::NacosRust.client(), 1, 0.0);
    bench.step(ms(0), Input::Start);
    bench.step(ms(0), Input::Connected);
    let mut at = ms(0);
    for (probe, pause) in [(1, 300), (2, 600), (3, 1200), (4, 2400)] {
        assert_eq!(bench.requests().last(), Some(&Request::HealthCheck), "probe {probe}");
        assert!(bench.step(at, Input::Health(Err(Refusal::Unregistered))).is_empty());
        let next = bench.timer();
        assert_eq!(next - at, Duration::from_millis(pause));
        at = next;
    }
    assert_eq!(bench.requests(), [Request::ServerCheck]);
}

/// Loses the connection and refuses attempts; says when each began, in ms after the loss.
pub(super) fn outage(sdk: Sdk, count: u32) -> Vec<(u32, u64)> {
    let (mut bench, now) = subscribed(ClientSpec { health_check: None, ..sdk.client() }, 1);
    bench.step(now, Input::Lost(LossCause::Reset));
    (0..count)
        .map(|_| {
            let started = bench.timer();
            bench.step(started, Input::AttemptFailed(AttemptOutcome::Refused));
            let [Event::Attempt(Attempt { number, .. })] = bench.events()[..] else {
                panic!("{:?}", bench.out)
            };
            (number, (started - now).as_millis().try_into().unwrap())
        })
        .collect()
}

#[test]
fn attempts_come_when_the_facts_say() {
    for (sdk, expected) in [
        (Sdk::NacosJava2, [0, 100, 300, 600, 1000]),
        (Sdk::NacosJava3, [0, 100, 300, 600, 1000]),
        (Sdk::NacosGo2, [0, 0, 100, 300, 600]),
    ] {
        let seen = outage(sdk, 5);
        assert_eq!(seen, (1..).zip(expected).collect::<Vec<_>>(), "{}", sdk.name());
    }
}

#[test]
fn rust_dials_in_rounds() {
    let seen = outage(Sdk::NacosRust, 6);
    assert_eq!(seen[..4], [(1, 2_000), (2, 2_300), (3, 2_900), (4, 4_100)]);
    assert!((6_500..=7_000).contains(&seen[4].1) && seen[5].1 >= 10_000, "{seen:?}");
}

#[test]
fn a_dial_of_rust_that_comes_after_its_stream_failed_comes_to_nothing() {
    let (mut bench, now) = subscribed(ClientSpec { health_check: None, ..Sdk::NacosRust.client() }, 1);
    bench.step(now, Input::Lost(LossCause::Reset));
    let first = bench.timer();
    bench.step(first, Input::Connected);
    assert_eq!(bench.requests(), [Request::OpenStream, Request::HealthCheck]);
    bench.step(first, Input::Lost(LossCause::Reset));
    let second = bench.timer();
    assert_eq!(second - first, Duration::from_millis(300));
    bench.step(second, Input::Connected);
    assert_eq!(bench.requests(), [Request::HealthCheck], "the stream was the first dial's");
    bench.step(second, Input::Health(Ok(())));
    assert_eq!(bench.requests(), [Request::ServerCheck]);
    bench.step(second, Input::Reply(Reply::Checked { will_ack_setup: false }));
    assert!(matches!(bench.out[..], [Action::Record(Event::Attempt(_)), Action::Close]), "{:?}", bench.out);
    let again = bench.timer();
    assert!(again - second >= Duration::from_secs(4), "the next round");
    bench.step(again, Input::Connected);
    assert_eq!(bench.requests(), [Request::OpenStream, Request::HealthCheck]);
}

#[test]
fn a_request_that_fails_is_followed_by_a_check_of_all_tries() {
    for (sdk, lost_after) in [(Sdk::NacosJava2, 12), (Sdk::NacosGo2, 3)] {
        let (mut bench, now) = subscribed(sdk.client(), 1);
        bench.step(now, Input::Notify(ItemId(0)));
        assert_eq!(bench.requests(), [Request::Listen], "{}", sdk.name());
        let late = now + Duration::from_secs(3);
        bench.step(late, Input::Timer);
        assert_eq!(bench.requests(), [Request::HealthCheck], "{}", sdk.name());
        while bench.events().is_empty() {
            bench.timer();
        }
        let Event::Lost(lost) = bench.events()[0] else { panic!("{:?}", bench.out) };
        assert_eq!(lost.at - late, Duration::from_secs(lost_after), "{}", sdk.name());
        assert_eq!(lost.cause, LossCause::RequestTimeout);
    }
    let (mut bench, now) = subscribed(Sdk::NacosJava2.client(), 1);
    bench.step(now, Input::Notify(ItemId(0)));
    let late = now + Duration::from_secs(3);
    bench.step(late, Input::Timer);
    bench.step(late, Input::Health(Ok(())));
    assert!(bench.events().is_empty(), "the server lives, and the connection stays");
    let (mut bench, now) = subscribed(Sdk::NacosPython3.client(), 1);
    bench.step(now, Input::Notify(ItemId(0)));
    bench.step(now + Duration::from_secs(3), Input::Timer);
    assert_eq!(bench.out, [], "Python gives up the request alone");
}

#[test]
fn tries_at_the_start_of_a_life_have_no_pause_and_no_number() {
    for (sdk, tries) in [(Sdk::NacosJava2, 4), (Sdk::NacosGo2, 3), (Sdk::NacosRust, 1)] {
        let mut bench = Bench::new(prompt(sdk.client()), 1, 0.0);
        bench.step(ms(0), Input::Start);
        let mut numbers = Vec::new();
        for _ in 0..6 {
            let now = bench.watcher.deadline().min(ms(9_000));
            bench.step(now, Input::AttemptFailed(AttemptOutcome::Refused));
            numbers.extend(bench.events().iter().filter_map(|event| match event {
                Event::Attempt(attempt) => Some(attempt.number),
                _ => None,
            }));
            bench.timer();
        }
        let firsts = numbers.iter().filter(|number| **number == 0).count();
        assert_eq!(firsts, tries, "{}: {numbers:?}", sdk.name());
    }
}

#[test]
fn servers_are_taken_in_each_sdks_order() {
    let visited = |order: NodeOrder, watcher: u32| -> Vec<u16> {
        let habits = Habits { node_order: order, ..Habits::default() };
        let client = ClientSpec { habits, ..java() };
        let rules = Rules {
            client,
            run_id: RUN,
            nodes: 3,
            may_be_absent: false,
            reads_per_second: 0.0,
            seed: Seed(3),
        };
        let mut bench = Bench::by(rules, 1);
        bench.watcher = Watcher::new(WatcherId(watcher), &[ItemId(0)], Arc::clone(&bench.watcher.rules));
        bench.step(ms(0), Input::Start);
        (0..9)
            .map(|_| {
                let NodeId(node) = bench.watcher.node();
                bench.step(ms(0), Input::AttemptFailed(AttemptOutcome::Refused));
                bench.timer();
                node
            })
            .collect()
    };
    assert_eq!(visited(NodeOrder::Listed, 7), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    let starts: BTreeSet<u16> = (0..50).map(|watcher| visited(NodeOrder::RandomStart, watcher)[0]).collect();
    assert_eq!(starts.len(), 3);
    let ring = visited(NodeOrder::RandomStart, 7);
    assert!(ring.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 3), "{ring:?}");
    let orders: BTreeSet<Vec<u16>> = (0..50)
        .flat_map(|watcher| {
            visited(NodeOrder::Shuffled, watcher).chunks(3).map(<[u16]>::to_vec).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(orders.len(), 6, "every order of three, and each a whole list: {orders:?}");
}

#[test]
fn a_tick_sends_no_health_check_after_other_traffic() {
    let (mut bench, _) = subscribed(Sdk::NacosJava2.client(), 1);
    let first = bench.timer();
    assert!(bench.requests().is_empty(), "the handshake was traffic");
    let second = bench.timer();
    assert_eq!((second - first, bench.requests()), (Duration::from_secs(5), vec![Request::HealthCheck]));
    bench.step(second, Input::Health(Ok(())));
    assert_eq!(bench.timer() - second, Duration::from_secs(5));
    assert_eq!(bench.requests(), [Request::HealthCheck], "the answer to a check is no traffic");
}

#[test]
fn what_the_server_pushes_puts_a_check_off_for_rust_only() {
    // Python's loop asks on its own.
    for sdk in grpc_sdks().filter(|sdk| *sdk != Sdk::NacosPython3) {
        let (mut bench, _) = subscribed(sdk.client(), 1);
        while bench.requests() != [Request::HealthCheck] {
            bench.timer();
        }
        let asked = bench.watcher.health_deadline.saturating_sub(Duration::from_secs(3));
        bench.step(asked, Input::Health(Ok(())));
        bench.step(asked + Duration::from_secs(1), Input::Detect);
        bench.timer();
        let checks = bench.requests().contains(&Request::HealthCheck);
        assert_eq!(checks, sdk != Sdk::NacosRust, "{}", sdk.name());
    }
}

#[test]
fn codes_from_300_are_healthy_for_go_and_python_only() {
    for sdk in grpc_sdks() {
        let (mut bench, _) = subscribed(sdk.client(), 1);
        while bench.requests() != [Request::HealthCheck] {
            bench.timer();
        }
        let now = bench.watcher.deadline();
        bench.step(now, Input::Health(Err(Refusal::Unregistered)));
        let is_lost = matches!(bench.events()[..], [Event::Lost(_), ..]);
        assert_eq!(!is_lost, sdk.client().habits.takes_3xx_for_health, "{}", sdk.name());
    }
}

#[test]
fn after_a_reconnect_all_list_at_once_but_rust() {
    for sdk in grpc_sdks() {
        let (mut bench, now) = subscribed(ClientSpec { health_check: None, ..sdk.client() }, 2);
        bench.step(now, Input::Lost(LossCause::Reset));
        let again = bench.timer();
        let up = shake_hands(&mut bench, again);
        if sdk != Sdk::NacosRust {
            assert_eq!(bench.requests(), [Request::Listen], "{}", sdk.name());
            assert_eq!(bench.watcher.listed().count(), 2);
            serve(&mut bench, up, 2);
            continue;
        }
        assert!(bench.requests().is_empty() && !bench.watcher.is_subscribed());
        let resync = bench.timer();
        assert!(resync - up <= Duration::from_secs(60));
        assert_eq!(bench.requests(), [Request::Listen], "the loop that lists everything");
        bench.step(resync, Input::Reply(Reply::Changed(&[ItemId(1)])));
        let text = content(1, 2);
        bench.step(resync, Input::Reply(Reply::Content { text: &text, md5: None }));
        assert_eq!(bench.deliveries()[0].path, Path::Relist);
        assert!(bench.watcher.is_subscribed());
    }
}

#[test]
fn python_lists_what_did_not_change_again_until_it_does() {
    let client = ClientSpec { health_check: None, resync: None, ..Sdk::NacosPython3.client() };
    let (mut bench, _) = subscribed(client, 2);
    let mut at = bench.timer();
    bench.step(at, Input::Reply(Reply::Changed(&[])));
    for _ in 0..3 {
        let round = bench.timer();
        assert_eq!(round - at, Duration::from_secs(5));
        assert_eq!(bench.requests(), [Request::Listen]);
        assert_eq!(bench.watcher.listed().count(), 2);
        bench.step(round, Input::Reply(Reply::Changed(&[])));
        at = round;
    }
    let later = at + Duration::from_secs(1);
    bench.step(later, Input::Notify(ItemId(0)));
    bench.step(later, Input::Reply(Reply::Changed(&[ItemId(0)])));
    let text = content(0, 2);
    bench.step(later, Input::Reply(Reply::Content { text: &text, md5: None }));
    assert_eq!(bench.deliveries()[0].path, Path::Push);
}

#[test]
fn a_sixth_query_of_an_item_within_a_second_waits() {
    let client = ClientSpec { health_check: None, resync: None, ..Sdk::NacosJava2.client() };
    let (mut bench, now) = subscribed(client, 2);
    let from = now + Duration::from_secs(2);
    let change = |bench: &mut Bench, at: Offset, version: u32| {
        bench.step(at, Input::Notify(ItemId(0)));
        bench.step(at, Input::Reply(Reply::Changed(&[ItemId(0)])));
        let is_asked = bench.requests() == [Request::Query(ItemId(0))];
        if is_asked {
            let text = content(0, version);
            bench.step(at, Input::Reply(Reply::Content { text: &text, md5: None }));
            bench.step(at, Input::Reply(Reply::Changed(&[])));
        }
        is_asked
    };
    for version in 2..=6 {
        assert!(change(&mut bench, from, version), "version {version}");
    }
    assert!(!change(&mut bench, from, 7));
    assert_eq!(bench.timer(), from + Duration::from_millis(200));
    assert_eq!(bench.requests(), [Request::Query(ItemId(0))]);
}

#[test]
fn a_deleted_item_is_told_once_and_comes_back() {
    for sdk in [Sdk::NacosJava2, Sdk::NacosGo2, Sdk::NacosPython3] {
        let mut bench = deleting(ClientSpec { health_check: None, ..sdk.client() }, 1);
        bench.step(ms(0), Input::Start);
        let up = shake_hands(&mut bench, ms(1));
        let now = serve(&mut bench, up, 1);
        bench.step(now, Input::Notify(ItemId(0)));
        bench.step(now, Input::Reply(Reply::Changed(&[ItemId(0)])));
        bench.step(now, Input::Reply(Reply::Absent));
        let absences =
            |bench: &Bench| bench.events().iter().filter(|event| matches!(event, Event::Absent(_))).count();
        assert!(
            matches!(bench.events()[..], [Event::Absent(absence)] if absence.path == Path::Push && absence.signal == Some(now)),
            "{}: {:?}",
            sdk.name(),
            bench.out
        );
        assert!(bench.out.contains(&Action::DropSnapshot(ItemId(0))));
        assert_eq!(bench.watcher.held().next().unwrap().md5, None);
        bench.step(now, Input::Reply(Reply::Changed(&[])));
        bench.step(now, Input::Notify(ItemId(0)));
        bench.step(now, Input::Reply(Reply::Changed(&[])));
        assert_eq!(absences(&bench), 0, "it knows");
        bench.step(now, Input::Notify(ItemId(0)));
        bench.step(now, Input::Reply(Reply::Changed(&[ItemId(0)])));
        let text = content(0, 3);
        bench.step(now, Input::Reply(Reply::Content { text: &text, md5: None }));
        assert_eq!(bench.deliveries()[0].version, Version(3));
    }
}

#[test]
fn rust_keeps_what_was_deleted() {
    let mut bench = deleting(ClientSpec { health_check: None, ..Sdk::NacosRust.client() }, 1);
    bench.step(ms(0), Input::Start);
    let up = shake_hands(&mut bench, ms(1));
    let now = serve(&mut bench, up, 1);
    let held = bench.watcher.held().next();
    bench.step(now, Input::Notify(ItemId(0)));
    assert_eq!(bench.requests(), [Request::Query(ItemId(0))]);
    assert!(bench.step(now, Input::Reply(Reply::Absent)).is_empty());
    assert_eq!(bench.watcher.held().next(), held);
}

#[test]
fn an_item_that_is_absent_from_the_start_is_told_once() {
    let mut bench = deleting(ClientSpec { health_check: None, ..Sdk::NacosJava2.client() }, 1);
    bench.step(ms(0), Input::Start);
    shake_hands(&mut bench, ms(1));
    bench.step(ms(60), Input::Reply(Reply::Changed(&[])));
    assert!(
        matches!(
            bench.events()[..],
            [Event::Absent(absence), Event::Subscribed { .. }] if absence.path == Path::Push && absence.signal.is_none()
        ),
        "{:?}",
        bench.out
    );
}

#[test]
fn a_poll_that_missed_a_change_is_told_from_one_that_was_woken() {
    let mut bench = Bench::new(Sdk::NacosNode.client(), 1, 0.0);
    bench.step(ms(0), Input::Start);
    bench.step(ms(1), Input::Connected);
    bench.content(2, 0, 1);
    bench.changed(29_502, &[]);
    bench.changed(29_510, &[0]);
    bench.content(29_511, 0, 2);
    let missed = bench.deliveries()[0];
    assert_eq!((missed.path, missed.signal), (Path::PollTimeout, Some(ms(29_510))));
    bench.changed(59_020, &[]);
    bench.changed(69_000, &[0]);
    bench.content(69_001, 0, 3);
    assert_eq!(bench.deliveries()[0].path, Path::PollWake, "it came while the next poll hung");
}

#[test]
fn the_snapshot_is_listed_and_what_is_still_there_is_not_sent_again() {
    let (mut bench, now) = subscribed(ClientSpec { health_check: None, ..Sdk::NacosJava2.client() }, 1);
    bench.step(now, Input::Crash);
    bench.step(now, Input::ColdStart);
    let text = content(0, 1);
    bench.step(now, Input::Snapshot { item: ItemId(0), content: Some(&text) });
    assert_eq!(bench.deliveries()[0].path, Path::Cache);
    let up = shake_hands(&mut bench, now);
    assert_eq!(bench.watcher.listed().next().unwrap().md5, Some(payload::md5(&text)));
    bench.step(up, Input::Reply(Reply::Changed(&[])));
    assert!(bench.deliveries().is_empty() && bench.watcher.is_subscribed());
}

#[test]
fn a_snapshot_that_is_not_whole_does_not_keep_the_server_from_being_heard() {
    for broken in ["", "torn"] {
        let (mut bench, now) = subscribed(ClientSpec { health_check: None, ..Sdk::NacosGo2.client() }, 1);
        bench.step(now, Input::Crash);
        bench.step(now, Input::ColdStart);
        bench.step(now, Input::Snapshot { item: ItemId(0), content: Some(broken) });
        assert!(bench.deliveries().is_empty(), "nothing is proven");
        let up = shake_hands(&mut bench, now);
        bench.step(up, Input::Reply(Reply::Changed(&[ItemId(0)])));
        let text = content(0, 1);
        bench.step(up, Input::Reply(Reply::Content { text: &text, md5: None }));
        assert_eq!((bench.deliveries()[0].path, bench.deliveries()[0].version), (Path::Initial, Version(1)));
    }
}

/// The reads that come while the server is away.
fn cold_reads(client: ClientSpec, snapshot: Option<&str>) -> Vec<Read> {
    let mut bench = Bench::new(client, 1, 2.0);
    bench.step(ms(0), Input::Start);
    bench.step(ms(10), Input::Crash);
    bench.step(ms(20), Input::ColdStart);
    if bench.out.contains(&Action::LoadSnapshots) {
        bench.step(ms(20), Input::Snapshot { item: ItemId(0), content: snapshot });
    }
    let mut reads = Vec::new();
    while bench.watcher.deadline() < Offset::from_secs(20) {
        let connects = bench.out.iter().any(|action| matches!(action, Action::Connect { .. }));
        if connects {
            let now = bench.watcher.started;
            bench.step(now, Input::AttemptFailed(AttemptOutcome::Refused));
        } else {
            bench.timer();
        }
        reads.extend(bench.events().into_iter().filter_map(|event| match event {
            Event::Read(read) => Some(read),
            _ => None,
        }));
    }
    reads
}

#[test]
fn a_cold_start_serves_the_snapshot_where_the_sdk_does() {
    let text = content(0, 1);
    for sdk in Sdk::ALL {
        let serves = sdk.client().cache == Cache::Snapshot;
        let reads = cold_reads(ClientSpec { health_check: None, ..sdk.client() }, Some(&text));
        assert!(reads.len() > 20, "{}", sdk.name());
        let source = if serves { ReadSource::Snapshot } else { ReadSource::Nothing };
        assert!(reads.iter().all(|read| read.source == source && read.is_cold), "{}: {reads:?}", sdk.name());
        assert!(reads.iter().all(|read| read.version == serves.then_some(Version(1))), "{}", sdk.name());
    }
    let missing = cold_reads(Sdk::NacosJava2.client(), None);
    assert!(missing.iter().all(|read| read.source == ReadSource::Nothing));
}

#[test]
fn an_operators_file_comes_before_server_and_snapshot() {
    let client = ClientSpec { failover: Failover::Initial, health_check: None, ..Sdk::NacosJava2.client() };
    let mut bench = Bench::new(client, 1, 2.0);
    bench.step(ms(0), Input::Start);
    assert_eq!(bench.out[0], Action::LoadOverrides);
    let text = content(0, 1);
    bench.step(ms(0), Input::Override { item: ItemId(0), content: Some(&text) });
    assert_eq!((bench.deliveries()[0].path, bench.deliveries()[0].version), (Path::Cache, Version(1)));
    let up = shake_hands(&mut bench, ms(1));
    assert!(bench.requests().is_empty() && bench.watcher.is_subscribed(), "there is nothing to ask for");
    assert_eq!(bench.step(up, Input::Notify(ItemId(0))), [Action::Ack]);
    let read = loop {
        bench.timer();
        if let Some(Event::Read(read)) = bench.events().first() {
            break *read;
        }
    };
    assert_eq!((read.source, read.version, read.says_stale), (ReadSource::Failover, Some(Version(1)), true));
}

#[test]
fn an_adaptive_health_check_follows_the_link() {
    let client = ClientSpec { resync: None, ..java() };
    let habits = Habits { probing: Probing::ByQuality, ..client.habits };
    let check = HealthCheck { every: Duration::from_secs(30), timeout: Duration::from_secs(3), tries: 2 };
    let (mut bench, _) = subscribed(ClientSpec { habits, health_check: Some(check), ..client }, 1);
    let mut due = Vec::new();
    for _ in 0..8 {
        let now = bench.timer();
        assert_eq!(bench.requests(), [Request::HealthCheck]);
        bench.step(now + Duration::from_millis(5), Input::Health(Ok(())));
        due.push(now);
    }
    let gaps: Vec<_> = due.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!(gaps[0], 15, "fair until three are answered");
    assert_eq!(gaps[5..], [30, 30]);
    bench.timer();
    let mut tries = 1;
    while !matches!(bench.events().first(), Some(Event::Lost(_))) {
        bench.timer();
        tries += u32::from(bench.requests() == [Request::HealthCheck]);
    }
    assert_eq!(tries, 5, "a try without an answer makes the link poor, and a poor link is tried five times");
}
