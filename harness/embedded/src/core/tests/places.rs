//! Namespaces by generation: 2.x takes a listened key as sent, 3.x maps `public` and answers with it.

use shakedown_nacos::md5_hex;

use super::*;

fn in_public(md5: &str) -> Listened {
    Listened { key: Arc::new(ConfigKey::new("d", "g", "public")), md5: md5.to_owned() }
}

fn of(generation: Generation) -> Bench {
    let mut bench = Bench::of(EmbeddedSettings::default(), generation);
    let new = NewConfig { key: ConfigKey::new("d", "g", "public"), ..new_config("d", "one") };
    bench.try_publish(new).unwrap();
    bench.run_for(ms(100));
    assert_eq!(bench.content("d").as_deref(), Some("one"), "`public` and nothing are one place for writes");
    bench
}

#[test]
fn in_2_x_a_listen_to_public_differs_for_ever_and_is_never_told() {
    let mut bench = of(Generation::V2);
    let connection = bench.registered();
    let held = [in_public(&md5_hex("one"))];
    assert_eq!(bench.core.listen(connection, &held, None).len(), 1);
    bench.publish_and_dump("d", "two");
    assert_eq!(bench.take_sent(), []);
}

#[test]
fn in_3_x_both_names_are_one_place_and_each_is_answered_as_it_asked() {
    let mut bench = of(Generation::V3);
    let (named, unnamed) = (bench.registered(), bench.registered());
    let md5 = md5_hex("one");
    assert_eq!(bench.core.listen(named, &[in_public(&md5)], None), []);
    assert_eq!(bench.core.listen(unnamed, &[listened("d", &md5)], None), []);
    assert_eq!(bench.core.listen(named, &[in_public("old")], None)[0].tenant, "public");
    bench.publish_and_dump("d", "two");
    let told: Vec<_> = bench
        .take_sent()
        .into_iter()
        .map(|(_, output)| match output {
            Output::Notify { connection, key, .. } => (connection, key.tenant.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [(named, "public".to_owned()), (unnamed, String::new())]);
    bench.core.unlisten(named, &[in_public("")]);
    bench.publish_and_dump("d", "three");
    assert_eq!(bench.take_sent().len(), 1);
}

#[test]
fn in_3_x_a_poll_of_public_is_woken_with_that_name() {
    let mut bench = of(Generation::V3);
    let connection = bench.open();
    let listened = vec![in_public(&md5_hex("one"))];
    let timeout = Some(secs(30));
    let poll = Poll { connection, caller: anybody(), listened, timeout, is_no_hangup: false };
    hanging(&bench.core.poll(bench.now, poll));
    bench.run_for(ms(1));
    bench.publish_and_dump("d", "two");
    let sent = bench.take_sent();
    assert!(
        matches!(&sent[0].1, Output::PollAnswer { changed, .. } if changed[0].tenant == "public"),
        "{sent:?}"
    );
}
