//! Faults of embedded servers, from the command to the verdict.

use std::fs;

use serde_json::Value;

use crate::support::{CALM, beside_others, only_run, run_scenario};

/// Runs the calm scenario over two nodes with one fault of 1 s, and gives the verdict and the fault's last window.
fn befallen_by(does: &str) -> (Value, Value) {
    let dir = tempfile::tempdir().unwrap();
    let faults = format!("faults=[{{ name: down, in: steady, at: 2s, for: 1s, do: {does} }}]");
    let args =
        ["--set", "server.nodes=2", "--set", &faults, "--set", "gates=[write-outage < 40s after down]"];
    let done = run_scenario(CALM, dir.path(), &args);
    let json = done.json();
    let lines = fs::read_to_string(only_run(dir.path()).join("faults.jsonl")).unwrap();
    (json, serde_json::from_str(lines.lines().last().unwrap()).unwrap())
}

fn seconds(offset: &Value) -> f64 {
    offset.as_f64().unwrap() / 1e9
}

/// The node was without each service from about the onset on, and had it back.
fn was_away(window: &Value, node: usize) {
    let service = &window["service"][node];
    for what in ["write", "read", "push"] {
        let stretches = service[what].as_array().unwrap();
        let first =
            stretches.first().unwrap_or_else(|| panic!("{what} of node {node} never failed: {window:#}"));
        assert!(seconds(&first["until"]) > seconds(&window["applying"]), "{window:#}");
        assert!(stretches.last().unwrap()["until"].is_number(), "{what} did not come back: {window:#}");
    }
}

#[test]
fn a_killed_node_is_seen_to_be_away_and_the_cluster_loses_nothing() {
    let _turn = beside_others();
    let (json, window) = befallen_by("{ kill: { nodes: [1] } }");
    was_away(&window, 1);
    assert!(window["bite"]["bit"].as_str().unwrap().starts_with("befell node 1. "), "{window:#}");
    let fault = &json["faults"][0];
    assert_eq!(
        (fault["outcome"].as_str(), fault["kind"].as_str()),
        (Some("pass"), Some("kill")),
        "{fault:#}"
    );
    assert_eq!(json["gates"][0]["outcome"], "pass", "{json:#}");
    let lost =
        json["guarantees"].as_array().unwrap().iter().find(|one| one["name"] == "nothing-lost").unwrap();
    assert_eq!(lost["outcome"], "pass", "{json:#}");
}

#[test]
fn nodes_that_are_stopped_together_come_back_together() {
    let _turn = beside_others();
    let (json, window) = befallen_by("{ stop: { nodes: all } }");
    was_away(&window, 0);
    was_away(&window, 1);
    // No node took a write for as long as both were away.
    let gate = &json["gates"][0];
    assert_eq!(gate["outcome"], "pass", "{json:#}");
    // An onset may be some milliseconds late, and the end is none the later for it.
    let lasted = seconds(&window["healed"]) - seconds(&window["applying"]);
    assert!(lasted > 0.5, "{window:#}");
}
