//! Watchers that go straight to the servers.

use shakedown_model::WatcherId;
use shakedown_model::needs::Needs;
use shakedown_model::plan::ProxyKind;

use super::*;

/// A scenario without proxies.
const DIRECT: &str = r"shakedown: 1
name: direct
proxy: { kind: none }
items: { count: 1 }
watchers:
  - { group: first, count: 30000, client: { like: nacos-java-2 }, ramp: 9000/s }
  - { group: second, count: 2000, client: { like: nacos-java-2 }, ramp: 9000/s }
mutations: { arrivals: { constant: 1/s } }
phases: [ { name: warm-up, for: 10s }, { name: steady, for: 9s } ]
";

#[test]
fn no_proxy_is_in_between_and_groups_get_sources_of_their_own() {
    let plan = load_base(DIRECT).unwrap_or_else(|problems| panic!("{problems}")).plan;
    assert_eq!(plan.proxy.kind, ProxyKind::None);
    let source = |watcher: u32| {
        let group = &plan.groups[plan.group_of(WatcherId(watcher)).index()];
        group.source_of(WatcherId(watcher)).to_string()
    };
    assert_eq!([source(0), source(11_999)], ["127.0.0.1", "127.0.0.1"]);
    assert_eq!([source(12_000), source(29_999)], ["127.0.0.2", "127.0.0.3"]);
    assert_eq!(source(30_000), "127.0.0.3", "where 6,000 are already");
    let explained = explain(&plan);
    for line in ["kind: none # watchers go straight to the servers", "source: 127.0.0.1 to 127.0.0.3"] {
        assert!(explained.contains(line), "no `{line}` in\n{explained}");
    }
    let small = load_set(DIRECT, &["watchers.first.count=100", "watchers.second.count=100"]).unwrap().plan;
    let needs = Needs::of(&small, 20_000);
    assert_eq!((needs.harness_files, needs.proxies), (200 + 200 + 300, 0), "two ends of each connection");
}

#[test]
fn what_needs_a_proxy_is_refused_without_one() {
    let text = changed("proxy: { kind: embedded }", "proxy: { kind: none }");
    let problems = load_base(&text).unwrap_err();
    let codes: Vec<_> = problems.iter().map(|p| (p.line().unwrap(), p.code().to_owned())).collect();
    let refused = "scenario::not_supported".to_owned();
    assert_eq!(codes, [(8, refused.clone()), (23, refused.clone()), (24, refused)], "{problems}");
    let crash =
        DIRECT.to_owned() + "faults: [ { name: c, in: steady, for: 1s, do: { crash: { groups: all } } } ]\n";
    load_base(&crash).unwrap_or_else(|problems| panic!("{problems}"));
    let driven =
        DIRECT.replace("count: 2000, client: { like: nacos-java-2 }", "count: 2, client: { driver: go }");
    refused_once(&driven, "not_supported", "proxy: { kind: embedded }");
    let homed = DIRECT.replace("{ kind: none }", "{ kind: none, place: container }");
    super::refused(&homed, "not_supported", "kind: toxiproxy");
}

#[test]
fn too_many_connections_from_one_source_are_refused_without_proxies_alone() {
    let told = DIRECT.replace("count: 2000,", "count: 2000, source: 127.0.0.2,");
    refused_once(&told, "too_many_connections", "leave `source` out");
    let proxied = told.replace("proxy: { kind: none }\n", "");
    load_base(&proxied).unwrap_or_else(|problems| panic!("{problems}"));
    let last = DIRECT.replace("count: 30000,", "count: 30000, source: 127.255.255.254,");
    refused_once(&last, "bad_address", "choose a lower one");
}
