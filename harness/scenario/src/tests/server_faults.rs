//! Faults of servers: what is planned, how it is explained, and what the chosen servers cannot suffer.

use std::time::Duration;

use shakedown_model::NodeId;
use shakedown_model::fault::{FaultAction, ServerFault};
use shakedown_model::plan::UpgradeSpec;

use super::*;

/// What the base scenario's first fault does.
const DOES: &str = "{ toxic: { link: office, latency: { latency: 200ms } } }";
/// Its servers.
const SERVERS: &str = "backend: embedded, embedded: { dump-tick: 50ms }";

fn with(does: &str, servers: &str) -> String {
    changed(DOES, does).replace(SERVERS, servers)
}

#[test]
fn every_fault_of_servers_is_planned_on_every_group() {
    let cluster = "backend: process, nodes: 3, upgrade: { version: 2.5.1, home: next }";
    let pause = Duration::from_secs(5);
    for (written, servers, fault, nodes, shown) in [
        ("{ kill: { nodes: [1] } }", cluster, ServerFault::Kill, &[1][..], "are killed, and started again"),
        ("{ kill: {} }", SERVERS, ServerFault::Kill, &[], "are killed"),
        ("{ stop: { nodes: all } }", SERVERS, ServerFault::Stop, &[], "are stopped, and started again"),
        ("{ pause: { nodes: [2, 0] } }", cluster, ServerFault::Pause, &[0, 2], "stand still"),
        (
            "{ rolling_restart: { nodes: all, pause: 2s } }",
            SERVERS,
            ServerFault::RollingRestart { pause: Duration::from_secs(2) },
            &[],
            "stopped and started again, 2s between",
        ),
        ("{ leader_loss: {} }", cluster, ServerFault::LeaderLoss, &[], "the leader of the cluster's store"),
        (
            "{ upgrade: {} }",
            cluster,
            ServerFault::Upgrade { pause },
            &[],
            "one server node after another becomes 2.5.1, 5s between",
        ),
        (
            "{ disconnect: { nodes: [1] } }",
            "backend: container, nodes: 3",
            ServerFault::Disconnect,
            &[1],
            "lose their network",
        ),
    ] {
        let plan = load_base(&with(written, servers)).unwrap_or_else(|problems| panic!("{problems}")).plan;
        let planned = &plan.faults[0];
        assert_eq!(planned.action, FaultAction::Server { fault });
        assert_eq!(planned.nodes, nodes.iter().copied().map(NodeId).collect::<Vec<_>>());
        assert_eq!(planned.groups.len(), plan.groups.len());
        assert!(explain(&plan).contains(shown), "`{shown}` is not in\n{}", explain(&plan));
    }
    let plan = load_base(&with("{ upgrade: {} }", cluster)).unwrap().plan;
    let upgrade = UpgradeSpec { version: "2.5.1".into(), home: Some("next".into()), image: None };
    assert_eq!(plan.server.upgrade, Some(upgrade));
    assert!(explain(&plan).contains("  upgrade: 2.5.1 # by a fault\n"));
}

#[test]
fn what_these_servers_cannot_suffer_is_refused() {
    let process = "backend: process, nodes: 3";
    for (does, servers, code, help) in [
        ("{ disconnect: {} }", SERVERS, "not_supported", "backend: process"),
        ("{ leader_loss: {} }", SERVERS, "not_supported", "backend: container"),
        ("{ disconnect: {} }", process, "not_supported", "backend: container"),
        ("{ leader_loss: {} }", "backend: process, nodes: 2", "not_supported", "nodes: 3"),
        ("{ upgrade: {} }", process, "not_supported", "give `server` an `upgrade`"),
        ("{ kill: { nodes: [3] } }", process, "unknown_node", "0 to 2"),
        ("{ kill: { nodes: [] } }", process, "zero", "`all`"),
        (
            "{ kill: {} }",
            "backend: process, upgrade: { version: 3.1.0 }",
            "not_supported",
            "within one of them",
        ),
        (
            "{ kill: {} }",
            "backend: embedded, upgrade: { version: 2.5.1 }",
            "not_supported",
            "remove `upgrade`",
        ),
        ("{ kill: {} }", "backend: process, upgrade: { version: 1.4.2 }", "not_supported", "2.x or 3.x"),
        ("{ kill: {} }", "backend: process, upgrade: { home: next }", "missing_key", "version"),
    ] {
        refused_once(&with(does, servers), code, help);
    }
}

#[test]
fn two_faults_do_not_befall_one_node_at_once() {
    let two = |first: &str, second: &str| {
        let fault = |name: &str, does: &str| {
            format!("  - {{ name: {name}, in: cut, at: 2s, for: 9s, do: {does} }}\n")
        };
        let text =
            BASE.replace("faults:\n", &format!("faults:\n{}{}", fault("one", first), fault("two", second)));
        load_base(&text.replace(SERVERS, "backend: process, nodes: 3"))
    };
    let problems = two("{ kill: { nodes: [0] } }", "{ pause: { nodes: [0, 1] } }").unwrap_err();
    let text = problems.render(false);
    assert!(text.contains("which befalls the same nodes"), "{text}");
    assert!(two("{ kill: { nodes: [0] } }", "{ pause: { nodes: [1] } }").is_ok());
}
