//! How a run ends when it does not end by itself.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Finished, Reaped, TINY, finish, one_run_at_a_time, only_run, shakedown, wait_for};

const SOON: Duration = Duration::from_secs(30);

fn start(out: &Path, args: &[&str]) -> Reaped {
    let mut command = shakedown();
    command.args(["run", TINY, "--out", out.to_str().unwrap()]).args(args);
    Reaped(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

fn signal(child: &Reaped, name: &str) {
    let done = Command::new("kill").args([format!("-{name}"), child.0.id().to_string()]).status().unwrap();
    assert!(done.success());
}

fn wait(mut child: Reaped) -> Finished {
    use std::io::Read;
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

#[test]
fn ctrl_c_keeps_the_partial_run_and_marks_it() {
    let _turn = one_run_at_a_time();
    let dir = tempfile::tempdir().unwrap();
    let child = start(dir.path(), &[]);
    wait_until_under_way(dir.path());
    signal(&child, "INT");
    let done = wait(child);
    assert_eq!(done.code, 130, "{done:#?}");
    let run = only_run(dir.path());
    assert!(fs::read_to_string(run.join("manifest.json")).unwrap().contains("interrupted"));
    assert!(fs::read_to_string(run.join("report.html")).unwrap().contains("interrupted"));
}

/// A server home whose server serves our embedded Nacos and leaves its process id behind.
fn home_of_our_own(dir: &Path) -> String {
    fs::create_dir(dir.join("bin")).unwrap();
    let start = dir.join("bin/start");
    let script = format!(
        "#!/bin/sh\necho $$ > {pid}\nexec {program} serve nacos --port \"$1\" --data \"$2\"\n",
        pid = dir.join("pid").display(),
        program = env!("CARGO_BIN_EXE_shakedown"),
    );
    fs::write(&start, script).unwrap();
    fs::set_permissions(&start, fs::Permissions::from_mode(0o755)).unwrap();
    dir.to_str().unwrap().to_owned()
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
    let _turn = one_run_at_a_time();
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
    let _turn = one_run_at_a_time();
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
