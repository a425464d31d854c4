//! What the database keeps: history, searches, who listens, and a restart of it all.

use super::*;

fn page() -> PageOf {
    PageOf { number: 1, size: 100 }
}

fn operations(bench: &Bench, data_id: &str) -> Vec<(u64, Operation, String)> {
    let items = bench.core.history(&ConfigKey::public(data_id, "g"), page()).items;
    items.iter().map(|item| (item.nid, item.operation, item.entry.content.to_string())).collect()
}

#[test]
fn history_holds_what_came_first_and_then_what_was_replaced() {
    let mut bench = Bench::new();
    bench.publish("d", "one");
    bench.publish("d", "two");
    bench.publish("other", "x");
    bench.remove("d");
    bench.remove("d");
    let text = |text: &str| text.to_owned();
    assert_eq!(
        operations(&bench, "d"),
        [
            (4, Operation::Delete, text("two")),
            (2, Operation::Update, text("one")),
            (1, Operation::Insert, text("one")),
        ]
    );
    assert_eq!(bench.core.history_item(2).unwrap().key, ConfigKey::public("d", "g"));
    assert_eq!(bench.core.history_item(9), None);
}

#[test]
fn the_one_before_the_last_is_found_by_the_rows_number() {
    let mut bench = Bench::new();
    bench.publish("d", "one");
    let id = bench.core.row(&ConfigKey::public("d", "g")).unwrap().id;
    assert_eq!(bench.core.previous(id), None);
    bench.publish("d", "two");
    bench.publish("d", "three");
    assert_eq!(&*bench.core.previous(id).unwrap().entry.content, "two");
}

#[test]
fn history_ends_with_its_retention_and_at_its_number() {
    let mut bench = Bench::with(|settings| settings.history_retention = secs(3600));
    bench.publish("d", "one");
    bench.run_until(secs(3500));
    bench.publish("d", "two");
    bench.run_until(secs(4200));
    bench.publish("d", "three");
    let nids = |bench: &Bench| operations(bench, "d").iter().map(|(nid, ..)| *nid).collect::<Vec<_>>();
    assert_eq!(nids(&bench), [3, 2]);
    let mut bounded = Bench::with(|settings| settings.history_max_items = 2);
    for content in ["one", "two", "three", "four"] {
        bounded.publish("d", content);
    }
    assert_eq!(nids(&bounded), [4, 3]);
}

#[test]
fn a_publish_keeps_the_application_and_the_tags_that_it_does_not_name() {
    let mut bench = Bench::new();
    let labels = Labels {
        app_name: "app".into(),
        config_tags: Some("a,b".into()),
        desc: Some("words".into()),
        ..Labels::default()
    };
    bench.try_publish(NewConfig { labels, ..new_config("d", "one") }).unwrap();
    let created = bench.core.row(&ConfigKey::public("d", "g")).unwrap().created.clone();
    bench.run_until(secs(1));
    bench.publish("d", "two");
    let row = bench.core.row(&ConfigKey::public("d", "g")).unwrap();
    assert_eq!(row.labels.app_name, "app");
    assert_eq!(row.labels.config_tags.as_deref(), Some("a,b"));
    assert_eq!(row.labels.desc, None);
    assert_eq!(row.created, created);
    assert_eq!(row.modified.at_ms, STARTED_MS + 1000);
}

#[test]
fn searches_are_accurate_or_blurred() {
    let mut bench = Bench::new();
    for (data_id, tags) in [("app.yaml", "a,b"), ("app.json", "b"), ("other", "c")] {
        let labels = Labels { config_tags: Some(tags.into()), ..Labels::default() };
        bench.try_publish(NewConfig { labels, ..new_config(data_id, "x: 1") }).unwrap();
    }
    let found = |search: Search| -> Vec<String> {
        bench.core.search(&search, page()).items.iter().map(|(key, _)| key.data_id.clone()).collect()
    };
    let accurate = |data_id: &str| Search { data_id: data_id.into(), ..Search::default() };
    let blurred = |data_id: &str| Search { is_blurred: true, ..accurate(data_id) };
    assert_eq!(found(accurate("")), ["app.yaml", "app.json", "other"]);
    assert_eq!(found(accurate("app.json")), ["app.json"]);
    assert_eq!(found(accurate("app*")), [""; 0]);
    assert_eq!(found(blurred("app*")), ["app.yaml", "app.json"]);
    assert_eq!(found(Search { config_tags: "a,c".into(), ..Search::default() }), ["app.yaml", "other"]);
    assert_eq!(found(Search { tenant: "dev".into(), ..Search::default() }), [""; 0]);
    assert_eq!(found(Search { content: "y".into(), ..Search::default() }), [""; 0]);
}

#[test]
fn many_are_removed_by_their_numbers() {
    let mut bench = Bench::new();
    for data_id in ["a", "b", "c"] {
        bench.publish_and_dump(data_id, "x");
    }
    let id = |data_id| bench.core.row(&ConfigKey::public(data_id, "g")).unwrap().id;
    let ids = [id("a"), id("c"), 99];
    for change in bench.core.removals(bench.now, &ids, &author()) {
        bench.core.commit(bench.now, change);
    }
    bench.run_for(ms(100));
    assert_eq!(["a", "b", "c"].map(|data_id| bench.md5(data_id).is_empty()), [true, false, true]);
}

#[test]
fn who_listens_is_known_over_both_protocols() {
    let mut bench = Bench::new();
    bench.publish_and_dump("d", "one");
    let connection = bench.open();
    bench.core.register(bench.now, connection, Caller::at("10.1.1.1"), false);
    bench.core.listen(connection, &[listened("d", "held"), listened("e", "")], None);
    hanging(&bench.poll(&["d"]));
    bench.run_for(ms(1));
    let d = ConfigKey::public("d", "g");
    let listens = bench.core.listens(ListenerOf::Config(&d));
    let shown: Vec<_> = listens.iter().map(|one| (&*one.ip, one.md5.to_string())).collect();
    assert_eq!(shown, [("10.0.0.7", bench.md5("d")), ("10.1.1.1", "held".to_owned())]);
    let of_ip = bench.core.listens(ListenerOf::Ip("10.1.1.1"));
    assert_eq!(of_ip.iter().map(|one| &*one.key.data_id).collect::<Vec<_>>(), ["d", "e"]);
    bench.core.unlisten(connection, &[listened("d", "")]);
    assert_eq!(bench.core.listens(ListenerOf::Ip("10.1.1.1")).len(), 1);
}

/// Writes of every kind.
fn busy_bench() -> (Bench, Vec<Change>) {
    let mut bench = Bench::new();
    let mut changes = Vec::new();
    let beta = Some(GrayRule::Beta("10.0.0.1".into()));
    for new in [
        new_config("d", "one"),
        new_config("d", "two"),
        NewConfig { gray: beta, ..new_config("d", "beta") },
        new_config("gone", "x"),
    ] {
        changes.push(bench.core.accept(bench.now, new).unwrap().unwrap());
        bench.core.commit(bench.now, changes.last().unwrap().clone());
    }
    let gone = ConfigKey::public("gone", "g");
    changes.push(bench.core.accept_removal(bench.now, gone, None, &author()).unwrap().unwrap());
    let namespace = Namespace { id: "dev".into(), name: "Dev".into(), desc: String::new() };
    changes.push(bench.core.accept_namespace(namespace, true).unwrap());
    changes.extend(bench.core.first_admin("nacos", "pw").unwrap());
    for change in &changes[4..] {
        bench.core.commit(bench.now, change.clone());
    }
    bench.run_for(ms(100));
    (bench, changes)
}

#[test]
fn a_restart_finds_everything_in_the_changes_and_in_what_was_stored() {
    let (first, changes) = busy_bench();
    let mut by_changes = Bench::new();
    for change in changes {
        by_changes.core.restore(change);
    }
    by_changes.core.restored();
    let mut by_stored = Bench::new();
    for change in first.core.stored() {
        by_stored.core.restore_stored(change);
    }
    by_stored.core.restored();
    for mut second in [by_changes, by_stored] {
        assert_eq!(second.content("d").as_deref(), Some("two"), "visible at once");
        assert_eq!(second.content("gone"), None);
        assert_eq!(second.content_for("d", &Caller::at("10.0.0.1")).as_deref(), Some("beta"));
        for data_id in ["d", "gone"] {
            assert_eq!(operations(&second, data_id), operations(&first, data_id), "{data_id}");
        }
        assert_eq!(second.core.namespaces().count(), 1);
        assert!(second.core.login(second.now, "nacos", "pw").unwrap().is_admin);
        let key = ConfigKey::public("d", "g");
        assert_eq!(second.core.row(&key).unwrap().id, first.core.row(&key).unwrap().id);
        // Numbers go on, and none comes again.
        second.publish("new", "x");
        assert_eq!(operations(&second, "new")[0].0, operations(&first, "gone")[0].0 + 1);
    }
}
