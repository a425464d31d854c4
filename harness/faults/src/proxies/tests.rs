use shakedown_model::fault::{Distribution, Stream, Toxic, ToxicKind};
use std::collections::BTreeSet;

use shakedown_model::plan::{DriverSpec, Protocol};

use super::*;
use crate::testing::{plan, spec};

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[test]
fn each_group_has_one_proxy_per_node_for_its_own_protocol() {
    let mut plan = plan(Vec::new());
    plan.groups =
        vec![spec("old ones/1", Protocol::NacosHttp, 1), spec("old ones 1", Protocol::NacosGrpc, 0)];
    let nodes = [
        NodeAddress { http: "nacos-0:8848".into(), grpc: "nacos-0:9848".into() },
        NodeAddress { http: "nacos-1:8848".into(), grpc: "nacos-1:9848".into() },
    ];
    let mut next = 20_000;
    let proxies = proxies_for(&plan, (&nodes, 1), |_| {
        next += 1;
        Ok::<_, std::convert::Infallible>(address(next))
    })
    .unwrap();
    let upstreams: Vec<_> =
        proxies.iter().map(|p| (p.group.0, p.node.0, p.link.0, p.upstream.as_str())).collect();
    assert_eq!(
        upstreams,
        [
            (0, 0, 1, "nacos-0:8848"),
            (0, 1, 1, "nacos-1:8848"),
            (1, 0, 0, "nacos-0:9848"),
            (1, 1, 0, "nacos-1:9848")
        ]
    );
    assert!(proxies.iter().all(|proxy| proxy.binds == proxy.listen));
    let names: BTreeSet<_> = proxies.iter().map(|proxy| proxy.name.as_str()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names.contains("g0-old_ones_1-n1-http") && names.contains("g1-old_ones_1-n0-grpc"), "{names:?}");
}

#[test]
fn a_real_client_has_a_pair_of_ports_per_node_to_itself() {
    let mut plan = plan(Vec::new());
    plan.groups = vec![spec("go", Protocol::NacosGrpc, 0)];
    plan.groups[0].first = WatcherId(5);
    plan.groups[0].count = 2;
    plan.groups[0].client.driver =
        Some(DriverSpec { name: "go".into(), command: None, clients_per_process: 1 });
    let nodes = [1, 2].map(|n| NodeAddress { http: format!("h{n}:1"), grpc: format!("h{n}:2") });
    let mut next = 20_000;
    let proxies = proxies_for(&plan, (&nodes, 1), |offsets| {
        assert_eq!(offsets, [1000]);
        next += 1;
        Ok::<_, std::convert::Infallible>(address(next))
    })
    .unwrap();
    let found: Vec<_> = proxies
        .iter()
        .map(|p| (p.watcher.unwrap().0, p.node.0, p.listen.port(), p.upstream.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (5, 0, 20_001, "h1:1"),
            (5, 0, 21_001, "h1:2"),
            (5, 1, 20_002, "h2:1"),
            (5, 1, 21_002, "h2:2"),
            (6, 0, 20_003, "h1:1"),
            (6, 0, 21_003, "h1:2"),
            (6, 1, 20_004, "h2:1"),
            (6, 1, 21_004, "h2:2"),
        ]
    );
    assert_eq!(proxies[3].name, "g0-go-w5-n1-grpc");
    assert!(proxies.iter().all(|proxy| proxy.group == GroupId(0) && proxy.binds == proxy.listen));
}

#[test]
fn shares_of_a_group_have_proxies_of_their_own_and_real_clients_have_not() {
    let mut plan = plan(Vec::new());
    plan.groups = vec![spec("far", Protocol::NacosGrpc, 0), spec("go", Protocol::NacosGrpc, 0)];
    plan.groups[1].count = 1;
    plan.groups[1].client.driver =
        Some(DriverSpec { name: "go".into(), command: None, clients_per_process: 1 });
    let nodes = [NodeAddress { http: "h:1".into(), grpc: "h:2".into() }];
    let mut next = 20_000;
    let proxies = proxies_for(&plan, (&nodes, 3), |_| {
        next += 1;
        Ok::<_, std::convert::Infallible>(address(next))
    })
    .unwrap();
    let found: Vec<_> = proxies.iter().map(|p| (p.name.as_str(), p.group.0, p.share)).collect();
    let real = format!("g1-go-w{}-n0", plan.groups[1].first);
    assert_eq!(
        found[..3],
        [("g0-far-n0-grpc", 0, 0), ("g0-far-p1-n0-grpc", 0, 1), ("g0-far-p2-n0-grpc", 0, 2)]
    );
    assert_eq!(found[3..], [(&*format!("{real}-http"), 1, 0), (&*format!("{real}-grpc"), 1, 0)]);
    assert!(proxies.iter().all(|p| p.source.is_none()), "from within this machine `h` cannot be reached");
}

#[test]
fn several_shares_connect_to_a_server_here_from_addresses_of_their_own() {
    let mut plan = plan(Vec::new());
    plan.groups = vec![spec("far", Protocol::NacosGrpc, 0)];
    let nodes = [NodeAddress { http: "127.0.0.1:1".into(), grpc: "127.0.0.1:2".into() }];
    let sources = |shares| {
        let any = |_: &[i32]| Ok::<_, std::convert::Infallible>(address(20_000));
        let proxies = proxies_for(&plan, (&nodes, shares), any).unwrap();
        proxies.iter().map(|p| p.source.map(|source| source.to_string())).collect::<Vec<_>>()
    };
    assert_eq!(sources(1), [None]);
    assert_eq!(sources(2), [Some("127.1.0.1".to_owned()), Some("127.1.0.2".to_owned())]);
}

#[test]
fn no_port_is_the_callers_error() {
    let result = proxies_for(
        &plan(Vec::new()),
        (&[NodeAddress { http: "a:1".into(), grpc: "a:2".into() }], 1),
        |_| Err("no port"),
    );
    assert_eq!(result.unwrap_err(), "no port");
}

#[test]
fn toxics_of_a_link_are_named_apart_from_those_of_faults() {
    let mut plan = plan(Vec::new());
    let ms = std::time::Duration::from_millis;
    let kind = ToxicKind::Latency { latency: ms(80), jitter: ms(40), distribution: Distribution::Uniform };
    plan.links[1].toxics = vec![Toxic::new(Stream::Both, kind)];
    let toxics = link_toxics(ProxyKind::Embedded, &plan).unwrap();
    assert!(toxics[&LinkId(0)].is_empty());
    let names: Vec<_> = toxics[&LinkId(1)].iter().map(|toxic| toxic.name.as_str()).collect();
    assert_eq!(names, ["link-0-latency-upstream", "link-0-latency-downstream"]);
    assert!(names.iter().all(|name| !name.starts_with(crate::fault::TOXIC_PREFIX)));
}
