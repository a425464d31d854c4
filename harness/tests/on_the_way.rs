//! Answers and streams that the proxies spoil, from the command to the verdict.

use std::fs;

use serde_json::Value;

use crate::support::{CALM, Finished, beside_others, only_run, run_scenario};

/// Runs the calm scenario with these faults, and gives the verdict and each fault's last window.
fn befallen_by(faults: &str) -> (Finished, Vec<Value>) {
    let dir = tempfile::tempdir().unwrap();
    let faults = format!("faults=[{faults}]");
    // Drops and retries may leave a watcher one retry behind at the end.
    let done = run_scenario(CALM, dir.path(), &["--set", &faults, "--set", "delivery-timeout=20s"]);
    let lines = fs::read_to_string(only_run(dir.path()).join("faults.jsonl")).unwrap();
    let mut windows: Vec<Value> = Vec::new();
    for line in lines.lines() {
        let window: Value = serde_json::from_str(line).unwrap();
        windows.retain(|other| other["fault"] != window["fault"]);
        windows.push(window);
    }
    windows.sort_by_key(|window| window["fault"].as_u64());
    (done, windows)
}

fn bit(window: &Value, what: &str) {
    let text = window["bite"]["bit"].as_str().unwrap_or_else(|| panic!("it did not bite: {window:#}"));
    assert!(text.contains(what), "{text}");
}

#[test]
fn the_proxies_spoil_answers_of_both_protocols_and_reset_streams_and_count_it() {
    let _turn = beside_others();
    let (done, windows) = befallen_by(
        "{ name: denied, in: steady, at: 1s, for: 2s, do: { answers: { link: local, with: { status: 503 } } } }, \
         { name: gone, in: steady, at: 3500ms, for: 1s, do: { rst_stream: { groups: [pushed] } } }",
    );
    bit(&windows[0], "calls at 2 proxies");
    bit(&windows[1], "streams at 1 proxy");
    let json = done.json();
    let guarantee = |name: &str| {
        let all = json["guarantees"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap()["outcome"].clone()
    };
    for name in ["nothing-lost", "converges", "monotonic", "intact", "nothing-invented", "isolated"] {
        assert_ne!(guarantee(name), "fail", "{name}: {json:#}");
    }
}

#[test]
fn a_fault_of_pushes_that_met_no_acknowledgement_did_not_bite() {
    let _turn = beside_others();
    let (done, windows) = befallen_by(
        "{ name: deaf, in: warm-up, at: 0s, for: 1s, do: { swallowed_ack: { groups: [pushed], share: 0.0001% } } }",
    );
    assert!(windows[0]["bite"]["missed"].is_string(), "{:#}", windows[0]);
    assert_eq!(done.json()["faults"][0]["outcome"], "unknown");
}
