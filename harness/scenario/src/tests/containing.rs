//! What a scenario says of servers and proxies in containers.

use shakedown_model::plan::{Backend, ProxyPlace};

use super::*;

const PROXY: &str = "proxy: { kind: embedded }";

fn with(server: &str, proxy: &str) -> String {
    changed(SERVER, server).replace(PROXY, proxy)
}

#[test]
fn servers_and_toxiproxy_in_containers() {
    let text = with(
        "server: { version: 3.1.0, backend: container, nodes: 3, container: { image: \"mirror:5000/nacos:v3.1.0\", memory: 1GiB, cpus: 1.5, env: { JVM_XMX: 700m, TOKEN: \"${env:SECRET}\" } } }",
        "proxy: { kind: toxiproxy, place: container, image: \"toxi:2\" }",
    );
    let plan = load_base(&text).unwrap().plan;
    assert_eq!((plan.server.backend, plan.server.nodes), (Backend::Container, 3));
    let container = &plan.server.container;
    assert_eq!((container.memory_bytes, container.cpus), (Some(1 << 30), Some(1.5)));
    assert_eq!(container.env["JVM_XMX"].reveal(), "700m");
    assert_eq!(container.env["TOKEN"].reveal(), "s3cr3t");
    assert_eq!((plan.proxy.place.clone(), plan.proxy.image()), (ProxyPlace::Container, "toxi:2"));
    let explained = explain(&plan);
    for line in [
        "image: mirror:5000/nacos:v3.1.0",
        "memory: 1024MiB",
        "cpus: 1.5",
        "env: [JVM_XMX, TOKEN]",
        "image: toxi:2",
    ] {
        assert!(explained.contains(line), "no `{line}` in\n{explained}");
    }
    assert!(!explained.contains("700m") && !explained.contains("s3cr3t"), "{explained}");
}

#[test]
fn nothing_said_is_the_official_image() {
    let text = with("server: { backend: container }", "proxy: { kind: toxiproxy, place: container }");
    let plan = load_base(&text).unwrap().plan;
    assert_eq!(plan.server.image(), "nacos/nacos-server:v2.5.0");
    assert!(explain(&plan).contains("image: ghcr.io/shopify/toxiproxy:2.12.0"));
}

#[test]
fn what_containers_cannot_do_is_refused() {
    for (server, proxy, code, help) in [
        ("server: { container: { memory: 1GiB } }", PROXY, "not_supported", "backend: container"),
        ("server: { backend: container, nodes: 2 }", PROXY, "out_of_range", "nodes: 3"),
        (
            "server: { backend: container, container: { image: nacos/nacos-server } }",
            PROXY,
            "no_tag",
            "nacos/nacos-server:v2.5.0",
        ),
        ("server: { backend: container, container: { image: \"host:5000/nacos\" } }", PROXY, "no_tag", ""),
        ("server: { backend: container, container: { memory: 64MiB } }", PROXY, "out_of_range", "JVM_XMX"),
        ("server: { backend: container, container: { cpus: 0 } }", PROXY, "zero", "cpus"),
        (
            "server: { backend: container, embedded: { dump-tick: 1s } }",
            PROXY,
            "not_supported",
            "backend: embedded",
        ),
        ("server: {}", "proxy: { kind: toxiproxy, place: container }", "not_supported", "backend: container"),
        ("server: { backend: container }", "proxy: { place: container }", "not_supported", "kind: toxiproxy"),
        (
            "server: { backend: container }",
            "proxy: { kind: toxiproxy, image: \"a:1\" }",
            "not_supported",
            "place: container",
        ),
    ] {
        refused(&with(server, proxy), code, help);
    }
}

#[test]
fn an_image_of_another_version_than_is_said_is_refused() {
    let with = |container: &str, upgrade: &str| {
        let server = format!(
            "server: {{ version: 2.5.0, backend: container, container: {{ image: \"{container}\" }}, upgrade: {{ version: 2.5.1, image: \"{upgrade}\" }} }}"
        );
        load_base(&changed(SERVER, &server))
    };
    for (container, upgrade) in [
        ("a/nacos:v2.5.0-slim", "host:5000/nacos:2.5.1"),
        ("nacos:v2", "nacos:nightly"),
        ("nacos:2.5", "nacos:v2.5"),
    ] {
        with(container, upgrade).unwrap_or_else(|problems| panic!("{container}, {upgrade}: {problems}"));
    }
    for (container, upgrade, why) in [
        ("nacos:v2.4.3", "nacos:v2.5.1", "another version (`v2.4.3`)"),
        ("nacos:v2.5.0", "nacos:v2.5.0", "another version (`v2.5.0`)"),
        ("nacos:v2.5.0", "nacos:3.1.0", "another version (`3.1.0`)"),
        ("nacos:v2.5.0", "nacos", "has no tag"),
    ] {
        let problems = with(container, upgrade).expect_err(upgrade).to_string();
        assert!(problems.contains(why), "{container}, {upgrade}: {problems}");
    }
}
