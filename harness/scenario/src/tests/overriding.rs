//! `--set` and `${env:NAME}`.

use std::time::Duration;

use shakedown_model::fault::{FaultDefect, FaultPlan};
use shakedown_model::plan::{Arrivals, Backend, ServerDefect};

use super::*;

fn problem(set: &str) -> (String, String, String) {
    let problems = load_set(BASE, &[set]).err().unwrap_or_else(|| panic!("`{set}` must be refused"));
    assert_eq!(problems.len(), 1, "{problems}");
    let problem = problems.iter().next().unwrap();
    assert_eq!(problem.source_name(), Some("--set"), "{problems}");
    assert!(problems.to_string().contains(set), "the override is shown\n{problems}");
    (problem.code().to_owned(), problem.to_string(), problem.help().unwrap_or_default().to_owned())
}

#[test]
fn values_are_overridden_by_path() {
    let set = [
        "seed=9",
        "watchers.legacy.count=50",
        "phases.0.for=6s",
        "phases.steady.for=7s",
        "server.embedded.defect=lose-write",
        "mutations.arrivals.constant=5/s",
        "links.mobile.toxics.latency.jitter=10ms",
        "gates=[]",
    ];
    let plan = load_set(BASE, &set).unwrap_or_else(|problems| panic!("{problems}")).plan;
    assert_eq!(plan.seed.0, 9);
    assert_eq!(plan.groups[0].count, 50);
    assert_eq!(plan.phases[1].until.since_start(), Duration::from_secs(13));
    assert_eq!(plan.server.embedded.defect, Some(ServerDefect::LoseWrite));
    assert_eq!(plan.mutator.arrivals, Arrivals::Constant { per_second: 5.0 });
    assert!(plan.gates.is_empty());
}

#[test]
fn a_fault_is_made_toothless_with_all_its_times_and_explain_says_so() {
    let repeated = changed("{ name: split,", "{ repeat: { every: 4s, times: 2 }, name: split,");
    for text in [BASE, &repeated] {
        let plan = load_set(text, &["gates=[]", "faults.split.for=1s", "faults.split.defect=toothless"])
            .unwrap()
            .plan;
        let is_toothless = |fault: &&FaultPlan| fault.defect == Some(FaultDefect::Toothless);
        let named = |fault: &&FaultPlan| fault.name.starts_with("split");
        assert!(plan.faults.iter().filter(named).all(|fault| is_toothless(&fault)));
        assert_eq!(plan.faults.iter().filter(is_toothless).count(), plan.faults.iter().filter(named).count());
        assert!(explain(&plan).contains("defect: toothless"));
    }
    let plan = load_set(BASE, &[]).unwrap().plan;
    assert!(plan.faults.iter().all(|fault| fault.defect.is_none()) && !explain(&plan).contains("toothless"));
}

#[test]
fn later_overrides_win() {
    let plan = load_set(BASE, &["seed=8", "seed=9"]).unwrap().plan;
    assert_eq!(plan.seed.0, 9);
}

#[test]
fn key_that_the_file_leaves_out_can_be_set() {
    let text = changed("server: { backend: embedded, embedded: { dump-tick: 50ms } }\n", "");
    let loaded = load_set(&text, &["server.backend=process"]).unwrap();
    assert_eq!(loaded.plan.server.backend, Backend::Process);
}

#[test]
fn override_of_an_unknown_path_names_the_nearest() {
    assert_eq!(problem("servr.backend=process").2, "did you mean `server`?");
    assert_eq!(problem("server.bakend=process").2, "did you mean `backend`?");
    assert_eq!(problem("watchers.legaci.count=5").2, "did you mean `legacy`?");
    assert_eq!(problem("watchers.9.count=5").0, "scenario::unknown_path");
    assert_eq!(problem("seed.deep=5").0, "scenario::unknown_path");
    assert_eq!(problem("gates.7=publish.max < 1s").0, "scenario::unknown_path");
    assert_eq!(problem("seed").0, "scenario::bad_override");
    assert_eq!(problem("=5").0, "scenario::bad_override");
}

#[test]
fn ill_formed_override_is_marked_in_the_override() {
    assert_eq!(problem("phases.steady.for=7").0, "scenario::wrong_unit");
    assert_eq!(problem("watchers.legacy.count=").0, "scenario::missing_key");
    assert_eq!(problem("gates=[").0, "scenario::syntax");
    let (code, message, help) = problem("gates.0=end-to-end.p90 < 1s in stedy");
    assert_eq!(
        (code.as_str(), help.as_str()),
        ("scenario::unknown_phase", "did you mean `steady`?"),
        "{message}"
    );
}

#[test]
fn copy_names_the_overrides_and_is_verbatim_otherwise() {
    let loaded = load_set(BASE, &["seed=9", "about=two\nlines"]).unwrap();
    let added = loaded.text.strip_prefix(BASE).expect("the file's text comes first");
    assert!(added.contains("#   --set seed=9\n"), "{added}");
    assert!(added.lines().all(|line| line.is_empty() || line.starts_with('#')), "{added}");
    assert_eq!(load_base(&loaded.text).unwrap().plan.seed.0, 7);
}

#[test]
fn environment_is_read_and_never_shown() {
    let text = changed("payload: 1KiB", "payload: 1KiB, namespaces: [\"ns-${env:SECRET}\"]");
    let loaded = load_base(&text).unwrap();
    assert_eq!(loaded.plan.items.namespaces, ["ns-s3cr3t"]);
    assert_eq!(loaded.text, text);
    let set = load_set(BASE, &["items.namespaces=[\"${env:SECRET}\"]"]).unwrap();
    assert_eq!(set.plan.items.namespaces, ["s3cr3t"]);
    assert!(!set.text.contains("s3cr3t"), "{}", set.text);
    for (find, replace) in [
        ("payload: 1KiB", "payload: \"${env:SECRET}\""),
        ("backend: embedded", "backend: \"${env:SECRET}\""),
        ("count: 10,", "count: \"${env:SECRET}\","),
        ("reads: 1/s", "source: \"${env:SECRET}\""),
        ("like: nacos-node", "like: \"${env:SECRET}\""),
    ] {
        let problems = load_base(&changed(find, replace)).unwrap_err().render(false);
        assert!(problems.contains("${env:SECRET}") && !problems.contains("s3cr3t"), "{problems}");
    }
}

#[test]
fn missing_variable_is_the_only_problem() {
    for (value, code) in [
        ("${env:NOWHERE}", "scenario::missing_env"),
        ("${file:x}", "scenario::bad_reference"),
        ("${env:}", "scenario::bad_reference"),
        ("${env:X", "scenario::bad_reference"),
    ] {
        let problems = load_base(&changed("payload: 1KiB", &format!("payload: \"{value}\""))).unwrap_err();
        assert_eq!(problems.iter().map(crate::Problem::code).collect::<Vec<_>>(), [code], "{problems}");
        assert_eq!(problems.iter().next().unwrap().line(), Some(9));
    }
}
