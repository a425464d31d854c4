use shakedown_nacos::md5_hex;

use super::*;

#[test]
fn a_publish_is_visible_at_the_next_tick_of_the_grid() {
    let mut bench = Bench::new();
    bench.run_until(ms(730));
    bench.publish("d", "one");
    bench.run_until(ms(799));
    assert_eq!(bench.content("d"), None);
    bench.run_until(ms(800));
    assert_eq!(bench.content("d").as_deref(), Some("one"));
}

#[test]
fn a_publish_on_a_tick_waits_for_the_next_one() {
    let mut bench = Bench::new();
    bench.run_until(ms(800));
    bench.publish("d", "one");
    bench.run_until(ms(899));
    assert_eq!(bench.content("d"), None);
    bench.run_until(ms(900));
    assert_eq!(bench.content("d").as_deref(), Some("one"));
}

#[test]
fn the_tick_is_a_setting_and_zero_is_the_next_turn() {
    let mut bench = Bench::with(|settings| settings.dump_tick = Duration::ZERO);
    bench.publish("d", "one");
    assert_eq!(bench.content("d"), None);
    bench.run_for(Duration::ZERO);
    assert_eq!(bench.content("d").as_deref(), Some("one"));
}

#[test]
fn publishes_within_a_tick_collapse_into_one_notification() {
    let mut bench = Bench::new();
    bench.publish_and_dump("d", "one");
    let listener = bench.listener("d");
    for content in ["two", "three", "four"] {
        bench.publish("d", content);
    }
    bench.run_for(ms(100));
    let sent = bench.take_sent();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(matches!(&sent[0].1, Output::Notify { connection, .. } if *connection == listener));
    assert_eq!(bench.content("d").as_deref(), Some("four"));
}

#[test]
fn equal_content_is_no_change() {
    let mut bench = Bench::new();
    bench.publish_and_dump("d", "one");
    bench.listener("d");
    bench.publish_and_dump("d", "one");
    bench.publish("d", "two");
    bench.publish_and_dump("d", "one");
    assert_eq!(bench.take_sent(), []);
}

#[test]
fn a_removal_is_told_once_and_only_of_what_was_there() {
    let mut bench = Bench::new();
    bench.publish_and_dump("d", "one");
    bench.listener("d");
    bench.remove("d");
    assert_eq!(bench.content("d").as_deref(), Some("one"));
    bench.run_for(ms(100));
    assert_eq!(bench.content("d"), None);
    assert_eq!(bench.take_sent().len(), 1);
    bench.remove("d");
    bench.run_for(ms(100));
    assert_eq!(bench.take_sent(), []);
}

#[test]
fn what_is_served_has_md5_type_key_and_the_time_of_the_write() {
    let mut bench = Bench::new();
    bench.run_until(ms(250));
    let new = NewConfig {
        content_type: Some("yaml".to_owned()),
        encrypted_data_key: Some("k".to_owned()),
        ..new_config("d", "a: 1")
    };
    bench.try_publish(new).unwrap();
    bench.run_for(ms(100));
    let entry = bench.found("d", &anybody()).unwrap().entry;
    assert_eq!(&*entry.md5, md5_hex("a: 1"));
    assert_eq!(&*entry.content_type, "yaml");
    assert_eq!(entry.encrypted_data_key.as_deref(), Some("k"));
    assert_eq!(entry.last_modified_ms, STARTED_MS + 250);
}

#[test]
fn an_unknown_type_is_text() {
    let mut bench = Bench::new();
    bench.try_publish(NewConfig { content_type: Some("exe".to_owned()), ..new_config("d", "x") }).unwrap();
    bench.run_for(ms(100));
    assert_eq!(&*bench.found("d", &anybody()).unwrap().content_type, "text");
}

#[test]
fn blank_too_long_and_misnamed_publishes_are_refused_with_the_servers_words() {
    let mut bench = Bench::new();
    let mut refusal = |new| bench.try_publish(new).unwrap_err().to_string();
    assert_eq!(refusal(new_config("d", " \n")), "content is blank :  \n");
    assert!(refusal(new_config("d/", "x")).starts_with("Param 'dataId' is illegal"));
    let too_long = "x".repeat(10 * 1024 * 1024 + 1);
    assert_eq!(refusal(new_config("d", &too_long)), "invalid content, over 10485760");
    bench.run_for(ms(200));
    assert_eq!(bench.content("d"), None);
}

#[test]
fn the_length_limit_counts_characters_not_bytes() {
    let mut bench = Bench::new();
    bench.publish("d", &"组".repeat(10 * 1024 * 1024));
}

#[test]
fn a_cas_publish_needs_the_rows_md5_or_no_row() {
    let mut bench = Bench::new();
    let cas = |content: &str, md5: String| NewConfig { cas_md5: Some(md5), ..new_config("d", content) };
    bench.try_publish(cas("one", md5_hex("whatever"))).unwrap();
    let lost = bench.try_publish(cas("two", md5_hex("whatever"))).unwrap_err();
    assert_eq!(lost.to_string(), "Cas publish fail, server md5 may have changed.");
    // The row counts, although nothing is dumped yet.
    bench.try_publish(cas("two", md5_hex("one"))).unwrap();
    bench.try_publish(cas("three", String::new())).unwrap();
    bench.run_for(ms(100));
    assert_eq!(bench.content("d").as_deref(), Some("three"));
}

#[test]
fn public_is_the_default_namespace_for_writes() {
    let mut bench = Bench::new();
    let new = NewConfig { key: ConfigKey::new("d", "g", "public"), ..new_config("d", "one") };
    bench.try_publish(new).unwrap();
    bench.run_for(ms(100));
    assert_eq!(bench.content("d").as_deref(), Some("one"));
}
