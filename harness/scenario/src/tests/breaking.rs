//! Toxics and faults: what is planned, how it is explained, and what the chosen proxy cannot do.

use std::time::Duration;

use shakedown_model::fault::{Distribution, FaultAction, Stream, Toxic, ToxicKind};
use shakedown_model::plan::Plan;
use shakedown_model::{GroupId, NodeId};

use super::refusing::check;
use super::*;

const MS: Duration = Duration::from_millis(1);
/// What the base scenario's first fault does.
const DOES: &str = "{ toxic: { link: office, latency: { latency: 200ms } } }";

/// The base scenario with another first fault.
fn plan_doing(does: &str) -> Plan {
    load_base(&changed(DOES, does)).unwrap_or_else(|problems| panic!("{problems}")).plan
}

#[test]
fn every_toxic_is_a_fault_and_a_link_toxic_by_its_own_name() {
    let rows = [
        (
            "latency: { latency: 20ms, jitter: 5ms, distribution: pareto, stream: upstream, toxicity: 25% }",
            ToxicKind::Latency { latency: 20 * MS, jitter: 5 * MS, distribution: Distribution::Pareto },
            "latency 20ms +- 5ms pareto upstream on 25% of the connections",
        ),
        (
            "bandwidth: { rate: 64KB/s, stream: upstream, toxicity: 25% }",
            ToxicKind::Bandwidth { kilobytes_per_second: 64 },
            "bandwidth 64KB/s upstream on 25% of the connections",
        ),
        (
            "slow_close: { delay: 2s, stream: upstream, toxicity: 25% }",
            ToxicKind::SlowClose { delay: 2000 * MS },
            "slow_close 2s upstream on 25% of the connections",
        ),
        (
            "timeout: { timeout: 1s, stream: upstream, toxicity: 25% }",
            ToxicKind::Timeout { timeout: 1000 * MS },
            "timeout 1s upstream on 25% of the connections",
        ),
        (
            "slicer: { average_size: 64B, size_variation: 8B, delay: 10us, stream: upstream, toxicity: 25% }",
            ToxicKind::Slicer { average_size: 64, size_variation: 8, delay: Duration::from_micros(10) },
            "slicer 64B +- 8B, 10us between upstream on 25% of the connections",
        ),
        (
            "limit_data: { bytes: 1MiB, stream: upstream, toxicity: 25% }",
            ToxicKind::LimitData { bytes: 1 << 20 },
            "limit_data 1MiB upstream on 25% of the connections",
        ),
    ];
    for (written, kind, shown) in rows {
        let expected = Toxic { stream: Stream::Upstream, toxicity_ppm: 250_000, kind };
        let plan = plan_doing(&format!("{{ toxic: {{ link: office, {written} }} }}"));
        assert_eq!(plan.faults[0].action, FaultAction::Toxic { toxic: expected });
        assert_eq!((plan.faults[0].action.kind(), plan.faults[0].action.cuts()), (kind.name(), kind.cuts()));
        let text = explain(&plan);
        assert!(text.contains(&format!("    does: {shown}\n")), "`{shown}` is not in\n{text}");
        let linked = changed("  office: {}", &format!("  office: {{ toxics: [ {written} ] }}"));
        let plan = load_base(&linked).unwrap_or_else(|problems| panic!("{problems}")).plan;
        assert_eq!(plan.links[0].toxics, [expected]);
    }
    let reset = plan_doing("{ toxic: { link: office, reset_peer: { timeout: 30ms } } }");
    assert_eq!(reset.faults[0].action.kind(), "reset_peer");
    assert!(explain(&reset).contains("does: reset_peer 30ms after a connection begins\n"));
}

#[test]
fn own_modes_are_faults() {
    for (written, action, shown) in [
        (
            "{ one_way: { groups: [modern], stream: upstream } }",
            FaultAction::OneWay { stream: Stream::Upstream },
            "bytes are held upstream, and delivered at the end",
        ),
        ("{ half_open: { groups: [modern] } }", FaultAction::HalfOpen, "the watchers are not told"),
        ("{ silence: { groups: [modern] } }", FaultAction::Silence, "never answered, live ones go on"),
        (
            "{ refuse: { groups: [modern] } }",
            FaultAction::Refuse,
            "new connections are refused, live ones go on",
        ),
        (
            "{ flap: { groups: [modern], up: 2s, down: 500ms } }",
            FaultAction::Flap { up: 2000 * MS, down: 500 * MS },
            "connections are reset for 500ms, then work for 2s",
        ),
    ] {
        let plan = plan_doing(written);
        assert_eq!((&plan.faults[0].action, plan.faults[0].groups.as_slice()), (&action, &[GroupId(1)][..]));
        assert!(action.cuts() && explain(&plan).contains(shown), "`{shown}` is not in\n{}", explain(&plan));
    }
}

#[test]
fn a_fault_is_on_a_link_or_on_groups_and_on_nodes() {
    let on_link = plan_doing("{ reset: { link: mobile } }");
    assert_eq!(on_link.faults[0].groups, [GroupId(0)]);
    let cluster = changed(DOES, "{ toxic: { groups: [careful], nodes: [2, 0], latency: { latency: 9ms } } }")
        .replace("backend: embedded,", "backend: embedded, nodes: 3,");
    let plan = load_base(&cluster).unwrap_or_else(|problems| panic!("{problems}")).plan;
    assert_eq!(plan.faults[0].nodes, [NodeId(0), NodeId(2)]);
    assert!(plan.faults[0].touches(GroupId(2), NodeId(2)) && !plan.faults[0].touches(GroupId(2), NodeId(1)));
    assert!(explain(&plan).contains("    to: careful\n    nodes: 0, 2\n"), "{}", explain(&plan));
    let all = plan_doing("{ reset: { groups: all, nodes: all } }");
    assert!(all.faults[0].nodes.is_empty() && all.faults[0].groups.len() == 3);
}

#[test]
fn faults_that_cannot_be_are_refused() {
    check(&[
        (DOES, "{ reset: {} }", "missing_key", "groups: all"),
        (DOES, "{ reset: { link: office, groups: all } }", "conflict", "remove one"),
        (DOES, "{ reset: { groups: all, nodes: [1] } }", "unknown_node", "0 to 0"),
        (DOES, "{ reset: { groups: all, nodes: [] } }", "zero", "`all`"),
        (DOES, "{ one_way: { groups: all, stream: both } }", "conflict", "blackhole"),
        (DOES, "{ flap: { groups: all, up: 1s, down: 10ms } }", "out_of_range", "canary"),
        (DOES, "{ flap: { groups: all, up: 1s } }", "not_one", "down: 500ms"),
        (DOES, "{ toxic: { groups: all, bandwidth: { rate: 0KB/s } } }", "zero", "blackhole"),
        (DOES, "{ toxic: { groups: all, bandwidth: { rate: 64KiB } } }", "wrong_unit", "KB/s"),
        (DOES, "{ toxic: { groups: all, limit_data: { bytes: 0B } } }", "zero", "reset"),
        (DOES, "{ toxic: { groups: all, slicer: { average_size: 0B } } }", "zero", "above zero"),
        (
            DOES,
            "{ toxic: { groups: all, slicer: { average_size: 9B, size_variation: 9B } } }",
            "out_of_range",
            "average_size",
        ),
        (DOES, "{ toxic: { groups: all, timeout: { toxicity: 0% } } }", "zero", "above zero"),
        (DOES, "{ toxic: { groups: all, slow_close: { delay: 1500us } } }", "not_supported", "round it"),
    ]);
}

#[test]
fn what_toxiproxy_cannot_do_is_refused_by_name() {
    for (does, name) in [
        ("{ one_way: { groups: all } }", "one_way"),
        ("{ half_open: { groups: all } }", "half_open"),
        ("{ silence: { groups: all } }", "silence"),
        ("{ flap: { groups: all, up: 1s, down: 1s } }", "flap"),
        (
            "{ toxic: { link: office, latency: { latency: 9ms, jitter: 3ms, distribution: normal } } }",
            "uniform",
        ),
    ] {
        let text = changed(DOES, does).replace("kind: embedded", "kind: toxiproxy");
        let problems = load_base(&text).expect_err(does);
        let shown = problems.render(false);
        assert!(shown.contains("scenario::not_supported") && shown.contains(name), "{shown}");
        assert_eq!(problems.len(), 1, "{shown}");
    }
    let refuse = changed(DOES, "{ refuse: { groups: all } }").replace("kind: embedded", "kind: toxiproxy");
    assert!(
        explain(&load_base(&refuse).unwrap().plan).contains("connections are ended, and new ones refused")
    );
}

#[test]
fn faults_on_other_nodes_do_not_overlap() {
    let two = "{ reset: { groups: all, nodes: [0] } } }\n  - { name: other, in: steady, at: 2s, for: 2s, do: \
               { reset: { groups: all, nodes: [1] } }";
    let text = changed(DOES, two).replace("backend: embedded,", "backend: embedded, nodes: 2,");
    load_base(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let same = load_base(&text.replace("nodes: [1]", "nodes: [0, 1]")).unwrap_err();
    assert!(same.render(false).contains("scenario::overlap"), "{same}");
}
