use shakedown_model::payload::{self, Identity};
use shakedown_model::{ItemId, Seed, Version};
use shakedown_nacos::md5_hex;

use super::*;

fn payload(version: u32) -> String {
    payload::encode(Identity::new(7, ItemId(0), Version(version)), 256, Seed(1))
}

/// The entries that `count` queries in a row are answered with.
fn queries(bench: &mut Bench, count: usize) -> Vec<Arc<Entry>> {
    (0..count).map(|_| bench.found("d", &anybody()).unwrap().entry).collect()
}

/// The positions, from 1, of the queries whose answer is not `content`.
fn lies(entries: &[Arc<Entry>], content: &str) -> Vec<usize> {
    (1..).zip(entries).filter(|(_, entry)| &*entry.content != content).map(|(n, _)| n).collect()
}

#[test]
fn an_honest_server_answers_every_query_with_what_is_stored() {
    let mut bench = Bench::new();
    bench.publish_and_dump("d", &payload(1));
    bench.publish_and_dump("d", &payload(2));
    assert_eq!(lies(&queries(&mut bench, 2_000), &payload(2)), [0_usize; 0]);
}

#[test]
fn lose_write_acks_and_forgets_every_5th_publish_of_an_item() {
    let mut bench = Bench::with_defect(ServerDefect::LoseWrite);
    let mut lost = Vec::new();
    for n in 1..=12 {
        bench.publish("other", &n.to_string());
        bench.publish_and_dump("d", &n.to_string());
        if bench.content("d") != Some(n.to_string()) {
            lost.push(n);
        }
    }
    assert_eq!(lost, [5, 10]);
}

#[test]
fn forget_watcher_tells_all_but_the_first_listener_and_answers_its_lists_with_no_change() {
    let mut bench = Bench::with_defect(ServerDefect::ForgetWatcher);
    bench.publish_and_dump("d", "one");
    let (first, second) = (bench.registered(), bench.registered());
    assert_eq!(bench.core.listen(first, &[listened("d", "")], None), [key("d")], "its first list is honest");
    bench.core.listen(second, &[listened("d", &md5_hex("one"))], None);
    bench.publish_and_dump("d", "two");
    let told: Vec<_> = bench.take_sent().into_iter().map(|(_, output)| output).collect();
    assert!(matches!(told[..], [Output::Notify { connection, .. }] if connection == second), "{told:?}");
    let stale = [listened("d", &md5_hex("one"))];
    assert_eq!(bench.core.listen(first, &stale, None), []);
    assert_eq!(bench.core.listen(second, &stale, None), [key("d")]);
}

#[test]
fn forget_watcher_forgets_a_long_poller_likewise() {
    let mut bench = Bench::with_defect(ServerDefect::ForgetWatcher);
    let (first, second) = (bench.open(), bench.open());
    let forgotten = hanging(&bench.poll_on(first, &["d"]));
    let told = hanging(&bench.poll_on(second, &["d"]));
    bench.run_for(ms(1));
    bench.publish("d", "one");
    bench.run_until(secs(40));
    let sent = bench.take_sent();
    let answer = |poll, changed| Output::PollAnswer { poll, changed };
    assert_eq!(sent[0].1, answer(told, vec![key("d")]));
    assert_eq!(sent[1], (ms(29_500), answer(forgotten, vec![])));
    let stale = Poll {
        connection: first,
        caller: anybody(),
        listened: vec![listened("d", "")],
        timeout: Some(secs(30)),
        is_no_hangup: false,
    };
    hanging(&bench.core.poll(bench.now, stale));
}

#[test]
fn answer_old_serves_the_content_two_versions_before_with_its_md5_at_every_7th_query() {
    let mut bench = Bench::with_defect(ServerDefect::AnswerOld);
    bench.publish_and_dump("d", "one");
    bench.publish_and_dump("d", "two");
    bench.publish_and_dump("d", "three");
    let entries = queries(&mut bench, 20);
    assert_eq!(lies(&entries, "three"), [7, 14]);
    assert_eq!(bench.md5("d"), md5_hex("three"), "a get over HTTP stays honest");
    assert_eq!(&*entries[6].content, "one");
    assert_eq!(&*entries[6].md5, md5_hex("one"));
}

#[test]
fn answer_old_is_honest_while_there_were_not_three_versions() {
    let mut bench = Bench::with_defect(ServerDefect::AnswerOld);
    bench.publish_and_dump("d", "one");
    bench.publish_and_dump("d", "two");
    assert_eq!(lies(&queries(&mut bench, 20), "two"), [0_usize; 0]);
}

#[test]
fn tear_content_cuts_the_second_half_under_the_md5_of_the_whole_at_every_11th_query() {
    let mut bench = Bench::with_defect(ServerDefect::TearContent);
    let whole = payload(1);
    bench.publish_and_dump("d", &whole);
    let entries = queries(&mut bench, 25);
    assert_eq!(lies(&entries, &whole), [11, 22]);
    assert_eq!(*entries[10].content, whole[..128]);
    assert_eq!(&*entries[10].md5, md5_hex(&whole));
}

#[test]
fn tear_content_cuts_between_characters() {
    let mut bench = Bench::with_defect(ServerDefect::TearContent);
    bench.publish_and_dump("d", "组组组");
    assert_eq!(&*queries(&mut bench, 11)[10].content, "组");
}

#[test]
fn invent_version_serves_a_whole_payload_of_a_version_nobody_wrote_at_every_13th_query() {
    let mut bench = Bench::with_defect(ServerDefect::InventVersion);
    bench.publish_and_dump("d", &payload(3));
    let entries = queries(&mut bench, 27);
    assert_eq!(lies(&entries, &payload(3)), [13, 26]);
    let invented = &entries[12];
    let identity = payload::decode(&invented.content).unwrap();
    assert_eq!((identity.run, identity.item), (7, ItemId(0)));
    assert!(identity.version > Version(100_000));
    assert_eq!(*invented.md5, *md5_hex(&invented.content));
}

#[test]
fn cross_items_serves_what_another_item_was_served_with_at_every_17th_query() {
    let mut bench = Bench::with_defect(ServerDefect::CrossItems);
    bench.publish_and_dump("d", "one");
    assert_eq!(lies(&queries(&mut bench, 20), "one"), [0_usize; 0], "there is no other item");
    bench.publish_and_dump("e", "two");
    assert_eq!(bench.content("e").as_deref(), Some("two"));
    // These are the queries from the 22nd on.
    let entries = queries(&mut bench, 31);
    assert_eq!(lies(&entries, "one"), [13, 30]);
    assert_eq!((&*entries[12].content, &*entries[12].md5), ("two", &*md5_hex("two")));
    assert_eq!(bench.md5("d"), md5_hex("one"), "a get over HTTP stays honest");
}

#[test]
fn drop_push_tells_every_other_time_and_a_list_finds_the_rest() {
    let mut bench = Bench::with_defect(ServerDefect::DropPush);
    bench.publish_and_dump("d", "0");
    let listener = bench.listener("d");
    bench.take_sent();
    let mut told = Vec::new();
    for n in 1..=4 {
        bench.publish_and_dump("d", &n.to_string());
        let pushes = bench.take_sent();
        told.push(pushes.iter().any(|(_, output)| matches!(output, Output::Notify { .. })));
    }
    assert_eq!(told, [true, false, true, false]);
    assert_eq!(bench.core.listen(listener, &[listened("d", &md5_hex("3"))], None), [key("d")]);
}

#[test]
fn wrong_md5_names_another_content_at_every_9th_query() {
    let mut bench = Bench::with_defect(ServerDefect::WrongMd5);
    bench.publish_and_dump("d", "one");
    let entries = queries(&mut bench, 20);
    let wrong: Vec<usize> =
        (1..).zip(&entries).filter(|(_, e)| *e.md5 != *md5_hex("one")).map(|(n, _)| n).collect();
    assert_eq!(wrong, [9, 18]);
    assert_eq!(lies(&entries, "one"), [0_usize; 0]);
}

#[test]
fn keep_deleted_acks_a_delete_and_serves_the_item() {
    let mut bench = Bench::with_defect(ServerDefect::KeepDeleted);
    bench.publish_and_dump("d", "one");
    bench.remove("d");
    bench.run_for(ms(100));
    assert_eq!(bench.content("d").as_deref(), Some("one"));
}

#[test]
fn leak_gray_lists_and_serves_a_release_to_everybody_over_grpc() {
    let mut bench = Bench::with_defect(ServerDefect::LeakGray);
    bench.publish_and_dump("d", "formal");
    let outside = bench.listener("d");
    let formal = [listened("d", &md5_hex("formal"))];
    assert_eq!(bench.content("d").as_deref(), Some("formal"));
    let releases = [
        (GrayRule::Tag("v2".to_owned()), "tagged"),
        (GrayRule::Beta("10.0.0.1,10.0.0.2".to_owned()), "beta"),
    ];
    for (rule, content) in releases {
        bench.try_publish(NewConfig { gray: Some(rule), ..new_config("d", content) }).unwrap();
        bench.run_for(ms(100));
        assert_eq!(bench.core.listen(outside, &formal, None), [key("d")]);
        assert_eq!(bench.content("d").as_deref(), Some(content));
        assert_eq!(bench.core.listen(outside, &[listened("d", &md5_hex(content))], None), []);
        assert_eq!(bench.md5("d"), md5_hex("formal"), "a get over HTTP stays honest");
    }
    let stop = bench.core.beta_removal(bench.now, ConfigKey::public("d", "g"), &author()).unwrap();
    bench.core.commit(bench.now, stop);
    bench.run_for(ms(100));
    assert_eq!(bench.content("d").as_deref(), Some("tagged"), "what is left of the releases leaks on");
}
