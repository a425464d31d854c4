//! Gray releases: beta by address, by tag, and which of them a client is served.

use shakedown_nacos::md5_hex;

use super::*;

fn gray(data_id: &str, content: &str, rule: GrayRule) -> NewConfig {
    NewConfig { gray: Some(rule), ..new_config(data_id, content) }
}

fn beta(ips: &str) -> GrayRule {
    GrayRule::Beta(ips.to_owned())
}

fn tag(tag: &str) -> GrayRule {
    GrayRule::Tag(tag.to_owned())
}

fn caller(ip: &str, tag: Option<&str>) -> Caller {
    Caller { ip: ip.into(), tag: tag.map(Into::into) }
}

/// A bench with a formal config, a beta release of it and one by tag.
fn released() -> Bench {
    let mut bench = Bench::new();
    bench.try_publish(NewConfig { content_type: Some("yaml".into()), ..new_config("d", "formal") }).unwrap();
    bench.try_publish(gray("d", "beta", beta("10.0.0.1,10.0.0.2"))).unwrap();
    bench.try_publish(gray("d", "tagged", tag("v2"))).unwrap();
    bench.run_for(ms(100));
    bench
}

#[test]
fn a_client_is_served_the_release_that_is_for_it() {
    let mut bench = released();
    let cases = [
        (caller("10.0.0.9", None), "formal"),
        (caller("10.0.0.1", None), "beta"),
        (caller("10.0.0.2", None), "beta"),
        (caller("10.0.0.9", Some("v2")), "tagged"),
        (caller("10.0.0.9", Some("v3")), "formal"),
        (caller("10.0.0.1", Some("v2")), "beta"),
    ];
    for (client, content) in cases {
        assert_eq!(bench.content_for("d", &client).as_deref(), Some(content), "{client:?}");
    }
    let found = bench.found("d", &caller("10.0.0.1", None)).unwrap();
    assert_eq!(found.gray.unwrap().rule, beta("10.0.0.1,10.0.0.2"));
    assert_eq!(&*found.content_type, "yaml", "the formal config's type");
}

#[test]
fn who_wants_a_tag_that_is_not_there_finds_nothing() {
    let bench = released();
    let key = ConfigKey::public("d", "g");
    let read = |tag| bench.core.get(bench.now, &key, &caller("10.0.0.9", Some(tag)), true);
    assert!(matches!(read("v2"), Read::Found(_)));
    assert_eq!(read("v3"), Read::Absent);
}

#[test]
fn a_release_without_a_formal_config_is_for_its_clients_only() {
    let mut bench = Bench::new();
    bench.try_publish(gray("d", "beta", beta("10.0.0.1"))).unwrap();
    bench.run_for(ms(100));
    assert_eq!(bench.content("d"), None);
    assert_eq!(bench.content_for("d", &caller("10.0.0.1", None)).as_deref(), Some("beta"));
}

#[test]
fn a_stopped_beta_gives_its_clients_the_formal_config_back() {
    let mut bench = released();
    let key = ConfigKey::public("d", "g");
    let stop = bench.core.beta_removal(bench.now, key.clone(), &author()).unwrap();
    bench.core.commit(bench.now, stop);
    bench.run_for(ms(100));
    assert_eq!(bench.content_for("d", &caller("10.0.0.1", None)).as_deref(), Some("formal"));
    assert_eq!(bench.core.beta_removal(bench.now, key.clone(), &author()), None);
    let removal = bench.core.accept_removal(bench.now, key, Some("v2"), &author()).unwrap().unwrap();
    bench.core.commit(bench.now, removal);
    bench.run_for(ms(100));
    assert_eq!(bench.content_for("d", &caller("10.0.0.9", Some("v2"))).as_deref(), Some("formal"));
}

#[test]
fn a_removal_of_the_formal_config_leaves_its_releases() {
    let mut bench = released();
    bench.remove("d");
    bench.run_for(ms(100));
    assert_eq!(bench.content("d"), None);
    assert_eq!(bench.content_for("d", &caller("10.0.0.1", None)).as_deref(), Some("beta"));
}

#[test]
fn every_listener_is_told_of_a_release_and_compares_what_it_is_for() {
    let mut bench = Bench::new();
    bench.publish_and_dump("d", "formal");
    let connect = |bench: &mut Bench, ip: &str, tag| {
        let connection = bench.open();
        bench.core.register(bench.now, connection, caller(ip, tag), false);
        connection
    };
    let inside = connect(&mut bench, "10.0.0.1", None);
    let outside = connect(&mut bench, "10.0.0.9", None);
    let tagged = connect(&mut bench, "10.0.0.9", Some("v2"));
    let held = [listened("d", &md5_hex("formal"))];
    for connection in [inside, outside, tagged] {
        assert_eq!(bench.core.listen(connection, &held, None), []);
    }
    bench.try_publish(gray("d", "beta", beta("10.0.0.1"))).unwrap();
    bench.try_publish(gray("d", "tagged", tag("v2"))).unwrap();
    bench.run_for(ms(100));
    // Two releases changed, and each tells all three.
    assert_eq!(bench.take_sent().len(), 6);
    assert_eq!(bench.core.listen(inside, &held, None), [key("d")]);
    assert_eq!(bench.core.listen(outside, &held, None), []);
    assert_eq!(bench.core.listen(tagged, &held, None), [key("d")]);
    assert_eq!(bench.core.listen(outside, &held, Some("v2".into())), [key("d")], "a listen may carry a tag");
}

#[test]
fn a_poll_compares_with_the_release_that_is_for_it_and_wakes_of_any() {
    let mut bench = released();
    let poll = |bench: &mut Bench, client: Caller, held: &str| {
        let connection = bench.open();
        let listened = vec![listened("d", &md5_hex(held))];
        let timeout = Some(secs(30));
        let poll = Poll { connection, caller: client, listened, timeout, is_no_hangup: false };
        bench.core.poll(bench.now, poll)
    };
    assert_eq!(poll(&mut bench, caller("10.0.0.1", None), "formal"), PollReply::Answer(vec![key("d")]));
    hanging(&poll(&mut bench, caller("10.0.0.1", None), "beta"));
    hanging(&poll(&mut bench, caller("10.0.0.9", None), "formal"));
    bench.run_for(ms(1));
    bench.try_publish(gray("d", "tagged again", tag("v2"))).unwrap();
    bench.run_for(ms(100));
    assert_eq!(bench.take_sent().len(), 2);
}

#[test]
fn an_equal_release_is_no_change() {
    let mut bench = released();
    bench.listener("d");
    bench.try_publish(gray("d", "beta", beta("10.0.0.1,10.0.0.2"))).unwrap();
    bench.run_for(ms(100));
    assert_eq!(bench.take_sent(), []);
}

#[test]
fn ten_releases_are_the_most_and_an_eleventh_may_replace_one() {
    let mut bench = Bench::new();
    for n in 0..10 {
        bench.try_publish(gray("d", "x", tag(&format!("t{n}")))).unwrap();
    }
    let refused = bench.try_publish(gray("d", "x", tag("t10"))).unwrap_err();
    assert_eq!(refused.to_string(), "gray config version is over max count :10");
    bench.try_publish(gray("d", "y", tag("t9"))).unwrap();
    bench.try_publish(gray("other", "y", tag("t10"))).unwrap();
}

#[test]
fn a_release_has_a_compare_and_set_of_its_own() {
    let mut bench = Bench::new();
    bench.publish("d", "formal");
    let cas = |content: &str, md5: &str| NewConfig {
        cas_md5: Some(md5.to_owned()),
        ..gray("d", content, beta("10.0.0.1"))
    };
    bench.try_publish(cas("one", "anything")).unwrap();
    let lost = bench.try_publish(cas("two", &md5_hex("formal"))).unwrap_err();
    assert_eq!(lost.to_string(), "Cas publish gray config fail, server md5 may have changed.");
    bench.try_publish(cas("two", &md5_hex("one"))).unwrap();
}

#[test]
fn a_bad_tag_is_refused() {
    let mut bench = Bench::new();
    let refused = bench.try_publish(gray("d", "x", tag("a b"))).unwrap_err();
    assert_eq!(refused.to_string(), "invalid tag : a b");
}
