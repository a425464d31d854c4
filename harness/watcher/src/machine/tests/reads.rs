use shakedown_model::event::{Event, LossCause, Path, Read, ReadSource};
use shakedown_model::plan::{Cache, ClientDefect};

use super::*;

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
