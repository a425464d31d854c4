//! Runs whose watchers are in worker processes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{
    CALM, Finished, Reaped, TINY, WITHOUT_THE_RACE, beside_others, finish, only_run, run_scenario, shakedown,
    wait_for,
};

const SOON: Duration = Duration::from_secs(30);
const TWO: [&str; 2] = ["--set", "workers=2"];

/// The workers of a harness process, by their ids.
fn workers_of(harness: u32) -> Vec<u32> {
    children_of(harness, "worker")
}

/// The processes that a harness process started with this command, by their ids.
fn children_of(harness: u32, command: &str) -> Vec<u32> {
    let is_one = |id: &u32| {
        let parent = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let parent = parent.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        parent == Some(harness) && line.split(|byte| *byte == 0).any(|word| word == command.as_bytes())
    };
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_one).collect()
}

fn is_alive(id: u32) -> bool {
    // A zombie is dead: only its parent has not looked yet.
    fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn kill(id: u32) {
    signal("-KILL", id);
}

fn signal(signal: &str, id: u32) {
    assert!(Command::new("kill").args([signal, &id.to_string()]).status().unwrap().success());
}

/// A run with two workers that has recorded something.
fn under_way(out: &Path) -> (Reaped, Vec<u32>) {
    let child = recording(TINY, out, &TWO);
    let workers = workers_of(child.0.id());
    assert_eq!(workers.len(), 2, "{workers:?}");
    (child, workers)
}

/// A run that has recorded something.
fn recording(scenario: &str, out: &Path, args: &[&str]) -> Reaped {
    let mut command = shakedown();
    command.args(["run", scenario, "--out", out.to_str().unwrap()]).args(args);
    let child = Reaped(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    wait_for("the first recorded events", SOON, || {
        let run = fs::read_dir(out).ok()?.next()?.ok()?.path();
        (fs::metadata(run.join("history.bin")).ok()?.len() > 4096).then_some(())
    });
    child
}

#[test]
fn two_workers_see_what_one_process_would_and_leave_a_whole_history() {
    let dir = tempfile::tempdir().unwrap();
    let turn = beside_others();
    let done = run_scenario(TINY, dir.path(), &[&WITHOUT_THE_RACE[..], &TWO, &["--seed", "7"]].concat());
    drop(turn);
    // On a busy machine it may be invalid (3); what it saw is judged all the same.
    assert!([0, 3].contains(&done.code), "{done:#?}");
    let run = only_run(dir.path());
    let manifest: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(run.join("manifest.json")).unwrap()).unwrap();
    assert_eq!((&manifest["workers"], &manifest["status"]), (&2.into(), &"complete".into()), "{manifest:#}");
    let json = done.json();
    let finding = |name: &str| {
        let findings = json["validity"]["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["name"] == name).unwrap().clone()
    };
    assert_eq!(finding("recording")["outcome"], "pass", "{json:#}");
    // Everybody is there, and the cut and the crash were seen by every watcher of theirs.
    assert!(finding("ramp")["text"].as_str().unwrap().ends_with("; 0 never were"), "{json:#}");
    assert!(finding("fault-bites")["text"].as_str().unwrap().starts_with("3 "), "{json:#}");
    let safety = ["monotonic", "intact", "nothing-invented", "isolated"];
    for guarantee in json["guarantees"].as_array().unwrap() {
        if done.code != 0 && !safety.contains(&guarantee["name"].as_str().unwrap()) {
            continue;
        }
        assert_ne!(guarantee["outcome"], "fail", "{guarantee:#}");
    }
    let parts = fs::read_to_string(run.join("parts.jsonl")).unwrap();
    assert!(parts.contains("\"worker-0\"") && parts.contains("\"worker-1\""), "{parts}");
    let again = finish(&["check", run.to_str().unwrap(), "--json"]);
    assert_eq!(again.json()["measures"], json["measures"]);
}

#[test]
fn a_worker_that_is_killed_ends_the_run_and_is_named() {
    let _turn = beside_others();
    let out = tempfile::tempdir().unwrap();
    let (child, workers) = under_way(out.path());
    kill(workers[1]);
    let done = Finished::from(wait_with_output(child));
    assert_has_no_verdict_by(workers[1], &done);
    let name = format!("(process {})", workers[1]);
    assert!(done.stderr.contains(&name) && done.stderr.contains("SIGKILL"), "{}", done.stderr);
    assert!(workers.iter().all(|id| !is_alive(*id)), "the other one was ended with the run");
}

#[test]
fn workers_end_by_themselves_when_the_harness_is_killed() {
    let _turn = beside_others();
    let out = tempfile::tempdir().unwrap();
    let (child, workers) = under_way(out.path());
    kill(child.0.id());
    wait_for("the workers' end", SOON, || workers.iter().all(|id| !is_alive(*id)).then_some(()));
    drop(child);
    let judged = finish(&["check", only_run(out.path()).to_str().unwrap()]);
    assert_eq!(judged.code, 3, "a killed run has no verdict: {judged:#?}");
}

#[test]
fn a_worker_without_a_harness_says_who_starts_it() {
    let done = finish(&["worker"]);
    assert_eq!(done.code, 69, "{done:#?}");
    assert!(done.stderr.contains("started by `shakedown run`"), "{}", done.stderr);
}

/// Waits for the end, reading both outputs meanwhile.
fn wait_with_output(mut child: Reaped) -> std::process::Output {
    use std::io::Read as _;
    let mut stderr = child.0.stderr.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).map(|_| text)
    });
    let mut stdout = Vec::new();
    child.0.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
    let status = child.0.wait().unwrap();
    std::process::Output { status, stdout, stderr: reading.join().unwrap().unwrap() }
}

#[test]
fn proxies_leave_a_process_that_cannot_hold_them_and_faults_find_all_of_them() {
    let _turn = beside_others();
    let out = tempfile::tempdir().unwrap();
    // 40 watchers take 160 files beside the 300 of every process: two workers, and a proxy process for each.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 370; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_shakedown")]);
    command.args(["run", TINY, "--json", "--out", out.path().to_str().unwrap()]).args(WITHOUT_THE_RACE);
    command.current_dir(crate::support::repository()).stdin(Stdio::null());
    let done = Finished::from(command.output().unwrap());
    assert!([0, 3].contains(&done.code), "{done:#?}");
    let run = only_run(out.path());
    let parts = fs::read_to_string(run.join("parts.jsonl")).unwrap();
    for part in ["worker-0", "worker-1", "proxy-0", "proxy-1"] {
        assert!(parts.contains(&format!("\"{part}\"")), "{part} is not in {parts}");
    }
    let manifest = fs::read_to_string(run.join("manifest.json")).unwrap();
    assert!(manifest.contains("embedded proxy, 2 processes"), "{manifest}");
    let json = done.json();
    let findings = json["validity"]["findings"].as_array().unwrap();
    let text = |name: &str| {
        let finding = findings.iter().find(|finding| finding["name"] == name).unwrap();
        finding["text"].as_str().unwrap().to_owned()
    };
    assert!(text("fault-bites").starts_with("3 "), "{json:#}");
    assert!(text("ramp").ends_with("; 0 never were"), "{json:#}");
    assert!(text("recording").contains("whole"), "{json:#}");
}

#[test]
fn watchers_go_straight_to_the_servers_where_there_are_no_proxies() {
    let _turn = beside_others();
    let out = tempfile::tempdir().unwrap();
    let done =
        run_scenario(CALM, out.path(), &["--proxy", "none", "--set", "workers=2", "--set", "server.nodes=2"]);
    assert!([0, 3].contains(&done.code), "{done:#?}");
    let run = only_run(out.path());
    let manifest = fs::read_to_string(run.join("manifest.json")).unwrap();
    assert!(manifest.contains("none: watchers go straight to the servers"), "{manifest}");
    let parts = fs::read_to_string(run.join("parts.jsonl")).unwrap();
    assert!(parts.contains("\"worker-1\"") && !parts.contains("\"proxy"), "{parts}");
    let findings = done.json()["validity"]["findings"].as_array().unwrap().clone();
    let ramp = findings.iter().find(|finding| finding["name"] == "ramp").unwrap();
    assert!(ramp["text"].as_str().unwrap().ends_with("; 0 never were"), "{ramp:#}");
    let refused = run_scenario(TINY, out.path(), &["--proxy", "none"]);
    assert_eq!(refused.code, 64, "{refused:#?}");
    assert!(refused.stderr.contains("this fault acts on proxies"), "{}", refused.stderr);
}

const EACH: [&str; 4] = ["--set", "server.nodes=3", "--set", "server.embedded.processes=each"];

#[test]
fn embedded_nodes_in_processes_of_their_own_are_one_server() {
    let _turn = beside_others();
    let out = tempfile::tempdir().unwrap();
    let done = run_scenario(CALM, out.path(), &[&WITHOUT_THE_RACE[..], &EACH].concat());
    assert!([0, 3].contains(&done.code), "{done:#?}");
    let run = only_run(out.path());
    let manifest: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(run.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(
        (&manifest["processes"], &manifest["status"]),
        (&4.into(), &"complete".into()),
        "{manifest:#}"
    );
    assert!(manifest["server"].as_str().unwrap().contains("a process each, 3 nodes at"), "{manifest:#}");
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("4 processes of the harness"));
    let parts = fs::read_to_string(run.join("parts.jsonl")).unwrap();
    assert!(["nacos-0", "nacos-1", "nacos-2"].iter().all(|part| parts.contains(part)), "{parts}");
    let json = done.json();
    // What one node took, all of them pushed: everybody was subscribed, and final reads from every node agree.
    for guarantee in json["guarantees"].as_array().unwrap() {
        let name = guarantee["name"].as_str().unwrap();
        if done.code == 0 || ["monotonic", "intact", "nothing-invented", "isolated"].contains(&name) {
            assert_ne!(guarantee["outcome"], "fail", "{guarantee:#}");
        }
        if done.code == 0 && name == "nothing-lost" {
            assert_eq!(guarantee["outcome"], "pass", "{guarantee:#}");
        }
    }
    let findings = json["validity"]["findings"].as_array().unwrap();
    let ramp = findings.iter().find(|finding| finding["name"] == "ramp").unwrap();
    assert!(ramp["text"].as_str().unwrap().ends_with("; 0 never were"), "{ramp:#}");
}

/// Asserts that the run has no verdict because of this process.
fn assert_has_no_verdict_by(process: u32, done: &Finished) {
    assert!(done.code == 3 && done.stdout.starts_with("INVALID"), "{done:#?}");
    assert!(done.stdout.contains(&format!("(process {process})")), "{}", done.stdout);
}

/// Asserts the same of a node's process. Whoever went from a node that is gone to another one may have found an older
/// version there, as between real nodes: then that stands above it.
fn assert_ended_by_node(process: u32, done: &Finished) {
    if done.code == 2 && done.stdout.starts_with("VIOLATED  guarantee `monotonic`") {
        assert!(done.stdout.contains(&format!("(process {process})")), "{}", done.stdout);
    } else {
        assert_has_no_verdict_by(process, done);
    }
}

#[test]
fn a_nodes_process_that_is_killed_ends_the_run_and_is_named() {
    let _turn = beside_others();
    let out = tempfile::tempdir().unwrap();
    let child = recording(TINY, out.path(), &EACH);
    let nodes = children_of(child.0.id(), "nacos-node");
    assert_eq!(nodes.len(), 3, "{nodes:?}");
    kill(nodes[1]);
    let done = Finished::from(wait_with_output(child));
    assert_ended_by_node(nodes[1], &done);
    assert!(nodes.iter().all(|id| !is_alive(*id)), "the others were ended with the run");
}

#[test]
fn processes_of_nodes_end_by_themselves_when_the_harness_is_killed() {
    let _turn = beside_others();
    let out = tempfile::tempdir().unwrap();
    let child = recording(TINY, out.path(), &EACH);
    let nodes = children_of(child.0.id(), "nacos-node");
    kill(child.0.id());
    wait_for("the nodes' end", SOON, || nodes.iter().all(|id| !is_alive(*id)).then_some(()));
    drop(child);
    let alone = finish(&["nacos-node"]);
    assert!(alone.code == 69 && alone.stderr.contains("started by `shakedown run`"), "{alone:#?}");
}

#[test]
fn a_worker_or_a_node_that_stands_still_ends_the_run_and_is_named() {
    let _turn = beside_others();
    for command in ["worker", "nacos-node"] {
        let out = tempfile::tempdir().unwrap();
        // Longer than the silence that is borne.
        let long = ["--set", "phases=[{ name: warm-up, for: 1s }, { name: steady, for: 40s }]"];
        let child = recording(CALM, out.path(), &[&TWO[..], &EACH, &long].concat());
        let frozen = children_of(child.0.id(), command)[0];
        signal("-STOP", frozen);
        let done = Finished::from(wait_with_output(child));
        if command == "worker" {
            assert_has_no_verdict_by(frozen, &done);
        } else {
            assert_ended_by_node(frozen, &done);
        }
        assert!(done.stdout.contains("has said nothing for 10"), "{}", done.stdout);
        assert!(!is_alive(frozen), "one that stands still is ended, too");
    }
}
