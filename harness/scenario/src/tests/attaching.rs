//! Servers and proxies that somebody else runs.

use std::time::Duration;

use shakedown_model::plan::{Backend, ExternalNode, ExternalProxy, ProxyPlace, TlsPorts, TlsSpec};

use super::*;

const EXTERNAL: &str = "server: { backend: external, external: { nodes: [ { http: \"nacos.example:8848\" } ], max-rate: 40/s } }";

/// The texts of what is wrong with the base scenario when its server, and perhaps more, is replaced.
fn told(server: &str, also: Option<(&str, &str)>) -> String {
    let text = changed(SERVER, server);
    let text = also.map_or(text.clone(), |(find, replace)| text.replacen(find, replace, 1));
    load_base(&text).expect_err("it is refused").to_string()
}

#[test]
fn external_servers_are_addresses_and_bounds() {
    let server = "server:
  version: 3.1.0
  backend: external
  external:
    nodes: [ { http: \"10.0.0.7:8848\" }, { http: \"b.example:80\", grpc: \"b.example:9999\" } ]
    namespace: staging
    max-rate: 40/s
  login: { username: ops, password: \"${env:SECRET}\" }";
    let plan = load_base(&changed(SERVER, server)).unwrap().plan;
    let explained = explain(&plan);
    assert_eq!((plan.server.backend, plan.server.nodes), (Backend::External, 2));
    assert_eq!(plan.server.ready_timeout, Duration::from_secs(10));
    let external = plan.server.external.unwrap();
    let grpc: Vec<_> = external.nodes.iter().map(ExternalNode::grpc_address).collect();
    assert_eq!(grpc, ["10.0.0.7:9848", "b.example:9999"]);
    assert_eq!((external.namespace.as_deref(), external.max_publishes_per_second), (Some("staging"), 40.0));
    for line in
        ["http 10.0.0.7:8848, grpc 10.0.0.7:9848", "namespace: staging", "max-rate: 40/s", "login: ops"]
    {
        assert!(explained.contains(line), "no `{line}` in\n{explained}");
    }
    let made = load_base(&changed(SERVER, EXTERNAL)).unwrap().plan;
    assert!(explain(&made).contains("namespace: one of the run's own"));
}

#[test]
fn an_external_toxiproxy_has_an_api_ports_and_upstreams() {
    let proxy = "proxy: { kind: toxiproxy, external: { api: \"localhost:8474\", ports: [21000, 21099], upstreams: [ { http: \"nacos:8848\" } ] } }";
    let text = changed("proxy: { kind: embedded }", proxy);
    let plan = load_base(&text).unwrap().plan;
    let upstreams = vec![ExternalNode { http: "nacos:8848".into(), grpc: None }];
    let external = ExternalProxy { api: "localhost:8474".into(), ports: (21_000, 21_099), upstreams };
    assert!(explain(&plan).contains("upstream: http nacos:8848, grpc nacos:9848"), "{}", explain(&plan));
    assert_eq!(plan.proxy.place, ProxyPlace::External(external));
    for (bad, why) in [
        ("kind: embedded, external: { api: \"a:1\", ports: [1, 2] }", "only a Toxiproxy can be"),
        ("kind: toxiproxy, place: process, external: { api: \"a:1\", ports: [1, 2] }", "has no `place` here"),
        ("kind: toxiproxy, home: /x, external: { api: \"a:1\", ports: [1, 2] }", "has no `home` here"),
        ("kind: toxiproxy, external: { api: \"http://a:1\", ports: [1, 2] }", "this is no address"),
        ("kind: toxiproxy, external: { api: \"a:1\", ports: [1] }", "the first and the last"),
        ("kind: toxiproxy, external: { api: \"a:1\", ports: [0, 2] }", "the first and the last"),
        ("kind: toxiproxy, external: { api: \"a:1\", ports: [3, 2] }", "comes before the first"),
        (
            "kind: toxiproxy, external: { api: \"a:1\", ports: [1, 2], upstreams: [ { http: \"a:1\" }, { http: \"b:1\" } ] }",
            "not as many upstreams as nodes",
        ),
    ] {
        let text = changed("proxy: { kind: embedded }", &format!("proxy: {{ {bad} }}"));
        let problems = load_base(&text).expect_err(bad).to_string();
        assert!(problems.contains(why), "{bad}: {problems}");
    }
}

#[test]
fn what_does_not_go_together_with_external_servers_is_refused() {
    let external = |rest: &str| format!("server: {{ backend: external, {rest} }}");
    let node = "external: { nodes: [ { http: \"a:8848\" } ], max-rate: 40/s }";
    for (server, why) in [
        (external("version: 2.5.0"), "needs addresses"),
        (external("external: { nodes: [] }"), "lists nothing"),
        (external(&format!("{node}, nodes: 3")), "is told by their addresses"),
        (external(&format!("{node}, embedded: {{ dump-tick: 1s }}")), "only the embedded server"),
        (external(&format!("{node}, container: {{ cpus: 1 }}")), "only servers in containers"),
        (external("external: { nodes: [ { http: \"http://a:8848\" } ] }"), "this is no address"),
        (external("external: { nodes: [ { http: \"a\" } ] }"), "this is no address"),
        (external("external: { nodes: [ { http: \"a:65000\" } ] }"), "would be none"),
        (external("external: { nodes: [ { http: \"a:1\" } ], max-rate: 0/s }"), "cannot be zero"),
        (
            external("external: { nodes: [ { http: \"a:1\" } ], namespace: \"a b\" }"),
            "does not take this as a namespace",
        ),
        (format!("server: {{ {node} }}"), "only servers that somebody else runs"),
    ] {
        let problems = told(&server, None);
        assert!(problems.contains(why), "{server}: {problems}");
    }
    let items = ("items: { count: 20, payload: 1KiB }", "items: { count: 20, namespaces: [a, b] }");
    assert!(told(EXTERNAL, Some(items)).contains("lie in one namespace"));
    let user = "server: { backend: process, login: { username: ops, password: x } }";
    assert!(told(user, None).contains("username: nacos"));
}

#[test]
fn a_plan_that_publishes_above_the_ceiling_is_refused_bursts_included() {
    let slow = EXTERNAL.replace("40/s", "5/s");
    let arrivals = |arrivals: &'static str| Some(("poisson: 10/s", arrivals));
    for fast in [
        "constant: 6/s",
        "poisson: 5/s",
        "burst: { count: 6, every: 10s }",
        "burst: { count: 20, every: 10s, over: 2s }",
    ] {
        let problems = told(&slow, arrivals(fast));
        assert!(problems.contains("scenario::too_fast"), "{fast}: {problems}");
    }
    for fits in
        ["constant: 5/s", "burst: { count: 5, every: 10s }", "burst: { count: 20, every: 10s, over: 9s }"]
    {
        let text = changed(SERVER, &slow).replacen("poisson: 10/s", fits, 1);
        load_base(&text).unwrap_or_else(|problems| panic!("{fits}: {problems}"));
    }
}

#[test]
fn tls_names_its_ports_files_and_names() {
    let with = |tls: &str| {
        let server = EXTERNAL.replace("max-rate", &format!("tls: {{ {tls} }}, max-rate"));
        changed(SERVER, &server)
    };
    let tls = |text: &str| load_base(&with(text)).unwrap().plan.server.external.unwrap().tls.unwrap();
    assert_eq!(tls(""), TlsSpec::default());
    let given =
        tls("on: grpc, ca: ca.pem, client-certificate: c.pem, client-key: k.pem, server-name: nacos.example");
    let expected = TlsSpec {
        on: TlsPorts::Grpc,
        ca: Some("ca.pem".into()),
        client_certificate: Some("c.pem".into()),
        client_key: Some("k.pem".into()),
        server_name: Some("nacos.example".into()),
        verify: true,
    };
    assert_eq!(given, expected);
    let explained = explain(&load_base(&with("verify: false, on: http")).unwrap().plan);
    assert!(explained.contains("tls: HTTP alone") && explained.contains("not checked"), "{explained}");
    for (bad, why) in [
        ("client-certificate: c.pem", "belong together"),
        ("client-key: k.pem", "belong together"),
        ("server-name: 10.0.0.7", "no DNS name"),
        ("server-name: \"nacos:8848\"", "no DNS name"),
        ("ca: ca.pem, verify: false", "`ca` would do nothing"),
    ] {
        let problems = load_base(&with(bad)).expect_err(bad).to_string();
        assert!(problems.contains(why), "{bad}: {problems}");
    }
}

#[test]
fn drivers_and_tls_are_refused_together() {
    let server = EXTERNAL.replace("max-rate", "tls: {}, max-rate");
    let client = Some(("client: { like: nacos-java-2 }", "client: { driver: go }"));
    let problems = told(&server, client);
    assert!(problems.contains("do not speak TLS yet"), "{problems}");
}
