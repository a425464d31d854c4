//! The floor, by `calibrate` alone and before a run.

use serde_json::Value;

use crate::support::{CALM, TINY, beside_others, finish, only_run, run_scenario, shakedown};

/// Ascending, above zero, and as many as connections times rounds.
fn sound(floor: &Value, connections: u64, rounds: u64) {
    let stats: Vec<u64> =
        floor["stats_ns"].as_array().unwrap().iter().map(|ns| ns.as_u64().unwrap()).collect();
    assert!(stats[0] > 0 && stats.is_sorted(), "{floor}");
    assert_eq!(floor["shape"]["connections"], connections, "{floor}");
    assert_eq!(floor["count"], connections * rounds, "{floor}");
    assert!(floor["last_ns"].as_u64().unwrap() <= stats[4], "{floor}");
}

#[test]
fn calibrate_measures_every_chain_between_two_processes() {
    let done = finish(&["calibrate", "--connections", "200", "--payload", "2KiB", "--rounds", "3", "--json"]);
    assert_eq!(done.code, 0, "{done:#?}");
    let floors = done.json();
    let chains: Vec<&str> =
        floors.as_array().unwrap().iter().map(|floor| floor["shape"]["chain"].as_str().unwrap()).collect();
    assert_eq!(chains, ["one-message", "long-poll", "grpc-push"]);
    floors.as_array().unwrap().iter().for_each(|floor| sound(floor, 200, 3));
}

#[test]
fn calibrate_takes_the_fan_outs_of_a_scenario() {
    let done = finish(&["calibrate", TINY, "--rounds", "1", "--set", "items.payload=4KiB"]);
    assert_eq!(done.code, 0, "{done:#?}");
    assert!(done.stdout.contains("six messages") && done.stdout.contains("4,096 B"), "{done:#?}");
}

#[test]
fn a_floor_of_more_connections_than_files_is_missing_something() {
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -n 60; exec \"$0\" calibrate --connections 500 --rounds 1"]);
    limited.arg(shakedown().get_program());
    let done = crate::support::Finished::from(limited.output().unwrap());
    assert_eq!(done.code, 69, "{done:#?}");
    assert!(done.stderr.contains("open files"), "{done:#?}");
}

#[test]
fn a_calibrated_run_sets_its_figures_beside_the_floor() {
    let _quiet = beside_others();
    let out = tempfile::tempdir().unwrap();
    let done = run_scenario(CALM, out.path(), &["--calibrate"]);
    assert!([0, 1, 3].contains(&done.code), "{done:#?}");
    let floors = done.json()["floors"].clone();
    assert!(!floors.as_array().unwrap().is_empty(), "{floors}");
    let run = only_run(out.path());
    for file in ["report.html", "summary.md", "summary.txt"] {
        let text = std::fs::read_to_string(run.join(file)).unwrap();
        assert!(text.contains("Beside the floor") && text.contains('×'), "{file}");
    }
}
