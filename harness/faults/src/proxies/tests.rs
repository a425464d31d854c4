use shakedown_model::fault::{Distribution, Stream, Toxic, ToxicKind};
use std::collections::BTreeSet;

use shakedown_model::plan::Protocol;

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
    let proxies = proxies_for(&plan, &nodes, || {
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
fn no_port_is_the_callers_error() {
    let result =
        proxies_for(&plan(Vec::new()), &[NodeAddress { http: "a:1".into(), grpc: "a:2".into() }], || {
            Err("no port")
        });
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
