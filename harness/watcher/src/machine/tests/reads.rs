use shakedown_model::event::{Event, LossCause, Path, Read, ReadSource};
use shakedown_model::plan::{Cache, ClientDefect, Habits, ReadHabit};

use super::*;
use crate::Refusal;

/// A gRPC watcher of one item with two reads per second, subscribed at 20 ms with version 1.
fn reading(cache: Cache, defect: Option<ClientDefect>) -> Bench {
    let client = ClientSpec { cache, defect, backoff: steady(), ..java() };
    let mut bench = Bench::new(client, 1, 2.0);
    bench.step(ms(0), Input::Start);
    bench.step(ms(0), Input::Connected);
    bench.step(ms(0), Input::Reply(Reply::Checked { will_ack_setup: true }));
    bench.step(ms(0), Input::SetupAck);
    bench.changed(0, &[0]);
    bench.content(0, 0, 1);
    let saves = bench.out.iter().filter(|action| matches!(action, Action::SaveSnapshot(_))).count();
    assert_eq!(saves, usize::from(cache == Cache::Snapshot));
    bench.changed(0, &[]);
    bench
}

/// Hands in timers until one is a read that was answered.
fn next_read(bench: &mut Bench) -> Read {
    for _ in 0..100 {
        bench.timer();
        if let Some(Event::Read(read)) = bench.events().iter().find(|e| matches!(e, Event::Read(_))) {
            return *read;
        }
    }
    panic!("no read was answered");
}

#[test]
fn reads_are_live_while_subscribed_and_from_memory_while_not() {
    let mut bench = reading(Cache::None, None);
    let live = next_read(&mut bench);
    assert_eq!((live.source, live.says_stale, live.is_cold), (ReadSource::Live, false, false));
    assert_eq!(live.version, Some(Version(1)));
    bench.step(live.intended, Input::Lost(LossCause::Reset));
    let memory = next_read(&mut bench);
    assert_eq!((memory.source, memory.says_stale, memory.is_cold), (ReadSource::Memory, true, false));
    assert_eq!(memory.intended - live.intended, Duration::from_millis(500));
}

#[test]
fn a_late_timer_keeps_the_intended_times() {
    let mut bench = reading(Cache::None, None);
    bench.step(Offset::from_secs(2), Input::Timer);
    let reads: Vec<_> = bench
        .events()
        .into_iter()
        .filter_map(|event| if let Event::Read(read) = event { Some(read) } else { None })
        .collect();
    assert_eq!(reads.len(), 4);
    assert!(reads.iter().all(|read| read.answered == Offset::from_secs(2)));
    assert!(reads.windows(2).all(|pair| pair[1].intended - pair[0].intended == Duration::from_millis(500)));
}

#[test]
fn a_cold_start_reads_the_snapshot_until_the_server_is_heard() {
    let mut bench = reading(Cache::Snapshot, None);
    bench.step(ms(1000), Input::Crash);
    assert_eq!(bench.out.last(), Some(&Action::Close));
    assert_eq!(bench.watcher.deadline(), Offset::NEVER, "a dead process reads nothing");
    bench.step(ms(2000), Input::ColdStart);
    assert!(matches!(
        bench.out[..],
        [Action::Record(Event::ColdStart { .. }), Action::LoadSnapshots, Action::Connect { .. }]
    ));
    assert_eq!(bench.watcher.held().next().and_then(|held| held.md5), None);
    let text = content(0, 1);
    bench.step(ms(2001), Input::Snapshot { item: ItemId(0), content: Some(&text) });
    let cached = bench.deliveries()[0];
    assert_eq!((cached.version, cached.path, cached.signal), (Version(1), Path::Cache, None));
    let cold = next_read(&mut bench);
    assert_eq!((cold.source, cold.says_stale, cold.is_cold), (ReadSource::Snapshot, true, true));
    assert_eq!(cold.version, Some(Version(1)));
    bench.step(ms(3000), Input::Connected);
    bench.step(ms(3000), Input::Reply(Reply::Checked { will_ack_setup: true }));
    bench.step(ms(3000), Input::SetupAck);
    bench.changed(3000, &[0]);
    bench.content(3000, 0, 1);
    assert!(bench.deliveries().is_empty(), "the listener has been called with it");
    bench.changed(3000, &[]);
    let live = next_read(&mut bench);
    assert_eq!((live.source, live.is_cold), (ReadSource::Live, false));
}

#[test]
fn a_client_that_tears_snapshots_serves_them_as_fresh() {
    let mut bench = reading(Cache::Snapshot, Some(ClientDefect::TornSnapshot));
    bench.step(ms(1000), Input::Crash);
    bench.step(ms(2000), Input::ColdStart);
    let text = content(0, 1);
    bench.step(ms(2001), Input::Snapshot { item: ItemId(0), content: Some(&text) });
    let cold = next_read(&mut bench);
    assert_eq!((cold.source, cold.says_stale, cold.is_cold), (ReadSource::Snapshot, false, true));
    assert_eq!(cold.version, None);
}

#[test]
fn a_snapshot_of_another_item_proves_nothing() {
    let mut bench = reading(Cache::Snapshot, None);
    bench.step(ms(1000), Input::Crash);
    bench.step(ms(2000), Input::ColdStart);
    let text = content(5, 1);
    bench.step(ms(2001), Input::Snapshot { item: ItemId(0), content: Some(&text) });
    assert_eq!(next_read(&mut bench).version, None);
}

/// As [`reading`], of a client that asks the server for each read and tries 400 ms for a connection.
fn asking(cache: Cache) -> Bench {
    let client = ClientSpec { cache, backoff: steady(), ..java() };
    let habits = Habits {
        reads: ReadHabit::Server,
        offline_read: Duration::from_millis(400),
        ..client.habits.clone()
    };
    let mut bench = Bench::new(ClientSpec { habits, ..client }, 1, 1.0);
    bench.step(ms(0), Input::Start);
    bench.step(ms(0), Input::Connected);
    bench.step(ms(0), Input::Reply(Reply::Checked { will_ack_setup: true }));
    bench.step(ms(0), Input::SetupAck);
    bench.changed(0, &[0]);
    bench.content(0, 0, 1);
    bench.changed(0, &[]);
    bench
}

/// Hands in timers until a read asks the server; says its name.
fn next_question(bench: &mut Bench) -> Offset {
    for _ in 0..100 {
        let now = bench.timer();
        if let Some(Action::Read { id, .. }) = bench.out.iter().find(|a| matches!(a, Action::Read { .. })) {
            assert_eq!(*id, now);
            return *id;
        }
    }
    panic!("no read asked");
}

#[test]
fn a_client_that_asks_is_answered_by_the_server_and_else_by_the_disk() {
    let mut bench = asking(Cache::Snapshot);
    let id = next_question(&mut bench);
    let text = content(0, 2);
    let reply = Some(Reply::Content { text: &text, md5: None });
    bench.step(id + Duration::from_millis(7), Input::Read { id, reply });
    let [Event::Read(read)] = bench.events()[..] else { panic!("{:?}", bench.out) };
    assert_eq!((read.source, read.version, read.says_stale), (ReadSource::Live, Some(Version(2)), false));
    assert_eq!(read.answered - read.intended, Duration::from_millis(7));
    let id = next_question(&mut bench);
    bench.step(id, Input::Read { id, reply: Some(Reply::Refused(Refusal::Error)) });
    let [Event::Read(read)] = bench.events()[..] else { panic!("{:?}", bench.out) };
    assert_eq!((read.source, read.version), (ReadSource::Snapshot, Some(Version(1))), "a refusal ends it");
}

#[test]
fn a_read_whose_connection_goes_tries_on_for_a_while() {
    for (cache, source) in [(Cache::Snapshot, ReadSource::Snapshot), (Cache::WriteOnly, ReadSource::Nothing)]
    {
        let mut bench = asking(cache);
        let id = next_question(&mut bench);
        bench.step(id + Duration::from_millis(50), Input::Lost(LossCause::Reset));
        let read = next_read(&mut bench);
        assert_eq!((read.source, read.intended), (source, id));
        assert_eq!(read.answered - read.intended, Duration::from_millis(450));
    }
}

#[test]
fn a_read_without_an_answer_is_dropped_at_its_time_out_and_the_connection_is_given_up() {
    let mut bench = asking(Cache::Snapshot);
    let id = next_question(&mut bench);
    bench.step(id + Duration::from_secs(3), Input::Timer);
    assert!(bench.out.contains(&Action::DropRead { id }), "{:?}", bench.out);
    assert!(bench.events().iter().any(|event| matches!(event, Event::Read(read)
        if read.intended == id && read.source == ReadSource::Snapshot)));
    assert!(bench.events().iter().any(|event| matches!(event, Event::Lost(lost)
        if lost.cause == LossCause::RequestTimeout)));
    let before = bench.watcher.clone();
    bench.step(id + Duration::from_secs(3), Input::Read { id, reply: Some(Reply::Absent) });
    assert_eq!(bench.watcher.deadline(), before.deadline(), "what comes later is of no interest");
}

#[test]
fn over_http_a_read_tries_again_until_its_time_out() {
    let habits =
        Habits { reads: ReadHabit::Server, offline_read: Duration::from_secs(1), ..node().habits.clone() };
    let client = ClientSpec { habits, request_timeout: Duration::from_secs(1), ..node() };
    let mut bench = Bench::new(client, 1, 1.0);
    bench.step(ms(0), Input::Start);
    let id = next_question(&mut bench);
    let mut tries = 1;
    let mut now = id;
    while bench.events().is_empty() {
        bench.step(now, Input::Read { id, reply: None });
        now = bench.timer();
        tries +=
            u32::from(bench.out.iter().any(|a| matches!(a, Action::Read { id: other, .. } if *other == id)));
    }
    let read =
        bench.events().into_iter().find_map(|e| if let Event::Read(read) = e { Some(read) } else { None });
    let read = read.expect("it is the read's end");
    assert_eq!((read.source, read.answered - read.intended), (ReadSource::Nothing, Duration::from_secs(1)));
    assert!((40..=60).contains(&tries), "{tries} tries, 20 ms apart");
}

#[test]
fn without_memory_or_snapshot_a_read_waits_and_is_given_up() {
    let mut bench = reading(Cache::None, None);
    bench.step(ms(1000), Input::Crash);
    bench.step(ms(2000), Input::ColdStart);
    let read = next_read(&mut bench);
    assert_eq!((read.source, read.version, read.is_cold), (ReadSource::Nothing, None, true));
    assert_eq!(read.answered - read.intended, Duration::from_secs(3));
}

#[test]
fn a_read_that_waits_is_answered_by_the_content_when_it_comes() {
    let mut bench = Bench::new(java(), 1, 10.0);
    bench.step(ms(0), Input::Start);
    let due = bench.timer();
    assert!(bench.events().is_empty());
    bench.step(ms(200), Input::Connected);
    bench.step(ms(200), Input::Reply(Reply::Checked { will_ack_setup: true }));
    bench.step(ms(200), Input::SetupAck);
    bench.changed(200, &[0]);
    bench.content(201, 0, 1);
    let answered = bench.events().into_iter().find_map(|event| match event {
        Event::Read(read) => Some(read),
        _ => None,
    });
    let read = answered.expect("the waiting read is answered");
    assert_eq!((read.intended, read.answered, read.source), (due, ms(201), ReadSource::Live));
}
