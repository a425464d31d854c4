//! Commands that start no run: validate, explain, schema, check, and bad input.

use crate::support::{TINY, finish};

#[test]
fn every_committed_scenario_is_valid() {
    for scenario in
        ["scenarios/smoke/quickstart.yaml", "scenarios/smoke/real.yaml", "scenarios/smoke/calm.yaml", TINY]
    {
        let done = finish(&["validate", scenario]);
        assert_eq!(done.code, 0, "{done:#?}");
    }
}

#[test]
fn explain_shows_absolute_instants_and_the_seed() {
    let done = finish(&["explain", TINY, "--seed", "4242"]);
    assert_eq!(done.code, 0, "{done:#?}");
    assert!(done.stdout.contains("4242"), "{}", done.stdout);
}

#[test]
fn the_schema_printed_is_the_schema_committed() {
    let done = finish(&["schema"]);
    let committed =
        std::fs::read_to_string(crate::support::repository().join("scenarios/schema.json")).unwrap();
    let committed: serde_json::Value = serde_json::from_str(&committed).unwrap();
    assert_eq!(done.json(), committed);
}

/// A scenario with a problem each, and what its message must hold.
fn refused(text: &str, args: &[&str], expected: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.yaml");
    std::fs::write(&file, text).unwrap();
    for command in ["validate", "run"] {
        let out = dir.path().join("runs");
        let mut all = vec![command, file.to_str().unwrap()];
        all.extend(args);
        if command == "run" {
            all.extend(["--out", out.to_str().unwrap()]);
        }
        let done = finish(&all);
        assert_eq!(done.code, 64, "{done:#?}");
        for part in expected {
            assert!(done.stderr.contains(part), "`{part}` is missing in:\n{}", done.stderr);
        }
        assert!(!out.exists(), "something was started");
    }
}

fn tiny_with(from: &str, to: &str) -> String {
    let text = std::fs::read_to_string(crate::support::repository().join(TINY)).unwrap();
    assert!(text.contains(from), "the tiny scenario has no `{from}`");
    text.replacen(from, to, 1)
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_a_suggestion() {
    refused(&tiny_with("phases:", "phasess:"), &[], &["phasess", "phases", "bad.yaml"]);
}

#[test]
fn every_problem_is_reported_at_once() {
    let text = format!("{}\nnonsense: 1\n", tiny_with("seed:", "sead:"));
    refused(&text, &[], &["sead", "nonsense"]);
}

#[test]
fn an_override_of_a_key_that_does_not_exist_is_refused() {
    refused(&tiny_with("seed:", "seed:"), &["--set", "sever.backend=embedded"], &["sever", "server"]);
}

#[test]
fn a_missing_scenario_is_named() {
    let done = finish(&["run", "scenarios/none-such.yaml"]);
    assert_eq!(done.code, 64, "{done:#?}");
    assert!(done.stderr.contains("none-such.yaml"), "{}", done.stderr);
}

#[test]
fn more_watchers_than_open_files_allow_are_refused_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("runs");
    let done = finish(&[
        "run",
        TINY,
        "--out",
        out.to_str().unwrap(),
        "--set",
        "watchers.polling.count=9000",
        "--set",
        "watchers.pushed.count=9000",
    ]);
    assert_eq!(done.code, 69, "{done:#?}");
    assert!(done.stderr.contains("open files"), "{}", done.stderr);
    assert!(!out.exists());
}

#[test]
fn a_process_backend_without_a_home_says_what_to_give() {
    let dir = tempfile::tempdir().unwrap();
    let done = finish(&["run", TINY, "--backend", "process", "--out", dir.path().to_str().unwrap()]);
    assert_eq!(done.code, 69, "{done:#?}");
    assert!(done.stderr.contains("NACOS_HOME"), "{}", done.stderr);
}

#[test]
fn a_home_without_a_server_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().to_str().unwrap();
    let done = finish(&["run", TINY, "--backend", "process", "--nacos-home", home, "--out", home]);
    assert_eq!(done.code, 69, "{done:#?}");
    assert!(done.stderr.contains("bin/start"), "{}", done.stderr);
}

#[test]
fn a_server_that_ends_while_it_starts_is_reported_with_its_log() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("bin")).unwrap();
    let start = dir.path().join("bin/start");
    std::fs::write(&start, "#!/bin/sh\necho no memory for this server\nexit 7\n").unwrap();
    std::fs::set_permissions(&start, std::fs::Permissions::from_mode(0o755)).unwrap();
    let home = dir.path().to_str().unwrap();
    let done = finish(&["run", TINY, "--backend", "process", "--nacos-home", home, "--out", home]);
    assert_eq!(done.code, 69, "{done:#?}");
    assert!(done.stderr.contains("no memory for this server"), "{}", done.stderr);
}

#[test]
fn checking_what_is_no_run_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let done = finish(&["check", dir.path().to_str().unwrap()]);
    assert_eq!(done.code, 64, "{done:#?}");
    assert!(done.stderr.contains("manifest.json"), "{}", done.stderr);
}
