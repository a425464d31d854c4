//! `selftest`: planted defects that break what they declare, and clean runs. CI tries the whole matrix in its second stage;
//! here is one defect for each guarantee, whose bounds a busy machine does not reach.

use serde_json::Value;

use crate::support::{Finished, beside_others, finish};

/// One defect for each guarantee.
const DEFECTS: [&str; 10] = [
    "lose-write",
    "forget-watcher",
    "answer-old",
    "tear-content",
    "invent-version",
    "cross-items",
    "call-twice",
    "no-backoff",
    "torn-snapshot",
    "take-invalid",
];

fn selftest(dir: &std::path::Path, args: &[&str]) -> Finished {
    let mut all = vec!["selftest", "--json", "--out", dir.to_str().unwrap()];
    all.extend(args);
    finish(&all)
}

#[test]
fn each_planted_defect_breaks_exactly_what_it_declares_and_a_clean_run_nothing() {
    let _turn = beside_others();
    let dir = tempfile::tempdir().unwrap();
    let mut args = vec!["--seeds", "1", "--lanes", "4"];
    args.extend(DEFECTS.iter().flat_map(|name| ["--only", *name]));
    let done = selftest(dir.path(), &args);
    assert_eq!(done.code, 0, "{done:#?}");
    let json = done.json();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), DEFECTS.len());
    let mut broken: Vec<&str> = rows
        .iter()
        .flat_map(|row| row["found"]["guarantees"].as_array().unwrap())
        .filter_map(Value::as_str)
        .collect();
    broken.sort_unstable();
    broken.dedup();
    assert_eq!(broken.len(), shakedown_model::verdict::Guarantee::ALL.len(), "{broken:?}");
    assert!(json["clean"].as_array().unwrap().iter().all(|run| run["outcome"] == "exact"), "{json:#}");
    let matrix = std::fs::read_to_string(dir.path().join("matrix.md")).unwrap();
    assert!(
        matrix.contains("PASS: 10 of 10 planted defects") && matrix.contains("| tear-content | "),
        "{matrix}"
    );
    // What was as it must be leaves no run behind.
    let left: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn a_defect_that_is_not_there_is_named_with_those_that_are() {
    let dir = tempfile::tempdir().unwrap();
    let done = selftest(dir.path(), &["--only", "lose-everything"]);
    assert_eq!(done.code, 64, "{done:#?}");
    assert!(done.stderr.contains("`lose-everything`") && done.stderr.contains("lose-write"), "{done:#?}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let done = selftest(&file, &["--only", "lose-write", "--seeds", "0"]);
    assert_eq!(done.code, 69, "{done:#?}");
    assert!(done.stderr.contains("file"), "{done:#?}");
}
