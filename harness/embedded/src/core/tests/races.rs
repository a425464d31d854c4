//! The real server's races, each a setting: slow, failing and outdated dumps, late clocks.

use super::*;

fn state(bench: &Bench, data_id: &str) -> Read {
    bench.core.get(bench.now, &ConfigKey::public(data_id, "g"), &anybody(), false)
}

#[test]
fn a_config_cannot_be_read_while_it_is_dumped() {
    let mut bench = Bench::with(|settings| settings.dump_time = ms(30));
    bench.publish("d", "one");
    bench.run_until(ms(110));
    assert_eq!(state(&bench, "d"), Read::Absent, "what nobody has seen yet is not locked");
    bench.run_until(ms(130));
    assert_eq!(bench.content("d").as_deref(), Some("one"));
    bench.publish("d", "two");
    bench.run_until(ms(199));
    assert_eq!(bench.content("d").as_deref(), Some("one"));
    bench.run_until(ms(200));
    assert_eq!(state(&bench, "d"), Read::Busy(ms(230)));
    bench.run_until(ms(230));
    assert_eq!(bench.content("d").as_deref(), Some("two"));
}

#[test]
fn slow_dumps_run_one_after_another() {
    let mut bench = Bench::with(|settings| settings.dump_time = ms(30));
    for data_id in ["a", "b", "c"] {
        bench.publish(data_id, "x");
    }
    let visible = |bench: &mut Bench| ["a", "b", "c"].map(|id| !bench.md5(id).is_empty());
    bench.run_until(ms(130));
    assert_eq!(visible(&mut bench), [true, false, false]);
    bench.run_until(ms(160));
    assert_eq!(visible(&mut bench), [true, true, false]);
    assert!(bench.core.awaits_dump(&ConfigKey::public("c", "g")));
    bench.run_until(ms(190));
    assert_eq!(visible(&mut bench), [true, true, true]);
    assert!(!bench.core.awaits_dump(&ConfigKey::public("c", "g")));
}

#[test]
fn a_write_during_a_slow_dump_of_the_same_config_is_dumped_after_it() {
    let mut bench = Bench::with(|settings| settings.dump_time = ms(150));
    bench.publish("d", "one");
    bench.run_until(ms(120));
    bench.publish("d", "two");
    bench.run_until(ms(250));
    assert_eq!(bench.md5("d"), "", "the next tick is due, and the dump that it starts has the lock");
    bench.run_until(ms(400));
    assert_eq!(bench.content("d").as_deref(), Some("two"));
}

#[test]
fn a_failed_dump_is_tried_again_a_second_later() {
    let mut bench = Bench::with(|settings| settings.dump_fails_every = 2);
    bench.publish_and_dump("a", "x");
    bench.publish("d", "one");
    bench.run_until(ms(1199));
    assert_eq!(bench.content("d"), None);
    assert!(bench.core.awaits_dump(&ConfigKey::public("d", "g")));
    bench.run_until(ms(1300));
    assert_eq!(bench.content("d").as_deref(), Some("one"));
}

#[test]
fn a_row_of_a_late_clock_is_ignored_until_a_newer_one_comes() {
    let mut bench = Bench::with(|settings| settings.late_clock_every = 2);
    bench.publish_and_dump("d", "one");
    bench.listener("d");
    bench.publish_and_dump("d", "two");
    assert_eq!(bench.content("d").as_deref(), Some("one"), "its time is before that of what is visible");
    assert_eq!(bench.take_sent(), []);
    bench.publish_and_dump("d", "three");
    assert_eq!(bench.content("d").as_deref(), Some("three"));
}

#[test]
fn without_the_check_the_row_of_a_late_clock_counts() {
    let mut bench = Bench::with(|settings| {
        settings.late_clock_every = 2;
        settings.dump_ignores_outdated = false;
    });
    bench.publish_and_dump("d", "one");
    bench.publish_and_dump("d", "two");
    assert_eq!(bench.content("d").as_deref(), Some("two"));
}

#[test]
fn times_of_writes_come_in_steps() {
    let mut bench = Bench::with(|settings| settings.time_step = secs(1));
    bench.run_until(ms(1_730));
    bench.publish_and_dump("d", "one");
    let entry = bench.found("d", &anybody()).unwrap().entry;
    assert_eq!(entry.last_modified_ms, STARTED_MS + 1_000);
}
