//! One whole run, and judging it again.

use std::fs;
use std::path::Path;

use crate::support::{
    Finished, TINY, WITHOUT_THE_RACE, alone, finish, only_run, run_scenario, shakedown_on_a_full_disk,
};

#[test]
fn a_clean_run_passes_and_leaves_everything_that_a_reader_needs() {
    let turn = alone();
    let (dir, done) = once_more_without_a_verdict(|dir| {
        run_scenario(TINY, dir, &[&WITHOUT_THE_RACE[..], &["--seed", "7"]].concat())
    });
    drop(turn);
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
        "parts.jsonl",
        "verdict.json",
        "series.json",
        "summary.txt",
        "summary.md",
        "report.html",
        "junit.xml",
        "histograms/run.hlog",
    ] {
        assert!(fs::metadata(run.join(file)).is_ok_and(|meta| meta.len() > 0), "{file} is missing or empty");
    }
    for chart in fs::read_dir(run.join("charts")).unwrap() {
        assert!(chart.unwrap().metadata().unwrap().len() > 0);
    }
    the_harness_own_share_is_shown(&run, &json);
    judged_again_it_is_the_same(&run, &json);
    a_full_disk_loses_the_report_and_not_the_verdict(&run);
    damage_is_named_and_never_a_pass(&run);
}

/// A run, and another one when the machine was too busy for a verdict on the first.
fn once_more_without_a_verdict(run: impl Fn(&Path) -> Finished) -> (tempfile::TempDir, Finished) {
    let first = tempfile::tempdir().unwrap();
    let done = run(first.path());
    if done.code != 3 {
        return (first, done);
    }
    let second = tempfile::tempdir().unwrap();
    let done = run(second.path());
    (second, done)
}

fn the_harness_own_share_is_shown(run: &Path, json: &serde_json::Value) {
    let rows = json["own_share"].as_array().unwrap();
    let shares: Vec<&str> = rows.iter().map(|row| row["share"].as_str().unwrap()).collect();
    assert_eq!(shares, ["receive-queue", "decode", "verify", "record", "behind-the-stamp"], "{rows:#?}");
    for row in rows {
        let [p50, max] = ["p50_ns", "max_ns"].map(|key| row[key].as_u64().unwrap());
        assert!(row["count"].as_u64().unwrap() > 0 && 0 < p50 && p50 <= max, "{row}");
    }
    for file in ["summary.txt", "summary.md", "report.html"] {
        assert!(fs::read_to_string(run.join(file)).unwrap().contains("own share"), "{file}");
    }
}

fn judged_again_it_is_the_same(run: &Path, first: &serde_json::Value) {
    let again = finish(&["check", run.to_str().unwrap(), "--json"]);
    assert_eq!(again.code, 0, "{again:#?}");
    assert_eq!(again.json()["measures"], first["measures"]);
    assert_eq!(again.json()["guarantees"], first["guarantees"]);
}

fn a_full_disk_loses_the_report_and_not_the_verdict(run: &Path) {
    let mut check = shakedown_on_a_full_disk(20);
    let done = Finished::from(check.args(["check", run.to_str().unwrap()]).output().unwrap());
    assert_eq!(done.code, 69, "{done:#?}");
    assert!(done.stdout.starts_with("PASS"), "{}", done.stdout);
    assert!(done.stderr.contains("make room") && done.stderr.contains("shakedown check"), "{}", done.stderr);
}

/// A file's content, damaged; `None` removes it.
type Damage = fn(Vec<u8>) -> Option<Vec<u8>>;

/// Damages each file in turn, checks, and mends it again.
fn damage_is_named_and_never_a_pass(run: &Path) {
    let garbage = |_: Vec<u8>| Some(vec![0xfe; 5000]);
    let half = |bytes: Vec<u8>| Some(bytes[..bytes.len() / 2].to_vec());
    let flipped = |mut bytes: Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        Some(bytes)
    };
    let gone = |_: Vec<u8>| None;
    let late = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        Some(text.replace("\"ended\": ", "\"ended\": 9999999").into_bytes())
    };
    let crowded = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        Some(text.replace("\"count\": 20", "\"count\": 4000000000").into_bytes())
    };
    let damages: [(&str, Damage, i32); 14] = [
        ("manifest.json", gone, 64),
        ("manifest.json", half, 64),
        ("manifest.json", late, 64),
        ("plan.json", gone, 64),
        ("plan.json", half, 64),
        ("plan.json", crowded, 64),
        ("history.bin", gone, 64),
        ("history.bin", garbage, 64),
        ("history.bin", half, 3),
        ("history.bin", flipped, 3),
        ("faults.jsonl", garbage, 64),
        ("faults.jsonl", gone, 3),
        ("self.jsonl", garbage, 64),
        ("self.jsonl", gone, 3),
    ];
    for (file, damage, code) in damages {
        let path = run.join(file);
        let whole = fs::read(&path).unwrap();
        match damage(whole.clone()) {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let done = finish(&["check", run.to_str().unwrap()]);
        assert_eq!(done.code, code, "{file}: {done:#?}");
        if code == 64 {
            assert!(done.stderr.contains(file), "{file}: {}", done.stderr);
        } else {
            assert!(
                done.stdout.starts_with("INVALID") || done.stdout.starts_with("UNKNOWN"),
                "{}",
                done.stdout
            );
        }
        fs::write(&path, whole).unwrap();
    }
}
