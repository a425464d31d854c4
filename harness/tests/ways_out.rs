//! How a run ends when it does not end by itself.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{
    CALM, Finished, Reaped, TINY, beside_others, finish, home_with, only_run, shakedown,
    shakedown_on_a_full_disk, wait_for,
};

const SOON: Duration = Duration::from_secs(30);

fn start(out: &Path, args: &[&str]) -> Reaped {
    start_with(TINY, out, args)
}

fn start_with(scenario: &str, out: &Path, args: &[&str]) -> Reaped {
    let mut command = shakedown();
    command.args(["run", scenario, "--out", out.to_str().unwrap()]).args(args);
    Reaped(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

fn signal(child: &Reaped, name: &str) {
    let done = Command::new("kill").args([format!("-{name}"), child.0.id().to_string()]).status().unwrap();
    assert!(done.success());
}

fn wait(mut child: Reaped) -> Finished {
    let (mut stdout, mut stderr) = (String::new(), String::new());
    // Both are small, and standard error is read to its end first.
    child.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    child.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    let code = child.0.wait().unwrap().code().unwrap_or(-1);
    Finished { code, stdout, stderr }
}

/// A run is under way once the first deliveries are on disk.
fn wait_until_under_way(out: &Path) {
    wait_for("the first recorded events", SOON, || {
        let run = fs::read_dir(out).ok()?.next()?.ok()?.path();
        (fs::metadata(run.join("history.bin")).ok()?.len() > 4096).then_some(())
    });
}

/// Reads progress until a line holds `part`.
fn wait_until_said(child: &mut Reaped, part: &str) {
    let stderr = child.0.stderr.as_mut().unwrap();
    let mut said = String::new();
    while !said.contains(part) {
        let mut byte = [0];
        assert_eq!(stderr.read(&mut byte).unwrap(), 1, "`{part}` was never said:\n{said}");
        said.push(char::from(byte[0]));
    }
}

fn is_marked_interrupted(out: &Path) -> bool {
    fs::read_to_string(only_run(out).join("manifest.json")).unwrap().contains("\"interrupted\"")
}

#[test]
fn ctrl_c_during_a_fault_heals_it_and_keeps_the_partial_run() {
    let _turn = beside_others();
    let dir = tempfile::tempdir().unwrap();
    let mut child = start(dir.path(), &["--json"]);
    wait_until_said(&mut child, "fault jitter (latency) in force");
    signal(&child, "INT");
    let done = wait(child);
    assert_eq!(done.code, 130, "{done:#?}");
    assert!(
        done.stderr.contains("stopping") && done.stderr.contains("fault jitter healed"),
        "{}",
        done.stderr
    );
    assert_eq!(done.json()["verdict"], "interrupted");
    assert!(is_marked_interrupted(dir.path()));
    let run = only_run(dir.path());
    assert!(fs::read_to_string(run.join("report.html")).unwrap().contains("interrupted"));
}

#[test]
fn ctrl_c_in_the_set_up_stops_what_was_started() {
    let (out, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let pid = home.path().join("pid");
    let nacos = home_with(home.path(), &format!("echo $$ > {}\nexec sleep 600", pid.display()));
    let child = start(out.path(), &["--backend", "process", "--nacos-home", &nacos]);
    let server = wait_for("the server's start", SOON, || server_pid(home.path()));
    signal(&child, "INT");
    let done = wait(child);
    assert_eq!(done.code, 130, "{done:#?}");
    assert!(done.stderr.contains("before the first phase"), "{}", done.stderr);
    assert!(!is_alive(server) && is_marked_interrupted(out.path()));
}

#[test]
fn sigterm_in_the_drain_ends_it_with_the_outputs_closed() {
    let _turn = beside_others();
    let dir = tempfile::tempdir().unwrap();
    // A forgotten watcher never converges, so the drain lasts.
    let overrides = [
        "server.embedded.defect=forget-watcher",
        "phases=[{ name: warm-up, for: 1s }, { name: steady, for: 2s }]",
    ];
    let args = overrides.map(|one| ["--set", one]).concat();
    let mut child = start_with(CALM, dir.path(), &args);
    wait_until_said(&mut child, "phase drain");
    drop((child.0.stdout.take(), child.0.stderr.take()));
    signal(&child, "TERM");
    let status = wait_for("the end", SOON, || child.0.try_wait().unwrap());
    assert_eq!(status.code(), Some(130));
    assert!(is_marked_interrupted(dir.path()) && only_run(dir.path()).join("report.html").is_file());
}

#[test]
fn ctrl_c_twice_ends_at_once_and_leaves_no_server_behind() {
    let _turn = beside_others();
    let (out, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let nacos = home_of_our_own(home.path());
    let mut child = start(out.path(), &["--backend", "process", "--nacos-home", &nacos]);
    wait_until_under_way(out.path());
    let server = server_pid(home.path()).expect("the server left its id");
    signal(&child, "INT");
    wait_until_said(&mut child, "stopping");
    signal(&child, "INT");
    assert_eq!(wait(child).code, 130);
    wait_for("the server's end", SOON, || (!is_alive(server)).then_some(()));
}

#[test]
fn a_disk_that_fills_up_ends_the_run_with_a_verdict_on_what_was_written() {
    let _turn = beside_others();
    let dir = tempfile::tempdir().unwrap();
    let mut run = shakedown_on_a_full_disk(40);
    run.args(["run", TINY, "--out", dir.path().to_str().unwrap()]);
    let done = Finished::from(run.output().unwrap());
    assert_eq!(done.code, 3, "{done:#?}");
    assert!(done.stdout.starts_with("INVALID") && done.stdout.contains("publishes acked"), "{}", done.stdout);
    for part in ["the history cannot be written", "--out", "make room", "shakedown check"] {
        assert!(done.stderr.contains(part), "`{part}` is missing in:\n{}", done.stderr);
    }
}

/// A server home whose server serves our embedded Nacos and leaves its process id behind.
fn home_of_our_own(dir: &Path) -> String {
    let (pid, program) = (dir.join("pid"), env!("CARGO_BIN_EXE_shakedown"));
    home_with(
        dir,
        &format!("echo $$ > {}\nexec {program} serve nacos --port \"$1\" --data \"$2\"", pid.display()),
    )
}

fn server_pid(home: &Path) -> Option<u32> {
    fs::read_to_string(home.join("pid")).ok()?.trim().parse().ok()
}

fn is_alive(pid: u32) -> bool {
    // A zombie is dead: only its parent has not looked yet.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn kill_9_leaves_no_server_behind() {
    let _turn = beside_others();
    let (out, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let nacos = home_of_our_own(home.path());
    let child = start(out.path(), &["--backend", "process", "--nacos-home", &nacos]);
    wait_until_under_way(out.path());
    let server = server_pid(home.path()).expect("the server left its id");
    assert!(is_alive(server));
    signal(&child, "KILL");
    wait_for("the server's end", SOON, || (!is_alive(server)).then_some(()));
    drop(child);
    let judged = finish(&["check", only_run(out.path()).to_str().unwrap()]);
    assert_eq!(judged.code, 3, "a killed run has no verdict: {judged:#?}");
}

#[test]
fn a_server_that_dies_in_the_middle_ends_the_run_with_what_was_measured() {
    let _turn = beside_others();
    let (out, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let nacos = home_of_our_own(home.path());
    let child = start(out.path(), &["--backend", "process", "--nacos-home", &nacos]);
    wait_until_under_way(out.path());
    let server = server_pid(home.path()).expect("the server left its id");
    let done = Command::new("kill").args(["-9", &server.to_string()]).status().unwrap();
    assert!(done.success());
    let done = wait(child);
    assert_eq!(done.code, 3, "{done:#?}");
    assert!(done.stderr.contains("nacos node 0 ended"), "{}", done.stderr);
    assert!(done.stdout.starts_with("INVALID") && done.stdout.contains("publishes acked"), "{}", done.stdout);
    assert!(fs::metadata(only_run(out.path()).join("report.html")).is_ok());
}

#[test]
fn a_taken_port_is_named_with_what_to_do() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap().to_string();
    let done = finish(&["serve", "proxy", "--api", &address]);
    assert_eq!(done.code, 69, "{done:#?}");
    assert!(done.stderr.contains(&address), "{}", done.stderr);
}

#[test]
fn an_output_folder_that_cannot_be_written_is_named() {
    let done = finish(&["run", TINY, "--out", "/proc/none-such"]);
    assert_eq!(done.code, 69, "{done:#?}");
    assert!(done.stderr.contains("/proc/none-such"), "{}", done.stderr);
}
