//! Starting the command, waiting for conditions with deadlines, and one run at a time.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

static RUNS: RwLock<()> = RwLock::new(());

/// For a run whose verdict must be a pass: other runs would take part of what it measures, so there are none meanwhile.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    RUNS.write().unwrap_or_else(PoisonError::into_inner)
}

/// For a run that proves something at any speed: what it violates, or how it ends.
pub(crate) fn beside_others() -> RwLockReadGuard<'static, ()> {
    RUNS.read().unwrap_or_else(PoisonError::into_inner)
}

/// The command, with nothing of the caller's environment that would change what it does.
pub(crate) fn shakedown() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shakedown"));
    command.current_dir(repository()).env_remove("NACOS_HOME").env_remove("TOXIPROXY_HOME");
    command.stdin(Stdio::null());
    command
}

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The scenario that tests run.
pub(crate) const TINY: &str = "scenarios/smoke/tiny.yaml";

/// The same without a fault: planted defects of the server need none to show, and some hide behind one.
pub(crate) const CALM: &str = "scenarios/smoke/calm.yaml";

/// Who loses the long poll's race waits 29.5 s for the poll's end. On a loaded machine somebody does, and the tiny
/// scenario is over by then: what must converge there runs without that race.
pub(crate) const WITHOUT_THE_RACE: [&str; 2] = ["--set", "server.embedded.poll-registers-late=false"];

/// What a finished command left.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// The one JSON object on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self:#?}"))
    }
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs the command to its end.
pub(crate) fn finish(args: &[&str]) -> Finished {
    shakedown().args(args).output().expect("the command starts").into()
}

/// Runs a scenario with `--json` and further arguments.
pub(crate) fn run_scenario(scenario: &str, out: &Path, args: &[&str]) -> Finished {
    let out = out.to_str().expect("a temporary directory has a UTF-8 name");
    let mut all = vec!["run", scenario, "--json", "--out", out];
    all.extend(args);
    finish(&all)
}

/// Runs a scenario given as text, in `dir` and beside other runs.
pub(crate) fn run_text(text: &str, dir: &Path) -> Finished {
    let file = dir.join("scenario.yaml");
    std::fs::write(&file, text).unwrap();
    let _turn = beside_others();
    run_scenario(file.to_str().expect("a temporary directory has a UTF-8 name"), &dir.join("runs"), &[])
}

/// The same, of a run that passes. On a busy machine it may be invalid (3); what it saw is judged all the same.
pub(crate) fn judge_text(text: &str, dir: &Path) -> (Finished, PathBuf) {
    let done = run_text(text, dir);
    assert!([0, 3].contains(&done.code), "{done:#?}");
    (done, only_run(&dir.join("runs")))
}

/// The only run directory below `out`.
pub(crate) fn only_run(out: &Path) -> PathBuf {
    let mut runs: Vec<PathBuf> = std::fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs.pop().unwrap()
}

/// Waits until `ready` gives something, at most `limit`.
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut ready: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = ready() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not happen within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Makes a server home below `dir` whose `bin/start` is this shell script.
pub(crate) fn home_with(dir: &Path, script: &str) -> String {
    let start = dir.join("bin/start");
    std::fs::create_dir(dir.join("bin")).unwrap();
    std::fs::write(&start, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&start, std::fs::Permissions::from_mode(0o755)).unwrap();
    dir.to_str().unwrap().to_owned()
}

/// The command on a disk that is full for every file beyond `blocks` of 512 bytes (1 KiB in some shells).
pub(crate) fn shakedown_on_a_full_disk(blocks: u32) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f $0; exec \"$@\"", &blocks.to_string()]);
    command.arg(env!("CARGO_BIN_EXE_shakedown")).current_dir(repository()).stdin(Stdio::null());
    command
}

/// A child process that does not outlive its test.
#[derive(Debug)]
pub(crate) struct Reaped(pub(crate) Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
