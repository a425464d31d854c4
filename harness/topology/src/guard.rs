//! The guard: a process of its own that ends the harness' child processes and removes its containers when the harness
//! is gone.
//!
//! The harness holds the writing end of a pipe and names in it each child's process group, and its run on the container
//! engine. When the pipe closes, however the harness ended, the guard ends what is still named. It needs no signal handler and no
//! unsafe code, and it survives `kill -9` of the harness.

use std::collections::{BTreeSet, HashSet};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::containers::{Engine, Owner, remove_all};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// How long a group may take to end after SIGTERM before it gets SIGKILL.
const GRACE: Duration = Duration::from_secs(5);

/// The guard could not be started or spoken to.
#[derive(Debug, thiserror::Error)]
#[error("cannot {attempt} the guard process that ends servers when the harness is killed")]
pub struct GuardError {
    attempt: &'static str,
    source: io::Error,
}

/// A handle to the guard process. Dropping the last one closes the pipe, and the guard ends what is left.
#[derive(Debug, Clone)]
pub struct Guard {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    pipe: Option<ChildStdin>,
    process: Child,
}

impl Guard {
    /// Starts `program guard`, which must call [`guard_main`].
    ///
    /// # Errors
    /// [`GuardError`] when it cannot be started.
    pub fn start(program: &Path) -> Result<Self, GuardError> {
        let mut process = Command::new(program)
            .arg("guard")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|source| GuardError { attempt: "start", source })?;
        let pipe = process.stdin.take();
        Ok(Self { inner: Arc::new(Mutex::new(Inner { pipe, process })) })
    }

    /// Names a process group that must not outlive the harness.
    ///
    /// # Errors
    /// [`GuardError`] when the guard is gone.
    pub fn watch(&self, group: u32) -> Result<(), GuardError> {
        self.tell(&format!("+{group}"))
    }

    /// Takes back a group that has ended.
    ///
    /// # Errors
    /// [`GuardError`] when the guard is gone.
    pub fn forget(&self, group: u32) -> Result<(), GuardError> {
        self.tell(&format!("-{group}"))
    }

    /// Names a run whose share of the container engine must not outlive the harness.
    pub(crate) fn watch_containers(&self, owner: &Owner) -> Result<(), GuardError> {
        self.tell(&format!("c{}", owner.line()))
    }

    /// Takes back a run of which nothing is left on the engine.
    pub(crate) fn forget_containers(&self, owner: &Owner) -> Result<(), GuardError> {
        self.tell(&format!("d{}", owner.line()))
    }

    fn tell(&self, line: &str) -> Result<(), GuardError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = inner.pipe.as_mut().expect("the pipe is open until the drop");
        writeln!(pipe, "{line}").map_err(|source| GuardError { attempt: "speak to", source })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.pipe.take());
        if let Err(error) = self.process.wait() {
            tracing::warn!(%error, "the guard process could not be waited for");
        }
    }
}

/// The guard's whole life: reads groups and runs from standard input, and ends the rest when it closes.
pub fn guard_main() {
    let mut groups: HashSet<Pid> = HashSet::new();
    let mut runs: BTreeSet<Owner> = BTreeSet::new();
    let as_group = |text: &str| text.parse().ok().and_then(Pid::from_raw);
    for line in BufReader::new(io::stdin().lock()).lines().map_while(Result::ok) {
        let Some((sign, rest)) = line.split_at_checked(1) else { continue };
        match (sign, as_group(rest), Owner::from_line(rest)) {
            ("+", Some(group), _) => drop(groups.insert(group)),
            ("-", Some(group), _) => drop(groups.remove(&group)),
            ("c", _, Some(run)) => drop(runs.insert(run)),
            ("d", _, Some(run)) => drop(runs.remove(&run)),
            _ => {}
        }
    }
    end_groups(&groups.into_iter().collect::<Vec<_>>());
    remove_containers(&runs);
}

/// What cannot be removed here is left for `doctor --sweep`: nobody is there any more to be told.
fn remove_containers(runs: &BTreeSet<Owner>) {
    if runs.is_empty() {
        return;
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let Ok(engine) = Engine::connect().await else { return };
        for run in runs {
            let _is_gone = remove_all(&engine, run, None).await.is_ok();
        }
    });
}

fn end_groups(groups: &[Pid]) {
    let signal = |signal| {
        for group in groups {
            // A group that is gone already is what is wanted.
            let _is_there = kill_process_group(*group, signal).is_ok();
        }
    };
    signal(Signal::TERM);
    // A group that a fault paused hears it only when it goes on.
    signal(Signal::CONT);
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline && groups.iter().any(|group| test_kill_process_group(*group).is_ok()) {
        std::thread::sleep(Duration::from_millis(50));
    }
    signal(Signal::KILL);
}
