//! A client that holds its own requests back.

use shakedown_model::plan::{Pace, ReadOnly, TokenBucket};

use super::*;

fn paced(client: ClientSpec, pace: Pace) -> ClientSpec {
    ClientSpec { lists_around_query: false, pace, ..client }
}

/// Gives each query its answer until none is sent, and says how many were.
fn fetches(bench: &mut Bench, at: u64, version: u32) -> usize {
    let mut made = 0;
    while let [Request::Query(item) | Request::Get(item)] = bench.requests()[..] {
        bench.content(at, item.0, version);
        made += 1;
    }
    made
}

#[test]
fn with_a_bucket_a_storm_is_fetched_as_tokens_come() {
    let bucket = TokenBucket { capacity: 4, refill: Duration::from_millis(500) };
    let mut bench = Bench::subscribed(paced(java(), Pace { bucket: Some(bucket), ..Pace::default() }), 3);
    // Three of four tokens went into the first contents at 12 ms, and one came back since.
    for item in 0..3 {
        bench.step(ms(600), Input::Notify(ItemId(item)));
    }
    bench.content(601, 0, 2);
    assert_eq!(bench.requests(), [Request::Query(ItemId(1))]);
    bench.content(602, 1, 2);
    assert_eq!(bench.requests(), [], "no token is left");
    let next = bench.timer();
    assert!(next > ms(1_000) && next < ms(1_020), "{next}");
    assert_eq!(bench.requests(), [Request::Query(ItemId(2))]);
}

#[test]
fn with_a_stagger_nothing_is_asked_until_the_wait_is_over() {
    let pace = Pace { stagger: Some(Duration::from_secs(30)), ..Pace::default() };
    let mut bench = Bench::subscribed(paced(java(), pace), 2);
    bench.step(ms(1_000), Input::Notify(ItemId(0)));
    assert_eq!(bench.requests(), []);
    bench.step(ms(1_001), Input::Notify(ItemId(1)));
    assert_eq!(bench.requests(), []);
    let until = bench.timer();
    assert!(until > ms(1_001) && until <= ms(31_000), "{until}");
    assert_eq!(bench.requests(), [Request::Query(ItemId(0))]);
    assert_eq!(fetches(&mut bench, 31_000, 2), 2);
    assert_eq!(bench.watcher.deadline(), Offset::NEVER);
}

#[test]
fn a_long_poll_staggers_too_and_the_first_contents_do_not() {
    let pace = Pace { stagger: Some(Duration::from_secs(30)), ..Pace::default() };
    let mut bench = Bench::new(paced(node(), pace), 1, 0.0);
    bench.step(ms(0), Input::Start);
    bench.step(ms(1), Input::Connected);
    assert_eq!(bench.requests(), [Request::Get(ItemId(0))]);
    bench.content(2, 0, 1);
    assert_eq!(bench.requests(), [Request::Poll]);
    bench.changed(5_000, &[0]);
    assert_eq!(bench.requests(), []);
    bench.timer();
    assert_eq!(bench.requests(), [Request::Get(ItemId(0))]);
}

#[test]
fn after_time_outs_in_a_row_it_lives_on_what_it_has() {
    let read_only = ReadOnly { after: 2, pause: Duration::from_secs(20) };
    let mut client = paced(java(), Pace { read_only: Some(read_only), ..Pace::default() });
    client.habits.stays_after_timeout = true;
    client.habits.retry = Duration::from_secs(1);
    let mut bench = Bench::subscribed(client, 1);
    bench.step(ms(1_000), Input::Notify(ItemId(0)));
    assert_eq!(bench.requests(), [Request::Query(ItemId(0))]);
    // The query, and the list with the next round, are not answered.
    assert_eq!(bench.timer(), ms(4_000));
    assert_eq!(bench.timer(), ms(5_000));
    assert_eq!(bench.requests(), [Request::Listen]);
    assert_eq!(bench.timer(), ms(8_000));
    let mut asked = Vec::new();
    while bench.watcher.deadline() < ms(28_000) {
        bench.timer();
        asked.extend(bench.requests());
    }
    assert_eq!(asked, []);
    bench.timer();
    assert_eq!(bench.requests(), [Request::Listen]);
    bench.changed(28_001, &[0]);
    assert_eq!(fetches(&mut bench, 28_002, 2), 1);
    assert_eq!(bench.watcher.deadline(), Offset::NEVER);
}
