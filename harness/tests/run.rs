//! One whole run, and judging it again.

use std::fs;

use crate::support::{TINY, finish, one_run_at_a_time, only_run, run_scenario};

#[test]
fn a_clean_run_passes_and_leaves_everything_that_a_reader_needs() {
    let _turn = one_run_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let done = run_scenario(TINY, dir.path(), &["--seed", "7"]);
    assert_eq!(done.code, 0, "{done:#?}");
    let json = done.json();
    assert_eq!(json["verdict"], "pass", "{json:#}");
    assert_eq!(json["exit_code"], 0);
    let run = only_run(dir.path());
    for file in [
        "manifest.json",
        "plan.json",
        "scenario.yaml",
        "history.bin",
        "faults.jsonl",
        "self.jsonl",
        "verdict.json",
        "series.json",
        "summary.txt",
        "report.html",
        "junit.xml",
    ] {
        assert!(fs::metadata(run.join(file)).is_ok_and(|meta| meta.len() > 0), "{file} is missing or empty");
    }
    for chart in fs::read_dir(run.join("charts")).unwrap() {
        assert!(chart.unwrap().metadata().unwrap().len() > 0);
    }
    judged_again_it_is_the_same(&run, &json);
    a_corrupt_history_is_no_pass(&run);
}

fn judged_again_it_is_the_same(run: &std::path::Path, first: &serde_json::Value) {
    let again = finish(&["check", run.to_str().unwrap(), "--json"]);
    assert_eq!(again.code, 0, "{again:#?}");
    assert_eq!(again.json()["measures"], first["measures"]);
    assert_eq!(again.json()["guarantees"], first["guarantees"]);
}

fn a_corrupt_history_is_no_pass(run: &std::path::Path) {
    let path = run.join("history.bin");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&path, bytes).unwrap();
    let done = finish(&["check", run.to_str().unwrap()]);
    assert_eq!(done.code, 3, "{done:#?}");
    assert!(done.stdout.contains("corrupt"), "{}", done.stdout);
}
