//! Planted defects of clients: each misbehaves where it should, and is honest elsewhere.

use shakedown_model::event::{Attempt, AttemptOutcome, Event, LossCause, ReadSource};
use shakedown_model::plan::{Cache, ClientDefect};

use super::*;
use crate::Refusal;

fn with(defect: ClientDefect) -> ClientSpec {
    ClientSpec { defect: Some(defect), ..java() }
}

/// Loses the connection at `from` and comes back at once; the list that follows is in flight, if there is one.
fn reconnected(bench: &mut Bench, from: u64) {
    bench.step(ms(from), Input::Lost(LossCause::Reset));
    let now = bench.timer();
    bench.step(now, Input::Connected);
    bench.step(now, Input::Reply(Reply::Checked { will_ack_setup: true }));
    bench.step(now, Input::SetupAck);
}

#[test]
fn a_stale_listener_lists_nothing_after_a_reconnect_and_takes_itself_for_subscribed() {
    let mut bench = Bench::subscribed(with(ClientDefect::KeepStaleListener), 1);
    reconnected(&mut bench, 100);
    assert_eq!(bench.requests(), []);
    assert!(bench.events().iter().any(|event| matches!(event, Event::Subscribed { .. })), "{:?}", bench.out);
    let mut honest = Bench::subscribed(java(), 1);
    reconnected(&mut honest, 100);
    assert_eq!(honest.requests(), [Request::Listen]);
}

#[test]
fn who_gives_up_makes_three_attempts_and_no_more() {
    let mut bench = Bench::subscribed(ClientSpec { backoff: steady(), ..with(ClientDefect::GiveUp) }, 1);
    bench.step(ms(100), Input::Lost(LossCause::Reset));
    for _ in 0..3 {
        let now = bench.timer();
        assert!(matches!(bench.out[..], [Action::Connect { .. }]));
        bench.step(now, Input::AttemptFailed(AttemptOutcome::Refused));
    }
    assert_eq!(bench.watcher.deadline(), Offset::NEVER);
}

#[test]
fn without_jitter_all_watchers_draw_the_same_pauses_within_the_policy() {
    let backoff = Backoff::Exponential {
        base: Duration::from_secs(1),
        cap: Duration::from_secs(60),
        jitter: Jitter::Full,
    };
    let pauses = |id: u32, defect| {
        let client = ClientSpec { backoff, defect, ..java() };
        let rules = Rules {
            client,
            run_id: RUN,
            nodes: 1,
            may_be_absent: false,
            reads_per_second: 0.0,
            seed: Seed(3),
        };
        let watcher = Watcher::new(WatcherId(id), &[ItemId(0)], Arc::new(rules));
        let mut bench = Bench { watcher, out: Vec::new() };
        bench.step(ms(0), Input::Start);
        let mut gaps = Vec::new();
        for _ in 0..4 {
            bench
                .step(bench.watcher.deadline().min(ms(9_999)), Input::AttemptFailed(AttemptOutcome::Refused));
            let [Event::Attempt(Attempt { number, ended, .. })] = bench.events()[..] else {
                panic!("{:?}", bench.out)
            };
            let gap = bench.watcher.deadline() - ended;
            assert!(gap <= backoff.bounds(number + 1, None).1);
            gaps.push(gap);
            bench.timer();
        }
        gaps
    };
    let defect = Some(ClientDefect::NoJitter);
    assert_eq!(pauses(1, defect), pauses(2, defect));
    assert_ne!(pauses(1, None), pauses(2, None));
}

#[test]
fn who_ignores_deletes_keeps_what_it_holds() {
    let mut held = Vec::new();
    for defect in [None, Some(ClientDefect::IgnoreDeletes)] {
        let client = ClientSpec { defect, ..java() };
        let rules = Rules {
            client,
            run_id: RUN,
            nodes: 1,
            may_be_absent: true,
            reads_per_second: 0.0,
            seed: Seed(3),
        };
        let mut bench = Bench::by(rules, 1);
        bench.step(ms(0), Input::Start);
        bench.step(ms(0), Input::Connected);
        bench.step(ms(0), Input::Reply(Reply::Checked { will_ack_setup: true }));
        bench.step(ms(0), Input::SetupAck);
        bench.changed(1, &[0]);
        bench.content(2, 0, 1);
        bench.changed(3, &[]);
        bench.step(ms(4), Input::Notify(ItemId(0)));
        bench.changed(5, &[0]);
        bench.step(ms(6), Input::Reply(Reply::Absent));
        assert_eq!(bench.events().iter().any(|event| matches!(event, Event::Absent(_))), defect.is_none());
        held.push(bench.watcher.held().next().unwrap().md5.is_some());
    }
    assert_eq!(held, [false, true]);
}

#[test]
fn a_stale_snapshot_is_the_first_one() {
    let mut saves = Vec::new();
    for defect in [None, Some(ClientDefect::StaleSnapshot)] {
        let mut bench = Bench::subscribed(ClientSpec { cache: Cache::Snapshot, defect, ..java() }, 1);
        bench.step(ms(30), Input::Notify(ItemId(0)));
        bench.changed(31, &[0]);
        bench.content(32, 0, 2);
        saves.push(bench.out.iter().filter(|action| matches!(action, Action::SaveSnapshot(_))).count());
        assert_eq!(bench.deliveries().len(), 1);
    }
    assert_eq!(saves, [1, 0]);
}

#[test]
fn a_silent_snapshot_is_whole_and_passed_off_as_fresh() {
    let client =
        ClientSpec { cache: Cache::Snapshot, backoff: steady(), ..with(ClientDefect::SilentSnapshot) };
    let mut bench = Bench::new(client, 1, 2.0);
    bench.step(ms(0), Input::Start);
    bench.step(ms(0), Input::Crash);
    bench.step(ms(1), Input::ColdStart);
    let text = content(0, 1);
    bench.step(ms(2), Input::Snapshot { item: ItemId(0), content: Some(&text) });
    let read = loop {
        bench.timer();
        let reads = |event: &Event| if let Event::Read(read) = event { Some(*read) } else { None };
        if let Some(read) = bench.events().iter().find_map(reads) {
            break read;
        }
    };
    assert_eq!((read.source, read.version, read.says_stale), (ReadSource::Snapshot, Some(Version(1)), false));
}

#[test]
fn who_believes_to_be_connected_never_leaves() {
    let signs = || {
        [Input::Lost(LossCause::Reset), Input::StreamEnded, Input::ConnectReset].map(|sign| {
            let mut bench =
                Bench::subscribed(ClientSpec { resync: None, ..with(ClientDefect::BelieveConnected) }, 1);
            bench.step(ms(100), sign);
            bench
        })
    };
    for mut bench in signs() {
        assert!(bench.events().is_empty() && !bench.out.contains(&Action::Close), "{:?}", bench.out);
        assert!(bench.watcher.is_subscribed());
        // It asks on what it takes for its connection, whose every answer is refused.
        bench.step(ms(200), Input::Notify(ItemId(0)));
        assert_eq!(bench.requests(), [Request::Listen]);
        bench.step(ms(201), Input::Reply(Reply::Refused(Refusal::Unregistered)));
        assert!(bench.events().is_empty() && bench.requests().is_empty(), "{:?}", bench.out);
    }
    let checked = ClientSpec { health_check: Some(health()), ..with(ClientDefect::BelieveConnected) };
    let mut bench = Bench::subscribed(checked, 1);
    for _ in 0..6 {
        bench.timer();
        assert!(bench.events().is_empty(), "{:?}", bench.out);
    }
}

#[test]
fn who_forgets_notifies_asks_only_for_what_was_listed() {
    for (defect, asks) in [(None, vec![Request::Listen]), (Some(ClientDefect::ForgetNotify), vec![])] {
        let mut bench = Bench::subscribed(ClientSpec { defect, ..java() }, 2);
        bench.step(ms(30), Input::Notify(ItemId(0)));
        assert_eq!(bench.requests(), [Request::Listen]);
        // The other item's push is acked while the list is in flight.
        assert_eq!(bench.step(ms(31), Input::Notify(ItemId(1))), [Action::Ack]);
        bench.changed(32, &[]);
        assert_eq!(bench.requests(), asks);
        // One that comes when nothing is in flight is heard.
        if defect.is_some() {
            bench.step(ms(40), Input::Notify(ItemId(1)));
            assert_eq!(bench.requests(), [Request::Listen]);
        }
    }
}

#[test]
fn a_listener_that_fails_is_called_again_with_every_round() {
    let mut bench = Bench::subscribed(with(ClientDefect::CallAgain), 1);
    for round in 1..=3 {
        let now = bench.timer();
        assert_eq!(now, ms(12) + java().habits.retry * round);
        assert_eq!(bench.deliveries().iter().map(|call| call.version).collect::<Vec<_>>(), [Version(1)]);
        assert_eq!(bench.requests(), []);
    }
}

#[test]
fn a_notification_while_it_asks_makes_it_stand_still_for_the_rest_of_its_life() {
    for (defect, is_stuck) in [(None, false), (Some(ClientDefect::DeadlockOnNotify), true)] {
        let client = ClientSpec { health_check: Some(health()), backoff: steady(), defect, ..java() };
        let mut bench = Bench::subscribed(client, 2);
        bench.step(ms(100), Input::Notify(ItemId(0)));
        assert_eq!(bench.out, [Action::Ack, Action::Send(Request::Listen)], "nothing was in flight");
        bench.step(ms(101), Input::Notify(ItemId(1)));
        assert_eq!(bench.out.contains(&Action::Ack), !is_stuck, "the handler does not return");
        bench.changed(102, &[0]);
        assert_eq!(bench.requests().is_empty(), is_stuck);
        let health = std::iter::from_fn(|| Some(bench.timer())).take(3).last();
        assert!(health.is_some_and(|at| at < Offset::from_secs(20)));
        reconnected(&mut bench, 30_000);
        assert_eq!(bench.requests().is_empty(), is_stuck, "nobody lists on the next connection either");
        bench.step(Offset::from_secs(60), Input::Crash);
        bench.step(Offset::from_secs(61), Input::ColdStart);
        let now = Offset::from_secs(61);
        bench.step(now, Input::Connected);
        bench.step(now, Input::Reply(Reply::Checked { will_ack_setup: true }));
        bench.step(now, Input::SetupAck);
        assert_eq!(bench.requests(), [Request::Listen], "the next life");
    }
}
