//! Clients: what each SDK's table says against nacos-facts.md, what a scenario can say beside it, and what it cannot.

use std::time::Duration;

use shakedown_model::Seed;
use shakedown_model::backoff::{Backoff, Jitter};
use shakedown_model::plan::{
    Abilities, Cache, ClientSpec, Failover, FirstContact, Handshake, LoginHabit, NodeOrder, Noticing,
    Probing, Protocol, ReadHabit, SnapshotWrite,
};

use super::refusing::check;
use super::*;
use crate::Sdk;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn gaps(sdk: Sdk, nodes: u16, attempts: u32) -> Vec<u128> {
    let backoff = sdk.client().backoff.on_nodes(nodes);
    (1..=attempts).map(|n| backoff.delay(n, Duration::ZERO, Seed(1)).as_millis()).collect()
}

#[test]
fn gaps_are_those_of_the_facts() {
    let java = [0, 100, 200, 300, 400];
    for sdk in [Sdk::NacosJava2, Sdk::NacosJava3] {
        assert_eq!(gaps(sdk, 1, 5), java, "{}", sdk.name());
        assert_eq!(gaps(sdk, 2, 6), [0, 100, 100, 200, 200, 300], "{}", sdk.name());
        assert_eq!(gaps(sdk, 1, 60)[59], 5_000, "{}", sdk.name());
    }
    assert_eq!(gaps(Sdk::NacosGo2, 1, 5), [0, 0, 100, 200, 300]);
    // A round of five dials, then the next.
    assert_eq!(gaps(Sdk::NacosRust, 1, 7)[..4], [2_000, 300, 600, 1_200]);
    assert_eq!(Sdk::NacosRust.client().backoff, Backoff::NacosRust { probe: seconds(5) });
    assert_eq!(gaps(Sdk::NacosPython1, 1, 3), [1_000, 1_000, 1_000]);
    assert_eq!(gaps(Sdk::NacosPython1, 2, 4), [0, 1_000, 0, 1_000]);
    assert_eq!(gaps(Sdk::NacosNode, 1, 3), [0, 5, 5]);
    assert_eq!(Sdk::NacosPython3.client().backoff, Backoff::NacosPython { probe: seconds(5), nodes: 1 });
}

/// A row of nacos-facts.md §3: health check tries, resync and retry in seconds, tries at start.
#[test]
fn times_and_tries_are_those_of_the_facts() {
    for (sdk, tries, resync, retry, at_start) in [
        (Sdk::NacosJava2, Some(4), Some(180), 5, 4),
        (Sdk::NacosJava3, Some(4), Some(180), 5, 4),
        (Sdk::NacosGo2, Some(1), Some(300), 5, 3),
        (Sdk::NacosRust, Some(3), Some(60), 60, 1),
        (Sdk::NacosPython3, Some(1), Some(300), 5, 3),
        (Sdk::NacosPython1, None, None, 1, 1),
        (Sdk::NacosNode, None, None, 2, 1),
    ] {
        let client = sdk.client();
        let name = sdk.name();
        assert_eq!(client.health_check.map(|check| check.tries), tries, "{name}");
        assert_eq!(client.resync, resync.map(seconds), "{name}");
        assert_eq!(client.habits.retry, seconds(retry), "{name}");
        assert_eq!(client.habits.startup_tries, at_start, "{name}");
        assert_eq!(client.like.as_deref(), Some(name));
        if let Some(check) = client.health_check {
            assert_eq!((check.every, check.timeout), (seconds(5), seconds(3)), "{name}");
            assert_eq!(client.habits.probing, Probing::WhenIdle, "{name}");
        }
    }
}

#[test]
fn manners_are_those_of_the_facts() {
    let of = |sdk: Sdk| (sdk.client(), sdk.client().habits);
    let (client, java) = of(Sdk::NacosJava2);
    assert_eq!((java.handshake, java.node_order), (Handshake::CheckThenAck, NodeOrder::Shuffled));
    assert_eq!((java.queries_per_second, client.cache), (Some(5), Cache::Snapshot));
    assert_eq!(java.login, LoginHabit::Token { after_denial: Some(seconds(60)) });
    assert!(!java.names_public && of(Sdk::NacosJava3).1.names_public);
    let (_, go) = of(Sdk::NacosGo2);
    assert_eq!((go.handshake, go.noticing), (Handshake::CheckThenPause, Noticing::AtOnce));
    assert!(go.takes_3xx_for_health && go.identity.abilities == Abilities::Client);
    let (client, rust) = of(Sdk::NacosRust);
    assert_eq!((rust.handshake, rust.first_contact), (Handshake::StreamThenCheck, FirstContact::Query));
    assert_eq!((rust.noticing, client.cache), (Noticing::Late, Cache::WriteOnly));
    assert!(!rust.relists_on_reconnect && !rust.requests_time_out && !rust.hears_deletes);
    assert!(rust.identity.abilities == Abilities::Old && !rust.identity.labels.contains_key("taskId"));
    let (client, python) = of(Sdk::NacosPython3);
    assert_eq!(
        (python.handshake, python.noticing),
        (Handshake::CheckThenAckAndPause, Noticing::CleanEndLate)
    );
    assert!(python.relists_quiet && client.cache == Cache::WriteOnly);
    let (client, python) = of(Sdk::NacosPython1);
    assert_eq!((client.protocol, python.node_order), (Protocol::NacosHttp, NodeOrder::Listed));
    assert_eq!((client.request_timeout, client.poll_timeout), (seconds(3), seconds(30)));
    let (client, node) = of(Sdk::NacosNode);
    assert_eq!((client.request_timeout, node.login), (seconds(5), LoginHabit::EachRequest));
    assert_eq!(node.node_order, NodeOrder::Listed);
    assert!(!node.keeps_alive && !python.keeps_alive);
    assert!(!node.asks_to_close && python.asks_to_close);
    for sdk in Sdk::ALL {
        let (client, habits) = of(sdk);
        assert_eq!(habits.reads == ReadHabit::Memory, sdk == Sdk::NacosRust, "{}", sdk.name());
        let leaves_at_once = client.protocol == Protocol::NacosHttp || sdk == Sdk::NacosRust;
        assert_eq!(
            habits.checks_before_leaving || habits.stays_after_timeout,
            !leaves_at_once,
            "{}",
            sdk.name()
        );
    }
    let in_place: Vec<_> = Sdk::ALL.map(|sdk| of(sdk).1.snapshot.write == SnapshotWrite::InPlace).into();
    assert_eq!(in_place, [true, true, true, false, true, true, true], "all but Rust");
}

fn client(written: &str) -> ClientSpec {
    load_base(&changed("{ like: nacos-java-2 }", written)).unwrap().plan.groups[1].client.clone()
}

#[test]
fn every_sdk_can_be_named_and_is_explained() {
    for sdk in Sdk::ALL {
        let text = changed("{ like: nacos-java-2 }", &format!("{{ like: {} }}", sdk.name()));
        let plan = load_base(&text).unwrap().plan;
        assert_eq!(plan.groups[1].client, sdk.client());
        let explained = explain(&plan);
        let version = &sdk.client().habits.identity.version;
        for part in [format!("# like {}", sdk.name()), format!("calls-itself: {version}")] {
            assert!(explained.contains(&part), "`{part}` is not in\n{explained}");
        }
    }
}

#[test]
fn the_list_of_servers_is_as_long_as_there_are_nodes() {
    let text = changed("backend: embedded,", "backend: embedded, nodes: 3,");
    let plan = load_base(&text).unwrap().plan;
    assert_eq!(plan.groups[1].client.backoff, Backoff::NACOS_JAVA.on_nodes(3));
}

#[test]
fn backoffs_are_written_as_they_are_meant() {
    let of = |backoff: &str| client(&format!("{{ protocol: nacos-grpc, backoff: {{ {backoff} }} }}")).backoff;
    let (base, step, cap) = (seconds(1), seconds(2), seconds(30));
    assert_eq!(
        of("linear: { base: 1s, step: 2s, cap: 30s, jitter: equal }"),
        Backoff::Linear { base, step, cap, jitter: Jitter::Equal }
    );
    assert_eq!(
        of("exponential: { base: 1s, cap: 30s, jitter: decorrelated }"),
        Backoff::Exponential { base, cap, jitter: Jitter::Decorrelated }
    );
}

#[test]
fn caches_are_a_word_or_parts() {
    let of = |written: &str| {
        let client = client(written);
        (client.cache, client.habits.snapshot.write, client.failover)
    };
    let none = Failover::None;
    let own = |cache: &str| {
        of(&format!("{{ protocol: nacos-grpc, backoff: {{ constant: {{ delay: 1s }} }}, cache: {cache} }}"))
    };
    assert_eq!(own("snapshot"), (Cache::Snapshot, SnapshotWrite::Atomic, none));
    assert_eq!(own("{ snapshot: in-place }"), (Cache::Snapshot, SnapshotWrite::InPlace, none));
    assert_eq!(own("{ served: false }"), (Cache::WriteOnly, SnapshotWrite::Atomic, none));
    assert_eq!(
        own("{ snapshot: none, failover: initial }"),
        (Cache::None, SnapshotWrite::Atomic, Failover::Initial)
    );
    assert_eq!(
        of("{ like: nacos-rust, cache: { served: true } }"),
        (Cache::Snapshot, SnapshotWrite::Atomic, none),
        "as with load-cache-at-start"
    );
    assert_eq!(of("{ like: nacos-java-2, cache: none }"), (Cache::None, SnapshotWrite::InPlace, none));
}

#[test]
fn health_checks_limits_and_retries_can_be_chosen() {
    let adaptive = client("{ like: nacos-java-2, health-check: adaptive, query-limit: none, retry: 1s }");
    assert_eq!(adaptive.habits.probing, Probing::ByQuality);
    assert_eq!(adaptive.health_check.map(|check| (check.every, check.tries)), Some((seconds(30), 2)));
    assert_eq!((adaptive.habits.queries_per_second, adaptive.habits.retry), (None, seconds(1)));
    let idle = client(
        "{ protocol: nacos-grpc, backoff: { constant: { delay: 1s } }, health-check: { when: idle }, query-limit: 7 }",
    );
    assert_eq!((idle.habits.probing, idle.habits.queries_per_second), (Probing::WhenIdle, Some(7)));
    assert_eq!(client("{ like: nacos-go-2, health-check: none }").health_check, None);
}

#[test]
fn what_a_client_cannot_be_is_refused() {
    let java = "{ like: nacos-java-2 }";
    let linear = "{ protocol: nacos-grpc, backoff: { linear: { base: 1s, step: 1s, cap: 9s, jitter: decorrelated } } }";
    check(&[
        (java, "{ like: nacos-java-4 }", "unknown_word", "nacos-java"),
        (java, linear, "conflict", "`exponential`"),
        (java, "{ like: nacos-java-2, query-limit: 0 }", "out_of_range", "query-limit: none"),
        (java, "{ like: nacos-node, query-limit: 5 }", "conflict", "remove it"),
        (java, "{ like: nacos-rust, cache: { failover: initial } }", "conflict", "nacos-go-2"),
        (
            java,
            "{ like: nacos-java-2, cache: { snapshot: none, served: true } }",
            "conflict",
            "leave `served` out",
        ),
        (java, "{ like: nacos-java-2, retry: 0s }", "zero", "above zero"),
    ]);
}

#[test]
fn a_client_that_would_hear_nothing_is_warned_of() {
    let java_3 = changed("{ like: nacos-java-2 }", "{ like: nacos-java-3 }");
    let warned = |text: &str| {
        let loaded = load_base(text).unwrap();
        loaded.warnings.iter().any(|warning| warning.code() == "scenario::deaf_client")
    };
    assert!(warned(&java_3));
    assert!(!warned(&java_3.replace("count: 20,", "count: 20, namespaces: [space],")));
    assert!(!warned(&java_3.replace("backend: embedded,", "backend: embedded, version: 3.1.0,")));
}
