//! Runs over several embedded nodes.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::support::{CALM, Finished, beside_others, only_run, run_scenario};

const NODES: &str = "server.nodes=3";

fn outcome<'a>(json: &'a Value, guarantee: &str) -> &'a str {
    let all = json["guarantees"].as_array().unwrap();
    all.iter().find(|one| one["name"] == guarantee).unwrap()["outcome"].as_str().unwrap()
}

fn over_three_nodes(dir: &tempfile::TempDir, settings: &[&str]) -> Finished {
    let mut args = vec!["--set", NODES];
    for setting in settings {
        args.extend(["--set", setting]);
    }
    run_scenario(CALM, dir.path(), &args)
}

#[test]
fn every_node_serves_the_last_version_although_broadcasts_are_lost() {
    let _turn = beside_others();
    let dir = tempfile::tempdir().unwrap();
    let lossy = ["server.embedded.broadcast-loss=20%", "server.embedded.broadcast-timeout=100ms"];
    let done = over_three_nodes(&dir, &lossy);
    let json = done.json();
    for guarantee in ["nothing-lost", "converges", "monotonic", "nothing-invented"] {
        assert_eq!(outcome(&json, guarantee), "pass", "{json:#}");
    }
    let run = only_run(dir.path());
    let plan: Value = serde_json::from_slice(&fs::read(run.join("plan.json")).unwrap()).unwrap();
    assert_eq!(plan["server"]["nodes"], 3);
    let parts = fs::read_to_string(run.join("parts.jsonl")).unwrap();
    let samples = parts.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let names: BTreeSet<_> = samples.map(|sample| sample["part"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["nacos-0", "nacos-1", "nacos-2", "proxy"]);
}

#[test]
fn nodes_that_are_never_told_and_never_look_end_the_set_up_with_the_reason() {
    let _turn = beside_others();
    let dir = tempfile::tempdir().unwrap();
    // Not even the first versions come, which is said before anything is measured.
    let deaf = ["server.embedded.broadcast-loss=100%", "server.embedded.change-scan=none"];
    let done = over_three_nodes(&dir, &deaf);
    assert_eq!(done.code, 69, "{done:#?}");
    assert!(done.stderr.contains("was published, but node"), "{done:#?}");
}

#[test]
fn a_defect_is_found_on_several_nodes_too() {
    let _turn = beside_others();
    let dir = tempfile::tempdir().unwrap();
    let done = over_three_nodes(&dir, &["server.embedded.defect=lose-write", "delivery-timeout=4s"]);
    let json = done.json();
    assert_eq!(done.code, 2, "{json:#}");
    assert_eq!(outcome(&json, "nothing-lost"), "fail", "{json:#}");
}
