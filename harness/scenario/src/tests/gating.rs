//! Every form of a gate, and what is wrong with those that are not quite one.

use shakedown_model::gate::{Gate, Margin, Measure, Op, Scope, Stat, Threshold};
use shakedown_model::{FaultId, GroupId, PhaseId};

use super::*;

const GATE: &str = "end-to-end.p90 < 300ms in steady for modern";

fn gate(text: &str) -> Gate {
    let loaded = load_base(&changed(GATE, text)).unwrap_or_else(|problems| panic!("{text}: {problems}"));
    loaded.plan.gates.into_iter().next().unwrap()
}

fn refused(text: &str) -> (String, String, String) {
    let problems =
        load_base(&changed(GATE, text)).err().unwrap_or_else(|| panic!("`{text}` must be refused"));
    let all = problems.render(false);
    assert_eq!(problems.len(), 1, "{all}");
    let problem = problems.iter().next().unwrap();
    (problem.code().to_owned(), problem.help().unwrap_or_default().to_owned(), all)
}

#[test]
fn every_measure_has_a_gate() {
    for measure in Measure::ALL.into_iter().filter(|measure| !measure.is_of_service()) {
        let value = if measure.is_share() {
            "20%"
        } else if measure.is_count() {
            "12"
        } else {
            "3s"
        };
        let group = match measure {
            Measure::Publish => "",
            Measure::Failover => " for legacy",
            _ => " for modern",
        };
        let scope = if measure.belongs_to_fault() { " after split" } else { " in steady" };
        let judged = gate(&format!("{measure}.max < {value}{scope}{group}"));
        assert_eq!((judged.measure, judged.stat), (measure, Stat::Max));
        let expected =
            if measure.belongs_to_fault() { Scope::Fault(FaultId(1)) } else { Scope::Phase(PhaseId(1)) };
        assert_eq!(judged.scope, expected, "{measure}");
        assert_eq!(judged.group.is_some(), measure.has_group(), "{measure}");
    }
}

#[test]
fn outages_of_service_are_one_value_per_fault_of_servers() {
    let text = changed("blackhole: { groups: [modern, careful], stream: both }", "kill: {}");
    for measure in Measure::ALL.into_iter().filter(|measure| measure.is_of_service()) {
        for stat in ["", ".max"] {
            let judged = format!("{measure}{stat} < 10s after split");
            let plan = load_base(&text.replace(GATE, &judged)).unwrap_or_else(|found| panic!("{found}")).plan;
            let gate = &plan.gates[0];
            assert_eq!((gate.measure, gate.stat, gate.group), (measure, Stat::Max, None));
            assert_eq!(gate.scope, Scope::Fault(FaultId(1)));
        }
    }
    for (judged, code, part) in [
        ("write-outage < 10s after split", "no_samples", "leader_loss"),
        ("write-outage.p99 < 10s after split", "unknown_stat", "max"),
        ("write-outage < 10s in cut", "wrong_scope", "after FAULT"),
    ] {
        let (found, help, all) = refused(judged);
        assert_eq!(found, format!("scenario::{code}"), "{all}");
        assert!(help.contains(part), "{all}");
    }
    let of_a_group = text.replace(GATE, "write-outage < 10s after split for modern");
    assert!(load_base(&of_a_group).unwrap_err().render(false).contains("not measured per group"));
}

#[test]
fn counts_and_single_values() {
    let attempts = gate("attempts-per-watcher.p90 < 12 after split");
    assert_eq!((attempts.stat, attempts.threshold), (Stat::P90, Threshold::Count(12.0)));
    let convergence = gate("convergence <= 5s in cut for careful");
    assert_eq!((convergence.measure, convergence.stat), (Measure::Convergence, Stat::Max));
    assert_eq!((convergence.op, convergence.group), (Op::AtMost, Some(GroupId(2))));
}

#[test]
fn bounds_that_follow_a_baseline() {
    let margin = |text: &str| match gate(text).threshold {
        Threshold::Baseline(margin) => margin,
        fixed => panic!("{text}: {fixed:?}"),
    };
    assert_eq!(margin("T-all.p50 <= baseline + 10% in steady"), Margin::Relative(0.1));
    assert_eq!(margin("T-all.p50 <= baseline"), Margin::Relative(0.0));
    assert_eq!(margin("publish.max<=baseline+5ms"), Margin::Nanos(5_000_000));
    assert_eq!(margin("reconnect.max < baseline - 5% after split for modern"), Margin::Relative(-0.05));
    assert_eq!(margin("herd-share < baseline + 5pp after split"), Margin::Absolute(0.05));
    assert_eq!(margin("attempts-per-watcher.max <= baseline + 3 after split"), Margin::Absolute(3.0));
}

#[test]
fn what_is_wrong_is_marked_and_the_nearest_is_named() {
    let cases = [
        ("attempts-per-watcher.max < 12s after split", "wrong_unit", "without a unit"),
        ("attempts-per-watcher.max < 12 in cut", "wrong_scope", "after FAULT"),
        ("attempts-per-watchr.max < 12 after split", "unknown_measure", "`attempts-per-watcher`"),
        ("convergence.p99 < 5s", "unknown_stat", "`max`"),
        ("convergence < 5s after split", "wrong_scope", "in PHASE"),
        ("convergance < 5s", "unknown_measure", "did you mean `convergence`?"),
        ("notify < 5s", "missing_stat", "notify.p99"),
        ("fetch.p50 < 5s in stedy", "unknown_phase", "did you mean `steady`?"),
        ("T-all.max <= baselin + 10%", "wrong_unit", "did you mean `baseline`?"),
        ("T-all.max <= baseline * 2", "wrong_unit", "`baseline + 10%`"),
        ("T-all.max <= baseline - 100%", "out_of_range", "above -100%"),
        ("herd-share <= baseline + 5ms after split", "wrong_unit", "5pp"),
    ];
    for (text, code, part) in cases {
        let (found, help, all) = refused(text);
        assert_eq!(found, format!("scenario::{code}"), "{all}");
        assert!(help.contains(part), "{all}");
        assert!(all.contains("base.yaml:26:"), "{all}");
    }
}

#[test]
fn the_schema_takes_every_form() {
    let schema = schema();
    let pattern = crate::gate::pattern();
    assert!(schema.to_string().contains("attempts-per-watcher"), "{pattern}");
    for part in ["baseline", "pp", "convergence", "%"] {
        assert!(pattern.contains(part), "{pattern}");
    }
}

#[test]
fn gates_that_will_lack_samples_are_warned_of() {
    let warned = |text: &str| {
        let warnings = load_base(&changed(GATE, text)).unwrap().warnings;
        warnings.iter().map(|warning| warning.code().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(warned("attempts-per-watcher.p99 < 12 after split"), ["scenario::too_few_samples"]);
    assert!(warned("attempts-per-watcher.p90 < 12 after split").is_empty());
    assert_eq!(warned("notify.p999 < 1s in steady for modern"), ["scenario::too_few_samples"]);
    assert_eq!(warned("convergence < 30s in cut"), ["scenario::beyond_timeout"]);
    assert!(warned("T-all.p50 <= baseline + 10% in steady for modern").is_empty());
}
