//! Commands around runs: a first scenario, the doctor, completions, and what is refused before anything starts.

use std::process::Command;

use shakedown_model::Seed;
use shakedown_model::manifest::Manifest;
use shakedown_record::RunDir;

use crate::support::{Finished, TINY, finish, repository, shakedown};

#[test]
fn a_first_scenario_is_written_once_and_is_valid() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("chaos");
    let done = finish(&["init", folder.to_str().unwrap()]);
    assert_eq!(done.code, 0, "{done:#?}");
    let file = folder.join("first.yaml");
    for next in ["validate", "explain", "shakedown run", "doctor", "baseline accept"] {
        assert!(done.stdout.contains(next), "{}", done.stdout);
    }
    let valid = finish(&["validate", file.to_str().unwrap()]);
    assert!(valid.code == 0 && valid.stderr.is_empty(), "{valid:#?}");
    let seconds = finish(&["explain", file.to_str().unwrap()]);
    assert!(seconds.stdout.contains("recovery"), "{seconds:#?}");

    std::fs::write(&file, "mine").unwrap();
    let again = finish(&["init", folder.to_str().unwrap()]);
    assert!(again.code == 64 && again.stderr.contains("left as it is"), "{again:#?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    let unwritable = finish(&["init", "/proc/none-such/x.yaml"]);
    assert!(unwritable.code == 69 && unwritable.stderr.contains("/proc/none-such"), "{unwritable:#?}");
}

#[test]
fn the_doctor_looks_at_the_machine_and_at_a_scenarios_needs() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("runs");
    let out = out.to_str().unwrap();
    let mut command = shakedown();
    command.env_remove("DOCKER_HOST").args(["doctor", TINY, "--out", out]);
    let done = Finished::from(command.output().unwrap());
    for line in
        ["open files", "ports", "conntrack", "memory", "cores", "clock", "NACOS_HOME", "orphans", "disk"]
    {
        assert!(done.stdout.contains(line), "`{line}` is missing in:\n{}", done.stdout);
    }
    assert!(done.stdout.contains("tiny needs 40 connections"), "{}", done.stdout);
    let mut few_files = Command::new("sh");
    few_files.args(["-c", "ulimit -n 200; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_shakedown")]);
    few_files.args(["doctor", TINY, "--out", out, "--set", "server.backend=process"]);
    few_files.current_dir(repository()).env_remove("NACOS_HOME");
    let done = Finished::from(few_files.output().unwrap());
    assert_eq!(done.code, 69, "{done:#?}");
    for part in ["fail  open files", "fail  NACOS_HOME", "raise the hard limit", "bin/start"] {
        assert!(done.stdout.contains(part), "`{part}` is missing in:\n{}", done.stdout);
    }
    let done = finish(&["doctor", "none-such.yaml"]);
    assert_eq!(done.code, 64, "{done:#?}");
}

#[test]
fn the_doctor_finds_what_a_killed_run_left() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunDir::create(dir.path(), "tiny-20260101-000000-1").unwrap();
    let manifest = Manifest::new("tiny-20260101-000000-1", "tiny", Seed(1));
    run.write_manifest(&Manifest { run_id: 1, ..manifest }).unwrap();
    // Held, as a harness that lives holds it: it goes on.
    let done = finish(&["doctor", "--out", dir.path().to_str().unwrap()]);
    assert!(done.stdout.contains("none; 1 under way"), "{}", done.stdout);
    drop(run);
    let done = finish(&["doctor", "--out", dir.path().to_str().unwrap()]);
    assert!(done.stdout.contains("the harness was killed in"), "{}", done.stdout);
    assert!(done.stdout.contains("tiny-20260101-000000-1"), "{}", done.stdout);
}

#[test]
fn every_shell_gets_a_completion_of_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = finish(&["completions", shell]);
        assert_eq!(done.code, 0, "{done:#?}");
        for command in ["compare", "baseline", "doctor"] {
            assert!(done.stdout.contains(command), "{shell} does not complete `{command}`");
        }
    }
    assert_eq!(finish(&["completions", "cmd"]).code, 64);
}

#[test]
fn what_is_no_run_or_no_baseline_is_refused_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path().to_str().unwrap();
    for args in [vec!["compare", here, here], vec!["report", here], vec!["baseline", "accept", here]] {
        let done = finish(&args);
        assert!(done.code == 64 && done.stderr.contains("manifest.json"), "{done:#?}");
    }
    assert_eq!(finish(&["compare", here]).code, 64, "one run has nothing to be compared with");
    let done = finish(&["baseline", "show", "--dir", here]);
    assert!(done.code == 0 && done.stdout.contains("no baseline"), "{done:#?}");
    std::fs::write(dir.path().join("known.json"), "{}").unwrap();
    let done = finish(&["baseline", "show", "unknown", "--dir", here]);
    assert!(
        done.code == 64 && done.stderr.contains("known in") && done.stderr.contains("known"),
        "{done:#?}"
    );
    let done = finish(&["run", TINY, "--baseline", "none-such.json", "--out", here]);
    assert!(done.code == 64 && done.stderr.contains("none-such.json"), "{done:#?}");
    let done = finish(&["run", TINY, "--keep", "0"]);
    assert_eq!(done.code, 64, "a run keeps at least itself: {done:#?}");
}

#[test]
fn a_secret_is_in_no_plan_that_is_shown_and_in_no_error() {
    let hiding = |args: &[&str]| {
        let mut command = shakedown();
        command.env("SHAKEDOWN_TEST_SECRET", "/srv/hunter2");
        let done = Finished::from(command.args(args).output().unwrap());
        assert!(!format!("{done:?}").contains("hunter2"), "{done:#?}");
        assert!(format!("{done:?}").contains("${env:SHAKEDOWN_TEST_SECRET}"), "{done:#?}");
        done.code
    };
    let secret = "server.home=${env:SHAKEDOWN_TEST_SECRET}";
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    assert_eq!(hiding(&["explain", TINY, "--set", "about=${env:SHAKEDOWN_TEST_SECRET}"]), 0);
    assert_eq!(hiding(&["run", TINY, "--backend", "process", "--set", secret, "--out", out]), 69);
    assert_eq!(hiding(&["validate", TINY, "--set", "items.count=${env:SHAKEDOWN_TEST_SECRET}"]), 64);
    assert_eq!(hiding(&["doctor", TINY, "--set", "server.backend=process", "--set", secret]), 69);
}
