//! How config changes, and where items lie: what is planned and what is refused.

use std::fs;

use shakedown_model::plan::{Arrivals, Kinds, PayloadSize, PublishBy, TracePoint};
use shakedown_model::schedule::MutationKind;
use shakedown_model::{ItemId, Offset, Plan, Version};

use super::refusing::check;
use super::*;

const ARRIVALS: &str = "mutations: { arrivals: { poisson: 10/s } }";

fn plan_of(find: &str, replace: &str) -> Plan {
    load_base(&changed(find, replace)).unwrap_or_else(|problems| panic!("{problems}")).plan
}

/// Loads the base scenario, with these mutations, from a folder in which `trace.csv` lies.
fn load_beside(trace: &str, mutations: &str) -> Result<Loaded, Problems> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("trace.csv"), trace).unwrap();
    let file = folder.path().join("base.yaml");
    fs::write(&file, changed(ARRIVALS, mutations)).unwrap();
    load(&file, &Overrides::new())
}

#[test]
fn everything_about_mutations_is_planned_and_explained() {
    let plan = plan_of(
        ARRIVALS,
        "mutations: { arrivals: { constant: 20/s }, kinds: { write: 6, delete: 3, gray: 1 }, \
         gray: { share: 10%, hold: 2s, rolled-back: 25% }, cas: true, by: grpc }",
    );
    assert_eq!(plan.mutator.kinds, Kinds { write: 6, delete: 3, gray: 1 });
    assert_eq!((plan.mutator.gray.cohorts, plan.mutator.cas, plan.mutator.by), (5, true, PublishBy::Grpc));
    for kind in [
        MutationKind::Write,
        MutationKind::Delete,
        MutationKind::Gray,
        MutationKind::Promote,
        MutationKind::Rollback,
    ] {
        assert!(plan.mutations().any(|mutation| mutation.kind == kind), "{kind:?}");
    }
    let text = explain(&plan);
    for line in [
        "  kinds: writes 60%, deletes 30%, gray releases 10%\n",
        "  gray: 5 of 50 cohorts (10%), held for 2s, 25% taken back # ",
        "  cas: true # ",
        "  by: grpc # ",
    ] {
        assert!(text.contains(line), "`{line}` is not in\n{text}");
    }
}

#[test]
fn without_a_word_mutations_write_by_http() {
    let plan = load_base(BASE).unwrap().plan;
    assert_eq!(plan.mutator.kinds, Kinds::default());
    assert_eq!((plan.mutator.cas, plan.mutator.by), (false, PublishBy::Http));
    assert!(explain(&plan).contains("  kinds: writes 100%\n  cas: false\n  by: http # v1\n"));
}

#[test]
fn bursts_come_again_and_again() {
    let plan = plan_of("{ poisson: 10/s }", "{ burst: { count: 8, every: 10s, over: 700ms } }");
    let due: Vec<Offset> = plan.mutations().map(|mutation| mutation.intended).collect();
    assert_eq!((due.len(), due[0], due[7]), (40, Offset::from_secs(10), Offset::from_millis(10_700)));
    assert!(explain(&plan).contains("mutations: bursts of 8 within 700ms, every 10s # 40 planned"));
}

#[test]
fn a_trace_lies_beside_the_scenario_and_becomes_part_of_the_plan() {
    let mutations = "mutations: { arrivals: { trace: trace.csv } }";
    let loaded =
        load_beside("offset,item\n8s,3\n7.5,\n", mutations).unwrap_or_else(|problems| panic!("{problems}"));
    let points = vec![
        TracePoint { at: Offset::from_secs(8), item: Some(ItemId(3)) },
        TracePoint { at: Offset::from_millis(7500), item: None },
    ];
    assert_eq!(loaded.plan.mutator.arrivals, Arrivals::Trace(points));
    assert_eq!(loaded.plan.mutations().count(), 2);
    let late = load_beside("8s\n1000s\n", mutations).unwrap();
    assert!(late.warnings.render(false).contains("1 of 2 arrivals"), "{}", late.warnings);
}

#[test]
fn a_bad_trace_is_refused_by_file_and_line() {
    let mutations = "mutations: { arrivals: { trace: trace.csv } }";
    let refused = |trace: &str, mutations: &str| load_beside(trace, mutations).unwrap_err().render(false);
    let text = refused("8s\nsoon\n9s,400000\n", mutations);
    for part in
        ["trace.csv`, line 2: `soon` is not a time", "line 3: there is no item 400000", "numbered 0 to"]
    {
        assert!(text.replace('\n', " ").contains(part) || text.contains(part), "`{part}` is not in\n{text}");
    }
    assert!(refused("1000s\n", mutations).contains("after the run's end"));
    assert!(refused("", &mutations.replace("trace.csv", "other.csv")).contains("cannot read the trace"));
    let gray = "mutations: { arrivals: { trace: trace.csv }, kinds: { write: 9, gray: 1 } }";
    assert!(refused("8s,3\n", gray).contains("scenario::conflict"));
}

#[test]
fn mutations_that_cannot_be_are_refused() {
    check(&[
        ("{ poisson: 10/s } }", "{ poisson: 10/s }, kinds: {} }", "zero", "write: 90"),
        ("{ poisson: 10/s } }", "{ poisson: 10/s }, kinds: { write: 0 } }", "zero", "write: 90"),
        (
            "{ poisson: 10/s } }",
            "{ poisson: 10/s }, kinds: { write: 1, delte: 1 } }",
            "unknown_key",
            "did you mean `delete`?",
        ),
        ("{ poisson: 10/s } }", "{ poisson: 10/s }, by: htp }", "unknown_word", "did you mean `http`?"),
        (
            "{ poisson: 10/s } }",
            "{ poisson: 10/s }, kinds: { gray: 1 }, gray: { share: 0.9% } }",
            "out_of_range",
            "steps of 2%",
        ),
        (
            "{ poisson: 10/s } }",
            "{ poisson: 10/s }, kinds: { gray: 1 }, gray: { share: 100% } }",
            "out_of_range",
            "steps of 2%",
        ),
        (
            "{ poisson: 10/s } }",
            "{ poisson: 10/s }, kinds: { gray: 1 }, gray: { hold: 0s } }",
            "zero",
            "hold",
        ),
        (
            "{ poisson: 10/s } }",
            "{ poisson: 10/s }, kinds: { gray: 1 }, gray: { hold: 5m } }",
            "too_long",
            "lengthen the phases",
        ),
        ("{ poisson: 10/s }", "{ burst: { count: 0, every: 1s } }", "zero", "count"),
        ("{ poisson: 10/s }", "{ burst: { count: 1, every: 1s, over: 1s } }", "out_of_range", "lower `over`"),
        ("{ poisson: 10/s }", "{ burst: { count: 1, every: 5m } }", "too_long", "lower `every`"),
        ("{ poisson: 10/s }", "{ burst: { count: 100000, every: 1s } }", "too_big", "10000/s"),
    ]);
    let unused = changed("{ poisson: 10/s } }", "{ poisson: 10/s }, gray: { share: 4% } }");
    assert!(load_base(&unused).unwrap().warnings.render(false).contains("scenario::unused"));
}

#[test]
fn items_are_dealt_over_groups_and_namespaces() {
    let plan = plan_of("payload: 1KiB", "payload: 1KiB, groups: [G, H], namespaces: [public, team-a]");
    assert_eq!(plan.items.namespaces, ["", "team-a"]);
    let key = plan.key_of(ItemId(3));
    assert_eq!((key.group.as_str(), key.namespace.as_str()), ("H", "team-a"));
    let text = explain(&plan);
    assert!(text.contains("groups: G, H\n") && text.contains("namespaces: public, team-a\n"), "{text}");
    assert!(text.contains("the same in each place"), "{text}");
}

#[test]
fn sizes_are_drawn() {
    for (written, expected, shown) in [
        (
            "{ uniform: { min: 256B, max: 2KiB } }",
            PayloadSize::Uniform { min: 256, max: 2048 },
            "256B to 2KiB, uniform",
        ),
        (
            "{ pareto: { min: 256B, max: 1MiB } }",
            PayloadSize::Pareto { min: 256, max: 1 << 20, shape: 1.16 },
            "Pareto with shape 1.16",
        ),
        (
            "{ pareto: { min: 256B, max: 1MiB, shape: 2 } }",
            PayloadSize::Pareto { min: 256, max: 1 << 20, shape: 2.0 },
            "Pareto with shape 2",
        ),
    ] {
        let plan = plan_of("payload: 1KiB", &format!("payload: {written}"));
        assert_eq!(plan.items.payload, expected);
        assert!(explain(&plan).contains(shown), "{}", explain(&plan));
    }
    let plan =
        plan_of("payload: 1KiB", "payload: { choice: [ { bytes: 1KiB, weight: 3 }, { bytes: 64KiB } ] }");
    let drawn: Vec<usize> = (1..50).map(|version| plan.payload_bytes(ItemId(1), Version(version))).collect();
    assert!(drawn.contains(&1024) && drawn.contains(&65536));
    assert!(explain(&plan).contains("payload: 1KiB in 75%, 64KiB in 25%"), "{}", explain(&plan));
}

#[test]
fn items_that_cannot_be_are_refused() {
    check(&[
        ("payload: 1KiB", "payload: 1KiB, group: G", "unknown_key", "did you mean `groups`?"),
        ("payload: 1KiB", "payload: 1KiB, namespace: n", "unknown_key", "did you mean `namespaces`?"),
        ("payload: 1KiB", "payload: 1KiB, groups: []", "zero", "a list"),
        ("payload: 1KiB", "payload: 1KiB, groups: [a/b]", "bad_name", "letters, digits"),
        ("payload: 1KiB", "payload: 1KiB, groups: [a, a]", "duplicate", ""),
        ("payload: 1KiB", "payload: { uniform: { min: 2KiB, max: 1KiB } }", "out_of_range", "raise `max`"),
        ("payload: 1KiB", "payload: { uniform: { min: 64B, max: 1KiB } }", "out_of_range", "128B"),
        ("payload: 1KiB", "payload: { choice: [] }", "zero", "choice"),
        ("payload: 1KiB", "payload: { choice: [ { bytes: 1KiB, weight: 0 } ] }", "zero", "weight"),
        ("payload: 1KiB", "payload: { pareto: { min: 1KiB, max: 2KiB, shape: 0 } }", "out_of_range", "1.16"),
        ("payload: 1KiB", "payload: { pareto: { min: 1KiB, max: 2KiB, shape: x } }", "not_a_number", "1.5"),
    ]);
}
