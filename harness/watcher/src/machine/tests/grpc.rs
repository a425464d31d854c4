use shakedown_model::Version;
use shakedown_model::event::{Corruption, Event, LossCause, Path};
use shakedown_model::plan::ClientDefect;

use super::*;
use crate::Refusal;

#[test]
fn the_handshake_is_check_then_stream_then_ack() {
    let mut bench = Bench::new(java(), 2, 0.0);
    let node = bench.watcher.node();
    assert_eq!(bench.step(ms(0), Input::Start), [Action::Connect { node }]);
    assert_eq!(bench.step(ms(1), Input::Connected), [Action::Send(Request::ServerCheck)]);
    bench.step(ms(2), Input::Reply(Reply::Checked { will_ack_setup: true }));
    assert_eq!(bench.requests(), [Request::OpenStream]);
    bench.step(ms(50), Input::SetupAck);
    assert!(
        matches!(bench.events()[..], [Event::Attempt(attempt)] if attempt.number == 0 && attempt.ended == ms(50))
    );
    assert_eq!(bench.requests(), [Request::Listen]);
    assert_eq!(bench.watcher.listed().map(|held| held.md5).collect::<Vec<_>>(), [None, None]);
}

#[test]
fn without_a_promised_ack_the_handshake_waits_100_ms() {
    let mut bench = Bench::new(java(), 1, 0.0);
    bench.step(ms(0), Input::Start);
    bench.step(ms(1), Input::Connected);
    bench.step(ms(2), Input::Reply(Reply::Checked { will_ack_setup: false }));
    assert_eq!(bench.timer(), ms(102));
    assert_eq!(bench.requests(), [Request::Listen]);
}

#[test]
fn a_promised_ack_that_does_not_come_fails_the_attempt() {
    let mut bench = Bench::new(java(), 1, 0.0);
    bench.step(ms(0), Input::Start);
    bench.step(ms(1), Input::Connected);
    bench.step(ms(2), Input::Reply(Reply::Checked { will_ack_setup: true }));
    assert_eq!(bench.timer(), ms(5000));
    assert!(matches!(
        bench.events()[..],
        [Event::Attempt(attempt)] if attempt.outcome == shakedown_model::event::AttemptOutcome::TimedOut
    ));
}

#[test]
fn it_is_subscribed_once_the_list_after_the_fetches_names_nothing() {
    let mut bench = Bench::up(java(), 2);
    bench.changed(20, &[0, 1]);
    assert_eq!(bench.requests(), [Request::Query(ItemId(0))]);
    bench.content(21, 0, 1);
    assert_eq!(bench.deliveries()[0].path, Path::Initial);
    assert_eq!(bench.deliveries()[0].signal, None);
    assert_eq!(bench.requests(), [Request::Query(ItemId(1))]);
    bench.content(22, 1, 1);
    assert_eq!(bench.requests(), [Request::Listen]);
    assert!(bench.watcher.listed().all(|held| held.md5.is_some()));
    assert!(!bench.watcher.is_subscribed());
    bench.changed(23, &[]);
    assert_eq!(bench.events(), [Event::Subscribed { at: ms(23), watcher: WatcherId(1) }]);
}

#[test]
fn without_lists_around_queries_the_fetches_complete_the_subscription() {
    let mut bench = Bench::up(ClientSpec { lists_around_query: false, ..java() }, 1);
    bench.changed(20, &[0]);
    bench.content(21, 0, 1);
    assert!(bench.requests().is_empty());
    assert!(bench.watcher.is_subscribed());
}

#[test]
fn a_push_is_acked_listed_queried_and_listed_again() {
    let mut bench = Bench::subscribed(java(), 2);
    assert_eq!(bench.step(ms(100), Input::Notify(ItemId(1))), [Action::Ack, Action::Send(Request::Listen)]);
    assert_eq!(bench.watcher.listed().map(|held| held.item).collect::<Vec<_>>(), [ItemId(1)]);
    bench.changed(101, &[1]);
    assert_eq!(bench.requests(), [Request::Query(ItemId(1))]);
    bench.content(102, 1, 2);
    let delivery = bench.deliveries()[0];
    assert_eq!((delivery.path, delivery.signal, delivery.at), (Path::Push, Some(ms(100)), ms(102)));
    assert_eq!(delivery.version, Version(2));
    assert_eq!(bench.requests(), [Request::Listen]);
    bench.changed(103, &[]);
    assert!(bench.out.is_empty());
}

#[test]
fn a_push_for_an_unknown_item_is_acked_and_no_more() {
    let mut bench = Bench::subscribed(java(), 1);
    assert_eq!(bench.step(ms(100), Input::Notify(ItemId(77))), [Action::Ack]);
}

#[test]
fn a_push_during_a_fetch_of_the_same_item_leads_to_another_fetch() {
    for lists_around_query in [true, false] {
        let mut bench = Bench::subscribed(ClientSpec { lists_around_query, ..java() }, 1);
        bench.step(ms(100), Input::Notify(ItemId(0)));
        if lists_around_query {
            bench.changed(101, &[0]);
        }
        assert_eq!(bench.requests(), [Request::Query(ItemId(0))]);
        assert_eq!(bench.step(ms(102), Input::Notify(ItemId(0))), [Action::Ack]);
        bench.content(103, 0, 2);
        assert_eq!(bench.deliveries()[0].signal, Some(ms(100)));
        if lists_around_query {
            assert_eq!(bench.requests(), [Request::Listen]);
            bench.changed(104, &[0]);
        }
        assert_eq!(bench.requests(), [Request::Query(ItemId(0))], "lists: {lists_around_query}");
        bench.content(105, 0, 3);
        assert_eq!(bench.deliveries()[0].signal, Some(ms(102)));
    }
}

#[test]
fn a_push_during_a_list_is_not_lost() {
    let mut bench = Bench::subscribed(java(), 2);
    bench.step(ms(100), Input::Notify(ItemId(0)));
    bench.step(ms(101), Input::Notify(ItemId(0)));
    bench.changed(102, &[]);
    assert_eq!(bench.requests(), [Request::Listen], "the second push came after the list was sent");
    bench.changed(103, &[0]);
    assert_eq!(bench.requests(), [Request::Query(ItemId(0))]);
}

#[test]
fn an_older_version_is_delivered_and_held_like_any_other() {
    let mut bench = Bench::subscribed(ClientSpec { lists_around_query: false, ..java() }, 1);
    let mut versions = Vec::new();
    for (at, version) in [(100, 5), (200, 5), (300, 4), (400, 4), (500, 5)] {
        bench.step(ms(at), Input::Notify(ItemId(0)));
        bench.content(at + 1, 0, version);
        versions.extend(bench.deliveries().iter().map(|delivery| delivery.version.0));
    }
    assert_eq!(versions, [5, 4, 5]);
}

#[test]
fn content_that_does_not_verify_is_recorded_not_held_and_asked_for_again() {
    let mut bench = Bench::subscribed(java(), 1);
    let held = bench.watcher.held().next();
    bench.step(ms(100), Input::Notify(ItemId(0)));
    bench.changed(101, &[0]);
    let text = content(0, 2);
    bench.step(ms(102), Input::Reply(Reply::Content { text: &text[..120], md5: None }));
    assert!(matches!(
        bench.events()[..],
        [Event::Corrupt(corrupt)] if corrupt.claims == Some((ItemId(0), Version(2)))
    ));
    assert_eq!(bench.watcher.held().next(), held);
    assert!(bench.requests().is_empty(), "no storm of queries for content that stays bad");
    assert_eq!(bench.timer(), ms(5102));
    assert_eq!(bench.requests(), [Request::Listen]);
    bench.changed(5103, &[0]);
    bench.content(5104, 0, 2);
    let delivery = bench.deliveries()[0];
    assert_eq!((delivery.path, delivery.signal), (Path::Push, Some(ms(100))), "the first signal stands");
}

#[test]
fn absent_content_is_corrupt() {
    let mut bench = Bench::up(java(), 1);
    bench.changed(11, &[0]);
    bench.step(ms(12), Input::Reply(Reply::Absent));
    assert!(matches!(bench.events()[0], Event::Corrupt(corrupt) if corrupt.corruption == Corruption::Absent));
}

#[test]
fn the_resync_lists_everything_on_its_own_phase() {
    let resync = Some(Duration::from_secs(180));
    let mut bench = Bench::subscribed(ClientSpec { resync, ..java() }, 3);
    let due = bench.timer();
    assert!(due < Offset::from_secs(181));
    assert_eq!(bench.requests(), [Request::Listen]);
    assert_eq!(bench.watcher.listed().count(), 3);
    bench.step(due, Input::Reply(Reply::Changed(&[ItemId(2)])));
    bench.content(due.0 / 1_000_000 + 1, 2, 2);
    assert_eq!((bench.deliveries()[0].path, bench.deliveries()[0].signal), (Path::Resync, Some(due)));
    bench.changed(due.0 / 1_000_000 + 2, &[]);
    assert_eq!(bench.watcher.deadline(), due + Duration::from_secs(180));
}

#[test]
fn a_server_that_does_not_know_the_connection_ends_it() {
    let mut bench = Bench::up(java(), 1);
    bench.step(ms(20), Input::Reply(Reply::Refused(Refusal::Unregistered)));
    assert!(matches!(bench.events()[..], [Event::Lost(lost)] if lost.cause == LossCause::Unregistered));
    assert_eq!(bench.out.last(), Some(&Action::Close));
}

#[test]
fn a_refused_list_is_tried_again_before_the_watcher_counts_as_subscribed() {
    let mut bench = Bench::up(java(), 1);
    bench.step(ms(20), Input::Reply(Reply::Refused(Refusal::Error)));
    assert!(bench.out.is_empty() && !bench.watcher.is_subscribed());
    assert_eq!(bench.timer(), ms(5020));
    assert_eq!(bench.requests(), [Request::Listen]);
    assert_eq!(bench.watcher.listed().count(), 1);
}

#[test]
fn questions_of_the_server_are_answered() {
    let mut bench = Bench::subscribed(java(), 1);
    assert_eq!(bench.step(ms(100), Input::Detect), [Action::Ack]);
    bench.step(ms(200), Input::ConnectReset);
    assert_eq!((bench.out.first(), bench.out.last()), (Some(&Action::Ack), Some(&Action::Close)));
}

#[test]
fn a_client_that_calls_twice_does_so_with_each_content() {
    let defect = Some(ClientDefect::CallTwice);
    let mut bench = Bench::up(ClientSpec { defect, ..java() }, 1);
    bench.changed(11, &[0]);
    bench.content(12, 0, 1);
    let calls = bench.deliveries();
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[0], calls[0].version), (calls[1], Version(1)));
}
